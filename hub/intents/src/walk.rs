//! A text through the automaton: every way in which it can be read.
//!
//! A node is tried at a place only once and its outcomes kept, so that `<area>` at the eighth character is worked
//! out once for all sentences that ask. Ways that end alike, with the same slots, are one way. Steps and ways are
//! bounded, so that no template and no text can take long.
//!
//! White space, hyphens, wildcards and numbers behave as in hassil 3.0.1, for which the sentences were written:
//! at the start of a word blanks are skipped; after a list value a word may follow with or without a blank; a word
//! that does not fit is tried again with its hyphens as blanks; a wildcard reaches up to the next text that fits.

mod leaves;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::automaton::{Automaton, Id, Lexicon, Node, bucket};
use crate::folding::{Heard, is_punctuation};
use crate::scan::skip_blanks;
use crate::spread::Spread;

/// Most outcomes of one node at one place.
const WAYS_LIMIT: usize = 256;
/// Most nodes tried for one text. A usual sentence takes a few thousand.
const STEPS_LIMIT: u32 = 1_000_000;
const NONE: u16 = u16::MAX;

/// Where the walk is in the text, in one number: position, start of a word, hyphens as blanks, and an open
/// wildcard (which began at the position) that may end only where a word begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(u32);

impl State {
    const WORD_START: u32 = 1 << 16;
    const BROKEN: u32 = 1 << 17;
    const OPEN: u32 = 1 << 18;
    const OPEN_AT_WORDS: u32 = 1 << 19;

    const START: State = State(State::WORD_START);

    fn position(self) -> usize {
        (self.0 & 0xFFFF) as usize
    }

    fn is(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    fn with(self, flag: u32, on: bool) -> State {
        State(if on { self.0 | flag } else { self.0 & !flag })
    }

    fn at(self, position: usize) -> State {
        State(self.0 & !0xFFFF | position as u32)
    }

    fn closed(self) -> State {
        State(self.0 & !(State::OPEN | State::OPEN_AT_WORDS))
    }
}

/// A slot that was filled on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    pub slot: u32,
    pub what: Filling,
    pub start: u16,
    /// `u16::MAX` while a wildcard is open.
    pub end: u16,
    /// A name whose hyphens were said as blanks.
    pub loose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Filling {
    Value(u32),
    Number(f64),
    Wildcard,
}

/// One way through a node: where it ends, where it closed a wildcard that was open before it, and its slots.
#[derive(Debug, Clone, Copy)]
struct Way {
    end: State,
    close: u16,
    /// Characters of sentence text that were matched, list values not counted.
    literals: u16,
    hits: u32,
    hits_len: u16,
}

/// One way through a whole sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// Index into the automaton's positions.
    pub sentence: u32,
    pub literals: u16,
    pub hits: Vec<Hit>,
}

pub(crate) struct Walk<'a> {
    automaton: &'a Automaton,
    heard: &'a Heard,
    known: HashMap<u64, (u32, u32), BuildHasherDefault<Spread>>,
    ways: Vec<Way>,
    hits: Vec<Hit>,
    spare: Vec<Vec<Way>>,
    steps: u32,
    readings: Vec<Reading>,
}

/// Every way to read the text as one of the sentences, in the order of the trie.
pub(crate) fn readings(automaton: &Automaton, heard: &Heard) -> Vec<Reading> {
    let mut walk = Walk {
        automaton,
        heard,
        known: HashMap::default(),
        ways: Vec::new(),
        hits: Vec::new(),
        spare: Vec::new(),
        steps: 0,
        readings: Vec::new(),
    };
    let start = [Way { end: State::START, close: NONE, literals: 0, hits: 0, hits_len: 0 }];
    walk.fork(0, &start);
    walk.readings
}

impl Walk<'_> {
    fn text(&self, state: State) -> &[char] {
        match &self.heard.broken {
            Some(broken) if state.is(State::BROKEN) => broken,
            _ => &self.heard.folded,
        }
    }

    fn fork(&mut self, fork: usize, prefixes: &[Way]) {
        let automaton = self.automaton;
        for sentence in &automaton.forks[fork].ends {
            for way in prefixes {
                self.finish(*sentence, *way);
            }
        }
        for (node, next) in &automaton.forks[fork].branches {
            let mut ways = self.spare.pop().unwrap_or_default();
            for prefix in prefixes {
                self.extend(*prefix, *node, &mut ways);
            }
            if !ways.is_empty() {
                self.fork(*next as usize, &ways);
            }
            ways.clear();
            self.spare.push(ways);
        }
    }

    /// Takes a way that reached the end of a sentence, if it reached the end of the text too.
    fn finish(&mut self, sentence: u32, way: Way) {
        let rest = &self.text(way.end)[way.end.position()..];
        let open = way.end.is(State::OPEN);
        // A wildcard takes the rest and may not be empty; otherwise only punctuation may be left.
        let complete = match open {
            true => !rest.iter().all(|c| c.is_whitespace()),
            false => rest.iter().all(|c| c.is_whitespace() || is_punctuation(*c)),
        };
        if !complete {
            return;
        }
        let mut hits = self.hits[way.hits as usize..][..way.hits_len as usize].to_vec();
        if let Some(Hit { end, .. }) = hits.last_mut().filter(|_| open) {
            *end = self.heard.folded.len() as u16;
        }
        self.readings.push(Reading { sentence, literals: way.literals, hits });
    }

    /// Appends to `out` what becomes of `prefix` when `node` follows it.
    fn extend(&mut self, prefix: Way, node: Id, out: &mut Vec<Way>) {
        if !self.may_begin(node, prefix.end) {
            return;
        }
        match &self.automaton.nodes[node as usize] {
            Node::Sequence(_) | Node::Alternative(_) | Node::List { .. } => {
                let (from, to) = self.kept(node, prefix.end);
                for i in from..to {
                    let way = self.ways[i as usize];
                    let joined = self.join(prefix, way);
                    self.add(joined, out);
                }
            }
            _ => {
                let mut ways = self.spare.pop().unwrap_or_default();
                self.node(node, prefix.end, &mut ways);
                for way in ways.drain(..) {
                    let joined = self.join(prefix, way);
                    self.add(joined, out);
                }
                self.spare.push(ways);
            }
        }
    }

    /// Rules out most nodes by the next character alone.
    fn may_begin(&self, node: Id, state: State) -> bool {
        let first = self.automaton.first[node as usize];
        if first.nullable || state.is(State::OPEN) {
            return true;
        }
        let text = self.text(state);
        let fits = |at: usize| match text.get(at) {
            Some('-' | '_') => true,
            Some(c) => first.mask & bucket(*c) != 0,
            None => false,
        };
        let at = state.position();
        fits(at) || state.is(State::WORD_START) && fits(skip_blanks(text, at))
    }

    /// The outcomes of a node at a place, worked out once.
    fn kept(&mut self, node: Id, state: State) -> (u32, u32) {
        let key = u64::from(node) << 32 | u64::from(state.0);
        if let Some(range) = self.known.get(&key) {
            return *range;
        }
        let mut ways = self.spare.pop().unwrap_or_default();
        self.node(node, state, &mut ways);
        let from = self.ways.len() as u32;
        self.ways.append(&mut ways);
        self.spare.push(ways);
        let range = (from, self.ways.len() as u32);
        self.known.insert(key, range);
        range
    }

    fn node(&mut self, node: Id, state: State, out: &mut Vec<Way>) {
        self.steps += 1;
        if self.steps > STEPS_LIMIT {
            return;
        }
        let automaton = self.automaton;
        match &automaton.nodes[node as usize] {
            Node::Never => {}
            Node::Empty => out.push(plain(state, 0)),
            Node::Text { core, lead, trail } => self.literal(core, *lead, *trail, state, out),
            Node::Alternative(items) => {
                for item in items {
                    self.extend(plain(state, 0), *item, out);
                }
            }
            Node::Sequence(items) => {
                let mut ways = self.spare.pop().unwrap_or_default();
                let mut next = self.spare.pop().unwrap_or_default();
                ways.push(plain(state, 0));
                for item in items {
                    for way in &ways {
                        self.extend(*way, *item, &mut next);
                    }
                    std::mem::swap(&mut ways, &mut next);
                    next.clear();
                    if ways.is_empty() {
                        break;
                    }
                }
                out.append(&mut ways);
                self.spare.push(ways);
                self.spare.push(next);
            }
            Node::List { list, slot, end_of_word } => {
                if state.position() >= self.heard.folded.len() {
                    return;
                }
                match &automaton.lexicons[*list as usize] {
                    Lexicon::Wildcard => {
                        // Two wildcards side by side cannot be told apart.
                        if !state.is(State::OPEN) {
                            let end = state.with(State::OPEN, true).with(State::OPEN_AT_WORDS, *end_of_word);
                            let hit = Hit {
                                slot: *slot,
                                what: Filling::Wildcard,
                                start: state.position() as u16,
                                end: NONE,
                                loose: false,
                            };
                            self.filled(plain(end, 0), hit, out);
                        }
                    }
                    Lexicon::Values { words, templates } => self.values(words, templates, *slot, state, out),
                    Lexicon::Range { range, words, spoken } => {
                        self.number(range, words, spoken, *slot, state, out)
                    }
                }
            }
        }
    }

    /// Adds a way with one more slot at its end.
    fn filled(&mut self, way: Way, hit: Hit, out: &mut Vec<Way>) {
        let (from, length) = (way.hits as usize, way.hits_len as usize);
        let hits = self.hits.len() as u32;
        self.hits.extend_from_within(from..from + length);
        self.hits.push(hit);
        self.add(Way { hits, hits_len: way.hits_len + 1, ..way }, out);
    }

    fn join(&mut self, a: Way, b: Way) -> Way {
        let literals = a.literals.saturating_add(b.literals);
        // An open wildcard is the last slot so far, or was opened before `a`.
        let closes_own = b.close != NONE && a.hits_len > 0;
        let close = if closes_own || b.close == NONE { a.close } else { b.close };
        if b.hits_len == 0 && !closes_own {
            return Way { end: b.end, close, literals, ..a };
        }
        if a.hits_len == 0 {
            return Way { close, literals, ..b };
        }
        let hits = self.hits.len() as u32;
        self.hits.extend_from_within(a.hits as usize..a.hits as usize + a.hits_len as usize);
        if closes_own && let Some(wildcard) = self.hits.last_mut() {
            wildcard.end = b.close;
        }
        self.hits.extend_from_within(b.hits as usize..b.hits as usize + b.hits_len as usize);
        Way { end: b.end, close, literals, hits, hits_len: a.hits_len + b.hits_len }
    }

    /// Adds a way unless it is there already; of two that are alike, the one with more text counts.
    fn add(&self, way: Way, out: &mut Vec<Way>) {
        let slots = |w: &Way| &self.hits[w.hits as usize..][..w.hits_len as usize];
        let same = |w: &Way| w.end == way.end && w.close == way.close && slots(w) == slots(&way);
        match out.iter().position(same) {
            Some(at) => out[at].literals = out[at].literals.max(way.literals),
            None if out.len() < WAYS_LIMIT => out.push(way),
            None => {}
        }
    }
}

fn plain(end: State, literals: u16) -> Way {
    Way { end, close: NONE, literals, hits: 0, hits_len: 0 }
}
