//! A second way in: the person's secret, sealed under what a passkey's authenticator computes.
//!
//! ```text
//! passkey ─WebAuthn PRF→ 32 secret bytes ─XChaCha20-Poly1305→ person's X25519 secret
//! ```
//!
//! The bytes come out of the authenticator only after somebody has proved to it who they are, and the hub forgets them.
//! That the signature is right is for whoever speaks WebAuthn to check ([`Journal::passkey`] says by which key);
//! without the bytes it opens nothing. Deliberately absent: a way in by a signature alone.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use crate::acts::Act;
use crate::codes::Id;
use crate::keys::{self, Secret};
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::sign_in::SignInError;
use crate::store::{Lasting, StoreError};
use crate::{Journal, timestamp};

/// Passkeys of one person.
const MOST: i64 = 20;
/// Bytes of a credential's id (WebAuthn Level 3, section 4).
const CREDENTIAL: usize = 1023;

/// What signatures of a passkey are checked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyPublic {
    /// COSE: -7 is ECDSA on P-256 with SHA-256, -8 Ed25519.
    pub algorithm: i32,
    /// The uncompressed point (65 bytes), or the 32 bytes of Ed25519.
    pub key: Vec<u8>,
    /// The name under which the browser reached the hub; a passkey answers to no other.
    pub host: String,
}

/// A passkey as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub credential: Vec<u8>,
    pub name: String,
    pub host: String,
    pub made: Timestamp,
    pub used: Option<Timestamp>,
}

/// What an authenticator computes for this credential alone: 32 bytes of full entropy. Wiped on drop.
pub struct PasskeySecret(Secret);

impl PasskeySecret {
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        PasskeySecret(Secret::from_bytes(bytes))
    }
}

impl std::fmt::Debug for PasskeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasskeySecret(32 bytes)")
    }
}

impl Journal {
    /// Lets `who` in by this passkey from now on.
    pub fn add_passkey(
        &self,
        who: &Person,
        credential: &[u8],
        name: &str,
        public: &PasskeyPublic,
        secret: &PasskeySecret,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        if credential.is_empty() || credential.len() > CREDENTIAL {
            return Err(MemberError::Passkey);
        }
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let sealed = keys::seal_by_passkey(who.own_secret(), &secret.0, who.id(), credential);
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, who.id())?;
            let own: i64 = transaction.query_row(
                "SELECT count(*) FROM passkeys WHERE person = ?1",
                [Id::from(who.id())],
                |row| row.get(0),
            )?;
            let known: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM passkeys WHERE credential = ?1)",
                [credential],
                |row| row.get(0),
            )?;
            if own >= MOST || known {
                return Err(MemberError::Passkey);
            }
            transaction.execute(
                "INSERT INTO passkeys (credential, person, name, host, made, algorithm, public, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    credential,
                    Id::from(who.id()),
                    name,
                    public.host,
                    now.as_millisecond(),
                    public.algorithm,
                    public.key,
                    sealed
                ],
            )?;
            self.note_own(transaction, who, Act::PasskeyAdded, now)
        })
    }

    /// One's own passkeys, oldest first.
    pub fn passkeys(&self, who: &Person) -> Result<Vec<Passkey>, StoreError> {
        self.store().read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT credential, name, host, made, used FROM passkeys WHERE person = ?1 ORDER BY made",
            )?;
            let passkeys = statement.query_map([Id::from(who.id())], |row| {
                Ok(Passkey {
                    credential: row.get(0)?,
                    name: row.get(1)?,
                    host: row.get(2)?,
                    made: timestamp(row.get(3)?),
                    used: row.get::<_, Option<i64>>(4)?.map(timestamp),
                })
            })?;
            Ok(passkeys.collect::<Result<_, _>>()?)
        })
    }

    /// Destroys one's own passkey; what is left of it in the browser opens nothing any more.
    pub fn remove_passkey(&self, who: &Person, credential: &[u8], now: Timestamp) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, who.id())?;
            let removed = transaction.execute(
                "DELETE FROM passkeys WHERE credential = ?1 AND person = ?2",
                params![credential, Id::from(who.id())],
            )?;
            match removed {
                0 => Err(MemberError::Passkey),
                _ => self.note_own(transaction, who, Act::PasskeyRemoved, now),
            }
        })?;
        self.store().truncate_wal()?;
        Ok(())
    }

    /// What signatures of a credential are checked by, if anybody here has it.
    pub fn passkey(&self, credential: &[u8]) -> Result<Option<PasskeyPublic>, StoreError> {
        self.store().read(|transaction| {
            Ok(transaction
                .prepare_cached("SELECT algorithm, public, host FROM passkeys WHERE credential = ?1")?
                .query_row([credential], |row| {
                    Ok(PasskeyPublic { algorithm: row.get(0)?, key: row.get(1)?, host: row.get(2)? })
                })
                .optional()?)
        })
    }

    /// Proves who somebody is by what their authenticator computed.
    pub fn sign_in_by_passkey(
        &self,
        credential: &[u8],
        secret: &PasskeySecret,
        now: Timestamp,
    ) -> Result<Person, SignInError> {
        let found: Option<(Id, Vec<u8>)> = self.store().read(|transaction| -> Result<_, SignInError> {
            Ok(transaction
                .prepare_cached(
                    "SELECT person, sealed FROM passkeys JOIN people USING (person)
                     WHERE credential = ?1 AND gone IS NULL",
                )?
                .query_row([credential], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?)
        })?;
        let (id, sealed) = found.ok_or(SignInError::NotRight)?;
        let opened = keys::open_by_passkey(&sealed, &secret.0, id.person(), credential)
            .map_err(|_| SignInError::NotRight)?;
        self.store().write(Lasting::Process, |transaction| -> Result<(), SignInError> {
            transaction.execute(
                "UPDATE passkeys SET used = ?2 WHERE credential = ?1",
                params![credential, now.as_millisecond()],
            )?;
            Ok(())
        })?;
        self.admit_by(id.person(), opened)
    }
}
