//! Wake words that a household teaches by saying them a few times.
//!
//! ```text
//! samples ─ mel ─ network ─ speech: what was just said ─▶ word: probability
//! takes ─ take (where the word is; is it fit?) ─ learn (beside background) ─▶ word's file
//! ```
//!
//! A network that was taught on a great deal of speech (Google's speech embedding, as openWakeWord has it) makes
//! numbers of what was just said in which the same words lie near each other. A word is then a straight line between
//! them and all other speech, and a few recordings are enough to draw it: docs/decisions/0123.
//!
//! Deliberately absent: the recordings, which are forgotten once learned from.

mod mel;
mod network;
mod speech;
mod word;

mod background;
mod learn;
mod take;

mod weights;

pub use learn::{LEAST, LearnError, Lesson, MOST, Teacher};
pub use take::{Take, Unfit, is_said};
pub use weights::{FILE, fetch};

pub(crate) use network::{BLOCK, Network};
pub(crate) use speech::{Said, Speech};
pub(crate) use weights::open;
pub(crate) use word::{KIND, Taught, Weights};
