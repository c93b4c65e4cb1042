//! What may be said, as a graph of words, for a speech engine to listen along.
//!
//! `automaton → pieces of text → words → trimmed`. Templates put words together from pieces (`light[s]`), so the
//! graph is first built of pieces and blanks, from the ends of the sentences to their beginnings, which lets equal
//! endings share their states; then the pieces between two blanks become words. Names are only put where the
//! sentence wants that kind of thing; a list too long to repeat is put in once, for all. The graph is bounded:
//! sentences that do not fit are named.

mod words;

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::automaton::{Automaton, Id, Lexicon, Node};
use crate::conversation::CONJUNCTIONS;
use crate::folding::is_word;
use crate::outcome::Source;
use crate::sentences::{Block, Sentences};

/// Lists with more spellings than this are put in once and shared, at the price of sentences that mix them up.
const SHARED_FROM: usize = 400;

/// How often a command is followed by another in the same breath.
const GOES_ON: f32 = 0.02;

/// A finite-state graph of words. State 0 is the start, `end` the only end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grammar {
    /// How many states there are; they are numbered from 0.
    pub states: u32,
    pub end: u32,
    pub transitions: Vec<Transition>,
    /// Sentences that had no room.
    pub left_out: Vec<Source>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub from: u32,
    pub to: u32,
    pub says: Says,
    /// Of all transitions from its state, how likely this one is; they sum to 1. Those from the end, to another
    /// command in the same breath, are few: mostly one command is all.
    pub probability: f32,
}

/// What is said on the way from one state to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Says {
    Nothing,
    /// One word in lower case, without punctuation; numbers are spelled out.
    Word(String),
    /// One or more words of any kind.
    Anything,
}

impl Grammar {
    /// Every word, each once, in order.
    pub fn vocabulary(&self) -> Vec<&str> {
        let words = self.transitions.iter().filter_map(|t| match &t.says {
            Says::Word(word) => Some(word.as_str()),
            _ => None,
        });
        let mut words: Vec<&str> = words.collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// The graph without the words that an engine does not know, and without the ways that are dead ends then.
    pub fn keep(&self, known: impl Fn(&str) -> bool) -> Grammar {
        let transitions = self.transitions.iter().filter(|t| match &t.says {
            Says::Word(word) => known(word),
            Says::Nothing | Says::Anything => true,
        });
        words::trim(
            self.end,
            transitions.map(|t| (t.from, t.to, t.says.clone())).collect(),
            self.left_out.clone(),
        )
    }
}

/// The grammar of all sentences, with at most `limit` transitions. With `as_spoken`, skip words may be said at the
/// beginning, and several commands in one breath.
pub(crate) fn export(sentences: &Sentences, automaton: &Automaton, limit: usize, as_spoken: bool) -> Grammar {
    let mut builder = Builder::new(automaton, limit);
    let mut left_out = Vec::new();
    let mut heads = Vec::new();
    for (ends, position) in automaton.positions.iter().enumerate() {
        let block = &sentences.intents[position.intent as usize].blocks[position.block as usize];
        let path = builder.paths[ends].clone();
        let before = (builder.states.len(), builder.edges);
        match builder.sentence(&path, block) {
            Some(head) => heads.push(head),
            None => {
                builder.forget(before);
                let sentence = &block.sentences[position.sentence as usize];
                let (template, file) = (sentence.text.clone(), sentence.file.clone());
                left_out.push(Source { template, file, line: sentence.line });
            }
        }
    }
    let start = builder.states.len() as u32;
    builder.states.push(heads.into_iter().map(|head| (Piece::Nothing, head)).collect());
    let first = builder.states.len() as u32;
    let mut edges = vec![(Piece::Nothing, start)];
    if as_spoken {
        let before = |word: &str| (Piece::Text(format!("{} ", spoken(word)).into()), start);
        edges.extend(sentences.skip_words.iter().map(|word| before(word)));
        let conjunctions = sentences.plain_values(CONJUNCTIONS).into_iter().map(before);
        builder.states[END as usize].extend(conjunctions);
    }
    builder.states.push(edges);
    builder.words(first, left_out)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Piece {
    Nothing,
    Blank,
    /// Part of a word, or several words with blanks between.
    Text(Box<str>),
    Anything,
}

/// State 0 is the end of every sentence, state 1 a dead end.
const END: u32 = 0;
const DEAD: u32 = 1;

struct Builder<'a> {
    automaton: &'a Automaton,
    /// The nodes of each sentence.
    paths: Vec<Vec<Id>>,
    states: Vec<Vec<(Piece, u32)>>,
    edges: usize,
    limit: usize,
    known: HashMap<(Id, u32, u32), u32>,
    /// What blocks want of the things they name → a number for it.
    filters: HashMap<String, u32>,
    /// Whether a node holds a list whose values differ in context.
    filtered: Vec<bool>,
    /// Shared lists: (list, filter) → first and last state.
    shared: HashMap<(u32, u32), (u32, u32)>,
}

impl<'a> Builder<'a> {
    fn new(automaton: &'a Automaton, limit: usize) -> Self {
        let mut paths = vec![Vec::new(); automaton.positions.len()];
        let mut open = vec![(0, Vec::new())];
        while let Some((fork, path)) = open.pop() {
            for end in &automaton.forks[fork].ends {
                paths[*end as usize] = path.clone();
            }
            open.extend(automaton.forks[fork].branches.iter().map(|(node, next)| {
                let mut path = path.clone();
                path.push(*node);
                (*next as usize, path)
            }));
        }
        // Nodes come after those they are made of.
        let mut filtered: Vec<bool> = Vec::with_capacity(automaton.nodes.len());
        for node in &automaton.nodes {
            filtered.push(match node {
                Node::Sequence(items) | Node::Alternative(items) => {
                    items.iter().any(|i| filtered[*i as usize])
                }
                Node::List { list, .. } => match &automaton.lexicons[*list as usize] {
                    Lexicon::Values { words, templates } => {
                        let context = |v: u32| !automaton.values[v as usize].context.is_empty();
                        words.spellings().iter().any(|(_, s)| context(s.value))
                            || templates.iter().any(|(_, v)| context(*v))
                    }
                    _ => false,
                },
                _ => false,
            });
        }
        let (known, filters, shared) = (HashMap::new(), HashMap::new(), HashMap::new());
        let states = vec![Vec::new(), Vec::new()];
        Builder { automaton, paths, states, edges: 0, limit, known, filters, filtered, shared }
    }

    /// The first state of a sentence, or `None` where it does not fit into the limit.
    fn sentence(&mut self, path: &[Id], block: &Block) -> Option<u32> {
        let wanted = format!("{:?} {:?}", block.requires, block.excludes);
        let number = self.filters.len() as u32 + 1;
        let filter = *self.filters.entry(wanted).or_insert(number);
        let mut next = END;
        for node in path.iter().rev() {
            next = self.build(*node, next, filter, block)?;
        }
        Some(next)
    }

    /// Undoes a sentence that had no room.
    fn forget(&mut self, (states, edges): (usize, usize)) {
        self.states.truncate(states);
        self.edges = edges;
        let gone = states as u32;
        self.known.retain(|(_, next, _), state| *state < gone && *next < gone);
        self.shared.retain(|_, (first, last)| *first < gone && *last < gone);
        for edges in &mut self.states {
            edges.retain(|(_, to)| *to < gone);
        }
    }

    fn state(&mut self, edges: Vec<(Piece, u32)>) -> Option<u32> {
        self.edges += edges.len();
        if self.edges > self.limit {
            return None;
        }
        self.states.push(edges);
        Some(self.states.len() as u32 - 1)
    }

    /// A state from which `node` and then what begins at `next` may be said.
    fn build(&mut self, node: Id, next: u32, filter: u32, block: &Block) -> Option<u32> {
        let automaton = self.automaton;
        let key = (node, next, if self.filtered[node as usize] { filter } else { 0 });
        if let Some(state) = self.known.get(&key) {
            return Some(*state);
        }
        let state = match &automaton.nodes[node as usize] {
            Node::Never => DEAD,
            Node::Empty => next,
            Node::Text { core, lead, trail } => {
                let text: String = core.iter().collect();
                let blank = |on: bool| if on { " " } else { "" };
                let text = format!("{}{}{}", blank(*lead), spoken(&text), blank(*trail));
                let piece = if text == " " { Piece::Blank } else { Piece::Text(text.into()) };
                self.state(vec![(piece, next)])?
            }
            Node::Sequence(items) => {
                let mut state = next;
                for item in items.iter().rev() {
                    state = self.build(*item, state, filter, block)?;
                }
                state
            }
            Node::Alternative(items) => {
                let mut edges = Vec::with_capacity(items.len());
                for item in items {
                    edges.push((Piece::Nothing, self.build(*item, next, filter, block)?));
                }
                self.state(edges)?
            }
            Node::List { list, .. } => self.list(*list, next, filter, block)?,
        };
        self.known.insert(key, state);
        Some(state)
    }

    fn list(&mut self, list: u32, next: u32, filter: u32, block: &Block) -> Option<u32> {
        let automaton = self.automaton;
        match &automaton.lexicons[list as usize] {
            Lexicon::Wildcard => self.state(vec![(Piece::Anything, next)]),
            Lexicon::Range { words, .. } => {
                let mut texts: Vec<String> =
                    words.spellings().into_iter().map(|(text, _)| spoken(&text)).collect();
                texts.sort_unstable();
                texts.dedup();
                self.texts(texts, next, (list, 0))
            }
            Lexicon::Values { words, templates } => {
                let wanted =
                    |value: u32| crate::choose::value_fits(block, &automaton.values[value as usize].context);
                let spellings = words.spellings();
                let mut texts: Vec<String> =
                    spellings.iter().filter(|(_, s)| wanted(s.value)).map(|(text, _)| spoken(text)).collect();
                texts.sort_unstable();
                texts.dedup();
                let plain = self.texts(texts, next, (list, filter))?;
                let mut edges = vec![(Piece::Nothing, plain)];
                for (node, value) in templates {
                    if wanted(*value) {
                        edges.push((Piece::Nothing, self.build(*node, next, filter, block)?));
                    }
                }
                if edges.len() == 1 { Some(plain) } else { self.state(edges) }
            }
        }
    }

    fn texts(&mut self, texts: Vec<String>, next: u32, key: (u32, u32)) -> Option<u32> {
        if texts.len() <= SHARED_FROM {
            return self.state(texts.into_iter().map(|text| (Piece::Text(text.into()), next)).collect());
        }
        let (first, last) = match self.shared.get(&key) {
            Some(both) => *both,
            None => {
                let last = self.state(Vec::new())?;
                let first =
                    self.state(texts.into_iter().map(|text| (Piece::Text(text.into()), last)).collect())?;
                self.shared.insert(key, (first, last));
                (first, last)
            }
        };
        self.edges += 1;
        self.states[last as usize].push((Piece::Blank, next));
        Some(first)
    }
}

/// A text as it is said: lower case, no punctuation, hyphens as blanks.
pub(crate) fn spoken(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfc().map(crate::folding::fold) {
        if is_word(c) && c != '_' || is_combining_mark(c) || c == '\'' {
            out.push(c);
        } else if (c.is_whitespace() || matches!(c, '-' | '_' | '/'))
            && !out.ends_with(' ')
            && !out.is_empty()
        {
            out.push(' ');
        }
    }
    let kept = out.trim_end().len();
    out.truncate(kept);
    out
}
