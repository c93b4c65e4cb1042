//! How sure the engine is of a sentence: one probability, from how well it fits.
//!
//! Anything that is said can be forced into some sentence of the house; a sentence that was meant fits better in its
//! words, long and short, and is heard in every view. Only words count: the decoder may call any sound a silence, which
//! costs nothing, so that a few words can be found in a minute of talk. The weights come from a logistic regression on
//! commands in quiet and in noise against other talk (docs/measurements.md shows predicted against observed).

use super::Heard;

/// What speaks for or against a sentence.
#[derive(Clone, Copy)]
pub(super) struct Evidence {
    /// Score a frame of all words, 0 at most; the library's scores are relative to the best sounds of each frame.
    whole: f32,
    /// The same of each word, averaged: short words that do not fit drown in the whole.
    words: f32,
    /// Whether every view heard the same words.
    agreed: bool,
}

const BIAS: f32 = 7.753;
const WHOLE: f32 = 0.144;
const WORDS: f32 = 0.075;
const AGREED: f32 = 0.570;

impl Evidence {
    pub(super) fn of(heard: &Heard, agreed: bool) -> Self {
        let (mut score, mut frames, mut fits, mut count) = (0.0, 0.0, 0.0, 0.0);
        for (segment, _) in heard.spoken() {
            let length = (segment.last.saturating_sub(segment.first) + 1) as f32;
            score += segment.score as f32;
            frames += length;
            fits += segment.score as f32 / length;
            count += 1.0;
        }
        Evidence { whole: score / f32::max(frames, 1.0), words: fits / f32::max(count, 1.0), agreed }
    }

    /// The probability that these words were meant.
    pub(super) fn confidence(self) -> f32 {
        let agreed = if self.agreed { AGREED } else { 0.0 };
        let sum = BIAS + WHOLE * self.whole + WORDS * self.words + agreed;
        1.0 / (1.0 + (-sum).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_trusted_and_what_is_forced_is_not() {
        let sure = |whole, words, agreed| Evidence { whole, words, agreed }.confidence();
        // A usual command in quiet, and other talk.
        assert!(sure(-21.0, -24.0, true) > 0.9);
        assert!(sure(-53.6, -61.7, true) < 0.05);
        assert!(sure(-30.0, -34.0, true) > sure(-30.0, -34.0, false));
        assert!(sure(-30.0, -34.0, true) > sure(-30.0, -44.0, true));
        assert!(sure(-30.0, -34.0, true) > sure(-40.0, -34.0, true));
    }
}
