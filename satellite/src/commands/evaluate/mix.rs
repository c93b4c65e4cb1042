//! Recordings with noise under them, by the rule of Picovoice's benchmarks: loudness is the largest energy of
//! any frame, and the speech stands `snr` decibels above the noise. The sum is scaled to a peak of one half.

use anyhow::bail;

/// Samples in a frame, in the benchmark of commands and in that of wake words.
pub const COMMAND: usize = 2_048;
pub const WAKE_WORD: usize = 512;
/// Digital silence longer than this is padding, not a pause: 50 ms.
const PADDING: usize = 800;

pub struct Noise {
    /// Divided by its peak.
    samples: Vec<f64>,
    snr: f64,
    frame: usize,
}

impl Noise {
    pub fn new(samples: &[i16], snr: f64, frame: usize) -> anyhow::Result<Self> {
        let peak = samples.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0);
        if samples.len() < frame || peak == 0 {
            bail!("the noise is silent or shorter than {frame} samples");
        }
        Ok(Noise { samples: samples.iter().map(|&x| f64::from(x) / f64::from(peak)).collect(), snr, frame })
    }

    /// `speech` with noise from a place that depends on `seed` alone, so that a run can be repeated.
    pub fn under(&self, speech: &[i16], seed: u64) -> Vec<i16> {
        let offset = (scramble(seed) % self.samples.len() as u64) as usize;
        let noise: Vec<f64> = self.samples.iter().cycle().skip(offset).take(speech.len()).copied().collect();
        let speech: Vec<f64> = speech.iter().map(|&x| f64::from(x) / 32_768.0).collect();
        let loud = loudest(&speech, self.frame);
        let scale = if loud > 0.0 {
            (loudest(&noise, self.frame) * 10f64.powf(self.snr / 10.0) / loud).sqrt()
        } else {
            0.0
        };
        let sum: Vec<f64> = speech.iter().zip(&noise).map(|(s, n)| s * scale + n).collect();
        let peak = sum.iter().fold(0.0, |peak: f64, x| peak.max(x.abs()));
        sum.iter().map(|x| (x / peak.max(1e-9) * 0.5 * 32_767.0).round() as i16).collect()
    }
}

/// Largest mean square of any whole frame.
fn loudest(samples: &[f64], frame: usize) -> f64 {
    let energy = |frame: &[f64]| frame.iter().map(|x| x * x).sum::<f64>() / frame.len() as f64;
    samples.chunks_exact(frame).map(energy).fold(0.0, f64::max)
}

/// One number from another, well mixed (SplitMix64, Steele et al. 2014).
fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Cuts digital silence off the end: some sets pad every recording of a word with it, and no other.
pub fn cut_padding(samples: &mut Vec<i16>) {
    let end = samples.iter().rposition(|&x| x != 0).map_or(0, |last| last + 1);
    if samples.len() - end > PADDING {
        samples.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_frames_stand_apart_by_the_given_ratio() {
        let tone = |amplitude: f64, period: f64| {
            (0..16_000).map(|n| (amplitude * (f64::from(n) * period).sin()) as i16).collect::<Vec<_>>()
        };
        let mut speech = tone(3_000.0, 0.2);
        speech[8_000..].fill(0);
        for snr in [-5.0, 0.0, 10.0, 24.0] {
            let noise = Noise::new(&tone(9_000.0, 0.37), snr, WAKE_WORD).expect("a noise");
            let mixed: Vec<f64> = noise.under(&speech, 3).iter().map(|&x| f64::from(x)).collect();
            // Speech and noise do not correlate, so their energies add up.
            let (both, alone) = (loudest(&mixed[..8_000], WAKE_WORD), loudest(&mixed[8_000..], WAKE_WORD));
            let measured = 10.0 * (both / alone - 1.0).log10();
            assert!((measured - snr).abs() < 0.7, "{measured} dB instead of {snr}");
            let peak = mixed.iter().fold(0.0, |p: f64, x| p.max(x.abs()));
            assert!((peak - 16_383.5).abs() <= 1.0);
        }
    }

    #[test]
    fn padding_is_cut_and_pauses_are_not() {
        let check = |zeros: usize, expect: usize| {
            let mut samples = vec![5; 100];
            samples.resize(100 + zeros, 0);
            cut_padding(&mut samples);
            assert_eq!(samples.len(), expect);
        };
        check(0, 100);
        check(700, 800);
        check(8_000, 100);
    }
}
