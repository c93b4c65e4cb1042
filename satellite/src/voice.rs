//! Is somebody speaking? Judged by loudness alone, for a satellite that has no voice network.
//!
//! A poor judge next to the network (a door is as loud as a word), and what push-to-talk and
//! wake-on-speech use on a machine where no model was ever installed.

use sotto_wake::Voice;

use crate::sound::{FRAME, Frame};

/// Nothing quieter than this is called a voice, whatever the background.
const QUIETEST_VOICE: f32 = -55.0;
/// A voice is louder than the background by this, in decibels.
const ABOVE: f32 = 10.0;
/// The background follows quieter sound at once, and louder sound by so many decibels a frame: 4 a second.
const RISES: f32 = 0.08;

#[derive(Debug, Default)]
pub struct Loudness {
    background: Option<f32>,
    /// Samples heard so far.
    heard: u64,
}

impl Loudness {
    pub fn push(&mut self, frame: &Frame) -> Voice {
        self.heard += FRAME as u64;
        let level = frame.dbfs();
        let before = self.background.unwrap_or(level);
        self.background = Some(level.min(before + RISES));
        let loud = level > QUIETEST_VOICE && level > before + ABOVE;
        Voice { probability: if loud { 0.9 } else { 0.05 }, level, at: self.heard }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of noise at `dbfs` after two seconds at `background`, and how many were called a voice.
    fn check(background: f32, dbfs: f32, frames: usize, expect: std::ops::RangeInclusive<usize>) {
        let mut loudness = Loudness::default();
        let at = |dbfs: f32| Frame::from([(32_768.0 * 10f32.powf(dbfs / 20.0)) as i16; FRAME]);
        for _ in 0..100 {
            loudness.push(&at(background));
        }
        let voices = (0..frames).filter(|_| loudness.push(&at(dbfs)).probability > 0.5).count();
        assert!(expect.contains(&voices), "{dbfs} dB over {background} dB: {voices} of {frames}");
    }

    #[test]
    fn a_voice_stands_out_and_a_hum_does_not() {
        check(-65.0, -30.0, 50, 50..=50);
        check(-65.0, -60.0, 50, 0..=0);
        check(-40.0, -38.0, 50, 0..=0);
        check(-40.0, -25.0, 20, 20..=20);
        // A fan that is switched on stops being a voice after a few seconds.
        check(-65.0, -35.0, 1_000, 200..=300);
    }
}
