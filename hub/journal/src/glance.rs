//! A glance at what is there, without opening any of it.
//!
//! Ids only, so no access record: what an erasure would take, whether a page has changed, whether a recording that is
//! being played is still there. Deliberately absent: a difference between "not yours" and "not there".

use rusqlite::OptionalExtension;
use sotto_house::RecordingId;

use crate::Journal;
use crate::codes::Id;
use crate::history::{Cursor, Filter, ReadError, page};
use crate::people::require_active;
use crate::person::Person;
use crate::record::{ALIVE, Owner};

impl Journal {
    /// Whether this recording is there and opens to `who`.
    pub fn opens(&self, recording: RecordingId, who: &Person) -> Result<bool, ReadError> {
        self.store().read(|transaction| {
            require_active(transaction, who.id())?;
            let owner: Option<Id> = transaction
                .prepare_cached(&format!("SELECT owner FROM recordings WHERE recording = ?1 AND {ALIVE}"))?
                .query_row([Id::from(recording)], |row| row.get(0))
                .optional()?;
            Ok(owner.is_some_and(|owner| who.secret_of(owner.owner()).is_some()))
        })
    }

    /// Whether this recording is there and belongs to `who`, not to the house.
    pub fn is_own(&self, recording: RecordingId, who: &Person) -> Result<bool, crate::MemberError> {
        self.store().read(|transaction| {
            require_active(transaction, who.id())?;
            let owner: Option<Id> = transaction
                .prepare_cached("SELECT owner FROM recordings WHERE recording = ?1")?
                .query_row([Id::from(recording)], |row| row.get(0))
                .optional()?;
            Ok(owner.is_some_and(|owner| owner.owner() == Owner::Person(who.id())))
        })
    }

    /// The newest `limit` recordings that `who` opens and that fit the filter. A filter with words is a search, and
    /// is recorded as one.
    pub fn newest(
        &self,
        who: &Person,
        filter: &Filter,
        limit: usize,
        why: crate::Purpose,
        now: jiff::Timestamp,
    ) -> Result<Vec<RecordingId>, ReadError> {
        let owners: Vec<Owner> =
            who.opens().into_iter().filter(|owner| filter.whose.includes(*owner)).collect();
        let wanted = filter.words.as_deref().map(str::trim).filter(|words| !words.is_empty());
        let hits = wanted.map(|words| self.search(who, &owners, words, why, now)).transpose()?;
        self.store().read(|transaction| {
            require_active(transaction, who.id())?;
            let (found, _) = match &hits {
                None => page(transaction, &owners, filter, Cursor::NEWEST, limit)?,
                Some(hits) => crate::history::page_of_hits(transaction, hits, filter, None, limit)?,
            };
            Ok(found.into_iter().map(|found| found.entry.recording).collect())
        })
    }
}
