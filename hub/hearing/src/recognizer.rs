//! One speech engine at work on one clip at a time; several of them, one a thread or process, make an `Engine`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::engine::{HearingError, Hypothesis, Request};
use crate::word_graph::Prepared;

/// Turns one whole clip into words.
pub trait Recognizer: Send {
    /// What may be said from now on; engines without a grammar do nothing.
    fn set_grammar(&mut self, _grammar: &Prepared) -> Result<(), HearingError> {
        Ok(())
    }

    /// Hears a clip (16 kHz mono, at most `LONGEST`). Looks at `cancel` often enough to stop within 100 ms.
    fn hear(
        &mut self,
        samples: &[i16],
        request: &Request,
        cancel: &Cancel,
    ) -> Result<Vec<Hypothesis>, HearingError>;
}

/// Whether a clip is still wanted: until somebody cancels it, or its time is over.
#[derive(Clone)]
pub struct Cancel {
    cancelled: Arc<AtomicBool>,
    deadline: Instant,
}

impl Cancel {
    pub fn at(deadline: Instant) -> Self {
        Cancel { cancelled: Arc::new(AtomicBool::new(false)), deadline }
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub fn check(&self) -> Result<(), HearingError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(HearingError::Cancelled);
        }
        if Instant::now() >= self.deadline {
            return Err(HearingError::TimedOut);
        }
        Ok(())
    }
}
