//! Backups that may be copied anywhere, and a key ring that may not.
//!
//! ```text
//! archive   recording id → sealed sound, words, correction     no key, no time, no name: worth nothing alone
//! key ring  everything else: people, seals, rows, tombstones, access log     replaced each time, never versioned
//! ```
//!
//! What is erased loses its seal in the journal and so in the next key ring: an old archive with today's ring does not
//! open it, and restoring skips every tombstone of the ring and of the journal restored into. Whoever keeps old key
//! rings keeps what was erased since; that is why the ring is one small file that is written over.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, params};
use thiserror::Error;

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::keys;
use crate::record::Owner;
use crate::store::{FILE, Keeper, Lasting, OpenError, StoreError, private_file};
use crate::{Change, Journal, Options, schema};

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    pub recordings: u64,
    pub archive_bytes: u64,
    pub key_ring_bytes: u64,
}

/// What a restore brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Recordings that were not there before and now are.
    pub recordings: u64,
    /// Of those in the archive, erased since: not brought back.
    pub erased: u64,
    /// Known to the key ring, but not in this archive (recorded after it was made): they are gone.
    pub missing: u64,
}

/// Why a backup or a restore did not work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    #[error("{path} cannot be written; name a file in a directory that you own")]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} cannot be read as a backup; check that it is the right file and whole")]
    Read { path: PathBuf, source: rusqlite::Error },
    #[error("there is no file {path}")]
    Missing { path: PathBuf },
    #[error("archive and key ring must be two files, kept apart")]
    SameFile,
    #[error("the key ring {path} belongs to another household than the journal in the data directory")]
    OtherHousehold { path: PathBuf },
    #[error("the archive {path} belongs to another household than the key ring")]
    OtherArchive { path: PathBuf },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        BackupError::Store(error.into())
    }
}

const ARCHIVE: &str = "
    CREATE TABLE archive.about (household BLOB NOT NULL, made INTEGER NOT NULL);
    CREATE TABLE archive.pieces (recording BLOB PRIMARY KEY, sound BLOB NOT NULL, words BLOB NOT NULL, correction BLOB);
";

/// The tables of the key ring: all but the ciphertext, which is the archive's, and invitations, which are for now.
const RING: [&str; 18] = [
    "facts",
    "people",
    "passkeys",
    "house",
    "house_seals",
    "area_keep",
    "satellite_owner",
    "guardians",
    "labels",
    "recordings",
    "seals",
    "erasures",
    "tombstones",
    "access",
    "head",
    "clips",
    "review_seals",
    "sqlite_sequence",
];

impl Journal {
    /// Writes a backup while the hub goes on: an archive of ciphertext to `archive`, and over `key_ring` the keys.
    pub fn backup(&self, archive: &Path, key_ring: &Path, now: Timestamp) -> Result<BackedUp, BackupError> {
        if archive == key_ring {
            return Err(BackupError::SameFile);
        }
        let (new_archive, new_ring) = (beside(archive), beside(key_ring));
        for path in [&new_archive, &new_ring] {
            let _ = fs::remove_file(path);
            private_file(path).map_err(|source| BackupError::Write { path: path.clone(), source })?;
        }
        let mut ring = Connection::open(&new_ring)?;
        schema::migrate(&mut ring, &new_ring)?;
        drop(ring);
        let recordings = self.copy_out(&new_archive, &new_ring, now)?;
        self.store().write(Lasting::Disk, |transaction| -> Result<(), StoreError> {
            let note =
                Note::counted(now, Actor::Hub, Act::BackedUp, Purpose::Upkeep, Owner::House, recordings);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        let archive_bytes = put(&new_archive, archive)?;
        let old_ring = fs::File::options().write(true).open(key_ring);
        let key_ring_bytes = put(&new_ring, key_ring)?;
        if let Ok(old_ring) = old_ring {
            overwrite(old_ring);
        }
        Ok(BackedUp { recordings, archive_bytes, key_ring_bytes })
    }

    /// One read transaction over the journal, written to the two files.
    fn copy_out(&self, archive: &Path, ring: &Path, now: Timestamp) -> Result<u64, BackupError> {
        let mut connection = self.store().aside()?;
        attach(&connection, archive, "archive")?;
        attach(&connection, ring, "ring")?;
        connection.execute_batch("PRAGMA archive.journal_mode = OFF; PRAGMA ring.journal_mode = OFF")?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(ARCHIVE)?;
        transaction.execute(
            "INSERT INTO archive.about (household, made) VALUES (?1, ?2)",
            params![household(&self.verifying_key()), now.as_millisecond()],
        )?;
        // In the order of the random ids, so that the archive does not tell in which order things were said.
        let recordings = transaction.execute(
            "INSERT INTO archive.pieces (recording, sound, words, correction)
             SELECT recording, sounds.sealed, words.sealed, corrections.sealed
             FROM main.recordings JOIN main.sounds USING (n) JOIN main.words USING (n)
             LEFT JOIN main.corrections USING (n) WHERE n NOT IN (SELECT n FROM main.doomed) ORDER BY recording",
            [],
        )?;
        for table in RING {
            if table == "sqlite_sequence" {
                transaction.execute_batch("DELETE FROM ring.sqlite_sequence")?;
            }
            transaction.execute_batch(&format!("INSERT INTO ring.{table} SELECT * FROM main.{table}"))?;
        }
        // What was erased a moment ago and is not cleared away yet.
        transaction.execute_batch(
            "INSERT OR IGNORE INTO ring.tombstones SELECT recording, erasure
                 FROM main.recordings JOIN main.doomed USING (n) WHERE erasure IS NOT NULL;
             DELETE FROM ring.recordings WHERE n IN (SELECT n FROM main.doomed);",
        )?;
        transaction.commit()?;
        Ok(recordings as u64)
    }

    /// Brings a backup back into `dir`: a directory without a journal, or one with the same household's. The hub must
    /// not be running. Nothing that was erased, as the key ring or the journal there know it, comes back.
    pub fn restore(
        dir: &Path,
        archive: &Path,
        key_ring: &Path,
        options: Options,
        now: Timestamp,
    ) -> Result<Restored, BackupError> {
        for path in [archive, key_ring] {
            if !path.is_file() {
                return Err(BackupError::Missing { path: path.to_owned() });
            }
        }
        if !dir.join(FILE).exists() {
            install(dir, key_ring)?;
        }
        let journal = Journal::open_as(dir, options, now, Keeper::Hub)?;
        // Tombstones first, of what was erased and not cleared away yet.
        journal.scrub(usize::MAX >> 1)?;
        let restored = journal.copy_in(archive, key_ring, now)?;
        journal.store().truncate_wal()?;
        journal.announce(Change::Altered);
        Ok(restored)
    }

    fn copy_in(&self, archive: &Path, ring: &Path, now: Timestamp) -> Result<Restored, BackupError> {
        let mut connection = self.store().aside()?;
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| BackupError::Read { path, source }
        };
        attach(&connection, archive, "archive").map_err(unreadable(archive))?;
        attach(&connection, ring, "ring").map_err(unreadable(ring))?;
        let transaction = connection.transaction()?;
        let signing: [u8; 32] = transaction
            .query_row("SELECT value FROM ring.facts WHERE name = 'signing key'", [], |row| row.get(0))
            .map_err(unreadable(ring))?;
        if signing != self.signing().to_bytes() {
            return Err(BackupError::OtherHousehold { path: ring.to_owned() });
        }
        let of: [u8; 32] = transaction
            .query_row("SELECT household FROM archive.about", [], |row| row.get(0))
            .map_err(unreadable(archive))?;
        if of != household(&self.verifying_key()) {
            return Err(BackupError::OtherArchive { path: archive.to_owned() });
        }
        let restored = merge(&transaction)?;
        let note =
            Note::counted(now, Actor::Hub, Act::Restored, Purpose::Upkeep, Owner::House, restored.recordings);
        access::append(&transaction, self.signing(), &note)?;
        transaction.commit()?;
        Ok(restored)
    }
}

/// Everything of the ring that this journal does not have and has not erased; then the ciphertext to it.
fn merge(transaction: &Transaction<'_>) -> rusqlite::Result<Restored> {
    let count =
        |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|count| count as u64);
    transaction.execute_batch(
        "INSERT OR IGNORE INTO main.tombstones SELECT * FROM ring.tombstones;
         INSERT OR IGNORE INTO main.erasures SELECT * FROM ring.erasures;
         INSERT OR IGNORE INTO main.labels (text) SELECT text FROM ring.labels;",
    )?;
    let erased = count(
        "SELECT count(*) FROM archive.pieces WHERE recording IN (SELECT recording FROM main.tombstones)",
    )?;
    let before = count("SELECT count(*) FROM main.recordings JOIN main.sounds USING (n)")?;
    // Only what its owner can still open: the person lives here with the same key, or the house has the same key.
    transaction.execute_batch(
        "CREATE TEMP TABLE back AS SELECT old.* FROM ring.recordings AS old
             WHERE old.recording NOT IN (SELECT recording FROM main.tombstones)
             AND old.recording NOT IN (SELECT recording FROM main.recordings)
             AND (old.owner IN (SELECT mine.person FROM main.people AS mine JOIN ring.people AS theirs
                                USING (person) WHERE mine.gone IS NULL AND mine.public = theirs.public)
                  OR old.owner = zeroblob(16)
                     AND (SELECT public FROM main.house) = (SELECT public FROM ring.house));
         INSERT INTO main.recordings (recording, owner, attributed, at, area, satellite, outcome, length, expires,
                                      ceiling, print)
             SELECT recording, owner, attributed, at,
                    (SELECT here.label FROM main.labels AS here JOIN ring.labels AS there USING (text)
                     WHERE there.label = area),
                    (SELECT here.label FROM main.labels AS here JOIN ring.labels AS there USING (text)
                     WHERE there.label = satellite),
                    outcome, length, expires, ceiling, print FROM back;
         INSERT INTO main.seals (owner, n, form, sealed)
             SELECT recordings.owner, recordings.n, seals.form, seals.sealed
             FROM back JOIN ring.seals AS seals ON seals.owner = back.owner AND seals.n = back.n
             JOIN main.recordings AS recordings ON recordings.recording = back.recording;
         DROP TABLE back;
         CREATE TEMP TABLE bare AS SELECT n, recording, print FROM main.recordings
             WHERE n NOT IN (SELECT n FROM main.sounds);",
    )?;
    // A recording that changed hands after the archive was made has another key and so another print.
    for (table, piece) in [("sounds", "sound"), ("words", "words"), ("corrections", "correction")] {
        transaction.execute_batch(&format!(
            "INSERT OR IGNORE INTO main.{table} (n, sealed)
             SELECT bare.n, pieces.{piece} FROM bare JOIN archive.pieces AS pieces USING (recording)
             WHERE pieces.{piece} IS NOT NULL AND bare.print = substr(pieces.sound, 1, 16)",
        ))?;
    }
    let missing = transaction.execute(
        "DELETE FROM main.recordings WHERE n IN (SELECT n FROM bare) AND n NOT IN (SELECT n FROM main.sounds)",
        [],
    )? as u64;
    transaction.execute_batch(
        "DELETE FROM main.seals WHERE n NOT IN (SELECT n FROM main.recordings);
         DELETE FROM main.review_seals WHERE n NOT IN (SELECT n FROM main.recordings);
         DELETE FROM main.clips WHERE n NOT IN (SELECT n FROM main.recordings);
         DROP TABLE bare;",
    )?;
    let after = count("SELECT count(*) FROM main.recordings JOIN main.sounds USING (n)")?;
    Ok(Restored { recordings: after - before, erased, missing })
}

/// Which household an archive is of, without telling it.
fn household(verifying_key: &[u8; 32]) -> [u8; 32] {
    keys::digest(&[b"household", verifying_key])
}

fn attach(connection: &Connection, path: &Path, name: &str) -> rusqlite::Result<()> {
    connection.execute(&format!("ATTACH ?1 AS {name}"), [path.to_string_lossy()])?;
    // Nothing is read before the first query; this finds out whether it is a database at all.
    connection.query_row(&format!("SELECT count(*) FROM {name}.sqlite_schema"), [], |_| Ok(()))
}

/// A key ring is a journal without its ciphertext: in an empty directory it becomes the journal.
fn install(dir: &Path, ring: &Path) -> Result<(), BackupError> {
    let path = dir.join(FILE);
    let failed = |source| BackupError::Write { path: path.clone(), source };
    let probe = Connection::open_with_flags(ring, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|probe| probe.query_row("SELECT count(*) FROM facts", [], |row| row.get::<_, i64>(0)));
    probe.map_err(|source| BackupError::Read { path: ring.to_owned(), source })?;
    crate::store::make_private_dir(dir).map_err(failed)?;
    let mut to = private_file(&path).map_err(failed)?;
    let mut from = fs::File::open(ring).map_err(failed)?;
    io::copy(&mut from, &mut to).map_err(failed)?;
    to.sync_all().map_err(failed)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Puts a whole new file in the place of an old one; gives its size.
fn put(from: &Path, to: &Path) -> Result<u64, BackupError> {
    let failed = |source| BackupError::Write { path: to.to_owned(), source };
    let file = private_file(from).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    fs::rename(from, to).map_err(failed)?;
    Ok(bytes)
}

/// Overwrites an old key ring, once its successor is in its place, as well as the file system allows.
fn overwrite(mut ring: fs::File) {
    let Ok(length) = ring.metadata().map(|metadata| metadata.len()) else { return };
    let _ = io::copy(&mut io::repeat(0).take(length), &mut ring).and_then(|_| ring.sync_all());
}
