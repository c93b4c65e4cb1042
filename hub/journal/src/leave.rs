//! Leaving the household: a member's key is destroyed, and with it everything that was theirs.
//!
//! What stays is a name, so that the access log of the others can still say who listened.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use sotto_house::PersonId;

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::chosen::{Chosen, Order};
use crate::codes::Id;
use crate::erase::Receipt;
use crate::people::{MemberError, require_active, require_administrator};
use crate::person::Person;
use crate::record::Owner;
use crate::selection::{Asked, What};
use crate::store::Lasting;
use crate::{Change, Journal};

impl Journal {
    /// Removes a member with all their recordings: themselves, or an administrator (who gets to erase, not to hear).
    pub fn remove_member(
        &self,
        by: &Person,
        member: PersonId,
        now: Timestamp,
    ) -> Result<Receipt, MemberError> {
        self.leave(Actor::Person(by.id()), member, now, |transaction| {
            require_active(transaction, by.id())?;
            if by.id() == member { Ok(()) } else { require_administrator(transaction, by) }
        })
    }

    /// The same at the console, by whoever holds the machine: they could as well take it away.
    pub fn remove_member_at_console(&self, member: PersonId, now: Timestamp) -> Result<Receipt, MemberError> {
        self.leave(Actor::Hub, member, now, |_| Ok(()))
    }

    fn leave(
        &self,
        actor: Actor,
        member: PersonId,
        now: Timestamp,
        allowed: impl FnOnce(&Transaction<'_>) -> Result<(), MemberError>,
    ) -> Result<Receipt, MemberError> {
        let order = Order { actor, why: Purpose::Request, asked: Asked::Person, now };
        let receipt = self.store().write(Lasting::Disk, |transaction| -> Result<Receipt, MemberError> {
            allowed(transaction)?;
            require_active(transaction, member)?;
            require_another_administrator(transaction, member)?;
            let mut chosen = Chosen::new(transaction)?;
            chosen.add(Owner::Person(member), &What::Everything)?;
            let receipt = chosen.erase(self, &order)?;
            forget(transaction, member, now)?;
            let note = Note::counted(now, actor, Act::Left, Purpose::Request, Owner::Person(member), 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(receipt)
        })?;
        self.renew_voices_key()?;
        self.ensure_house(now)?;
        self.scrub(1000)?;
        self.store().truncate_wal()?;
        self.announce(Change::Members);
        Ok(receipt)
    }
}

/// Somebody must be left to look after the machine, unless nobody is left at all.
fn require_another_administrator(transaction: &Transaction<'_>, member: PersonId) -> Result<(), MemberError> {
    let (others, administrators): (i64, i64) = transaction.query_row(
        "SELECT count(*), coalesce(sum(administrator), 0) FROM people WHERE gone IS NULL AND person <> ?1",
        [Id::from(member)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let was_one: Option<bool> = transaction
        .query_row("SELECT administrator FROM people WHERE person = ?1", [Id::from(member)], |row| row.get(0))
        .optional()?;
    if others > 0 && administrators == 0 && was_one == Some(true) {
        return Err(MemberError::LastAdministrator);
    }
    Ok(())
}

/// Destroys every form of a member's key, and what others had sealed to them.
pub(crate) fn forget(
    transaction: &Transaction<'_>,
    member: PersonId,
    now: Timestamp,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE people SET gone = ?2, public = NULL, by_passphrase = NULL, by_code = NULL, review = 0,
                           training = 0, voice_erasure = 0, reviewer = 0, administrator = 0
         WHERE person = ?1",
        rusqlite::params![Id::from(member), now.as_millisecond()],
    )?;
    for sql in [
        "DELETE FROM house_seals WHERE person = ?1",
        "DELETE FROM satellite_owner WHERE person = ?1",
        "DELETE FROM review_seals WHERE reviewer = ?1",
        "DELETE FROM invites WHERE sponsor = ?1",
        "DELETE FROM guardians WHERE child = ?1 OR guardian = ?1",
        "DELETE FROM voices WHERE person = ?1",
        "DELETE FROM passkeys WHERE person = ?1",
    ] {
        transaction.execute(sql, [Id::from(member)])?;
    }
    Ok(())
}
