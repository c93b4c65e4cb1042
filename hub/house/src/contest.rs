//! One answers: which of several satellites that heard the same wake word takes the session.

use std::time::Instant;

use crate::{SatelliteId, Trigger, UtteranceId};

/// What a satellite offers: how sure it is, and how loud the speaker was there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bid {
    /// Detection score of the wake engine, 0 to 1.
    pub score: f32,
    /// Level of the pre-roll in dB below full scale; nearer to 0 is louder.
    pub level: f32,
}

impl Bid {
    /// A bid with numbers that can be compared: what is not a number, or out of range, counts as the least.
    pub fn new(score: f32, level: f32) -> Self {
        let score = if score.is_finite() { score.clamp(0.0, 1.0) } else { 0.0 };
        let level = if level.is_finite() { level.clamp(-120.0, 0.0) } else { -120.0 };
        Bid { score, level }
    }
}

/// Why a satellite was chosen over the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its engine was clearly surer.
    Surer,
    /// About as sure, but the speaker was louder there.
    Louder,
    /// Nothing told them apart; it was first.
    First,
}

/// Scores nearer than this say nothing about distance: a detector's score is near 1 for any clear word. Levels have no
/// such margin: where two are nearly alike, the louder is still right more often than the first (decision 0015).
const SCORE_MARGIN: f32 = 0.2;

/// A contest under way, or lately decided: the satellites that heard `trigger` at about one time.
#[derive(Debug)]
pub(crate) struct Contest {
    pub trigger: Trigger,
    /// When the first of them heard it.
    pub heard: Instant,
    /// When the first report of it arrived; the window for others counts from here.
    pub opened: Instant,
    pub decided: bool,
    /// Who answers, once decided.
    pub winner: Option<(UtteranceId, SatelliteId)>,
    /// When the winner's person stopped speaking, once that is so.
    pub silent: Option<Instant>,
    pub bids: Vec<(UtteranceId, SatelliteId, Bid)>,
}

impl Contest {
    /// The place in `bids` of the one that answers, and why; `None` when nobody is left.
    pub fn best(&self) -> Option<(usize, Reason)> {
        let mut best = 0;
        let mut reason = Reason::First;
        for (place, (_, _, bid)) in self.bids.iter().enumerate().skip(1) {
            let (better, why) = beats(bid, &self.bids[best].2);
            if better {
                best = place;
            }
            if reason == Reason::First || better {
                reason = why;
            }
        }
        (!self.bids.is_empty()).then_some((best, reason))
    }
}

/// Whether `a` takes the session from `b`, and on what ground the two were told apart.
fn beats(a: &Bid, b: &Bid) -> (bool, Reason) {
    if (a.score - b.score).abs() >= SCORE_MARGIN {
        (a.score > b.score, Reason::Surer)
    } else if a.level != b.level {
        (a.level > b.level, Reason::Louder)
    } else {
        (false, Reason::First)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_ear_answers() {
        let check = |bids: &[(f32, f32)], expect: (usize, Reason)| {
            let contest = Contest {
                trigger: Trigger::Speech,
                heard: Instant::now(),
                opened: Instant::now(),
                decided: false,
                winner: None,
                silent: None,
                bids: bids
                    .iter()
                    .enumerate()
                    .map(|(n, &(score, level))| {
                        let id = UtteranceId::from_bytes([n as u8; 16]);
                        (id, SatelliteId::new(&format!("s{n}")).unwrap(), Bid::new(score, level))
                    })
                    .collect(),
            };
            assert_eq!(contest.best(), Some(expect), "{bids:?}");
        };
        check(&[(0.9, -30.0)], (0, Reason::First));
        check(&[(0.95, -40.0), (0.97, -25.0)], (1, Reason::Louder));
        check(&[(0.95, -25.0), (0.97, -40.0)], (0, Reason::Louder));
        check(&[(0.99, -30.0), (0.60, -20.0)], (0, Reason::Surer));
        check(&[(0.9, -30.0), (0.9, -30.5)], (0, Reason::Louder));
        check(&[(0.9, -30.0), (0.95, -30.0)], (0, Reason::First));
        check(&[(0.9, -35.0), (0.9, -30.0), (0.95, -22.0)], (2, Reason::Louder));
        check(&[(f32::NAN, f32::NAN), (0.9, -30.0)], (1, Reason::Surer));
    }
}
