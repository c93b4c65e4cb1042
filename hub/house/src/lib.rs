//! The house: what the household has decided, as one pure machine.
//!
//! `Event in → House::handle(now, event) → Effect out`. No input or output, no clock, no threads; time is an
//! argument, so a test runs a whole evening in a millisecond. Deliberately absent: any type that could hold
//! audio, a transcript or a key. What this crate cannot name, it cannot leak.
//!
//! ```text
//! Opened ─ contest ─ second look ─ Record … Ended ─ Transcribe ─ Understand ─ Command ─ Conclude
//!             └ lost: Discard         └ nobody called: Discard
//! ```

mod names;
mod outcome;
mod retention;

mod asking;
mod speaker;

mod event;

mod contest;
mod house;
mod policy;
mod session;

pub use asking::{Ask, Doors, Refusal};
pub use contest::{Bid, Reason};
pub use event::{Acted, Effect, End, Event, Note, Stages, Trigger, Understanding};
pub use house::House;
pub use names::{Area, NameError, PersonId, RecordingId, SatelliteId, UtteranceId};
pub use outcome::{Outcome, Role};
pub use policy::Policy;
pub use retention::{FALSE_WAKE_KEPT, FalseWakes, Kept, Retention};
pub use speaker::{Calibration, Candidate, Recognition, Speaker, Voice};
