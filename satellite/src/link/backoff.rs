//! How long to wait before the next try: at once, then longer and longer, never all satellites together. No clock.

use std::time::Duration;

/// The first wait. A hub that restarts is back after some hundred milliseconds.
const FIRST: Duration = Duration::from_millis(100);

/// The longest: after ten minutes without a cable, this is what people wait for.
const LONGEST: Duration = Duration::from_secs(8);

/// A connection that held for so long was a good one; what comes after it begins anew.
const GOOD: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// How long to wait after a connection that held for `held`: nothing, where none came about. `luck` from 0 to 1
    /// spreads the waits between half of it and all of it, so that the satellites of a house do not all call in the
    /// same moment after a power cut.
    pub fn next(&mut self, held: Duration, luck: f64) -> Duration {
        if held >= GOOD {
            self.tries = 0;
        }
        let full = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        full.mul_f64(0.5 + luck.clamp(0.0, 1.0) / 2.0)
    }
}

/// A number from 0 to 1. Where the system gives no random numbers, a middling one does.
pub fn luck() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_again() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..10).map(|_| backoff.next(Duration::ZERO, 1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000, 8000]);
        assert_eq!(backoff.next(GOOD / 2, 0.0).as_millis(), 4000);
        assert_eq!(backoff.next(GOOD, 0.0).as_millis(), 50);
        for _ in 0..100 {
            assert!((50..=8000).contains(&backoff.next(Duration::ZERO, luck()).as_millis()));
        }
    }
}
