//! Moonshine (Jeffries et al., "Moonshine: speech recognition for live transcription and voice commands", 2024), the
//! tiny English model, as its authors trained it and quantised it to bytes.
//!
//! ```text
//! samples → three convolutions (64 · 3 · 2 samples a frame) → 6 layers of attention ─▶ frames, once a clip
//! symbols so far ─▶ 6 layers: attention to those before, attention to the frames ─▶ the next symbol, step by step
//! ```
//!
//! Both halves turn queries and keys by their place (rotary embedding, Su et al. 2021). There is no window of fixed
//! length: a clip of three seconds costs a tenth of one of thirty.

use super::matrix::Matrix;
use crate::approximate::{gelu, log_softmax, sigmoid, softmax, tanh};

/// Values of one frame or symbol.
pub const WIDTH: usize = 288;
const HEADS: usize = 8;
const HEAD: usize = WIDTH / HEADS;
/// Of a head's values, so many turn with the place.
const TURNING: usize = 32;
const LAYERS: usize = 6;
const INNER: usize = 1152;
/// Symbols that the network knows.
pub const SYMBOLS: usize = 32_768;
/// Samples from one frame to the next.
pub const SAMPLES_A_FRAME: usize = 64 * 3 * 2;
/// The shortest clip that makes a frame.
pub const FEWEST_SAMPLES: usize = 127 + 64 * (6 + 3 * 2);
/// Bytes of all weights, in the order of [`Network::new`].
#[cfg(test)]
pub const BYTES: usize = 32_284_133;

/// Scores that hardly differ from zero need more than nothing added.
const LITTLE: f32 = 1e-5;

pub struct Network {
    encoder: Encoder,
    decoder: Decoder,
}

struct Encoder {
    samples: Matrix,
    /// Of the first convolution's channels, over all frames together.
    level: (Vec<f32>, Vec<f32>),
    frames: [(Matrix, Vec<f32>); 2],
    layers: Vec<EncoderLayer>,
    norm: Vec<f32>,
}

struct EncoderLayer {
    norm: Vec<f32>,
    attention: Attention,
    inner_norm: Vec<f32>,
    inner: Inner,
}

struct Decoder {
    /// From values to symbols; a column is the symbol's own values.
    symbols: Matrix,
    layers: Vec<DecoderLayer>,
    norm: Vec<f32>,
}

struct DecoderLayer {
    norm: Vec<f32>,
    before: Attention,
    frames_norm: Vec<f32>,
    frames: Attention,
    inner_norm: Vec<f32>,
    inner: Inner,
}

struct Attention {
    query: Matrix,
    key: Matrix,
    value: Matrix,
    out: Matrix,
}

struct Inner {
    first: (Matrix, Vec<f32>),
    second: (Matrix, Vec<f32>),
}

/// The weights, one after the other.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn floats(&mut self, count: usize) -> Option<Vec<f32>> {
        Some(self.bytes(4 * count)?.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
    }

    /// The bytes of a matrix, its scale and its zero.
    fn matrix(&mut self, inputs: usize, outputs: usize) -> Option<Matrix> {
        let bytes = self.bytes(inputs * outputs)?.to_vec();
        let scale = self.floats(1)?[0];
        let zero = self.bytes(1)?[0];
        Some(Matrix::from_bytes(&bytes, outputs, scale, zero))
    }

    /// A convolution as a matrix that is given `taps` frames at once. Stored as output, input, tap.
    fn convolution(&mut self, taps: usize, inputs: usize, outputs: usize) -> Option<Matrix> {
        let stored = self.floats(outputs * inputs * taps)?;
        Some(Matrix::from_floats(taps * inputs, outputs, |row, output| {
            stored[(output * inputs + row % inputs) * taps + row / inputs]
        }))
    }

    fn attention(&mut self) -> Option<Attention> {
        let mut next = || self.matrix(WIDTH, WIDTH);
        Some(Attention { query: next()?, key: next()?, value: next()?, out: next()? })
    }

    fn inner(&mut self, width: usize) -> Option<Inner> {
        let first = (self.matrix(WIDTH, width)?, self.floats(width)?);
        Some(Inner { first, second: (self.matrix(INNER, WIDTH)?, self.floats(WIDTH)?) })
    }

    fn encoder_layer(&mut self) -> Option<EncoderLayer> {
        Some(EncoderLayer {
            norm: self.floats(WIDTH)?,
            attention: self.attention()?,
            inner_norm: self.floats(WIDTH)?,
            inner: self.inner(INNER)?,
        })
    }

    fn decoder_layer(&mut self) -> Option<DecoderLayer> {
        Some(DecoderLayer {
            norm: self.floats(WIDTH)?,
            before: self.attention()?,
            frames_norm: self.floats(WIDTH)?,
            frames: self.attention()?,
            inner_norm: self.floats(WIDTH)?,
            inner: self.inner(2 * INNER)?,
        })
    }
}

impl Network {
    /// From all weights: the encoder from its first convolution to its last norm, then the matrix of symbols and the
    /// decoder's layers; `None` for another number of bytes.
    pub fn new(weights: &[u8]) -> Option<Network> {
        let mut rest = Rest(weights);
        let encoder = Encoder {
            samples: rest.convolution(127, 1, WIDTH)?,
            level: (rest.floats(WIDTH)?, rest.floats(WIDTH)?),
            frames: [
                (rest.convolution(7, WIDTH, 2 * WIDTH)?, rest.floats(2 * WIDTH)?),
                (rest.convolution(3, 2 * WIDTH, WIDTH)?, rest.floats(WIDTH)?),
            ],
            layers: (0..LAYERS).map(|_| rest.encoder_layer()).collect::<Option<_>>()?,
            norm: rest.floats(WIDTH)?,
        };
        let decoder = Decoder {
            symbols: rest.matrix(WIDTH, SYMBOLS)?,
            layers: (0..LAYERS).map(|_| rest.decoder_layer()).collect::<Option<_>>()?,
            norm: rest.floats(WIDTH)?,
        };
        rest.0.is_empty().then_some(Network { encoder, decoder })
    }
}

/// Each row less its mean, by its deviation, times `weights`.
fn normed(rows: &[f32], weights: &[f32]) -> Vec<f32> {
    let mut normed = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(weights.len()) {
        let mean = row.iter().sum::<f32>() / row.len() as f32;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / row.len() as f32;
        let by = 1.0 / (variance + LITTLE).sqrt();
        normed.extend(row.iter().zip(weights).map(|(x, weight)| (x - mean) * by * weight));
    }
    normed
}

fn add(to: &mut [f32], more: &[f32]) {
    for (to, more) in to.iter_mut().zip(more) {
        *to += more;
    }
}

/// Adds `bias` to each row and makes every value what `function` says.
fn finish(rows: &mut [f32], bias: &[f32], function: impl Fn(f32) -> f32) {
    for row in rows.chunks_exact_mut(bias.len()) {
        for (value, bias) in row.iter_mut().zip(bias) {
            *value = function(*value + bias);
        }
    }
}

/// Turns each head's first values, two by two, by an angle that grows with the place and shrinks with the pair.
fn turn(row: &mut [f32], place: usize) {
    for head in row.chunks_exact_mut(HEAD) {
        for (pair, values) in head[..TURNING].as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let slowness = 10_000.0_f32.powf(2.0 * pair as f32 / TURNING as f32);
            let (sin, cos) = (place as f32 / slowness).sin_cos();
            let [a, b] = *values;
            *values = [a * cos - b * sin, b * cos + a * sin];
        }
    }
}

/// What is attended to, made ready: for each head the keys as a matrix from a query to scores, and the values.
struct Attended {
    count: usize,
    heads: Vec<(Matrix, Matrix)>,
}

impl Attended {
    fn new(keys: &[f32], values: &[f32]) -> Attended {
        let count = keys.len() / WIDTH;
        let head = |h: usize| {
            let keys = Matrix::from_floats(HEAD, count, |k, n| keys[n * WIDTH + h * HEAD + k]);
            let values = Matrix::from_floats(count, HEAD, |n, k| values[n * WIDTH + h * HEAD + k]);
            (keys, values)
        };
        Attended { count, heads: (0..HEADS).map(head).collect() }
    }

    /// For each query what it attends to; `looked` is shown each row's shares of each head.
    fn answer(&self, queries: &[f32], mut looked: impl FnMut(usize, &[f32])) -> Vec<f32> {
        let rows = queries.len() / WIDTH;
        let mut answers = vec![0.0; rows * WIDTH];
        for (h, (keys, values)) in self.heads.iter().enumerate() {
            let mut shares = keys.times(&queries[h * HEAD..], WIDTH, rows);
            for (row, shares) in shares.chunks_exact_mut(self.count).enumerate() {
                for share in shares.iter_mut() {
                    *share *= 1.0 / (HEAD as f32).sqrt();
                }
                softmax(shares);
                looked(row, shares);
            }
            let found = values.times(&shares, self.count, rows);
            for (answer, found) in answers.chunks_exact_mut(WIDTH).zip(found.chunks_exact(HEAD)) {
                answer[h * HEAD..][..HEAD].copy_from_slice(found);
            }
        }
        answers
    }
}

/// What the decoder listens to: the frames of one clip, made ready for each of its layers.
pub struct Clip {
    frames: usize,
    layers: Vec<Attended>,
}

impl Clip {
    pub fn frames(&self) -> usize {
        self.frames
    }
}

/// One symbol that was taken after others, and what later ones attend to.
pub struct Step {
    before: Option<usize>,
    /// For each layer.
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// What the decoder says after one symbol.
pub struct Next {
    /// Logarithm of the probability of each symbol to be the next.
    pub symbols: Vec<f32>,
    /// The frame that it looked at most.
    pub frame: usize,
    /// This symbol among the steps.
    pub step: usize,
}

impl Network {
    /// Frames of a clip (samples between -1 and 1, at least [`FEWEST_SAMPLES`]); asks `go_on` between the layers.
    pub fn encode<E>(&self, samples: &[f32], go_on: impl Fn() -> Result<(), E>) -> Result<Clip, E> {
        let Encoder { samples: first, level, frames, layers, norm } = &self.encoder;
        let mut rows = first.times(samples, 64, (samples.len() - 127) / 64 + 1);
        // All frames and channels are one group: a louder clip is the same clip.
        let count = rows.len() as f32;
        let mut mean = 0.0;
        for value in &mut rows {
            *value = tanh(*value);
            mean += f64::from(*value);
        }
        let mean = (mean / f64::from(count)) as f32;
        let square: f64 = rows.iter().map(|value| f64::from((value - mean) * (value - mean))).sum();
        let by = 1.0 / ((square / f64::from(count)) as f32 + LITTLE).sqrt();
        for row in rows.chunks_exact_mut(WIDTH) {
            for (value, (weight, bias)) in row.iter_mut().zip(level.0.iter().zip(&level.1)) {
                *value = (*value - mean) * by * weight + bias;
            }
        }
        go_on()?;
        for ((matrix, bias), (taps, step, width)) in frames.iter().zip([(7, 3, WIDTH), (3, 2, 2 * WIDTH)]) {
            let count = (rows.len() / width).saturating_sub(taps) / step + 1;
            rows = matrix.times(&rows, step * width, count);
            finish(&mut rows, bias, gelu);
            go_on()?;
        }
        let count = rows.len() / WIDTH;
        for layer in layers {
            let within = normed(&rows, &layer.norm);
            let [mut queries, mut keys, values] =
                [&layer.attention.query, &layer.attention.key, &layer.attention.value]
                    .map(|matrix| matrix.times(&within, WIDTH, count));
            for both in [&mut queries, &mut keys] {
                both.chunks_exact_mut(WIDTH).enumerate().for_each(|(place, row)| turn(row, place));
            }
            let answers = Attended::new(&keys, &values).answer(&queries, |_, _| {});
            add(&mut rows, &layer.attention.out.times(&answers, WIDTH, count));
            go_on()?;
            let mut inner = layer.inner.first.0.times(&normed(&rows, &layer.inner_norm), WIDTH, count);
            finish(&mut inner, &layer.inner.first.1, gelu);
            let mut more = layer.inner.second.0.times(&inner, INNER, count);
            finish(&mut more, &layer.inner.second.1, |x| x);
            add(&mut rows, &more);
            go_on()?;
        }
        let rows = normed(&rows, norm);
        let layers = self.decoder.layers.iter().map(|layer| {
            let [keys, values] =
                [&layer.frames.key, &layer.frames.value].map(|matrix| matrix.times(&rows, WIDTH, count));
            Attended::new(&keys, &values)
        });
        Ok(Clip { frames: count, layers: layers.collect() })
    }

    /// What follows each of `taken`: a symbol, and the step that it was taken after (`None` for the first). The steps
    /// taken are added to `steps`.
    pub fn decode(&self, clip: &Clip, steps: &mut Vec<Step>, taken: &[(Option<usize>, u32)]) -> Vec<Next> {
        let Decoder { symbols, layers, norm } = &self.decoder;
        let count = taken.len();
        let mut rows: Vec<f32> =
            taken.iter().flat_map(|(_, symbol)| symbols.column(*symbol as usize % SYMBOLS)).collect();
        let first = steps.len();
        let paths: Vec<Vec<usize>> = taken
            .iter()
            .enumerate()
            .map(|(n, (before, _))| {
                steps.push(Step { before: *before, keys: Vec::new(), values: Vec::new() });
                std::iter::successors(Some(first + n), |step| steps[*step].before).collect()
            })
            .collect();
        let mut looks = vec![vec![0.0_f32; clip.frames]; count];
        for (number, (layer, frames)) in layers.iter().zip(&clip.layers).enumerate() {
            let within = normed(&rows, &layer.norm);
            let [mut queries, mut keys, values] =
                [&layer.before.query, &layer.before.key, &layer.before.value]
                    .map(|matrix| matrix.times(&within, WIDTH, count));
            for both in [&mut queries, &mut keys] {
                both.chunks_exact_mut(WIDTH).zip(&paths).for_each(|(row, path)| turn(row, path.len() - 1));
            }
            for (n, step) in steps[first..].iter_mut().enumerate() {
                step.keys.extend_from_slice(&keys[n * WIDTH..][..WIDTH]);
                step.values.extend_from_slice(&values[n * WIDTH..][..WIDTH]);
            }
            let answers: Vec<f32> = queries
                .chunks_exact(WIDTH)
                .zip(&paths)
                .flat_map(|(query, path)| attend(query, path, steps, number))
                .collect();
            add(&mut rows, &layer.before.out.times(&answers, WIDTH, count));

            let within = normed(&rows, &layer.frames_norm);
            let queries = layer.frames.query.times(&within, WIDTH, count);
            let answers = frames.answer(&queries, |row, shares| add(&mut looks[row], shares));
            add(&mut rows, &layer.frames.out.times(&answers, WIDTH, count));

            let mut inner = layer.inner.first.0.times(&normed(&rows, &layer.inner_norm), WIDTH, count);
            finish(&mut inner, &layer.inner.first.1, |x| x);
            let gated: Vec<f32> = inner
                .chunks_exact(2 * INNER)
                .flat_map(|row| {
                    let (values, gates) = row.split_at(INNER);
                    values.iter().zip(gates).map(|(value, gate)| value * gate * sigmoid(*gate))
                })
                .collect();
            let mut more = layer.inner.second.0.times(&gated, INNER, count);
            finish(&mut more, &layer.inner.second.1, |x| x);
            add(&mut rows, &more);
        }
        let mut all = symbols.times(&normed(&rows, norm), WIDTH, count);
        all.chunks_exact_mut(SYMBOLS)
            .zip(looks)
            .enumerate()
            .map(|(n, (symbols, looks))| {
                log_softmax(symbols);
                let most = looks.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                Next { symbols: symbols.to_vec(), frame: most.map_or(0, |(frame, _)| frame), step: first + n }
            })
            .collect()
    }
}

/// What a query finds among the steps of its path, in one layer.
fn attend(query: &[f32], path: &[usize], steps: &[Step], layer: usize) -> Vec<f32> {
    let mut answer = vec![0.0; WIDTH];
    for (h, (query, answer)) in query.chunks_exact(HEAD).zip(answer.chunks_exact_mut(HEAD)).enumerate() {
        let at = layer * WIDTH + h * HEAD;
        let score = |step: &usize| {
            let products = query.iter().zip(&steps[*step].keys[at..]).map(|(a, b)| a * b);
            products.sum::<f32>() / (HEAD as f32).sqrt()
        };
        let mut shares: Vec<f32> = path.iter().map(score).collect();
        softmax(&mut shares);
        for (share, step) in shares.iter().zip(path) {
            for (answer, value) in answer.iter_mut().zip(&steps[*step].values[at..]) {
                *answer += share * value;
            }
        }
    }
    answer
}
