//! Recording an utterance: in memory while it is spoken, on the disk only when it is finished and to be kept.
//!
//! `record → push… → finish → sealed` or `→ drop → nothing`. A hub that ends in the middle leaves nothing behind, and
//! what is kept "not at all" never comes near the disk. Deliberately absent: a way to get at the packets but
//! [`Recorder::listen_live`], which writes its access record first.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{Area, Kept, Outcome, PersonId, RecordingId, Retention, SatelliteId, UtteranceId};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::house_key::public_of;
use crate::keys::{self, Binding, Kind, Secret};
use crate::review;
use crate::settings;
use crate::sound::{PACKET, PACKET_LIMIT, PACKETS_LIMIT, Sound};
use crate::store::{Lasting, StoreError, lock};
use crate::sweep::State;
use crate::words::Words;
use crate::{Change, Journal, milliseconds};

/// Whose a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Person(PersonId),
    /// Nobody in particular: it opens to every adult of the household, and each sees who opened it.
    House,
}

impl Owner {
    pub(crate) const fn id(self) -> PersonId {
        match self {
            Owner::Person(person) => person,
            Owner::House => PersonId::from_bytes([0; 16]),
        }
    }

    pub(crate) fn from_id(id: PersonId) -> Self {
        if id == Owner::House.id() { Owner::House } else { Owner::Person(id) }
    }
}

/// Why it is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribution {
    /// Nobody was recognised: the house's.
    Unknown,
    /// By voice, with a clear margin.
    Voice,
    /// By the satellite's owner.
    Satellite,
    /// Somebody said "this was me".
    Claimed,
    /// Its owner gave it to them.
    HandedOver,
    /// Its owner said "this was not me": the house's.
    Disputed,
}

impl Attribution {
    pub const ALL: [Attribution; 6] = [
        Attribution::Unknown,
        Attribution::Voice,
        Attribution::Satellite,
        Attribution::Claimed,
        Attribution::HandedOver,
        Attribution::Disputed,
    ];
}

/// What is known when somebody begins to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub utterance: UtteranceId,
    pub satellite: SatelliteId,
    pub area: Option<Area>,
    /// When the wake word was heard.
    pub at: Timestamp,
    /// How much of the sound comes from before that; rounded to whole packets.
    pub pre_roll: Duration,
}

/// What is known when it is over.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Whose voice it is, by a clear margin. Without one it belongs to the satellite's owner, else to the house.
    pub speaker: Option<PersonId>,
    pub outcome: Outcome,
    pub words: Words,
}

/// What became of a finished recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Sealed and on the disk.
    Kept(RecordingId, Owner),
    /// Its owner, its area or its outcome says "not at all": nothing of it was written.
    NotKept,
}

impl Recorded {
    pub fn recording(&self) -> Option<RecordingId> {
        match self {
            Recorded::Kept(recording, _) => Some(*recording),
            Recorded::NotKept => None,
        }
    }
}

/// Why a recording was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("the utterance is longer than {} s; end it", PACKETS_LIMIT / 50)]
    TooLong,
    #[error("an Opus packet has at most {PACKET_LIMIT} bytes; the satellite sends something else")]
    Packet,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for RecordError {
    fn from(error: rusqlite::Error) -> Self {
        RecordError::Store(error.into())
    }
}

/// One utterance being recorded. Dropped without [`Self::finish`], nothing of it remains.
///
/// Clones share it, so that one task can push while another listens; finishing any of them takes the sound.
#[derive(Clone)]
pub struct Recorder {
    journal: Journal,
    recording: RecordingId,
    heard: Arc<Heard>,
    keep: Retention,
    sound: Arc<Mutex<Sound>>,
}

impl Journal {
    /// Begins a recording. `keep` is the longest the house allows it; its owner, area and outcome may shorten that.
    pub fn record(&self, heard: Heard, keep: Retention) -> Recorder {
        let pre_roll = (heard.pre_roll.as_millis() / PACKET.as_millis()).min(PACKETS_LIMIT as u128) as u16;
        Recorder {
            journal: self.clone(),
            recording: RecordingId::from_bytes(keys::random()),
            heard: Arc::new(heard),
            keep,
            sound: Arc::new(Mutex::new(Sound { packets: Vec::new(), pre_roll })),
        }
    }
}

impl Recorder {
    /// The id that the recording will have if it is kept.
    pub fn id(&self) -> RecordingId {
        self.recording
    }

    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Takes the next 20 ms, as the satellite sent them. Never blocks on the disk.
    pub fn push(&self, packet: Vec<u8>) -> Result<(), RecordError> {
        let packet = Zeroizing::new(packet);
        if packet.len() > PACKET_LIMIT {
            return Err(RecordError::Packet);
        }
        let mut sound = lock(&self.sound);
        if sound.packets.len() == PACKETS_LIMIT {
            return Err(RecordError::TooLong);
        }
        sound.packets.push(packet);
        Ok(())
    }

    /// How much was said so far.
    pub fn length(&self) -> Duration {
        lock(&self.sound).length()
    }

    /// Lets the hub itself hear the utterance while it is spoken. Writes the access record first: of an utterance
    /// that is not kept, the record (a time and a random id; no area, satellite or person) is all that remains.
    pub fn listen_live(&self, why: Purpose, now: Timestamp) -> Result<LiveListening, RecordError> {
        let note = Note::about(now, Actor::Hub, Act::HeardLive, why, Owner::House, vec![self.recording]);
        // Not flushed to the disk: this is on the way of every command. WAL frames are written in order, so a power
        // cut that takes the record takes the recording too.
        let grant = self.journal.grant_lasting(note, Lasting::Process)?;
        Ok(LiveListening { sound: self.sound.clone(), taken: 0, _grant: grant })
    }

    /// Closes the recording: gives it to its owner and, if it is to be kept at all, seals it.
    pub fn finish(self, finished: Finished, now: Timestamp) -> Result<Recorded, RecordError> {
        let sound = std::mem::take(&mut *lock(&self.sound));
        let result = self.seal(sound, finished);
        if let Err(RecordError::Store(StoreError::Full)) = &result {
            self.journal.set_state(State::Full { since: now });
        } else if matches!(result, Ok(Recorded::Kept(..))) {
            self.journal.recover_from_full();
        }
        if let Ok(Recorded::Kept(recording, _)) = result {
            self.journal.announce(Change::Recorded(recording));
        }
        result
    }

    fn seal(&self, sound: Sound, finished: Finished) -> Result<Recorded, RecordError> {
        let Finished { speaker, outcome, words } = finished;
        let fate = self.journal.store().read(|transaction| -> Result<_, RecordError> {
            Ok(self.fate(transaction, speaker, outcome)?)
        })?;
        if fate.kept == Kept::NotAtAll {
            return Ok(Recorded::NotKept);
        }
        let words = if fate.transcripts { words } else { words.without_transcript() };
        let plain = (sound.to_bytes(), words.to_bytes());
        let kept = self.journal.store().write(Lasting::Process, |transaction| {
            // Asked again: whoever it belongs to may have left or chosen otherwise in between.
            let fate = self.fate(transaction, speaker, outcome)?;
            if fate.kept == Kept::NotAtAll {
                return Ok(Recorded::NotKept);
            }
            let public = public_of(transaction, fate.owner)?.ok_or(StoreError::Damaged)?;
            let binding = Binding { recording: self.recording, owner: fate.owner.id() };
            let key = Secret::random();
            let sealed = Sealed {
                seal: keys::seal(&key, &public, &binding),
                sound: keys::lock(&plain.0, &key, &binding, Kind::Audio),
                words: keys::lock(&plain.1, &key, &binding, Kind::Words),
                correction: None,
            };
            let row = Row {
                recording: self.recording,
                owner: fate.owner,
                attributed: fate.attributed,
                at: self.heard.at,
                area: self.heard.area.as_ref().map(|area| label(transaction, area.as_str())).transpose()?,
                satellite: label(transaction, self.heard.satellite.as_str())?,
                outcome,
                length: sound.length(),
                kept: fate.kept,
                ceiling: self.keep,
            };
            let n = insert(transaction, &row, &sealed)?;
            review::queue(transaction, n, fate.owner, &key, self.recording)?;
            Ok::<_, RecordError>(Recorded::Kept(self.recording, fate.owner))
        })?;
        Ok(kept)
    }

    /// Whose it is, and how long it stays.
    fn fate(
        &self,
        transaction: &Transaction<'_>,
        speaker: Option<PersonId>,
        outcome: Outcome,
    ) -> Result<Fate, StoreError> {
        let by_satellite: Option<PersonId> = transaction
            .prepare_cached("SELECT person FROM satellite_owner WHERE satellite = ?1")?
            .query_row([self.heard.satellite.as_str()], |row| row.get::<_, Id>(0))
            .optional()?
            .map(Id::person);
        let candidates = [(speaker, Attribution::Voice), (by_satellite, Attribution::Satellite)];
        let area = self.heard.area.as_ref();
        for (person, attributed) in candidates {
            let Some(person) = person else { continue };
            if let Some(choice) = settings::choice_of(transaction, person)? {
                let owner = Owner::Person(person);
                let kept = settings::kept(transaction, outcome, choice.keep.min(self.keep), area)?;
                return Ok(Fate { owner, attributed, kept, transcripts: choice.transcripts });
            }
        }
        let keep = settings::house_keep(transaction)?.min(self.keep);
        let kept = settings::kept(transaction, outcome, keep, area)?;
        Ok(Fate { owner: Owner::House, attributed: Attribution::Unknown, kept, transcripts: true })
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({}, {} ms)", self.recording, self.length().as_millis())
    }
}

struct Fate {
    owner: Owner,
    attributed: Attribution,
    kept: Kept,
    transcripts: bool,
}

/// The right to hear one utterance while it is spoken. It cannot be made outside this crate:
///
/// ```compile_fail,E0451
/// let forged = sotto_journal::LiveListening { sound: Default::default(), taken: 0, _grant: loop {} };
/// ```
pub struct LiveListening {
    sound: Arc<Mutex<Sound>>,
    taken: usize,
    _grant: access::Grant,
}

impl LiveListening {
    /// The packets that came since the last call, oldest first; none once the recording is finished or dropped.
    pub fn take(&mut self) -> Vec<Zeroizing<Vec<u8>>> {
        let sound = lock(&self.sound);
        let fresh = sound.packets.get(self.taken..).unwrap_or_default().to_vec();
        self.taken += fresh.len();
        fresh
    }
}

impl fmt::Debug for LiveListening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveListening({} packets taken)", self.taken)
    }
}

/// What a row of `recordings` must be to be on any page: an erasure leaves it dead until it is cleared away.
pub(crate) const ALIVE: &str = "NOT EXISTS (SELECT 1 FROM doomed WHERE doomed.n = recordings.n)";

/// The clear part of a recording, as a row. What is in it and why: docs/decisions/0051.
pub(crate) struct Row {
    pub(crate) recording: RecordingId,
    pub(crate) owner: Owner,
    pub(crate) attributed: Attribution,
    pub(crate) at: Timestamp,
    pub(crate) area: Option<i64>,
    pub(crate) satellite: i64,
    pub(crate) outcome: Outcome,
    pub(crate) length: Duration,
    pub(crate) kept: Kept,
    pub(crate) ceiling: Retention,
}

/// Its sealed part.
pub(crate) struct Sealed {
    pub(crate) seal: Vec<u8>,
    pub(crate) sound: Vec<u8>,
    pub(crate) words: Vec<u8>,
    pub(crate) correction: Option<Vec<u8>>,
}

/// How a seal is made: to the owner's public key, as the hub writes it, or under the owner's own symmetric key, as it
/// becomes once they have opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    ToPublicKey = 0,
    UnderOwnKey = 1,
}

/// Bytes of a sealed sound's nonce that tell one sealing from another.
const PRINT: usize = 16;

pub(crate) fn insert(transaction: &Transaction<'_>, row: &Row, sealed: &Sealed) -> rusqlite::Result<i64> {
    let at = row.at.as_millisecond();
    transaction
        .prepare_cached(
            "INSERT INTO recordings (recording, owner, attributed, at, area, satellite, outcome, length, expires, ceiling, print)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            Id::from(row.recording),
            Id::from(row.owner),
            Code(row.attributed),
            at,
            row.area,
            row.satellite,
            Code(row.outcome),
            milliseconds(row.length),
            expiry(at, row.kept),
            Code(row.ceiling),
            sealed.sound.get(..PRINT).unwrap_or_default()
        ])?;
    let n = transaction.last_insert_rowid();
    transaction
        .prepare_cached("INSERT INTO seals (owner, n, form, sealed) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![Id::from(row.owner), n, Form::ToPublicKey as i64, sealed.seal])?;
    transaction
        .prepare_cached("INSERT INTO words (n, sealed) VALUES (?1, ?2)")?
        .execute(params![n, sealed.words])?;
    transaction
        .prepare_cached("INSERT INTO sounds (n, sealed) VALUES (?1, ?2)")?
        .execute(params![n, sealed.sound])?;
    if let Some(correction) = &sealed.correction {
        transaction
            .prepare_cached("INSERT INTO corrections (n, sealed) VALUES (?1, ?2)")?
            .execute(params![n, correction])?;
    }
    Ok(n)
}

/// When a recording goes, in milliseconds since 1970; the greatest number is never.
pub(crate) fn expiry(at: i64, kept: Kept) -> i64 {
    match kept {
        Kept::NotAtAll => at,
        Kept::For(lifetime) => at.saturating_add(milliseconds(lifetime)),
        Kept::UntilErased => i64::MAX,
    }
}

pub(crate) fn label(transaction: &Transaction<'_>, text: &str) -> rusqlite::Result<i64> {
    let known: Option<i64> = transaction
        .prepare_cached("SELECT label FROM labels WHERE text = ?1")?
        .query_row([text], |row| row.get(0))
        .optional()?;
    if let Some(label) = known {
        return Ok(label);
    }
    transaction.prepare_cached("INSERT INTO labels (text) VALUES (?1)")?.execute([text])?;
    Ok(transaction.last_insert_rowid())
}
