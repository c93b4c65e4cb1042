//! The house: what the household has decided, as one pure machine.
//!
//! `Event in → House::handle(now, event) → Effect out`. No input or output, no clock, no threads; time is an
//! argument, so a test runs a whole evening in a millisecond. Deliberately absent: any type that could hold
//! audio, a transcript or a key. What this crate cannot name, it cannot leak.

mod names;
mod outcome;
mod retention;

pub use names::{Area, NameError, PersonId, RecordingId, SatelliteId, UtteranceId};
pub use outcome::{Outcome, Role};
pub use retention::Retention;
