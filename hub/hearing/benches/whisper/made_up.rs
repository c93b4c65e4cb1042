//! A Whisper model that nobody trained: the published dimensions, made-up weights, and a sentence that it always says.
//!
//! Real weights cannot be had everywhere, and for timing they are not needed: the same matrices are multiplied
//! whatever they hold. Only the number of words must be right, for the decoder runs once for each. So the embedding
//! of each position in the text points at the token that comes next, many times stronger than what the layers add.
//!
//! File layout as in whisper.cpp's `whisper_model_load`: header, mel filters, vocabulary, tensors.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What the model says, a token each: a command of three seconds has about as many.
pub const SAYS: [&str; 12] =
    [" turn", " on", " the", " kitchen", " light", " and", " set", " it", " to", " forty", " per", " cent"];

/// Names that may stand in a prompt, a token each.
pub const NAMES: [&str; 8] = ["lamp", "fan", "door", "blind", "heater", "radio", "study", "garage"];

/// Published dimensions (OpenAI, `whisper/model.py`, the checkpoints' `dims`).
#[derive(Clone, Copy)]
pub struct Size {
    pub name: &'static str,
    pub width: usize,
    pub heads: usize,
    pub layers: usize,
}

pub const TINY_EN: Size = Size { name: "tiny.en", width: 384, heads: 6, layers: 4 };
pub const BASE_EN: Size = Size { name: "base.en", width: 512, heads: 8, layers: 6 };

/// How the large matrices are stored: the three forms that are published.
#[derive(Clone, Copy, PartialEq)]
pub enum Numbers {
    F16,
    Q8,
    Q5,
}

impl Numbers {
    pub fn name(self) -> &'static str {
        match self {
            Numbers::F16 => "f16",
            Numbers::Q8 => "q8_0",
            Numbers::Q5 => "q5_1",
        }
    }

    /// Numbers of `ggml_ftype` in the header and `ggml_type` before each tensor.
    fn codes(self) -> (i32, i32) {
        match self {
            Numbers::F16 => (1, 1),
            Numbers::Q8 => (2007, 8),
            Numbers::Q5 => (2009, 7),
        }
    }
}

const VOCABULARY: usize = 51_864;
const TEXT_TOKENS: usize = 50_257;
const END_OF_TEXT: usize = 50_256;
/// 0.00 s; one token more for every 20 ms.
const FIRST_TIMESTAMP: usize = 50_363;
const AUDIO_POSITIONS: usize = 1_500;
const TEXT_POSITIONS: usize = 448;
const MEL_BANDS: usize = 80;
const FFT_BINS: usize = 201;
const BLOCK: usize = 32;

/// Number of the token in the vocabulary; the single bytes come first.
fn token(text: &str) -> usize {
    let words = SAYS.iter().copied().map(str::to_owned).chain(NAMES.iter().map(|name| format!(" {name}")));
    256 + words.into_iter().position(|word| word == text).expect("a token of this model")
}

/// Writes a model that speaks after a prompt of `prompt` tokens (0: none).
pub fn write(path: &Path, size: Size, numbers: Numbers, prompt: usize) -> io::Result<()> {
    let mut file = Model { out: BufWriter::new(File::create(path)?), numbers, random: 1 };
    let Size { width, heads, layers, .. } = size;
    let header = [
        0x6767_6d6c,
        VOCABULARY as i32,
        AUDIO_POSITIONS as i32,
        width as i32,
        heads as i32,
        layers as i32,
        TEXT_POSITIONS as i32,
        width as i32,
        heads as i32,
        layers as i32,
        MEL_BANDS as i32,
        numbers.codes().0,
        MEL_BANDS as i32,
        FFT_BINS as i32,
    ];
    file.integers(&header)?;
    for band in 0..MEL_BANDS {
        let triangle = |bin: usize| (1.0 - (bin as f32 / 2.5 - band as f32).abs()).max(0.0);
        file.floats(&(0..FFT_BINS).map(triangle).collect::<Vec<_>>())?;
    }
    file.vocabulary()?;

    file.small("encoder.positional_embedding", &[width, AUDIO_POSITIONS], 0.0)?;
    file.convolution("encoder.conv1", &[3, MEL_BANDS, width])?;
    file.convolution("encoder.conv2", &[3, width, width])?;
    file.norm("encoder.ln_post", width)?;
    for layer in 0..layers {
        let block = format!("encoder.blocks.{layer}");
        file.attention(&block, "attn", width)?;
        file.perceptron(&block, width)?;
    }
    file.text_embeddings(width, prompt)?;
    file.norm("decoder.ln", width)?;
    for layer in 0..layers {
        let block = format!("decoder.blocks.{layer}");
        file.attention(&block, "attn", width)?;
        file.attention(&block, "cross_attn", width)?;
        file.perceptron(&block, width)?;
    }
    file.out.flush()
}

struct Model {
    out: BufWriter<File>,
    numbers: Numbers,
    random: u64,
}

impl Model {
    fn integers(&mut self, values: &[i32]) -> io::Result<()> {
        values.iter().try_for_each(|value| self.out.write_all(&value.to_le_bytes()))
    }

    fn floats(&mut self, values: &[f32]) -> io::Result<()> {
        values.iter().try_for_each(|value| self.out.write_all(&value.to_le_bytes()))
    }

    /// Between -1 and 1 (xorshift, Marsaglia 2003).
    fn next(&mut self) -> f32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vocabulary(&mut self) -> io::Result<()> {
        self.integers(&[TEXT_TOKENS as i32])?;
        let words =
            SAYS.iter().copied().map(str::to_owned).chain(NAMES.iter().map(|name| format!(" {name}")));
        let words: Vec<String> = words.collect();
        for number in 0..TEXT_TOKENS {
            let text = match number {
                0..256 => vec![number as u8],
                _ => words
                    .get(number - 256)
                    .map_or_else(|| format!("<{number}>").into_bytes(), |word| word.clone().into_bytes()),
            };
            self.integers(&[text.len() as i32])?;
            self.out.write_all(&text)?;
        }
        Ok(())
    }

    fn head(&mut self, name: &str, shape: &[usize], kind: i32) -> io::Result<()> {
        self.integers(&[shape.len() as i32, name.len() as i32, kind])?;
        self.integers(&shape.iter().map(|size| *size as i32).collect::<Vec<_>>())?;
        self.out.write_all(name.as_bytes())
    }

    /// A tensor of 32-bit numbers around `middle`.
    fn small(&mut self, name: &str, shape: &[usize], middle: f32) -> io::Result<()> {
        self.head(name, shape, 0)?;
        for _ in 0..shape.iter().product() {
            let value = middle + 0.01 * self.next();
            self.floats(&[value])?;
        }
        Ok(())
    }

    /// A large matrix, stored as the model stores them.
    fn large(&mut self, name: &str, shape: &[usize]) -> io::Result<()> {
        self.head(name, shape, self.numbers.codes().1)?;
        let mut row = vec![0.0; shape[0]];
        for _ in 0..shape[1] {
            row.iter_mut().for_each(|value| *value = 0.01 * self.next());
            self.row(&row)?;
        }
        Ok(())
    }

    fn row(&mut self, row: &[f32]) -> io::Result<()> {
        match self.numbers {
            Numbers::F16 => row.iter().try_for_each(|value| self.out.write_all(&half(*value).to_le_bytes())),
            Numbers::Q8 => row.chunks(BLOCK).try_for_each(|block| {
                let scale = block.iter().fold(0.0f32, |most, value| most.max(value.abs())) / 127.0;
                self.out.write_all(&half(scale).to_le_bytes())?;
                let bytes: Vec<u8> =
                    block.iter().map(|value| (value / scale.max(1e-9)).round() as i8 as u8).collect();
                self.out.write_all(&bytes)
            }),
            Numbers::Q5 => row.chunks(BLOCK).try_for_each(|block| {
                let least = block.iter().copied().fold(f32::MAX, f32::min);
                let scale = (block.iter().copied().fold(f32::MIN, f32::max) - least) / 31.0;
                let five = |value: f32| (((value - least) / scale.max(1e-9)).round() as u32).min(31);
                let high = (0..BLOCK).fold(0u32, |bits, i| bits | (five(block[i]) >> 4) << i);
                self.out.write_all(&half(scale).to_le_bytes())?;
                self.out.write_all(&half(least).to_le_bytes())?;
                self.out.write_all(&high.to_le_bytes())?;
                let pairs = (0..BLOCK / 2)
                    .map(|i| (five(block[i]) & 15 | (five(block[i + BLOCK / 2]) & 15) << 4) as u8);
                self.out.write_all(&pairs.collect::<Vec<_>>())
            }),
        }
    }

    /// Convolutions stay in 16 bits, their biases have two dimensions.
    fn convolution(&mut self, name: &str, shape: &[usize; 3]) -> io::Result<()> {
        self.head(&format!("{name}.weight"), shape, 1)?;
        for _ in 0..shape.iter().product() {
            let value = half(0.01 * self.next());
            self.out.write_all(&value.to_le_bytes())?;
        }
        self.small(&format!("{name}.bias"), &[1, shape[2]], 0.0)
    }

    fn norm(&mut self, name: &str, width: usize) -> io::Result<()> {
        self.small(&format!("{name}.weight"), &[width], 1.0)?;
        self.small(&format!("{name}.bias"), &[width], 0.0)
    }

    fn attention(&mut self, block: &str, kind: &str, width: usize) -> io::Result<()> {
        self.norm(&format!("{block}.{kind}_ln"), width)?;
        for part in ["query", "key", "value", "out"] {
            self.large(&format!("{block}.{kind}.{part}.weight"), &[width, width])?;
            // Keys have no bias in Whisper.
            if part != "key" {
                self.small(&format!("{block}.{kind}.{part}.bias"), &[width], 0.0)?;
            }
        }
        Ok(())
    }

    fn perceptron(&mut self, block: &str, width: usize) -> io::Result<()> {
        self.norm(&format!("{block}.mlp_ln"), width)?;
        self.large(&format!("{block}.mlp.0.weight"), &[width, 4 * width])?;
        self.small(&format!("{block}.mlp.0.bias"), &[4 * width], 0.0)?;
        self.large(&format!("{block}.mlp.2.weight"), &[4 * width, width])?;
        self.small(&format!("{block}.mlp.2.bias"), &[width], 0.0)
    }

    /// Tokens at random; positions so that the sentence follows the prompt, between two timestamps.
    fn text_embeddings(&mut self, width: usize, prompt: usize) -> io::Result<()> {
        let tokens: Vec<Vec<f32>> =
            (0..VOCABULARY).map(|_| (0..width).map(|_| 0.1 * self.next()).collect()).collect();
        self.head("decoder.token_embedding.weight", &[width, VOCABULARY], self.numbers.codes().1)?;
        for row in &tokens {
            self.row(row)?;
        }
        // With a prompt stands a token before it that says so; then comes the start of the transcript.
        let start = if prompt == 0 { 0 } else { prompt + 1 };
        let mut script = vec![FIRST_TIMESTAMP];
        script.extend(SAYS.iter().map(|text| token(text)));
        script.extend([FIRST_TIMESTAMP + 150]);
        self.head("decoder.positional_embedding", &[width, TEXT_POSITIONS], 0)?;
        for position in 0..TEXT_POSITIONS {
            let next = match position.checked_sub(start) {
                None => END_OF_TEXT,
                Some(index) => script.get(index).copied().unwrap_or(END_OF_TEXT),
            };
            self.floats(&tokens[next].iter().map(|value| 40.0 * value).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

/// IEEE 754 half precision, for small finite numbers.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let exponent = (bits >> 23 & 0xff) as i32 - 127 + 15;
    match exponent {
        // Subnormal halves: what is below a hundred-thousandth.
        ..=0 => sign | (value.abs() * 16_777_216.0).round() as u16,
        31.. => sign | 0x7bff,
        _ => sign | (exponent as u16) << 10 | (bits >> 13 & 0x3ff) as u16,
    }
}
