//! The members of the household: who they are, and how they prove it.
//!
//! ```text
//! invite ─token→ join ─passphrase→ key pair, recovery code
//! sign_in(name, passphrase) → Person: the witness that every door asks for, holding the opened key
//! ```
//!
//! A person's secret key is open only inside a [`Person`], which lives in the page's session and is wiped when that
//! ends. Deliberately absent: a way to make a `Person` without the passphrase or the recovery code, and a way to get
//! the key out of one.

use std::fmt;
use std::sync::Mutex;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{PersonId, Retention, Role};
use thiserror::Error;

use crate::access::{self, Act, Actor, Note, Purpose};
use crate::codes::{Code, Id};
use crate::keys::{self, Public, Secret};
use crate::record::Owner;
use crate::search::Remembered;
use crate::store::{Lasting, StoreError};
use crate::tokens::{InviteToken, RecoveryCode};
use crate::{Journal, timestamp};

/// Somebody who has proved who they are, for as long as this value lives.
///
/// It cannot be made outside this crate, copied or printed:
///
/// ```compile_fail,E0451
/// let id = sotto_house::PersonId::from_bytes([1; 16]);
/// let forged = sotto_journal::Person { id, ..panic!() };
/// ```
///
/// ```compile_fail,E0277
/// fn copied<T: Clone>() {}
/// copied::<sotto_journal::Person>();
/// ```
pub struct Person {
    id: PersonId,
    name: String,
    role: Role,
    administrator: bool,
    secret: Secret,
    /// The house's secret, for an adult who was let into the house's recordings.
    house: Option<Secret>,
    /// The words this person has already opened, so that a search does not open them again.
    pub(crate) remembered: Mutex<Remembered>,
}

impl Person {
    pub fn id(&self) -> PersonId {
        self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn is_adult(&self) -> bool {
        self.role == Role::Adult
    }

    /// Looks after the machine; hears nobody by that alone.
    pub fn is_administrator(&self) -> bool {
        self.administrator
    }

    /// Whether the house's recordings open to this person.
    pub fn opens_house(&self) -> bool {
        self.house.is_some()
    }

    /// The secret that opens `owner`'s seals, if this person has it.
    pub(crate) fn secret_of(&self, owner: Owner) -> Option<&Secret> {
        match owner {
            Owner::Person(person) if person == self.id => Some(&self.secret),
            Owner::Person(_) => None,
            Owner::House => self.house.as_ref(),
        }
    }

    /// Everybody whose recordings this person opens.
    pub(crate) fn opens(&self) -> Vec<Owner> {
        let mut owners = vec![Owner::Person(self.id)];
        owners.extend(self.house.as_ref().map(|_| Owner::House));
        owners
    }

    pub(crate) fn own_secret(&self) -> &Secret {
        &self.secret
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", self.id)
    }
}

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

/// Longest name of a member, in characters.
const NAME_LIMIT: usize = 40;
/// How long an invitation may lie about: three days.
const INVITATION: jiff::SignedDuration = jiff::SignedDuration::from_hours(72);

pub(crate) fn passphrase_binding(person: PersonId) -> Vec<u8> {
    [b"by passphrase ".as_slice(), person.bytes()].concat()
}

fn code_binding(person: PersonId) -> Vec<u8> {
    [b"by recovery code ".as_slice(), person.bytes()].concat()
}

fn checked_name(name: &str) -> Result<(&str, String), MemberError> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= NAME_LIMIT && !name.chars().any(char::is_control);
    if fits { Ok((name, name.to_lowercase())) } else { Err(MemberError::Name) }
}

fn check_passphrase(passphrase: &str) -> Result<(), MemberError> {
    if passphrase.chars().count() < MemberError::PASSPHRASE {
        return Err(MemberError::PassphraseShort);
    }
    Ok(())
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

    /// A one-time token by which the first member, an adult and administrator, sets the household up; each call
    /// withdraws the one before. `None` once somebody lives here.
    pub fn set_up_token(&self, now: Timestamp) -> Result<Option<InviteToken>, StoreError> {
        let token = InviteToken::new();
        self.store().write(Lasting::Disk, |transaction| {
            let members: i64 =
                transaction
                    .query_row("SELECT count(*) FROM people WHERE gone IS NULL", [], |row| row.get(0))?;
            if members > 0 {
                return Ok(None);
            }
            transaction.execute("DELETE FROM invites", [])?;
            insert_invite(transaction, &token, Role::Adult, true, now, None, None)?;
            Ok(Some(token))
        })
    }

    /// A one-time token by which somebody joins. From an administrator. For an adult it carries the house's
    /// secret, so `sponsor` must be an adult who opens the house's recordings.
    pub fn invite(
        &self,
        sponsor: &Person,
        role: Role,
        administrator: bool,
        now: Timestamp,
    ) -> Result<InviteToken, MemberError> {
        if !sponsor.is_administrator() {
            return Err(MemberError::NotAdministrator);
        }
        let token = InviteToken::new();
        let house = match role {
            Role::Adult => {
                sponsor.secret_of(Owner::House).map(|house| keys::seal_by_token(house, token.secret()))
            }
            Role::Child | Role::Guest => None,
        };
        self.store().write(Lasting::Disk, |transaction| {
            require_active(transaction, sponsor.id())?;
            insert_invite(transaction, &token, role, administrator, now, Some(sponsor.id()), house)?;
            let actor = Actor::Person(sponsor.id());
            let note =
                Note::counted(now, actor, Act::Invited, Purpose::Request, Owner::Person(sponsor.id()), 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(token)
        })
    }

    /// Joins by a token, once. The passphrase and the code are the only ways to this person's recordings: nobody,
    /// the administrator included, can set another.
    pub fn join(
        &self,
        token: &InviteToken,
        name: &str,
        passphrase: &str,
        now: Timestamp,
    ) -> Result<(PersonId, RecoveryCode), MemberError> {
        let digest = token.digest();
        let invite = self.store().read(|transaction| -> Result<_, MemberError> {
            Ok(transaction
                .query_row(
                    "SELECT role, administrator, expires, sealed FROM invites WHERE digest = ?1",
                    [digest],
                    |row| {
                        Ok((
                            row.get::<_, Code<Role>>(0)?.0,
                            row.get::<_, bool>(1)?,
                            row.get::<_, i64>(2)?,
                            row.get::<_, Option<Vec<u8>>>(3)?,
                        ))
                    },
                )
                .optional()?)
        })?;
        let Some((role, administrator, expires, sealed)) = invite else {
            return Err(MemberError::Invitation);
        };
        if now.as_millisecond() >= expires {
            return Err(MemberError::Invitation);
        }
        let house = sealed.and_then(|sealed| keys::open_by_token(&sealed, token.secret()).ok());
        let newcomer = self.newcomer(name, role, administrator, passphrase)?;
        self.settle(newcomer, house, now, Some(digest))
    }

    /// Adds somebody at the console. An adult added this way opens the house's recordings only if nobody did
    /// before them; otherwise another adult admits them ([`Self::admit`]).
    pub fn add_member(
        &self,
        name: &str,
        role: Role,
        administrator: bool,
        passphrase: &str,
        now: Timestamp,
    ) -> Result<(PersonId, RecoveryCode), MemberError> {
        let newcomer = self.newcomer(name, role, administrator, passphrase)?;
        self.settle(newcomer, None, now, None)
    }

    fn newcomer(
        &self,
        name: &str,
        role: Role,
        administrator: bool,
        passphrase: &str,
    ) -> Result<Newcomer, MemberError> {
        let (name, folded) = checked_name(name)?;
        check_passphrase(passphrase)?;
        let id = PersonId::from_bytes(keys::random());
        let (secret, public) = keys::new_pair();
        let code = RecoveryCode::new();
        let hardness = self.hardness();
        Ok(Newcomer {
            id,
            name: name.to_owned(),
            folded,
            role,
            administrator,
            public,
            by_passphrase: keys::seal_by_passphrase(
                &secret,
                passphrase.as_bytes(),
                hardness,
                &passphrase_binding(id),
            ),
            by_code: keys::seal_by_passphrase(&secret, code.bytes(), hardness, &code_binding(id)),
            code,
        })
    }

    fn settle(
        &self,
        newcomer: Newcomer,
        house: Option<Secret>,
        now: Timestamp,
        invitation: Option<[u8; 32]>,
    ) -> Result<(PersonId, RecoveryCode), MemberError> {
        let Newcomer { id, name, folded, role, administrator, public, by_passphrase, by_code, code } =
            newcomer;
        // A guest leaves no recordings behind unless they choose to.
        let keep = if role == Role::Guest { Retention::NotAtAll } else { Retention::Month };
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            if let Some(digest) = invitation
                && transaction.execute("DELETE FROM invites WHERE digest = ?1", [digest])? == 0
            {
                return Err(MemberError::Invitation);
            }
            let taken: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM people WHERE folded = ?1 AND gone IS NULL)",
                [&folded],
                |row| row.get(0),
            )?;
            if taken {
                return Err(MemberError::NameTaken);
            }
            transaction.execute(
                "INSERT INTO people (person, name, folded, role, administrator, joined, public, by_passphrase,
                                     by_code, keep, transcripts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)",
                params![
                    Id::from(id),
                    name,
                    folded,
                    Code(role),
                    administrator,
                    now.as_millisecond(),
                    public.bytes(),
                    by_passphrase,
                    by_code,
                    Code(keep)
                ],
            )?;
            if let (Some(house), Role::Adult) = (&house, role) {
                self.admit_within(transaction, house, id, &public)?;
            }
            let note = Note::counted(now, Actor::Hub, Act::Joined, Purpose::Request, Owner::Person(id), 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.adopt_house()?;
        Ok((id, code))
    }

    /// Proves who somebody is and opens their key. Costs what [`keys::Hardness`] says, on purpose; call it where
    /// blocking is allowed.
    pub fn sign_in(&self, name: &str, passphrase: &str, now: Timestamp) -> Result<Person, SignInError> {
        let folded = name.trim().to_lowercase();
        self.patience().check(&folded, now)?;
        let row =
            self.store().read(|transaction| -> Result<_, SignInError> { Ok(find(transaction, &folded)?) })?;
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

    fn witness(&self, row: Row, secret: Secret) -> Person {
        let house = row.house.and_then(|sealed| keys::open_secret(&sealed, &secret, row.id).ok());
        Person {
            id: row.id,
            name: row.name,
            role: row.role,
            administrator: row.administrator,
            secret,
            house,
            remembered: Mutex::default(),
        }
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
        let row = self
            .store()
            .read(|transaction| -> Result<_, RecoverError> { Ok(find(transaction, &folded)?) })?;
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

struct Newcomer {
    id: PersonId,
    name: String,
    folded: String,
    role: Role,
    administrator: bool,
    public: Public,
    by_passphrase: Vec<u8>,
    by_code: Vec<u8>,
    code: RecoveryCode,
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

fn find(transaction: &Transaction<'_>, folded: &str) -> rusqlite::Result<Option<Row>> {
    transaction
        .query_row(
            "SELECT people.person, name, role, administrator, by_passphrase, by_code, house_seals.sealed
             FROM people LEFT JOIN house_seals USING (person) WHERE folded = ?1 AND gone IS NULL",
            [folded],
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

fn insert_invite(
    transaction: &Transaction<'_>,
    token: &InviteToken,
    role: Role,
    administrator: bool,
    now: Timestamp,
    sponsor: Option<PersonId>,
    house: Option<Vec<u8>>,
) -> rusqlite::Result<()> {
    let expires = now.as_millisecond() + INVITATION.as_millis() as i64;
    transaction.execute("DELETE FROM invites WHERE expires <= ?1", [now.as_millisecond()])?;
    transaction.execute(
        "INSERT INTO invites (digest, role, administrator, expires, sponsor, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![token.digest(), Code(role), administrator, expires, sponsor.map(Id::from), house],
    )?;
    Ok(())
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
