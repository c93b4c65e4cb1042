//! Speech engines behind one trait: audio frames in, hypotheses with word confidences and times out.
//!
//! ```text
//! open(Config) ─▶ Engine ─ begin ─▶ Hearing ─ push… finish ─▶ Vec<Hypothesis>
//!                   │
//!                   ├ phrase   the house's own sentences: built in, and far better with Moonshine's network
//!                   ├ whisper  any sentence, when a model is installed
//!                   ├ both     the two compete
//!                   └ remote   a Wyoming server elsewhere in the house
//! ```
//!
//! Beside the engines, [`speaker`] tells voices apart.
//!
//! Deliberately absent: what the words mean, who said them in which room, and where clips are kept. No error,
//! log line or `Debug` here holds a word or a sample.

mod approximate;
mod engine;
mod grammar;
mod open;
mod word_graph;

mod pool;
mod queue;
mod recognizer;
mod silence;

mod both;
mod local;
pub mod moonshine;
mod phrase;
mod remote;
mod whisper;

mod swap;

pub mod catalogue;
pub mod pull;
mod speed;

mod child;
mod sandbox;
mod wire;
pub mod worker;

pub mod speaker;

pub use engine::{ACCEPT, Engine, FORCED, Hearing, HearingError, Hypothesis, LONGEST, RATE, Request, Word};
pub use grammar::{Grammar, GrammarNotes, Transition};
pub use open::{Choice, Chosen, Config, chosen, open};
pub use remote::Servers;
pub use speed::speed;
pub use swap::Swap;
