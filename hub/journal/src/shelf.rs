//! The words of many recordings of one owner together, so that a search after signing in opens a hundred pieces and
//! not a hundred thousand.
//!
//! `opened words → Shelf in memory ⇄ one sealed row`. A shelf holds everything its owner has between two recording
//! numbers; as soon as one of those is erased or changes hands the row goes whole, and the next search makes it anew
//! of what is left. Deliberately absent: a shelf that the hub could write or read while its owner is away.

use std::ops::Range;

use memchr::memmem::Finder;
use rusqlite::{Transaction, params};
use sotto_house::RecordingId;
use zeroize::Zeroizing;

use crate::codes::Id;
use crate::history::Cursor;
use crate::keys::{self, Binding, Broken, Kind, Secret};
use crate::record::Owner;
use crate::vault::Opening;

/// Recordings on a full shelf: some 100 kB, which the erasure of one of them overwrites.
pub(crate) const FULL: usize = if cfg!(test) { 8 } else { 1024 };

/// What a search looks at, of recordings in the order of their numbers.
pub(crate) struct Shelf {
    items: Vec<Item>,
    /// The items' words, one after the other.
    text: Zeroizing<Vec<u8>>,
}

struct Item {
    place: Cursor,
    text: Range<usize>,
}

/// A shelf as it lies in the database.
pub(crate) struct Sealed {
    pub(crate) first: i64,
    pub(crate) last: i64,
    seal: Vec<u8>,
    sealed: Vec<u8>,
}

/// An item in bytes, before its text: number, time in milliseconds, length of the text.
const HEAD: usize = 8 + 8 + 4;

impl Shelf {
    /// Of recordings in the order of their numbers. One that could not be opened has no words.
    pub(crate) fn new(opened: &[(Cursor, Zeroizing<String>)]) -> Self {
        // Reserved at once: a text that moves as it grows would leave itself behind in memory.
        let bytes = opened.iter().map(|(_, text)| text.len()).sum();
        let mut shelf = Shelf {
            items: Vec::with_capacity(opened.len()),
            text: Zeroizing::new(Vec::with_capacity(bytes)),
        };
        for (place, text) in opened {
            shelf.push(*place, text.as_bytes());
        }
        shelf
    }

    fn push(&mut self, place: Cursor, text: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.items.push(Item { place, text: start..self.text.len() });
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The numbers of its first and last recording.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        Some((self.items.first()?.place.n, self.items.last()?.place.n))
    }

    /// Where all of `wanted` are.
    pub(crate) fn search<'a>(&'a self, wanted: &'a [Finder<'_>]) -> impl Iterator<Item = Cursor> + 'a {
        let fits = |item: &&Item| {
            let text = &self.text[item.text.clone()];
            wanted.iter().all(|word| word.find(text).is_some())
        };
        self.items.iter().filter(fits).map(|item| item.place)
    }

    /// Wipes everything whose number is not in `alive`, which is sorted.
    pub(crate) fn retain(&mut self, alive: &[i64]) {
        let text = &mut self.text;
        self.items.retain(|item| {
            let lives = alive.binary_search(&item.place.n).is_ok();
            if !lives {
                text[item.text.clone()].fill(0);
            }
            lives
        });
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.items.len() * HEAD + self.text.len()));
        for item in &self.items {
            bytes.extend_from_slice(&item.place.n.to_le_bytes());
            bytes.extend_from_slice(&item.place.at.to_le_bytes());
            bytes.extend_from_slice(&(item.text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&self.text[item.text.clone()]);
        }
        bytes
    }

    /// `None` for bytes that [`Self::to_bytes`] did not write.
    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut shelf = Shelf { items: Vec::new(), text: Zeroizing::new(Vec::with_capacity(bytes.len())) };
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
            let [n, at] = [&head[..8], &head[8..16]].map(|part| part.try_into().map(i64::from_le_bytes));
            let length = u32::from_le_bytes(head[16..].try_into().ok()?);
            let (text, rest) = rest.split_at_checked(length as usize)?;
            shelf.push(Cursor { n: n.ok()?, at: at.ok()? }, text);
            bytes = rest;
        }
        Some(shelf)
    }

    /// Puts it into the database, under a new key that `own_key` seals; not if one of its recordings went meanwhile.
    pub(crate) fn store(
        &self,
        transaction: &Transaction<'_>,
        owner: Owner,
        own_key: &Secret,
    ) -> rusqlite::Result<()> {
        let Some((first, last)) = self.span() else { return Ok(()) };
        let alive: i64 = transaction
            .prepare_cached("SELECT count(*) FROM seals WHERE owner = ?1 AND n BETWEEN ?2 AND ?3")?
            .query_row(params![Id::from(owner), first, last], |row| row.get(0))?;
        if alive != self.items.len() as i64 {
            return Ok(());
        }
        let binding = binding(owner, first, last);
        let key = Secret::random();
        let seal = keys::wrap(&key, own_key, &binding);
        let sealed = keys::lock(&self.to_bytes(), &key, &binding, Kind::Shelf);
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO shelves (owner, first, last, seal, sealed) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![Id::from(owner), first, last, seal, sealed])?;
        Ok(())
    }
}

impl Sealed {
    /// Every shelf of an owner, in the order of the numbers.
    pub(crate) fn all(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<Vec<Sealed>> {
        let mut statement = transaction.prepare_cached(
            "SELECT first, last, seal, sealed FROM shelves WHERE owner = ?1 ORDER BY first",
        )?;
        let shelves = statement.query_map([Id::from(owner)], |row| {
            Ok(Sealed { first: row.get(0)?, last: row.get(1)?, seal: row.get(2)?, sealed: row.get(3)? })
        })?;
        shelves.collect()
    }

    /// Opens it under a grant for all of the owner's.
    pub(crate) fn open(&self, opening: &Opening, owner: Owner, own_key: &Secret) -> Result<Shelf, Broken> {
        let binding = binding(owner, self.first, self.last);
        let plain = opening
            .open_shelf(&self.sealed, owner, &binding, || keys::unwrap(&self.seal, own_key, &binding))?;
        Shelf::from_bytes(&plain).filter(|shelf| shelf.span() == Some((self.first, self.last))).ok_or(Broken)
    }
}

/// A shelf is bound to its owner and, in the place of a recording's id, to the numbers it spans.
fn binding(owner: Owner, first: i64, last: i64) -> Binding {
    let mut span = [0; 16];
    span[..8].copy_from_slice(&first.to_le_bytes());
    span[8..].copy_from_slice(&last.to_le_bytes());
    Binding { recording: RecordingId::from_bytes(span), owner: owner.id() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_shelf_reads_back(texts in proptest::collection::vec(".{0,40}", 0..20)) {
            let opened: Vec<_> = texts
                .iter()
                .enumerate()
                .map(|(n, text)| (Cursor { n: n as i64, at: -(n as i64) }, Zeroizing::new(text.clone())))
                .collect();
            let shelf = Shelf::from_bytes(&Shelf::new(&opened).to_bytes()).unwrap();
            prop_assert_eq!(shelf.len(), texts.len());
            for (n, text) in texts.iter().enumerate() {
                let found: Vec<_> = shelf.search(&[Finder::new(text)]).map(|place| place.n).collect();
                prop_assert!(found.contains(&(n as i64)));
            }
        }

        #[test]
        fn any_bytes_are_a_shelf_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Shelf::from_bytes(&bytes);
        }
    }

    #[test]
    fn what_goes_is_wiped() {
        let opened = [1, 2, 3].map(|n| (Cursor { n, at: 0 }, Zeroizing::new(format!("word{n}"))));
        let mut shelf = Shelf::new(&opened);
        shelf.retain(&[1, 3]);
        assert_eq!(shelf.text.as_slice(), b"word1\0\0\0\0\0word3");
        assert_eq!(shelf.search(&[Finder::new("word")]).map(|place| place.n).collect::<Vec<_>>(), [1, 3]);
    }
}
