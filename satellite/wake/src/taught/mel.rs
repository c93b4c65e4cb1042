//! Sound → loudness in 32 bands every 10 ms, as Google's speech embedding was taught on it.
//!
//! A window of 25 ms (Hann, in 512 points), power, triangular bands from 60 to 3,800 Hz on Slaney's scale, decimal
//! logarithm plus 2. The same as openWakeWord's `melspectrogram.onnx`, but for its floor, which depends on the loudest
//! moment of whatever is given at once; a stream has no such thing, so here it is fixed below what a microphone hears.

use std::collections::VecDeque;
use std::f32::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::frontend::SAMPLE_RATE;

pub(crate) const BANDS: usize = 32;
/// One moment: the loudness of each band.
pub(crate) type Frame = [f32; BANDS];

/// Samples from one frame to the next, and of one window.
pub(crate) const STEP: usize = 160;
pub(crate) const WINDOW: usize = 400;
const SIZE: usize = 512;
const BINS: usize = SIZE / 2 + 1;
/// Lowest value: a band of digital silence has it, one of the quietest room lies above.
const FLOOR: f32 = 4.0;

/// A band's first bin, and the weights from there on.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

pub(crate) struct Mel {
    fft: Arc<dyn RealToComplex<f32>>,
    window: [f32; WINDOW],
    bands: Vec<Band>,
    /// Samples that have come and belong to the next windows.
    waiting: VecDeque<f32>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Mel {
    pub fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(SIZE);
        Mel {
            window: std::array::from_fn(|n| 0.5 - 0.5 * (2.0 * PI * n as f32 / WINDOW as f32).cos()),
            bands: bands(),
            waiting: VecDeque::with_capacity(2 * WINDOW),
            input: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }

    pub fn reset(&mut self) {
        self.waiting.clear();
    }

    /// Takes from `samples` what the next frame needs, and gives it once there is enough.
    pub fn next(&mut self, samples: &mut &[i16]) -> Option<Frame> {
        let wanted = (WINDOW - self.waiting.len()).min(samples.len());
        let (taken, rest) = samples.split_at(wanted);
        *samples = rest;
        self.waiting.extend(taken.iter().map(|&sample| f32::from(sample)));
        if self.waiting.len() < WINDOW {
            return None;
        }
        self.input.fill(0.0);
        for ((input, sample), weight) in self.input.iter_mut().zip(&self.waiting).zip(&self.window) {
            *input = sample * weight;
        }
        self.waiting.drain(..STEP);
        // It fails for slices of another length only, and these are its own.
        let _ = self.fft.process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch);
        let mut frame = [FLOOR; BANDS];
        for (value, band) in frame.iter_mut().zip(&self.bands) {
            let bins = self.spectrum.get(band.first..).unwrap_or_default();
            let power: f32 =
                bins.iter().zip(&band.weights).map(|(bin, weight)| bin.norm_sqr() * weight).sum();
            *value = (power.max(1e-10).log10() + 2.0).max(FLOOR);
        }
        Some(frame)
    }
}

/// Slaney's bands (Auditory Toolbox, 1998), each of area one, as librosa makes them.
fn bands() -> Vec<Band> {
    const LOWEST: f64 = 60.0;
    const HIGHEST: f64 = 3_800.0;
    // Linear below 1 kHz, logarithmic above.
    const LINEAR: f64 = 200.0 / 3.0;
    const BEND: f64 = 1_000.0;
    let step = 6.4_f64.ln() / 27.0;
    let mel = |hz: f64| if hz < BEND { hz / LINEAR } else { BEND / LINEAR + (hz / BEND).ln() / step };
    let hertz = |mel: f64| {
        let bend = BEND / LINEAR;
        if mel < bend { mel * LINEAR } else { BEND * (step * (mel - bend)).exp() }
    };
    let (low, high) = (mel(LOWEST), mel(HIGHEST));
    let edge = |n: usize| hertz(low + (high - low) * n as f64 / (BANDS + 1) as f64);
    (0..BANDS)
        .map(|band| {
            let [from, peak, to] = [edge(band), edge(band + 1), edge(band + 2)];
            let weight = |bin: usize| {
                let hz = bin as f64 * f64::from(SAMPLE_RATE) / SIZE as f64;
                let slope = ((hz - from) / (peak - from)).min((to - hz) / (to - peak));
                (slope.max(0.0) * 2.0 / (to - from)) as f32
            };
            let first = (0..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            Band { first, weights: (first..BINS).map(weight).take_while(|&weight| weight > 0.0).collect() }
        })
        .collect()
}
