//! How sure the engine is of a sentence: one probability, from how well it fits.
//!
//! Anything that is said can be forced into some sentence of the house; a sentence that was meant fits better as a
//! whole and in each of its words, and is heard in every view. The weights come from a logistic regression on commands
//! in quiet and in noise against other talk (docs/measurements.md shows predicted against observed).

use super::Heard;

/// What speaks for or against a sentence.
#[derive(Clone, Copy)]
pub(super) struct Evidence {
    /// Score a frame of the whole, 0 at most; the library's scores are relative to the best sounds of each frame.
    whole: f32,
    /// The same of each word, averaged: short words that do not fit drown in the whole.
    words: f32,
    /// The same of the word that fits worst.
    worst: f32,
    /// Whether every view heard the same words.
    agreed: bool,
}

/// The regression's own bias is 10.09; on speakers that it had not seen, real commands came out too low.
const BIAS: f32 = 10.55;
const WHOLE: f32 = 0.094;
const WORDS: f32 = 0.120;
const WORST: f32 = 0.039;
const AGREED: f32 = 0.624;

impl Evidence {
    pub(super) fn of(heard: &Heard, agreed: bool) -> Self {
        let scores: Vec<f32> = heard
            .spoken()
            .map(|(segment, _)| {
                segment.score as f32 / (segment.last.saturating_sub(segment.first) + 1) as f32
            })
            .collect();
        let words = scores.iter().sum::<f32>() / scores.len().max(1) as f32;
        let worst = scores.iter().copied().fold(0.0, f32::min);
        Evidence { whole: heard.fit(), words, worst, agreed }
    }

    /// The probability that these words were meant.
    pub(super) fn confidence(self) -> f32 {
        let agreed = if self.agreed { AGREED } else { 0.0 };
        let sum = BIAS + WHOLE * self.whole + WORDS * self.words + WORST * self.worst + agreed;
        1.0 / (1.0 + (-sum).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_trusted_and_what_is_forced_is_not() {
        let sure = |whole, words, worst, agreed| Evidence { whole, words, worst, agreed }.confidence();
        // The median command in quiet, and the median of other talk.
        assert!(sure(-21.0, -24.0, -49.7, true) > 0.9);
        assert!(sure(-53.6, -61.7, -89.4, true) < 0.01);
        assert!(sure(-30.0, -34.0, -60.0, true) > sure(-30.0, -34.0, -60.0, false));
        assert!(sure(-30.0, -34.0, -60.0, true) > sure(-30.0, -44.0, -60.0, true));
    }
}
