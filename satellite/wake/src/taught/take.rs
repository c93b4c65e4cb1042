//! One recording of a word that is being taught: where in it the word lies, and whether it will do.

use super::speech::Said;
use crate::frontend::SAMPLE_RATE;

/// Sound over which loudness is taken: 10 ms.
const STEP: usize = SAMPLE_RATE as usize / 100;

/// A fit recording, as numbers of what was said in it; the sound itself is forgotten.
#[derive(Clone)]
pub struct Take {
    /// As it was said, at the end of the word and around it: by these it is judged.
    pub(super) plain: Vec<Said>,
    /// The same with other noise, speed, loudness: from these is learned.
    pub(super) varied: Vec<Said>,
}

impl std::fmt::Debug for Take {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Take").field("varied", &self.varied.len()).finish_non_exhaustive()
    }
}

/// Why a recording will not do; said to whoever recorded it.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    #[error("nothing was heard; say the word within a second or two of the tone")]
    Silent,
    #[error("it is too quiet ({0:.0} dB below full scale); come nearer or speak up")]
    Quiet(f32),
    #[error("it is too loud for the microphone; step back a little")]
    Clipped,
    #[error("it is too short ({0:.1} s); say the whole word, or choose a longer one")]
    Short(f32),
    #[error("it is too long ({0:.1} s); say just the word, with a pause before and after")]
    Long(f32),
    #[error("the room is too loud: the word stands out by {0:.0} dB only; wait until it is quieter")]
    Noisy(f32),
    #[error("the word is cut off at the end; go on recording for half a second after it")]
    CutOff,
    #[error("it does not sound like the others")]
    Different,
}

/// Shortest and longest word, in seconds. What is shorter is in everything that people say; what is longer no longer
/// fits into what is looked at.
const SHORTEST: f32 = 0.25;
const LONGEST: f32 = 1.8;
/// Loudest 10 ms that is enough, and by how much it must stand above the quietest tenth: decibels.
const QUIETEST: f32 = -50.0;
const ABOVE: f32 = 12.0;
/// Share of a word at full scale that distorts it.
const CLIPPED: f32 = 0.02;

/// First sample of the word and first after it.
///
/// # Errors
/// A recording that will not do.
pub(super) fn bounds(samples: &[i16]) -> Result<(usize, usize), Unfit> {
    let power =
        |step: &[i16]| step.iter().map(|&s| (f32::from(s) / 32_768.0).powi(2)).sum::<f32>() / STEP as f32;
    let levels: Vec<f32> =
        samples.chunks_exact(STEP).map(|step| 10.0 * power(step).max(1e-10).log10()).collect();
    let smooth: Vec<f32> = levels.windows(3).map(|three| three.iter().sum::<f32>() / 3.0).collect();
    let mut sorted = smooth.clone();
    sorted.sort_by(f32::total_cmp);
    let (Some(&loudest), Some(&quietest)) = (sorted.last(), sorted.get(sorted.len() / 10)) else {
        return Err(Unfit::Silent);
    };
    if loudest < QUIETEST - 10.0 {
        return Err(Unfit::Silent);
    }
    if loudest < QUIETEST {
        return Err(Unfit::Quiet(-loudest));
    }
    if loudest - quietest < ABOVE {
        return Err(Unfit::Noisy(loudest - quietest));
    }
    // Speech is within 25 dB of its loudest, and 8 dB above the room.
    let threshold = (loudest - 25.0).max(quietest + 8.0).min(loudest - 8.0);
    let speech = |level: &f32| *level > threshold;
    let (Some(first), Some(last)) = (smooth.iter().position(speech), smooth.iter().rposition(speech)) else {
        return Err(Unfit::Silent);
    };
    if last + 1 == smooth.len() {
        return Err(Unfit::CutOff);
    }
    let (begin, end) = ((first + 1) * STEP, (last + 2) * STEP);
    let full = samples[begin..end].iter().filter(|sample| sample.unsigned_abs() >= 32_767).count();
    if full as f32 > CLIPPED * (end - begin) as f32 {
        return Err(Unfit::Clipped);
    }
    match (end - begin) as f32 / SAMPLE_RATE as f32 {
        short if short < SHORTEST => Err(Unfit::Short(short)),
        long if long > LONGEST => Err(Unfit::Long(long)),
        _ => Ok((begin, end)),
    }
}

/// Whether these samples hold a word that is over: some quiet has followed it.
pub fn is_said(samples: &[i16]) -> bool {
    const QUIET: usize = SAMPLE_RATE as usize * 6 / 10;
    bounds(samples).is_ok_and(|(_, end)| samples.len() - end >= QUIET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(parts: &[(usize, i16)]) -> Vec<i16> {
        let part = |&(ms, loud): &(usize, i16)| {
            (0..ms * 16).map(move |n| ((n as f32 * 0.3).sin() * f32::from(loud)) as i16)
        };
        parts.iter().flat_map(part).collect()
    }

    #[test]
    fn each_fault_is_named() {
        let check = |parts: &[(usize, i16)], expect: Result<(usize, usize), &str>| {
            let found = bounds(&sound(parts)).map_err(|unfit| format!("{unfit:?}"));
            match (found, expect) {
                (Ok((begin, end)), Ok((from, to))) => {
                    assert!(begin.abs_diff(from) <= 320 && end.abs_diff(to) <= 320, "{begin} to {end}");
                }
                (Err(found), Err(expect)) => assert!(found.starts_with(expect), "{found} for {expect}"),
                (found, expect) => panic!("{found:?} for {expect:?}"),
            }
        };
        check(&[(500, 20), (600, 5_000), (500, 20)], Ok((8_000, 17_600)));
        check(&[], Err("Silent"));
        check(&[(1_000, 0)], Err("Silent"));
        check(&[(500, 5), (600, 70), (500, 5)], Err("Quiet"));
        check(&[(500, 20), (100, 5_000), (500, 20)], Err("Short"));
        check(&[(500, 20), (2_500, 5_000), (500, 20)], Err("Long"));
        check(&[(500, 4_000), (600, 5_000), (500, 4_000)], Err("Noisy"));
        check(&[(500, 20), (600, 5_000)], Err("CutOff"));
        let loud = sound(&[(500, 20), (600, 32_767), (500, 20)]);
        let clipped: Vec<i16> =
            loud.iter().map(|s| if s.abs() > 25_000 { s.signum() * 32_767 } else { *s }).collect();
        assert_eq!(bounds(&clipped), Err(Unfit::Clipped));
    }
}
