//! What a text was understood as, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::home::{Area, OWN_ROOM};
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

/// Nothing that is sure enough to act on.
#[derive(Clone, PartialEq)]
pub struct Unsure {
    /// What came nearest, best first.
    pub nearest: Vec<Alternative>,
    pub why: Doubt,
}

/// Why nothing was understood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// No sentence is anywhere near.
    NothingNear,
    /// Too many words would have to be other ones.
    TooFar { confidence: f32 },
    /// A name or number does not sound like what was heard.
    Name,
    /// Two different meanings are about as near.
    TooClose { margin: f32 },
    /// It refers to a command before, and there was none, or none that fits.
    NothingBefore,
    /// It speaks of the speaker's own room, and whose voice it is, or which room is theirs, is not known.
    WhoseRoom,
}

impl Match {
    pub(crate) fn as_alternative(&self) -> Alternative {
        let Match { intent, slots, sentence, confidence, .. } = self.clone();
        Alternative { intent, slots, sentence, confidence }
    }

    /// Puts the area called `room` in the place of the speaker's own; false where it is needed and there is none.
    pub(crate) fn settle_in(&mut self, room: Option<&Area>) -> bool {
        self.slots.iter_mut().filter(|slot| slot.id.as_deref() == Some(OWN_ROOM)).all(|slot| {
            room.inspect(|room| {
                slot.value = Value::from(room.name.as_str());
                slot.id = Some(room.id.clone());
            })
            .is_some()
        })
    }

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

impl fmt::Debug for Unsure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsure ({:?}, {:?})", self.why, self.nearest)
    }
}

impl fmt::Debug for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.intent, self.slots)
    }
}

impl Match {
    /// Why this was understood, in words for a person: sentence, slots and where each came from, what came second.
    pub fn explain(&self) -> String {
        let mut lines = vec![format!("{}{}", self.intent, in_brackets(&self.slots))];
        lines.push(format!(
            "  sentence   {}  ({}:{})",
            self.sentence.template, self.sentence.file, self.sentence.line
        ));
        if self.confidence < 1.0 {
            lines.push(format!(
                "  taken for  {:?}, confidence {:.2}, margin {:.2}",
                self.understood, self.confidence, self.margin
            ));
        } else {
            lines.push("  word for word".to_owned());
        }
        if self.hypothesis > 0 {
            lines.push(format!("  from       hypothesis {} of the speech engine", self.hypothesis + 1));
        }
        for slot in &self.slots {
            let from = match slot.origin {
                Origin::Spoken | Origin::Wildcard => format!("said as {:?}", slot.spoken),
                Origin::Sentence => "what the sentence means".to_owned(),
                Origin::Context => "where it was said".to_owned(),
                Origin::Before => "the command before".to_owned(),
            };
            lines.push(format!("  {:<10} {} ({from})", slot.name, slot.value));
        }
        lines.extend(self.alternatives.iter().map(|other| format!("  next       {}", other.explain())));
        lines.join("\n")
    }
}

impl Alternative {
    fn explain(&self) -> String {
        let Source { template, file, line } = &self.sentence;
        format!(
            "{:.2} {}{}  {template}  ({file}:{line})",
            self.confidence,
            self.intent,
            in_brackets(&self.slots)
        )
    }
}

impl Unsure {
    /// Why nothing was understood, in words for a person, and what came nearest.
    pub fn explain(&self) -> String {
        let mut lines = vec![format!("not understood: {}", self.why)];
        lines.extend(self.nearest.iter().map(|other| format!("  near       {}", other.explain())));
        lines.join("\n")
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NothingNear => f.write_str("no sentence is near"),
            Doubt::TooFar { confidence } => {
                write!(f, "the nearest sentence is too far away (confidence {confidence:.2})")
            }
            Doubt::Name => {
                f.write_str("a name or number in the nearest sentence does not sound like what was heard")
            }
            Doubt::NothingBefore => f.write_str("it refers to a command before, and there is none that fits"),
            Doubt::WhoseRoom => f.write_str("whose room that is is not known"),
            Doubt::TooClose { margin } => write!(f, "two meanings are about as near (margin {margin:.2})"),
        }
    }
}

fn in_brackets(slots: &[Slot]) -> String {
    let slots: Vec<String> = slots.iter().map(|s| format!("{} = {}", s.name, s.value)).collect();
    if slots.is_empty() { String::new() } else { format!(" ({})", slots.join(", ")) }
}
