//! A voice as a point: some hundred numbers on a sphere, near for the same person, far for others.

use std::fmt;

/// Numbers of a voiceprint of the network that comes with Sotto.
pub const SIZE: usize = 256;
/// Fewest and most numbers of a voiceprint of any.
pub const SIZES: std::ops::RangeInclusive<usize> = 16..=2048;

/// Biometric, so `Debug` says only how large it is.
#[derive(Clone, PartialEq)]
pub struct Voiceprint(Box<[f32]>);

impl Voiceprint {
    /// The direction in which most of `points`, all of one size, lie; `None` where there are none, or they cancel out.
    pub(super) fn mean<'a>(points: impl IntoIterator<Item = &'a [f32]>) -> Option<Voiceprint> {
        let mut points = points.into_iter();
        let mut sum: Box<[f32]> = points.next()?.into();
        for point in points {
            sum.iter_mut().zip(point).for_each(|(sum, value)| *sum += value);
        }
        to_unit(&mut sum).then_some(Voiceprint(sum))
    }

    /// From its numbers, which need not have unit length; `None` for too few or too many, and where they are not finite
    /// or all 0.
    pub fn from_numbers(numbers: &[f32]) -> Option<Voiceprint> {
        let mut own: Box<[f32]> = numbers.into();
        (SIZES.contains(&own.len()) && to_unit(&mut own)).then_some(Voiceprint(own))
    }

    pub fn numbers(&self) -> &[f32] {
        &self.0
    }

    /// How near two voices of one encoder are: 1 is the same direction, 0 none in common.
    pub fn cosine(&self, other: &Voiceprint) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// Without what it has in common with everybody.
    pub(super) fn without(&self, common: &[f32]) -> Option<Voiceprint> {
        let mut own = self.0.clone();
        own.iter_mut().zip(common).for_each(|(own, common)| *own -= common);
        to_unit(&mut own).then_some(Voiceprint(own))
    }
}

/// Makes a vector one of length 1. False, and as it was, when it has no direction.
pub(super) fn to_unit(vector: &mut [f32]) -> bool {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let has = length.is_finite() && length > 1e-12;
    if has {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    has
}

impl fmt::Debug for Voiceprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voiceprint({} numbers)", self.0.len())
    }
}
