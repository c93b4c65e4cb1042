//! Google's speech embedding: 76 frames → 96 numbers that say what was just said, every 80 ms.
//!
//! `frames → 20 convolutions over bands and time, 5 poolings → embedding`
//!
//! The network (Lin et al., "Training keyword spotters with limited and synthesized speech data", 2020) never looks
//! beyond its window and pools by eight in all, so a window that begins eight frames later shares all but a tenth of its
//! work: this runs as a stream, each layer remembering the two rows of the past that it needs.
//!
//! Deliberately absent: a reader of any model format. The numbers come from a file known to the byte ([`super::weights`]).

use std::sync::Arc;

use super::mel::{BANDS, Frame};

/// Frames that an embedding is made of, and from one to the next.
pub(crate) const SPAN: usize = 76;
pub(crate) const BLOCK: usize = 8;
/// Blocks after which the past is filled with what was heard.
pub(crate) const PRIMING: usize = SPAN.div_ceil(BLOCK);
/// Numbers of an embedding.
pub(crate) const SIZE: usize = 96;
pub(crate) type Embedding = [f32; SIZE];

/// Channels that are worked at together: every layer has a multiple of it.
const GROUP: usize = 24;

/// What a layer does. Convolutions have three taps in each direction that they go; over time they see only rows that
/// there are, over bands there is a zero at both ends.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    BothWays,
    OverBands,
    OverTime,
    /// The greater of two bands.
    PoolBands,
    /// The greatest of two bands in two rows.
    Pool,
}

use Kind::{BothWays, OverBands, OverTime, Pool, PoolBands};

/// The layers, and how many channels come out of each.
const LAYERS: [(Kind, usize); 25] = [
    (BothWays, 24),
    (OverBands, 24),
    (OverTime, 24),
    (Pool, 24),
    (OverBands, 48),
    (OverTime, 48),
    (OverBands, 48),
    (OverTime, 48),
    (PoolBands, 48),
    (OverBands, 72),
    (OverTime, 72),
    (OverBands, 72),
    (OverTime, 72),
    (Pool, 72),
    (OverBands, 96),
    (OverTime, 96),
    (OverBands, 96),
    (OverTime, 96),
    (PoolBands, 96),
    (OverBands, 96),
    (OverTime, 96),
    (OverBands, 96),
    (OverTime, 96),
    (Pool, 96),
    (OverTime, SIZE),
];

impl Kind {
    /// Rows, and bands, that one output is computed from.
    fn taps(self) -> (usize, usize) {
        match self {
            BothWays => (3, 3),
            OverBands => (1, 3),
            OverTime => (3, 1),
            Pool | PoolBands => (0, 0),
        }
    }

    /// Rows of the past that it needs.
    fn past(self) -> usize {
        self.taps().0.saturating_sub(1)
    }
}

struct Layer {
    kind: Kind,
    /// Of what comes in: rows in a block, bands, channels.
    rows: usize,
    bands: usize,
    channels: usize,
    /// By group, row, band and incoming channel.
    weights: Vec<[f32; GROUP]>,
    bias: Vec<[f32; GROUP]>,
    /// The last layer is linear.
    last: bool,
}

impl Layer {
    /// Floats of an incoming row: its bands, with one of zeros at both ends.
    fn width(&self) -> usize {
        (self.bands + 2) * self.channels
    }
}

/// The network's numbers; shared by all streams.
pub(crate) struct Network {
    layers: Vec<Layer>,
}

/// How many weights and how many biases each convolution has, in order.
pub(crate) fn sizes() -> impl Iterator<Item = (usize, usize)> {
    let mut channels = 1;
    let last = LAYERS.len() - 1;
    LAYERS.iter().enumerate().filter_map(move |(at, &(kind, out))| {
        let (rows, bands) = kind.taps();
        let incoming = std::mem::replace(&mut channels, out);
        (rows > 0).then_some((out * incoming * rows * bands, if at == last { 0 } else { out }))
    })
}

impl Network {
    /// From the floats of each convolution in order: weights by output channel, input channel, row, band; then biases.
    /// `None` where there are not just as many as it takes.
    pub fn new(mut floats: &[f32]) -> Option<Network> {
        let mut sizes = sizes();
        let (mut rows, mut bands, mut channels) = (BLOCK, BANDS, 1);
        let mut layers = Vec::with_capacity(LAYERS.len());
        for (at, &(kind, out)) in LAYERS.iter().enumerate() {
            let (taps, wide) = kind.taps();
            let (mut weights, mut bias) = (Vec::new(), Vec::new());
            if taps > 0 {
                let (count, biases) = sizes.next()?;
                let (given, rest) = floats.split_at_checked(count)?;
                let (given_bias, rest) = rest.split_at_checked(biases)?;
                floats = rest;
                for group in 0..out / GROUP {
                    for row in 0..taps {
                        for band in 0..wide {
                            for channel in 0..channels {
                                weights.push(std::array::from_fn(|n| {
                                    let to = group * GROUP + n;
                                    given[((to * channels + channel) * taps + row) * wide + band]
                                }));
                            }
                        }
                    }
                    let bias_of = |n| given_bias.get(group * GROUP + n).copied().unwrap_or(0.0);
                    bias.push(std::array::from_fn(bias_of));
                }
            }
            layers.push(Layer { kind, rows, bands, channels, weights, bias, last: at + 1 == LAYERS.len() });
            if kind == Pool {
                rows /= 2;
            }
            if matches!(kind, Pool | PoolBands) {
                bands /= 2;
            }
            channels = out;
        }
        floats.is_empty().then_some(Network { layers })
    }
}

/// One stream's run through the network.
pub(crate) struct Stream {
    network: Arc<Network>,
    /// What comes into each layer: rows of the past, then those of the block.
    incoming: Vec<Vec<f32>>,
    /// A row of zeros' width for the last layer's output.
    out: Vec<f32>,
}

impl Stream {
    pub fn new(network: Arc<Network>) -> Self {
        let room = |layer: &Layer| vec![0.0; (layer.kind.past() + layer.rows) * layer.width()];
        Stream { incoming: network.layers.iter().map(room).collect(), out: vec![0.0; 3 * SIZE], network }
    }

    pub fn reset(&mut self) {
        self.incoming.iter_mut().for_each(|rows| rows.fill(0.0));
    }

    /// The embedding of the last [`SPAN`] frames, of which these are the newest.
    pub fn push(&mut self, block: &[Frame; BLOCK]) -> Embedding {
        let first = &self.network.layers[0];
        let (past, width) = (first.kind.past() * first.width(), first.width());
        for (row, frame) in self.incoming[0][past..].chunks_exact_mut(width).zip(block) {
            row[1..=BANDS].copy_from_slice(frame);
        }
        self.run();
        for (layer, rows) in self.network.layers.iter().zip(&mut self.incoming) {
            let past = layer.kind.past() * layer.width();
            let newest = rows.len() - past;
            rows.copy_within(newest.., 0);
        }
        std::array::from_fn(|n| self.out[SIZE + n])
    }

    fn run(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: this processor has just said that it knows these instructions.
            unsafe { self.run_wide() };
            return;
        }
        // Every 64-bit Arm multiplies and adds at once; an old x86 would do it in software.
        const FUSED: bool = cfg!(target_arch = "aarch64");
        self.run_with::<FUSED>();
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn run_wide(&mut self) {
        self.run_with::<true>();
    }

    #[inline(always)]
    fn run_with<const FUSED: bool>(&mut self) {
        for (at, layer) in self.network.layers.iter().enumerate() {
            let (before, after) = self.incoming.split_at_mut(at + 1);
            let rows = &before[at];
            let to: &mut [f32] = match (after.first_mut(), self.network.layers.get(at + 1)) {
                (Some(rows), Some(next)) => &mut rows[next.kind.past() * next.width()..],
                _ => &mut self.out,
            };
            match layer.kind {
                Pool | PoolBands => pool(layer, rows, to),
                // As many outputs side by side as registers hold.
                _ if layer.bands >= 4 => convolve::<4, FUSED>(layer, rows, to),
                _ if layer.bands == 2 => convolve::<2, FUSED>(layer, rows, to),
                _ => convolve::<1, FUSED>(layer, rows, to),
            }
        }
    }
}

fn pool(layer: &Layer, rows: &[f32], to: &mut [f32]) {
    let (together, channels) = (if layer.kind == Pool { 2 } else { 1 }, layer.channels);
    let narrow = (layer.bands / 2 + 2) * channels;
    for (some, to) in rows.chunks_exact(together * layer.width()).zip(to.chunks_exact_mut(narrow)) {
        let to = &mut to[channels..narrow - channels];
        to.fill(f32::NEG_INFINITY);
        for row in some.chunks_exact(layer.width()) {
            for (pair, to) in row[channels..].chunks_exact(2 * channels).zip(to.chunks_exact_mut(channels)) {
                for (n, to) in to.iter_mut().enumerate() {
                    *to = to.max(pair[n]).max(pair[channels + n]);
                }
            }
        }
    }
}

/// `SIDE` bands at once, a group of channels each.
#[inline(always)]
fn convolve<const SIDE: usize, const FUSED: bool>(layer: &Layer, rows: &[f32], to: &mut [f32]) {
    let (taps, wide) = layer.kind.taps();
    let (width, channels) = (layer.width(), layer.channels);
    let length = wide * channels;
    let skip = if wide == 1 { channels } else { 0 };
    let out = layer.bias.len() * GROUP;
    for (row, to) in to.chunks_exact_mut((layer.bands + 2) * out).take(layer.rows).enumerate() {
        for band in (0..layer.bands).step_by(SIDE) {
            for (group, bias) in layer.bias.iter().enumerate() {
                let mut sums = [*bias; SIDE];
                for tap in 0..taps {
                    let weights = &layer.weights[(group * taps + tap) * length..][..length];
                    let from =
                        |n: usize| &rows[(row + tap) * width + (band + n) * channels + skip..][..length];
                    let from: [&[f32]; SIDE] = std::array::from_fn(from);
                    for (k, weights) in weights.iter().enumerate() {
                        for n in 0..SIDE {
                            let value = from[n][k];
                            for (sum, weight) in sums[n].iter_mut().zip(weights) {
                                *sum =
                                    if FUSED { weight.mul_add(value, *sum) } else { weight * value + *sum };
                            }
                        }
                    }
                }
                for (n, sums) in sums.iter().enumerate() {
                    let to = &mut to[(band + n + 1) * out + group * GROUP..][..GROUP];
                    for (to, &sum) in to.iter_mut().zip(sums) {
                        *to = if layer.last { sum } else { leak(sum) };
                    }
                }
            }
        }
    }
}

/// A fifth of what is below zero, but never below −0.4.
#[inline(always)]
fn leak(x: f32) -> f32 {
    if x < 0.0 { (0.2 * x).max(-0.4) } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Arc<Network> {
        let count: usize = sizes().map(|(weights, biases)| weights + biases).sum();
        let floats: Vec<f32> = (0..count).map(|n| ((n * 7919 % 2003) as f32 / 2003.0 - 0.5) * 0.1).collect();
        assert!(Network::new(&floats[1..]).is_none());
        assert!(Network::new(&[&floats[..], &[0.0]].concat()).is_none());
        Arc::new(Network::new(&floats).unwrap())
    }

    /// What came before the window is forgotten to the bit.
    #[test]
    fn an_embedding_is_made_of_its_own_frames_alone() {
        let block = |n: usize| -> [Frame; BLOCK] {
            std::array::from_fn(|row| {
                std::array::from_fn(|band| ((n * 97 + row * 31 + band * 13) % 17) as f32)
            })
        };
        let mut fresh = Stream::new(network());
        let mut old = Stream::new(fresh.network.clone());
        for n in 100..130 {
            old.push(&block(n));
        }
        let pushed: Vec<_> = (0..PRIMING + 2).map(|n| (fresh.push(&block(n)), old.push(&block(n)))).collect();
        assert_ne!(pushed[3].0, pushed[3].1);
        assert!(pushed[PRIMING - 1..].iter().all(|(fresh, old)| fresh == old));
        fresh.reset();
        assert_eq!(fresh.push(&block(0)), pushed[0].0);
    }
}
