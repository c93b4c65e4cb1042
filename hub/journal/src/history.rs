//! The household's history, a page at a time.
//!
//! `rows in clear → access record → words`: each page of words costs one access record per owner. What is not the
//! reader's is not on the page. Deliberately absent: a count of everything that would fit the filter, which would cost
//! a walk over a million rows to print a number.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, params_from_iter};
use sotto_house::{Area, Outcome, RecordingId, SatelliteId};
use thiserror::Error;

use crate::access::Note;
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Coded, Id};
use crate::keys::Kind;
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::{ALIVE, Attribution, Owner};
use crate::selection::Whose;
use crate::store::{Lasting, StoreError};
use crate::words::Words;
use crate::{Journal, timestamp, vault};

/// Which recordings; everything that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub whose: Whose,
    /// Spoken at this time or later.
    pub from: Option<Timestamp>,
    /// Spoken before this time.
    pub to: Option<Timestamp>,
    pub area: Option<Area>,
    pub satellite: Option<SatelliteId>,
    pub outcome: Option<Outcome>,
    /// Goes before this time: "what will be erased tonight".
    pub expires_before: Option<Timestamp>,
    /// Each of these blank-separated words is in transcript, intent or slots, whatever its case.
    pub words: Option<String>,
}

impl Default for Filter {
    /// Everything that the reader opens.
    fn default() -> Self {
        Filter {
            whose: Whose::Both,
            from: None,
            to: None,
            area: None,
            satellite: None,
            outcome: None,
            expires_before: None,
            words: None,
        }
    }
}

/// Where the next page begins. Written as text for a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub(crate) at: i64,
    pub(crate) n: i64,
}

impl Cursor {
    pub(crate) const NEWEST: Cursor = Cursor { at: i64::MAX, n: i64::MAX };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at, self.n)
    }
}

impl FromStr for Cursor {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let (at, n) = text.split_once('.').ok_or(ReadError::Cursor)?;
        let number = |text: &str| text.parse().map_err(|_| ReadError::Cursor);
        Ok(Cursor { at: number(at)?, n: number(n)? })
    }
}

/// One recording on a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub recording: RecordingId,
    pub owner: Owner,
    pub attributed: Attribution,
    pub at: Timestamp,
    pub area: Option<Area>,
    pub satellite: SatelliteId,
    pub outcome: Outcome,
    pub length: Duration,
    /// When it goes by itself; `None` when only its owner ends it.
    pub expires: Option<Timestamp>,
    /// `None` when they were tampered with: the recording can only be erased.
    pub words: Option<Words>,
}

impl Entry {
    pub(crate) fn outline(self) -> Outline {
        let Entry { at, area, satellite, outcome, length, .. } = self;
        Outline { at, area, satellite, outcome, length }
    }
}

/// What anybody in front of the page may see before signing in: that the hub listened, where, and how it ended.
/// Neither whose it was nor what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    pub at: Timestamp,
    pub area: Option<Area>,
    pub satellite: SatelliteId,
    pub outcome: Outcome,
    pub length: Duration,
}

/// Recordings, newest first, and where the next page begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub entries: Vec<Entry>,
    pub next: Option<Cursor>,
}

/// Why a page could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    #[error("this link to a page is not one of ours; begin at the first page")]
    Cursor,
    #[error("you are no longer a member of this household; sign in again")]
    NotMember,
    #[error("only who looks after this child may do that; an administrator says who does")]
    NotGuardian,
    #[error("the access record could not be written, so nothing was opened")]
    NotRecorded(#[source] StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        ReadError::Store(error.into())
    }
}

impl From<MemberError> for ReadError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Store(error) => ReadError::Store(error),
            MemberError::NotGuardian => ReadError::NotGuardian,
            _ => ReadError::NotMember,
        }
    }
}

/// Most entries of one page.
pub(crate) const PAGE_LIMIT: usize = 500;

/// A row in clear, before its words are opened.
pub(crate) struct Found {
    pub(crate) n: i64,
    pub(crate) entry: Entry,
}

impl Journal {
    /// A page of what `who` opens: their own and, for an adult, the house's. The first page when `after` is `None`.
    pub fn history(
        &self,
        who: &Person,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
        why: Purpose,
        now: Timestamp,
    ) -> Result<Page, ReadError> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let owners =
            who.opens().into_iter().filter(|owner| filter.whose.includes(*owner)).collect::<Vec<_>>();
        let wanted = filter.words.as_deref().map(str::trim).filter(|words| !words.is_empty());
        let (mut found, next) = match wanted {
            None => self.store().read(|transaction| -> Result<_, ReadError> {
                require_active(transaction, who.id())?;
                page(transaction, &owners, filter, after.unwrap_or(Cursor::NEWEST), limit)
            })?,
            Some(words) => {
                let hits = self.search(who, &owners, words, why, now)?;
                self.store().read(|transaction| page_of_hits(transaction, &hits, filter, after, limit))?
            }
        };
        self.read_words(who, &mut found, why, now)?;
        Ok(Page { entries: found.into_iter().map(|found| found.entry).collect(), next })
    }

    /// One recording's entry with its words, by the same door.
    pub fn entry(
        &self,
        recording: RecordingId,
        who: &Person,
        why: Purpose,
        now: Timestamp,
    ) -> Result<Option<Entry>, ReadError> {
        let mut found = self.store().read(|transaction| -> Result<Vec<Found>, ReadError> {
            require_active(transaction, who.id())?;
            let place: Option<(i64, Id)> = transaction
                .prepare_cached("SELECT n, owner FROM recordings WHERE recording = ?1")?
                .query_row([Id::from(recording)], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match place {
                Some((n, owner)) if who.secret_of(owner.owner()).is_some() => {
                    Ok(by_number(transaction, &Filter::default(), n)?.into_iter().collect())
                }
                _ => Ok(Vec::new()),
            }
        })?;
        self.read_words(who, &mut found, why, now)?;
        Ok(found.pop().map(|found| found.entry))
    }

    /// What may be shown before anybody signs in. `whose` in the filter and its words are not looked at.
    pub fn outline(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Outline>, Option<Cursor>), ReadError> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let (found, next) = self.store().read(|transaction| -> Result<_, ReadError> {
            let owners: Vec<Owner> = transaction
                .prepare_cached("SELECT person FROM people WHERE gone IS NULL")?
                .query_map([], |row| Ok(row.get::<_, Id>(0)?.owner()))?
                .chain([Ok(Owner::House)])
                .collect::<Result<_, _>>()?;
            page(transaction, &owners, filter, after.unwrap_or(Cursor::NEWEST), limit)
        })?;
        Ok((found.into_iter().map(|found| found.entry.outline()).collect(), next))
    }

    /// Opens the words of `found`: one access record for each owner, written together.
    fn read_words(
        &self,
        who: &Person,
        found: &mut [Found],
        why: Purpose,
        now: Timestamp,
    ) -> Result<(), ReadError> {
        let mut notes = Vec::new();
        let mut shares = Vec::new();
        for owner in who.opens() {
            let theirs = || found.iter().filter(|found| found.entry.owner == owner);
            let numbers: Vec<i64> = theirs().map(|found| found.n).collect();
            let recordings = theirs().map(|found| found.entry.recording).collect();
            if let (false, Some(secret)) = (numbers.is_empty(), who.secret_of(owner)) {
                notes.push(Note::about(now, Actor::Person(who.id()), Act::Read, why, owner, recordings));
                shares.push((owner, secret, numbers));
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        let grants = self.grant_each(notes, Lasting::Process).map_err(ReadError::NotRecorded)?;
        // The disk takes the record while the words are opened; none leaves here before it has.
        std::thread::scope(|scope| {
            let recorded = scope.spawn(|| self.store().flush());
            for (grant, (owner, secret, numbers)) in grants.into_iter().zip(shares) {
                let pieces = self.store().read(|transaction| -> Result<_, ReadError> {
                    Ok(vault::fetch(transaction, owner, Kind::Words, &numbers)?)
                })?;
                let opened = vault::open(grant, secret, &pieces);
                for (piece, plain) in pieces.iter().zip(opened) {
                    let words = plain.ok().and_then(|plain| Words::from_bytes(&plain));
                    if let Some(found) = found.iter_mut().find(|found| found.n == piece.n) {
                        found.entry.words = words;
                    }
                }
            }
            recorded.join().unwrap_or(Err(StoreError::Busy)).map_err(ReadError::NotRecorded)
        })
    }
}

impl Filter {
    /// The index in which the fewest rows are looked at. SQLite does not know that most commands are done, that a
    /// satellite seldom leaves its area and that little goes tonight.
    fn index(&self) -> &'static str {
        if self.expires_before.is_some() {
            "recordings_by_expiry"
        } else if self.outcome.is_some_and(|outcome| outcome != Outcome::Done) {
            "recordings_by_outcome"
        } else if self.satellite.is_some() {
            "recordings_by_satellite"
        } else if self.area.is_some() {
            "recordings_by_area"
        } else {
            "recordings_by_owner"
        }
    }

    /// The SQL of everything but owner, cursor and words; `None` when nothing can fit.
    fn sql(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Option<(String, Vec<Value>)>> {
        let mut sql = String::new();
        let mut values: Vec<Value> = Vec::new();
        let mut and = |condition: &str, value: Value| {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        };
        if let Some(from) = self.from {
            and("at >= ?", from.as_millisecond().into());
        }
        if let Some(to) = self.to {
            and("at < ?", to.as_millisecond().into());
        }
        if let Some(before) = self.expires_before {
            and("expires < ?", before.as_millisecond().into());
        }
        if let Some(outcome) = self.outcome {
            and("outcome = ?", outcome.code().into());
        }
        let area = self.area.as_ref().map(|area| ("area = ?", area.as_str()));
        let satellite = self.satellite.as_ref().map(|satellite| ("satellite = ?", satellite.as_str()));
        for (condition, text) in area.into_iter().chain(satellite) {
            let label: Option<i64> = transaction
                .prepare_cached("SELECT label FROM labels WHERE text = ?1")?
                .query_row([text], |row| row.get(0))
                .optional()?;
            // A room that nobody ever spoke in.
            let Some(label) = label else { return Ok(None) };
            and(condition, label.into());
        }
        Ok(Some((sql, values)))
    }
}

const COLUMNS: &str = "n, recording, owner, attributed, at,
    (SELECT text FROM labels WHERE label = area), (SELECT text FROM labels WHERE label = satellite),
    outcome, length, expires";

/// Each owner's rows come from an index of their own, already in order; then they are merged.
///
/// Where the filter ends before `after`, the page begins there: of two upper bounds SQLite enters an index by the first and
/// steps over all rows to the second.
pub(crate) fn page(
    transaction: &Transaction<'_>,
    owners: &[Owner],
    filter: &Filter,
    after: Cursor,
    limit: usize,
) -> Result<(Vec<Found>, Option<Cursor>), ReadError> {
    let Some((conditions, values)) = filter.sql(transaction)? else { return Ok((Vec::new(), None)) };
    let end = filter.to.map(|to| Cursor { at: to.as_millisecond(), n: i64::MIN });
    let after = end.map_or(after, |end| end.min(after));
    let mut found = Vec::new();
    for owner in owners {
        let mut statement = transaction.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM recordings INDEXED BY {}
             WHERE owner = ? AND (at, n) < (?, ?){conditions} AND {ALIVE} ORDER BY at DESC, n DESC LIMIT ?",
            filter.index()
        ))?;
        let mut all: Vec<Value> = vec![owner.id().bytes().to_vec().into(), after.at.into(), after.n.into()];
        all.extend(values.iter().cloned());
        all.push((limit as i64 + 1).into());
        for row in statement.query_map(params_from_iter(all), read)? {
            found.push(row?);
        }
    }
    found.sort_by_key(|found| std::cmp::Reverse((found.entry.at, found.n)));
    Ok(cut(found, limit))
}

/// A page of what a search found: `hits` are newest first.
pub(crate) fn page_of_hits(
    transaction: &Transaction<'_>,
    hits: &[Cursor],
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Found>, Option<Cursor>), ReadError> {
    let after = after.unwrap_or(Cursor::NEWEST);
    let mut found = Vec::new();
    for hit in hits.iter().filter(|hit| (hit.at, hit.n) < (after.at, after.n)) {
        found.extend(by_number(transaction, filter, hit.n)?);
        if found.len() > limit {
            break;
        }
    }
    Ok(cut(found, limit))
}

fn cut(mut found: Vec<Found>, limit: usize) -> (Vec<Found>, Option<Cursor>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|last| Cursor { at: last.entry.at.as_millisecond(), n: last.n });
    (found, last.filter(|_| more))
}

pub(crate) fn by_number(
    transaction: &Transaction<'_>,
    filter: &Filter,
    n: i64,
) -> rusqlite::Result<Option<Found>> {
    let Some((conditions, values)) = filter.sql(transaction)? else { return Ok(None) };
    let mut all: Vec<Value> = vec![n.into()];
    all.extend(values);
    transaction
        .prepare_cached(&format!("SELECT {COLUMNS} FROM recordings WHERE n = ?{conditions} AND {ALIVE}"))?
        .query_row(params_from_iter(all), read)
        .optional()
}

pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    let damaged =
        |column| rusqlite::Error::InvalidColumnType(column, "label".to_owned(), rusqlite::types::Type::Text);
    let area: Option<String> = row.get(5)?;
    let expires: i64 = row.get(9)?;
    Ok(Found {
        n: row.get(0)?,
        entry: Entry {
            recording: row.get::<_, Id>(1)?.recording(),
            owner: row.get::<_, Id>(2)?.owner(),
            attributed: row.get::<_, Code<Attribution>>(3)?.0,
            at: timestamp(row.get(4)?),
            area: area.map(|area| Area::new(&area)).transpose().map_err(|_| damaged(5))?,
            satellite: SatelliteId::new(&row.get::<_, String>(6)?).map_err(|_| damaged(6))?,
            outcome: row.get::<_, Code<Outcome>>(7)?.0,
            length: Duration::from_millis(row.get::<_, i64>(8)?.max(0) as u64),
            expires: (expires != i64::MAX).then(|| timestamp(expires)),
            words: None,
        },
    })
}
