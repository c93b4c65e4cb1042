//! Review: what a person lets the household's reviewers hear, without saying whose it is.
//!
//! `opted in → new recording → clip number, key sealed to each reviewer → heard, judged → (with consent) training`. A clip
//! carries a random number, its sound and its words; no name, area, satellite or time. Whether its owner consents is
//! asked in the very transaction that writes the access record. Deliberately absent: a clip of what was recorded before
//! its owner opted in, and a queue in the order in which things were said.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use sotto_house::{PersonId, RecordingId};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::access::{self, Grant, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Coded, Id};
use crate::keys::{self, Binding, Broken, Kind, Public, Secret};
use crate::listen::Listening;
use crate::people::{MemberError, require_active, require_administrator};
use crate::person::Person;
use crate::record::Owner;
use crate::sound::Sound;
use crate::store::{Lasting, StoreError};
use crate::vault::{self, Locked, Opening};
use crate::words::Words;
use crate::{Change, Journal};

/// A clip's random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClipId(pub(crate) i64);

impl fmt::Display for ClipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ClipId {
    type Err = ReviewError;

    fn from_str(text: &str) -> Result<Self, ReviewError> {
        i64::from_str_radix(text, 16).map(ClipId).map_err(|_| ReviewError::NotFound)
    }
}

/// What a reviewer gets.
#[derive(Debug)]
pub struct Clip {
    pub clip: ClipId,
    pub sound: Listening,
    /// Transcript, language and intent, and the slots that were spoken; not those that the hub filled in.
    pub words: Words,
}

/// What a reviewer thinks of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was really said, if the transcript is wrong.
    pub transcript: Option<Zeroizing<String>>,
    pub judged: Judged,
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.transcript.as_ref().map_or(0, |text| text.len());
        write!(f, "Verdict({:?}, {bytes} bytes)", self.judged)
    }
}

/// Whether the hub did right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judged {
    /// What was done is what was asked.
    Right,
    /// Something else was asked.
    Wrong,
    /// It was not meant for the hub.
    NotMeant,
}

impl Coded for Judged {
    const TABLE: &'static [(i64, Self)] = &[(1, Judged::Right), (2, Judged::Wrong), (3, Judged::NotMeant)];
}

/// Why there is no clip.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// Erased, taken back by its owner, judged already, or never there: a reviewer is not told which.
    #[error("this clip is not in the queue any more; take the next")]
    NotFound,
    #[error("only a reviewer may do that; an administrator makes one")]
    NotReviewer,
    #[error("this clip's file is damaged; take the next")]
    Damaged,
    #[error("a transcript has at most {} characters; shorten it", ReviewError::TRANSCRIPT)]
    TooLong,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReviewError {
    /// Most characters of a corrected transcript.
    pub const TRANSCRIPT: usize = 1000;
}

impl From<rusqlite::Error> for ReviewError {
    fn from(error: rusqlite::Error) -> Self {
        ReviewError::Store(error.into())
    }
}

impl From<MemberError> for ReviewError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Store(error) => ReviewError::Store(error),
            _ => ReviewError::NotReviewer,
        }
    }
}

/// Most clips a reviewer's queue shows at once.
const QUEUE_LIMIT: usize = 100;

impl Journal {
    /// Makes a member a reviewer, or no longer one: then every seal to them is destroyed. They hear what is recorded
    /// from now on, of those who opted in.
    pub fn set_reviewer(
        &self,
        by: &Person,
        member: PersonId,
        reviewer: bool,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_administrator(transaction, by)?;
            require_active(transaction, member)?;
            transaction.execute(
                "UPDATE people SET reviewer = ?2 WHERE person = ?1",
                params![Id::from(member), reviewer],
            )?;
            if !reviewer {
                transaction.execute("DELETE FROM review_seals WHERE reviewer = ?1", [Id::from(member)])?;
            }
            let actor = Actor::Person(by.id());
            let note =
                Note::counted(now, actor, Act::SettingChanged, Purpose::Request, Owner::Person(member), 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.store().truncate_wal()?;
        self.announce(Change::Members);
        Ok(())
    }

    /// The numbers of clips that nobody has judged yet and that `reviewer` can open, in the order of the numbers.
    pub fn review_queue(&self, reviewer: &Person) -> Result<Vec<ClipId>, ReviewError> {
        self.store().read(|transaction| {
            require_reviewer(transaction, reviewer)?;
            let mut statement = transaction.prepare_cached(
                "SELECT clip FROM clips JOIN review_seals USING (n) JOIN people ON people.person = clips.owner
                 WHERE review_seals.reviewer = ?1 AND verdict IS NULL AND people.review ORDER BY clip LIMIT ?2",
            )?;
            let clips = statement.query_map(params![Id::from(reviewer.id()), QUEUE_LIMIT as i64], |row| {
                Ok(ClipId(row.get(0)?))
            })?;
            Ok(clips.collect::<Result<_, _>>()?)
        })
    }

    /// Opens a clip, if its owner consents at this moment.
    pub fn review(&self, clip: ClipId, reviewer: &Person, now: Timestamp) -> Result<Clip, ReviewError> {
        let opened = self.open_clip(clip, reviewer, Act::Reviewed, Purpose::Review, now)?;
        let sound = Sound::from_bytes(&opened.sound).ok_or(ReviewError::Damaged)?;
        let words = Words::from_bytes(&opened.words).ok_or(ReviewError::Damaged)?;
        Ok(Clip { clip, sound: Listening::new(sound), words: nameless(words) })
    }

    /// Judges a clip and takes it from the queue. A corrected transcript is kept under the recording's own key.
    pub fn judge(
        &self,
        clip: ClipId,
        reviewer: &Person,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Result<(), ReviewError> {
        if verdict.transcript.as_ref().is_some_and(|text| text.chars().count() > ReviewError::TRANSCRIPT) {
            return Err(ReviewError::TooLong);
        }
        let opened = self.open_clip(clip, reviewer, Act::Corrected, Purpose::Review, now)?;
        let correction = Correction { transcript: verdict.transcript.as_ref().map(|text| text.as_str()) };
        let plain = Zeroizing::new(serde_json::to_vec(&correction).unwrap_or_default());
        let sealed = keys::lock(&plain, &opened.key, &opened.binding, Kind::Correction);
        self.store().write(Lasting::Disk, |transaction| -> Result<(), ReviewError> {
            let judged = transaction.execute(
                "UPDATE clips SET verdict = ?2, reviewer = ?3 WHERE clip = ?1 AND verdict IS NULL AND EXISTS
                     (SELECT 1 FROM people WHERE people.person = clips.owner AND people.review)",
                params![clip.0, Code(verdict.judged), Id::from(reviewer.id())],
            )?;
            if judged == 0 {
                return Err(ReviewError::NotFound);
            }
            transaction.execute(
                "INSERT OR REPLACE INTO corrections (n, sealed) VALUES (?1, ?2)",
                params![opened.n, sealed],
            )?;
            Ok(())
        })?;
        self.announce(Change::Altered);
        Ok(())
    }

    /// Consent, access record and seal in one transaction; then decryption.
    fn open_clip(
        &self,
        clip: ClipId,
        reviewer: &Person,
        act: Act,
        why: Purpose,
        now: Timestamp,
    ) -> Result<OpenedClip, ReviewError> {
        let (grant, found) = self.granted(now, Actor::Person(reviewer.id()), act, why, |transaction| {
            require_reviewer(transaction, reviewer)?;
            let found = consenting(transaction, clip, reviewer.id(), "verdict IS NULL AND people.review")?;
            found.ok_or(ReviewError::NotFound)
        })?;
        found.open(&Opening::spend(grant), reviewer).map_err(|_| ReviewError::Damaged)
    }

    /// Looks for a clip and, if there is one, writes the access record about it, all in one transaction.
    pub(crate) fn granted<E: From<rusqlite::Error>>(
        &self,
        now: Timestamp,
        actor: Actor,
        act: Act,
        why: Purpose,
        find: impl FnOnce(&Transaction<'_>) -> Result<SealedClip, E>,
    ) -> Result<(Grant, SealedClip), E> {
        self.grant_found(|transaction| {
            let found = find(transaction)?;
            let note = Note::about(now, actor, act, why, found.owner, vec![found.recording]);
            Ok((note, found))
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Correction<T> {
    pub(crate) transcript: Option<T>,
}

/// A clip as it lies in the database.
pub(crate) struct SealedClip {
    n: i64,
    pub(crate) owner: Owner,
    pub(crate) recording: RecordingId,
    seal: Vec<u8>,
    pieces: Vec<Locked>,
}

/// A clip, opened.
pub(crate) struct OpenedClip {
    pub(crate) n: i64,
    pub(crate) binding: Binding,
    pub(crate) key: Secret,
    pub(crate) sound: vault::Plain,
    pub(crate) words: vault::Plain,
    pub(crate) correction: Option<vault::Plain>,
}

impl SealedClip {
    pub(crate) fn open(self, opening: &Opening, reviewer: &Person) -> Result<OpenedClip, Broken> {
        let to_reviewer = Binding { recording: self.recording, owner: reviewer.id() };
        let key = keys::open_seal(&self.seal, reviewer.own_secret(), &to_reviewer)?;
        let open = |kind: Kind| -> Result<Option<vault::Plain>, Broken> {
            let piece = self.pieces.iter().find(|piece| piece.kind == kind);
            piece.map(|piece| opening.open(piece, |_| Ok(key.clone()))).transpose()
        };
        Ok(OpenedClip {
            n: self.n,
            binding: Binding { recording: self.recording, owner: self.owner.id() },
            sound: open(Kind::Audio)?.ok_or(Broken)?,
            words: open(Kind::Words)?.ok_or(Broken)?,
            correction: open(Kind::Correction)?,
            key,
        })
    }
}

/// The clip, if `condition` (about clips and its owner's row of people) holds and `reviewer` has a seal to it.
pub(crate) fn consenting(
    transaction: &Transaction<'_>,
    clip: ClipId,
    reviewer: PersonId,
    condition: &str,
) -> rusqlite::Result<Option<SealedClip>> {
    let found: Option<(i64, Id, Vec<u8>)> = transaction
        .prepare_cached(&format!(
            "SELECT clips.n, clips.owner, review_seals.sealed
             FROM clips JOIN review_seals USING (n) JOIN people ON people.person = clips.owner
             WHERE clip = ?1 AND review_seals.reviewer = ?2 AND {condition}"
        ))?
        .query_row(params![clip.0, Id::from(reviewer)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((n, owner, seal)) = found else { return Ok(None) };
    let owner = owner.owner();
    let mut pieces = Vec::new();
    for kind in [Kind::Audio, Kind::Words, Kind::Correction] {
        pieces.extend(vault::fetch(transaction, owner, kind, &[n])?);
    }
    let Some(recording) = pieces.first().map(|piece| piece.binding.recording) else { return Ok(None) };
    Ok(Some(SealedClip { n, owner, recording, seal, pieces }))
}

/// The words without what was not spoken: a slot that the hub filled in from where somebody stood, the explanation
/// (which names areas) and the timings.
fn nameless(mut words: Words) -> Words {
    let spoken = words.transcript.as_ref().map(|text| text.to_lowercase()).unwrap_or_default();
    words.slots.retain(|(_, value)| spoken.contains(&value.to_lowercase()));
    words.explanation = None;
    words.stages.clear();
    words
}

pub(crate) fn require_reviewer(transaction: &Transaction<'_>, person: &Person) -> Result<(), ReviewError> {
    let reviewer: Option<bool> = transaction
        .prepare_cached("SELECT reviewer FROM people WHERE person = ?1 AND gone IS NULL")?
        .query_row([Id::from(person.id())], |row| row.get(0))
        .optional()?;
    if reviewer == Some(true) { Ok(()) } else { Err(ReviewError::NotReviewer) }
}

/// Puts a new recording into the queue, if its owner opted in: a random number, and its key sealed to each reviewer.
pub(crate) fn queue(
    transaction: &Transaction<'_>,
    n: i64,
    owner: Owner,
    key: &Secret,
    recording: RecordingId,
) -> Result<(), StoreError> {
    let Owner::Person(person) = owner else { return Ok(()) };
    let consents: bool = transaction
        .prepare_cached("SELECT review FROM people WHERE person = ?1 AND gone IS NULL")?
        .query_row([Id::from(person)], |row| row.get(0))?;
    if !consents {
        return Ok(());
    }
    let reviewers: Vec<(PersonId, [u8; 32])> = transaction
        .prepare_cached("SELECT person, public FROM people WHERE reviewer AND gone IS NULL AND person <> ?1")?
        .query_map([Id::from(person)], |row| Ok((row.get::<_, Id>(0)?.person(), row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    if reviewers.is_empty() {
        return Ok(());
    }
    let clip = i64::from_le_bytes(keys::random()) & i64::MAX;
    transaction
        .prepare_cached("INSERT INTO clips (clip, n, owner) VALUES (?1, ?2, ?3)")?
        .execute(params![clip, n, Id::from(person)])?;
    for (reviewer, public) in reviewers {
        let public = Public::from_slice(&public).map_err(|_| StoreError::Damaged)?;
        let sealed = keys::seal(key, &public, &Binding { recording, owner: reviewer });
        transaction
            .prepare_cached("INSERT INTO review_seals (n, reviewer, sealed) VALUES (?1, ?2, ?3)")?
            .execute(params![n, Id::from(reviewer), sealed])?;
    }
    Ok(())
}

/// Empties the queue of `owner`'s clips and destroys the reviewers' seals to them.
pub(crate) fn withdraw(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<()> {
    transaction.execute(
        "DELETE FROM review_seals WHERE n IN (SELECT n FROM clips WHERE owner = ?1)",
        [Id::from(owner)],
    )?;
    transaction.execute("DELETE FROM clips WHERE owner = ?1", [Id::from(owner)])?;
    Ok(())
}
