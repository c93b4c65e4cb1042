//! What travels on a stream of its own: an utterance to the hub, a spoken reply to the satellite.
//!
//! `header, packet, packet, …, end`, in that order; a stream that stops without an end was interrupted.

use bytes::Bytes;
use prost::Message as _;

use crate::audio::{Packet, codec};
use crate::decode::{DecodeError, Message, UtteranceId, text, unknown, within};
use crate::wire::{self, EndReason, ReplyPurpose, reply, speech, utterance_header};

/// Satellite to hub.
#[derive(Debug, Clone, PartialEq)]
pub enum Speech {
    Header(UtteranceHeader),
    Packet { sequence: u32, packet: Packet },
    End { reason: EndReason, packets: u32 },
}

/// Hub to satellite.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Header(ReplyHeader),
    Packet { sequence: u32, packet: Packet },
    End { packets: u32 },
}

#[derive(Debug, Clone, PartialEq)]
pub struct UtteranceHeader {
    pub utterance: UtteranceId,
    pub trigger: Trigger,
    /// Root mean square of the trigger, in decibels below full scale.
    pub level_dbfs: f32,
    /// The first so many packets were heard before the trigger.
    pub preroll_packets: u32,
    /// BCP 47, as the satellite is set; `None` leaves it to the hub.
    pub language: Option<String>,
    /// From the trigger to the writing of this header, in milliseconds: satellites need no clock.
    pub age_ms: u32,
    /// Sequence number of the first packet on this stream: 0, or where a resumed utterance goes on.
    pub first_packet: u32,
}

/// What opened an utterance.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    WakeWord {
        word: String,
        /// Of the detection, 0 to 1.
        score: f32,
        /// By how much more readily than the hub asked the satellite listens for this word, -1 to 1.
        readier: f32,
    },
    Speech,
    PushToTalk,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReplyHeader {
    pub purpose: ReplyPurpose,
    /// 0 to 1, times the satellite's own.
    pub volume: f32,
    /// What it answers.
    pub utterance: Option<UtteranceId>,
}

impl Message for Speech {
    const LIMIT: usize = 2048;

    fn encode(&self) -> Vec<u8> {
        use speech::Message::*;
        let message = match self.clone() {
            Speech::Header(header) => Header(header.into()),
            Speech::Packet { sequence, packet } => {
                Packet(wire::AudioPacket { sequence, opus: packet.into_bytes() })
            }
            Speech::End { reason, packets } => End(wire::UtteranceEnd { reason: reason.into(), packets }),
        };
        wire::Speech { message: Some(message) }.encode_to_vec()
    }

    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        use speech::Message::*;
        let envelope = wire::Speech::decode(bytes.clone()).map_err(|_| DecodeError::Malformed)?;
        Ok(match envelope.message.ok_or_else(|| unknown(&bytes))? {
            Header(header) => Speech::Header(header.try_into()?),
            Packet(packet) => Speech::Packet { sequence: packet.sequence, packet: audio(packet.opus)? },
            End(end) => Speech::End { reason: end.reason(), packets: end.packets },
        })
    }
}

impl Message for Reply {
    const LIMIT: usize = 2048;

    fn encode(&self) -> Vec<u8> {
        use reply::Message::*;
        let message = match self.clone() {
            Reply::Header(header) => Header(wire::ReplyHeader {
                purpose: header.purpose.into(),
                volume: header.volume,
                utterance: header.utterance.map(UtteranceId::to_bytes).unwrap_or_default(),
                codec: Some(codec()),
            }),
            Reply::Packet { sequence, packet } => {
                Packet(wire::AudioPacket { sequence, opus: packet.into_bytes() })
            }
            Reply::End { packets } => End(wire::ReplyEnd { packets }),
        };
        wire::Reply { message: Some(message) }.encode_to_vec()
    }

    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        use reply::Message::*;
        let envelope = wire::Reply::decode(bytes.clone()).map_err(|_| DecodeError::Malformed)?;
        Ok(match envelope.message.ok_or_else(|| unknown(&bytes))? {
            Header(header) => {
                check_codec(header.codec)?;
                let answers = Some(&header.utterance).filter(|bytes| !bytes.is_empty());
                Reply::Header(ReplyHeader {
                    purpose: header.purpose(),
                    volume: within("volume", header.volume, 0.0, 1.0)?,
                    utterance: answers.map(|bytes| UtteranceId::decode(bytes)).transpose()?,
                })
            }
            Packet(packet) => Reply::Packet { sequence: packet.sequence, packet: audio(packet.opus)? },
            End(end) => Reply::End { packets: end.packets },
        })
    }
}

impl From<UtteranceHeader> for wire::UtteranceHeader {
    fn from(header: UtteranceHeader) -> Self {
        use utterance_header::Trigger::*;
        wire::UtteranceHeader {
            utterance: header.utterance.to_bytes(),
            trigger: Some(match header.trigger {
                Trigger::WakeWord { word, score, readier } => {
                    WakeWord(wire::WakeWord { word, score, readier })
                }
                Trigger::Speech => Speech(wire::SpeechStart {}),
                Trigger::PushToTalk => PushToTalk(wire::PushToTalk {}),
            }),
            level_dbfs: header.level_dbfs,
            codec: Some(codec()),
            preroll_packets: header.preroll_packets,
            language: header.language.unwrap_or_default(),
            age_ms: header.age_ms,
            first_packet: header.first_packet,
        }
    }
}

impl TryFrom<wire::UtteranceHeader> for UtteranceHeader {
    type Error = DecodeError;

    fn try_from(header: wire::UtteranceHeader) -> Result<Self, DecodeError> {
        use utterance_header::Trigger::*;
        check_codec(header.codec)?;
        let trigger = match header.trigger.ok_or(DecodeError::Missing { field: "trigger" })? {
            WakeWord(wake) => Trigger::WakeWord {
                word: text("wake word", wake.word, 240)?,
                score: within("score", wake.score, 0.0, 1.0)?,
                readier: within("readier", wake.readier, -1.0, 1.0)?,
            },
            Speech(_) => Trigger::Speech,
            PushToTalk(_) => Trigger::PushToTalk,
        };
        Ok(UtteranceHeader {
            utterance: UtteranceId::decode(&header.utterance)?,
            trigger,
            level_dbfs: within("level", header.level_dbfs, -200.0, 20.0)?,
            preroll_packets: header.preroll_packets,
            language: Some(text("language", header.language, 40)?).filter(|language| !language.is_empty()),
            age_ms: header.age_ms,
            first_packet: header.first_packet,
        })
    }
}

fn check_codec(given: Option<wire::Codec>) -> Result<(), DecodeError> {
    let given = given.ok_or(DecodeError::Missing { field: "codec" })?;
    if given == codec() { Ok(()) } else { Err(DecodeError::Audio) }
}

fn audio(opus: Bytes) -> Result<Packet, DecodeError> {
    Packet::new(opus).map_err(|_| DecodeError::Audio)
}
