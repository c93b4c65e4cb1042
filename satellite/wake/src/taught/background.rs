//! What all other speech is like: mean, spread and correlations of its embeddings, from which a word is told.
//!
//! Made by `cargo run --release -p sotto-wake --example background` from 19 minutes of 134 people (LibriSpeech, CC BY
//! 4.0, Vassil Panayotov; Speech Commands, CC BY 4.0, Google). Only these 28,000 statistics of it are here.

use super::network::{Embedding, SIZE};
use super::speech::{INPUT, LAGS, Said};

/// The mean, the standard deviation, then for each lag the correlation of every number with every number so much
/// earlier, in 1/32767.
static FILE: &[u8] = include_bytes!("background.bin");

pub(super) struct Background {
    pub mean: Said,
    pub deviation: Said,
    /// Correlations, `INPUT` rows of `INPUT`.
    pub correlation: Vec<f32>,
}

impl Background {
    pub fn known() -> Background {
        let (floats, correlations) = FILE.split_at(2 * SIZE * 4);
        let floats: Vec<f32> =
            floats.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let by_lag: Vec<f32> = correlations
            .as_chunks::<2>()
            .0
            .iter()
            .map(|two| f32::from(i16::from_le_bytes(*two)) / 32_767.0)
            .collect();
        let mut correlation = vec![0.0; INPUT * INPUT];
        for row in 0..INPUT {
            for column in 0..INPUT {
                let ((late, a), (early, b)) = ((row / SIZE, row % SIZE), (column / SIZE, column % SIZE));
                // Speech is the same at any time, so only the distance of two embeddings matters.
                let (lag, from, to) = if early >= late { (early - late, a, b) } else { (late - early, b, a) };
                correlation[row * INPUT + column] = by_lag[(lag * SIZE + from) * SIZE + to];
            }
        }
        Background {
            mean: std::array::from_fn(|n| floats[n % SIZE]),
            deviation: std::array::from_fn(|n| floats[SIZE + n % SIZE]),
            correlation,
        }
    }
}

/// Adds up what [`FILE`] says.
#[derive(Default)]
pub(super) struct Sums {
    count: f64,
    sums: Vec<f64>,
    squares: Vec<f64>,
    products: Vec<f64>,
}

impl Sums {
    pub fn add(&mut self, said: &Said) {
        self.count += 1.0;
        self.sums.resize(SIZE, 0.0);
        self.squares.resize(SIZE, 0.0);
        self.products.resize(LAGS.len() * SIZE * SIZE, 0.0);
        let now: &[f32] = &said[..size_of::<Embedding>() / 4];
        for (n, &value) in now.iter().enumerate() {
            self.sums[n] += f64::from(value);
            self.squares[n] += f64::from(value).powi(2);
        }
        for (lag, products) in self.products.chunks_exact_mut(SIZE * SIZE).enumerate() {
            let earlier = &said[lag * SIZE..][..SIZE];
            for (&value, products) in now.iter().zip(products.chunks_exact_mut(SIZE)) {
                for (product, &earlier) in products.iter_mut().zip(earlier) {
                    *product += f64::from(value) * f64::from(earlier);
                }
            }
        }
    }

    pub fn file(&self) -> Vec<u8> {
        let mean: Vec<f64> = self.sums.iter().map(|sum| sum / self.count).collect();
        let deviation: Vec<f64> = self
            .squares
            .iter()
            .zip(&mean)
            .map(|(square, mean)| (square / self.count - mean * mean).max(1e-6).sqrt())
            .collect();
        let mut file: Vec<u8> =
            mean.iter().chain(&deviation).flat_map(|&number| (number as f32).to_le_bytes()).collect();
        for products in self.products.chunks_exact(SIZE * SIZE) {
            for (at, product) in products.iter().enumerate() {
                let (a, b) = (at / SIZE, at % SIZE);
                let correlation = (product / self.count - mean[a] * mean[b]) / (deviation[a] * deviation[b]);
                file.extend(
                    ((correlation * 32_767.0).round().clamp(-32_767.0, 32_767.0) as i16).to_le_bytes(),
                );
            }
        }
        file
    }
}
