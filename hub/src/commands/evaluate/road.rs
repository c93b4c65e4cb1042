//! What happens to a voice on its way to the hub: the noise of the room, and the satellite's Opus at 24 kb/s.

use anyhow::Context;
use opus::{Application, Bitrate, Channels, Decoder, Encoder};

/// Samples in the 20 ms packet of the wire.
const PACKET: usize = 320;
const RATE: u32 = 16_000;
const BITS_A_SECOND: i32 = 24_000;
/// Frames whose largest energy counts in the mixing rule of Picovoice's speech-to-intent benchmark.
const ENERGY_FRAME: usize = 2048;

/// Adds noise by the rule of Picovoice's speech-to-intent benchmark, for comparable numbers: the signal-to-noise
/// ratio is that of the loudest frames, not of the means; the sum peaks at half of full scale. The piece of noise
/// is chosen by `seed`, so that two runs hear the same.
pub fn add_noise(speech: &[i16], noise: &[i16], decibels: f32, seed: u64) -> Vec<i16> {
    if noise.is_empty() {
        return speech.to_vec();
    }
    let choices = noise.len().saturating_sub(speech.len()).max(1);
    let offset = (scramble(seed) % choices as u64) as usize;
    let noise: Vec<f32> =
        noise.iter().cycle().skip(offset).take(speech.len()).map(|s| f32::from(*s)).collect();
    let speech: Vec<f32> = speech.iter().map(|s| f32::from(*s)).collect();
    let loudest_noise = loudest(&noise);
    let gain = if loudest_noise > 0.0 {
        (loudest(&speech) / (loudest_noise * 10f32.powf(decibels / 10.0))).sqrt()
    } else {
        0.0
    };
    let sum: Vec<f32> = speech.iter().zip(&noise).map(|(s, n)| s + gain * n).collect();
    let peak = sum.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
    let scale = if peak > 0.0 { 0.5 * 32767.0 / peak } else { 1.0 };
    sum.iter().map(|s| (s * scale) as i16).collect()
}

/// Mean energy of the loudest frame.
fn loudest(samples: &[f32]) -> f32 {
    let energy = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>() / frame.len().max(1) as f32;
    match samples.len() < ENERGY_FRAME {
        true => energy(samples),
        false => samples.chunks_exact(ENERGY_FRAME).map(energy).fold(0.0, f32::max),
    }
}

/// A number that looks random, the same for the same seed (the finaliser of SplitMix64).
fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Encodes and decodes as satellite and hub do; as long as before, without the codec's delay.
pub fn through_opus(samples: &[i16]) -> anyhow::Result<Vec<i16>> {
    let broken = || "the Opus codec failed";
    let mut encoder = Encoder::new(RATE, Channels::Mono, Application::Voip).with_context(broken)?;
    encoder.set_bitrate(Bitrate::Bits(BITS_A_SECOND)).with_context(broken)?;
    encoder.set_complexity(5).with_context(broken)?;
    let mut decoder = Decoder::new(RATE, Channels::Mono).with_context(broken)?;
    let delay = encoder.get_lookahead().with_context(broken)?.max(0) as usize;
    let mut padded = samples.to_vec();
    padded.resize((samples.len() + delay).next_multiple_of(PACKET), 0);
    let mut heard = Vec::with_capacity(padded.len());
    let (mut packet, mut frame) = ([0; 1500], [0; PACKET]);
    for sent in padded.chunks(PACKET) {
        let length = encoder.encode(sent, &mut packet).with_context(broken)?;
        let count = decoder.decode(&packet[..length], &mut frame, false).with_context(broken)?;
        heard.extend_from_slice(&frame[..count]);
    }
    Ok(heard.into_iter().skip(delay).take(samples.len()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(length: usize, amplitude: f32) -> Vec<i16> {
        (0..length).map(|i| ((i as f32 * 0.2).sin() * amplitude) as i16).collect()
    }

    #[test]
    fn noise_has_the_ratio_that_was_asked_for() {
        let speech: Vec<i16> = [tone(8000, 0.0), tone(8192, 8000.0)].concat();
        let hiss: Vec<i16> = (0..40_000u64).map(|i| (scramble(i) % 2001) as i16 - 1000).collect();
        for decibels in [6.0, 12.0, 24.0] {
            let mixed = add_noise(&speech, &hiss, decibels, 3);
            assert_eq!(mixed.iter().map(|s| s.unsigned_abs()).max(), Some(16_383), "peaks at one half");
            let part = |samples: &[i16]| loudest(&samples.iter().map(|s| f32::from(*s)).collect::<Vec<_>>());
            // The first half is noise alone; the second has the speech on top of it.
            let ratio = 10.0 * (part(&mixed[8192..]) / part(&mixed[..8000]) - 1.0).log10();
            assert!((ratio - decibels).abs() < 1.5, "{ratio} for {decibels}");
        }
    }

    #[test]
    fn nothing_at_all_stays_nothing() {
        assert_eq!(add_noise(&[], &[1, 2], 6.0, 1), Vec::<i16>::new());
        assert_eq!(add_noise(&[0; 100], &[0; 10], 6.0, 1), [0; 100]);
        assert_eq!(add_noise(&[5; 10], &[], 6.0, 1), [5; 10]);
        assert_eq!(through_opus(&[]).unwrap(), Vec::<i16>::new());
    }

    #[test]
    fn opus_keeps_length_and_place() {
        let speech: Vec<i16> = [vec![0; 5000], tone(3001, 8000.0), vec![0; 4000]].concat();
        let heard = through_opus(&speech).unwrap();
        assert_eq!(heard.len(), speech.len());
        let energy =
            |range: std::ops::Range<usize>| heard[range].iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
        assert!(energy(5000..8001) > 50.0 * (energy(0..4900) + energy(8200..12_001)));
    }
}
