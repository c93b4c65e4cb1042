//! How sure the engine is of a sentence of the house: one probability, from how much less likely it is than the text that
//! the network would have written by itself.
//!
//! Somebody who says a sentence of the house is written down in nearly its words; of other talk the likeliest sentence is
//! far less likely than what was said. The weights come from a logistic regression on commands in quiet and in noise
//! against other talk (docs/measurements.md shows predicted against observed).

use super::search::{Found, Text};
use crate::engine::{Hypothesis, Word};

/// What speaks for or against a sentence; all logarithms, in symbols.
struct Evidence {
    /// How much less likely than the free text, a symbol.
    behind: f32,
    /// How likely, a symbol.
    likely: f32,
    /// How much likelier than the next best sentence, at most [`CLEAR`].
    ahead: f32,
}

const CLEAR: f32 = 6.0;
const BIAS: f32 = 2.998;
const BEHIND: f32 = 1.422;
const LIKELY: f32 = 1.115;
const AHEAD: f32 = 0.331;

/// One in four texts of so small a network has a wrong word.
const UNBOUND: f32 = 0.75;

impl Evidence {
    fn of(sentence: &Text, next: Option<&Text>, free: &Text) -> Evidence {
        let symbols = sentence.symbols.max(1) as f32;
        Evidence {
            behind: ((sentence.score - free.score) / symbols).min(0.0),
            likely: sentence.score / symbols,
            ahead: next.map_or(CLEAR, |next| (sentence.score - next.score).min(CLEAR)),
        }
    }

    fn confidence(&self) -> f32 {
        let sum = BIAS + BEHIND * self.behind + LIKELY * self.likely + AHEAD * self.ahead;
        1.0 / (1.0 + (-sum).exp())
    }
}

/// The sentences with their confidences, the surest first.
pub fn weigh(found: &Found) -> Vec<Hypothesis> {
    let mut left = 1.0;
    let weigh = |(n, sentence): (usize, &Text)| {
        let next = found.sentences.get(n + 1);
        // One clip holds one sentence: what the best has, others have not.
        let confidence = Evidence::of(sentence, next, &found.free).confidence().min(left);
        left -= confidence;
        Hypothesis { words: sentence.words.clone(), confidence }
    };
    let mut hypotheses: Vec<Hypothesis> = found.sentences.iter().enumerate().map(weigh).collect();
    hypotheses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    hypotheses
}

/// A text that may be anything.
pub fn of_free_text(words: Vec<Word>) -> Hypothesis {
    let sure = words.iter().map(|word| word.confidence).sum::<f32>() / words.len().max(1) as f32;
    Hypothesis { words, confidence: UNBOUND * sure }
}
