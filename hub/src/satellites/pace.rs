//! How fast one satellite may speak: a bucket of tokens that fills with time. No IO, no clock.
//!
//! A satellite that has none left is simply not read from until it has; QUIC's flow control then holds it back at
//! its own end, and nobody else waits.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Pace {
    tokens: f64,
    most: f64,
    per_second: f64,
    at: Instant,
}

impl Pace {
    pub fn new(now: Instant, most: u32, per_second: u32) -> Pace {
        Pace { tokens: most.into(), most: most.into(), per_second: per_second.into(), at: now }
    }

    /// Takes one token, and gives how long to wait first: zero while there are some.
    pub fn take(&mut self, now: Instant) -> Duration {
        let filled = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + filled).min(self.most) - 1.0;
        self.at = now;
        Duration::from_secs_f64((-self.tokens / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_waits() {
        let now = Instant::now();
        let mut pace = Pace::new(now, 10, 100);
        assert!((0..10).all(|_| pace.take(now).is_zero()));
        assert_eq!(pace.take(now), Duration::from_millis(10));
        assert_eq!(pace.take(now), Duration::from_millis(20));
        assert!(pace.take(now + Duration::from_secs(60)).is_zero());
    }
}
