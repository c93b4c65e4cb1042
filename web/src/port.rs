//! What the pages ask of the running hub.
//!
//! `web` declares it and `hub` implements it, so that the pages know neither sockets nor engines. Everything
//! here is plain: names of the house, numbers, and texts that may be shown. Deliberately absent: anything that
//! could carry a recording or a transcript; those come through the journal's door and no other.

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use sotto_house::{Area, SatelliteId};

/// How long a satellite goes on telling its level after somebody looked.
pub const WATCHED: Duration = Duration::from_secs(3);

/// Why the hub could not do what a page asked; the text is shown to the person as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// No such satellite (any more): it was revoked, or the page is old.
    #[error("that satellite is not paired with this hub; reload the page")]
    NoSuchSatellite,
    /// The satellite is known, but not connected right now.
    #[error("the satellite is not connected; check its power and its network, then try again")]
    NotConnected,
    /// This hub was built or configured without the part that was asked for.
    #[error("this hub cannot do that: {0}")]
    NotHere(String),
    /// Anything else, with its remedy in the text.
    #[error("{0}")]
    Failed(String),
}

/// An answer that may need the network or a thread of its own.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, PortError>>;

/// One paired satellite as the page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Satellite {
    pub id: SatelliteId,
    /// What people call it.
    pub name: String,
    pub area: Option<Area>,
    pub state: SatelliteState,
    /// When it last heard its wake word.
    pub last_heard: Option<SystemTime>,
    pub false_wakes_today: u32,
    /// Bytes of audio that left this room today, counted at the transport.
    pub bytes_today: u64,
    /// 0 to 100.
    pub volume: u8,
    /// 0 (deaf) to 100 (wakes easily).
    pub sensitivity: u8,
    pub version: String,
    /// A newer version that it can be told to install.
    pub update: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SatelliteState {
    Ready,
    Listening,
    Speaking,
    /// Muted at the satellite's own switch; nothing here can undo it.
    MutedByHand,
    /// Muted from the page.
    MutedHere,
    Away,
}

/// A satellite that advertises itself in the house and belongs to no hub yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSatellite {
    pub id: SatelliteId,
    pub name: String,
    pub version: String,
}

/// A pairing under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// To be typed at the satellite: `sotto-satellite pair CODE`.
    pub code: String,
    pub expires: SystemTime,
    pub state: PairingState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairingState {
    Waiting,
    Paired(SatelliteId),
    /// Five wrong tries, or nobody came in time.
    Burnt,
}

/// What may be changed at a satellite; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SatelliteChange {
    pub name: Option<String>,
    pub area: Option<Area>,
    pub volume: Option<u8>,
    pub sensitivity: Option<u8>,
    pub muted: Option<bool>,
}

/// A speech engine or a model, installed or to be had.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Names it to the hub; shown as it is.
    pub name: String,
    pub kind: ModelKind,
    /// One line in English; the locale files may say it better, as `purpose.<name>`.
    pub purpose: String,
    /// Understands more than English, or does not care.
    pub multilingual: bool,
    pub licence: String,
    pub bytes: Option<u64>,
    /// What suits this house's language and this machine.
    pub recommended: bool,
    /// Whether it can be thrown away.
    pub removable: bool,
    pub state: ModelState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Words from sound.
    Speech,
    /// Who speaks.
    Voices,
}

impl ModelKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ModelKind::Speech => "speech",
            ModelKind::Voices => "voices",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum ModelState {
    InUse,
    Installed,
    /// Being fetched: from 0 to 1 where that is known.
    Pulling(Option<f32>),
    NotInstalled,
    /// With the reason and the remedy.
    Failed(String),
}

/// Is somebody there, in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// "MQTT broker", "Home Assistant".
    pub name: String,
    /// `None`: it has never been seen, and need not be there.
    pub reachable: Option<bool>,
    /// One sentence: where it is, or what to do about it.
    pub note: String,
}

/// How long one stage took over the last day.
#[derive(Debug, Clone, PartialEq)]
pub struct StageLatency {
    /// A key of the locale files: `stage.<name>`.
    pub stage: String,
    /// One measured value per session, oldest first, at most a few thousand.
    pub samples: Vec<(SystemTime, Duration)>,
}

/// How the hub is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    pub stages: Vec<StageLatency>,
    /// False wakes per hour of the last 24, oldest first.
    pub false_wakes: Vec<u32>,
    pub troubles: Vec<Trouble>,
    pub version: String,
    pub started: Option<SystemTime>,
}

/// Something that went wrong, in plain words with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub when: SystemTime,
    pub what: String,
    pub remedy: String,
}

/// How the house would understand a sentence; nothing was carried out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// The text as it was matched (normalised).
    pub text: String,
    pub intent: Option<String>,
    /// Slot and value, in the order they were spoken.
    pub slots: Vec<(String, String)>,
    /// The sentence template that matched.
    pub sentence: Option<String>,
    /// What was close: template and how far, 0 (same) to 1.
    pub alternatives: Vec<(String, f32)>,
    /// What would have been published: topic and payload.
    pub would_publish: Option<(String, String)>,
    pub stages: Vec<(String, Duration)>,
}

/// A voice profile, as far as a page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// Sentences that were learned, and how many it takes.
    pub sentences: usize,
    pub needed: usize,
    pub quality: VoiceQuality,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoiceQuality {
    /// More sentences are needed.
    Unfinished,
    Poor,
    Fair,
    Good,
    /// It was learned by another speaker model than the house has now, and must be taught anew.
    Again,
}

/// What became of one more sentence.
#[derive(Clone, PartialEq, Eq)]
pub enum Taught {
    /// The profile with it.
    Learned(Vec<u8>),
    /// Once more, and why: `short`, `quiet`, `loud`, `noise` or `another`.
    Again(&'static str),
}

/// The hub, as far as the pages know it. Only an administrator's page calls what changes something.
pub trait Port: Send + Sync + 'static {
    fn satellites(&self) -> Vec<Satellite>;
    /// Sound levels right now in dBFS (0 is as loud as can be) of those that are connected. Asking makes them tell it
    /// for [`WATCHED`].
    fn levels(&self) -> Vec<(SatelliteId, f32)> {
        Vec::new()
    }
    fn found(&self) -> Vec<FoundSatellite>;
    /// The pairing under way, if there is one.
    fn pairing(&self) -> Option<Pairing>;
    /// Makes a one-time code to be typed at a satellite; a code that was there is burnt.
    fn begin_pairing(&self) -> Answer<'_, Pairing>;
    /// Pairs with a found satellite that showed, spoke or printed `code`.
    fn pair_found(&self, id: SatelliteId, code: String) -> Answer<'_, ()>;
    fn cancel_pairing(&self) -> Answer<'_, ()>;
    /// Never trusted again, at once, even while connected.
    fn revoke(&self, id: SatelliteId) -> Answer<'_, ()>;
    fn change(&self, id: SatelliteId, change: SatelliteChange) -> Answer<'_, ()>;
    fn update(&self, id: SatelliteId) -> Answer<'_, ()>;

    fn models(&self) -> Vec<Model>;
    /// Begins to fetch a model, and returns; [`Port::models`] says how far it is. Once it is whole it is used as the
    /// configuration says.
    fn pull(&self, model: String) -> Answer<'_, ()>;
    /// Stops fetching; what has arrived is kept.
    fn cancel_pull(&self, model: String) -> Answer<'_, ()>;
    /// Throws an installed model away; what was in use is replaced by what is left.
    fn remove_model(&self, model: String) -> Answer<'_, ()>;
    fn neighbours(&self) -> Vec<Neighbour>;
    fn health(&self) -> Health;

    /// Whether the configuration lets what is said go out over MQTT where nobody was recognised.
    fn words_leave(&self) -> bool {
        false
    }

    /// How `text`, said in `area`, would be understood.
    fn explain(&self, text: String, area: Option<Area>) -> Answer<'_, Explanation>;
    /// What the house would hear in `samples` (mono, 16 kHz) from a browser's microphone; kept nowhere.
    fn hear(&self, samples: Vec<i16>) -> Answer<'_, String>;

    /// The languages (BCP 47) in which the house understands, its own first.
    fn languages(&self) -> Vec<String> {
        Vec::new()
    }
    /// Whether this hub can tell voices apart.
    fn tells_voices(&self) -> bool {
        false
    }
    /// What a kept voice profile is like; `None` for one of another hub.
    fn voice(&self, profile: &[u8]) -> Option<Voice> {
        let _ = profile;
        None
    }
    /// Learns one more sentence (mono, 16 kHz) besides those of `profile`, which is empty at first. Keeps nothing.
    fn teach_voice(&self, profile: Vec<u8>, samples: Vec<i16>) -> Answer<'_, Taught> {
        drop((profile, samples));
        let why = "its speaker model is not installed; an administrator fetches it under House";
        Box::pin(std::future::ready(Err(PortError::NotHere(why.to_owned()))))
    }
}

/// A hub with nothing in it, for tests of the pages.
#[cfg(test)]
pub mod nobody {
    use super::*;

    pub struct Nobody;

    fn no<T: Send + 'static>() -> Answer<'static, T> {
        Box::pin(std::future::ready(Err(PortError::NotConnected)))
    }

    impl Port for Nobody {
        fn satellites(&self) -> Vec<Satellite> {
            Vec::new()
        }
        fn found(&self) -> Vec<FoundSatellite> {
            Vec::new()
        }
        fn pairing(&self) -> Option<Pairing> {
            None
        }
        fn begin_pairing(&self) -> Answer<'_, Pairing> {
            no()
        }
        fn pair_found(&self, _: SatelliteId, _: String) -> Answer<'_, ()> {
            no()
        }
        fn cancel_pairing(&self) -> Answer<'_, ()> {
            no()
        }
        fn revoke(&self, _: SatelliteId) -> Answer<'_, ()> {
            no()
        }
        fn change(&self, _: SatelliteId, _: SatelliteChange) -> Answer<'_, ()> {
            no()
        }
        fn update(&self, _: SatelliteId) -> Answer<'_, ()> {
            no()
        }
        fn models(&self) -> Vec<Model> {
            Vec::new()
        }
        fn pull(&self, _: String) -> Answer<'_, ()> {
            no()
        }
        fn cancel_pull(&self, _: String) -> Answer<'_, ()> {
            no()
        }
        fn remove_model(&self, _: String) -> Answer<'_, ()> {
            no()
        }
        fn neighbours(&self) -> Vec<Neighbour> {
            Vec::new()
        }
        fn health(&self) -> Health {
            Health::default()
        }
        fn explain(&self, _: String, _: Option<Area>) -> Answer<'_, Explanation> {
            no()
        }
        fn hear(&self, _: Vec<i16>) -> Answer<'_, String> {
            no()
        }
    }
}
