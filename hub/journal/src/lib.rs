//! The journal: the one door to a household's recordings.
//!
//! ```text
//! record ─ Recorder ─ finish ─┐                       ┌─ history, listen ─ access record ─ Grant ─ decrypt
//!    (memory only)            ├─ sealed to its owner ─┤
//! sign_in ─ Person ───────────┘                       └─ erase, sweep ─ tombstone ─ Receipt
//! ```
//!
//! Who may open a recording is decided by keys, not by an `if`: each recording has its own, sealed to its owner, whose
//! secret is open only in a [`Person`] that is signed in. Opening anything appends to the access log first; only what
//! that gives is accepted by decryption. Every call may block on the disk (a `Person` costs what Argon2id costs), so an
//! async program calls through `spawn_blocking`. Time is always an argument.
//!
//! Deliberately absent: a key, a transcript or a sound anywhere outside this crate that did not go through that door;
//! tokio's runtime; the household's policy, which is `house`'s.
//!
//! # A household's evening
//!
//! ```
//! use jiff::Timestamp;
//! use sotto_house::{Outcome, Retention, Role, SatelliteId, UtteranceId};
//! use sotto_journal::{Filter, Finished, Hardness, Heard, Journal, Options, Purpose, Words};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };
//! let now = Timestamp::UNIX_EPOCH;
//! let journal = Journal::open(dir.path(), options, now)?;
//! let (_id, code) = journal.add_member("Ada", Role::Adult, true, "four words are good", now)?;
//! println!("write this down: {}", code.reveal().as_str());
//!
//! // The hub records: in memory until it is finished.
//! let recorder = journal.record(
//!     Heard {
//!         utterance: UtteranceId::from_bytes([7; 16]),
//!         satellite: SatelliteId::new("kitchen")?,
//!         area: None,
//!         at: now,
//!         pre_roll: std::time::Duration::from_millis(500),
//!     },
//!     Retention::UntilErased,
//! );
//! let mut live = recorder.listen_live(Purpose::Transcribe, now)?;
//! recorder.push(vec![0; 40])?;
//! assert_eq!(live.take().len(), 1);
//! let words = Words { transcript: Some("turn on the light".to_owned().into()), ..Words::default() };
//! let kept = recorder.finish(Finished { speaker: None, outcome: Outcome::Done, words }, now)?;
//!
//! // Ada reads and hears it.
//! let ada = journal.sign_in("Ada", "four words are good", now)?;
//! let page = journal.history(&ada, &Filter::default(), None, 50, Purpose::Recall, now)?;
//! let entry = &page.entries[0];
//! assert_eq!(Some(entry.recording), kept.recording());
//! let sound = journal.listen(entry.recording, &ada, Purpose::Recall, now)?;
//! assert!(sound.ogg_opus().starts_with(b"OggS"));
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod codes;
mod keys;
mod schema;
mod store;
mod tokens;

mod access;
mod acts;
mod head;

mod guardian;
mod joining;
mod leave;
mod passkeys;
mod people;
mod person;
mod sign_in;

mod house_key;
mod settings;
mod touches;

mod record;
mod sound;
mod words;

mod vault;

mod glance;
mod history;
mod listen;
mod search;
mod shelf;

mod belong;
mod chosen;
mod erase;
mod selection;
mod sweep;
mod verify;

mod spoken;
mod voices;

mod backup;
mod export;

mod review;
mod training;

#[cfg(test)]
mod trials;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};
use jiff::Timestamp;
use rusqlite::OptionalExtension;
use tokio::sync::broadcast;

pub use access::{AccessRecord, Grant};
pub use acts::{Act, Actor, Purpose};
pub use backup::{BackedUp, BackupError, Restored};
pub use belong::BelongError;
pub use erase::{EraseError, Receipt, Spoken};
pub use export::{ExportError, Progress};
pub use guardian::{Outlines, Ward};
pub use head::Head;
pub use history::{Cursor, Entry, Filter, Outline, Page, ReadError};
pub use keys::Hardness;
pub use listen::{ListenError, Listening};
pub use passkeys::{Passkey, PasskeyPublic, PasskeySecret};
pub use people::{Member, MemberError};
pub use person::Person;
pub use record::{Attribution, Finished, Heard, LiveListening, Owner, RecordError, Recorded, Recorder};
pub use review::{Clip, ClipId, Judged, ReviewError, Verdict};
pub use selection::{Asked, Selection, What, Whose};
pub use settings::Settings;
pub use sign_in::{RecoverError, SignInError};
pub use sound::{PACKET, PACKET_LIMIT, PACKETS_LIMIT};
pub use store::{OpenError, StoreError};
pub use sweep::{Expiring, State, Swept};
pub use tokens::{CodeError, InviteToken, RecoveryCode};
pub use touches::Touches;
pub use training::{TrainingError, TrainingExport};
pub use verify::{Verified, VerifyError};
pub use voices::{OwnVoice, VoiceChoices, VoiceProfile};
pub use words::Words;

use store::{Keeper, Lasting, Store};

/// What may be chosen when the journal is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The cost of one guess at a passphrase, for those set from now on.
    pub hardness: Hardness,
    /// Most bytes the journal's file may take; `None` leaves it to the disk.
    pub limit: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Options { hardness: Hardness::HOUSEHOLD, limit: None }
    }
}

/// Something changed that a page may want to show. Ids only: what is behind them goes through the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A recording was kept.
    Recorded(sotto_house::RecordingId),
    /// Recordings went, changed hands or were reviewed: look again.
    Altered,
    /// Somebody joined, left or changed a setting.
    Members,
    /// The journal's [`State`] is another.
    State,
}

/// A household's journal. Clones share it; every method may be called from any thread.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    store: Store,
    signing: SigningKey,
    hardness: Hardness,
    /// The house's secret until the first adult joins; see [`house_key`].
    house: Mutex<Option<keys::Secret>>,
    patience: tokens::Patience,
    state: Mutex<State>,
    changes: broadcast::Sender<Change>,
}

impl Journal {
    /// Opens or makes the journal in `dir`, as the one process that keeps it. Brings an older one up to date; after a
    /// crash, begins to check the file's integrity in the background (see [`Self::state`]).
    pub fn open(dir: &Path, options: Options, now: Timestamp) -> Result<Self, OpenError> {
        Self::open_as(dir, options, now, Keeper::Hub)
    }

    /// Opens the journal that is there, beside a hub that may be running: for commands.
    pub fn visit(dir: &Path, options: Options, now: Timestamp) -> Result<Self, OpenError> {
        Self::open_as(dir, options, now, Keeper::Visitor)
    }

    fn open_as(dir: &Path, options: Options, now: Timestamp, keeper: Keeper) -> Result<Self, OpenError> {
        let store = Store::open(dir, options.limit, keeper)?;
        let signing = signing_key(&store)?;
        let (changes, _) = broadcast::channel(64);
        let journal = Journal(Arc::new(Inner {
            store,
            signing,
            hardness: options.hardness,
            house: Mutex::default(),
            patience: tokens::Patience::default(),
            state: Mutex::new(State::Sound),
            changes,
        }));
        journal.ensure_house(now)?;
        if journal.store().ended_badly() {
            journal.check_in_background();
        }
        Ok(journal)
    }

    /// Word of every change from now on. A receiver that falls behind by 64 is told so and looks again.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// The key that signs heads and receipts, for whoever keeps them.
    pub fn verifying_key(&self) -> [u8; 32] {
        self.public_key().to_bytes()
    }

    pub(crate) fn public_key(&self) -> VerifyingKey {
        self.0.signing.verifying_key()
    }

    pub(crate) fn announce(&self, change: Change) {
        // Nobody listening is no failure.
        let _ = self.0.changes.send(change);
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn signing(&self) -> &SigningKey {
        &self.0.signing
    }

    pub(crate) fn hardness(&self) -> Hardness {
        self.0.hardness
    }

    pub(crate) fn patience(&self) -> &tokens::Patience {
        &self.0.patience
    }

    pub(crate) fn house_in_memory(&self) -> &Mutex<Option<keys::Secret>> {
        &self.0.house
    }

    pub(crate) fn state_cell(&self) -> &Mutex<State> {
        &self.0.state
    }
}

/// The journal's own Ed25519 key, made at the first start. It signs and opens nothing.
fn signing_key(store: &Store) -> Result<SigningKey, StoreError> {
    store.write(Lasting::Disk, |transaction| {
        let found: Option<[u8; 32]> = transaction
            .query_row("SELECT value FROM facts WHERE name = 'signing key'", [], |row| row.get(0))
            .optional()?;
        let secret = match found {
            Some(secret) => secret,
            None => {
                let secret: [u8; 32] = keys::random();
                transaction
                    .execute("INSERT INTO facts (name, value) VALUES ('signing key', ?1)", [secret])?;
                secret
            }
        };
        Ok(SigningKey::from_bytes(&secret))
    })
}

/// A time from the database; one beyond what a calendar holds is the nearest that it does.
pub(crate) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(if milliseconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
