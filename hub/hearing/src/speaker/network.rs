//! The GE2E network (Wan et al., "Generalized end-to-end loss for speaker verification", 2018), as Resemblyzer
//! trained it: three LSTM layers of 256, a linear layer, ReLU, unit length.
//!
//! `160 mel frames → LSTM → LSTM → LSTM → last hidden state → linear → ReLU → / length`
//!
//! Most of the work is one matrix times a few vectors, 480 times in a row: too small for a general library to be
//! quick at (docs/decisions/0100). Up to [`LANES`] windows run side by side, so that a matrix is read once for all, and
//! some rows of it lie beside each other, so that a register holds as many sums and none is added up across.

use std::ops::Range;

use super::mel::BANDS;
use super::voiceprint::SIZE;
use crate::approximate::{sigmoid, tanh};

/// Frames of one window: 1.6 s, as the network was trained.
pub const WINDOW: usize = 160;
/// Windows that run side by side.
const LANES: usize = 4;
/// Rows of a matrix that lie side by side: for two windows, as many sums as there is room for in the registers of
/// AVX2 (for more windows half of them are multiplied at once)…
const ROWS: usize = 32;
/// … and for [`LANES`] windows in those of AVX-512.
const WIDE_ROWS: usize = 64;
const HIDDEN: usize = 256;
/// Input, forget, cell and output gate, in PyTorch's order.
const GATES: usize = 4 * HIDDEN;
const LAYERS: usize = 3;

/// Floats of all weights, in the order of [`Network::new`].
pub const WEIGHTS: usize = GATES * BANDS
    + GATES * HIDDEN
    + 2 * (LAYERS - 1) * GATES * HIDDEN
    + 2 * LAYERS * GATES
    + SIZE * HIDDEN
    + SIZE;

/// A matrix whose rows lie side by side, some at a time: `[block][column][row]`.
struct Matrix {
    values: Vec<f32>,
    columns: usize,
}

struct Layer {
    /// A row per gate.
    from_input: Matrix,
    from_hidden: Matrix,
    bias: Vec<f32>,
}

pub struct Network {
    layers: Vec<Layer>,
    linear: Matrix,
    bias: Vec<f32>,
    /// Rows that lie side by side: [`ROWS`] or [`WIDE_ROWS`].
    rows: usize,
}

impl Network {
    /// From [`WEIGHTS`] floats as PyTorch lays a flattened LSTM out: for each layer the matrices from input and from
    /// hidden state, then for each layer the two biases, then the linear layer's matrix and bias.
    pub fn new(weights: &[f32]) -> Option<Network> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            return Network::with_rows(weights, WIDE_ROWS);
        }
        Network::with_rows(weights, ROWS)
    }

    fn with_rows(weights: &[f32], rows: usize) -> Option<Network> {
        if weights.len() != WEIGHTS {
            return None;
        }
        let mut rest = weights;
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken
        };
        let mut layers: Vec<Layer> = (0..LAYERS)
            .map(|layer| {
                let width = if layer == 0 { BANDS } else { HIDDEN };
                let from_input = Matrix::new(take(GATES * width), width, rows);
                let from_hidden = Matrix::new(take(GATES * HIDDEN), HIDDEN, rows);
                Layer { from_input, from_hidden, bias: Vec::new() }
            })
            .collect();
        for layer in &mut layers {
            let (input, hidden) = (take(GATES), take(GATES));
            layer.bias = input.iter().zip(hidden).map(|(a, b)| a + b).collect();
        }
        let linear = Matrix::new(take(SIZE * HIDDEN), HIDDEN, rows);
        Some(Network { layers, linear, bias: take(SIZE).to_vec(), rows })
    }

    /// One unit vector for each window of [`WINDOW`] frames; a vector of zeros for one that no output answers to.
    pub fn embed(&self, windows: &[&[[f32; BANDS]]]) -> Vec<[f32; SIZE]> {
        windows.chunks(LANES).flat_map(|some| self.side_by_side(some)).collect()
    }

    fn side_by_side(&self, windows: &[&[[f32; BANDS]]]) -> Vec<[f32; SIZE]> {
        #[cfg(target_arch = "x86_64")]
        if self.rows == WIDE_ROWS {
            // SAFETY: rows lie like this only where the processor has said that it knows these instructions.
            return unsafe { self.widest(windows) };
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: this processor has just said that it knows these instructions.
            return unsafe { self.wide(windows) };
        }
        // Every 64-bit Arm multiplies and adds at once; an old x86 would do it in software.
        const FUSED: bool = cfg!(target_arch = "aarch64");
        self.run::<ROWS, FUSED>(windows)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    fn widest(&self, windows: &[&[[f32; BANDS]]]) -> Vec<[f32; SIZE]> {
        self.run::<WIDE_ROWS, true>(windows)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn wide(&self, windows: &[&[[f32; BANDS]]]) -> Vec<[f32; SIZE]> {
        self.run::<ROWS, true>(windows)
    }

    #[inline(always)]
    fn run<const R: usize, const FUSED: bool>(&self, windows: &[&[[f32; BANDS]]]) -> Vec<[f32; SIZE]> {
        match windows.len() {
            1 => self.run_some::<R, 1, R, FUSED>(windows),
            2 => self.run_some::<R, 2, R, FUSED>(windows),
            3 if R > ROWS => self.run_some::<R, 3, R, FUSED>(windows),
            3 => self.run_some::<R, 3, { ROWS / 2 }, FUSED>(windows),
            _ if R > ROWS => self.run_some::<R, LANES, R, FUSED>(windows),
            _ => self.run_some::<R, LANES, { ROWS / 2 }, FUSED>(windows),
        }
    }

    /// `R`: rows that lie side by side; `N`: windows; `S`: rows that are multiplied at once.
    #[inline(always)]
    fn run_some<const R: usize, const N: usize, const S: usize, const FUSED: bool>(
        &self,
        windows: &[&[[f32; BANDS]]],
    ) -> Vec<[f32; SIZE]> {
        // Frame by frame, the windows side by side: `[frame][window][value]`.
        let mut values = vec![0.0; WINDOW * N * BANDS];
        for (at, cell) in values.chunks_exact_mut(BANDS).enumerate() {
            if let Some(frame) = windows.get(at % N).and_then(|window| window.get(at / N)) {
                cell.copy_from_slice(frame);
            }
        }
        for layer in &self.layers {
            values = layer.run::<R, N, S, FUSED>(&values);
        }
        let last = &values[(WINDOW - 1) * N * HIDDEN..];
        let mut raw = vec![0.0; SIZE * N];
        self.linear.times::<R, N, S, FUSED>(0..SIZE / R, last, &mut raw);
        let windows = raw.chunks_exact(SIZE).take(windows.len());
        windows
            .map(|raw| {
                let mut unit = [0.0; SIZE];
                for ((unit, raw), bias) in unit.iter_mut().zip(raw).zip(&self.bias) {
                    *unit = (raw + bias).max(0.0);
                }
                super::voiceprint::to_unit(&mut unit);
                unit
            })
            .collect()
    }
}

impl Layer {
    /// The hidden states at every frame, from the values of the layer before.
    #[inline(always)]
    fn run<const R: usize, const N: usize, const S: usize, const FUSED: bool>(
        &self,
        values: &[f32],
    ) -> Vec<f32> {
        let mut gates = vec![0.0; WINDOW * N * GATES];
        // What comes from the input needs no order, so some rows of the matrix stay in the cache for all frames.
        for block in 0..GATES / R {
            let frames = values.chunks_exact(N * self.from_input.columns);
            for (frame, gates) in frames.zip(gates.chunks_exact_mut(N * GATES)) {
                self.from_input.times::<R, N, S, FUSED>(block..block + 1, frame, gates);
            }
        }
        let mut states = vec![0.0; WINDOW * N * HIDDEN];
        let (mut hidden, mut cell) = (vec![0.0; N * HIDDEN], vec![0.0; N * HIDDEN]);
        let mut sums = vec![0.0; N * GATES];
        for (gates, state) in gates.chunks_exact(N * GATES).zip(states.chunks_exact_mut(N * HIDDEN)) {
            self.from_hidden.times::<R, N, S, FUSED>(0..GATES / R, &hidden, &mut sums);
            for n in 0..N {
                let gates = &gates[n * GATES..][..GATES];
                let sums = &mut sums[n * GATES..][..GATES];
                for ((sum, gate), bias) in sums.iter_mut().zip(gates).zip(&self.bias) {
                    *sum += gate + bias;
                }
                let (input, rest) = sums.split_at(HIDDEN);
                let (forget, rest) = rest.split_at(HIDDEN);
                let (new, output) = rest.split_at(HIDDEN);
                let cell = &mut cell[n * HIDDEN..][..HIDDEN];
                let hidden = &mut hidden[n * HIDDEN..][..HIDDEN];
                for k in 0..HIDDEN {
                    cell[k] = sigmoid(forget[k]) * cell[k] + sigmoid(input[k]) * tanh(new[k]);
                    hidden[k] = sigmoid(output[k]) * tanh(cell[k]);
                }
            }
            state.copy_from_slice(&hidden);
        }
        states
    }
}

impl Matrix {
    /// From its rows, one after the other, of which `at_once` will be multiplied at once; there are a multiple of it.
    fn new(rows: &[f32], columns: usize, at_once: usize) -> Matrix {
        let mut values = Vec::with_capacity(rows.len());
        for block in rows.chunks_exact(at_once * columns) {
            for column in 0..columns {
                values.extend(block.iter().skip(column).step_by(columns));
            }
        }
        Matrix { values, columns }
    }

    /// Some blocks of `R` rows times each of `N` vectors, which lie one after the other; so do the results, each as
    /// long as the whole matrix has rows.
    #[inline(always)]
    fn times<const R: usize, const N: usize, const S: usize, const FUSED: bool>(
        &self,
        blocks: Range<usize>,
        vectors: &[f32],
        sums: &mut [f32],
    ) {
        let rows = self.values.len() / self.columns;
        let mut vectors = vectors.chunks_exact(self.columns);
        let vectors: [&[f32]; N] = [(); N].map(|()| vectors.next().unwrap_or_default());
        let matrix = self.values.as_chunks::<R>().0;
        for block in blocks {
            let columns = &matrix[block * self.columns..][..self.columns];
            let vectors = vectors.map(|vector| &vector[..columns.len()]);
            for some in 0..R / S {
                let mut lanes = [[0.0_f32; S]; N];
                for (k, column) in columns.iter().enumerate() {
                    let column = &column.as_chunks::<S>().0[some];
                    for n in 0..N {
                        add_product::<S, FUSED>(&mut lanes[n], column, vectors[n][k]);
                    }
                }
                for (n, lanes) in lanes.iter().enumerate() {
                    sums[n * rows + block * R + some * S..][..S].copy_from_slice(lanes);
                }
            }
        }
    }
}

#[inline(always)]
fn add_product<const S: usize, const FUSED: bool>(sums: &mut [f32; S], rows: &[f32; S], value: f32) {
    for (sum, row) in sums.iter_mut().zip(rows) {
        *sum = if FUSED { row.mul_add(value, *sum) } else { row * value + *sum };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step of an LSTM as PyTorch's documentation writes it, in double precision and no order but that.
    fn slow_lstm(weights: &[f64], inputs: &[Vec<f64>], width: usize) -> Vec<Vec<f64>> {
        let (w_in, rest) = weights.split_at(GATES * width);
        let (w_hidden, bias) = rest.split_at(GATES * HIDDEN);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (mut h, mut c) = (vec![0.0; HIDDEN], vec![0.0; HIDDEN]);
        let step = |x: &Vec<f64>| {
            let dot = |m: &[f64], x: &[f64]| m.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
            let g: Vec<f64> = (0..GATES)
                .map(|r| {
                    dot(&w_in[r * width..][..width], x) + dot(&w_hidden[r * HIDDEN..][..HIDDEN], &h) + bias[r]
                })
                .collect();
            for k in 0..HIDDEN {
                c[k] = sigmoid(g[HIDDEN + k]) * c[k] + sigmoid(g[k]) * g[2 * HIDDEN + k].tanh();
                h[k] = sigmoid(g[3 * HIDDEN + k]) * c[k].tanh();
            }
            h.clone()
        };
        inputs.iter().map(step).collect()
    }

    #[test]
    fn windows_side_by_side_are_what_each_is_alone() {
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 40) as f64 / (1_u64 << 24) as f64 - 0.5) as f32
        };
        let weights: Vec<f32> = (0..WEIGHTS).map(|_| random() * 0.2).collect();
        let network = Network::new(&weights).unwrap();
        let windows: Vec<Vec<[f32; BANDS]>> =
            (0..6).map(|_| (0..WINDOW).map(|_| std::array::from_fn(|_| random() + 0.5)).collect()).collect();
        let all: Vec<&[[f32; BANDS]]> = windows.iter().map(Vec::as_slice).collect();
        let together = network.embed(&all);
        let narrow = Network::with_rows(&weights, ROWS).unwrap();
        let same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        for (window, unit) in all.iter().zip(&together) {
            assert!(same(&network.embed(&[window])[0], unit));
            assert!(same(&narrow.embed(&[window])[0], unit));
            assert!(same(&narrow.run::<ROWS, false>(&[window])[0], unit));
        }
        // And what it is alone is an LSTM.
        let wide: Vec<f64> = weights.iter().map(|w| f64::from(*w)).collect();
        let sizes = [BANDS, HIDDEN, HIDDEN];
        let biases = sizes.iter().map(|w| GATES * (w + HIDDEN)).sum::<usize>();
        let mut values: Vec<Vec<f64>> =
            windows[0].iter().map(|f| f.iter().map(|x| f64::from(*x)).collect()).collect();
        let mut at = 0;
        for (layer, width) in sizes.into_iter().enumerate() {
            let bias = &wide[biases + layer * 2 * GATES..][..2 * GATES];
            let mut own = wide[at..at + GATES * (width + HIDDEN)].to_vec();
            own.extend((0..GATES).map(|r| bias[r] + bias[GATES + r]));
            at += GATES * (width + HIDDEN);
            values = slow_lstm(&own, &values, width);
        }
        let linear = &wide[biases + LAYERS * 2 * GATES..];
        let last = values.last().unwrap();
        let mut expect: Vec<f64> = (0..SIZE)
            .map(|r| {
                let sum: f64 = linear[r * HIDDEN..][..HIDDEN].iter().zip(last).map(|(a, b)| a * b).sum();
                (sum + linear[SIZE * HIDDEN + r]).max(0.0)
            })
            .collect();
        let length = expect.iter().map(|x| x * x).sum::<f64>().sqrt();
        expect.iter_mut().for_each(|x| *x /= length);
        for (expect, got) in expect.iter().zip(&together[0]) {
            assert!((expect - f64::from(*got)).abs() < 1e-4, "{expect} {got}");
        }
    }
}
