//! Checking that nobody has changed the access log, and that receipts are what the hub signed.
//!
//! The chain finds a changed or removed entry; the signed head, one that is missing at the end; a satellite's copy of
//! an earlier head, a log that was rewritten whole by somebody who holds the hub's key.

use ed25519_dalek::VerifyingKey;
use rusqlite::{OptionalExtension, Transaction};
use thiserror::Error;

use crate::Journal;
use crate::access::{self, entry_hash, read_record};
use crate::erase::read_receipt;
use crate::head::{Head, read_head};
use crate::store::StoreError;

/// A log in which everything is as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Entries of the access log.
    pub entries: u64,
    /// Receipts of erasures.
    pub receipts: u64,
    /// Heads kept elsewhere that were compared.
    pub witnesses: u64,
}

/// What is wrong with the log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    #[error("entry {seq} of the access log was changed, or one before it was removed")]
    Changed { seq: u64 },
    #[error("the access log ends at entry {found}, but entry {expected} was written: its end was removed")]
    Truncated { found: u64, expected: u64 },
    #[error("the access log's last signature is not this hub's; it was changed")]
    HeadForged,
    #[error("entry {seq} is not the one a satellite keeps the signature of: the log was rewritten")]
    Rewritten { seq: u64 },
    #[error("a head that was handed in is not signed by this hub; it belongs to another household")]
    ForeignWitness,
    #[error("the receipt of erasure {erasure} was changed")]
    Receipt { erasure: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for VerifyError {
    fn from(error: rusqlite::Error) -> Self {
        VerifyError::Store(error.into())
    }
}

impl Journal {
    /// Reads the whole log, and compares it with the heads that satellites have kept.
    pub fn verify(&self, witnesses: &[Head]) -> Result<Verified, VerifyError> {
        let key = self.public_key();
        if witnesses.iter().any(|witness| !witness.is_signed_by(&key)) {
            return Err(VerifyError::ForeignWitness);
        }
        self.store().read(|transaction| {
            let entries = verify_chain(transaction, &key, witnesses)?;
            let receipts = verify_receipts(transaction, &key)?;
            Ok(Verified { entries, receipts, witnesses: witnesses.len() as u64 })
        })
    }

    /// Whether the log still has the entry that a satellite keeps the signature of. Quick; whether everything before it
    /// is as it was written, [`Self::verify`] says.
    pub fn attest(&self, witness: &Head) -> Result<(), VerifyError> {
        if !witness.is_signed_by(&self.public_key()) {
            return Err(VerifyError::ForeignWitness);
        }
        self.store().read(|transaction| {
            let found = |seq: i64| {
                let hash =
                    transaction.query_row("SELECT hash FROM access WHERE seq = ?1", [seq], |row| row.get(0));
                hash.optional()
            };
            let last = "SELECT coalesce(max(seq), 0) FROM access";
            let last = transaction.query_row(last, [], |row| row.get::<_, i64>(0))? as u64;
            match i64::try_from(witness.seq).map(found) {
                Ok(Ok(Some(hash))) if witness.hash == hash => Ok(()),
                Ok(Ok(Some::<[u8; 32]>(_))) => Err(VerifyError::Rewritten { seq: witness.seq }),
                Ok(Err(error)) => Err(error.into()),
                _ => Err(VerifyError::Truncated { found: last, expected: witness.seq }),
            }
        })
    }
}

fn verify_chain(
    transaction: &Transaction<'_>,
    key: &VerifyingKey,
    witnesses: &[Head],
) -> Result<u64, VerifyError> {
    let mut statement = transaction.prepare(
        "SELECT seq, at, actor, act, why, subject, recordings, count, hash FROM access ORDER BY seq",
    )?;
    let mut rows = statement.query([])?;
    let mut before = [0; 32];
    let mut seq = 0;
    while let Some(row) = rows.next()? {
        seq += 1;
        // A number that no version writes is a change like any other.
        let record = read_record(row).map_err(|_| VerifyError::Changed { seq })?;
        let hash: [u8; 32] = row.get(8).map_err(|_| VerifyError::Changed { seq })?;
        let recordings: Vec<u8> = row.get(6)?;
        let access::AccessRecord { at, actor, act, why, subject, count, .. } = record;
        let at = at.as_millisecond();
        let expected = entry_hash(&before, seq as i64, at, actor, act, why, subject, &recordings, count);
        if record.seq != seq || hash != expected {
            return Err(VerifyError::Changed { seq });
        }
        for witness in witnesses.iter().filter(|witness| witness.seq == seq) {
            if witness.hash != hash {
                return Err(VerifyError::Rewritten { seq });
            }
        }
        before = hash;
    }
    let head = read_head(transaction)?;
    let last = witnesses.iter().chain(&head).map(|head| head.seq).max().unwrap_or(0);
    if last > seq {
        return Err(VerifyError::Truncated { found: seq, expected: last });
    }
    match head {
        None if seq == 0 => {}
        Some(head) if head.is_signed_by(key) && head.seq == seq && head.hash == before => {}
        _ => return Err(VerifyError::HeadForged),
    }
    Ok(seq)
}

fn verify_receipts(transaction: &Transaction<'_>, key: &VerifyingKey) -> Result<u64, VerifyError> {
    let mut statement = transaction
        .prepare("SELECT erasure, at, actor, what, count, signature FROM erasures ORDER BY erasure")?;
    let mut rows = statement.query([])?;
    let mut receipts = 0;
    while let Some(row) = rows.next()? {
        let erasure = row.get::<_, i64>(0)? as u64;
        let receipt = read_receipt(row).map_err(|_| VerifyError::Receipt { erasure })?;
        if !receipt.is_signed_by(&key.to_bytes()) {
            return Err(VerifyError::Receipt { erasure });
        }
        receipts += 1;
    }
    Ok(receipts)
}
