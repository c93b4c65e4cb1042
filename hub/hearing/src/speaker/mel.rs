//! Sound to mel frames, as librosa's `melspectrogram` makes them: power, not its logarithm.
//!
//! `samples → 25 ms Hann windows every 10 ms → power spectrum → 40 triangles of Slaney's mel scale, of equal area`

use std::f32::consts::PI;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// Mel bands a frame.
pub const BANDS: usize = 40;
/// Samples from one frame to the next: 10 ms.
pub const STEP: usize = 160;
/// Samples a frame looks at: 25 ms, centred on its time.
const LENGTH: usize = 400;
const RATE: f32 = 16_000.0;

/// Power in each band, low ones first.
pub type Frame = [f32; BANDS];

pub struct MelFilter {
    transform: Arc<dyn RealToComplex<f32>>,
    window: [f32; LENGTH],
    /// First bin and weights of each band.
    bands: Vec<(usize, Vec<f32>)>,
}

impl MelFilter {
    pub fn new() -> MelFilter {
        // Periodic, as spectra want it (SciPy's `fftbins=True`).
        let window = std::array::from_fn(|n| 0.5 - 0.5 * (2.0 * PI * n as f32 / LENGTH as f32).cos());
        let top = to_mel(RATE / 2.0);
        let corner = |n: usize| to_hertz(top * n as f32 / (BANDS + 1) as f32);
        let bands = (0..BANDS)
            .map(|band| {
                let (low, middle, high) = (corner(band), corner(band + 1), corner(band + 2));
                let weight = |bin: usize| {
                    let hertz = bin as f32 * RATE / LENGTH as f32;
                    let rising = (hertz - low) / (middle - low);
                    let falling = (high - hertz) / (high - middle);
                    rising.min(falling).max(0.0) * 2.0 / (high - low)
                };
                let bins: Vec<usize> = (0..=LENGTH / 2).filter(|bin| weight(*bin) > 0.0).collect();
                let first = bins.first().copied().unwrap_or_default();
                (first, bins.into_iter().map(weight).collect())
            })
            .collect();
        MelFilter { transform: RealFftPlanner::new().plan_fft_forward(LENGTH), window, bands }
    }

    /// A frame for every whole step of `samples` (full scale is 1) and one for the end; silence lies around them.
    pub fn frames(&self, samples: &[f32]) -> Vec<Frame> {
        let mut input = self.transform.make_input_vec();
        let mut output = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        (0..=samples.len() / STEP)
            .map(|frame| {
                let start = (frame * STEP) as isize - (LENGTH / 2) as isize;
                for (n, (value, window)) in input.iter_mut().zip(&self.window).enumerate() {
                    let at = usize::try_from(start + n as isize).ok();
                    *value = at.and_then(|at| samples.get(at)).copied().unwrap_or_default() * window;
                }
                // Fails only for buffers of another length than its own.
                let _ = self.transform.process_with_scratch(&mut input, &mut output, &mut scratch);
                std::array::from_fn(|band| {
                    let (first, weights) = &self.bands[band];
                    output[*first..].iter().zip(weights).map(|(bin, weight)| bin.norm_sqr() * weight).sum()
                })
            })
            .collect()
    }
}

/// Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, then 27 steps for each factor of 6.4.
fn to_mel(hertz: f32) -> f32 {
    if hertz < 1000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4_f32.ln() }
}

fn to_hertz(mel: f32) -> f32 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4_f32.ln() / 27.0).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_in_its_band_and_nowhere_else() {
        let filter = MelFilter::new();
        let tone: Vec<f32> = (0..16_000).map(|n| (2.0 * PI * 1000.0 * n as f32 / RATE).sin()).collect();
        let frames = filter.frames(&tone);
        assert_eq!(frames.len(), 101);
        let loudest = (0..BANDS).max_by(|a, b| frames[50][*a].total_cmp(&frames[50][*b])).unwrap();
        // 1 kHz is 15 mel of 45.25 up to 8 kHz, and there are 41 steps.
        assert!((12..=13).contains(&loudest), "{loudest}");
        assert!(frames[50][30] < 1e-4 * frames[50][loudest]);
    }

    #[test]
    fn no_sound_is_one_frame_of_nothing() {
        assert_eq!(MelFilter::new().frames(&[]), vec![[0.0; BANDS]]);
    }
}
