//! One sentence of an enrolment: fit to be learned from, or what is wrong with it.
//!
//! Each is learned twice: as it is, and with noise added, because a profile of clean speech alone knows its owner in a
//! kitchen far less often (docs/decisions/0101).

use std::time::Duration;

use super::voiceprint::Voiceprint;
use super::{Encoder, NoVoice, Sound};

/// Least speech in one sentence.
const SHORTEST: Duration = Duration::from_millis(1200);
/// Speech below this many dB under full scale is too quiet to learn from.
const QUIETEST: f32 = -55.0;
/// Speech must stand this many dB above the room's noise.
const LEAST_ABOVE_NOISE: f32 = 14.0;
/// Most samples of a thousand that may be cut off.
const MOST_CUT_OFF: f32 = 5.0;
/// How far the loudest part of a sentence lies above the noise that is added to it, in dB.
const NOISE: f32 = 12.0;

/// Why a sentence should be said again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("too little was said; say the whole sentence")]
    TooShort,
    #[error("it was too quiet; come nearer to the microphone")]
    TooQuiet,
    #[error("it was so loud that the microphone cut it off; go a little away from it")]
    TooLoud,
    #[error("there is too much noise around; turn it off or find a quieter place")]
    TooNoisy,
    #[error("the encoder of this house gives no answer; an administrator finds why in the hub's log")]
    NoAnswer,
    #[error("this sounds like another voice than the sentences before; only one person may speak")]
    AnotherVoice,
}

/// What was learned of one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    pub(super) clean: Voiceprint,
    pub(super) noisy: Voiceprint,
}

impl Take {
    /// Learns from `samples` (mono, 16 kHz), if they are good enough.
    pub fn new(samples: &[i16], encoder: &Encoder) -> Result<Take, Problem> {
        let heard = encoder.hear(samples);
        let clean = heard.voice.map_err(Problem::from)?;
        fit(&heard.sound)?;
        let noisy = encoder.hear(&in_noise(samples)).voice.map_err(Problem::from)?;
        Ok(Take { clean, noisy })
    }
}

impl From<NoVoice> for Problem {
    fn from(why: NoVoice) -> Problem {
        match why {
            NoVoice::Silence => Problem::TooShort,
            NoVoice::NoAnswer => Problem::NoAnswer,
        }
    }
}

fn fit(sound: &Sound) -> Result<(), Problem> {
    match sound {
        sound if sound.speech < SHORTEST => Err(Problem::TooShort),
        sound if sound.level < QUIETEST => Err(Problem::TooQuiet),
        sound if sound.cut_off > MOST_CUT_OFF => Err(Problem::TooLoud),
        sound if sound.above_noise < LEAST_ABOVE_NOISE => Err(Problem::TooNoisy),
        _ => Ok(()),
    }
}

/// `samples` with pink noise, as rooms have it: as much in each octave.
pub(super) fn in_noise(samples: &[i16]) -> Vec<i16> {
    let noise = pink(samples.len());
    let gain = (loudest(&samples.iter().map(|s| f32::from(*s)).collect::<Vec<_>>())
        / (loudest(&noise) * 10_f32.powf(NOISE / 10.0)))
    .sqrt();
    let sum: Vec<f32> = samples.iter().zip(&noise).map(|(s, n)| f32::from(*s) + gain * n).collect();
    let peak = sum.iter().fold(1.0_f32, |peak, s| peak.max(s.abs()));
    let scale = (16_384.0 / peak).min(1.0);
    sum.iter().map(|s| (s * scale) as i16).collect()
}

/// Mean power of the loudest 128 ms.
fn loudest(samples: &[f32]) -> f32 {
    let power = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32;
    samples.chunks(2048).map(power).fold(1e-9, f32::max)
}

/// White noise through three low-passes (Paul Kellet's approximation); the same every time.
fn pink(samples: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut low = [0.0_f32; 3];
    (0..samples)
        .map(|_| {
            // Knuth's MMIX generator.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let white = (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0;
            for (low, (keep, take)) in
                low.iter_mut().zip([(0.99765, 0.099_046), (0.963, 0.296_516_4), (0.57, 1.052_691_3)])
            {
                *low = keep * *low + take * white;
            }
            low.iter().sum::<f32>() + 0.1848 * white
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_says_what_is_wrong_with_it() {
        let good = Sound { speech: Duration::from_secs(3), level: -30.0, above_noise: 40.0, cut_off: 0.0 };
        let check = |sound: Sound, expect: Result<(), Problem>| assert_eq!(fit(&sound), expect, "{sound:?}");
        check(good, Ok(()));
        check(Sound { speech: Duration::from_secs(1), ..good }, Err(Problem::TooShort));
        check(Sound { level: -60.0, ..good }, Err(Problem::TooQuiet));
        check(Sound { cut_off: 10.0, ..good }, Err(Problem::TooLoud));
        check(Sound { above_noise: 10.0, ..good }, Err(Problem::TooNoisy));
    }

    #[test]
    fn noise_is_added_at_its_level() {
        let voice: Vec<i16> = (0..48_000).map(|n| ((n as f32 * 0.1).sin() * 8000.0) as i16).collect();
        let noisy = in_noise(&voice);
        let difference: Vec<f32> =
            noisy.iter().zip(&voice).map(|(a, b)| f32::from(*a) - f32::from(*b)).collect();
        let voice: Vec<f32> = voice.iter().map(|s| f32::from(*s)).collect();
        let apart = 10.0 * (loudest(&voice) / loudest(&difference)).log10();
        assert!((apart - NOISE).abs() < 1.0, "{apart}");
        assert!(in_noise(&[]).is_empty());
    }
}
