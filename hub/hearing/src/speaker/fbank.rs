//! Sound to the features that most published speaker encoders want: Kaldi's log mel filter bank, less its mean.
//!
//! `samples → 25 ms frames every 10 ms → − mean, pre-emphasis, window → power spectrum → 80 triangles → ln → − mean`
//!
//! As Kaldi's `compute-fbank-feats` and torchaudio's `kaldi.fbank` make them without dither, and with every frame
//! whole. Apart from [`super::mel`], which has another scale, another window and no logarithm.

use std::f32::consts::PI;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// Mel bands a frame.
pub const BANDS: usize = 80;
/// Samples from one frame to the next.
pub const STEP: usize = 160;
/// Samples of a frame.
pub const LENGTH: usize = 400;
/// Of its transform, filled with zeros.
const PADDED: usize = 512;
const RATE: f32 = 16_000.0;
/// The lowest corner; the highest is half the rate.
const LOWEST: f32 = 20.0;
const PRE_EMPHASIS: f32 = 0.97;

pub type Frame = [f32; BANDS];

/// What each frame is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// As WeSpeaker trains.
    Hamming,
    /// Kaldi's own, as 3D-Speaker trains.
    Povey,
}

pub struct Fbank {
    transform: Arc<dyn RealToComplex<f32>>,
    window: [f32; LENGTH],
    /// First bin and weights of each band.
    bands: Vec<(usize, Vec<f32>)>,
}

impl Fbank {
    pub fn new(window: Window) -> Fbank {
        let window = std::array::from_fn(|n| {
            let cosine = (2.0 * PI * n as f32 / (LENGTH - 1) as f32).cos();
            match window {
                Window::Hamming => 0.54 - 0.46 * cosine,
                Window::Povey => (0.5 - 0.5 * cosine).powf(0.85),
            }
        });
        let mel = |hertz: f32| 1127.0 * (1.0 + hertz / 700.0).ln();
        let (low, high) = (mel(LOWEST), mel(RATE / 2.0));
        let corner = |n: usize| low + (high - low) * n as f32 / (BANDS + 1) as f32;
        let band = |band: usize| {
            let (left, middle, right) = (corner(band), corner(band + 1), corner(band + 2));
            let weight = |bin: usize| {
                let at = mel(bin as f32 * RATE / PADDED as f32);
                ((at - left) / (middle - left)).min((right - at) / (right - middle)).max(0.0)
            };
            let bins: Vec<usize> = (0..PADDED / 2).filter(|bin| weight(*bin) > 0.0).collect();
            (bins.first().copied().unwrap_or_default(), bins.into_iter().map(weight).collect())
        };
        let transform = RealFftPlanner::new().plan_fft_forward(PADDED);
        Fbank { transform, window, bands: (0..BANDS).map(band).collect() }
    }

    /// A frame for each that lies whole in `samples` (full scale is 1), less the mean of all.
    pub fn frames(&self, samples: &[f32]) -> Vec<Frame> {
        let mut input = self.transform.make_input_vec();
        let mut output = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let count = if samples.len() < LENGTH { 0 } else { 1 + (samples.len() - LENGTH) / STEP };
        let mut frames: Vec<Frame> = (0..count)
            .map(|frame| {
                let samples = &samples[frame * STEP..][..LENGTH];
                // Kaldi counts in 16-bit samples, which the floor below is meant for.
                let mean = samples.iter().sum::<f32>() / LENGTH as f32;
                let level = |n: usize| (samples[n] - mean) * 32_768.0;
                input.fill(0.0);
                for (n, (value, window)) in input.iter_mut().zip(&self.window).enumerate() {
                    *value = (level(n) - PRE_EMPHASIS * level(n.saturating_sub(1))) * window;
                }
                // Fails only for buffers of another length than its own.
                let _ = self.transform.process_with_scratch(&mut input, &mut output, &mut scratch);
                std::array::from_fn(|band| {
                    let (first, weights) = &self.bands[band];
                    let bins = output[*first..].iter().zip(weights);
                    let energy: f32 = bins.map(|(bin, weight)| bin.norm_sqr() * weight).sum();
                    energy.max(f32::EPSILON).ln()
                })
            })
            .collect();
        for band in 0..BANDS {
            let mean = frames.iter().map(|frame| frame[band]).sum::<f32>() / count.max(1) as f32;
            frames.iter_mut().for_each(|frame| frame[band] -= mean);
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame's number, and every eighth of its bands.
    type Known = (usize, [f32; 10]);

    /// What kaldi-native-fbank 1.23 gives for [`sound`].
    #[rustfmt::skip]
    const KALDI: [(Window, [Known; 3]); 2] = [
        (Window::Hamming, [
            (0, [2.6597, 0.3781, 0.9701, 1.9683, 1.2990, 2.3674, 3.2925, 3.5634, 2.4188, 2.3338]),
            (40, [1.7968, -0.0537, 0.8759, 1.4055, 0.7498, 1.4489, 1.1088, 1.1702, 1.4791, 1.0309]),
            (97, [-6.6975, -6.9565, -6.8101, -5.0640, -8.7434, -7.7131, -6.3825, -5.3980, -5.1946, -5.0401]),
        ]),
        (Window::Povey, [
            (0, [3.2415, 1.0858, 1.0087, 1.8948, 1.4051, 2.4412, 3.3475, 3.5886, 2.4925, 2.3431]),
            (40, [1.6992, -0.4704, 1.0322, 1.4948, 0.8215, 1.4689, 1.1545, 1.1907, 1.5305, 1.0600]),
            (97, [-6.7858, -6.9916, -6.7858, -5.0744, -8.7924, -7.9108, -6.3280, -5.3360, -5.1520, -4.9756]),
        ]),
    ];

    /// A second that any language computes the same: loud and quiet by turns.
    fn sound() -> Vec<f32> {
        let loud = |n: u64| if n % 4000 < 2600 { 1.0 } else { 1.0 / 64.0 };
        (0..16_000_u64)
            .map(|n| ((n * n * 3 + n * 17) % 6007) as f32 - 3003.0)
            .zip(0..)
            .map(|(s, n)| s * loud(n) / 32_768.0)
            .collect()
    }

    #[test]
    fn features_are_those_of_kaldi() {
        for (window, expect) in KALDI {
            let frames = Fbank::new(window).frames(&sound());
            assert_eq!(frames.len(), 98);
            for (at, expect) in expect {
                for (band, expect) in expect.iter().enumerate() {
                    let got = frames[at][8 * band];
                    assert!((got - expect).abs() < 2e-3, "{window:?} {at} {band}: {got} {expect}");
                }
            }
        }
    }

    #[test]
    fn what_is_shorter_than_a_frame_has_none() {
        assert!(Fbank::new(Window::Hamming).frames(&[0.5; LENGTH - 1]).is_empty());
        assert_eq!(Fbank::new(Window::Hamming).frames(&[0.5; LENGTH]), [[0.0; BANDS]]);
    }
}
