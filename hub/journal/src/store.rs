//! The database under the journal: one SQLite file in WAL mode, one writer, a few readers.
//!
//! What a thief could find is decided here: deleted rows are overwritten (`secure_delete`), temporary tables stay
//! in memory, files are readable by the hub's user only. Deliberately absent: any knowledge of what the rows mean.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use thiserror::Error;

use crate::checkpoint::Checkpoints;
use crate::schema;

/// The database's name in the hub's data directory.
pub(crate) const FILE: &str = "journal.db";
/// Held by the one process that keeps the journal (the hub), for as long as it runs.
const LOCK: &str = "journal.lock";
/// There while the journal is open; found at the next start, it says that the last one did not end well.
const OPEN_MARK: &str = "journal.open";
/// Zeros that are given back to a full disk, so that what must be erased can be.
const RESERVE: &str = "journal.reserve";
/// An erasure writes no more than this before it gives room back: some pages of tombstones and of the WAL.
const RESERVE_BYTES: usize = 4 * 1024 * 1024;
/// With less room than this left on the disk, the reserve is not taken.
const ROOMY: u64 = 16 * RESERVE_BYTES as u64;

/// Why the database could not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("the disk is full, or the journal has reached its limit; erase recordings or free some space")]
    Full,
    #[error("another program holds the journal; try again in a moment")]
    Busy,
    #[error("the journal's file is damaged; stop the hub and restore a backup")]
    Damaged,
    #[error("the journal's disk cannot be written; check that the data directory is writable")]
    ReadOnly,
    #[error("the disk does not confirm what is written to it; look at its health")]
    Unconfirmed(#[source] io::Error),
    #[error("the journal's database failed")]
    Sql(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                StoreError::ReadOnly
            }
            _ => StoreError::Sql(error),
        }
    }
}

/// Why the journal could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("the data directory {path} cannot be made or written; create it and give it to the hub's user")]
    Directory { path: PathBuf, source: io::Error },
    #[error("another hub already keeps the journal in {path}; stop it first, or use another data directory")]
    AlreadyOpen { path: PathBuf },
    #[error(
        "the journal in {path} was written by a newer Sotto (shape {found}, this one knows {known}); upgrade"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error(
        "there is no journal in {path}; start `sotto-hub run` once, or name another directory with --data"
    )]
    Missing { path: PathBuf },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        OpenError::Store(error.into())
    }
}

/// Whether a change must survive a power cut before the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Survives the end of this process; a power cut may take the last second's.
    Process,
    /// On the disk when the call returns: access records, erasures, keys.
    Disk,
}

pub(crate) struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// Held while the WAL is moved or cut.
    checkpoint_turn: Arc<Mutex<()>>,
    /// The keeper's; a command beside the hub leaves it to SQLite and to the hub.
    checkpoints: Option<Checkpoints>,
    /// Held while this process is the journal's keeper; released by the operating system however it ends.
    lock: Option<File>,
    ended_badly: bool,
}

impl Store {
    /// Opens or makes the database in `dir`. `limit` bounds the file, in bytes.
    pub(crate) fn open(dir: &Path, limit: Option<u64>, keeper: Keeper) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Directory { path: dir.to_owned(), source };
        let path = dir.join(FILE);
        if keeper == Keeper::Visitor && !path.exists() {
            return Err(OpenError::Missing { path: dir.to_owned() });
        }
        make_private_dir(dir).map_err(failed)?;
        let lock = private_file(&dir.join(LOCK)).map_err(failed)?;
        let lock = match (lock.try_lock(), keeper) {
            (Ok(()), _) => Some(lock),
            (Err(_), Keeper::Hub) => return Err(OpenError::AlreadyOpen { path: dir.to_owned() }),
            (Err(_), Keeper::Visitor) => None,
        };
        let mark = dir.join(OPEN_MARK);
        let ended_badly = lock.is_some() && mark.exists();
        if lock.is_some() {
            private_file(&mark).map_err(failed)?;
        }
        if !path.exists() {
            // Not otherwise: closing a second handle would drop the locks that SQLite holds on the first.
            private_file(&path).map_err(failed)?;
        }
        let mut writer = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::migrate(&mut writer, &path)?;
        if let Some(limit) = limit {
            let size: i64 = writer.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let pages = (limit / size.max(512) as u64).max(1);
            writer.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        let checkpoint_turn = Arc::<Mutex<()>>::default();
        let checkpoints = match lock {
            Some(_) => {
                writer.pragma_update(None, "wal_autocheckpoint", 0)?;
                Some(Checkpoints::begin(&path, checkpoint_turn.clone())?)
            }
            None => None,
        };
        let (writer, readers) = (Mutex::new(writer), Mutex::default());
        let store = Store { path, writer, readers, checkpoint_turn, checkpoints, lock, ended_badly };
        store.keep_reserve();
        Ok(store)
    }

    /// Lays the reserve aside while there is plenty of room.
    #[allow(clippy::unnecessary_cast, reason = "32-bit systems count blocks in fewer bits")]
    pub(crate) fn keep_reserve(&self) {
        let reserve = self.path.with_file_name(RESERVE);
        let full = fs::metadata(&reserve).is_ok_and(|file| file.len() == RESERVE_BYTES as u64);
        let roomy = nix::sys::statvfs::statvfs(&self.path)
            .is_ok_and(|disk| disk.blocks_available() as u64 * disk.fragment_size() as u64 >= ROOMY);
        if self.keeper() && !full && roomy {
            let laid = private_file(&reserve).and_then(|mut file| {
                file.set_len(0)?;
                file.write_all(&vec![0; RESERVE_BYTES])?;
                file.sync_all()
            });
            if let Err(error) = laid {
                tracing::warn!(%error, "no room could be laid aside for erasing on a full disk");
            }
        }
    }

    /// Gives the reserve back to the disk; `false` when there is none.
    pub(crate) fn give_reserve_back(&self) -> bool {
        fs::remove_file(self.path.with_file_name(RESERVE)).is_ok()
    }

    /// Where the journal's files lie.
    pub(crate) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Whether the process that had it before ended without closing it.
    pub(crate) fn ended_badly(&self) -> bool {
        self.ended_badly
    }

    /// Whether this process is the one that keeps the journal.
    pub(crate) fn keeper(&self) -> bool {
        self.lock.is_some()
    }

    /// One change: all of it or nothing of it, whenever the process ends.
    pub(crate) fn write<T, E: From<rusqlite::Error>>(
        &self,
        lasting: Lasting,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = self.writer();
        writer.pragma_update(
            None,
            "synchronous",
            if lasting == Lasting::Disk { "FULL" } else { "NORMAL" },
        )?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = change(&transaction)?;
        transaction.commit()?;
        drop(writer);
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.signal();
        }
        Ok(done)
    }

    /// One consistent look at the database, beside whatever is being written.
    pub(crate) fn read<T, E: From<rusqlite::Error>>(
        &self,
        look: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let spare = lock(&self.readers).pop();
        let mut reader = match spare {
            Some(reader) => reader,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let seen = {
            let transaction = reader.transaction()?;
            look(&transaction)?
        };
        lock(&self.readers).push(reader);
        Ok(seen)
    }

    /// Waits until everything committed before is on the disk. Keeps nobody from writing meanwhile.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let mut wal = self.path.clone().into_os_string();
        wal.push("-wal");
        // SQLite holds no lock on this file, so that closing it drops none. Without one, everything is in the main file.
        match File::open(wal) {
            Ok(wal) => wal.sync_data().map_err(StoreError::Unconfirmed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::Unconfirmed(error)),
        }
    }

    /// Moves everything into the main file and cuts the WAL to nothing, so that what was deleted is not in it
    /// either. `false` when a reader was in the way; the next sweep tries again.
    pub(crate) fn truncate_wal(&self) -> Result<bool, StoreError> {
        let _turn = lock(&self.checkpoint_turn);
        let writer = self.writer();
        writer.pragma_update(None, "synchronous", "FULL")?;
        let busy: i64 = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }

    /// A connection of its own, for work that attaches other files.
    pub(crate) fn aside(&self) -> Result<Connection, StoreError> {
        Ok(connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
    }

    /// SQLite's own look through the whole file; `Damaged` if anything is out of place.
    pub(crate) fn check_integrity(&self) -> Result<(), StoreError> {
        let reader = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let verdict: String = reader.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged) }
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        lock(&self.writer)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.checkpoints = None;
        if self.lock.is_some() && self.truncate_wal().is_ok() {
            // Left behind, it costs one integrity check at the next start.
            let _ = fs::remove_file(self.path.with_file_name(OPEN_MARK));
        }
    }
}

/// Who opens the journal: the hub that keeps it, or a command beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    Hub,
    Visitor,
}

pub(crate) fn connect(path: &Path, access: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    if access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    }
    connection.execute_batch(
        "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; PRAGMA trusted_schema = OFF",
    )?;
    Ok(connection)
}

/// A mutex whose holder panicked still guards sound data: SQLite rolls its transaction back.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// A file that only the hub's user can read, made if it is not there.
#[cfg(unix)]
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
