//! The members of the household.
//!
//! ```text
//! joining   invitation → name, passphrase → key pair, recovery code
//! sign_in   name, passphrase | passkey → Person: the witness that every door asks for, holding the opened key
//! leave     key and recordings destroyed; a name stays
//! ```
//!
//! Deliberately absent: a way to make a [`Person`] without a passphrase, a passkey or the recovery code.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{PersonId, Role};
use thiserror::Error;

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::person::Person;
use crate::record::Owner;
use crate::store::{Lasting, StoreError};
use crate::{Journal, timestamp};

/// A member as the list of members shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: PersonId,
    pub name: String,
    pub role: Role,
    pub administrator: bool,
    pub joined: Timestamp,
    /// An adult who cannot yet open the house's recordings waits for another adult to admit them.
    pub opens_house: bool,
    /// Hears nameless clips of those who opted in.
    pub reviewer: bool,
}

/// Why a change to the members was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MemberError {
    #[error("a name has 1 to 40 characters, none of them a control character; choose another")]
    Name,
    #[error("somebody here already goes by that name; choose another")]
    NameTaken,
    #[error(
        "a passphrase needs at least {} characters; four words that do not belong together are good",
        MemberError::PASSPHRASE
    )]
    PassphraseShort,
    #[error("this invitation was used, withdrawn or has expired; ask for a new one")]
    Invitation,
    #[error("the passphrase is not the one that is set; try again")]
    WrongPassphrase,
    #[error("only an administrator may do that; ask one")]
    NotAdministrator,
    #[error("only an adult may do that; ask one")]
    NotAdult,
    #[error("only a child is looked after; see the list of members")]
    NotChild,
    #[error("only who looks after this child may do that; an administrator says who does")]
    NotGuardian,
    #[error(
        "this passkey cannot be used: it is known already, is gone, or there are too many; look at the list of yours"
    )]
    Passkey,
    #[error("nobody of that name or id lives here; see `sotto-hub members list`")]
    Unknown,
    #[error("the last administrator cannot be demoted; make somebody else one first")]
    LastAdministrator,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MemberError {
    /// Fewest characters of a passphrase (NIST SP 800-63B section 5.1.1).
    pub const PASSPHRASE: usize = 8;
}

impl From<rusqlite::Error> for MemberError {
    fn from(error: rusqlite::Error) -> Self {
        MemberError::Store(error.into())
    }
}

impl Journal {
    /// Everybody who lives here, in the order they joined.
    pub fn members(&self) -> Result<Vec<Member>, StoreError> {
        self.store().read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT person, name, role, administrator, joined,
                        EXISTS (SELECT 1 FROM house_seals WHERE house_seals.person = people.person), reviewer
                 FROM people WHERE gone IS NULL ORDER BY joined, name",
            )?;
            let members = statement.query_map([], |row| {
                Ok(Member {
                    id: row.get::<_, Id>(0)?.person(),
                    name: row.get(1)?,
                    role: row.get::<_, Code<Role>>(2)?.0,
                    administrator: row.get(3)?,
                    joined: timestamp(row.get(4)?),
                    opens_house: row.get(5)?,
                    reviewer: row.get(6)?,
                })
            })?;
            Ok(members.collect::<Result<_, _>>()?)
        })
    }

    /// The name of somebody who lives or lived here, for the access log.
    pub fn name_of(&self, person: PersonId) -> Result<Option<String>, StoreError> {
        self.store().read(|transaction| {
            Ok(transaction
                .prepare_cached("SELECT name FROM people WHERE person = ?1")?
                .query_row([Id::from(person)], |row| row.get(0))
                .optional()?)
        })
    }

    /// Makes a member an administrator, or no longer one.
    pub fn set_administrator(
        &self,
        by: &Person,
        member: PersonId,
        administrator: bool,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| {
            require_administrator(transaction, by)?;
            require_active(transaction, member)?;
            transaction.execute(
                "UPDATE people SET administrator = ?2 WHERE person = ?1",
                params![Id::from(member), administrator],
            )?;
            let left: i64 = transaction.query_row(
                "SELECT count(*) FROM people WHERE administrator AND gone IS NULL",
                [],
                |row| row.get(0),
            )?;
            if left == 0 {
                return Err(MemberError::LastAdministrator);
            }
            let actor = Actor::Person(by.id());
            let note =
                Note::counted(now, actor, Act::SettingChanged, Purpose::Request, Owner::Person(member), 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })
    }

    pub(crate) fn note_own(
        &self,
        transaction: &Transaction<'_>,
        who: &Person,
        act: Act,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        let (actor, subject) = (Actor::Person(who.id()), Owner::Person(who.id()));
        access::append(
            transaction,
            self.signing(),
            &Note::counted(now, actor, act, Purpose::Request, subject, 1),
        )?;
        Ok(())
    }
}

/// A witness outlives a removal by as long as its session does; the database has the last word.
pub(crate) fn require_active(transaction: &Transaction<'_>, person: PersonId) -> Result<(), MemberError> {
    let active: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM people WHERE person = ?1 AND gone IS NULL)")?
        .query_row([Id::from(person)], |row| row.get(0))?;
    if active { Ok(()) } else { Err(MemberError::Unknown) }
}

pub(crate) fn require_administrator(transaction: &Transaction<'_>, by: &Person) -> Result<(), MemberError> {
    let administrator: Option<bool> = transaction
        .query_row(
            "SELECT administrator FROM people WHERE person = ?1 AND gone IS NULL",
            [Id::from(by.id())],
            |row| row.get(0),
        )
        .optional()?;
    if administrator == Some(true) { Ok(()) } else { Err(MemberError::NotAdministrator) }
}
