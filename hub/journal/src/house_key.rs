//! The house's own key: what nobody in particular said belongs to the house, and opens to each of its adults.
//!
//! ```text
//! first start: new pair; public half on the disk, secret half in this process's memory only
//! first adult: secret half sealed to them; forgotten here
//! next adults: an adult who opens it seals it to them (by invitation, or `admit`)
//! ```
//!
//! So the hub can always write the house's recordings and, once anybody lives here, never read them. If the hub ends
//! before the first adult joined, nobody can ever open what it recorded until then: at the next start that is erased
//! and a new pair made. Deliberately absent: the secret half on the disk in any form that needs no passphrase.

use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{PersonId, Role};

use jiff::Timestamp;

use crate::Journal;
use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::keys::{self, Public, Secret};
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::Owner;
use crate::store::{Lasting, StoreError, lock};

impl Journal {
    /// At start and at every sweep: makes the pair if there is none, or if the one there is can be opened by nobody
    /// (no adult was there yet when the last hub ended; the last one who opened it has left).
    pub(crate) fn ensure_house(&self, now: Timestamp) -> Result<(), StoreError> {
        if !self.store().keeper() {
            return Ok(());
        }
        if lock(self.house_in_memory()).is_some() {
            return self.adopt_house();
        }
        let openable: bool = self.store().read(|transaction| -> Result<_, StoreError> {
            Ok(transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM house) AND EXISTS (SELECT 1 FROM house_seals)",
                [],
                |row| row.get(0),
            )?)
        })?;
        if openable { Ok(()) } else { self.renew_house(now) }
    }

    /// A new pair; what only the old one opened is erased with it.
    pub(crate) fn renew_house(&self, now: Timestamp) -> Result<(), StoreError> {
        self.erase_everything_of(Owner::House, Actor::Hub, Purpose::Upkeep, now)?;
        let (secret, public) = keys::new_pair();
        self.store().write(Lasting::Disk, |transaction| -> Result<(), StoreError> {
            transaction
                .execute("INSERT OR REPLACE INTO house (one, public) VALUES (1, ?1)", [public.bytes()])?;
            Ok(())
        })?;
        *lock(self.house_in_memory()) = Some(secret);
        self.adopt_house()
    }

    /// While no adult opens the house and this process still has its secret: seals it to the adults there are, and
    /// forgets it. Also finds an adult whom a command beside the hub has added.
    pub(crate) fn adopt_house(&self) -> Result<(), StoreError> {
        let mut kept = lock(self.house_in_memory());
        let Some(secret) = kept.as_ref() else { return Ok(()) };
        let adults: Vec<(PersonId, Public)> = self.store().read(|transaction| -> Result<_, StoreError> {
            let mut statement = transaction
                .prepare_cached("SELECT person, public FROM people WHERE gone IS NULL AND role = ?1")?;
            let adults = statement.query_map([Code(Role::Adult)], |row| {
                Ok((row.get::<_, Id>(0)?.person(), row.get::<_, [u8; 32]>(1)?))
            })?;
            let mut found = Vec::new();
            for adult in adults {
                let (person, public) = adult?;
                found.extend(Public::from_slice(&public).map(|public| (person, public)));
            }
            Ok(found)
        })?;
        if adults.is_empty() {
            return Ok(());
        }
        self.store().write(Lasting::Disk, |transaction| -> Result<(), StoreError> {
            for (person, public) in &adults {
                seal_to(transaction, secret, *person, public)?;
            }
            Ok(())
        })?;
        *kept = None;
        Ok(())
    }

    /// Lets an adult whom the administrator added at the console into the house's recordings. Only an adult who
    /// opens them can: being administrator is not enough.
    pub fn admit(&self, by: &Person, newcomer: PersonId, now: Timestamp) -> Result<(), MemberError> {
        let Some(house) = by.secret_of(Owner::House) else { return Err(MemberError::NotAdult) };
        self.store().write(Lasting::Disk, |transaction| {
            require_active(transaction, by.id())?;
            let found: Option<(Role, Option<[u8; 32]>)> = transaction
                .query_row(
                    "SELECT role, public FROM people WHERE person = ?1 AND gone IS NULL",
                    [Id::from(newcomer)],
                    |row| Ok((row.get::<_, Code<Role>>(0)?.0, row.get(1)?)),
                )
                .optional()?;
            let Some((role, Some(public))) = found else { return Err(MemberError::Unknown) };
            if role != Role::Adult {
                return Err(MemberError::NotAdult);
            }
            let public = Public::from_slice(&public).map_err(|_| StoreError::Damaged)?;
            self.admit_within(transaction, house, newcomer, &public)?;
            let note =
                Note::counted(now, Actor::Person(by.id()), Act::Admitted, Purpose::Request, Owner::House, 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })
    }

    pub(crate) fn admit_within(
        &self,
        transaction: &Transaction<'_>,
        house: &Secret,
        person: PersonId,
        public: &Public,
    ) -> rusqlite::Result<()> {
        seal_to(transaction, house, person, public)
    }
}

fn seal_to(
    transaction: &Transaction<'_>,
    house: &Secret,
    person: PersonId,
    public: &Public,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT OR REPLACE INTO house_seals (person, sealed) VALUES (?1, ?2)",
        params![Id::from(person), keys::seal_secret(house, public, person)],
    )?;
    Ok(())
}

/// The key that seals what `owner` owns: theirs, or the house's.
pub(crate) fn public_of(transaction: &Transaction<'_>, owner: Owner) -> Result<Option<Public>, StoreError> {
    let found: Option<[u8; 32]> = match owner {
        Owner::Person(person) => transaction
            .prepare_cached("SELECT public FROM people WHERE person = ?1 AND gone IS NULL")?
            .query_row([Id::from(person)], |row| row.get(0))
            .optional()?,
        Owner::House => transaction
            .prepare_cached("SELECT public FROM house")?
            .query_row([], |row| row.get(0))
            .optional()?,
    };
    found.map(|bytes| Public::from_slice(&bytes).map_err(|_| StoreError::Damaged)).transpose()
}
