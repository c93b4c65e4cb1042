//! Sound as it flows through the satellite: frames of 20 ms, 16 kHz, mono. A count of frames is the only
//! clock that the listening machine knows.

use std::fmt;
use std::time::Duration;

/// Samples a second, everywhere between microphone and speaker.
pub const RATE: usize = 16_000;

/// Samples in a frame.
pub const FRAME: usize = 320;

/// How long a frame lasts.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

/// Mono PCM, 16 kHz, 20 ms: exactly 320 samples, oldest first. Prints nothing of what was said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame([i16; FRAME]);

impl Frame {
    pub const SILENCE: Self = Self([0; FRAME]);

    pub fn samples(&self) -> &[i16; FRAME] {
        &self.0
    }

    /// Root mean square in decibels below full scale, −100 at silence.
    pub fn dbfs(&self) -> f32 {
        let energy: f64 = self.0.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        let rms = (energy / FRAME as f64).sqrt() / 32_768.0;
        (20.0 * rms.log10()).max(-100.0) as f32
    }
}

impl From<[i16; FRAME]> for Frame {
    fn from(samples: [i16; FRAME]) -> Self {
        Self(samples)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({FRAME} samples)")
    }
}

/// The whole frames in `time`, at least one where it is not zero.
pub fn frames(time: Duration) -> usize {
    time.as_millis().div_ceil(FRAME_TIME.as_millis()) as usize
}

/// Joins samples of any count into frames.
#[derive(Default)]
pub struct Framer {
    rest: Vec<i16>,
}

impl Framer {
    /// Takes `samples` and gives each frame that is full to `each`.
    pub fn push(&mut self, samples: impl IntoIterator<Item = i16>, mut each: impl FnMut(Frame)) {
        for sample in samples {
            self.rest.push(sample);
            if let Ok(full) = <[i16; FRAME]>::try_from(self.rest.as_slice()) {
                each(Frame(full));
                self.rest.clear();
            }
        }
    }

    /// What is left, filled up with silence; `None` if nothing is.
    pub fn finish(&mut self) -> Option<Frame> {
        (!self.rest.is_empty()).then(|| {
            let mut last = [0; FRAME];
            last[..self.rest.len()].copy_from_slice(&self.rest);
            self.rest.clear();
            Frame(last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_of_full_scale() {
        assert_eq!(Frame::SILENCE.dbfs(), -100.0);
        assert!(Frame([i16::MIN; FRAME]).dbfs().abs() < 0.01);
        let half = Frame(std::array::from_fn(|i| if i % 2 == 0 { 16_384 } else { -16_384 }));
        assert!((half.dbfs() + 6.02).abs() < 0.01);
        assert_eq!(format!("{half:?}"), "Frame(320 samples)");
    }

    #[test]
    fn times_are_rounded_up_to_frames() {
        let check = |ms, expect| assert_eq!(frames(Duration::from_millis(ms)), expect);
        check(0, 0);
        check(1, 1);
        check(20, 1);
        check(1500, 75);
    }

    proptest::proptest! {
        #[test]
        fn a_framer_keeps_every_sample_in_order(parts in proptest::collection::vec(
            proptest::collection::vec(proptest::num::i16::ANY, 0..700), 0..6))
        {
            let (mut framer, mut out) = (Framer::default(), Vec::new());
            for part in &parts {
                framer.push(part.iter().copied(), |frame| out.extend(frame.samples()));
            }
            out.extend(framer.finish().iter().flat_map(|frame| *frame.samples()));
            let spoken = parts.concat();
            proptest::prop_assert_eq!(&out[..spoken.len()], &spoken[..]);
            proptest::prop_assert!(out[spoken.len()..].iter().all(|&sample| sample == 0));
            proptest::prop_assert_eq!(out.len() % FRAME, 0);
        }
    }
}
