//! A voice as a point: 256 numbers on a sphere, near for the same person, far for others.

use std::fmt;

/// Numbers of a voiceprint.
pub const SIZE: usize = 256;

/// Biometric, so `Debug` says only how large it is.
#[derive(Clone, PartialEq)]
pub struct Voiceprint(pub(super) Box<[f32; SIZE]>);

impl Voiceprint {
    /// The direction in which most of `points` lie; `None` where there are none, or they cancel out.
    pub(super) fn mean<'a>(points: impl IntoIterator<Item = &'a [f32; SIZE]>) -> Option<Voiceprint> {
        let mut sum = Box::new([0.0; SIZE]);
        for point in points {
            sum.iter_mut().zip(point).for_each(|(sum, value)| *sum += value);
        }
        to_unit(&mut sum).then_some(Voiceprint(sum))
    }

    /// From its numbers, which need not have unit length; `None` for other than [`SIZE`] finite numbers, not all 0.
    pub fn from_numbers(numbers: &[f32]) -> Option<Voiceprint> {
        let mut numbers: Box<[f32; SIZE]> = Box::new(numbers.try_into().ok()?);
        (numbers.iter().all(|n| n.is_finite()) && to_unit(&mut numbers)).then_some(Voiceprint(numbers))
    }

    pub fn numbers(&self) -> &[f32; SIZE] {
        &self.0
    }

    /// How near two voices are: 1 is the same direction, 0 none in common.
    pub fn cosine(&self, other: &Voiceprint) -> f32 {
        self.0.iter().zip(other.0.iter()).map(|(a, b)| a * b).sum()
    }

    /// Without what it has in common with everybody.
    pub(super) fn without(&self, common: &[f32; SIZE]) -> Option<Voiceprint> {
        let mut own = self.0.clone();
        own.iter_mut().zip(common).for_each(|(own, common)| *own -= common);
        to_unit(&mut own).then_some(Voiceprint(own))
    }
}

/// Makes a vector one of length 1. False, and as it was, when it has no direction.
pub(super) fn to_unit(vector: &mut [f32; SIZE]) -> bool {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let has = length.is_finite() && length > 1e-12;
    if has {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    has
}

impl fmt::Debug for Voiceprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voiceprint({SIZE} numbers)")
    }
}
