//! The acoustic model as it sounds in this room: its Gaussians moved to where speech in this noise, through this
//! microphone, is found.
//!
//! In the mel bands noise adds to speech, so a Gaussian whose clean mean is `x` (log bands) is expected at
//! `x + h + ln(1 + exp(n - x - h))`, where `h` is the channel and `n` the noise: the zeroth order of the vector
//! Taylor series of Moreno, Raj and Stern (ICASSP 1996). Better than cleaning the sound: nothing is subtracted,
//! so nothing is damaged, and what the noise drowns tells no Gaussian from another. The slopes and variances
//! stay as they are; compensating them too made it worse (kitchen noise is not steady).

use super::features::{BANDS, Bands, CEPSTRA, Cepstrum, FrontEnd};
use super::gaussians::Gaussians;

/// An estimate of clean speech never falls below this part of what was heard.
const SUBTRACTION_FLOOR: f32 = 0.1;

/// The noise is at least this part of what was heard, where the voice alone is as loud as both.
const LEAST_NOISE: f32 = 0.02;

/// The typical (geometric mean) energy of each band of the noise: what was heard, less the voice alone. At least one
/// frame.
pub fn between<'a>(frames: impl ExactSizeIterator<Item = (&'a Bands, &'a Bands)>) -> Bands {
    let count = frames.len() as f32;
    let mut mean = [0.0; BANDS];
    for (heard, voice) in frames {
        for ((mean, heard), voice) in mean.iter_mut().zip(heard).zip(voice) {
            *mean += (heard - voice).max(LEAST_NOISE * heard).max(1e-4).ln() / count;
        }
    }
    mean.map(f32::exp)
}

/// What surrounds the speech of one clip.
pub struct Surroundings {
    /// Log energy of the noise in each band.
    noise: Bands,
    /// Mean cepstrum of the speech without the noise: the voice's level and the microphone's colour.
    channel: Cepstrum,
}

impl Surroundings {
    /// From the noise and the frames with speech (at least one).
    pub fn estimate(front_end: &FrontEnd, noise: &Bands, speech: &[Bands]) -> Self {
        let mut channel = [0.0; CEPSTRA];
        for frame in speech {
            let mut clean = [0.0; BANDS];
            for ((clean, heard), noise) in clean.iter_mut().zip(frame).zip(noise) {
                *clean = (heard - noise).max(SUBTRACTION_FLOOR * heard).max(1e-4).ln();
            }
            for (mean, value) in channel.iter_mut().zip(front_end.cepstrum_of_log(&clean)) {
                *mean += value / speech.len() as f32;
            }
        }
        Surroundings { noise: noise.map(|energy| energy.max(1e-4).ln()), channel }
    }

    /// The clean means, moved.
    pub fn apply(&self, front_end: &FrontEnd, clean: &Gaussians, moved: &mut Gaussians) {
        let channel = front_end.log_of_cepstrum(&self.channel);
        for codebook in 0..clean.codebooks {
            for (mean, out) in clean.of(codebook, 0).iter().zip(moved.of_mut(codebook, 0)) {
                let mut rise = front_end.log_of_cepstrum(mean);
                for ((rise, channel), noise) in rise.iter_mut().zip(&channel).zip(&self.noise) {
                    *rise = (noise - *rise - channel).min(30.0).exp().ln_1p();
                }
                let rise = front_end.cepstrum_of_log(&rise);
                for i in 0..CEPSTRA {
                    out[i] = mean[i] + self.channel[i] + rise[i];
                }
            }
        }
    }
}
