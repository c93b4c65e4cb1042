//! An enrolled voice: what was learned of some sentences, and how near another clip is to it.
//!
//! Deliberately absent: a name. Whose profile it is, is known where it is kept.

use super::cohort::COMMON;
use super::enrol::{Problem, Take};
use super::voiceprint::{SIZE, Voiceprint};

/// Sentences that an enrolment asks for.
pub const TAKES: usize = 10;
/// Most that a profile holds: those and what its owner confirmed later; the oldest of the latter go first.
const MOST: usize = 4 * TAKES;
/// Sentences after which another voice can be told.
const ENOUGH_TO_TELL: usize = 2;
/// A sentence further than this from the others is another voice; one of 130 of the same voice is.
const SAME_VOICE: f32 = 0.42;

/// First byte of the stored form.
const LAYOUT: u8 = 1;

/// A person's voice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    takes: Vec<Take>,
    /// The mean of all, without what all voices have in common; `None` while there are no takes.
    centre: Option<Voiceprint>,
}

/// How well the sentences of a profile agree, and so how surely it will be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Too few sentences.
    Unfinished,
    Poor,
    Fair,
    Good,
}

impl Profile {
    pub fn len(&self) -> usize {
        self.takes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.takes.is_empty()
    }

    /// Learns one more sentence, if it is the same voice as those before.
    pub fn add(&mut self, take: Take) -> Result<(), Problem> {
        if self.takes.len() >= ENOUGH_TO_TELL
            && self.score(&take.clean).is_none_or(|score| score < SAME_VOICE)
        {
            return Err(Problem::AnotherVoice);
        }
        if self.takes.len() == MOST {
            self.takes.remove(TAKES);
        }
        self.takes.push(take);
        self.centre = centre(&self.takes);
        Ok(())
    }

    /// How near a voice is to this one: near 0 for others, towards 1 for its owner.
    pub fn score(&self, voice: &Voiceprint) -> Option<f32> {
        Some(self.centre.as_ref()?.cosine(&voice.without(&COMMON)?))
    }

    /// How near each sentence is to the others, at the mean.
    pub fn agreement(&self) -> f32 {
        let each = (0..self.takes.len()).filter_map(|left_out| {
            let others: Vec<Take> = self
                .takes
                .iter()
                .enumerate()
                .filter(|(n, _)| *n != left_out)
                .map(|(_, t)| t.clone())
                .collect();
            Some(centre(&others)?.cosine(&self.takes[left_out].clean.without(&COMMON)?))
        });
        let each: Vec<f32> = each.collect();
        each.iter().sum::<f32>() / each.len().max(1) as f32
    }

    pub fn quality(&self) -> Quality {
        match self.agreement() {
            _ if self.takes.len() < TAKES => Quality::Unfinished,
            agreement if agreement >= 0.62 => Quality::Good,
            agreement if agreement >= 0.52 => Quality::Fair,
            _ => Quality::Poor,
        }
    }

    /// `layout ‖ count ‖ (clean ‖ noisy)…`, floats in little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT, self.takes.len() as u8];
        for take in &self.takes {
            for number in take.clean.numbers().iter().chain(take.noisy.numbers()) {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }

    /// `None` for bytes that [`Self::to_bytes`] did not write.
    pub fn from_bytes(bytes: &[u8]) -> Option<Profile> {
        let (&[layout, count], bytes) = bytes.split_first_chunk::<2>()?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        let count = usize::from(count);
        if layout != LAYOUT || !rest.is_empty() || count > MOST || numbers.len() != 2 * SIZE * count {
            return None;
        }
        let numbers: Vec<f32> = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let take = |pair: &[f32]| {
            let (clean, noisy) = pair.split_at(SIZE);
            Some(Take { clean: Voiceprint::from_numbers(clean)?, noisy: Voiceprint::from_numbers(noisy)? })
        };
        let takes = numbers.chunks_exact(2 * SIZE).map(take).collect::<Option<Vec<_>>>()?;
        let centre = centre(&takes);
        Some(Profile { takes, centre })
    }
}

fn centre(takes: &[Take]) -> Option<Voiceprint> {
    let own = takes.iter().flat_map(|take| [take.clean.without(&COMMON), take.noisy.without(&COMMON)]);
    let own: Vec<Voiceprint> = own.flatten().collect();
    Voiceprint::mean(own.iter().map(Voiceprint::numbers))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn voice(seed: usize) -> Voiceprint {
        let numbers: Vec<f32> = (0..SIZE).map(|n| f32::from((n + seed).is_multiple_of(5))).collect();
        Voiceprint::from_numbers(&numbers).unwrap()
    }

    fn take(seed: usize) -> Take {
        Take { clean: voice(seed), noisy: voice(seed) }
    }

    #[test]
    fn a_profile_knows_its_own_and_refuses_another() {
        let mut profile = Profile::default();
        assert_eq!(profile.score(&voice(1)), None);
        for _ in 0..3 {
            profile.add(take(1)).unwrap();
        }
        assert!(profile.score(&voice(1)).unwrap() > 0.99);
        assert!(profile.score(&voice(2)).unwrap() < 0.42);
        assert_eq!(profile.add(take(2)), Err(Problem::AnotherVoice));
        assert_eq!(profile.quality(), Quality::Unfinished);
        for _ in 3..TAKES {
            profile.add(take(1)).unwrap();
        }
        assert_eq!(profile.quality(), Quality::Good);
        for _ in 0..100 {
            profile.add(take(1)).unwrap();
        }
        assert_eq!(profile.len(), MOST);
        assert_eq!(format!("{profile:?}").matches("256 numbers").count(), 2 * MOST + 1);
    }

    proptest! {
        #[test]
        fn a_profile_reads_back(seeds in proptest::collection::vec(1_usize..50, 0..5)) {
            let takes: Vec<Take> = seeds.into_iter().map(take).collect();
            let bytes = Profile { centre: None, takes }.to_bytes();
            let read = Profile::from_bytes(&bytes).unwrap();
            let again = Profile::from_bytes(&read.to_bytes()).unwrap();
            prop_assert!(read.takes.iter().zip(&again.takes).all(|(a, b)| a.clean.cosine(&b.clean) > 0.999));
        }

        #[test]
        fn any_bytes_are_a_profile_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let _ = Profile::from_bytes(&bytes);
        }
    }
}
