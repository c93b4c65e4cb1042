//! Personal tokens: what a program of one's own carries instead of a passphrase.
//!
//! A token opens what its person opens, as far as its scopes go. It holds the session it was made in, and with it the
//! person's opened key, so it lives in memory and ends when the hub restarts: a token that survived would be a second
//! copy of the key on the disk. Signing out everywhere ends it too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use sotto_house::PersonId;

use crate::session::{Session, locked, same, secret};

/// A token ends by itself after this long.
pub const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Tokens one person may have.
const MOST: usize = 20;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// History with its words, access records, receipts, settings, people.
    Read,
    /// Sound.
    Listen,
    /// Settings, and whose a recording is.
    Change,
    Erase,
    /// Satellites, engines and the test bench; changing them still takes an administrator.
    House,
    /// Invitations and members; most of it takes an administrator.
    People,
    /// One's own ways in: passphrase, sessions, passkeys, tokens.
    Account,
}

impl Scope {
    pub const ALL: [(Scope, &'static str); 7] = [
        (Scope::Read, "read"),
        (Scope::Listen, "listen"),
        (Scope::Change, "change"),
        (Scope::Erase, "erase"),
        (Scope::House, "house"),
        (Scope::People, "people"),
        (Scope::Account, "account"),
    ];

    pub fn name(self) -> &'static str {
        Scope::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    pub fn named(name: &str) -> Option<Scope> {
        Scope::ALL.iter().find(|(_, known)| *known == name).map(|(scope, _)| *scope)
    }
}

/// One token as its owner sees it.
pub struct Token<P> {
    pub name: String,
    pub scopes: Vec<Scope>,
    /// Names it on the page; of no use as a token.
    pub handle: String,
    pub since: SystemTime,
    pub session: Arc<Session<P>>,
    began: Instant,
}

pub struct Tokens<P> {
    all: Mutex<HashMap<[u8; 32], Arc<Token<P>>>>,
}

impl<P> Default for Tokens<P> {
    fn default() -> Self {
        Tokens { all: Mutex::default() }
    }
}

impl<P> Tokens<P> {
    /// Makes a token; the text is shown once. `None` when the person has too many.
    pub fn make(
        &self,
        session: Arc<Session<P>>,
        name: &str,
        scopes: Vec<Scope>,
    ) -> Result<Option<String>, getrandom::Error> {
        let token = format!("sotto_{}", secret()?);
        let handle = secret()?;
        let mut all = locked(&self.all);
        all.retain(|_, token| token.began.elapsed() < LIFETIME);
        if all.values().filter(|token| token.session.id == session.id).count() >= MOST {
            return Ok(None);
        }
        let name = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let (since, began) = (SystemTime::now(), Instant::now());
        all.insert(key(&token), Arc::new(Token { name, scopes, handle, since, session, began }));
        Ok(Some(token))
    }

    pub fn of(&self, token: &str) -> Option<Arc<Token<P>>> {
        locked(&self.all).get(&key(token)).filter(|token| token.began.elapsed() < LIFETIME).cloned()
    }

    /// A person's own, newest first.
    pub fn own(&self, id: PersonId) -> Vec<Arc<Token<P>>> {
        let mut own: Vec<_> =
            locked(&self.all).values().filter(|one| one.session.id == id).cloned().collect();
        own.sort_by_key(|token| std::cmp::Reverse(token.began));
        own
    }

    /// Ends one token of a person; false when that person has no such token.
    pub fn end_one(&self, id: PersonId, handle: &str) -> bool {
        let mut all = locked(&self.all);
        let before = all.len();
        all.retain(|_, token| token.session.id != id || !same(&token.handle, handle));
        all.len() != before
    }

    pub fn end_all(&self, id: PersonId) {
        locked(&self.all).retain(|_, token| token.session.id != id);
    }
}

fn key(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
