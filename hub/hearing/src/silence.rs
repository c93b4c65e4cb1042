//! Whether the speaker has just paused, known sample by sample: an early guess that costs nothing to get wrong.

/// 10 ms of sound.
const STEP: usize = 160;
/// A pause begins after 150 ms without speech.
const PAUSE: usize = 15;
/// Speech is at least 9 dB above the quietest 10 ms so far ...
const ABOVE_FLOOR: f32 = 8.0;
/// ... or at most 30 dB below the loudest: a weak end of a word is speech too.
const BELOW_PEAK: f32 = 1e-3;

/// Follows a clip as it arrives.
#[derive(Default)]
pub struct Silence {
    pending: Vec<i16>,
    quiet_steps: usize,
    spoken: bool,
    floor: Option<f32>,
    peak: f32,
}

impl Silence {
    pub fn push(&mut self, samples: &[i16]) {
        self.pending.extend_from_slice(samples);
        let whole = self.pending.len() / STEP * STEP;
        for step in self.pending[..whole].chunks(STEP) {
            let energy = step.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / STEP as f32 + 1.0;
            let floor = self.floor.map_or(energy, |floor| floor.min(energy));
            self.floor = Some(floor);
            self.peak = self.peak.max(energy);
            let speech = energy > ABOVE_FLOOR * floor && energy > BELOW_PEAK * self.peak;
            self.spoken |= speech;
            self.quiet_steps = if speech { 0 } else { self.quiet_steps + 1 };
        }
        self.pending.drain(..whole);
    }

    /// Something was said, and for 150 ms nothing more.
    pub fn paused(&self) -> bool {
        self.spoken && self.quiet_steps >= PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(samples: usize, amplitude: f32) -> Vec<i16> {
        (0..samples).map(|i| ((i as f32 * 0.3).sin() * amplitude) as i16).collect()
    }

    #[test]
    fn a_pause_needs_speech_before_it_and_time() {
        let mut silence = Silence::default();
        silence.push(&tone(8000, 20.0));
        assert!(!silence.paused(), "nothing was said yet");
        silence.push(&tone(8000, 4000.0));
        assert!(!silence.paused(), "in the middle of a word");
        silence.push(&tone(1600, 20.0));
        assert!(!silence.paused(), "100 ms is a stop consonant");
        silence.push(&tone(1600, 20.0));
        assert!(silence.paused());
        silence.push(&tone(320, 4000.0));
        assert!(!silence.paused(), "speaking again");
    }
}
