//! Children, and the adults who look after them.
//!
//! A guardian sees that there are recordings of a child, and when and where, and may erase them. What was said opens to
//! the child alone. Deliberately absent: anything here that takes a key.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{PersonId, RecordingId, Role};

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::chosen::{Chosen, Order};
use crate::codes::{Code, Id};
use crate::erase::{EraseError, Receipt};
use crate::history::{Cursor, Filter, Outline, PAGE_LIMIT, ReadError, page};
use crate::people::{MemberError, require_active, require_administrator};
use crate::person::Person;
use crate::record::Owner;
use crate::selection::What;
use crate::store::{Lasting, StoreError};
use crate::{Change, Journal};

/// A child, as its guardian sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ward {
    pub child: PersonId,
    pub name: String,
    /// How many recordings there are.
    pub recordings: u64,
}

/// Recordings by their ids, without what was said.
pub type Outlines = Vec<(RecordingId, Outline)>;

impl Journal {
    /// The children whom `who` looks after.
    pub fn wards(&self, who: &Person) -> Result<Vec<Ward>, MemberError> {
        self.store().read(|transaction| {
            require_active(transaction, who.id())?;
            let mut statement = transaction.prepare_cached(
                "SELECT child, name, (SELECT count(*) FROM seals WHERE seals.owner = child)
                 FROM guardians JOIN people ON people.person = child
                 WHERE guardian = ?1 AND gone IS NULL ORDER BY name",
            )?;
            let wards = statement.query_map([Id::from(who.id())], |row| {
                Ok(Ward {
                    child: row.get::<_, Id>(0)?.person(),
                    name: row.get(1)?,
                    recordings: row.get::<_, i64>(2)? as u64,
                })
            })?;
            Ok(wards.collect::<Result<_, _>>()?)
        })
    }

    /// Every child and adult who looks after it.
    pub fn guardians(&self) -> Result<Vec<(PersonId, PersonId)>, StoreError> {
        self.store().read(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT child, guardian FROM guardians ORDER BY child, guardian")?;
            let pairs = statement
                .query_map([], |row| Ok((row.get::<_, Id>(0)?.person(), row.get::<_, Id>(1)?.person())))?;
            Ok(pairs.collect::<Result<_, _>>()?)
        })
    }

    /// Says that an adult looks after a child, or no longer; by an administrator. The child sees it in the access log.
    pub fn set_guardian(
        &self,
        by: &Person,
        child: PersonId,
        guardian: PersonId,
        on: bool,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_administrator(transaction, by)?;
            if role_of(transaction, child)? != Role::Child {
                return Err(MemberError::NotChild);
            }
            if role_of(transaction, guardian)? != Role::Adult {
                return Err(MemberError::NotAdult);
            }
            if on {
                appoint(transaction, child, guardian)?;
            } else {
                transaction.execute(
                    "DELETE FROM guardians WHERE child = ?1 AND guardian = ?2",
                    params![Id::from(child), Id::from(guardian)],
                )?;
            }
            let (actor, subject) = (Actor::Person(by.id()), Owner::Person(child));
            let note = Note::counted(now, actor, Act::SettingChanged, Purpose::Request, subject, 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.announce(Change::Members);
        Ok(())
    }

    /// That there are recordings of a child, newest first: when, where, how long, how it ended. No words; those in the
    /// filter are not looked at.
    pub fn ward_history(
        &self,
        child: PersonId,
        who: &Person,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Outlines, Option<Cursor>), ReadError> {
        self.store().read(|transaction| {
            require_guardian(transaction, child, who)?;
            let owner = [Owner::Person(child)];
            let after = after.unwrap_or(Cursor::NEWEST);
            let (found, next) = page(transaction, &owner, filter, after, limit.clamp(1, PAGE_LIMIT))?;
            let outlined = found.into_iter().map(|found| (found.entry.recording, found.entry.outline()));
            Ok((outlined.collect(), next))
        })
    }

    /// Erases of a child's recordings. The child sees by whom.
    pub fn erase_of_ward(
        &self,
        child: PersonId,
        what: &What,
        who: &Person,
        now: Timestamp,
    ) -> Result<Receipt, EraseError> {
        let order = Order { actor: Actor::Person(who.id()), why: Purpose::Request, asked: what.asked(), now };
        self.erase_on_any_disk(|transaction| {
            require_guardian(transaction, child, who)?;
            let mut chosen = Chosen::new(transaction)?;
            chosen.add(Owner::Person(child), what)?;
            Ok(chosen.erase(self, &order)?)
        })
    }
}

fn role_of(transaction: &Transaction<'_>, person: PersonId) -> Result<Role, MemberError> {
    let role = transaction
        .prepare_cached("SELECT role FROM people WHERE person = ?1 AND gone IS NULL")?
        .query_row([Id::from(person)], |row| Ok(row.get::<_, Code<Role>>(0)?.0))
        .optional()?;
    role.ok_or(MemberError::Unknown)
}

/// Whoever lives here and looks after this child; the same answer for a child that is none of theirs as for nobody.
fn require_guardian(transaction: &Transaction<'_>, child: PersonId, who: &Person) -> Result<(), MemberError> {
    let theirs: bool = transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM guardians JOIN people ON people.person = guardian
                            WHERE child = ?1 AND guardian = ?2 AND gone IS NULL)",
        )?
        .query_row(params![Id::from(child), Id::from(who.id())], |row| row.get(0))?;
    if theirs { Ok(()) } else { Err(MemberError::NotGuardian) }
}

pub(crate) fn appoint(
    transaction: &Transaction<'_>,
    child: PersonId,
    guardian: PersonId,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT OR IGNORE INTO guardians (child, guardian) VALUES (?1, ?2)",
        params![Id::from(child), Id::from(guardian)],
    )?;
    Ok(())
}
