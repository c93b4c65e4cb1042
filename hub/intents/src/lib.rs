//! Sentence templates → intents and slots, in Home Assistant's format and 62 languages.
//!
//! `files → sentences → automaton ─(text)→ walk → choose → match`
//!
//! Pure: no clock, no network, no audio. Time is an argument where it matters (follow-ups), and files are read only
//! in [`Sentences::load`]. Deliberately absent: what an intent does. That is the hub's.

mod automaton;
mod choose;
mod compile;
mod conversation;
mod distance;
mod files;
mod folding;
mod grammar;
mod home;
mod matcher;
mod near;
mod numbers;
mod outcome;
mod packs;
mod problem;
mod reader;
mod respond;
mod scan;
mod sentences;
mod sound;
mod spread;
mod template;
mod tree;
mod trial;
mod trie;
mod value;
mod walk;

pub use conversation::{Conversation, FOLLOW_UP};
pub use folding::TEXT_LIMIT;
pub use grammar::{Grammar, Says, Transition};
pub use home::{Area, Entity, Floor, Home};
pub use matcher::{Context, Matcher};
pub use outcome::{Alternative, Doubt, Match, Origin, Slot, Source, Unsure};
pub use problem::{LoadError, Problem};
pub use respond::{RespondError, Responder};
pub use sentences::{Action, Sentences};
pub use trial::{Failure, Trial};
pub use value::Value;
