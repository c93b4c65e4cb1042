//! The short sound before an announcement: two soft tones, a fifth apart.

use super::Sound;

const RATE: u32 = 16_000;
/// Each tone, and how much later than the one before it begins.
const TONES: [(f32, f32); 2] = [(659.3, 0.0), (987.8, 0.18)];
const SECONDS: f32 = 0.7;
const LOUDNESS: f32 = 7_000.0;

pub fn sound() -> Sound {
    let sample = |n: usize| {
        let time = n as f32 / RATE as f32;
        let tones = TONES.iter().filter(|(_, begin)| time >= *begin).map(|(hertz, begin)| {
            let since = time - begin;
            // 5 ms to rise, so that it does not click, and then it fades.
            (since / 0.005).min(1.0) * (-since * 7.0).exp() * (since * hertz * std::f32::consts::TAU).sin()
        });
        (tones.sum::<f32>() * LOUDNESS) as i16
    };
    Sound { samples: (0..(RATE as f32 * SECONDS) as usize).map(sample).collect(), rate: RATE }
}
