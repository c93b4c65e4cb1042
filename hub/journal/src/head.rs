//! The signed end of the access log, which satellites keep as witnesses.

use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};

use crate::{keys, timestamp};

/// The end of the log at one moment, signed by the hub: what a satellite keeps as a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub seq: u64,
    pub hash: [u8; 32],
    pub at: Timestamp,
    pub signature: [u8; 64],
}

impl Head {
    /// Bytes of a head on the wire.
    pub const BYTES: usize = 8 + 32 + 8 + 64;

    /// `seq ‖ hash ‖ at (ms) ‖ signature`, little endian.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.seq.to_le_bytes());
        bytes[8..40].copy_from_slice(&self.hash);
        bytes[40..48].copy_from_slice(&self.at.as_millisecond().to_le_bytes());
        bytes[48..].copy_from_slice(&self.signature);
        bytes
    }

    /// `None` for another length or an impossible time. The signature is checked by [`Journal::verify`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let (seq, rest) = bytes.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<32>()?;
        let (at, signature) = rest.split_first_chunk::<8>()?;
        Some(Head {
            seq: u64::from_le_bytes(*seq),
            hash: *hash,
            at: Timestamp::from_millisecond(i64::from_le_bytes(*at)).ok()?,
            signature: signature.try_into().ok()?,
        })
    }

    pub(crate) fn message(seq: u64, hash: &[u8; 32], at: i64) -> [u8; 32] {
        keys::digest(&[b"access log head", &seq.to_le_bytes(), hash, &at.to_le_bytes()])
    }

    pub(crate) fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let message = Head::message(self.seq, &self.hash, self.at.as_millisecond());
        key.verify(&message, &Signature::from_bytes(&self.signature)).is_ok()
    }
}

pub(crate) fn read_head(transaction: &Transaction<'_>) -> rusqlite::Result<Option<Head>> {
    transaction
        .query_row("SELECT seq, hash, at, signature FROM head", [], |row| {
            Ok(Head {
                seq: row.get::<_, i64>(0)? as u64,
                hash: row.get(1)?,
                at: timestamp(row.get(2)?),
                signature: row.get(3)?,
            })
        })
        .optional()
}
