//! Whose a recording is, put right: "this was me", "this was not me", "this was her".
//!
//! Changing hands gives a recording a new key, sealed to the new owner; everything under the old key is destroyed, so
//! that neither the old owner nor an old backup's seal opens it. Deliberately absent: taking what is somebody else's.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{Area, Outcome, PersonId, RecordingId, Retention};
use thiserror::Error;

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::house_key::public_of;
use crate::keys::{self, Binding, Kind, Secret};
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::{ALIVE, Attribution, Owner, Row, Sealed, insert};
use crate::store::{Lasting, StoreError};
use crate::vault::{self, Locked, Opening, Plain};
use crate::words::Words;
use crate::{Change, Journal, settings, timestamp};

/// Why a recording did not change hands.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BelongError {
    #[error("no recording of yours has this id; it may have been erased")]
    NotFound,
    #[error("the one it should go to does not live here; see the list of members")]
    Nobody,
    #[error("the one it should go to takes no recordings from others; ask them to claim it")]
    NotTaken,
    #[error(
        "this household does not let recordings of the house be claimed; an adult can change that in the settings"
    )]
    NotClaimed,
    #[error("this recording's file is damaged; it can only be erased")]
    Damaged,
    #[error("you are no longer a member of this household; sign in again")]
    NotMember,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BelongError {
    fn from(error: rusqlite::Error) -> Self {
        BelongError::Store(error.into())
    }
}

impl From<MemberError> for BelongError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Store(error) => BelongError::Store(error),
            _ => BelongError::NotMember,
        }
    }
}

/// The kinds of pieces that change hands together.
const PIECES: [Kind; 3] = [Kind::Audio, Kind::Words, Kind::Correction];

impl Journal {
    /// "This was me": an adult takes one of the house's recordings as their own.
    pub fn claim(&self, recording: RecordingId, who: &Person, now: Timestamp) -> Result<(), BelongError> {
        let to = Owner::Person(who.id());
        self.change_hands(recording, who, Owner::House, to, Attribution::Claimed, Act::Claimed, now)
    }

    /// "This was not me": somebody gives to the house what was taken for theirs.
    pub fn dispute(&self, recording: RecordingId, who: &Person, now: Timestamp) -> Result<(), BelongError> {
        let from = Owner::Person(who.id());
        self.change_hands(recording, who, from, Owner::House, Attribution::Disputed, Act::Disputed, now)
    }

    /// "This was her": of what `who` opens (their own; an adult also the house's) to somebody else.
    pub fn hand_over(
        &self,
        recording: RecordingId,
        who: &Person,
        to: PersonId,
        now: Timestamp,
    ) -> Result<(), BelongError> {
        let from: Option<Id> = self.store().read(|transaction| -> Result<_, BelongError> {
            Ok(transaction
                .prepare_cached("SELECT owner FROM recordings WHERE recording = ?1")?
                .query_row([Id::from(recording)], |row| row.get(0))
                .optional()?)
        })?;
        let from = from.ok_or(BelongError::NotFound)?.owner();
        let to = Owner::Person(to);
        self.change_hands(recording, who, from, to, Attribution::HandedOver, Act::HandedOver, now)
    }

    #[expect(clippy::too_many_arguments, reason = "one change, in its parts")]
    fn change_hands(
        &self,
        recording: RecordingId,
        who: &Person,
        from: Owner,
        to: Owner,
        attributed: Attribution,
        act: Act,
        now: Timestamp,
    ) -> Result<(), BelongError> {
        let secret = who.secret_of(from).ok_or(BelongError::NotFound)?;
        let (old, pieces) = self.store().read(|transaction| -> Result<_, BelongError> {
            require_active(transaction, who.id())?;
            let old = Old::find(transaction, recording, from)?.ok_or(BelongError::NotFound)?;
            if let Owner::Person(to) = to {
                if from == Owner::House && !settings::claims(transaction)? {
                    return Err(BelongError::NotClaimed);
                }
                let choice = settings::choice_of(transaction, to)?.ok_or(BelongError::Nobody)?;
                if to != who.id() && !choice.given {
                    return Err(BelongError::NotTaken);
                }
            }
            let mut pieces = Vec::new();
            for kind in PIECES {
                pieces.extend(vault::fetch(transaction, from, kind, &[old.n])?);
            }
            Ok((old, pieces))
        })?;
        let actor = Actor::Person(who.id());
        let opened_for = Note::about(now, actor, act, Purpose::Belonging, from, vec![recording]);
        let opening = Opening::spend(self.grant(opened_for)?);
        let opened = open_all(&opening, secret, &pieces).ok_or(BelongError::Damaged)?;
        self.store().write(Lasting::Disk, |transaction| -> Result<(), BelongError> {
            // Erased or moved meanwhile: then there is nothing to move.
            let same = Old::find(transaction, recording, from)?.is_some_and(|found| found.n == old.n);
            let public = public_of(transaction, to)?.ok_or(BelongError::Nobody)?;
            if !same {
                return Err(BelongError::NotFound);
            }
            let binding = Binding { recording, owner: to.id() };
            let (keep, transcripts) = match to {
                Owner::Person(person) => {
                    let choice = settings::choice_of(transaction, person)?.ok_or(BelongError::Nobody)?;
                    (choice.keep, choice.transcripts)
                }
                Owner::House => (settings::house_keep(transaction)?, true),
            };
            let key = Secret::random();
            let lock = |kind: Kind, plain: &Plain| keys::lock(plain, &key, &binding, kind);
            let mut sealed = Sealed {
                seal: keys::seal(&key, &public, &binding),
                sound: Vec::new(),
                words: Vec::new(),
                correction: None,
            };
            for (kind, plain) in &opened {
                match kind {
                    Kind::Audio => sealed.sound = lock(Kind::Audio, plain),
                    Kind::Words if transcripts => sealed.words = lock(Kind::Words, plain),
                    Kind::Words => {
                        let words = Words::from_bytes(plain).ok_or(BelongError::Damaged)?;
                        sealed.words = lock(Kind::Words, &words.without_transcript().to_bytes());
                    }
                    Kind::Correction => sealed.correction = Some(lock(Kind::Correction, plain)),
                    Kind::Key | Kind::Shelf => {}
                }
            }
            let area = old.area_name.as_deref().and_then(|area| Area::new(area).ok());
            let kept = settings::kept(transaction, old.outcome, keep.min(old.ceiling), area.as_ref())?;
            remove(transaction, from, old.n)?;
            let row = Row {
                recording,
                owner: to,
                attributed,
                at: old.at,
                area: old.area,
                satellite: old.satellite,
                outcome: old.outcome,
                length: old.length,
                kept,
                ceiling: old.ceiling,
            };
            insert(transaction, &row, &sealed)?;
            let note = Note::about(now, actor, act, Purpose::Belonging, to, vec![recording]);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.scrub(1000)?;
        self.store().truncate_wal()?;
        self.announce(Change::Altered);
        Ok(())
    }
}

fn open_all(opening: &Opening, secret: &Secret, pieces: &[Locked]) -> Option<Vec<(Kind, Plain)>> {
    let whole = pieces.iter().any(|piece| piece.kind == Kind::Audio)
        && pieces.iter().any(|piece| piece.kind == Kind::Words);
    let open = |piece: &Locked| {
        let plain = opening.open(piece, |piece| vault::open_key(secret, piece)).ok()?;
        Some((piece.kind, plain))
    };
    if whole { pieces.iter().map(open).collect() } else { None }
}

/// Takes a recording away from its owner without a tombstone: it lives on under another number.
fn remove(transaction: &Transaction<'_>, owner: Owner, n: i64) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM seals WHERE owner = ?1 AND n = ?2", params![Id::from(owner), n])?;
    transaction.execute(
        "DELETE FROM shelves WHERE owner = ?1 AND ?2 BETWEEN first AND last",
        params![Id::from(owner), n],
    )?;
    for sql in [
        "DELETE FROM review_seals WHERE n = ?1",
        "DELETE FROM clips WHERE n = ?1",
        "DELETE FROM recordings WHERE n = ?1",
        "INSERT OR IGNORE INTO doomed (n) VALUES (?1)",
    ] {
        transaction.execute(sql, [n])?;
    }
    Ok(())
}

/// A recording's clear part, before it changes hands.
struct Old {
    n: i64,
    at: Timestamp,
    area: Option<i64>,
    area_name: Option<String>,
    satellite: i64,
    outcome: Outcome,
    length: std::time::Duration,
    ceiling: Retention,
}

impl Old {
    fn find(
        transaction: &Transaction<'_>,
        recording: RecordingId,
        owner: Owner,
    ) -> rusqlite::Result<Option<Old>> {
        transaction
            .prepare_cached(&format!(
                "SELECT n, at, area, (SELECT text FROM labels WHERE label = area), satellite, outcome, length, ceiling
                 FROM recordings WHERE recording = ?1 AND owner = ?2 AND {ALIVE}"
            ))?
            .query_row(params![Id::from(recording), Id::from(owner)], |row| {
                Ok(Old {
                    n: row.get(0)?,
                    at: timestamp(row.get(1)?),
                    area: row.get(2)?,
                    area_name: row.get(3)?,
                    satellite: row.get(4)?,
                    outcome: row.get::<_, Code<Outcome>>(5)?.0,
                    length: std::time::Duration::from_millis(row.get::<_, i64>(6)?.max(0) as u64),
                    ceiling: row.get::<_, Code<Retention>>(7)?.0,
                })
            })
            .optional()
    }
}
