//! What an encoder that somebody brought makes of people who do not live there: what all voices have in common, how far
//! strangers lie apart, and so how its scores are to be read.
//!
//! ```text
//! a recording each of 20 people or more → pieces of 3 s → their mean is common → strangers' scores → stretch
//!                                                       └ trials: how sure the house would be of each piece
//! ```
//!
//! Our own network was measured like this once, on readers of LibriSpeech (docs/decisions/0101). Deliberately absent:
//! whether it is good enough; the house's own rule is tried on the [`Trial`]s.

use std::fmt;
use std::time::{Duration, Instant};

use super::enrol::in_noise;
use super::space::{EncoderId, Space};
use super::voiceprint::Voiceprint;
use super::{Encoder, NoVoice, Sound};

/// Fewest people whose voices say what is common.
pub const FEWEST: usize = 20;
/// Samples of a piece: what a command takes.
const PIECE: usize = 3 * 16_000;
/// Pieces of a person: the first are learned, the others tried.
const LEARNED: usize = 2;
const PIECES: usize = 4;
/// Speech that a piece must have.
const SPOKEN: Duration = Duration::from_millis(1500);
/// Mean and standard deviation of strangers' scores with our own network, by this very procedure on 24 readers of
/// LibriSpeech.
const STRANGERS: (f32, f32) = (-0.03, 0.143);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    #[error(
        "only {0} of the recordings can be used; it takes {FEWEST} people, one recording of 10 s of clear speech or more \
         of each"
    )]
    TooFew(usize),
    #[error("it hears no difference between people: all its answers are the same")]
    AllTheSame,
    #[error("it gave no answer to some of the recordings; see the log")]
    NoAnswer,
}

/// A piece of somebody's speech beside what was learned of somebody.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Whether both are the same person.
    pub same: bool,
    pub score: f32,
    pub sound: Sound,
}

pub struct Measured {
    pub people: usize,
    pub trials: Vec<Trial>,
    /// Median time that a piece took.
    pub time: Duration,
    pub(super) space: Space,
}

/// What it comes to, without a number of a voice.
impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strangers: Vec<f32> =
            self.trials.iter().filter(|trial| !trial.same).map(|trial| trial.score).collect();
        let (mean, spread) = mean_and_spread(&strangers);
        write!(f, "Measured({} people, strangers {mean:.3} ± {spread:.3}, {:?})", self.people, self.space)
    }
}

struct Person {
    learned: Vec<Voiceprint>,
    tried: Vec<(Voiceprint, Sound)>,
}

/// Hears `people`, each in one recording of their own (mono, 16 kHz), through `encoder`.
pub(super) fn measure(
    encoder: &Encoder,
    id: EncoderId,
    people: &[Vec<i16>],
) -> Result<Measured, MeasureError> {
    let mut times = Vec::new();
    let mut hear = |samples: &[i16]| {
        let start = Instant::now();
        let heard = encoder.hear(samples);
        times.push(start.elapsed());
        match heard.voice {
            Ok(voice) => Ok(Some((voice, heard.sound))),
            Err(NoVoice::Silence) => Ok(None),
            Err(NoVoice::NoAnswer) => Err(MeasureError::NoAnswer),
        }
    };
    let mut known: Vec<Person> = Vec::new();
    for samples in people {
        let mut person = Person { learned: Vec::new(), tried: Vec::new() };
        for (n, piece) in samples.chunks_exact(PIECE).take(PIECES).enumerate() {
            let Some(clean) = hear(piece)?.filter(|(_, sound)| sound.speech >= SPOKEN) else { continue };
            if n < LEARNED {
                person.learned.push(clean.0);
                person.learned.extend(hear(&in_noise(piece))?.map(|(noisy, _)| noisy));
            } else {
                person.tried.push(clean);
            }
        }
        if person.learned.len() == 2 * LEARNED && !person.tried.is_empty() {
            known.push(person);
        }
    }
    if known.len() < FEWEST {
        return Err(MeasureError::TooFew(known.len()));
    }
    // As in a profile, and as long as one says it: each person counts once.
    let means = known.iter().map(|person| Voiceprint::mean(person.learned.iter().map(Voiceprint::numbers)));
    let means = means.collect::<Option<Vec<_>>>().ok_or(MeasureError::AllTheSame)?;
    let mut common = vec![0.0; means[0].numbers().len()];
    for mean in &means {
        common.iter_mut().zip(mean.numbers()).for_each(|(sum, n)| *sum += n / means.len() as f32);
    }
    let raw = Space::new(id, common.clone(), 0.0, 1.0).ok_or(MeasureError::AllTheSame)?;
    let centre = |person: &Person| {
        let own: Vec<Voiceprint> = person.learned.iter().filter_map(|voice| raw.own(voice)).collect();
        Voiceprint::mean(own.iter().map(Voiceprint::numbers))
    };
    let centres = known.iter().map(centre).collect::<Option<Vec<_>>>().ok_or(MeasureError::AllTheSame)?;
    let mut trials = Vec::new();
    for (whose, centre) in centres.iter().enumerate() {
        for (who, person) in known.iter().enumerate() {
            for (voice, sound) in &person.tried {
                let score = raw.score(centre, voice).ok_or(MeasureError::AllTheSame)?;
                trials.push(Trial { same: who == whose, score, sound: *sound });
            }
        }
    }
    let strangers: Vec<f32> = trials.iter().filter(|trial| !trial.same).map(|trial| trial.score).collect();
    let (mean, spread) = mean_and_spread(&strangers);
    let stretch = STRANGERS.1 / spread;
    let middle = mean - STRANGERS.0 / stretch;
    let space = Space::new(id, common, middle, stretch).ok_or(MeasureError::AllTheSame)?;
    trials.iter_mut().for_each(|trial| trial.score = (trial.score - middle) * stretch);
    times.sort();
    let time = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(Measured { people: known.len(), trials, time, space })
}

fn mean_and_spread(values: &[f32]) -> (f32, f32) {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt())
}
