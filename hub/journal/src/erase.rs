//! Erasing: the key first, then the ciphertext.
//!
//! ```text
//! one transaction:  key gone · row gone · tombstone · receipt · access record   → unreadable, and said so
//! afterwards:       ciphertext overwritten, WAL cut                             → gone
//! ```
//!
//! A crash before the commit leaves each recording whole; after it, erased, and the next sweep overwrites what is
//! left. Deliberately absent: a way to undo it.

use ed25519_dalek::Signer;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, params, params_from_iter};
use sotto_house::{Area, PersonId, RecordingId, SatelliteId};
use thiserror::Error;

use crate::access::{self, Act, Actor, Note, Purpose};
use crate::codes::{Code, Coded, Id};
use crate::people::{MemberError, Person, require_active};
use crate::record::Owner;
use crate::store::{Lasting, StoreError};
use crate::{Change, Journal, keys, timestamp};

/// Whose recordings are meant, of those that a person opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    Mine,
    /// Those of unknown speakers; an adult's to erase.
    House,
    Both,
}

impl Whose {
    pub(crate) fn includes(self, owner: Owner) -> bool {
        match owner {
            Owner::Person(_) => self != Whose::House,
            Owner::House => self != Whose::Mine,
        }
    }
}

/// Which recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// These; those that are not the person's are not touched and not counted.
    These(Vec<RecordingId>),
    /// Spoken from `from` on and before `to`: "today" and "last ten minutes" are worked out by whoever knows the
    /// household's time zone.
    Between {
        from: Timestamp,
        to: Timestamp,
    },
    Area(Area),
    Satellite(SatelliteId),
    Everything,
}

/// What somebody wants erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub whose: Whose,
    pub what: What,
}

impl Selection {
    pub fn one(recording: RecordingId) -> Self {
        Selection { whose: Whose::Both, what: What::These(vec![recording]) }
    }
}

/// What a receipt says was asked for; no more than a word, so that it tells nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    These,
    Period,
    Area,
    Satellite,
    Everything,
    /// Their time had come.
    Retention,
    /// A member left.
    Person,
}

impl Asked {
    pub const ALL: [Asked; 7] = [
        Asked::These,
        Asked::Period,
        Asked::Area,
        Asked::Satellite,
        Asked::Everything,
        Asked::Retention,
        Asked::Person,
    ];
}

impl Coded for Asked {
    const TABLE: &'static [(i64, Self)] = &[
        (1, Asked::These),
        (2, Asked::Period),
        (3, Asked::Area),
        (4, Asked::Satellite),
        (5, Asked::Everything),
        (6, Asked::Retention),
        (7, Asked::Person),
    ];
}

/// Proof of an erasure, signed by the hub: how many, when, by whom, on what kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Counts erasures.
    pub erasure: u64,
    pub at: Timestamp,
    pub by: Actor,
    pub asked: Asked,
    pub count: u64,
    pub signature: [u8; 64],
}

impl Receipt {
    fn message(erasure: i64, at: i64, by: Actor, asked: Asked, count: u64) -> [u8; 32] {
        keys::digest(&[
            b"receipt",
            &erasure.to_le_bytes(),
            &at.to_le_bytes(),
            &by.id().0,
            &asked.code().to_le_bytes(),
            &count.to_le_bytes(),
        ])
    }

    /// Whether the hub with this [`Journal::verifying_key`] signed it, unchanged.
    pub fn is_signed_by(&self, verifying_key: &[u8; 32]) -> bool {
        let at = self.at.as_millisecond();
        let message = Receipt::message(self.erasure as i64, at, self.by, self.asked, self.count);
        let signature = ed25519_dalek::Signature::from_bytes(&self.signature);
        ed25519_dalek::VerifyingKey::from_bytes(verifying_key)
            .is_ok_and(|key| key.verify_strict(&message, &signature).is_ok())
    }
}

/// Why nothing was erased.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EraseError {
    #[error("you are no longer a member of this household; sign in again")]
    NotMember,
    #[error("this person has not switched deletion by voice on; they can on their page")]
    NotByVoice,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for EraseError {
    fn from(error: rusqlite::Error) -> Self {
        EraseError::Store(error.into())
    }
}

impl From<MemberError> for EraseError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Store(error) => EraseError::Store(error),
            _ => EraseError::NotMember,
        }
    }
}

/// What a person may ask for by voice, about their own recordings only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// The last thing they said before this.
    LastThing,
    /// From then on.
    Since(Timestamp),
    Everything,
}

/// Recordings whose ciphertext is overwritten before `erase` returns; more are left to the sweep.
const AT_ONCE: usize = 2000;
/// The same on a disk that is all but full: what they take in the WAL fits the room that was laid aside.
const FEW: usize = 10;

impl Journal {
    /// Erases what `who` may: of their own and the house's. When this returns it is unreadable, whatever happens
    /// next; the ciphertext of large selections is overwritten by the next [`Self::sweep`].
    pub fn erase(&self, selection: &Selection, who: &Person, now: Timestamp) -> Result<Receipt, EraseError> {
        let owners: Vec<Owner> =
            who.opens().into_iter().filter(|owner| selection.whose.includes(*owner)).collect();
        let asked = match &selection.what {
            What::These(_) => Asked::These,
            What::Between { .. } => Asked::Period,
            What::Area(_) => Asked::Area,
            What::Satellite(_) => Asked::Satellite,
            What::Everything => Asked::Everything,
        };
        let order = Order { actor: Actor::Person(who.id()), why: Purpose::Request, asked, now };
        self.erase_on_any_disk(|transaction| {
            require_active(transaction, who.id())?;
            let mut chosen = Chosen::new(transaction)?;
            for owner in &owners {
                chosen.add(*owner, &selection.what)?;
            }
            Ok(chosen.erase(self, &order)?)
        })
    }

    /// "Delete what I just said": by a voice that was recognised by a clear margin, without anybody signed in. Only
    /// of a person who switched that on, and only their own.
    pub fn erase_spoken(
        &self,
        speaker: PersonId,
        what: Spoken,
        now: Timestamp,
    ) -> Result<Receipt, EraseError> {
        let order = Order {
            actor: Actor::Person(speaker),
            why: Purpose::SpokenRequest,
            asked: match what {
                Spoken::LastThing => Asked::These,
                Spoken::Since(_) => Asked::Period,
                Spoken::Everything => Asked::Everything,
            },
            now,
        };
        let owner = Owner::Person(speaker);
        self.erase_on_any_disk(|transaction| {
            if !crate::settings::read(transaction, speaker)?.voice_erasure {
                return Err(EraseError::NotByVoice);
            }
            let what = match what {
                Spoken::LastThing => What::These(last_of(transaction, owner)?.into_iter().collect()),
                Spoken::Since(from) => What::Between { from, to: Timestamp::MAX },
                Spoken::Everything => What::Everything,
            };
            let mut chosen = Chosen::new(transaction)?;
            chosen.add(owner, &what)?;
            Ok(chosen.erase(self, &order)?)
        })
    }

    /// One erasure and what follows it. On a full disk the room that was laid aside is given up for it.
    fn erase_on_any_disk(
        &self,
        erase: impl Fn(&Transaction<'_>) -> Result<Receipt, EraseError>,
    ) -> Result<Receipt, EraseError> {
        let (receipt, tight) = match self.store().write(Lasting::Disk, &erase) {
            Err(EraseError::Store(StoreError::Full)) if self.store().give_reserve_back() => {
                (self.store().write(Lasting::Disk, &erase)?, true)
            }
            receipt => (receipt?, false),
        };
        // What was asked for is done; a failure to overwrite is the next sweep's to mend.
        let scrub = || self.scrub(AT_ONCE).and_then(|_| self.store().truncate_wal());
        let scrubbed = match if tight { Err(StoreError::Full) } else { scrub() } {
            Err(StoreError::Full) => self.scrub_in_little_room(),
            scrubbed => scrubbed,
        };
        if let Err(error) = scrubbed {
            tracing::warn!(%error, "erased recordings are not overwritten yet; the next sweep tries again");
        }
        self.recover_from_full();
        if receipt.count > 0 {
            self.announce(Change::Altered);
        }
        Ok(receipt)
    }

    /// Everything of one owner, for when they leave.
    pub(crate) fn erase_everything_of(
        &self,
        owner: Owner,
        actor: Actor,
        why: Purpose,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let order = Order { actor, why, asked: Asked::Person, now };
        self.store().write(Lasting::Disk, |transaction| -> Result<(), StoreError> {
            let mut chosen = Chosen::new(transaction)?;
            chosen.add(owner, &What::Everything)?;
            if chosen.count > 0 {
                chosen.erase(self, &order)?;
            }
            Ok(())
        })
    }

    /// On a disk that is all but full: what is in the WAL goes into the file first, and after each few.
    fn scrub_in_little_room(&self) -> Result<bool, StoreError> {
        self.store().give_reserve_back();
        let mut cut = self.store().truncate_wal()?;
        for _ in 0..AT_ONCE / FEW {
            let scrubbed = self.scrub(FEW)?;
            cut = self.store().truncate_wal()?;
            if scrubbed < FEW {
                break;
            }
        }
        Ok(cut)
    }

    /// Overwrites the ciphertext of at most `limit` erased recordings; gives how many it was.
    pub(crate) fn scrub(&self, limit: usize) -> Result<usize, StoreError> {
        self.store().write(Lasting::Process, |transaction| {
            let numbers: Vec<i64> = transaction
                .prepare_cached("SELECT n FROM doomed LIMIT ?1")?
                .query_map([limit as i64], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for table in ["sounds", "words", "corrections", "doomed"] {
                let mut delete = transaction.prepare_cached(&format!("DELETE FROM {table} WHERE n = ?1"))?;
                for n in &numbers {
                    delete.execute([n])?;
                }
            }
            Ok(numbers.len())
        })
    }

    /// Every erasure that `who` asked for or that took what was theirs by its time, newest first.
    pub fn receipts(&self, who: &Person, limit: usize) -> Result<Vec<Receipt>, StoreError> {
        self.store().read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT erasure, at, actor, what, count, signature FROM erasures
                 WHERE actor = ?1 ORDER BY erasure DESC LIMIT ?2",
            )?;
            let receipts = statement.query_map(params![Id::from(who.id()), limit as i64], read_receipt)?;
            Ok(receipts.collect::<Result<_, _>>()?)
        })
    }
}

pub(crate) fn read_receipt(row: &rusqlite::Row<'_>) -> rusqlite::Result<Receipt> {
    Ok(Receipt {
        erasure: row.get::<_, i64>(0)? as u64,
        at: timestamp(row.get(1)?),
        by: Actor::from_id(row.get(2)?),
        asked: row.get::<_, Code<Asked>>(3)?.0,
        count: row.get::<_, i64>(4)? as u64,
        signature: row.get(5)?,
    })
}

/// Who asked for an erasure, why and when.
pub(crate) struct Order {
    pub(crate) actor: Actor,
    pub(crate) why: Purpose,
    pub(crate) asked: Asked,
    pub(crate) now: Timestamp,
}

/// The recordings that are to go, gathered in a temporary table (in memory) of the writer's connection.
pub(crate) struct Chosen<'a> {
    transaction: &'a Transaction<'a>,
    by_owner: Vec<(Owner, u64)>,
    pub(crate) count: u64,
}

/// Access records of an erasure name the recordings when they are no more than this.
const NAMED: u64 = 100;

impl<'a> Chosen<'a> {
    pub(crate) fn new(transaction: &'a Transaction<'a>) -> rusqlite::Result<Self> {
        transaction.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS chosen (n INTEGER PRIMARY KEY, owner BLOB NOT NULL, recording BLOB NOT NULL);
             DELETE FROM chosen",
        )?;
        Ok(Chosen { transaction, by_owner: Vec::new(), count: 0 })
    }

    pub(crate) fn add(&mut self, owner: Owner, what: &What) -> rusqlite::Result<()> {
        let theirs = || Value::from(owner.id().bytes().to_vec());
        let by_label = |column: &str, text: &str| {
            let condition = format!("owner = ? AND {column} = (SELECT label FROM labels WHERE text = ?)");
            self.choose(&condition, vec![theirs(), text.to_owned().into()])
        };
        let count = match what {
            What::These(recordings) => {
                let one = |recording: &RecordingId| {
                    self.choose(
                        "recording = ? AND owner = ?",
                        vec![recording.bytes().to_vec().into(), theirs()],
                    )
                };
                recordings.iter().map(one).sum::<rusqlite::Result<u64>>()?
            }
            What::Between { from, to } => {
                let (from, to) = (from.as_millisecond(), to.as_millisecond());
                self.choose("owner = ? AND at >= ? AND at < ?", vec![theirs(), from.into(), to.into()])?
            }
            What::Area(area) => by_label("area", area.as_str())?,
            What::Satellite(satellite) => by_label("satellite", satellite.as_str())?,
            What::Everything => self.choose("owner = ?", vec![theirs()])?,
        };
        self.note(owner, count);
        Ok(())
    }

    /// What has expired by `now`, at most `limit`.
    pub(crate) fn add_expired(&mut self, now: i64, limit: usize) -> rusqlite::Result<()> {
        self.transaction.execute(
            "INSERT OR IGNORE INTO chosen SELECT n, owner, recording FROM recordings WHERE expires <= ?1 LIMIT ?2",
            params![now, limit as i64],
        )?;
        let owners: Vec<(Owner, u64)> = self
            .transaction
            .prepare_cached("SELECT owner, count(*) FROM chosen GROUP BY owner")?
            .query_map([], |row| Ok((row.get::<_, Id>(0)?.owner(), row.get::<_, i64>(1)? as u64)))?
            .collect::<Result<_, _>>()?;
        for (owner, count) in owners {
            self.note(owner, count);
        }
        Ok(())
    }

    fn choose(&self, condition: &str, values: Vec<Value>) -> rusqlite::Result<u64> {
        let sql = format!(
            "INSERT OR IGNORE INTO chosen SELECT n, owner, recording FROM recordings WHERE {condition}"
        );
        Ok(self.transaction.prepare_cached(&sql)?.execute(params_from_iter(values))? as u64)
    }

    fn note(&mut self, owner: Owner, count: u64) {
        if count > 0 {
            self.by_owner.push((owner, count));
            self.count += count;
        }
    }

    /// Destroys the keys and rows of what was chosen, and leaves tombstones, receipt and access records.
    pub(crate) fn erase(self, journal: &Journal, order: &Order) -> rusqlite::Result<Receipt> {
        let Chosen { transaction, by_owner, count } = self;
        let at = order.now.as_millisecond();
        transaction.execute(
            "INSERT INTO erasures (at, actor, what, count, signature) VALUES (?1, ?2, ?3, ?4, x'')",
            params![at, order.actor.id(), Code(order.asked), count as i64],
        )?;
        let erasure = transaction.last_insert_rowid();
        let message = Receipt::message(erasure, at, order.actor, order.asked, count);
        let signature = journal.signing().sign(&message).to_bytes();
        transaction.execute(
            "UPDATE erasures SET signature = ?2 WHERE erasure = ?1",
            params![erasure, signature.as_slice()],
        )?;
        for (owner, count) in by_owner {
            let recordings = if count <= NAMED { named(transaction, owner)? } else { Vec::new() };
            let subject = owner;
            let note = Note {
                at: order.now,
                actor: order.actor,
                act: Act::Erased,
                why: order.why,
                subject,
                recordings,
                count,
            };
            access::append(transaction, journal.signing(), &note)?;
        }
        transaction.execute_batch(
            "DELETE FROM seals WHERE (owner, n) IN (SELECT owner, n FROM chosen);
             DELETE FROM review_seals WHERE n IN (SELECT n FROM chosen);
             DELETE FROM clips WHERE n IN (SELECT n FROM chosen);",
        )?;
        transaction.execute(
            "INSERT OR IGNORE INTO tombstones (recording, erasure) SELECT recording, ?1 FROM chosen ORDER BY recording",
            [erasure],
        )?;
        transaction.execute_batch(
            "INSERT OR IGNORE INTO doomed (n) SELECT n FROM chosen;
             DELETE FROM recordings WHERE n IN (SELECT n FROM chosen);
             DELETE FROM chosen;",
        )?;
        Ok(Receipt {
            erasure: erasure as u64,
            at: timestamp(at),
            by: order.actor,
            asked: order.asked,
            count,
            signature,
        })
    }
}

fn named(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<Vec<RecordingId>> {
    transaction
        .prepare_cached("SELECT recording FROM chosen WHERE owner = ?1 ORDER BY n")?
        .query_map([Id::from(owner)], |row| Ok(row.get::<_, Id>(0)?.recording()))?
        .collect()
}

fn last_of(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<Option<RecordingId>> {
    transaction
        .prepare_cached("SELECT recording FROM recordings WHERE owner = ?1 ORDER BY at DESC, n DESC LIMIT 1")?
        .query_row([Id::from(owner)], |row| Ok(row.get::<_, Id>(0)?.recording()))
        .optional()
}
