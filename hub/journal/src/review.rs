//! Review: what a person lets the household's reviewers hear, without saying whose it is.

use rusqlite::{Transaction, params};
use sotto_house::{PersonId, RecordingId};

use crate::codes::Id;
use crate::keys::{self, Binding, Public, Secret};
use crate::record::Owner;
use crate::store::StoreError;

/// Puts a new recording into the queue, if its owner opted in: a random number, and its key sealed to each reviewer.
pub(crate) fn queue(
    transaction: &Transaction<'_>,
    n: i64,
    owner: Owner,
    key: &Secret,
    recording: RecordingId,
) -> Result<(), StoreError> {
    let Owner::Person(person) = owner else { return Ok(()) };
    let consents: bool = transaction
        .prepare_cached("SELECT review FROM people WHERE person = ?1 AND gone IS NULL")?
        .query_row([Id::from(person)], |row| row.get(0))?;
    if !consents {
        return Ok(());
    }
    let reviewers: Vec<(PersonId, [u8; 32])> = transaction
        .prepare_cached("SELECT person, public FROM people WHERE reviewer AND gone IS NULL AND person <> ?1")?
        .query_map([Id::from(person)], |row| Ok((row.get::<_, Id>(0)?.person(), row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    if reviewers.is_empty() {
        return Ok(());
    }
    let clip = i64::from_le_bytes(keys::random()) & i64::MAX;
    transaction
        .prepare_cached("INSERT INTO clips (clip, n, owner) VALUES (?1, ?2, ?3)")?
        .execute(params![clip, n, Id::from(person)])?;
    for (reviewer, public) in reviewers {
        let public = Public::from_slice(&public).map_err(|_| StoreError::Damaged)?;
        let sealed = keys::seal(key, &public, &Binding { recording, owner: reviewer });
        transaction
            .prepare_cached("INSERT INTO review_seals (n, reviewer, sealed) VALUES (?1, ?2, ?3)")?
            .execute(params![n, Id::from(reviewer), sealed])?;
    }
    Ok(())
}

/// Empties the queue of `owner`'s clips and destroys the reviewers' seals to them.
pub(crate) fn withdraw(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<()> {
    transaction.execute(
        "DELETE FROM review_seals WHERE n IN (SELECT n FROM clips WHERE owner = ?1)",
        [Id::from(owner)],
    )?;
    transaction.execute("DELETE FROM clips WHERE owner = ?1", [Id::from(owner)])?;
    Ok(())
}
