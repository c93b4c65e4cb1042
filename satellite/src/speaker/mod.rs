//! Where the hub's answers and the earcons come out: a sound card, a file, or nowhere.
//!
//! ```text
//! reply frames ─┐
//! earcons ──────┴→ tracks (mixed, volume) → card | file | nothing
//! ```
//!
//! The card is open only while something sounds: a card that is gone is simply tried again with the next
//! sound, and none hisses through the night.

mod card;
mod earcon;
mod recording;
mod tracks;

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config;
use crate::listening::Earcon;
use crate::sound::Frame;
use tracks::Tracks;

/// After a sound the card stays open for so long, since the next one often follows.
const LINGER: Duration = Duration::from_secs(2);

/// How often the thread looks whether the sound has ended.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum SpeakerError {
    #[error(
        "speaker `{name}` cannot be opened: {cause}; `sotto-satellite devices` lists what there is, and \
             speaker.device = \"none\" does without"
    )]
    Card { name: String, cause: String },
    #[error("cannot write {path}: {cause}", path = .path.display())]
    Recording { path: PathBuf, cause: hound::Error },
}

/// A loudspeaker. What it is given sounds in the background; dropping it ends that.
pub struct Speaker {
    shared: Arc<Shared>,
    earcons: bool,
}

#[derive(Default)]
struct Shared {
    tracks: Mutex<Tracks>,
    changed: Condvar,
}

impl Shared {
    /// A thread that panicked leaves tracks that are still whole.
    fn tracks(&self) -> MutexGuard<'_, Tracks> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Speaker {
    /// `device` is `none`, `file:NAME.wav`, or a sound card by name, which is opened with the first sound.
    pub fn open(config: &config::Speaker) -> Result<Self, SpeakerError> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        if let Some(path) = config.device.strip_prefix("file:") {
            let mut recording = recording::Recording::create(path.into())?;
            std::thread::spawn(move || {
                recording.follow(&theirs).unwrap_or_else(|error| shared_trouble(&theirs, &error));
            });
        } else if config.device != "none" {
            let name = config.device.clone();
            std::thread::spawn(move || card::follow(&name, &theirs));
        } else {
            shared.tracks().close();
        }
        let speaker = Self { shared, earcons: config.earcons };
        speaker.volume(config.volume as f32 / 100.0);
        Ok(speaker)
    }

    /// Plays a short sound, over whatever else sounds.
    pub fn play(&self, earcon: Earcon) {
        if self.earcons {
            self.with(|tracks| tracks.play(earcon::samples(earcon)));
        }
    }

    /// The next 20 ms of a reply, at 0 to 1 of the volume.
    pub fn say(&self, frame: &Frame, volume: f32) {
        self.with(|tracks| tracks.say(frame, volume));
    }

    /// Stops the reply that is being spoken.
    pub fn hush(&self) {
        self.with(Tracks::hush);
    }

    /// 0 to 1, for everything.
    pub fn volume(&self, volume: f32) {
        self.with(|tracks| tracks.volume(volume));
    }

    /// Whether a reply is sounding.
    pub fn speaking(&self) -> bool {
        self.shared.tracks().speaking()
    }

    /// Whether anything is sounding.
    pub fn sounding(&self) -> bool {
        self.shared.tracks().sounding()
    }

    /// Why the latest sound could not be heard, told once.
    pub fn trouble(&self) -> Option<String> {
        self.shared.tracks().take_trouble()
    }

    fn with(&self, change: impl FnOnce(&mut Tracks)) {
        change(&mut self.shared.tracks());
        self.shared.changed.notify_all();
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.with(Tracks::close);
    }
}

fn shared_trouble(shared: &Shared, error: &SpeakerError) {
    let mut tracks = shared.tracks();
    tracks.report(error.to_string());
    tracks.close();
}

impl Shared {
    /// Waits until there is something to sound; false when the speaker is closed.
    fn wait(&self) -> bool {
        let tracks = self.tracks();
        let quiet = |tracks: &mut Tracks| !tracks.sounding() && !tracks.closed();
        let tracks = self.changed.wait_while(tracks, quiet).unwrap_or_else(PoisonError::into_inner);
        !tracks.closed()
    }
}
