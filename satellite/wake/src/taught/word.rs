//! A taught wake word: one file in the folder of wake words, written by `sotto-satellite teach`.
//!
//! `what was said (288 numbers) → weighted sum → probability`
//!
//! The file is JSON, as other wake words' descriptions are, and holds nothing but what was said, the weights, and of
//! which network's embeddings they are; no sound.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::network::Network;
use super::speech::{INPUT, Said};
use super::weights::SHA256;
use crate::error::ModelError;

/// The file's `type`, by which it is told from other descriptions.
pub(crate) const KIND: &str = "sotto-taught";
const VERSION: u32 = 1;

/// The file as it is written and read.
#[derive(Serialize, Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    version: u32,
    wake_word: String,
    /// SHA-256 of the network's file.
    network: String,
    weights: Vec<f32>,
    bias: f32,
}

/// A word's weights and the network whose embeddings they weigh. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Taught {
    pub network: Arc<Network>,
    pub weights: Arc<Weights>,
}

/// A straight line through what can be said: above it lies the word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weights {
    pub weights: [f32; INPUT],
    pub bias: f32,
}

impl Weights {
    /// How far beyond the cut-off of a half, in standard deviations of other speech.
    pub fn logit(&self, said: &Said) -> f32 {
        self.weights.iter().zip(said).map(|(weight, value)| weight * value).sum::<f32>() + self.bias
    }

    /// The probability that the word ends here.
    pub fn probability(&self, said: &Said) -> f32 {
        1.0 / (1.0 + (-self.logit(said)).exp())
    }

    pub fn write(&self, phrase: &str) -> String {
        let file = File {
            kind: KIND.into(),
            version: VERSION,
            wake_word: phrase.into(),
            network: SHA256.into(),
            weights: self.weights.to_vec(),
            bias: self.bias,
        };
        serde_json::to_string(&file).unwrap_or_default() + "\n"
    }

    /// What is said, and the weights.
    pub fn read(file: &str) -> Result<(String, Weights), ModelError> {
        let File { kind, version, wake_word, network, weights, bias } =
            serde_json::from_str(file).map_err(|error| ModelError::Taught(error.to_string()))?;
        let wrong = |what: String| Err(ModelError::Taught(what));
        if kind != KIND || version != VERSION {
            return wrong(format!("it is a {kind} of version {version}, not a {KIND} of version {VERSION}"));
        }
        if network != SHA256 {
            return wrong("it was taught with another network".into());
        }
        let count = weights.len();
        let Ok(weights) = <[f32; INPUT]>::try_from(weights) else {
            return wrong(format!("it has {count} weights instead of {INPUT}"));
        };
        // Beyond these no sum of 288 products of an embedding's numbers could be added up any more.
        const LARGEST: f32 = 1e6;
        if !weights.iter().chain([&bias]).all(|number| number.abs() <= LARGEST) {
            return wrong("its weights are no numbers that learning gives".into());
        }
        Ok((wake_word, Weights { weights, bias }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word() -> Weights {
        Weights { weights: std::array::from_fn(|n| n as f32 / 100.0 - 1.0), bias: -9.5 }
    }

    #[test]
    fn a_word_reads_back_as_it_was_written() {
        let (phrase, read) = Weights::read(&word().write("Hello, \"Küche\"")).unwrap();
        assert_eq!((phrase.as_str(), read), ("Hello, \"Küche\"", word()));
    }

    #[test]
    fn what_is_no_word_is_refused_with_what_to_do() {
        let file = word().write("computer");
        let check = |file: &str, expect: &str| {
            let error = Weights::read(file).unwrap_err().to_string();
            assert!(error.contains(expect) && error.contains("sotto-satellite teach"), "{error}");
        };
        check("", "EOF");
        check(&file[..file.len() / 2], "EOF");
        check("{\"type\":\"micro\"}", "missing field");
        check(&file.replace("\"version\":1", "\"version\":2"), "version 2");
        check(&file.replace(SHA256, "0000"), "another network");
        check(&file.replace("-1.0,", ""), "287 weights");
        check(&file.replace("-1.0,", "1e30,"), "no numbers");
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_file_it_is_a_word_or_an_error(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut file = word().write("computer").into_bytes();
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            for file in [&file[..], &file[..cut.index(file.len())]] {
                if let Ok((_, read)) = Weights::read(&String::from_utf8_lossy(file)) {
                    let probability = read.probability(&[1.0; INPUT]);
                    prop_assert!((0.0..=1.0).contains(&probability));
                }
            }
        }
    }
}
