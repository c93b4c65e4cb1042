//! Searching one's own words, which only exist opened in memory, while one is signed in.
//!
//! `sealed words → shelves → looked through`. The first search after signing in opens the shelves and what is on none
//! yet; later ones only what came since. Opening a seal to a public key is what costs (a curve multiplication), so the
//! keys met for the first time are put under the owner's own symmetric key as they go by. Deliberately absent: an index
//! on the disk that anybody but the owner could read.

use jiff::Timestamp;
use memchr::memmem::Finder;
use rusqlite::{Transaction, params};
use zeroize::Zeroizing;

use crate::Journal;
use crate::access::Note;
use crate::acts::{Act, Actor, Purpose};
use crate::codes::Id;
use crate::export::Progress;
use crate::history::{Cursor, ReadError};
use crate::keys::{self, Binding, Kind, Secret};
use crate::people::require_active;
use crate::person::Person;
use crate::record::{Form, Owner};
use crate::shelf::{self, Shelf};
use crate::store::{Lasting, StoreError, lock};
use crate::vault::{self, Locked, Opening};
use crate::words::Words;

/// What a person has opened since they signed in, for each owner.
#[derive(Default)]
pub(crate) struct Remembered(Vec<Library>);

/// Everything of one owner up to a recording number.
struct Library {
    owner: Owner,
    up_to: i64,
    shelves: Vec<Shelf>,
}

/// Recordings opened at a time: bounds what is held twice.
const BATCH: usize = 2 * shelf::FULL;
/// Fewer than this, in a place where a shelf was taken away, are not worth another.
const FEW: usize = if cfg!(test) { 2 } else { 64 };
/// Pieces that are worth a thread of their own.
const SHARE: usize = 64;

/// A recording's words as a search looks at them, and its key under the owner's own if that is new.
type Opened = (Zeroizing<String>, Option<Vec<u8>>);

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
        let words = Zeroizing::new(words.to_lowercase());
        let wanted: Vec<Finder<'_>> = words.split_whitespace().map(Finder::new).collect();
        let mut remembered = lock(&who.remembered);
        self.open_libraries(who, owners, &mut remembered, why, now, &|| true)?;
        let libraries = remembered.0.iter().filter(|library| owners.contains(&library.owner));
        let mut hits: Vec<Cursor> = libraries
            .flat_map(|library| &library.shelves)
            .flat_map(|shelf| shelf.search(&wanted).collect::<Vec<_>>())
            .collect();
        hits.sort_by_key(|hit| std::cmp::Reverse((hit.at, hit.n)));
        Ok(hits)
    }

    /// Makes the first search quick: opens what is on no shelf yet, if that is so much that a search would keep its
    /// person waiting. For a thread of its own after a sign-in; it ends early when `go_on` says no.
    pub fn prepare_search(
        &self,
        who: &Person,
        now: Timestamp,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), ReadError> {
        let loose: i64 = self.store().read(|transaction| -> Result<_, ReadError> {
            require_active(transaction, who.id())?;
            let mut statement = transaction.prepare_cached(
                "SELECT count(*) FROM seals WHERE owner = ?1
                 AND n > coalesce((SELECT max(last) FROM shelves WHERE owner = ?1), 0)",
            )?;
            let mut loose = 0;
            for owner in who.opens() {
                loose += statement.query_row([Id::from(owner)], |row| row.get::<_, i64>(0))?;
            }
            Ok(loose)
        })?;
        if loose <= shelf::FULL as i64 {
            return Ok(());
        }
        let mut remembered = lock(&who.remembered);
        *lock(&who.opening) = Some(Progress { done: 0, total: loose as u64 });
        let opened = self.open_libraries(who, &who.opens(), &mut remembered, Purpose::Upkeep, now, go_on);
        *lock(&who.opening) = None;
        opened
    }

    /// Brings what is remembered up to date, on one access record for each owner.
    fn open_libraries(
        &self,
        who: &Person,
        owners: &[Owner],
        remembered: &mut Remembered,
        why: Purpose,
        now: Timestamp,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), ReadError> {
        let owners: Vec<(Owner, &Secret)> =
            owners.iter().filter_map(|owner| Some((*owner, who.secret_of(*owner)?))).collect();
        let notes = self.store().read(|transaction| -> Result<Vec<Note>, ReadError> {
            require_active(transaction, who.id())?;
            let mut statement = transaction.prepare_cached("SELECT count(*) FROM seals WHERE owner = ?1")?;
            let mut note = |owner: Owner| -> Result<Note, ReadError> {
                let count: i64 = statement.query_row([Id::from(owner)], |row| row.get(0))?;
                let actor = Actor::Person(who.id());
                Ok(Note::counted(now, actor, Act::Searched, why, owner, count as u64))
            };
            owners.iter().map(|(owner, _)| note(*owner)).collect()
        })?;
        let grants = self.grant_each_all(notes).map_err(ReadError::NotRecorded)?;
        for (grant, (owner, secret)) in grants.into_iter().zip(owners) {
            let library = match remembered.0.iter().position(|library| library.owner == owner) {
                Some(at) => &mut remembered.0[at],
                None => {
                    remembered.0.push(Library { owner, up_to: 0, shelves: Vec::new() });
                    remembered.0.last_mut().expect("one was pushed")
                }
            };
            let reading = Reading {
                journal: self,
                who,
                owner,
                secret,
                own_key: vault::own_key(secret),
                opening: Opening::spend(grant),
            };
            reading.forget_erased(library)?;
            reading.catch_up(library, go_on)?;
        }
        Ok(())
    }
}

/// One owner's words being opened, on one grant.
struct Reading<'a> {
    journal: &'a Journal,
    who: &'a Person,
    owner: Owner,
    secret: &'a Secret,
    own_key: Secret,
    opening: Opening,
}

impl Reading<'_> {
    /// What was erased since the last search is wiped from memory too.
    fn forget_erased(&self, library: &mut Library) -> Result<(), ReadError> {
        let held: usize = library.shelves.iter().map(Shelf::len).sum();
        let alive = self.journal.store().read(|transaction| -> Result<_, ReadError> {
            let range = params![Id::from(self.owner), library.up_to];
            // Numbers are never used again, so an equal count says that none is gone.
            let count: i64 = transaction
                .prepare_cached("SELECT count(*) FROM seals WHERE owner = ?1 AND n <= ?2")?
                .query_row(range, |row| row.get(0))?;
            if count as usize == held {
                return Ok(None);
            }
            let mut statement =
                transaction.prepare_cached("SELECT n FROM seals WHERE owner = ?1 AND n <= ?2 ORDER BY n")?;
            let numbers = statement.query_map(range, |row| row.get(0))?;
            Ok(Some(numbers.collect::<Result<Vec<i64>, _>>()?))
        })?;
        if let Some(alive) = alive {
            library.shelves.iter_mut().for_each(|shelf| shelf.retain(&alive));
            library.shelves.retain(|shelf| shelf.len() > 0);
        }
        Ok(())
    }

    /// Opens what came since; the first time the shelves, and what lies between and after them.
    fn catch_up(&self, library: &mut Library, go_on: &dyn Fn() -> bool) -> Result<(), ReadError> {
        if library.up_to == 0 {
            let sealed = self.journal.store().read(|transaction| -> Result<_, StoreError> {
                Ok(shelf::Sealed::all(transaction, self.owner)?)
            })?;
            for sealed in sealed {
                // One that was tampered with is made anew.
                let Ok(shelf) = sealed.open(&self.opening, self.owner, &self.own_key) else { continue };
                self.open_between(library, Some(sealed.first), go_on)?;
                if !go_on() {
                    return Ok(());
                }
                library.up_to = sealed.last;
                library.shelves.push(shelf);
            }
        }
        self.open_between(library, None, go_on)
    }

    /// Opens what is on no shelf, from where the library ends to before number `before`.
    fn open_between(
        &self,
        library: &mut Library,
        before: Option<i64>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), ReadError> {
        while go_on() {
            let pieces = self.journal.store().read(|transaction| -> Result<_, StoreError> {
                Ok(fetch_after(transaction, self.owner, library.up_to, before)?)
            })?;
            let Some((_, last)) = pieces.last() else { break };
            library.up_to = last.n;
            let opened = self.open(&pieces);
            let mut met = Vec::new();
            let mut read = Vec::with_capacity(pieces.len());
            for ((at, piece), (text, own)) in pieces.iter().zip(opened) {
                met.extend(own.map(|own| (piece.n, own)));
                read.push((Cursor { at: *at, n: piece.n }, text));
            }
            let fresh: Vec<Shelf> = read.chunks(shelf::FULL).map(Shelf::new).collect();
            // The last ones wait for more, or every search would write a shelf.
            let least = if before.is_some() { FEW } else { shelf::FULL };
            self.keep(&met, fresh.iter().filter(|shelf| shelf.len() >= least))?;
            library.shelves.extend(fresh);
            if let Some(opening) = &mut *lock(&self.who.opening) {
                opening.done = (opening.done + pieces.len() as u64).min(opening.total);
            }
        }
        Ok(())
    }

    /// Opens words on as many threads as there are cores.
    fn open(&self, pieces: &[(i64, Locked)]) -> Vec<Opened> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(pieces.len() / SHARE);
        if threads < 2 {
            return pieces.iter().map(|(_, piece)| self.open_one(piece)).collect();
        }
        std::thread::scope(|scope| {
            let shares = pieces.chunks(pieces.len().div_ceil(threads));
            let workers: Vec<_> = shares
                .map(|share| scope.spawn(|| share.iter().map(|(_, piece)| self.open_one(piece)).collect()))
                .collect();
            let joined = workers.into_iter().map(|worker| worker.join().unwrap_or_default());
            joined.flat_map(|opened: Vec<Opened>| opened).collect()
        })
    }

    fn open_one(&self, piece: &Locked) -> Opened {
        let mut own = None;
        let plain = self.opening.open(piece, |piece| {
            let key = vault::open_key(self.secret, piece)?;
            if piece.form == Form::ToPublicKey as i64 {
                own = Some(keys::wrap(&key, &self.own_key, &piece.binding));
            }
            Ok(key)
        });
        let words = plain.ok().and_then(|plain| Words::from_bytes(&plain));
        (words.map(|words| words.searchable()).unwrap_or_default(), own)
    }

    /// Puts keys that were sealed to the public key under the owner's own (the same secret opens both), and shelves
    /// into the database.
    fn keep<'a>(
        &self,
        met: &[(i64, Vec<u8>)],
        shelves: impl Iterator<Item = &'a Shelf>,
    ) -> Result<(), ReadError> {
        let mut shelves = shelves.peekable();
        if met.is_empty() && shelves.peek().is_none() {
            return Ok(());
        }
        self.journal.store().write(Lasting::Process, |transaction| -> Result<(), ReadError> {
            let mut statement = transaction
                .prepare_cached("UPDATE seals SET form = ?3, sealed = ?4 WHERE owner = ?1 AND n = ?2")?;
            for (n, sealed) in met {
                statement.execute(params![Id::from(self.owner), n, Form::UnderOwnKey as i64, sealed])?;
            }
            for shelf in shelves {
                shelf.store(transaction, self.owner, &self.own_key)?;
            }
            Ok(())
        })
    }
}

fn fetch_after(
    transaction: &Transaction<'_>,
    owner: Owner,
    after: i64,
    before: Option<i64>,
) -> rusqlite::Result<Vec<(i64, Locked)>> {
    let mut statement = transaction.prepare_cached(
        "SELECT seals.n, recordings.recording, seals.form, seals.sealed, words.sealed, recordings.at
         FROM seals CROSS JOIN recordings USING (n) CROSS JOIN words USING (n)
         WHERE seals.owner = ?1 AND seals.n > ?2 AND seals.n < ?3 ORDER BY seals.n LIMIT ?4",
    )?;
    let before = before.unwrap_or(i64::MAX);
    let pieces = statement.query_map(params![Id::from(owner), after, before, BATCH as i64], |row| {
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
    pieces.collect()
}
