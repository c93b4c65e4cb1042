//! What can be done with recordings, why, and by whom: the words of the access log.

use sotto_house::PersonId;

use crate::codes::Id;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Act {
    /// The sound of a recording was opened.
    Listened,
    /// Transcripts were opened.
    Read,
    /// Transcripts were searched through.
    Searched,
    /// The hub took the sound of an utterance while it was spoken.
    HeardLive,
    /// A reviewer was served a nameless clip.
    Reviewed,
    Exported,
    Erased,
    Claimed,
    Disputed,
    HandedOver,
    /// A member joined.
    Joined,
    /// A member and all their recordings are gone.
    Left,
    Invited,
    /// An adult was let into the house's recordings.
    Admitted,
    PassphraseChanged,
    /// A recovery code was used.
    Recovered,
    SettingChanged,
    BackedUp,
    Restored,
    /// A reviewer corrected a clip.
    Corrected,
    /// A person's voice was learned, or learned anew.
    VoiceLearned,
    /// A person's voice profile was erased.
    VoiceForgotten,
    /// A second way in was added.
    PasskeyAdded,
    PasskeyRemoved,
}

impl Act {
    pub const ALL: [Act; 24] = [
        Act::Listened,
        Act::Read,
        Act::Searched,
        Act::HeardLive,
        Act::Reviewed,
        Act::Exported,
        Act::Erased,
        Act::Claimed,
        Act::Disputed,
        Act::HandedOver,
        Act::Joined,
        Act::Left,
        Act::Invited,
        Act::Admitted,
        Act::PassphraseChanged,
        Act::Recovered,
        Act::SettingChanged,
        Act::BackedUp,
        Act::Restored,
        Act::Corrected,
        Act::VoiceLearned,
        Act::VoiceForgotten,
        Act::PasskeyAdded,
        Act::PasskeyRemoved,
    ];
}

/// Why it was done, as the one who did it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// To hear or read it again.
    Recall,
    /// To see whose it is.
    Belonging,
    /// To see why something was not understood or went wrong.
    Repair,
    /// The hub understands a command.
    Transcribe,
    /// The hub tells who speaks.
    Identify,
    /// A reviewer judges a nameless clip.
    Review,
    /// A consenting person's clip leaves as training material.
    Training,
    /// A person takes their own archive away.
    TakeAway,
    /// Its time had come.
    Retention,
    /// Somebody asked on the page or at the console.
    Request,
    /// Somebody asked by voice.
    SpokenRequest,
    /// Looking after the hub.
    Upkeep,
}

impl Purpose {
    pub const ALL: [Purpose; 12] = [
        Purpose::Recall,
        Purpose::Belonging,
        Purpose::Repair,
        Purpose::Transcribe,
        Purpose::Identify,
        Purpose::Review,
        Purpose::Training,
        Purpose::TakeAway,
        Purpose::Retention,
        Purpose::Request,
        Purpose::SpokenRequest,
        Purpose::Upkeep,
    ];
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The hub by itself, or its administrator at the console.
    Hub,
    Person(PersonId),
}

impl Actor {
    pub(crate) fn id(self) -> Id {
        match self {
            Actor::Hub => Id([0; 16]),
            Actor::Person(person) => person.into(),
        }
    }

    pub(crate) fn from_id(id: Id) -> Self {
        if id.0 == [0; 16] { Actor::Hub } else { Actor::Person(id.person()) }
    }
}
