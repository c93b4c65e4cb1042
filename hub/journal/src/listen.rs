//! Hearing a recording.
//!
//! `listen(recording, who, why) → access record → Listening`. Deliberately absent: a "not yours" that differs from
//! "not there", so that nobody learns by asking which ids exist.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use sotto_house::RecordingId;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Journal;
use crate::access::Note;
use crate::acts::{Act, Actor, Purpose};
use crate::codes::Id;
use crate::keys::Kind;
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::Owner;
use crate::sound::{PACKET, Sound};
use crate::store::StoreError;
use crate::vault;

/// Why there is nothing to hear.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Erased, somebody else's, or never there.
    #[error("no recording of yours has this id; it may have been erased")]
    NotFound,
    #[error("this recording's file is damaged; it can only be erased")]
    Damaged,
    #[error("you are no longer a member of this household; sign in again")]
    NotMember,
    #[error("the access record could not be written, so nothing was opened")]
    NotRecorded(#[source] StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ListenError {
    fn from(error: rusqlite::Error) -> Self {
        ListenError::Store(error.into())
    }
}

impl From<MemberError> for ListenError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Store(error) => ListenError::Store(error),
            _ => ListenError::NotMember,
        }
    }
}

/// A recording's opened sound. Wiped from memory on drop; it cannot be made outside this crate:
///
/// ```compile_fail,E0451
/// let forged = sotto_journal::Listening { sound: loop {} };
/// ```
///
/// ```compile_fail,E0624
/// let forged = sotto_journal::Listening::new(loop {});
/// ```
pub struct Listening {
    sound: Sound,
}

impl Listening {
    pub(crate) fn new(sound: Sound) -> Self {
        Listening { sound }
    }

    /// The Opus packets as the satellite sent them, 20 ms each, oldest first.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.sound.packets.iter().map(|packet| packet.as_slice())
    }

    pub fn length(&self) -> Duration {
        self.sound.length()
    }

    /// How much of the beginning was before the wake word was known.
    pub fn pre_roll(&self) -> Duration {
        PACKET * u32::from(self.sound.pre_roll)
    }

    /// A whole Ogg Opus file (RFC 7845), which browsers play.
    pub fn ogg_opus(&self) -> Zeroizing<Vec<u8>> {
        self.sound.to_ogg()
    }

    /// 16 kHz mono samples.
    pub fn pcm(&self) -> Zeroizing<Vec<i16>> {
        self.sound.to_pcm()
    }

    /// The loudest sample of each of `count` equal stretches (at most 4096), 0 to 255, to draw it.
    pub fn peaks(&self, count: usize) -> Vec<u8> {
        self.sound.peaks(count)
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listening({} packets)", self.sound.packets.len())
    }
}

impl Journal {
    /// Opens a recording's sound for its owner or, if it is the house's, for an adult. Whoever it belongs to sees
    /// that, why and when.
    pub fn listen(
        &self,
        recording: RecordingId,
        who: &Person,
        why: Purpose,
        now: Timestamp,
    ) -> Result<Listening, ListenError> {
        let found = self.store().read(|transaction| -> Result<_, ListenError> {
            require_active(transaction, who.id())?;
            let row: Option<(i64, Id)> = transaction
                .prepare_cached("SELECT n, owner FROM recordings WHERE recording = ?1")?
                .query_row(params![Id::from(recording)], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            // Before anything of it is read: what is somebody else's takes as long as what is not there.
            let theirs = row.filter(|(_, owner)| who.secret_of(owner.owner()).is_some());
            let Some((n, owner)) = theirs else { return Err(ListenError::NotFound) };
            let owner: Owner = owner.owner();
            let piece = vault::fetch(transaction, owner, Kind::Audio, &[n])?.pop();
            Ok((owner, piece.ok_or(ListenError::NotFound)?))
        })?;
        let (owner, piece) = found;
        let secret = who.secret_of(owner).ok_or(ListenError::NotFound)?;
        let actor = Actor::Person(who.id());
        let grant = self
            .grant(Note::about(now, actor, Act::Listened, why, owner, vec![recording]))
            .map_err(ListenError::NotRecorded)?;
        let plain = vault::open(grant, secret, &[piece]).pop().and_then(Result::ok);
        let sound = plain.and_then(|plain| Sound::from_bytes(&plain)).ok_or(ListenError::Damaged)?;
        Ok(Listening::new(sound))
    }
}
