//! A clip made ready for the network: its speech alone, at one level, without the steady noise of the room.
//!
//! `samples → mel frames → − noise floor → speech frames → level → 1.6 s windows, a short clip repeated to fill one`
//!
//! Each step was found by trying (docs/decisions/0101). Deliberately absent: waiting for silence; a clip is judged
//! whole, once.

use std::time::Duration;

use super::mel::{BANDS, Frame, MelFilter, STEP};
use super::network::WINDOW;

/// Level of the speech, as the network was trained: -30 dB below full scale.
const LEVEL: f32 = 0.031_622_78;
/// Speech is at least 9 dB above the quietest tenth of the frames…
const ABOVE_FLOOR: f32 = 8.0;
/// … and at most 30 dB below the loudest frame: a weak end of a word is speech too.
const BELOW_PEAK: f32 = 1e-3;
/// Frames around speech that go with it, so that no consonant is cut off.
const AROUND: usize = 5;
/// Of each band at least so much stays when the noise floor is taken away.
const REMAINS: f32 = 0.02;
/// Windows begin at most this many frames apart, and overlap.
const HOP: usize = 77;
/// Longest clip that is looked at: more says nothing new, and costs.
const LONGEST: usize = 12 * 16_000;
/// A sample this near to full scale was cut off.
const CUT_OFF: u16 = 32_700;

/// What a clip is like, besides whose voice it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sound {
    /// Frames with speech in them, without pauses.
    pub speech: Duration,
    /// Level of the speech in dB below full scale; nearer to 0 is louder.
    pub level: f32,
    /// How far the speech is above the quietest tenth of the clip, in dB.
    pub above_noise: f32,
    /// Of a thousand samples, how many were as loud as can be.
    pub cut_off: f32,
}

pub struct Clip {
    frames: Vec<Frame>,
    /// Of all frames those that are kept, and what brings samples to one level.
    kept: Vec<usize>,
    gain: f32,
    pub sound: Sound,
}

impl Clip {
    /// `samples`: mono, 16 kHz.
    pub fn new(samples: &[i16], filter: &MelFilter) -> Clip {
        let samples = &samples[..samples.len().min(LONGEST)];
        let cut_off = samples.iter().filter(|s| s.unsigned_abs() >= CUT_OFF).count();
        let cut_off = 1000.0 * cut_off as f32 / samples.len().max(1) as f32;
        let samples: Vec<f32> = samples.iter().map(|s| f32::from(*s) / 32768.0).collect();
        let mut frames = filter.frames(&samples);
        let energies: Vec<f32> = frames.iter().map(|frame| frame.iter().sum::<f32>() + 1e-9).collect();
        let noise = quietest_tenth(&energies);
        let peak = energies.iter().fold(0.0_f32, |peak, e| peak.max(*e));
        let speech: Vec<bool> =
            energies.iter().map(|e| *e > ABOVE_FLOOR * noise && *e > BELOW_PEAK * peak).collect();
        let count = speech.iter().filter(|speech| **speech).count();

        for band in 0..BANDS {
            let floor = quietest_tenth(&frames.iter().map(|frame| frame[band]).collect::<Vec<_>>());
            for frame in &mut frames {
                frame[band] = (frame[band] - floor).max(REMAINS * frame[band]);
            }
        }
        let mut power = 0.0;
        for (step, _) in samples.chunks_exact(STEP).zip(&speech).filter(|(_, speech)| **speech) {
            power += step.iter().map(|s| s * s).sum::<f32>() / STEP as f32;
        }
        let loudness = (power / count.max(1) as f32 + 1e-12).sqrt();
        let gain = LEVEL / loudness;
        let near = |at: usize| {
            speech[at.saturating_sub(AROUND)..(at + AROUND + 1).min(speech.len())].contains(&true)
        };
        let kept: Vec<usize> = (0..frames.len()).filter(|at| near(*at)).collect();
        let spoken = energies.iter().zip(&speech).filter(|(_, speech)| **speech).map(|(e, _)| e);
        let spoken = spoken.sum::<f32>() / count.max(1) as f32;
        let sound = Sound {
            speech: Duration::from_millis(10 * count as u64),
            level: 20.0 * loudness.log10(),
            above_noise: 10.0 * (spoken / noise).max(1.0).log10(),
            cut_off,
        };
        let frames = kept.iter().map(|at| frames[*at].map(|power| power * gain * gain)).collect();
        Clip { frames, kept, gain, sound }
    }

    /// The speech of `samples`, of which this clip was made, at one level (full scale is 1), without the pauses and
    /// repeated until it fills a window; nothing where there is none.
    pub fn spoken(&self, samples: &[i16]) -> Vec<f32> {
        // A frame stands for the step around its time.
        let step = |at: &usize| {
            let start = (at * STEP).saturating_sub(STEP / 2);
            samples.get(start..(at * STEP + STEP / 2).min(samples.len())).unwrap_or_default()
        };
        let mut spoken: Vec<f32> =
            self.kept.iter().flat_map(step).map(|s| f32::from(*s) / 32_768.0 * self.gain).collect();
        while !spoken.is_empty() && spoken.len() < WINDOW * STEP {
            spoken.extend_from_within(..);
        }
        spoken
    }

    /// Windows of [`WINDOW`] frames that together cover the speech; none when there is none.
    pub fn windows(&mut self) -> Vec<&[Frame]> {
        let length = self.frames.len();
        if length == 0 {
            return Vec::new();
        }
        // A short clip said again is still the same voice; silence would not be.
        self.frames.extend_from_within(..);
        while self.frames.len() < WINDOW {
            self.frames.extend_from_within(..);
        }
        let room = length.saturating_sub(WINDOW);
        let steps = room.div_ceil(HOP);
        (0..=steps).map(|n| &self.frames[room * n / steps.max(1)..][..WINDOW]).collect()
    }
}

/// Mean of the smallest tenth.
fn quietest_tenth(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.truncate((sorted.len() / 10).max(1));
    sorted.iter().sum::<f32>() / sorted.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(seconds: f32, amplitude: f32) -> Vec<i16> {
        let samples = 0..(seconds * 16_000.0) as usize;
        samples.map(|n| ((n as f32 * 0.2).sin() * amplitude) as i16).collect()
    }

    #[test]
    fn speech_is_what_stands_out_and_is_brought_to_one_level() {
        let filter = MelFilter::new();
        let clip = |amplitude: f32| {
            let parts = [tone(0.5, amplitude / 100.0), tone(1.0, amplitude), tone(0.5, amplitude / 100.0)];
            Clip::new(&parts.concat(), &filter)
        };
        let (mut loud, quiet) = (clip(16_000.0), clip(160.0));
        assert!((loud.sound.speech.as_millis() as i64 - 1000).abs() < 40, "{:?}", loud.sound);
        assert!((loud.sound.level - -9.2).abs() < 0.5, "{:?}", loud.sound);
        assert!((loud.sound.above_noise - 40.0).abs() < 2.0, "{:?}", loud.sound);
        let power = |clip: &Clip| clip.frames.iter().flatten().sum::<f32>() / clip.frames.len() as f32;
        assert!((power(&loud) / power(&quiet) - 1.0).abs() < 0.1);
        let windows = loud.windows();
        assert_eq!((windows.len(), windows[0].len()), (1, WINDOW));
        let parts = [tone(0.5, 160.0), tone(2.0, 16_000.0), tone(0.5, 160.0)];
        let clip = Clip::new(&parts.concat(), &filter);
        let spoken = clip.spoken(&parts.concat());
        assert!((spoken.len() as f32 / 16_000.0 - 2.1).abs() < 0.05, "{}", spoken.len());
        let power = spoken.iter().map(|s| s * s).sum::<f32>() / spoken.len() as f32;
        assert!((power.sqrt() / LEVEL - 1.0).abs() < 0.1, "{power}");
    }

    #[test]
    fn any_sound_is_a_clip() {
        let filter = MelFilter::new();
        for samples in [vec![], vec![0; 100], vec![0; 48_000], vec![i16::MIN; 48_000], tone(20.0, 1e4)] {
            let mut clip = Clip::new(&samples, &filter);
            assert!(clip.sound.level.is_finite() && clip.sound.above_noise.is_finite());
            assert!(clip.windows().iter().all(|window| window.len() == WINDOW));
            let spoken = clip.spoken(&samples);
            assert!(spoken.is_empty() == clip.windows().is_empty() && spoken.iter().all(|s| s.is_finite()));
        }
        let mut silence = Clip::new(&[0; 48_000], &filter);
        assert!(silence.windows().is_empty() && silence.sound.speech.is_zero());
    }

    #[test]
    fn windows_cover_the_clip_from_its_first_to_its_last_frame() {
        for length in [1, 79, 160, 161, 300, 1200] {
            let frames: Vec<Frame> = (0..length).map(|n| [n as f32; BANDS]).collect();
            let sound = Sound { speech: Duration::ZERO, level: 0.0, above_noise: 0.0, cut_off: 0.0 };
            let mut clip = Clip { frames, kept: Vec::new(), gain: 1.0, sound };
            let windows = clip.windows();
            assert_eq!(windows[0][0][0], 0.0);
            let end = windows.last().unwrap();
            assert!(end.iter().any(|frame| frame[0] as usize == length - 1), "{length}");
        }
    }
}
