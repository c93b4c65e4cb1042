//! What may be asked by whom: doors are opened for a trusted voice or a PIN, recordings erased for their own voice.
//!
//! Deliberately absent: the PIN. Whoever holds it says only whether what was spoken was right.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::{PersonId, SatelliteId, Speaker};

/// What an utterance asks for, where that is more than an everyday command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To unlock, to open the garage, to disarm.
    LetIn,
    /// Something about the speaker's own recordings that changes or tells of them.
    Own,
    /// A PIN was spoken, for what this satellite was asked before.
    Pin { right: bool },
}

/// Why something is not done; each is answered aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The voice was not clear enough, or too little was said; the page is there for it.
    NotSure,
    /// The voice is known, and may not.
    NotAllowed,
    /// It may be done if the PIN is said now.
    SayPin,
    WrongPin,
    /// Doors were asked for too often; for a while nobody gets in by voice.
    TooOften,
}

/// How doors are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Doors {
    /// Whether what lets somebody in needs a trusted voice or the PIN, in a house where a voice is enrolled.
    pub need_voice: bool,
    /// Whether there is a PIN.
    pub pin: bool,
    /// How long a satellite waits for the PIN.
    pub wait: Duration,
    /// Most times that doors may be asked for within `window`, in the whole house: what is played back from a
    /// recording sounds like its owner, but may not be tried for long.
    pub tries: usize,
    pub window: Duration,
}

impl Default for Doors {
    fn default() -> Self {
        Doors {
            need_voice: true,
            pin: false,
            wait: Duration::from_secs(30),
            tries: 5,
            window: Duration::from_secs(5 * 60),
        }
    }
}

/// What was asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    doors: VecDeque<Instant>,
    /// Satellites that wait for a PIN, and since when.
    waiting: Vec<(SatelliteId, Instant)>,
}

/// What is to be done about something that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Do,
    /// And it need not be said twice.
    DoVouched,
    /// For this person.
    DoFor(PersonId),
    /// What this satellite was asked before.
    DoWaiting,
    Refuse(Refusal),
}

impl Asked {
    /// `speaker` is `None` where voices are not told apart (no model, or nobody enrolled).
    pub fn judge(
        &mut self,
        now: Instant,
        ask: Ask,
        speaker: Option<Speaker>,
        satellite: &SatelliteId,
        doors: &Doors,
    ) -> Verdict {
        self.pass_time(now, doors);
        match ask {
            Ask::Own => match speaker {
                Some(Speaker::This { person, certain: true, .. }) => Verdict::DoFor(person),
                _ => Verdict::Refuse(Refusal::NotSure),
            },
            Ask::LetIn if self.too_often(now, doors) => Verdict::Refuse(Refusal::TooOften),
            Ask::LetIn => match speaker {
                _ if !doors.need_voice => Verdict::Do,
                None if !doors.pin => Verdict::Do,
                Some(Speaker::This { certain: true, trusted: true, .. }) => Verdict::DoVouched,
                _ if doors.pin => {
                    self.waiting.retain(|(waiting, _)| waiting != satellite);
                    self.waiting.push((satellite.clone(), now));
                    Verdict::Refuse(Refusal::SayPin)
                }
                Some(Speaker::This { certain: true, trusted: false, .. }) => {
                    Verdict::Refuse(Refusal::NotAllowed)
                }
                _ => Verdict::Refuse(Refusal::NotSure),
            },
            Ask::Pin { right } => {
                let waiting = self.waiting.iter().position(|(waiting, _)| waiting == satellite);
                match (waiting, right) {
                    (None, _) => Verdict::Refuse(Refusal::WrongPin),
                    _ if self.too_often(now, doors) => Verdict::Refuse(Refusal::TooOften),
                    (Some(_), false) => Verdict::Refuse(Refusal::WrongPin),
                    (Some(at), true) => {
                        self.waiting.swap_remove(at);
                        Verdict::DoWaiting
                    }
                }
            }
        }
    }

    /// Forgets who has waited for long enough.
    pub fn pass_time(&mut self, now: Instant, doors: &Doors) {
        self.waiting.retain(|(_, since)| now.saturating_duration_since(*since) < doors.wait);
    }

    /// Whether a PIN may be spoken at this satellite just now.
    pub fn waits(&self, satellite: &SatelliteId) -> bool {
        self.waiting.iter().any(|(waiting, _)| waiting == satellite)
    }

    /// Counts one more try, and says whether it is one too many.
    fn too_often(&mut self, now: Instant, doors: &Doors) -> bool {
        self.doors.retain(|when| now.saturating_duration_since(*when) < doors.window);
        let too_often = self.doors.len() >= doors.tries;
        if !too_often {
            self.doors.push_back(now);
        }
        too_often
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HER: PersonId = PersonId::from_bytes([1; 16]);

    fn hers(certain: bool, trusted: bool) -> Option<Speaker> {
        Some(Speaker::This { person: HER, certain, trusted })
    }

    #[test]
    fn a_door_opens_for_a_trusted_voice_and_nobody_else() {
        let check = |speaker, doors: &Doors, expect: Verdict| {
            let hall = SatelliteId::new("hall").unwrap();
            let verdict = Asked::default().judge(Instant::now(), Ask::LetIn, speaker, &hall, doors);
            assert_eq!(verdict, expect, "{speaker:?}");
        };
        let voice = Doors::default();
        let pin = Doors { pin: true, ..Doors::default() };
        let open = Doors { need_voice: false, ..Doors::default() };
        let refuse = Verdict::Refuse;
        check(hers(true, true), &voice, Verdict::DoVouched);
        check(hers(false, true), &voice, refuse(Refusal::NotSure));
        check(hers(true, false), &voice, refuse(Refusal::NotAllowed));
        check(Some(Speaker::Unknown), &voice, refuse(Refusal::NotSure));
        check(Some(Speaker::TooShort), &voice, refuse(Refusal::NotSure));
        check(None, &voice, Verdict::Do);
        check(hers(true, true), &pin, Verdict::DoVouched);
        for speaker in [hers(true, false), hers(false, true), Some(Speaker::Unknown), None] {
            check(speaker, &pin, refuse(Refusal::SayPin));
            check(speaker, &open, Verdict::Do);
        }
    }

    #[test]
    fn recordings_obey_a_certain_voice_only() {
        let mut asked = Asked::default();
        let hall = SatelliteId::new("hall").unwrap();
        let mut judge = |speaker| asked.judge(Instant::now(), Ask::Own, speaker, &hall, &Doors::default());
        assert_eq!(judge(hers(true, false)), Verdict::DoFor(HER));
        for speaker in [hers(false, true), Some(Speaker::Unknown), Some(Speaker::TooShort), None] {
            assert_eq!(judge(speaker), Verdict::Refuse(Refusal::NotSure));
        }
    }

    #[test]
    fn a_pin_opens_what_its_satellite_was_asked_and_only_soon() {
        let doors = Doors { pin: true, ..Doors::default() };
        let (hall, yard) = (SatelliteId::new("hall").unwrap(), SatelliteId::new("yard").unwrap());
        let start = Instant::now();
        let mut asked = Asked::default();
        let mut judge = |after: u64, ask, satellite: &SatelliteId| {
            asked.judge(start + Duration::from_secs(after), ask, Some(Speaker::Unknown), satellite, &doors)
        };
        let (right, wrong) = (Ask::Pin { right: true }, Ask::Pin { right: false });
        assert_eq!(judge(0, right, &hall), Verdict::Refuse(Refusal::WrongPin), "nothing was asked");
        assert_eq!(judge(1, Ask::LetIn, &hall), Verdict::Refuse(Refusal::SayPin));
        assert_eq!(judge(2, right, &yard), Verdict::Refuse(Refusal::WrongPin), "asked elsewhere");
        assert_eq!(judge(3, wrong, &hall), Verdict::Refuse(Refusal::WrongPin));
        assert_eq!(judge(4, right, &hall), Verdict::DoWaiting);
        assert_eq!(judge(5, right, &hall), Verdict::Refuse(Refusal::WrongPin), "it is spent");
        assert_eq!(judge(400, Ask::LetIn, &hall), Verdict::Refuse(Refusal::SayPin));
        assert_eq!(judge(431, right, &hall), Verdict::Refuse(Refusal::WrongPin), "too late");
    }

    #[test]
    fn doors_cannot_be_tried_for_long() {
        let hall = SatelliteId::new("hall").unwrap();
        let start = Instant::now();
        let mut asked = Asked::default();
        let mut judge = |after: u64| {
            let now = start + Duration::from_secs(after);
            asked.judge(now, Ask::LetIn, hers(true, true), &hall, &Doors::default())
        };
        for n in 0..5 {
            assert_eq!(judge(n), Verdict::DoVouched);
        }
        assert_eq!(judge(10), Verdict::Refuse(Refusal::TooOften));
        assert_eq!(judge(299), Verdict::Refuse(Refusal::TooOften));
        assert_eq!(judge(301), Verdict::DoVouched, "refused tries do not prolong it");
    }
}
