//! What happens in a house, and what it answers: the two enums that every adapter speaks.

use std::time::{Duration, Instant};

use crate::{
    Area, Ask, Bid, Outcome, PersonId, Reason, Refusal, Retention, SatelliteId, Speaker, UtteranceId, Voice,
};

/// What made a satellite listen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A wake word, by its model's name.
    WakeWord(String),
    /// Any speech, on a satellite without a wake word.
    Speech,
    /// A person held the button.
    Button,
}

/// Why a satellite stopped streaming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The person stopped speaking, or let the button go.
    Endpoint,
    /// Nobody spoke after the wake.
    NothingSaid,
    /// The longest utterance was reached; what was said so far counts.
    Limit,
    /// The satellite was muted or told to stop.
    Cancelled,
}

/// What the sentences of the house made of an utterance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Understanding {
    /// How sure the matcher is, 0 to 1.
    pub confidence: f32,
    /// How long after it was spoken this command may still be carried out; `None` takes the policy's.
    pub deadline: Option<Duration>,
}

/// What became of a command that was handed to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// The broker has it.
    Published,
    /// Whoever carries it out said no.
    Refused,
    /// The broker or the device is away.
    NotReached,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A satellite heard its trigger `age` ago; audio begins to flow. After a broken link that may be long ago.
    Opened {
        utterance: UtteranceId,
        satellite: SatelliteId,
        area: Option<Area>,
        trigger: Trigger,
        bid: Bid,
        age: Duration,
    },
    /// The second look at the pre-roll: was it the wake word?
    Verified { utterance: UtteranceId, genuine: bool },
    /// The satellite sent all that was said: so much audio since the trigger.
    Ended { utterance: UtteranceId, end: End, spoken: Duration },
    /// The satellite went away in the middle and did not come back in time.
    Lost { utterance: UtteranceId },
    /// The speech engine has words (which this crate never sees).
    Transcribed { utterance: UtteranceId },
    /// The speech engine failed, or was too busy.
    NotHeard { utterance: UtteranceId },
    /// Voices are told apart in this house, and this is how near the one that was heard is to each. Before
    /// [`Event::Understood`], or not at all.
    Recognised { utterance: UtteranceId, voice: Voice },
    /// What is asked for is more than an everyday command. Before [`Event::Understood`], or not at all.
    Wants { utterance: UtteranceId, ask: Ask },
    /// The sentences of the house were tried; `None` if nothing fits well enough.
    Understood { utterance: UtteranceId, understanding: Option<Understanding> },
    /// The command was handed over, or could not be.
    Acted { utterance: UtteranceId, acted: Acted },
    /// The hub is going down: everything under way ends now.
    Closing,
    /// Time passed; see [`crate::House::wake_at`].
    Tick,
}

/// What an adapter must now do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Look a second time whether the pre-roll holds the wake word, and answer with [`Event::Verified`].
    Verify { utterance: UtteranceId, word: String },
    /// Begin to record and to transcribe: up to now the audio was in memory only.
    Record { utterance: UtteranceId, satellite: SatelliteId, area: Option<Area>, keep: Retention },
    /// All audio is there: finish the transcript and answer with [`Event::Transcribed`].
    Transcribe { utterance: UtteranceId },
    /// Match the transcript and answer with [`Event::Understood`].
    Understand { utterance: UtteranceId },
    /// Publish the intent, if that can be done before `deadline`, and answer with [`Event::Acted`].
    Command { utterance: UtteranceId, deadline: Instant },
    /// Do, for this person, what was asked about their own recordings, and answer with [`Event::Acted`].
    Own { utterance: UtteranceId, person: PersonId, deadline: Instant },
    /// The PIN was right: do what this satellite was asked before, as [`Effect::Command`].
    CommandWaiting { utterance: UtteranceId, satellite: SatelliteId, deadline: Instant },
    /// Say aloud why it is not done. The session ends with this.
    Refuse { utterance: UtteranceId, satellite: SatelliteId, why: Refusal },
    /// Who asks has shown who they are: what lets somebody in need not be said twice.
    Vouched { utterance: UtteranceId },
    /// It is this person's voice: the recording is theirs.
    Belongs { utterance: UtteranceId, person: PersonId },
    /// Nothing of this utterance may be kept, whatever comes of it.
    KeepNot { utterance: UtteranceId },
    /// Tell the satellite to stop streaming this utterance.
    Stop { utterance: UtteranceId, satellite: SatelliteId },
    /// Forget this utterance: nothing of it is kept but a count. The satellite is told the outcome and stays
    /// silent.
    Discard { utterance: UtteranceId, satellite: SatelliteId, area: Option<Area>, outcome: Outcome },
    /// Close the recording with its outcome and tell the satellite.
    Conclude {
        utterance: UtteranceId,
        satellite: SatelliteId,
        outcome: Outcome,
        stages: Stages,
        notes: Vec<Note>,
    },
}

/// When an utterance reached each stage, counted from its detection at the hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stages {
    /// All audio was there.
    pub ended: Option<Duration>,
    /// The transcript was there.
    pub transcribed: Option<Duration>,
    /// The sentences had been matched.
    pub understood: Option<Duration>,
    /// The broker had the command.
    pub acted: Option<Duration>,
}

/// A decision of the house that the journal keeps, so that "why did you do that?" has an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// Only this satellite heard it.
    HeardAlone,
    /// Of several satellites this one answers.
    Chosen { reason: Reason, over: Vec<(SatelliteId, Bid)> },
    /// The longest utterance was reached.
    CutAtLimit,
    /// It took longer than the command's deadline allows.
    TooLate { by: Duration },
    /// The matcher was less sure than the house asks for.
    Unsure { confidence: f32 },
    /// Whose voice it was, where voices are told apart.
    Voice(Speaker),
    /// What was asked is more than this voice may ask.
    Refused(Refusal),
}
