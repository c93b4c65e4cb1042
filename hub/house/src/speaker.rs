//! Whose voice it was, as far as that can be known: this person, somebody unknown, or too little to tell.
//!
//! Only scores come in here (near 0 for another's voice, towards 1 for one's own), so nothing of a voice can leak.
//! The numbers were chosen on half of the speakers of real recordings and checked on the other half
//! (docs/decisions/0101): under 1 % of others' utterances are given to a member, under 0.5 % to the wrong one.

use std::time::Duration;

use crate::PersonId;

/// One enrolled person, and how near the voice that was heard is to theirs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    pub person: PersonId,
    pub score: f32,
    /// Whether this person may open doors by voice.
    pub trusted: bool,
}

/// What was heard of a voice.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    pub candidates: Vec<Candidate>,
    /// Speech without pauses, the wake word included.
    pub speech: Duration,
    /// How far the speech is above the room's noise, in dB.
    pub above_noise: f32,
    /// Whose the satellite is: evidence, not proof.
    pub satellite_owner: Option<PersonId>,
}

/// What the house makes of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    This {
        person: PersonId,
        /// Clear enough to erase recordings by.
        certain: bool,
        trusted: bool,
    },
    /// Nobody who is enrolled, or not clearly enough.
    Unknown,
    TooShort,
}

/// From what score on a voice is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// Least score at which a short utterance in a quiet room belongs to somebody.
    pub least: f32,
    /// How much more it takes in noise, where all voices sound more alike.
    pub in_noise: f32,
    /// Speech less than this many dB above the room's noise is in noise.
    pub quiet: f32,
    /// How much more it takes of a long utterance, whose score is surer: none up to 2.5 s of speech, all from 4 s on.
    pub when_long: f32,
    /// How much more it takes for somebody to be obeyed as themselves.
    pub certain: f32,
    /// How far the next best must be behind.
    pub apart: f32,
    /// Less speech than this says nothing.
    pub shortest: Duration,
    /// What a satellite's owner needs less there.
    pub at_home: f32,
}

impl Default for Recognition {
    fn default() -> Self {
        Recognition {
            least: 0.46,
            in_noise: 0.09,
            quiet: 25.0,
            when_long: 0.06,
            certain: 0.08,
            apart: 0.08,
            shortest: Duration::from_millis(1200),
            at_home: 0.04,
        }
    }
}

impl Recognition {
    /// Decides. Scores that are no numbers are no scores.
    pub fn decide(&self, voice: &Voice) -> Speaker {
        if voice.speech < self.shortest {
            return Speaker::TooShort;
        }
        let mut ranked: Vec<Candidate> =
            voice.candidates.iter().copied().filter(|candidate| candidate.score.is_finite()).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        let Some(best) = ranked.first() else { return Speaker::Unknown };
        let next = ranked.get(1).map_or(f32::NEG_INFINITY, |next| next.score);
        let at_home = voice.satellite_owner == Some(best.person);
        let needed = self.needed(voice);
        let least = if at_home { needed - self.at_home } else { needed };
        if best.score < least || best.score - next < self.apart {
            return Speaker::Unknown;
        }
        // Where it is said proves nothing, so it counts for belonging only.
        let certain = best.score >= needed + self.certain;
        Speaker::This { person: best.person, certain, trusted: best.trusted }
    }

    /// The least score for such an utterance, anywhere.
    fn needed(&self, voice: &Voice) -> f32 {
        let noise = if voice.above_noise >= self.quiet { 0.0 } else { self.in_noise };
        let long = ((voice.speech.as_secs_f32() - 2.5) / 1.5).clamp(0.0, 1.0);
        self.least + noise + self.when_long * long
    }
}

/// What this house's unknown voices score, so that its microphones, not only ours, decide what is near enough.
///
/// Mean and spread of the best scores of voices that were taken for nobody's; the least score rises, and never falls,
/// to where one of some hundred of them would reach it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Calibration {
    pub count: u32,
    pub mean: f64,
    /// Sum of the squared distances from the mean (Welford).
    pub spread: f64,
}

impl Calibration {
    /// Unknown voices before anything is concluded from them.
    const ENOUGH: u32 = 30;
    /// Of more than these the oldest count less and less.
    const MOST: u32 = 1000;
    /// Standard deviations above the mean: about one normal value of 370 lies there.
    const FAR: f64 = 2.8;
    /// However noisy a house, an owner must still be able to reach it.
    const HIGHEST: f32 = 0.65;

    /// An utterance was nobody's, and this was its best score.
    pub fn unknown(&mut self, score: f32) {
        if !score.is_finite() {
            return;
        }
        if self.count == Self::MOST {
            self.count /= 2;
            self.spread /= 2.0;
        }
        self.count += 1;
        let score = f64::from(score);
        let before = score - self.mean;
        self.mean += before / f64::from(self.count);
        self.spread += before * (score - self.mean);
    }

    /// `recognition` with its thresholds raised as far as this house needs.
    pub fn raise(&self, recognition: &Recognition) -> Recognition {
        if self.count < Self::ENOUGH {
            return recognition.clone();
        }
        let deviation = (self.spread / f64::from(self.count)).max(0.0).sqrt();
        let needed = ((self.mean + Self::FAR * deviation) as f32).min(Self::HIGHEST);
        let by = (needed - recognition.least).max(0.0);
        Recognition { least: recognition.least + by, ..recognition.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u8) -> PersonId {
        PersonId::from_bytes([n; 16])
    }

    fn voice(scores: &[f32], speech: u64, satellite_owner: Option<u8>) -> Voice {
        let candidates = scores.iter().enumerate();
        Voice {
            candidates: candidates
                .map(|(n, score)| Candidate { person: person(n as u8), score: *score, trusted: n == 0 })
                .collect(),
            speech: Duration::from_millis(speech),
            above_noise: 30.0,
            satellite_owner: satellite_owner.map(person),
        }
    }

    #[test]
    fn a_voice_is_somebodys_only_when_it_is_near_and_nobody_else_is() {
        let check = |scores: &[f32], speech, owner, expect: Option<(u8, bool)>| {
            let speaker = Recognition::default().decide(&voice(scores, speech, owner));
            let expect = match expect {
                Some((n, certain)) => Speaker::This { person: person(n), certain, trusted: n == 0 },
                None => Speaker::Unknown,
            };
            assert_eq!(speaker, expect, "{scores:?} at {owner:?}");
        };
        check(&[0.8, 0.1], 2000, None, Some((0, true)));
        check(&[0.1, 0.8], 2000, None, Some((1, true)));
        check(&[0.48, 0.1], 2000, None, Some((0, false)));
        check(&[0.48, 0.1], 5000, None, None);
        check(&[0.56, 0.1], 5000, None, Some((0, false)));
        check(&[0.44, 0.1], 2000, None, None);
        check(&[0.44, 0.1], 2000, Some(0), Some((0, false)));
        check(&[0.44, 0.1], 2000, Some(1), None);
        check(&[0.7, 0.65], 2000, None, None);
        check(&[0.7, 0.65], 2000, Some(0), None);
        check(&[f32::NAN, 0.8], 2000, None, Some((1, true)));
        check(&[f32::NAN], 2000, None, None);
        check(&[], 2000, None, None);
    }

    #[test]
    fn in_noise_it_takes_more() {
        let quiet = voice(&[0.52], 2000, None);
        let noisy = Voice { above_noise: 14.0, ..quiet.clone() };
        let unknown = Voice { above_noise: f32::NAN, ..quiet.clone() };
        let recognition = Recognition::default();
        assert!(matches!(recognition.decide(&quiet), Speaker::This { .. }));
        assert_eq!(recognition.decide(&noisy), Speaker::Unknown);
        assert_eq!(recognition.decide(&unknown), Speaker::Unknown, "what is not known to be quiet is not");
    }

    #[test]
    fn too_little_speech_is_nobodys() {
        assert_eq!(Recognition::default().decide(&voice(&[0.99], 1100, Some(0))), Speaker::TooShort);
    }

    #[test]
    fn a_house_whose_strangers_score_high_asks_for_more() {
        let shipped = Recognition::default();
        let mut calibration = Calibration::default();
        for n in 0..29 {
            calibration.unknown(0.4 + 0.05 * (n % 3) as f32);
        }
        assert_eq!(calibration.raise(&shipped), shipped, "too few to say");
        for n in 0..500 {
            calibration.unknown(0.4 + 0.05 * (n % 3) as f32);
        }
        let raised = calibration.raise(&shipped);
        assert!((raised.least - 0.564).abs() < 0.01, "{raised:?}");
        assert_eq!(raised, Recognition { least: raised.least, ..shipped.clone() });
        let mut quiet = Calibration::default();
        for _ in 0..3000 {
            quiet.unknown(0.1);
            quiet.unknown(f32::NAN);
        }
        assert_eq!(quiet.raise(&shipped), shipped, "never below what was shipped");
    }
}
