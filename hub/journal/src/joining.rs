//! Becoming a member: by an invitation, or at the console.
//!
//! `set_up_token or invite → join(token, name, passphrase) → key pair, recovery code`. The token of an adult's
//! invitation carries the house's secret, so nobody's passphrase is needed when they join.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{PersonId, Retention, Role};

use crate::Journal;
use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::guardian;
use crate::keys::{self, Public, Secret};
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::Owner;
use crate::sign_in::{check_passphrase, code_binding, passphrase_binding};
use crate::store::{Lasting, StoreError};
use crate::tokens::{InviteToken, RecoveryCode};

/// Longest name of a member, in characters.
const NAME_LIMIT: usize = 40;
/// How long an invitation may lie about: three days.
const INVITATION: jiff::SignedDuration = jiff::SignedDuration::from_hours(72);

fn checked_name(name: &str) -> Result<(&str, String), MemberError> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= NAME_LIMIT && !name.chars().any(char::is_control);
    if fits { Ok((name, name.to_lowercase())) } else { Err(MemberError::Name) }
}

impl Journal {
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
                    "SELECT role, administrator, expires, sealed, sponsor FROM invites WHERE digest = ?1",
                    [digest],
                    |row| {
                        Ok((
                            row.get::<_, Code<Role>>(0)?.0,
                            row.get::<_, bool>(1)?,
                            row.get::<_, i64>(2)?,
                            row.get::<_, Option<Vec<u8>>>(3)?,
                            row.get::<_, Option<Id>>(4)?.map(Id::person),
                        ))
                    },
                )
                .optional()?)
        })?;
        let Some((role, administrator, expires, sealed, sponsor)) = invite else {
            return Err(MemberError::Invitation);
        };
        if now.as_millisecond() >= expires {
            return Err(MemberError::Invitation);
        }
        let house = sealed.and_then(|sealed| keys::open_by_token(&sealed, token.secret()).ok());
        let newcomer = self.newcomer(name, role, administrator, passphrase)?;
        // Whoever invites a child looks after it, until an administrator says otherwise.
        let guardian = sponsor.filter(|_| role == Role::Child);
        self.settle(newcomer, house, guardian, now, Some(digest))
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
        self.settle(newcomer, None, None, now, None)
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
        guardian: Option<PersonId>,
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
            if let Some(guardian) = guardian {
                guardian::appoint(transaction, id, guardian)?;
            }
            let note = Note::counted(now, Actor::Hub, Act::Joined, Purpose::Request, Owner::Person(id), 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.adopt_house()?;
        Ok((id, code))
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
