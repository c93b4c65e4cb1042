//! Searching one's own words, which only exist opened in memory, while one is signed in.
//!
//! `sealed words → opened once per sign-in → looked through`. The first search opens every recording's words; later
//! ones only what came since. Opening a seal to a public key is what costs (a curve multiplication), so the keys met
//! for the first time are put under the owner's own symmetric key as they go by. Deliberately absent: an index on the
//! disk, which would be a second copy of everything said.

use jiff::Timestamp;
use rusqlite::params;
use zeroize::Zeroizing;

use crate::Journal;
use crate::access::Note;
use crate::acts::{Act, Actor, Purpose};
use crate::codes::Id;
use crate::history::{Cursor, ReadError};
use crate::keys::{self, Binding, Kind, Secret};
use crate::people::require_active;
use crate::person::Person;
use crate::record::{Form, Owner};
use crate::store::{Lasting, StoreError, lock};
use crate::vault::{self, Locked, Opening};
use crate::words::Words;

/// What a person has opened since they signed in: per owner, everything up to recording number `up_to`.
#[derive(Default)]
pub(crate) struct Remembered(Vec<Shelf>);

struct Shelf {
    owner: Owner,
    up_to: i64,
    items: Vec<(Cursor, Zeroizing<String>)>,
}

/// Recordings opened at a time: bounds what is held twice.
const BATCH: usize = 2000;

impl Journal {
    /// Where in `owners`' recordings each of the blank-separated words is, newest first.
    pub(crate) fn search(
        &self,
        who: &Person,
        owners: &[Owner],
        words: &str,
        why: Purpose,
        now: Timestamp,
    ) -> Result<Vec<Cursor>, ReadError> {
        let wanted: Vec<Zeroizing<String>> =
            words.split_whitespace().map(|word| Zeroizing::new(word.to_lowercase())).collect();
        let mut remembered = lock(&who.remembered);
        let mut hits = Vec::new();
        for owner in owners {
            let Some(secret) = who.secret_of(*owner) else { continue };
            let at = match remembered.0.iter().position(|shelf| shelf.owner == *owner) {
                Some(at) => at,
                None => {
                    remembered.0.push(Shelf { owner: *owner, up_to: 0, items: Vec::new() });
                    remembered.0.len() - 1
                }
            };
            let shelf = &mut remembered.0[at];
            self.search_shelf(who, secret, shelf, &wanted, why, now, &mut hits)?;
        }
        hits.sort_by_key(|hit: &Cursor| std::cmp::Reverse((hit.at, hit.n)));
        Ok(hits)
    }

    #[expect(clippy::too_many_arguments, reason = "one search, in its parts")]
    fn search_shelf(
        &self,
        who: &Person,
        secret: &Secret,
        shelf: &mut Shelf,
        wanted: &[Zeroizing<String>],
        why: Purpose,
        now: Timestamp,
        hits: &mut Vec<Cursor>,
    ) -> Result<(), ReadError> {
        let count = self.store().read(|transaction| -> Result<u64, ReadError> {
            require_active(transaction, who.id())?;
            Ok(transaction
                .prepare_cached("SELECT count(*) FROM seals WHERE owner = ?1")?
                .query_row([Id::from(shelf.owner)], |row| row.get::<_, i64>(0))? as u64)
        })?;
        let note = Note::counted(now, Actor::Person(who.id()), Act::Searched, why, shelf.owner, count);
        let opening = Opening::spend(self.grant_all(note).map_err(ReadError::NotRecorded)?);
        self.forget_erased(shelf)?;
        let own_key = vault::own_key(secret);
        loop {
            let pieces = self.store().read(|transaction| -> Result<Vec<(i64, Locked)>, StoreError> {
                fetch_after(transaction, shelf.owner, shelf.up_to)
            })?;
            let Some((_, last)) = pieces.last() else { break };
            shelf.up_to = last.n;
            let mut met = Vec::new();
            for (at, piece) in &pieces {
                let plain = opening.open(piece, |piece| {
                    let key = vault::open_key(secret, piece)?;
                    if piece.form == Form::ToPublicKey as i64 {
                        met.push((piece.n, keys::wrap(&key, &own_key, &piece.binding)));
                    }
                    Ok(key)
                });
                if let Some(words) = plain.ok().and_then(|plain| Words::from_bytes(&plain)) {
                    shelf.items.push((Cursor { at: *at, n: piece.n }, words.searchable()));
                }
            }
            self.take_over_seals(shelf.owner, &met)?;
        }
        let fits = |text: &str| wanted.iter().all(|word| text.contains(word.as_str()));
        hits.extend(shelf.items.iter().filter(|(_, text)| fits(text)).map(|(cursor, _)| *cursor));
        Ok(())
    }

    /// What was erased since the last search is wiped from memory too.
    fn forget_erased(&self, shelf: &mut Shelf) -> Result<(), ReadError> {
        if shelf.items.is_empty() {
            return Ok(());
        }
        let alive: Vec<i64> = self.store().read(|transaction| -> Result<_, ReadError> {
            let mut statement =
                transaction.prepare_cached("SELECT n FROM seals WHERE owner = ?1 AND n <= ?2 ORDER BY n")?;
            let numbers =
                statement.query_map(params![Id::from(shelf.owner), shelf.up_to], |row| row.get(0))?;
            Ok(numbers.collect::<Result<_, _>>()?)
        })?;
        shelf.items.retain(|(cursor, _)| alive.binary_search(&cursor.n).is_ok());
        Ok(())
    }

    /// Puts keys that are still sealed to the public key under the owner's own key: the same secret opens both.
    fn take_over_seals(&self, owner: Owner, wrapped: &[(i64, Vec<u8>)]) -> Result<(), ReadError> {
        if wrapped.is_empty() {
            return Ok(());
        }
        self.store().write(Lasting::Process, |transaction| -> Result<(), ReadError> {
            let mut statement = transaction
                .prepare_cached("UPDATE seals SET form = ?3, sealed = ?4 WHERE owner = ?1 AND n = ?2")?;
            for (n, sealed) in wrapped {
                statement.execute(params![Id::from(owner), n, Form::UnderOwnKey as i64, sealed])?;
            }
            Ok(())
        })
    }
}

fn fetch_after(
    transaction: &rusqlite::Transaction<'_>,
    owner: Owner,
    after: i64,
) -> Result<Vec<(i64, Locked)>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT seals.n, recordings.recording, seals.form, seals.sealed, words.sealed, recordings.at
         FROM seals JOIN recordings USING (n) JOIN words USING (n)
         WHERE seals.owner = ?1 AND seals.n > ?2 ORDER BY seals.n LIMIT ?3",
    )?;
    let pieces = statement.query_map(params![Id::from(owner), after, BATCH as i64], |row| {
        let piece = Locked {
            n: row.get(0)?,
            binding: Binding { recording: row.get::<_, Id>(1)?.recording(), owner: owner.id() },
            kind: Kind::Words,
            form: row.get(2)?,
            seal: row.get(3)?,
            sealed: row.get(4)?,
        };
        Ok((row.get(5)?, piece))
    })?;
    Ok(pieces.collect::<Result<_, _>>()?)
}
