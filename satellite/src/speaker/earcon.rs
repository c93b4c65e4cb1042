//! The short sounds, made of sines: rising for a wake, a chime when done, falling when it failed.

use std::f32::consts::TAU;

use crate::listening::Earcon;
use crate::sound::RATE;

/// A note: hertz, milliseconds.
type Note = (f32, usize);

/// As loud as quiet speech, so that the microphone beside it still hears the person.
const PEAK: f32 = 0.16 * 32_768.0;

/// Samples at 16 kHz.
pub fn samples(earcon: Earcon) -> Vec<i16> {
    let notes: &[Note] = match earcon {
        Earcon::Woke => &[(659.3, 60), (987.8, 90)],
        Earcon::Done => &[(1046.5, 180)],
        Earcon::Failed => &[(440.0, 110), (311.1, 190)],
    };
    notes.iter().flat_map(|&note| tone(note)).collect()
}

/// A note with a soft beginning and an end that rings out, so that it does not click.
fn tone((hz, ms): Note) -> impl Iterator<Item = i16> {
    let length = ms * RATE / 1000;
    let attack = RATE / 200;
    (0..length).map(move |i| {
        let rise = (i as f32 / attack as f32).min(1.0);
        let fall = 1.0 - i as f32 / length as f32;
        let time = i as f32 / RATE as f32;
        let wave = (TAU * hz * time).sin() + 0.3 * (TAU * 2.0 * hz * time).sin();
        (PEAK / 1.3 * rise * fall * wave) as i16
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_short_starts_and_ends_softly_and_is_like_no_other() {
        let all: Vec<_> = [Earcon::Woke, Earcon::Done, Earcon::Failed].into_iter().map(samples).collect();
        for sound in &all {
            assert!((RATE / 10..RATE / 2).contains(&sound.len()));
            assert!(sound[0].abs() < 50 && sound[sound.len() - 1].abs() < 50, "it does not click");
            let peak = sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
            assert!((2_000..6_000).contains(&peak), "{peak}");
        }
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }
}
