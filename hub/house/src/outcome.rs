//! How a session ends, and who is who in a household.

/// What became of a session: every session has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The intent was published, and nobody said that it failed.
    Done,
    /// Speech was heard; no sentence of the house fits it well enough.
    NotUnderstood,
    /// The second look at the hub says that nobody called it; nothing is kept but a count.
    FalseWake,
    /// The wake word was said and nothing after it.
    NothingSaid,
    /// Another satellite heard it better and answers; this one's audio is erased.
    AnsweredElsewhere,
    /// Understood, but not allowed (a risky command by an unknown voice, say).
    Refused,
    /// Understood, but the broker or the device could not be reached before the deadline.
    NotReached,
    /// The link or the hub went away in the middle.
    Interrupted,
    /// The speech engine failed or was overloaded.
    NotHeard,
}

impl Outcome {
    /// Every outcome, for tables and tests.
    pub const ALL: [Outcome; 9] = [
        Outcome::Done,
        Outcome::NotUnderstood,
        Outcome::FalseWake,
        Outcome::NothingSaid,
        Outcome::AnsweredElsewhere,
        Outcome::Refused,
        Outcome::NotReached,
        Outcome::Interrupted,
        Outcome::NotHeard,
    ];
}

/// What a member of the household may do. An administrator looks after the machine and never gets, by that
/// alone, to hear anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Adult,
    Child,
    Guest,
}
