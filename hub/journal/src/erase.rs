//! Erasing: the key first, then the ciphertext.
//!
//! ```text
//! one transaction:  keys gone · row marked dead · receipt · access record       → unreadable, and said so
//! afterwards:       row gone · tombstone · ciphertext overwritten, WAL cut      → gone
//! ```
//!
//! A crash before the commit leaves each recording whole; after it, erased, and the next sweep clears away what is
//! left. A hundred thousand keys go in one short transaction; their rows, in six indexes, would take seconds. Deliberately absent: a way to undo it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{PersonId, RecordingId};
use thiserror::Error;

use crate::acts::{Actor, Purpose};
use crate::chosen::{Chosen, Order};
use crate::codes::{Code, Coded, Id};
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::{ALIVE, Owner};
use crate::selection::{Asked, Selection, What};
use crate::store::{Lasting, StoreError};
use crate::{Change, Journal, keys, timestamp};

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
    pub(crate) fn message(erasure: i64, at: i64, by: Actor, asked: Asked, count: u64) -> [u8; 32] {
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
    #[error("only who looks after this child may do that; an administrator says who does")]
    NotGuardian,
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
            MemberError::NotGuardian => EraseError::NotGuardian,
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

/// Recordings whose ciphertext is overwritten before `erase` returns; what is more is left to the sweep, all of it.
const AT_ONCE: usize = if cfg!(test) { 4 } else { 2000 };
/// The same on a disk that is all but full: what they take in the WAL fits the room that was laid aside.
const FEW: usize = 10;

impl Journal {
    /// Erases what `who` may: of their own and the house's. When this returns it is unreadable, whatever happens
    /// next; the ciphertext of large selections is overwritten by the next [`Self::sweep`].
    pub fn erase(&self, selection: &Selection, who: &Person, now: Timestamp) -> Result<Receipt, EraseError> {
        let owners: Vec<Owner> =
            who.opens().into_iter().filter(|owner| selection.whose.includes(*owner)).collect();
        let asked = selection.what.asked();
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
    pub(crate) fn erase_on_any_disk(
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
        let scrub = || {
            if receipt.count <= AT_ONCE as u64 {
                self.scrub(AT_ONCE)?;
            }
            self.store().truncate_wal()
        };
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
        for _ in 0..AT_ONCE.div_ceil(FEW) {
            let scrubbed = self.scrub(FEW)?;
            cut = self.store().truncate_wal()?;
            if scrubbed < FEW {
                break;
            }
        }
        Ok(cut)
    }

    /// Clears away at most `limit` erased recordings: sets the tombstone, deletes the dead row and overwrites the
    /// ciphertext. Gives how many it was.
    pub(crate) fn scrub(&self, limit: usize) -> Result<usize, StoreError> {
        self.store().write(Lasting::Process, |transaction| {
            let numbers: Vec<i64> = transaction
                .prepare_cached("SELECT n FROM doomed LIMIT ?1")?
                .query_map([limit as i64], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for sql in [
                "INSERT OR IGNORE INTO tombstones (recording, erasure) SELECT recording, erasure
                 FROM doomed JOIN recordings USING (n) WHERE n = ?1 AND erasure IS NOT NULL",
                "DELETE FROM recordings WHERE n = ?1",
                "DELETE FROM sounds WHERE n = ?1",
                "DELETE FROM words WHERE n = ?1",
                "DELETE FROM corrections WHERE n = ?1",
                "DELETE FROM doomed WHERE n = ?1",
            ] {
                let mut statement = transaction.prepare_cached(sql)?;
                for n in &numbers {
                    statement.execute([n])?;
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

fn last_of(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<Option<RecordingId>> {
    transaction
        .prepare_cached(&format!(
            "SELECT recording FROM recordings WHERE owner = ?1 AND {ALIVE} ORDER BY at DESC, n DESC LIMIT 1"
        ))?
        .query_row([Id::from(owner)], |row| Ok(row.get::<_, Id>(0)?.recording()))
        .optional()
}
