//! What a text was understood as, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// An understood command: what to do, with what, and the reason.
#[derive(Clone, PartialEq)]
pub struct Match {
    pub intent: String,
    pub slots: Vec<Slot>,
    /// Which sentence of which file.
    pub sentence: Source,
    /// Key of the response among the language's responses to this intent.
    pub response: String,
    /// From 0 to 1: 1 for an exact match.
    pub confidence: f32,
    /// How much less likely the next different command is, from 0 to 1. 1 where there is none.
    pub margin: f32,
    /// The words of the sentence that the text was taken for. Equal to what was heard in an exact match.
    pub understood: String,
    /// What came next, best first.
    pub alternatives: Vec<Alternative>,
    /// Context at the end: what was given, and what the named thing brought (`domain` …).
    pub context: BTreeMap<String, Value>,
    pub metadata: Vec<(String, Value)>,
    /// Which of several hypotheses of a speech engine this came from, from 0.
    pub hypothesis: usize,
}

/// A slot's value and where it came from.
#[derive(Clone, PartialEq)]
pub struct Slot {
    pub name: String,
    pub value: Value,
    /// The words that filled it, as heard; empty where none did.
    pub spoken: String,
    /// Id of the area, floor or entity named, where it is one of the house's.
    pub id: Option<String>,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A list value or number that was said.
    Spoken,
    /// Free words.
    Wildcard,
    /// The sentence always means it.
    Sentence,
    /// Where it was said, or who said it.
    Context,
    /// The command before.
    Before,
}

/// A sentence template and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub template: Arc<str>,
    pub file: Arc<str>,
    pub line: u32,
}

/// Something else that the text could have meant.
#[derive(Clone, PartialEq)]
pub struct Alternative {
    pub intent: String,
    pub slots: Vec<Slot>,
    pub sentence: Source,
    pub confidence: f32,
}

impl Match {
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|s| s.name == name)
    }
}

/// Words stay out of logs: names and sizes only.
impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Match")
            .field("intent", &self.intent)
            .field("slots", &self.slots)
            .field("sentence", &format_args!("{}:{}", self.sentence.file, self.sentence.line))
            .field("confidence", &self.confidence)
            .field("margin", &self.margin)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}, {} characters)", self.name, self.origin, self.spoken.chars().count())
    }
}

impl fmt::Debug for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.intent, self.slots)
    }
}
