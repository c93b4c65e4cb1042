//! What the household has decided, with defaults that need no decision.

use std::time::Duration;

use crate::{Doors, Outcome, Recognition, Retention};

/// The household's choices. Each has a default; the configuration may change it.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How long after the first detection other satellites may still bid. Nine of ten satellites that hear one word
    /// score it within 120 ms of each other, and a longer window chooses no better (decision 0015).
    pub contest: Duration,
    /// How long after the contest a satellite may have heard the same word and still be an echo, not a new call.
    pub echo: Duration,
    /// For how long a satellite whose link broke may come back with what it heard.
    pub resume: Duration,
    /// Longest utterance; the satellite is told to stop.
    pub longest_utterance: Duration,
    /// How long the speech engine may take after the endpoint.
    pub patience: Duration,
    /// How long after it was spoken a command may still be carried out.
    pub deadline: Duration,
    /// Below this confidence the house does nothing.
    pub least_confidence: f32,
    /// Whether a wake word is looked at a second time before anything is kept or transcribed.
    pub second_look: bool,
    /// How long recordings of nobody in particular are kept.
    pub keep: Retention,
    /// From what score on a voice is believed.
    pub recognition: Recognition,
    /// Who may open doors.
    pub doors: Doors,
    /// In a house that tells voices apart: whether anything is kept of a voice that it does not know.
    pub keep_strangers: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            contest: Duration::from_millis(150),
            echo: Duration::from_millis(1500),
            resume: Duration::from_secs(12),
            longest_utterance: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            deadline: Duration::from_secs(5),
            least_confidence: 0.5,
            second_look: false,
            keep: Retention::Day,
            recognition: Recognition::default(),
            doors: Doors::default(),
            keep_strangers: false,
        }
    }
}

impl Policy {
    /// Whether anything of a session with this outcome may stay in the journal.
    pub const fn keeps(outcome: Outcome) -> bool {
        !matches!(outcome, Outcome::FalseWake | Outcome::AnsweredElsewhere | Outcome::NothingSaid)
    }
}
