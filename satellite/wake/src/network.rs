//! A network ready to run: what [`crate::graph`] compiled, and its memory.
//!
//! `features → arena: copy, convolve, look up … → probability`
//!
//! The thirteen operators of a streaming microWakeWord graph come down to four kinds of [`Step`]; moving
//! data about (variables, concatenation, slices, splits, reshapes) is always [`Step::Copy`]. Tensors lie in
//! one arena, each after those it is computed from, so a step reads below and writes above one split.
//! Int8 values are kept as `i16`, which is what multiply-and-add instructions of small processors take
//! (x86's `pmaddwd`, Arm's `smlal`).
//!
//! Deliberately absent: allocation after `new`, floating point except for the last rounding of a sum, and
//! checks, all of which were made when the graph was compiled.

use std::ops::Range;
use std::sync::Arc;

use crate::frontend::{CHANNELS, Features};
use crate::kernels::{self, BLOCK};

/// A real number `x` is stored as `x / scale + zero`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quant {
    pub scale: f32,
    pub zero: i32,
}

/// `len` values from one place of the arena to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub from: usize,
    pub to: usize,
    pub len: usize,
}

/// Sum of products, offset and rescaled to the output's quantisation; one per output channel.
#[derive(Debug)]
pub(crate) struct Rescale {
    /// Bias, with the input's zero point already taken out of the products.
    pub bias: Vec<i32>,
    pub factors: Vec<Factor>,
    pub zero: i64,
    /// Bounds of the stored output: int8's, or tighter where an activation is fused in.
    pub bounds: (i64, i64),
}

/// A real factor as `multiplier · 2^-31 · 2^-shift`; `half` is one half of the last bit that `shift` leaves,
/// and `away` is −1 where halves are rounded away from zero, 0 where up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    pub multiplier: i64,
    pub shift: u32,
    pub half: i64,
    pub away: i64,
}

#[derive(Debug)]
pub(crate) enum Step {
    Copy(Vec<Run>),
    /// Every output is a dot product with `taps` values in a row: 2-D convolutions of width one and fully
    /// connected layers. `weights` lie by output channel.
    Convolve {
        from: usize,
        to: usize,
        taps: usize,
        /// Distance between the beginnings of inputs of successive output rows.
        advance: usize,
        rows: usize,
        weights: Vec<[i16; BLOCK]>,
        rescale: Rescale,
    },
    /// Each channel by itself, over `taps` rows. `weights` lie by tap, then channel, then a block of zeros.
    Depthwise {
        from: usize,
        to: usize,
        taps: usize,
        advance: usize,
        rows: usize,
        weights: Vec<i16>,
        rescale: Rescale,
    },
    /// Functions of one int8: logistic and requantising.
    LookUp {
        from: usize,
        to: usize,
        len: usize,
        table: Box<[i16; 256]>,
    },
}

/// A compiled graph, shared by all that run it.
pub(crate) struct Plan {
    /// The arena as it is before anything was heard: variables at their initial values, the rest 0.
    pub start: Vec<i16>,
    pub steps: Vec<Step>,
    pub input: Range<usize>,
    pub input_quant: Quant,
    pub output: usize,
    pub output_quant: Quant,
}

impl Plan {
    /// Windows (of 10 ms each) that one run of the network takes in.
    pub fn stride(&self) -> usize {
        self.input.len() / CHANNELS
    }
}

/// A feature is 1/25.6 of one of the trainer's units: `log` output was scaled by 2⁶, inputs run from 0 to 26.
const FEATURE_UNIT: f64 = 0.039_062_5;
/// No feature is above 64 · ln 2³².
const FEATURES: usize = 1_421;

/// One stream's run through a network: features in, a probability every few windows.
#[derive(Clone)]
pub struct Network {
    plan: Arc<Plan>,
    arena: Vec<i16>,
    /// By feature, the input value it becomes.
    quantised: Arc<[i16; FEATURES]>,
    filled: usize,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("values", &self.arena.len()).finish_non_exhaustive()
    }
}

impl Network {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let Quant { scale, zero } = plan.input_quant;
        let code = |feature: usize| {
            let code = feature as f64 * FEATURE_UNIT / f64::from(scale) + f64::from(zero);
            code.round_ties_even().clamp(-128.0, 127.0) as i16
        };
        let quantised = Arc::new(std::array::from_fn(code));
        Network { arena: plan.start.clone(), filled: 0, plan, quantised }
    }

    /// Forgets everything heard.
    pub fn reset(&mut self) {
        self.arena.copy_from_slice(&self.plan.start);
        self.filled = 0;
    }

    /// Takes one window; once it has as many as the network's stride, runs it.
    ///
    /// The result is the probability that what the network listens for has just been heard, 0 to 1.
    pub fn push(&mut self, features: &Features) -> Option<f32> {
        let at = self.plan.input.start + self.filled * CHANNELS;
        for (value, &feature) in self.arena[at..at + CHANNELS].iter_mut().zip(features) {
            *value = self.quantised[usize::from(feature).min(FEATURES - 1)];
        }
        self.filled += 1;
        if self.filled < self.plan.stride() {
            return None;
        }
        self.filled = 0;
        for step in &self.plan.steps {
            run(step, &mut self.arena);
        }
        let Quant { scale, zero } = self.plan.output_quant;
        Some((i32::from(self.arena[self.plan.output]) - zero) as f32 * scale)
    }
}

fn run(step: &Step, arena: &mut [i16]) {
    match step {
        Step::Copy(runs) => {
            for run in runs {
                arena.copy_within(run.from..run.from + run.len, run.to);
            }
        }
        Step::Convolve { from, to, taps, advance, rows, weights, rescale } => {
            let (below, above) = arena.split_at_mut(*to);
            for (row, out) in above.chunks_exact_mut(rescale.bias.len()).take(*rows).enumerate() {
                let (input, _) = below[from + row * advance..][..taps.next_multiple_of(BLOCK)].as_chunks();
                kernels::convolve(input, weights, rescale, out);
            }
        }
        Step::Depthwise { from, to, taps, advance, rows, weights, rescale } => {
            let channels = rescale.bias.len();
            let (below, above) = arena.split_at_mut(*to);
            for (row, out) in above.chunks_exact_mut(channels).take(*rows).enumerate() {
                let input = &below[from + row * advance..][..taps * channels + BLOCK];
                kernels::depthwise(input, weights, rescale, out);
            }
        }
        Step::LookUp { from, to, len, table } => {
            let (below, above) = arena.split_at_mut(*to);
            for (out, &code) in above.iter_mut().zip(&below[*from..from + len]) {
                *out = table[(code + 128) as usize & 0xFF];
            }
        }
    }
}
