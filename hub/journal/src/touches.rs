//! What a choice would touch, told before it is made.
//!
//! Numbers only. Deliberately absent: anything that the choice would do.

use jiff::Timestamp;
use rusqlite::params;
use sotto_house::Retention;

use crate::codes::Id;
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::{ALIVE, Owner};
use crate::{Journal, milliseconds};

/// What a person's choices bear on at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touches {
    /// Recordings of theirs.
    pub recordings: u64,
    /// How many of them would go at once for each choice that is finite, shortest first.
    pub too_old: Vec<(Retention, u64)>,
    /// Clips of theirs that reviewers can open now.
    pub with_reviewers: u64,
    /// Clips of theirs that were exported as training material; those are out of the journal's hands.
    pub exported: u64,
    /// Recordings of the house, for an adult who opens them.
    pub house: u64,
}

impl Journal {
    /// What the settings of `who` touch.
    pub fn touches(&self, who: &Person, now: Timestamp) -> Result<Touches, MemberError> {
        let own = Owner::Person(who.id());
        self.store().read(|transaction| {
            require_active(transaction, who.id())?;
            let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> rusqlite::Result<u64> {
                let mut statement = transaction.prepare_cached(sql)?;
                statement.query_row(values, |row| row.get::<_, i64>(0)).map(|count| count as u64)
            };
            let older = format!("SELECT count(*) FROM recordings WHERE owner = ?1 AND at <= ?2 AND {ALIVE}");
            let mut too_old = Vec::new();
            for keep in Retention::ALL {
                let Some(lifetime) = keep.lifetime() else { continue };
                let before = now.as_millisecond().saturating_sub(milliseconds(lifetime));
                too_old.push((keep, count(&older, params![Id::from(own), before])?));
            }
            let kept =
                |owner: Owner| count("SELECT count(*) FROM seals WHERE owner = ?1", &[&Id::from(owner)]);
            Ok(Touches {
                recordings: kept(own)?,
                too_old,
                with_reviewers: count(
                    "SELECT count(*) FROM clips WHERE owner = ?1 AND n IN (SELECT n FROM review_seals)",
                    &[&Id::from(own)],
                )?,
                exported: count(
                    "SELECT count(*) FROM clips WHERE owner = ?1 AND exported",
                    &[&Id::from(own)],
                )?,
                house: if who.opens_house() { kept(Owner::House)? } else { 0 },
            })
        })
    }
}
