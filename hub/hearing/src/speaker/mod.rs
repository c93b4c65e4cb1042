//! Whose voice it is: sound to a point in a space of voices, and how near that lies to those that are enrolled.
//!
//! ```text
//! samples ─ clip (speech alone, one level) ─ mel ─ network ─▶ Voiceprint
//! ten takes ─ enrol ─▶ Profile                      Profile.score(Voiceprint) ─▶ -1 … 1
//! ```
//!
//! Deliberately absent: who that is and whether it is near enough. `house` decides from scores alone, and `journal`
//! keeps profiles. No error, log line or `Debug` here holds a number of a voice.

mod cohort;

mod clip;
mod mel;
mod network;
mod voiceprint;

mod enrol;
mod profile;

mod weights;

use std::path::Path;

pub use clip::Sound;
pub use enrol::{Problem, Take};
pub use profile::{Profile, Quality, TAKES};
pub use sotto_weights::Error as ModelError;
pub use voiceprint::{SIZE, Voiceprint};
pub use weights::{BYTES, FILE, SHA256, install, pull};

use clip::Clip;
use mel::{BANDS, Frame, MelFilter, STEP};
use network::{Network, WINDOW};

/// Tells voices apart. Shared by threads; a call costs what the speech is long.
pub struct Encoder {
    network: Network,
    filter: MelFilter,
}

/// What one clip says of its voice.
pub struct Heard {
    pub sound: Sound,
    /// `None` where nothing in it is speech.
    pub voice: Option<Voiceprint>,
}

impl Encoder {
    /// Reads the model that `sotto-hub models pull speaker` has installed in `folder`.
    pub fn open(folder: &Path) -> Result<Encoder, ModelError> {
        Ok(Encoder { network: weights::open(folder)?, filter: MelFilter::new() })
    }

    /// The voice in `samples` (mono, 16 kHz).
    pub fn hear(&self, samples: &[i16]) -> Heard {
        let mut clip = Clip::new(samples, &self.filter);
        let voice = Voiceprint::mean(&self.network.embed(&clip.windows()));
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
        Voiceprint::mean(&self.network.embed(&windows))
    }
}
