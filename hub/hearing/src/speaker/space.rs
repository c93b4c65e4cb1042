//! What an encoder's voiceprints are like: what all people's have in common, and how far apart strangers' lie.
//!
//! Scores mean the same whichever encoder is used, so the house decides by the same numbers: those of an encoder that
//! a household brought are stretched until strangers score as they do with the one that comes with Sotto (decision
//! 0117). Deliberately absent: comparing a voice of one encoder with a profile of another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::cohort::COMMON;
use super::voiceprint::{SIZES, Voiceprint};
use super::weights;

/// Which encoder: the SHA-256 of its file.
pub type EncoderId = [u8; 32];

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Space {
    encoder: EncoderId,
    common: Vec<f32>,
    /// What score, before it is stretched, becomes 0.
    middle: f32,
    stretch: f32,
}

impl Space {
    /// Of the network that comes with Sotto.
    pub(super) fn ours() -> Space {
        Space { encoder: weights::encoder(), common: COMMON.to_vec(), middle: 0.0, stretch: 1.0 }
    }

    /// `None` where the numbers make no sense.
    pub(super) fn new(encoder: EncoderId, common: Vec<f32>, middle: f32, stretch: f32) -> Option<Space> {
        Some(Space { encoder, common, middle, stretch }).filter(Space::makes_sense)
    }

    pub(super) fn makes_sense(&self) -> bool {
        SIZES.contains(&self.common.len())
            && self.common.iter().all(|number| number.is_finite())
            && self.middle.abs() < 1.0
            && (0.1..10.0).contains(&self.stretch)
    }

    pub(super) fn encoder(&self) -> EncoderId {
        self.encoder
    }

    /// Numbers of a voiceprint.
    pub(super) fn size(&self) -> usize {
        self.common.len()
    }

    /// What `voice` has for itself.
    pub(super) fn own(&self, voice: &Voiceprint) -> Option<Voiceprint> {
        (voice.numbers().len() == self.size()).then(|| voice.without(&self.common))?
    }

    /// How near `voice` is to a `centre` that has only its own: near 0 for another's, towards 1 for the same.
    pub(super) fn score(&self, centre: &Voiceprint, voice: &Voiceprint) -> Option<f32> {
        Some((centre.cosine(&self.own(voice)?) - self.middle) * self.stretch)
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Space({} numbers, stretched {:.2}x)", self.size(), self.stretch)
    }
}
