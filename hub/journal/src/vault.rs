//! The only place where a recording is decrypted. It costs a [`Grant`], and a grant costs an access record.
//!
//! `Grant + secret + Locked → plain`. Deliberately absent: a second function that does it.

use rusqlite::{Transaction, params};
use zeroize::Zeroizing;

use crate::access::Grant;
use crate::codes::Id;
use crate::keys::{self, Binding, Broken, Kind, Secret};
use crate::record::{Form, Owner};

/// A sealed piece of a recording, with the seal of its key.
pub(crate) struct Locked {
    pub(crate) n: i64,
    pub(crate) binding: Binding,
    pub(crate) kind: Kind,
    pub(crate) form: i64,
    pub(crate) seal: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

/// An opened piece; wiped on drop.
pub(crate) type Plain = Zeroizing<Vec<u8>>;

/// Spends the grant and opens each piece that it covers, in order. A piece that was tampered with, that the secret
/// does not open or that the access record does not name is `Broken`.
pub(crate) fn open(grant: Grant, secret: &Secret, pieces: &[Locked]) -> Vec<Result<Plain, Broken>> {
    let opening = Opening::spend(grant);
    pieces.iter().map(|piece| opening.open(piece, |piece| open_key(secret, piece))).collect()
}

/// What a spent grant allows, for those who fetch the pieces of one access record bit by bit.
pub(crate) struct Opening(Grant);

impl Opening {
    pub(crate) fn spend(grant: Grant) -> Self {
        Opening(grant)
    }

    /// Opens one piece that the grant covers, by the key that `key` finds for it.
    pub(crate) fn open(
        &self,
        piece: &Locked,
        key: impl FnOnce(&Locked) -> Result<Secret, Broken>,
    ) -> Result<Plain, Broken> {
        let owner = Owner::from_id(piece.binding.owner);
        if !self.0.covers(owner, piece.binding.recording) {
            return Err(Broken);
        }
        keys::unlock(&piece.sealed, &key(piece)?, &piece.binding, piece.kind)
    }

    /// Opens the words of many of `owner`'s recordings together, if the grant covers them all.
    pub(crate) fn open_shelf(
        &self,
        sealed: &[u8],
        owner: Owner,
        binding: &Binding,
        key: impl FnOnce() -> Result<Secret, Broken>,
    ) -> Result<Plain, Broken> {
        if !self.0.covers_all(owner) {
            return Err(Broken);
        }
        keys::unlock(sealed, &key()?, binding, Kind::Shelf)
    }
}

/// A recording's key. Alone it opens nothing that has not been fetched, and fetching what it opens needs a grant.
pub(crate) fn open_key(secret: &Secret, piece: &Locked) -> Result<Secret, Broken> {
    match piece.form {
        form if form == Form::ToPublicKey as i64 => keys::open_seal(&piece.seal, secret, &piece.binding),
        form if form == Form::UnderOwnKey as i64 => {
            keys::unwrap(&piece.seal, &own_key(secret), &piece.binding)
        }
        _ => Err(Broken),
    }
}

/// The symmetric key under which an owner keeps the keys of what they have opened once.
pub(crate) fn own_key(secret: &Secret) -> Secret {
    secret.derive(b"own key")
}

/// The table in which pieces of a kind are.
pub(crate) fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "sounds",
        Kind::Correction => "corrections",
        // A key is a seal and a shelf has no recording, so neither is fetched as a piece; words are what nearly every
        // page asks for.
        Kind::Words | Kind::Key | Kind::Shelf => "words",
    }
}

/// The sealed pieces of one kind of one owner's recordings `numbers`, in that order; what is not there is left out.
pub(crate) fn fetch(
    transaction: &Transaction<'_>,
    owner: Owner,
    kind: Kind,
    numbers: &[i64],
) -> rusqlite::Result<Vec<Locked>> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT recordings.n, recordings.recording, seals.form, seals.sealed, piece.sealed
         FROM recordings JOIN seals ON seals.owner = recordings.owner AND seals.n = recordings.n
         JOIN {} AS piece ON piece.n = recordings.n
         WHERE recordings.n = ?1 AND recordings.owner = ?2",
        table(kind)
    ))?;
    let mut pieces = Vec::with_capacity(numbers.len());
    for n in numbers {
        let rows = statement.query_map(params![n, Id::from(owner)], |row| {
            Ok(Locked {
                n: row.get(0)?,
                binding: Binding { recording: row.get::<_, Id>(1)?.recording(), owner: owner.id() },
                kind,
                form: row.get(2)?,
                seal: row.get(3)?,
                sealed: row.get(4)?,
            })
        })?;
        for piece in rows {
            pieces.push(piece?);
        }
    }
    Ok(pieces)
}
