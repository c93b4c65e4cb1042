//! Which part of each band is somebody's voice: a small network that was taught on real speech in real noise.
//!
//! `log bands of 15 frames around → 160 → 160 → what to take off each band, and whether anybody speaks`
//!
//! It sees the mel bands of the acoustic model, not sound, and was taught to give that model features like those of
//! clean speech. `training/` says how, and on what. A tenth of the decoder's time.

use super::features::{BANDS, Bands};

/// Frames that the network looks at around each one.
const AROUND: [isize; 15] = [-24, -14, -8, -5, -3, -2, -1, 0, 1, 2, 3, 5, 8, 14, 24];
const INPUTS: usize = BANDS * (AROUND.len() + 1);
const HIDDEN: usize = 160;
const OUTPUTS: usize = BANDS + 1;
/// Log energies are divided by this.
const SCALE: f32 = 4.0;
/// Added to each band before the logarithm.
const FLOOR: f32 = 1e-4;
/// The quietest of a band are a tenth of the frames, the loudest a twentieth.
const QUIET: f32 = 0.10;
const LOUD: f32 = 0.95;

/// Weights as 16-bit floats: three matrices, a row for each input, each followed by its biases.
const WEIGHTS: &[u8] = include_bytes!("voice.bin");
const COUNT: usize = (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * HIDDEN + (HIDDEN + 1) * OUTPUTS;
const _: () = assert!(WEIGHTS.len() == 2 * COUNT);

/// What was found in a clip, frame by frame.
pub struct Found {
    /// Energies of the voice alone.
    pub bands: Vec<Bands>,
    /// How likely it is that somebody speaks.
    pub spoken: Vec<f32>,
}

/// The network, ready to run.
pub struct Voice {
    first: Layer,
    second: Layer,
    last: Layer,
}

struct Layer {
    outputs: usize,
    /// A row of `outputs` for each input.
    weights: Vec<f32>,
    biases: Vec<f32>,
}

impl Default for Voice {
    fn default() -> Self {
        Voice::new()
    }
}

impl Voice {
    pub fn new() -> Self {
        let mut numbers = WEIGHTS.chunks_exact(2).map(|two| half(u16::from_le_bytes([two[0], two[1]])));
        let mut layer = |inputs: usize, outputs: usize| Layer {
            outputs,
            weights: numbers.by_ref().take(inputs * outputs).collect(),
            biases: numbers.by_ref().take(outputs).collect(),
        };
        Voice { first: layer(INPUTS, HIDDEN), second: layer(HIDDEN, HIDDEN), last: layer(HIDDEN, OUTPUTS) }
    }

    /// Looks at a whole clip.
    pub fn find(&self, frames: &[Bands]) -> Found {
        let mut found =
            Found { bands: Vec::with_capacity(frames.len()), spoken: Vec::with_capacity(frames.len()) };
        if frames.is_empty() {
            return found;
        }
        let logs: Vec<Bands> = frames.iter().map(|bands| bands.map(|band| (band + FLOOR).ln())).collect();
        let (quiet, level) = levels(&logs);
        let near = |t: usize, offset: isize| {
            let at = t.saturating_add_signed(offset).min(logs.len() - 1);
            logs[at].map(|log| (log - level) / SCALE)
        };
        let (mut input, mut hidden, mut output) = (Vec::new(), Vec::new(), Vec::new());
        for (t, log) in logs.iter().enumerate() {
            input.clear();
            input.extend(AROUND.iter().flat_map(|offset| near(t, *offset)));
            input.extend(log.iter().zip(&quiet).map(|(log, quiet)| (log - quiet) / SCALE));
            self.first.run(&input, &mut hidden, true);
            self.second.run(&hidden, &mut output, true);
            self.last.run(&output, &mut hidden, false);
            // Something is taken off, never added: softplus of what the network says.
            let clean = std::array::from_fn(|band| (log[band] - soft_plus(hidden[band])).exp());
            found.bands.push(clean);
            found.spoken.push(1.0 / (1.0 + (-hidden[BANDS]).exp()));
        }
        found
    }
}

impl Layer {
    fn run(&self, input: &[f32], output: &mut Vec<f32>, rectified: bool) {
        output.clear();
        output.extend_from_slice(&self.biases);
        for (value, row) in input.iter().zip(self.weights.chunks_exact(self.outputs)) {
            // Half of what comes out of a rectified layer is zero.
            if *value != 0.0 {
                for (sum, weight) in output.iter_mut().zip(row) {
                    *sum += value * weight;
                }
            }
        }
        if rectified {
            output.iter_mut().for_each(|value| *value = value.max(0.0));
        }
    }
}

/// Log energy of each band where the clip is quiet, and of all bands where it is loud.
fn levels(logs: &[Bands]) -> (Bands, f32) {
    let at = |part: f32| ((logs.len() - 1) as f32 * part) as usize;
    let mut quiet = [0.0; BANDS];
    let mut level = 0.0;
    for (band, quiet) in quiet.iter_mut().enumerate() {
        let mut sorted: Vec<f32> = logs.iter().map(|frame| frame[band]).collect();
        sorted.sort_by(f32::total_cmp);
        *quiet = sorted[at(QUIET)];
        level += sorted[at(LOUD)] / BANDS as f32;
    }
    (quiet, level)
}

fn soft_plus(value: f32) -> f32 {
    if value > 20.0 { value } else { value.exp().ln_1p() }
}

/// A number of 16 bits (IEEE 754 half precision; the weights have no infinities).
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f32.powi(-14),
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read() {
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (0x0001, 5.960_464_5e-8)]
        {
            assert_eq!(half(bits), value);
        }
    }

    #[test]
    fn nothing_is_added_and_any_clip_is_taken() {
        let voice = Voice::new();
        for length in [0, 1, 3, 100] {
            let frames: Vec<Bands> = (0..length)
                .map(|t| std::array::from_fn(|b| ((t * 37 + b * 11) % 101) as f32 * 1e4))
                .collect();
            let found = voice.find(&frames);
            assert_eq!((found.bands.len(), found.spoken.len()), (length, length));
            let bands = found.bands.iter().flatten().zip(frames.iter().flatten());
            assert!(
                bands
                    .clone()
                    .all(|(clean, heard)| clean.is_finite() && *clean <= 1.0001 * heard + 2.0 * FLOOR)
            );
            assert!(found.spoken.iter().all(|part| (0.0..=1.0).contains(part)));
        }
    }
}
