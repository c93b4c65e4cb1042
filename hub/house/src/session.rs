//! One session: from detection to outcome.

use std::time::{Duration, Instant};

use crate::{Area, Ask, Effect, End, Note, Outcome, Policy, SatelliteId, Speaker, Stages, UtteranceId};

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Audio is in memory only, until it is known who answers and that the wake was genuine. The utterance may
    /// already have ended.
    Waiting,
    Listening,
    Transcribing,
    Understanding,
    Acting,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub utterance: UtteranceId,
    pub satellite: SatelliteId,
    pub area: Option<Area>,
    /// When the trigger was heard.
    pub opened: Instant,
    pub stage: Stage,
    /// The wake was looked at a second time, or needs no look.
    pub genuine: bool,
    /// This satellite answers.
    pub chosen: bool,
    pub end: Option<End>,
    /// When the end arrived.
    pub ended: Instant,
    /// When the person stopped speaking; a command's age counts from here.
    pub spoken: Instant,
    /// How long after that its command may still be carried out, when that is not the policy's.
    pub deadline: Option<Duration>,
    pub stages: Stages,
    /// Whose voice it is; `None` where voices are not told apart.
    pub speaker: Option<Speaker>,
    /// What is asked for, where that is more than an everyday command.
    pub ask: Option<Ask>,
    pub notes: Vec<Note>,
}

impl Session {
    /// The satellite may still be sending.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Listening) && self.end.is_none()
    }

    /// When this session must have moved on; the house looks again then.
    pub fn due(&self, policy: &Policy) -> Instant {
        match self.stage {
            Stage::Waiting | Stage::Listening if self.end.is_none() => self.opened + policy.longest_utterance,
            Stage::Acting => self.spoken + self.deadline.unwrap_or(policy.deadline),
            _ => self.ended + policy.patience,
        }
    }

    /// Moves on to `stage` at `now` and keeps the time it took.
    pub fn advance(&mut self, now: Instant, stage: Stage) {
        let since = Some(now.saturating_duration_since(self.opened));
        match stage {
            Stage::Waiting | Stage::Listening => {}
            Stage::Transcribing => self.stages.ended = since,
            Stage::Understanding => self.stages.transcribed = since,
            Stage::Acting => self.stages.understood = since,
        }
        self.stage = stage;
    }

    /// The last effect of every session: closed with its outcome, or forgotten.
    pub fn finish(self, outcome: Outcome) -> Effect {
        let Session { utterance, satellite, area, stages, notes, .. } = self;
        if self.stage == Stage::Waiting || !Policy::keeps(outcome) {
            Effect::Discard { utterance, satellite, area, outcome }
        } else {
            Effect::Conclude { utterance, satellite, outcome, stages, notes }
        }
    }
}
