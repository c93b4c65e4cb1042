//! What goes into the machine, and what it wants done.

use std::time::Duration;

use sotto_protocol::{DismissReason, EndReason, Outcome, Packet, Trigger, UtteranceId};

/// What the panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    Listening,
    Thinking,
    Speaking,
    Muted,
    Offline,
    Pairing,
}

/// How the satellite stands with its hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Online,
    Offline,
    /// Paired with no hub yet.
    Unpaired,
}

/// Who asks for silence. Either is enough, and software cannot undo the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mute {
    Switch,
    Setting,
}

/// Short sounds that say what goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earcon {
    Woke,
    Done,
    Failed,
}

/// An utterance that begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    pub utterance: UtteranceId,
    pub trigger: Trigger,
    /// Root mean square of the trigger, in decibels below full scale.
    pub level_dbfs: f32,
    /// What was heard before the trigger, in packets of 20 ms.
    pub preroll: Vec<Packet>,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// To the hub, in this order: one `Open`, any number of `Send`, then `End` or `Drop`.
    Open(Opening),
    Send(Packet),
    End(EndReason),
    /// The utterance under way is not wanted: nothing more of it is sent.
    Drop,
    /// To the hub: the microphone is off or on.
    Muted {
        muted: bool,
        by_switch: bool,
    },
    Show(State),
    Play(Earcon),
    /// Stop what the loudspeaker is saying.
    Hush,
    Tell(Event),
}

/// Progress, for people and for programs that watch.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The microphone is open.
    Listening,
    Woke {
        word: String,
        score: f32,
    },
    Opened {
        utterance: UtteranceId,
        trigger: Trigger,
        preroll: Duration,
    },
    Ended {
        utterance: UtteranceId,
        reason: EndReason,
        length: Duration,
    },
    Dismissed {
        utterance: UtteranceId,
        reason: DismissReason,
    },
    Outcome(Outcome),
    Muted(bool),
    Line(Line),
    /// Whoever types it at a hub pairs this satellite.
    Code(String),
    Trouble(String),
}
