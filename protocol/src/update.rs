//! Another program for a satellite: what its hub offers, and the signature under it.
//!
//! `Ask →, ← Offer, ← Piece, ← Piece …`, or `← Nothing`. Deliberately absent: files, and what becomes of the program.

use std::io::{self, Read};

use bytes::Bytes;
use prost::Message as _;
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::decode::{DecodeError, Message, fixed, text, unknown};
use crate::wire::{self, update};

/// Most bytes of a program.
pub const PROGRAM_LIMIT: u64 = 64 * 1024 * 1024;

/// Most bytes of a piece.
pub const PIECE: usize = 16 * 1024;

/// What a hub signs programs with (Ed25519).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateKey([u8; 32]);

impl UpdateKey {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        UpdateKey(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }

    /// Whether whoever has this key's other half signed `program`.
    pub fn signed(&self, program: &Program, signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(&program.signed(), &signature.0).is_ok()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// A program, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Of the processor that it is for, in Rust's words: `aarch64`, `x86_64`.
    pub architecture: String,
    pub version: String,
    /// In bytes.
    pub size: u64,
    pub sha256: [u8; 32],
}

impl Program {
    /// The program whose bytes `read` gives.
    pub fn read(architecture: &str, version: &str, mut read: impl Read) -> io::Result<Program> {
        let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
        loop {
            match read.read(&mut piece)? {
                0 => break,
                count => {
                    hash.update(&piece[..count]);
                    size += count as u64;
                }
            }
        }
        let sha256 = hash.finalize().into();
        Ok(Program { architecture: architecture.to_owned(), version: version.to_owned(), size, sha256 })
    }

    /// What is signed: each part with its length before it (8 bytes, little-endian), so that none can pass for another.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let size = self.size.to_le_bytes();
        let parts: [&[u8]; 5] =
            [b"sotto-update/1", self.architecture.as_bytes(), self.version.as_bytes(), &size, &self.sha256];
        let with_length = |part: &[u8]| [&(part.len() as u64).to_le_bytes(), part].concat();
        parts.into_iter().flat_map(with_length).collect()
    }
}

/// Both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// From the satellite: what it is, and what runs there.
    Ask {
        architecture: String,
        software: String,
    },
    /// From the hub, for the architecture that was asked for; its bytes follow.
    Offer {
        version: String,
        size: u64,
        sha256: [u8; 32],
        signature: Signature,
    },
    Piece(Bytes),
    /// There is no other.
    Nothing,
}

impl Message for Update {
    const LIMIT: usize = PIECE + 1024;

    fn encode(&self) -> Vec<u8> {
        use update::Message::*;
        let message = match self.clone() {
            Update::Ask { architecture, software } => Ask(wire::UpdateAsk { architecture, software }),
            Update::Offer { version, size, sha256, signature } => Offer(wire::UpdateOffer {
                version,
                size,
                sha256: Bytes::copy_from_slice(&sha256),
                signature: Bytes::copy_from_slice(&signature.0),
            }),
            Update::Piece(bytes) => Piece(wire::UpdatePiece { bytes }),
            Update::Nothing => Nothing(wire::UpdateNothing {}),
        };
        wire::Update { message: Some(message) }.encode_to_vec()
    }

    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        use update::Message::*;
        let envelope = wire::Update::decode(bytes.clone()).map_err(|_| DecodeError::Malformed)?;
        Ok(match envelope.message.ok_or_else(|| unknown(&bytes))? {
            Ask(ask) => Update::Ask {
                architecture: text("architecture", ask.architecture, 40)?,
                software: text("software", ask.software, 240)?,
            },
            Offer(offer) => {
                if offer.size > PROGRAM_LIMIT {
                    return Err(DecodeError::Field { field: "size", problem: "too much for a program" });
                }
                Update::Offer {
                    version: text("version", offer.version, 240)?,
                    size: offer.size,
                    sha256: fixed("sha256", &offer.sha256)?,
                    signature: Signature(fixed("signature", &offer.signature)?),
                }
            }
            Piece(piece) if piece.bytes.len() > PIECE => {
                return Err(DecodeError::Field { field: "piece", problem: "too long" });
            }
            Piece(piece) => Update::Piece(piece.bytes),
            Nothing(_) => Update::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    #[test]
    fn a_signature_is_for_one_program_by_one_hub() {
        let (hub, other) = (Identity::fleeting().unwrap(), Identity::fleeting().unwrap());
        let program =
            Program { architecture: "aarch64".into(), version: "0.2.0".into(), size: 7, sha256: [3; 32] };
        let signature = hub.sign_program(&program);
        assert!(hub.update_key().signed(&program, &signature));
        assert!(!other.update_key().signed(&program, &signature));
        for changed in [
            Program { architecture: "x86_64".into(), ..program.clone() },
            Program { version: "0.2.1".into(), ..program.clone() },
            // The same characters, cut elsewhere.
            Program { architecture: "aarch640".into(), version: ".2.0".into(), ..program.clone() },
            Program { size: 8, ..program.clone() },
            Program { sha256: [4; 32], ..program.clone() },
        ] {
            assert!(!hub.update_key().signed(&changed, &signature), "{changed:?}");
        }
    }
}
