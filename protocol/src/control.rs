//! The control stream: who the satellite is, how it is, and what the hub wants of it.

use bytes::Bytes;
use prost::Message as _;

use crate::decode::{DecodeError, Message, UtteranceId, fixed, id, list, text, unknown, within};
use crate::update::UpdateKey;
use crate::wire::{self, Capability, DismissReason, ErrorCode, Heartbeat, Level, OutcomeKind, Panel};
use crate::wire::{Settings, WatchLevel, to_hub, to_satellite};

/// Counts compatible additions inside `sotto/1`. The first is 1.
pub const VERSION: u32 = 1;

/// Longest name, area, hardware or wake word, in bytes.
const NAME: usize = 240;
/// Longest text for people, in bytes.
const TEXT: usize = 1000;
/// Most wake words of one satellite: a [`Hello`] with more is refused.
pub const WAKE_WORDS: usize = 32;

/// What a satellite says on the control stream.
#[derive(Debug, Clone, PartialEq)]
pub enum ToHub {
    /// First, once.
    Hello(Hello),
    Heartbeat(Heartbeat),
    /// After [`ToSatellite::WatchLevel`].
    Level(Level),
    Panel(Panel),
    HeldHead(JournalHead),
    Error(ProtocolError),
}

/// What the hub says on the control stream.
#[derive(Debug, Clone, PartialEq)]
pub enum ToSatellite {
    /// First, once.
    HelloAck(HelloAck),
    /// Packets 0 to `received - 1` have arrived.
    Ack {
        utterance: UtteranceId,
        received: u32,
    },
    /// Stop sending, erase what waits, stay silent.
    Dismiss {
        utterance: UtteranceId,
        reason: DismissReason,
    },
    Outcome(Outcome),
    Settings(Settings),
    /// Send no more of it; the outcome follows.
    Stop {
        utterance: UtteranceId,
    },
    KeepHead(JournalHead),
    Error(ProtocolError),
    WatchLevel(WatchLevel),
    /// Fetch the program that the hub has for you.
    FetchUpdate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    pub version: u32,
    pub satellite: String,
    pub name: String,
    pub area: String,
    pub capabilities: Vec<Capability>,
    pub hardware: String,
    pub software: String,
    pub wake_words: Vec<String>,
    /// Of its processor, in Rust's words; empty where its program cannot be replaced.
    pub architecture: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloAck {
    pub version: u32,
    pub hub: String,
    pub hub_name: String,
    /// This satellite's utterances that the hub remembers; one that is not here is unknown to it.
    pub utterances: Vec<KnownUtterance>,
    /// What this hub signs programs with; `None` from one that has none to give.
    pub update_key: Option<UpdateKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownUtterance {
    pub utterance: UtteranceId,
    /// Packets 0 to `received - 1` have arrived.
    pub received: u32,
    /// Its end has arrived too: nothing more is to be sent.
    pub ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub utterance: UtteranceId,
    pub kind: OutcomeKind,
    pub intent: Option<String>,
}

/// The head of the hub's chain of access records, kept by satellites as witnesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHead {
    pub sequence: u64,
    /// SHA-256 of the newest record.
    pub head: [u8; 32],
    /// Ed25519 over the above, by the journal's key.
    pub signature: [u8; 64],
    /// Unix time in milliseconds, by the hub's clock.
    pub at_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError {
    pub code: ErrorCode,
    /// For people.
    pub text: String,
}

impl Message for ToHub {
    const LIMIT: usize = 16 * 1024;

    fn encode(&self) -> Vec<u8> {
        use to_hub::Message::*;
        let message = match self.clone() {
            ToHub::Hello(hello) => Hello(wire::Hello {
                version: hello.version,
                satellite: hello.satellite,
                name: hello.name,
                area: hello.area,
                capabilities: hello.capabilities.into_iter().map(i32::from).collect(),
                hardware: hello.hardware,
                software: hello.software,
                wake_words: hello.wake_words,
                architecture: hello.architecture,
            }),
            ToHub::Heartbeat(heartbeat) => Heartbeat(heartbeat),
            ToHub::Level(level) => Level(level),
            ToHub::Panel(panel) => Panel(panel),
            ToHub::HeldHead(head) => HeldHead(head.into()),
            ToHub::Error(error) => Error(error.into()),
        };
        wire::ToHub { message: Some(message) }.encode_to_vec()
    }

    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        use to_hub::Message::*;
        let envelope = wire::ToHub::decode(bytes.clone()).map_err(|_| DecodeError::Malformed)?;
        Ok(match envelope.message.ok_or_else(|| unknown(&bytes))? {
            Hello(hello) => ToHub::Hello(hello.try_into()?),
            Heartbeat(heartbeat) if !(-200..=0).contains(&heartbeat.signal_dbm) => {
                return Err(DecodeError::Field { field: "signal", problem: "no level of a network" });
            }
            Heartbeat(heartbeat) => ToHub::Heartbeat(heartbeat),
            Level(level) => {
                within("dbfs", level.dbfs, -200.0, 20.0)?;
                ToHub::Level(level)
            }
            Panel(panel) => {
                within("volume", panel.volume, 0.0, 1.0)?;
                ToHub::Panel(panel)
            }
            HeldHead(head) => ToHub::HeldHead(head.try_into()?),
            Error(error) => ToHub::Error(error.try_into()?),
        })
    }
}

impl Message for ToSatellite {
    const LIMIT: usize = 16 * 1024;

    fn encode(&self) -> Vec<u8> {
        use to_satellite::Message::*;
        let message = match self.clone() {
            ToSatellite::HelloAck(ack) => HelloAck(wire::HelloAck {
                version: ack.version,
                hub: ack.hub,
                hub_name: ack.hub_name,
                utterances: ack.utterances.into_iter().map(wire::KnownUtterance::from).collect(),
                update_key: ack.update_key.map(UpdateKey::to_bytes).unwrap_or_default(),
            }),
            ToSatellite::Ack { utterance, received } => {
                Ack(wire::Ack { utterance: utterance.to_bytes(), received })
            }
            ToSatellite::Dismiss { utterance, reason } => {
                Dismiss(wire::Dismiss { utterance: utterance.to_bytes(), reason: reason.into() })
            }
            ToSatellite::Outcome(outcome) => Outcome(wire::Outcome {
                utterance: outcome.utterance.to_bytes(),
                kind: outcome.kind.into(),
                intent: outcome.intent.unwrap_or_default(),
            }),
            ToSatellite::Settings(settings) => Settings(settings),
            ToSatellite::Stop { utterance } => Stop(wire::Stop { utterance: utterance.to_bytes() }),
            ToSatellite::KeepHead(head) => KeepHead(head.into()),
            ToSatellite::Error(error) => Error(error.into()),
            ToSatellite::WatchLevel(watch) => WatchLevel(watch),
            ToSatellite::FetchUpdate => FetchUpdate(wire::FetchUpdate {}),
        };
        wire::ToSatellite { message: Some(message) }.encode_to_vec()
    }

    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        use to_satellite::Message::*;
        let envelope = wire::ToSatellite::decode(bytes.clone()).map_err(|_| DecodeError::Malformed)?;
        Ok(match envelope.message.ok_or_else(|| unknown(&bytes))? {
            HelloAck(ack) => ToSatellite::HelloAck(ack.try_into()?),
            Ack(ack) => {
                ToSatellite::Ack { utterance: UtteranceId::decode(&ack.utterance)?, received: ack.received }
            }
            Dismiss(dismiss) => ToSatellite::Dismiss {
                utterance: UtteranceId::decode(&dismiss.utterance)?,
                reason: dismiss.reason(),
            },
            Outcome(outcome) => ToSatellite::Outcome(crate::Outcome {
                utterance: UtteranceId::decode(&outcome.utterance)?,
                kind: outcome.kind(),
                intent: Some(text("intent", outcome.intent, NAME)?).filter(|intent| !intent.is_empty()),
            }),
            Settings(settings) => ToSatellite::Settings(check_settings(settings)?),
            Stop(stop) => ToSatellite::Stop { utterance: UtteranceId::decode(&stop.utterance)? },
            KeepHead(head) => ToSatellite::KeepHead(head.try_into()?),
            Error(error) => ToSatellite::Error(error.try_into()?),
            WatchLevel(watch) => ToSatellite::WatchLevel(watch),
            FetchUpdate(_) => ToSatellite::FetchUpdate,
        })
    }
}

impl TryFrom<wire::Hello> for Hello {
    type Error = DecodeError;

    fn try_from(hello: wire::Hello) -> Result<Self, DecodeError> {
        // A capability of a later version is one that this hub cannot use anyway.
        let capabilities = hello.capabilities().filter(|c| *c != Capability::Unspecified).collect();
        if hello.version == 0 {
            return Err(DecodeError::Missing { field: "version" });
        }
        Ok(Hello {
            version: hello.version,
            satellite: id("satellite", hello.satellite)?,
            name: text("name", hello.name, NAME)?,
            area: text("area", hello.area, NAME)?,
            capabilities: list("capabilities", capabilities, 32)?,
            hardware: text("hardware", hello.hardware, NAME)?,
            software: text("software", hello.software, NAME)?,
            wake_words: words(hello.wake_words)?,
            architecture: text("architecture", hello.architecture, 40)?,
        })
    }
}

impl TryFrom<wire::HelloAck> for HelloAck {
    type Error = DecodeError;

    fn try_from(ack: wire::HelloAck) -> Result<Self, DecodeError> {
        if ack.version == 0 {
            return Err(DecodeError::Missing { field: "version" });
        }
        Ok(HelloAck {
            version: ack.version,
            hub: id("hub", ack.hub)?,
            hub_name: text("hub name", ack.hub_name, NAME)?,
            utterances: ack.utterances.into_iter().map(KnownUtterance::try_from).collect::<Result<_, _>>()?,
            update_key: match ack.update_key.is_empty() {
                true => None,
                false => Some(UpdateKey::from_bytes(fixed("update key", &ack.update_key)?)),
            },
        })
    }
}

impl TryFrom<wire::KnownUtterance> for KnownUtterance {
    type Error = DecodeError;

    fn try_from(known: wire::KnownUtterance) -> Result<Self, DecodeError> {
        let utterance = UtteranceId::decode(&known.utterance)?;
        Ok(KnownUtterance { utterance, received: known.received, ended: known.ended })
    }
}

impl From<KnownUtterance> for wire::KnownUtterance {
    fn from(known: KnownUtterance) -> Self {
        wire::KnownUtterance {
            utterance: known.utterance.to_bytes(),
            received: known.received,
            ended: known.ended,
        }
    }
}

impl TryFrom<wire::JournalHead> for JournalHead {
    type Error = DecodeError;

    fn try_from(head: wire::JournalHead) -> Result<Self, DecodeError> {
        Ok(JournalHead {
            sequence: head.sequence,
            head: fixed("head", &head.head)?,
            signature: fixed("signature", &head.signature)?,
            at_ms: head.at_ms,
        })
    }
}

impl From<JournalHead> for wire::JournalHead {
    fn from(head: JournalHead) -> Self {
        wire::JournalHead {
            sequence: head.sequence,
            head: Bytes::copy_from_slice(&head.head),
            signature: Bytes::copy_from_slice(&head.signature),
            at_ms: head.at_ms,
        }
    }
}

impl TryFrom<wire::ProtocolError> for ProtocolError {
    type Error = DecodeError;

    fn try_from(error: wire::ProtocolError) -> Result<Self, DecodeError> {
        Ok(ProtocolError { code: error.code(), text: text("text", error.text, TEXT)? })
    }
}

impl From<ProtocolError> for wire::ProtocolError {
    fn from(error: ProtocolError) -> Self {
        wire::ProtocolError { code: error.code.into(), text: error.text }
    }
}

fn words(words: Vec<String>) -> Result<Vec<String>, DecodeError> {
    let words = list("wake words", words, WAKE_WORDS)?;
    words.into_iter().map(|word| text("wake word", word, NAME)).collect()
}

fn check_settings(settings: Settings) -> Result<Settings, DecodeError> {
    Ok(Settings {
        muted: settings.muted,
        volume: within("volume", settings.volume, 0.0, 1.0)?,
        sensitivity: within("sensitivity", settings.sensitivity, 0.0, 1.0)?,
        wake_words: words(settings.wake_words)?,
    })
}
