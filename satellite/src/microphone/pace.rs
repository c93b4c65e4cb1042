//! Sound that is at hand all at once, given out at the speed at which it would be spoken.

use std::time::{Duration, Instant};

use crate::sound::FRAME_TIME;

/// How late a source may be and still catch up; a source that is later than this has paused.
const CATCH_UP: Duration = Duration::from_millis(200);

pub struct Pace {
    next: Instant,
}

impl Pace {
    pub fn new() -> Self {
        Self { next: Instant::now() }
    }

    /// Waits until the next frame is due.
    pub fn wait(&mut self) {
        let now = Instant::now();
        if now > self.next + CATCH_UP {
            self.next = now;
        }
        std::thread::sleep(self.next.saturating_duration_since(now));
        self.next += FRAME_TIME;
    }
}
