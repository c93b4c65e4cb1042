//! Who is signed in. Sessions live in memory only: a restart of the hub signs everybody out, and with the
//! session goes the person's opened key.
//!
//! Deliberately absent: a way to find a session by person from outside this file, or to write one to disk.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use sotto_house::PersonId;

/// Signed out after this long without a request: a tablet on the kitchen wall should not stay somebody's.
pub const IDLE: Duration = Duration::from_secs(60 * 60);
/// Signed out after this long whatever happens, because the opened key is in memory all the while.
pub const ABSOLUTE: Duration = Duration::from_secs(12 * 60 * 60);
/// More sessions than any household has; the one longest unused makes room.
const MOST: usize = 512;

/// The cookie's name: `__Host-` makes browsers insist on HTTPS, this host alone, and the whole path.
pub const COOKIE: &str = "__Host-sotto";

/// 256 random bits as 64 hexadecimal digits.
pub fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Equal, in a time that tells nothing about where they differ.
pub fn same(a: &str, b: &str) -> bool {
    let (a, b) = (Sha256::digest(a.as_bytes()), Sha256::digest(b.as_bytes()));
    a.iter().zip(b.iter()).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

/// One browser in which one person is signed in.
pub struct Session<P> {
    pub person: P,
    pub id: PersonId,
    /// What every form of this session must bring back.
    pub csrf: String,
    /// Names the session on the page of one's own sessions; of no use as a cookie.
    pub handle: String,
    /// What the browser calls itself, shortened.
    pub browser: String,
    pub since: SystemTime,
    began: Instant,
    seen: Mutex<Instant>,
    /// Whether this person reviews others' nameless clips: only for the menu, the journal decides.
    pub reviewer: AtomicBool,
    /// The recording being played, so that range requests need not open it again.
    pub playing: Mutex<Option<crate::audio::Playing>>,
    /// How far the archive is that this person is taking away.
    pub taking: Mutex<Option<sotto_journal::Progress>>,
}

impl<P> Session<P> {
    fn alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) < ABSOLUTE
            && now.saturating_duration_since(*locked(&self.seen)) < IDLE
    }
}

/// A poisoned lock still holds sessions that are whole: every change below is a single step.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every session of the house, by the SHA-256 of its cookie: who reads the hub's memory map of keys, or times
/// a lookup, still has no cookie.
pub struct Sessions<P> {
    all: Mutex<HashMap<[u8; 32], Arc<Session<P>>>>,
}

impl<P> Default for Sessions<P> {
    fn default() -> Self {
        Sessions { all: Mutex::default() }
    }
}

impl<P> Sessions<P> {
    /// Opens a session; the text is the cookie's value.
    pub fn open(&self, person: P, id: PersonId, browser: &str) -> Result<String, getrandom::Error> {
        let cookie = secret()?;
        let now = Instant::now();
        let session = Session {
            person,
            id,
            csrf: secret()?,
            handle: secret()?,
            browser: browser.chars().filter(|c| !c.is_control()).take(120).collect(),
            since: SystemTime::now(),
            began: now,
            seen: Mutex::new(now),
            reviewer: AtomicBool::new(false),
            playing: Mutex::new(None),
            taking: Mutex::new(None),
        };
        let mut all = locked(&self.all);
        all.retain(|_, session| session.alive(now));
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, s)| *locked(&s.seen)).map(|(key, _)| *key)
        {
            all.remove(&oldest);
        }
        all.insert(key(&cookie), Arc::new(session));
        Ok(cookie)
    }

    /// The session of a cookie, its idle time begun anew; `None` when there is none or its time is over.
    pub fn of(&self, cookie: &str) -> Option<Arc<Session<P>>> {
        self.of_at(cookie, Instant::now())
    }

    fn of_at(&self, cookie: &str, now: Instant) -> Option<Arc<Session<P>>> {
        let key = key(cookie);
        let mut all = locked(&self.all);
        let session = all.get(&key)?.clone();
        if !session.alive(now) {
            all.remove(&key);
            return None;
        }
        *locked(&session.seen) = now;
        Some(session)
    }

    pub fn close(&self, cookie: &str) {
        locked(&self.all).remove(&key(cookie));
    }

    /// Closes one session of a person by its handle; false when that person has no such session.
    pub fn close_one(&self, id: PersonId, handle: &str) -> bool {
        let mut all = locked(&self.all);
        let before = all.len();
        all.retain(|_, session| session.id != id || !same(&session.handle, handle));
        all.len() != before
    }

    /// Signs a person out everywhere, except in the session with the handle `but`.
    pub fn close_all(&self, id: PersonId, but: Option<&str>) {
        locked(&self.all).retain(|_, s| s.id != id || but.is_some_and(|handle| same(&s.handle, handle)));
    }

    /// Puts the reviewers' page into somebody's menu, or takes it away.
    pub fn set_reviewer(&self, id: PersonId, reviewer: bool) {
        for session in locked(&self.all).values().filter(|session| session.id == id) {
            session.reviewer.store(reviewer, Ordering::Relaxed);
        }
    }

    /// A person's own sessions, newest first.
    pub fn own(&self, id: PersonId) -> Vec<Arc<Session<P>>> {
        let now = Instant::now();
        let all = locked(&self.all);
        let mut own: Vec<_> = all.values().filter(|s| s.id == id && s.alive(now)).cloned().collect();
        own.sort_by_key(|session| std::cmp::Reverse(session.began));
        own
    }
}

fn key(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(byte: u8) -> PersonId {
        PersonId::from_bytes([byte; 16])
    }

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let sessions = Sessions::default();
        let cookie = sessions.open((), person(1), "a browser").unwrap();
        let start = Instant::now();
        assert!(sessions.of_at(&cookie, start + IDLE - Duration::from_secs(9)).is_some());
        let mut now = start;
        while now < start + ABSOLUTE - Duration::from_secs(60) {
            assert!(sessions.of_at(&cookie, now).is_some(), "used every half hour, it lives");
            now += IDLE / 2;
        }
        assert!(sessions.of_at(&cookie, start + ABSOLUTE + Duration::from_secs(9)).is_none());
        assert!(sessions.of_at(&cookie, start).is_none(), "once over, over");

        let cookie = sessions.open((), person(1), "").unwrap();
        assert!(sessions.of_at(&cookie, Instant::now() + IDLE + Duration::from_secs(9)).is_none());
    }

    #[test]
    fn everyone_closes_their_own_and_nobody_elses() {
        let sessions = Sessions::default();
        let cookies: Vec<_> = [1, 1, 2].map(|who| sessions.open((), person(who), "").unwrap()).into();
        let handle = sessions.of(&cookies[2]).unwrap().handle.clone();
        assert!(!sessions.close_one(person(1), &handle));
        let mine = sessions.of(&cookies[0]).unwrap().handle.clone();
        sessions.close_all(person(1), Some(&mine));
        assert_eq!(cookies.iter().map(|c| sessions.of(c).is_some()).collect::<Vec<_>>(), [true, false, true]);
        sessions.close_all(person(1), None);
        assert_eq!(sessions.own(person(1)).len(), 0);
        assert_eq!(sessions.own(person(2)).len(), 1);
    }

    #[test]
    fn there_are_never_more_than_fit() {
        let sessions = Sessions::default();
        for _ in 0..MOST + 5 {
            sessions.open((), person(1), &"x".repeat(100_000)).unwrap();
        }
        assert_eq!(sessions.own(person(1)).len(), MOST);
        assert!(sessions.own(person(1)).iter().all(|session| session.browser.len() <= 120));
    }
}
