//! Utterances that were sent and have no outcome yet.

use std::collections::VecDeque;
use std::time::Duration;

use sotto_protocol::UtteranceId;

use crate::sound::FRAME_TIME;

/// The hub says what became of an utterance within this time, or it is taken as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Utterances without an outcome at one time; the oldest gives way.
const MOST: usize = 8;

/// Oldest first, each with the frame at which it ended.
#[derive(Default)]
pub struct Waiting(VecDeque<(UtteranceId, u64)>);

impl Waiting {
    pub fn add(&mut self, utterance: UtteranceId, now: u64) {
        self.0.push_back((utterance, now));
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// Takes one out; false if there is none such.
    pub fn settle(&mut self, utterance: UtteranceId) -> bool {
        let known = self.0.len();
        self.0.retain(|(waiting, _)| *waiting != utterance);
        self.0.len() < known
    }

    /// One that has waited for too long.
    pub fn lost(&self, now: u64) -> Option<UtteranceId> {
        let late = |(_, since): &&(UtteranceId, u64)| FRAME_TIME * (now - since) as u32 > PATIENCE;
        self.0.front().filter(late).map(|(utterance, _)| *utterance)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
