//! Whose voice it is: sound to a point in a space of voices, and how near that lies to those that are enrolled.
//!
//! ```text
//! samples ─ clip (speech alone, one level) ─┬─ mel ─ network ─────────────────────┬─▶ Voiceprint
//!                                           └─ given ═process═ onnx (─ fbank) ────┘
//! ten takes ─ enrol ─▶ Profile                       Profile.score(Voiceprint) ─▶ -1 … 1
//! other people ─ measure ─▶ Space: how the voiceprints of an encoder that was brought are to be read
//! ```
//!
//! Deliberately absent: who that is and whether it is near enough. `house` decides from scores alone, and `journal`
//! keeps profiles. No error, log line or `Debug` here holds a number of a voice.

mod cohort;
mod space;

mod clip;
mod mel;
mod network;
mod voiceprint;

mod fbank;
mod given;
mod onnx;

mod enrol;
mod profile;

mod installed;
mod measure;
mod weights;

use std::path::Path;
use std::sync::Arc;

pub use clip::Sound;
pub use enrol::{Problem, Take};
pub use given::GivenError;
pub use installed::{BringError, Brought, OpenError, installed, remove_given};
pub use measure::{FEWEST, MeasureError, Measured, Trial};
pub use profile::{NotThis, Profile, Quality, TAKES};
pub use sotto_weights::Error as ModelError;
pub use voiceprint::{SIZE, Voiceprint};
pub use weights::{FILE, PACKAGE};

pub(crate) use given::{KIND, serve};

use clip::Clip;
use given::Given;
use mel::{BANDS, Frame, MelFilter, STEP};
use network::{Network, WINDOW};
use space::Space;

/// Tells voices apart. Shared by threads; a call costs what the speech is long.
pub struct Encoder {
    which: Which,
    space: Arc<Space>,
    filter: MelFilter,
}

/// Whose network it is.
enum Which {
    /// The one that comes with Sotto.
    Ours(Box<Network>),
    /// One that the household brought.
    Given(Given),
}

/// What one clip says of its voice.
pub struct Heard {
    pub sound: Sound,
    pub voice: Result<Voiceprint, NoVoice>,
}

/// Why a clip says nothing of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoVoice {
    /// Nothing in it is speech.
    Silence,
    /// The encoder that the household brought does not answer.
    NoAnswer,
}

impl Encoder {
    /// Opens what [`installed`] finds in `folder`. An encoder that the household brought runs in a process of `program`,
    /// which becomes one by [`crate::worker::run`].
    pub fn open(folder: &Path, program: &Path) -> Result<Encoder, OpenError> {
        let (which, space) = installed::open(folder, program)?;
        Ok(Encoder::of(which, space))
    }

    fn of(which: Which, space: Space) -> Encoder {
        Encoder { which, space: Arc::new(space), filter: MelFilter::new() }
    }

    /// A profile of nobody yet.
    pub fn profile(&self) -> Profile {
        Profile::new(self.space.clone())
    }

    /// A profile that was learned with this encoder, from its bytes.
    pub fn read(&self, profile: &[u8]) -> Result<Profile, NotThis> {
        Profile::from_bytes(profile, self.space.clone())
    }

    /// Measures it on people who do not live here, each in one recording of their own (mono, 16 kHz).
    pub fn measure(&self, people: &[Vec<i16>]) -> Result<Measured, MeasureError> {
        measure::measure(self, self.space.encoder(), people)
    }

    /// The voice in `samples` (mono, 16 kHz).
    pub fn hear(&self, samples: &[i16]) -> Heard {
        let mut clip = Clip::new(samples, &self.filter);
        let voice = match &self.which {
            Which::Ours(network) => {
                let windows = network.embed(&clip.windows());
                Voiceprint::mean(windows.iter().map(|window| &window[..])).ok_or(NoVoice::Silence)
            }
            Which::Given(given) => match clip.spoken(samples) {
                spoken if spoken.is_empty() => Err(NoVoice::Silence),
                spoken => match given.embed(&spoken) {
                    Ok(numbers) => Voiceprint::from_numbers(&numbers).ok_or(NoVoice::NoAnswer),
                    Err(error) => {
                        tracing::warn!(%error, "a voice was not compared");
                        Err(NoVoice::NoAnswer)
                    }
                },
            },
        };
        Heard { sound: clip.sound, voice }
    }

    /// What Resemblyzer's `embed_utterance` makes of `samples` (full scale is 1), without any of our preparation: to
    /// be compared with it.
    pub fn as_resemblyzer(&self, samples: &[f32]) -> Option<Voiceprint> {
        /// 16000 / 1.3 samples, in frames.
        const HOP: usize = 77;
        let frames = (samples.len() + 1).div_ceil(STEP);
        let mut starts: Vec<usize> =
            (0..(frames + HOP + 1).saturating_sub(WINDOW).max(1)).step_by(HOP).collect();
        let covered = |start: usize| (samples.len() as f32 - (start * STEP) as f32) / (WINDOW * STEP) as f32;
        if starts.len() > 1 && starts.last().is_some_and(|start| covered(*start) < 0.75) {
            starts.pop();
        }
        let end = starts.last().map_or(WINDOW, |start| start + WINDOW);
        let mut padded = samples.to_vec();
        padded.resize(samples.len().max(end * STEP), 0.0);
        let frames: Vec<Frame> = self.filter.frames(&padded);
        let windows: Vec<&[[f32; BANDS]]> = starts.iter().map(|start| &frames[*start..][..WINDOW]).collect();
        let Which::Ours(network) = &self.which else { return None };
        let windows = network.embed(&windows);
        Voiceprint::mean(windows.iter().map(|window| &window[..]))
    }
}
