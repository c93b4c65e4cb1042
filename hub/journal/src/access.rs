//! The access log: who did what with whose recordings, why and when, each entry chained to the one before.
//!
//! `append → commit → Grant → decryption spends it`. The hash of an entry covers the entry before, so a changed or
//! removed one breaks every later hash; the last hash is signed ([`Head`]) and the satellites keep it, so a log that
//! is cut short or rewritten whole shows too. Deliberately absent: anything of what was said, and a way to make a
//! [`Grant`] without an entry on the disk.

use ed25519_dalek::{Signer, SigningKey};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::RecordingId;

use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::head::{Head, read_head};
use crate::keys;
use crate::person::Person;
use crate::record::Owner;
use crate::store::{Lasting, StoreError};
use crate::{Journal, timestamp};

/// One entry of the log, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRecord {
    /// Counts from 1 without a gap.
    pub seq: u64,
    pub at: Timestamp,
    pub actor: Actor,
    pub act: Act,
    pub why: Purpose,
    /// Whose recordings it is about.
    pub subject: Owner,
    /// Which, when they are few; a search or an erasure of thousands gives the count only.
    pub recordings: Vec<RecordingId>,
    pub count: u64,
}

/// What is about to be written.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) at: Timestamp,
    pub(crate) actor: Actor,
    pub(crate) act: Act,
    pub(crate) why: Purpose,
    pub(crate) subject: Owner,
    pub(crate) recordings: Vec<RecordingId>,
    pub(crate) count: u64,
}

impl Note {
    pub(crate) fn about(
        at: Timestamp,
        actor: Actor,
        act: Act,
        why: Purpose,
        subject: Owner,
        recordings: Vec<RecordingId>,
    ) -> Self {
        let count = recordings.len() as u64;
        Note { at, actor, act, why, subject, recordings, count }
    }

    pub(crate) fn counted(
        at: Timestamp,
        actor: Actor,
        act: Act,
        why: Purpose,
        subject: Owner,
        count: u64,
    ) -> Self {
        Note { at, actor, act, why, subject, recordings: Vec::new(), count }
    }
}

/// Proof that an access record is on the disk. Decryption spends it; nothing outside this crate can make one:
///
/// ```compile_fail,E0451
/// let forged = sotto_journal::Grant { seq: 1, subject: sotto_journal::Owner::House, covers: None };
/// ```
///
/// ```compile_fail,E0277
/// fn twice<T: Clone>() {}
/// twice::<sotto_journal::Grant>();
/// ```
#[derive(Debug)]
pub struct Grant {
    seq: u64,
    subject: Owner,
    /// The recordings that the record names; `None` when it says "all of the subject's".
    covers: Option<Vec<RecordingId>>,
}

impl Grant {
    pub(crate) fn covers(&self, owner: Owner, recording: RecordingId) -> bool {
        self.subject == owner && self.covers.as_ref().is_none_or(|covers| covers.contains(&recording))
    }

    /// Whether the record says "all of `owner`'s".
    pub(crate) fn covers_all(&self, owner: Owner) -> bool {
        self.subject == owner && self.covers.is_none()
    }

    /// The access record that was written for it.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// Appends an entry; it counts once the transaction is committed.
pub(crate) fn append(
    transaction: &Transaction<'_>,
    signing: &SigningKey,
    note: &Note,
) -> rusqlite::Result<u64> {
    let last: Option<(i64, [u8; 32])> = transaction
        .prepare_cached("SELECT seq, hash FROM access ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, before) = last.map_or((1, [0; 32]), |(seq, hash)| (seq + 1, hash));
    let at = note.at.as_millisecond();
    let recordings: Vec<u8> = note.recordings.iter().flat_map(|recording| *recording.bytes()).collect();
    let hash =
        entry_hash(&before, seq, at, note.actor, note.act, note.why, note.subject, &recordings, note.count);
    transaction
        .prepare_cached(
            "INSERT INTO access (seq, at, actor, act, why, subject, recordings, count, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            seq,
            at,
            note.actor.id(),
            Code(note.act),
            Code(note.why),
            Id::from(note.subject),
            recordings,
            note.count as i64,
            hash
        ])?;
    let signature = signing.sign(&Head::message(seq as u64, &hash, at)).to_bytes();
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO head (one, seq, hash, at, signature) VALUES (1, ?1, ?2, ?3, ?4)",
        )?
        .execute(params![seq, hash, at, signature])?;
    Ok(seq as u64)
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row, in their order")]
pub(crate) fn entry_hash(
    before: &[u8; 32],
    seq: i64,
    at: i64,
    actor: Actor,
    act: Act,
    why: Purpose,
    subject: Owner,
    recordings: &[u8],
    count: u64,
) -> [u8; 32] {
    use crate::codes::Coded;
    keys::digest(&[
        b"access log entry",
        before,
        &seq.to_le_bytes(),
        &at.to_le_bytes(),
        &actor.id().0,
        &act.code().to_le_bytes(),
        &why.code().to_le_bytes(),
        subject.id().bytes(),
        recordings,
        &count.to_le_bytes(),
    ])
}

impl Journal {
    /// Writes an access record to the disk and gives what decryption spends. No record, no grant.
    pub(crate) fn grant(&self, note: Note) -> Result<Grant, StoreError> {
        self.grant_lasting(note, Lasting::Disk)
    }

    pub(crate) fn grant_lasting(&self, note: Note, lasting: Lasting) -> Result<Grant, StoreError> {
        let seq = self.store().write(lasting, |transaction| -> Result<_, StoreError> {
            Ok(append(transaction, self.signing(), &note)?)
        })?;
        Ok(Grant { seq, subject: note.subject, covers: Some(note.recordings) })
    }

    /// Like [`Self::grant_lasting`], for several subjects at once: the disk is waited for once.
    pub(crate) fn grant_each(&self, notes: Vec<Note>, lasting: Lasting) -> Result<Vec<Grant>, StoreError> {
        if notes.is_empty() {
            return Ok(Vec::new());
        }
        self.store().write(lasting, |transaction| {
            let grant = |note: Note| -> Result<Grant, StoreError> {
                let seq = append(transaction, self.signing(), &note)?;
                Ok(Grant { seq, subject: note.subject, covers: Some(note.recordings) })
            };
            notes.into_iter().map(grant).collect()
        })
    }

    /// Like [`Self::grant_all`], for several subjects at once.
    pub(crate) fn grant_each_all(&self, notes: Vec<Note>) -> Result<Vec<Grant>, StoreError> {
        let grants = self.grant_each(notes, Lasting::Disk)?;
        Ok(grants.into_iter().map(|grant| Grant { covers: None, ..grant }).collect())
    }

    /// Like [`Self::grant`], for a record that says "all of the subject's" and names none.
    pub(crate) fn grant_all(&self, note: Note) -> Result<Grant, StoreError> {
        Ok(Grant { covers: None, ..self.grant(note)? })
    }

    /// Looks for something and writes the access record about it in one transaction, so that what allowed it (a
    /// consent, say) held at that very moment.
    pub(crate) fn grant_found<T, E: From<rusqlite::Error>>(
        &self,
        find: impl FnOnce(&Transaction<'_>) -> Result<(Note, T), E>,
    ) -> Result<(Grant, T), E> {
        self.store().write(Lasting::Disk, |transaction| {
            let (note, found) = find(transaction)?;
            let seq = append(transaction, self.signing(), &note)?;
            Ok((Grant { seq, subject: note.subject, covers: Some(note.recordings) }, found))
        })
    }

    /// The signed end of the log, to be handed to the satellites. `None` before the first entry.
    pub fn head(&self) -> Result<Option<Head>, StoreError> {
        self.store().read(|transaction| Ok(read_head(transaction)?))
    }

    /// What was done with `who`'s recordings and, for an adult, with the house's; newest first, before entry
    /// `before` (all when `None`). These stay when the recordings are gone.
    pub fn access_records(
        &self,
        who: &Person,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AccessRecord>, StoreError> {
        let before = before.map_or(i64::MAX, |seq| seq.min(i64::MAX as u64) as i64);
        let mut subjects = vec![Owner::Person(who.id())];
        if who.is_adult() {
            subjects.push(Owner::House);
        }
        self.store().read(|transaction| {
            let mut records = Vec::new();
            for subject in subjects {
                let mut statement = transaction.prepare_cached(
                    "SELECT seq, at, actor, act, why, subject, recordings, count FROM access
                     WHERE subject = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
                )?;
                let rows =
                    statement.query_map(params![Id::from(subject), before, limit as i64], read_record)?;
                for record in rows {
                    records.push(record?);
                }
            }
            records.sort_by_key(|record: &AccessRecord| std::cmp::Reverse(record.seq));
            records.truncate(limit);
            Ok(records)
        })
    }
}

pub(crate) fn read_record(row: &rusqlite::Row<'_>) -> rusqlite::Result<AccessRecord> {
    let ids: Vec<u8> = row.get(6)?;
    Ok(AccessRecord {
        seq: row.get::<_, i64>(0)? as u64,
        at: timestamp(row.get(1)?),
        actor: Actor::from_id(row.get(2)?),
        act: row.get::<_, Code<Act>>(3)?.0,
        why: row.get::<_, Code<Purpose>>(4)?.0,
        subject: row.get::<_, Id>(5)?.owner(),
        recordings: ids.as_chunks::<16>().0.iter().map(|id| RecordingId::from_bytes(*id)).collect(),
        count: row.get::<_, i64>(7)? as u64,
    })
}
