//! Where somebody speaks: long pauses confuse the decoder more than any noise, so they are cut to size before it
//! hears them.
//!
//! Speech is what rises above the steady part of the noise, band by band. The noise starts as a low quantile of
//! the smoothed bands and is then averaged over what was found to be pause; the threshold lies a part of the way
//! from the quiet to the loud frames of this clip, so that it moves with the noise.

use super::features::{BANDS, Bands};

/// What was found out about a clip.
pub struct Pauses {
    /// Whether each frame belongs to speech, with a margin on both sides.
    pub speech: Vec<bool>,
    /// Mean energy of each band in the pauses.
    pub noise: Bands,
}

/// Half the width of the smoothing that the first look at the noise uses: 110 ms in all.
const SMOOTHING: usize = 5;
/// A fifth of the frames of a clip are surely without speech: wake word and command leave gaps.
const NOISE_QUANTILE: f32 = 0.15;
/// Half the width of the smoothing of the speech score: 50 ms in all.
const SCORE_SMOOTHING: usize = 2;
/// A band counts up to 4 nepers above the noise, so that one loud band is not a voice.
const BAND_LIMIT: f32 = 4.0;
/// Part of the way from the quiet to the loud frames where speech begins.
const THRESHOLD: f32 = 0.2;
/// Nor is anything speech that is less than this above the quiet.
const LEAST_RISE: f32 = 0.15;
/// Shorter rises are clicks: 40 ms.
const SHORTEST: usize = 4;
/// Frames this near to speech do not count as noise: weak ends of words.
const NEAR: usize = 8;
/// Kept before and after speech: 80 and 100 ms, for weak consonants.
const BEFORE: usize = 8;
const AFTER: usize = 10;

impl Pauses {
    pub fn find(frames: &[Bands]) -> Self {
        let mut noise = low_quantile(frames);
        let mut speech = Vec::new();
        for _ in 0..2 {
            speech = above(frames, &noise);
            let quiet: Vec<usize> = (0..frames.len())
                .filter(|t| !speech[t.saturating_sub(NEAR)..(t + NEAR + 1).min(frames.len())].contains(&true))
                .collect();
            if quiet.len() >= 20 {
                for (band, level) in noise.iter_mut().enumerate() {
                    *level = quiet.iter().map(|t| frames[*t][band]).sum::<f32>() / quiet.len() as f32;
                }
            }
        }
        let core = speech.clone();
        for (t, _) in core.iter().enumerate().filter(|(_, speech)| **speech) {
            let margin = t.saturating_sub(BEFORE)..(t + AFTER + 1).min(frames.len());
            speech[margin].fill(true);
        }
        Pauses { speech, noise }
    }
}

/// Energies averaged over `half` frames on both sides.
fn smooth(frames: &[Bands], half: usize, t: usize) -> Bands {
    let around = &frames[t.saturating_sub(half)..(t + half + 1).min(frames.len())];
    let mut mean = [0.0; BANDS];
    for frame in around {
        for (mean, energy) in mean.iter_mut().zip(frame) {
            *mean += energy / around.len() as f32;
        }
    }
    mean
}

fn low_quantile(frames: &[Bands]) -> Bands {
    let smoothed: Vec<Bands> = (0..frames.len()).map(|t| smooth(frames, SMOOTHING, t)).collect();
    let mut noise = [0.0; BANDS];
    for (band, level) in noise.iter_mut().enumerate() {
        *level = quantile(smoothed.iter().map(|frame| frame[band]), NOISE_QUANTILE);
    }
    noise
}

fn quantile(values: impl Iterator<Item = f32>, part: f32) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(((values.len().max(1) - 1) as f32 * part) as usize).copied().unwrap_or(0.0)
}

/// The frames that rise above the noise, runs of at least `SHORTEST` only.
fn above(frames: &[Bands], noise: &Bands) -> Vec<bool> {
    let score: Vec<f32> = (0..frames.len())
        .map(|t| {
            let rise =
                |(energy, level): (&f32, &f32)| ((energy + 1.0) / (level + 1.0)).ln().clamp(0.0, BAND_LIMIT);
            smooth(frames, SCORE_SMOOTHING, t).iter().zip(noise).map(rise).sum::<f32>() / BANDS as f32
        })
        .collect();
    let quiet = quantile(score.iter().copied(), 0.1);
    let loud = quantile(score.iter().copied(), 0.95);
    let threshold = quiet + (THRESHOLD * (loud - quiet)).max(LEAST_RISE);
    let mut speech: Vec<bool> = score.iter().map(|score| *score > threshold).collect();
    let mut start = 0;
    for run in speech.clone().chunk_by(|a, b| a == b) {
        if run[0] && run.len() < SHORTEST {
            speech[start..start + run.len()].fill(false);
        }
        start += run.len();
    }
    speech
}
