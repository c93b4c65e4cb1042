//! The messages of pairing. What is in them is made and checked in `secret`.

use bytes::Bytes;
use prost::Message as _;

use crate::decode::{DecodeError, Message, fixed, id, text, unknown};
use crate::wire::{self, RefusedReason, pairing};

/// Who is being paired. A hub has no area.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peer {
    pub id: String,
    pub name: String,
    pub area: String,
    pub hardware: String,
}

/// Both directions: `Start →, ← Answer, Confirm →, ← Confirm`, or `← Refused` instead of either answer.
#[derive(Clone, PartialEq, Eq)]
pub enum Pairing {
    /// From whoever was given the code, and therefore dials.
    Start {
        version: u32,
        pake: [u8; 33],
        peer: Peer,
    },
    Answer {
        pake: [u8; 33],
        peer: Peer,
    },
    Confirm {
        mac: [u8; 32],
    },
    Refused(RefusedReason),
}

impl Message for Pairing {
    const LIMIT: usize = 2048;

    fn encode(&self) -> Vec<u8> {
        use pairing::Message::*;
        let message = match self.clone() {
            Pairing::Start { version, pake, peer } => Start(wire::PairStart {
                version,
                pake: Bytes::copy_from_slice(&pake),
                peer: Some(peer.into()),
            }),
            Pairing::Answer { pake, peer } => {
                Answer(wire::PairAnswer { pake: Bytes::copy_from_slice(&pake), peer: Some(peer.into()) })
            }
            Pairing::Confirm { mac } => Confirm(wire::PairConfirm { mac: Bytes::copy_from_slice(&mac) }),
            Pairing::Refused(reason) => Refused(wire::PairRefused { reason: reason.into() }),
        };
        wire::Pairing { message: Some(message) }.encode_to_vec()
    }

    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        use pairing::Message::*;
        let envelope = wire::Pairing::decode(bytes.clone()).map_err(|_| DecodeError::Malformed)?;
        Ok(match envelope.message.ok_or_else(|| unknown(&bytes))? {
            Start(start) => Pairing::Start {
                version: start.version,
                pake: fixed("pake", &start.pake)?,
                peer: start.peer.try_into()?,
            },
            Answer(answer) => {
                Pairing::Answer { pake: fixed("pake", &answer.pake)?, peer: answer.peer.try_into()? }
            }
            Confirm(confirm) => Pairing::Confirm { mac: fixed("mac", &confirm.mac)? },
            Refused(refused) => Pairing::Refused(refused.reason()),
        })
    }
}

impl From<Peer> for wire::Peer {
    fn from(peer: Peer) -> Self {
        wire::Peer { id: peer.id, name: peer.name, area: peer.area, hardware: peer.hardware }
    }
}

impl TryFrom<Option<wire::Peer>> for Peer {
    type Error = DecodeError;

    fn try_from(peer: Option<wire::Peer>) -> Result<Self, DecodeError> {
        let peer = peer.ok_or(DecodeError::Missing { field: "peer" })?;
        Ok(Peer {
            id: id("id", peer.id)?,
            name: text("name", peer.name, 240)?,
            area: text("area", peer.area, 240)?,
            hardware: text("hardware", peer.hardware, 240)?,
        })
    }
}
