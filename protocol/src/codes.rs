//! The pairing code that is out: one at a time, ten minutes, five tries.

use std::time::{Duration, Instant};

use crate::secret::Code;
use crate::wire::RefusedReason;

/// How long a code is good for, if nobody asks for more.
pub const CODE_LIFETIME: Duration = Duration::from_secs(600);
/// Nobody may ask for more: a card is written, and its first boot done, in less.
pub const CODE_LIFETIME_AT_MOST: Duration = Duration::from_secs(2 * 3600);

/// Wrong tries that burn a code.
const TRIES: u32 = 5;

/// Tries may not come faster, whoever makes them: five guesses of a hundred million, and then a new code.
const PACE: Duration = Duration::from_secs(1);

/// What became of the code that was made last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeState {
    None,
    Waiting { left: Duration },
    Used,
    Expired,
    Burnt,
}

#[derive(Debug, Default)]
pub struct Codes {
    out: Option<Out>,
    next_try: Option<Instant>,
    used: bool,
}

#[derive(Debug)]
struct Out {
    code: Code,
    until: Instant,
    tries: u32,
}

impl Codes {
    /// Puts a code out in place of the last one.
    pub fn put_out(&mut self, now: Instant, code: Code, good_for: Duration) {
        self.out = Some(Out { code, until: now + good_for.min(CODE_LIFETIME_AT_MOST), tries: 0 });
        self.used = false;
    }

    /// Whether a new code must be put out for anybody to pair.
    pub fn is_over(&self, now: Instant) -> bool {
        !matches!(self.state(now), CodeState::Waiting { .. })
    }

    /// The code to check one try against. The try counts from here, whatever becomes of it: a guess that is
    /// broken off half-way must not be free.
    pub fn a_try(&mut self, now: Instant) -> Result<Code, RefusedReason> {
        if self.next_try.is_some_and(|next| now < next) {
            return Err(RefusedReason::TooFast);
        }
        self.next_try = Some(now + PACE);
        let out = self.out.as_mut().filter(|out| now < out.until).ok_or(RefusedReason::NoCode)?;
        if out.tries >= TRIES {
            return Err(RefusedReason::Burnt);
        }
        out.tries += 1;
        Ok(out.code.clone())
    }

    /// `code` has paired a satellite. False where another code has been put out since, or this one already
    /// paired somebody: it is good for one.
    pub fn used(&mut self, code: &Code) -> bool {
        let fits = self.out.as_ref().is_some_and(|out| out.code == *code);
        if fits {
            self.out = None;
            self.used = true;
            // The pace is for those who guess; the next satellite need not wait.
            self.next_try = None;
        }
        fits
    }

    pub fn state(&self, now: Instant) -> CodeState {
        match &self.out {
            None if self.used => CodeState::Used,
            None => CodeState::None,
            Some(out) if now >= out.until => CodeState::Expired,
            Some(out) if out.tries >= TRIES => CodeState::Burnt,
            Some(out) => CodeState::Waiting { left: out.until - now },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_tries_burn_a_code_and_time_does_too() {
        let mut now = Instant::now();
        let code: Code = "1234 5678".parse().unwrap();
        let mut codes = Codes::default();
        assert_eq!(codes.a_try(now), Err(RefusedReason::NoCode));
        codes.put_out(now, code.clone(), CODE_LIFETIME);
        assert_eq!(codes.a_try(now), Err(RefusedReason::TooFast));
        for _ in 0..TRIES {
            now += PACE;
            assert_eq!(codes.a_try(now), Ok(code.clone()));
        }
        now += PACE;
        assert_eq!(codes.a_try(now), Err(RefusedReason::Burnt));
        assert_eq!(codes.state(now), CodeState::Burnt);

        codes.put_out(now, code.clone(), CODE_LIFETIME_AT_MOST * 2);
        now += CODE_LIFETIME_AT_MOST - PACE;
        assert!(!codes.is_over(now), "who asked for more got it");
        now += PACE;
        assert_eq!(codes.state(now), CodeState::Expired, "and not for ever");

        codes.put_out(now, code.clone(), CODE_LIFETIME);
        now += CODE_LIFETIME;
        assert_eq!(codes.a_try(now), Err(RefusedReason::NoCode));
        assert_eq!(codes.state(now), CodeState::Expired);

        codes.put_out(now, code.clone(), CODE_LIFETIME);
        now += PACE;
        assert_eq!(codes.a_try(now), Ok(code.clone()));
        assert!(codes.used(&code) && !codes.used(&code), "a code pairs one satellite");
        assert_eq!(codes.state(now), CodeState::Used);
        now += PACE;
        assert_eq!(codes.a_try(now), Err(RefusedReason::NoCode));
    }
}
