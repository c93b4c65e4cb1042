//! Whether somebody speaks, for a satellite that listens to every sentence.

use std::time::Duration;

use sotto_wake::Voice;

use crate::sound::RATE;

/// Voice for so long, without a gap, is somebody speaking.
const SPEAKING: Duration = Duration::from_millis(120);

/// A stretch of voice: when it began, in the ear's samples.
#[derive(Default)]
pub struct Speaking(Option<u64>);

impl Speaking {
    /// Whether the voice that `voice` continues has now lasted long enough; true once for each stretch.
    pub fn hear(&mut self, voice: Voice) -> bool {
        if voice.probability < 0.5 {
            self.0 = None;
            return false;
        }
        let began = *self.0.get_or_insert(voice.at);
        let speaks = voice.at.saturating_sub(began) >= (SPEAKING.as_millis() as u64 * RATE as u64) / 1000;
        if speaks {
            self.0 = Some(u64::MAX);
        }
        speaks
    }

    /// Whether there is a voice just now.
    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    pub fn forget(&mut self) {
        self.0 = None;
    }
}
