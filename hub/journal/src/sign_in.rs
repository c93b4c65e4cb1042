//! Proving who one is: by passphrase, or by the recovery code when that is forgotten; see also [`crate::passkeys`].

use jiff::Timestamp;
use rusqlite::{OptionalExtension, ToSql, Transaction, params};
use sotto_house::{PersonId, Role};
use thiserror::Error;

use crate::Journal;
use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::keys::{self, Secret};
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::Owner;
use crate::store::{Lasting, StoreError};
use crate::tokens::RecoveryCode;

/// Why somebody was not signed in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The same for a name nobody has, so that it does not tell who lives here.
    #[error("name and passphrase do not fit together; try again, or use the recovery code")]
    NotRight,
    #[error("too many wrong tries; wait until {until}")]
    Wait { until: Timestamp },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for SignInError {
    fn from(error: rusqlite::Error) -> Self {
        SignInError::Store(error.into())
    }
}
/// Why a recovery code did not work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecoverError {
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error(transparent)]
    Member(#[from] MemberError),
}

impl From<StoreError> for RecoverError {
    fn from(error: StoreError) -> Self {
        RecoverError::SignIn(error.into())
    }
}

impl From<rusqlite::Error> for RecoverError {
    fn from(error: rusqlite::Error) -> Self {
        RecoverError::SignIn(error.into())
    }
}

pub(crate) fn passphrase_binding(person: PersonId) -> Vec<u8> {
    [b"by passphrase ".as_slice(), person.bytes()].concat()
}

pub(crate) fn code_binding(person: PersonId) -> Vec<u8> {
    [b"by recovery code ".as_slice(), person.bytes()].concat()
}

pub(crate) fn check_passphrase(passphrase: &str) -> Result<(), MemberError> {
    if passphrase.chars().count() < MemberError::PASSPHRASE {
        return Err(MemberError::PassphraseShort);
    }
    Ok(())
}
impl Journal {
    /// Proves who somebody is and opens their key. Costs what [`keys::Hardness`] says, on purpose; call it where
    /// blocking is allowed.
    pub fn sign_in(&self, name: &str, passphrase: &str, now: Timestamp) -> Result<Person, SignInError> {
        let folded = name.trim().to_lowercase();
        self.patience().check(&folded, now)?;
        let row = self.store().read(|transaction| -> Result<_, SignInError> {
            Ok(find(transaction, "folded = ?1", &folded)?)
        })?;
        let opened = match &row {
            Some(row) => keys::open_by_passphrase(
                &row.by_passphrase,
                passphrase.as_bytes(),
                &passphrase_binding(row.id),
            ),
            None => {
                // As slow as a wrong passphrase, so that the time does not tell who lives here.
                keys::seal_by_passphrase(
                    &Secret::random(),
                    passphrase.as_bytes(),
                    self.hardness(),
                    b"nobody",
                );
                Err(keys::Broken)
            }
        };
        match (row, opened) {
            (Some(row), Ok(secret)) => {
                self.patience().forget(&folded);
                Ok(self.witness(row, secret))
            }
            _ => {
                self.patience().note_failure(&folded, now);
                Err(SignInError::NotRight)
            }
        }
    }

    /// The witness of somebody whose own secret was just opened.
    pub(crate) fn admit_by(&self, person: PersonId, secret: Secret) -> Result<Person, SignInError> {
        let row = self.store().read(|transaction| -> Result<_, SignInError> {
            Ok(find(transaction, "people.person = ?1", Id::from(person))?)
        })?;
        Ok(self.witness(row.ok_or(SignInError::NotRight)?, secret))
    }

    fn witness(&self, row: Row, secret: Secret) -> Person {
        let house = row.house.and_then(|sealed| keys::open_secret(&sealed, &secret, row.id).ok());
        Person::proved(row.id, row.name, row.role, row.administrator, secret, house)
    }

    /// Sets another passphrase. Re-seals one key; no recording is touched.
    pub fn change_passphrase(
        &self,
        who: &Person,
        old: &str,
        new: &str,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        check_passphrase(new)?;
        let sealed: Vec<u8> = self.store().read(|transaction| -> Result<_, MemberError> {
            require_active(transaction, who.id())?;
            Ok(transaction.query_row(
                "SELECT by_passphrase FROM people WHERE person = ?1",
                [Id::from(who.id())],
                |row| row.get(0),
            )?)
        })?;
        keys::open_by_passphrase(&sealed, old.as_bytes(), &passphrase_binding(who.id()))
            .map_err(|_| MemberError::WrongPassphrase)?;
        let sealed = keys::seal_by_passphrase(
            who.own_secret(),
            new.as_bytes(),
            self.hardness(),
            &passphrase_binding(who.id()),
        );
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, who.id())?;
            transaction.execute(
                "UPDATE people SET by_passphrase = ?2 WHERE person = ?1",
                params![Id::from(who.id()), sealed],
            )?;
            self.note_own(transaction, who, Act::PassphraseChanged, now)
        })?;
        self.store().truncate_wal()?;
        Ok(())
    }

    /// Signs in by the printed code and sets a new passphrase. The code is used up: a new one comes back.
    pub fn recover(
        &self,
        name: &str,
        code: &RecoveryCode,
        new_passphrase: &str,
        now: Timestamp,
    ) -> Result<(Person, RecoveryCode), RecoverError> {
        check_passphrase(new_passphrase)?;
        let folded = name.trim().to_lowercase();
        self.patience().check(&folded, now)?;
        let row = self.store().read(|transaction| -> Result<_, RecoverError> {
            Ok(find(transaction, "folded = ?1", &folded)?)
        })?;
        let opened = row.as_ref().ok_or(keys::Broken).and_then(|row| {
            keys::open_by_passphrase(&row.by_code, code.bytes(), &code_binding(row.id))
                .map(|secret| (row, secret))
        });
        let Ok((found, secret)) = opened else {
            self.patience().note_failure(&folded, now);
            return Err(SignInError::NotRight.into());
        };
        self.patience().forget(&folded);
        let next = RecoveryCode::new();
        let hardness = self.hardness();
        let id = found.id;
        let by_passphrase =
            keys::seal_by_passphrase(&secret, new_passphrase.as_bytes(), hardness, &passphrase_binding(id));
        let by_code = keys::seal_by_passphrase(&secret, next.bytes(), hardness, &code_binding(id));
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            transaction.execute(
                "UPDATE people SET by_passphrase = ?2, by_code = ?3 WHERE person = ?1",
                params![Id::from(id), by_passphrase, by_code],
            )?;
            let note =
                Note::counted(now, Actor::Person(id), Act::Recovered, Purpose::Request, Owner::Person(id), 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.store().truncate_wal()?;
        match row {
            Some(row) => Ok((self.witness(row, secret), next)),
            None => Err(SignInError::NotRight.into()),
        }
    }
}

/// What signing in needs of a member.
struct Row {
    id: PersonId,
    name: String,
    role: Role,
    administrator: bool,
    by_passphrase: Vec<u8>,
    by_code: Vec<u8>,
    house: Option<Vec<u8>>,
}

/// The one active member for whom `which` holds.
fn find(transaction: &Transaction<'_>, which: &str, value: impl ToSql) -> rusqlite::Result<Option<Row>> {
    transaction
        .query_row(
            &format!(
                "SELECT people.person, name, role, administrator, by_passphrase, by_code, house_seals.sealed
                 FROM people LEFT JOIN house_seals USING (person) WHERE {which} AND gone IS NULL"
            ),
            [value],
            |row| {
                Ok(Row {
                    id: row.get::<_, Id>(0)?.person(),
                    name: row.get(1)?,
                    role: row.get::<_, Code<Role>>(2)?.0,
                    administrator: row.get(3)?,
                    by_passphrase: row.get(4)?,
                    by_code: row.get(5)?,
                    house: row.get(6)?,
                })
            },
        )
        .optional()
}
