//! An enrolled voice: what was learned of some sentences, and how near another clip is to it.
//!
//! It names the encoder that its sentences were learned with, and is read back for that one only. Deliberately absent: a
//! name. Whose profile it is, is known where it is kept.

use std::sync::Arc;

use super::enrol::{Problem, Take};
use super::space::{EncoderId, Space};
use super::voiceprint::{SIZE, SIZES, Voiceprint};
use super::weights;

/// Sentences that an enrolment asks for.
pub const TAKES: usize = 10;
/// Most that a profile holds: those and what its owner confirmed later; the oldest of the latter go first.
const MOST: usize = 4 * TAKES;
/// Sentences after which another voice can be told.
const ENOUGH_TO_TELL: usize = 2;
/// A sentence further than this from the others is another voice; one of 130 of the same voice is.
const SAME_VOICE: f32 = 0.42;

/// First byte of the stored form…
const LAYOUT: u8 = 2;
/// … and of the one before it, which knew no other encoder than ours.
const OURS_ONLY: u8 = 1;

/// A person's voice.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    space: Arc<Space>,
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

/// What is stored is not a profile of the encoder that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotThis {
    /// It was learned with another one.
    Other,
    /// No version of this program wrote it.
    Damaged,
}

impl Profile {
    /// Of nobody yet.
    pub(super) fn new(space: Arc<Space>) -> Profile {
        Profile { space, takes: Vec::new(), centre: None }
    }

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
        self.centre = centre(&self.space, &self.takes);
        Ok(())
    }

    /// How near a voice is to this one: near 0 for others, towards 1 for its owner.
    pub fn score(&self, voice: &Voiceprint) -> Option<f32> {
        self.space.score(self.centre.as_ref()?, voice)
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
            self.space.score(&centre(&self.space, &others)?, &self.takes[left_out].clean)
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

    /// `layout ‖ count ‖ encoder ‖ size ‖ (clean ‖ noisy)…`, numbers in little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT, self.takes.len() as u8];
        bytes.extend_from_slice(&self.space.encoder());
        bytes.extend_from_slice(&(self.space.size() as u16).to_le_bytes());
        for take in &self.takes {
            for number in take.clean.numbers().iter().chain(take.noisy.numbers()) {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }

    /// From what [`Self::to_bytes`] wrote, for the encoder whose voices lie in `space`.
    pub(super) fn from_bytes(bytes: &[u8], space: Arc<Space>) -> Result<Profile, NotThis> {
        let (encoder, size, numbers) = stored(bytes).ok_or(NotThis::Damaged)?;
        if (encoder, size) != (space.encoder(), space.size()) {
            return Err(NotThis::Other);
        }
        let take = |pair: &[f32]| {
            let (clean, noisy) = pair.split_at(size);
            Some(Take { clean: Voiceprint::from_numbers(clean)?, noisy: Voiceprint::from_numbers(noisy)? })
        };
        let takes = numbers.chunks_exact(2 * size).map(take).collect::<Option<Vec<_>>>();
        let takes = takes.ok_or(NotThis::Damaged)?;
        let centre = centre(&space, &takes);
        Ok(Profile { space, takes, centre })
    }
}

/// Encoder, numbers a voiceprint, and all numbers of a stored profile.
fn stored(bytes: &[u8]) -> Option<(EncoderId, usize, Vec<f32>)> {
    let (&[layout, count], rest) = bytes.split_first_chunk::<2>()?;
    let (encoder, size, rest) = match layout {
        OURS_ONLY => (weights::encoder(), SIZE, rest),
        LAYOUT => {
            let (encoder, rest) = rest.split_first_chunk::<32>()?;
            let (size, rest) = rest.split_first_chunk::<2>()?;
            (*encoder, usize::from(u16::from_le_bytes(*size)), rest)
        }
        _ => return None,
    };
    let (numbers, rest) = rest.as_chunks::<4>();
    let count = usize::from(count);
    let fits = rest.is_empty() && count <= MOST && SIZES.contains(&size) && numbers.len() == 2 * size * count;
    fits.then(|| (encoder, size, numbers.iter().map(|four| f32::from_le_bytes(*four)).collect()))
}

fn centre(space: &Space, takes: &[Take]) -> Option<Voiceprint> {
    let own = takes.iter().flat_map(|take| [space.own(&take.clean), space.own(&take.noisy)]);
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

    fn ours() -> Arc<Space> {
        Arc::new(Space::ours())
    }

    fn take(seed: usize) -> Take {
        Take { clean: voice(seed), noisy: voice(seed) }
    }

    #[test]
    fn a_profile_knows_its_own_and_refuses_another() {
        let mut profile = Profile::new(ours());
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
        assert_eq!(format!("{profile:?}").matches("256 numbers").count(), 2 * MOST + 2);
    }

    #[test]
    fn a_profile_is_read_for_its_own_encoder_only() {
        let mut profile = Profile::new(ours());
        profile.add(take(1)).unwrap();
        let other = Arc::new(Space::new([7; 32], vec![0.0; SIZE], 0.0, 1.0).unwrap());
        assert_eq!(Profile::from_bytes(&profile.to_bytes(), other.clone()), Err(NotThis::Other));
        let mut theirs = Profile::new(other.clone());
        theirs.add(take(1)).unwrap();
        assert_eq!(Profile::from_bytes(&theirs.to_bytes(), ours()), Err(NotThis::Other));
        assert_eq!(Profile::from_bytes(&theirs.to_bytes(), other).unwrap().len(), 1);
        // A voice of another size is near to nobody.
        let small = Voiceprint::from_numbers(&[1.0; 192]).unwrap();
        assert_eq!(theirs.score(&small), None);
        // What was written before there were others is of ours.
        let bytes = profile.to_bytes();
        let before = [&[OURS_ONLY, 1], &bytes[2 + 32 + 2..]].concat();
        assert_eq!(Profile::from_bytes(&before, ours()).unwrap().to_bytes(), bytes);
    }

    proptest! {
        #[test]
        fn a_profile_reads_back(seeds in proptest::collection::vec(1_usize..50, 0..5)) {
            let takes: Vec<Take> = seeds.into_iter().map(take).collect();
            let bytes = Profile { space: ours(), centre: None, takes }.to_bytes();
            let read = Profile::from_bytes(&bytes, ours()).unwrap();
            let again = Profile::from_bytes(&read.to_bytes(), ours()).unwrap();
            prop_assert!(read.takes.iter().zip(&again.takes).all(|(a, b)| a.clean.cosine(&b.clean) > 0.999));
        }

        #[test]
        fn any_bytes_are_a_profile_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let _ = Profile::from_bytes(&bytes, ours());
        }
    }
}
