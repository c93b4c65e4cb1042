//! All sentences of a language as one automaton: shared nodes, compiled once, never expanded.
//!
//! Every distinct piece of a template is one node, however many sentences use it, so `<area>` is compiled once for
//! five hundred sentences. The sentences themselves form a trie over nodes: those that begin alike share their
//! beginning. Each node knows with which characters it can begin, so most of the trie is ruled out by a glance at
//! the next character. Rules and permutations only ever add nodes, they are not multiplied out: memory is linear in
//! what the files say, permutations aside (2^parts, at most eight parts).

use crate::folding::SkipWords;
use crate::numbers::Range;
use crate::problem::Problem;
use crate::trie::Trie;
use crate::value::Value;

pub(crate) type Id = u32;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// Matches nothing at all: what an empty alternative is in Home Assistant's format.
    Never,
    Empty,
    /// Folded text without its outer blanks, and whether it has any. Only a blank where `core` is empty.
    Text {
        core: Box<[char]>,
        lead: bool,
        trail: bool,
    },
    Sequence(Box<[Id]>),
    Alternative(Box<[Id]>),
    List {
        list: u32,
        slot: u32,
        end_of_word: bool,
    },
}

/// With what a node can begin (a bit for each of 64 buckets of characters), and whether it can match nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct First {
    pub mask: u64,
    pub nullable: bool,
    /// How deeply the node is nested, and of how many it is made.
    pub depth: u32,
    pub size: u64,
}

pub(crate) fn bucket(c: char) -> u64 {
    1 << ((c as u32).wrapping_mul(0x9E37_79B1) >> 26)
}

#[derive(Debug, Clone)]
pub(crate) enum Lexicon {
    Values { words: Trie, templates: Vec<(Id, u32)> },
    Range { range: Range, words: Trie, spoken: Vec<f64> },
    Wildcard,
}

/// One thing that a list value can be.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub out: Option<Value>,
    pub context: Vec<(String, Value)>,
    /// The id of the area, floor or entity that it names.
    pub id: Option<String>,
    /// The name of the area in which the entity is.
    pub area: Option<String>,
}

/// A node of the trie of sentences.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fork {
    pub branches: Vec<(Id, u32)>,
    /// Sentences (indices) that are complete here.
    pub ends: Vec<u32>,
}

/// Where a sentence stands: intent, block, sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub intent: u32,
    pub block: u32,
    pub sentence: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Automaton {
    pub nodes: Vec<Node>,
    pub first: Vec<First>,
    pub lexicons: Vec<Lexicon>,
    pub values: Vec<Listed>,
    pub slots: Vec<String>,
    pub forks: Vec<Fork>,
    /// In the order of the files: what is earlier wins where all else is equal.
    pub positions: Vec<Position>,
    pub skip: SkipWords,
    pub ignore_whitespace: bool,
    pub problems: Vec<Problem>,
}

impl Automaton {
    pub fn slot(&self, name: &str) -> Option<u32> {
        self.slots.iter().position(|s| s == name).map(|at| at as u32)
    }
}
