//! How often something may be tried: a leaky bucket per name, in memory, bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::session::locked;

/// Buckets kept at once. When more callers than this are at it, the fullest stay and the rest are let through
/// to the other limits (there is one per address and one per person).
const MOST: usize = 4096;

/// `burst` tries at once, then one every `every`.
pub struct Limit<K> {
    burst: u32,
    every: Duration,
    /// When the bucket will be empty again.
    empty_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    pub fn new(burst: u32, every: Duration) -> Self {
        Limit { burst, every, empty_at: Mutex::default() }
    }

    /// Takes one try, or says how long to wait for the next.
    pub fn take(&self, who: &K) -> Result<(), Duration> {
        self.take_at(who, Instant::now())
    }

    fn take_at(&self, who: &K, now: Instant) -> Result<(), Duration> {
        let mut empty_at = locked(&self.empty_at);
        let level = empty_at.get(who).copied().unwrap_or(now).max(now);
        let full = now + self.every * (self.burst - 1);
        if level > full {
            return Err(level - full);
        }
        if empty_at.len() >= MOST && !empty_at.contains_key(who) {
            empty_at.retain(|_, at| *at > now);
            if empty_at.len() >= MOST
                && let Some(least) = empty_at.iter().min_by_key(|(_, at)| **at).map(|(who, _)| who.clone())
            {
                empty_at.remove(&least);
            }
        }
        empty_at.insert(who.clone(), level + self.every);
        Ok(())
    }

    /// Gives everything back: the person has shown that they know the passphrase.
    pub fn forgive(&self, who: &K) {
        locked(&self.empty_at).remove(who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn five_at_once_and_then_one_a_minute() {
        let limit = Limit::new(5, MINUTE);
        let now = Instant::now();
        for _ in 0..5 {
            assert_eq!(limit.take_at(&"ada", now), Ok(()));
        }
        let wait = limit.take_at(&"ada", now).unwrap_err();
        assert!(wait <= MINUTE && wait > Duration::ZERO, "{wait:?}");
        assert_eq!(limit.take_at(&"ben", now), Ok(()), "one person's tries are not another's");
        assert_eq!(limit.take_at(&"ada", now + wait), Ok(()));
        assert!(limit.take_at(&"ada", now + wait).is_err());
        limit.forgive(&"ada");
        assert_eq!(limit.take_at(&"ada", now), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let limit = Limit::new(5, MINUTE);
        let now = Instant::now();
        for who in 0..MOST + 50 {
            let _ = limit.take_at(&who, now);
        }
        assert!(locked(&limit.empty_at).len() <= MOST);
    }
}
