//! What was probably said, where it is not word for word a sentence.
//!
//! `words heard → lattice → cheapest ways through the graph of words → their meanings`. The heard words may be
//! split, joined and, where they are digits, spelled; then each way through the graph of all sentences costs what
//! had to be changed: a word taken for one that sounds like it, a short word missed or added. Best-first search
//! finds the cheapest sentences; the exact matcher says what they mean.
//!
//! A guess must never switch something. So longer words that were heard are never dropped, a name must sound right
//! as a whole, and the next different meaning must be clearly further away; otherwise nothing is understood.

use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::grammar::{Grammar, Says};
use crate::numbers::Speller;
use crate::sound::Sounded;
use crate::spread::Spread;

/// Farthest that one word may be taken for another.
const WORD_LIMIT: f32 = 0.45;
/// Farthest that the words of a name or number may lie from what was heard, on average.
pub(crate) const NAME_LIMIT: f32 = 0.2;
/// Least confidence of a match.
pub(crate) const CONFIDENCE: f32 = 0.75;
/// Least distance, in words changed, to the next different meaning.
pub(crate) const MARGIN: f32 = 0.15;
/// A heard word that is not in the sentence.
const ADDED: f32 = 0.4;
/// A word of the sentence that was not heard, short or long.
const MISSED_SHORT: f32 = 0.3;
const MISSED: f32 = 0.7;
/// A word of up to this many letters may be dropped: articles and the like.
const SHORT: usize = 3;
/// A word that a wildcard takes; text of the sentence is preferred.
const FREE: f32 = 0.02;
/// Splitting or joining words.
const JOINT: f32 = 0.08;
/// Most steps of one search, and how often one place may be reached by different ways.
const STEPS_LIMIT: usize = 150_000;
const VISITS: u8 = 4;
/// Most words that are looked at.
const WORDS_LIMIT: usize = 40;

/// The graph of all sentences, made for searching.
#[derive(Debug)]
pub(crate) struct Near {
    words: Vec<Sounded>,
    texts: Vec<String>,
    known: HashMap<String, u32>,
    /// First edge of each state, and one more.
    offsets: Vec<u32>,
    edges: Vec<(Label, u32)>,
    end: u32,
    /// Of each state: the fewest words to the end, and whether a wildcard may come.
    ahead: Vec<Ahead>,
}

#[derive(Debug, Clone, Copy)]
struct Ahead {
    words: u16,
    free: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Label {
    Nothing,
    Word(u32),
    Anything,
}

/// A sentence near what was heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nearby {
    /// Words of the sentence with what each cost. Wildcard words cost nothing.
    pub words: Vec<(String, f32)>,
    pub cost: f32,
    /// How many heard words were not taken by wildcards.
    pub weight: usize,
}

impl Nearby {
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|(word, _)| word.as_str()).collect();
        words.join(" ")
    }

    /// From 0 to 1: 1 less the share of words that had to be changed.
    pub fn confidence(&self) -> f32 {
        (1.0 - self.cost / self.weight.max(2) as f32).max(0.0)
    }
}

impl Near {
    pub fn new(grammar: &Grammar) -> Near {
        let texts: Vec<String> = grammar.vocabulary().into_iter().map(str::to_owned).collect();
        let known: HashMap<String, u32> = texts.iter().cloned().zip(0..).collect();
        let mut edges: Vec<(u32, Label, u32)> = grammar
            .transitions
            .iter()
            .map(|t| {
                let label = match &t.says {
                    Says::Nothing => Label::Nothing,
                    Says::Anything => Label::Anything,
                    Says::Word(word) => Label::Word(known[word]),
                };
                (t.from, label, t.to)
            })
            .collect();
        edges.sort_by_key(|(from, ..)| *from);
        let mut offsets = vec![0; grammar.states as usize + 1];
        for (from, ..) in &edges {
            offsets[*from as usize + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let ahead = ahead(&edges, grammar.states, grammar.end);
        Near {
            words: texts.iter().map(|w| Sounded::new(w)).collect(),
            texts,
            known,
            offsets,
            edges: edges.into_iter().map(|(_, label, to)| (label, to)).collect(),
            end: grammar.end,
            ahead,
        }
    }

    /// The nearest sentences, the nearest first. `found` answers up to which cost to go on.
    pub fn search(&self, heard: &[String], language: &str, mut found: impl FnMut(&Nearby) -> f32) {
        if heard.is_empty() || heard.len() > WORDS_LIMIT || self.edges.is_empty() {
            return;
        }
        let lattice = Lattice::new(heard, self, language);
        // Farther ones would not be taken; a little more, to show what came nearest.
        let limit = (1.0 - CONFIDENCE) * heard.len().max(2) as f32 + MARGIN;
        let (steps, open) = (Vec::new(), BinaryHeap::new());
        let mut search = Search { near: self, lattice: &lattice, steps, open, limit };
        search.push(0.0, 0, 0, None, Move::Start);
        let mut visits: HashMap<u64, u8, BuildHasherDefault<Spread>> = HashMap::default();
        let mut taken = 0;
        while let Some(Open { least, step }) = search.open.pop() {
            taken += 1;
            if least > search.limit || taken > STEPS_LIMIT {
                return;
            }
            let Step { state, node, cost, .. } = search.steps[step as usize];
            // Every way to the end counts: the next meaning may be a hair further away.
            if state == self.end && node == lattice.end {
                search.limit = search.limit.min(found(&search.nearby(step, cost)));
                continue;
            }
            let seen = visits.entry(u64::from(state) << 32 | u64::from(node)).or_insert(0);
            if *seen >= VISITS {
                continue;
            }
            *seen += 1;
            search.expand(step, cost);
        }
    }
}

/// From each state, the fewest words to the end, and whether a wildcard can be reached.
fn ahead(edges: &[(u32, Label, u32)], states: u32, end: u32) -> Vec<Ahead> {
    let mut before: Vec<Vec<(u32, u16)>> = vec![Vec::new(); states as usize];
    let mut ahead = vec![Ahead { words: u16::MAX, free: false }; states as usize];
    let mut free = Vec::new();
    for (from, label, to) in edges {
        before[*to as usize].push((*from, u16::from(*label != Label::Nothing)));
        if *label == Label::Anything {
            free.push(*from);
        }
    }
    while let Some(state) = free.pop() {
        if !std::mem::replace(&mut ahead[state as usize].free, true) {
            free.extend(before[state as usize].iter().map(|(from, _)| *from));
        }
    }
    let mut open = VecDeque::from([(end, 0)]);
    while let Some((state, words)) = open.pop_front() {
        let known = &mut ahead[state as usize].words;
        if *known <= words {
            continue;
        }
        *known = words;
        for (from, more) in &before[state as usize] {
            match more {
                0 => open.push_front((*from, words)),
                _ => open.push_back((*from, words.saturating_add(1))),
            }
        }
    }
    ahead
}

/// What was heard, as alternatives: nodes between words, arcs that are words.
struct Lattice {
    arcs: Vec<Vec<Arc>>,
    end: u32,
    /// From each node to the end, at least: the cost without and with a wildcard, and the most words.
    ahead: Vec<Rest>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    bound: f32,
    free: f32,
    words: u16,
}

struct Arc {
    /// Of each word of the sentences, how far it is from this one; infinite where too far.
    distances: Rc<[f32]>,
    nearest: f32,
    text: String,
    to: u32,
    cost: f32,
    /// Heard words that this arc stands for.
    weight: usize,
    may_be_dropped: bool,
}

/// Puts arcs together, each distinct word compared with all words of the sentences once.
struct Arcs<'n> {
    near: &'n Near,
    compared: HashMap<String, (Rc<[f32]>, f32)>,
    arcs: Vec<Vec<Arc>>,
}

impl Arcs<'_> {
    fn put(&mut self, from: usize, text: &str, to: u32, cost: f32, weight: usize, may_be_dropped: bool) {
        let (distances, nearest) = match self.compared.get(text) {
            Some(known) => known.clone(),
            None => {
                let word = Sounded::new(text);
                let distance =
                    |other: &Sounded| word.distance_within(other, WORD_LIMIT).unwrap_or(f32::INFINITY);
                let distances: Rc<[f32]> = self.near.words.iter().map(distance).collect();
                let nearest = distances.iter().copied().fold(f32::INFINITY, f32::min);
                self.compared.insert(text.to_owned(), (distances.clone(), nearest));
                (distances, nearest)
            }
        };
        let text = text.to_owned();
        self.arcs[from].push(Arc { distances, nearest, text, to, cost, weight, may_be_dropped });
    }
}

impl Lattice {
    fn new(heard: &[String], near: &Near, language: &str) -> Lattice {
        let end = heard.len() as u32;
        let arcs: Vec<Vec<Arc>> = (0..=heard.len()).map(|_| Vec::new()).collect();
        let mut all = Arcs { near, compared: HashMap::new(), arcs };
        let is_digits = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        let speller = heard.iter().any(|w| is_digits(w)).then(|| Speller::new(language)).flatten();
        for (i, word) in heard.iter().enumerate() {
            let next = i as u32 + 1;
            let repeated = i > 0 && heard[i - 1] == *word;
            let may_be_dropped = repeated || word.chars().count() <= SHORT && !is_digits(word);
            all.put(i, word, next, 0.0, 1, may_be_dropped);
            if let Some(other) = heard.get(i + 1) {
                let joined = format!("{word}{other}");
                if near.known.contains_key(&joined) || joined.chars().count() >= 6 {
                    all.put(i, &joined, next + 1, JOINT, 2, false);
                }
            }
            let mut ways: Vec<Vec<String>> = Vec::new();
            if !near.known.contains_key(word) {
                for (at, _) in word.char_indices().skip(2) {
                    let (a, b) = word.split_at(at);
                    if near.known.contains_key(a) && near.known.contains_key(b) && b.chars().count() > 1 {
                        ways.push(vec![a.to_owned(), b.to_owned()]);
                    }
                }
            }
            let number = word.replace(',', ".").parse::<f64>().ok().filter(|n| n.abs() < 1e6);
            if let (Some(speller), Some(number)) = (&speller, number) {
                let spelled = speller.spell(number).into_iter().filter(|s| !s.contains('-'));
                ways.extend(spelled.map(|s| s.split(' ').map(str::to_owned).collect()));
            }
            for way in ways {
                let mut from = i;
                for (k, part) in way.iter().enumerate() {
                    let last = k + 1 == way.len();
                    let to = if last { next } else { all.arcs.len() as u32 };
                    let cost = if k == 0 { JOINT } else { 0.0 };
                    all.put(from, part, to, cost, usize::from(last), false);
                    if !last {
                        from = all.arcs.len();
                        all.arcs.push(Vec::new());
                    }
                }
            }
        }
        let arcs = all.arcs;
        let mut ahead = vec![None; arcs.len()];
        for node in 0..arcs.len() {
            rest(&arcs, node, end as usize, &mut ahead);
        }
        Lattice { arcs, end, ahead: ahead.into_iter().flatten().collect() }
    }
}

/// What it costs at least from a node to the end. Arcs lead forward, so this ends.
fn rest(arcs: &[Vec<Arc>], node: usize, end: usize, known: &mut [Option<Rest>]) -> Rest {
    if let Some(rest) = known[node] {
        return rest;
    }
    let nothing = if node == end { 0.0 } else { f32::INFINITY };
    let mut least = Rest { bound: nothing, free: nothing, words: 0 };
    for arc in &arcs[node] {
        let then = rest(arcs, arc.to as usize, end, known);
        let dropped = if arc.may_be_dropped { ADDED } else { f32::INFINITY };
        let free = if arc.cost == 0.0 { FREE } else { f32::INFINITY };
        let own = (arc.nearest + arc.cost).min(dropped);
        least.bound = least.bound.min(own + then.bound);
        least.free = least.free.min(own.min(free) + then.free);
        least.words = least.words.max(then.words + 1);
    }
    known[node] = Some(least);
    least
}

#[derive(Debug, Clone, Copy)]
struct Step {
    state: u32,
    node: u32,
    before: Option<u32>,
    by: Move,
    cost: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Move {
    Start,
    /// A heard word that is not in the sentence.
    Added {
        weight: usize,
    },
    /// A word of the sentence, and how many heard words it took.
    Word {
        word: u32,
        weight: usize,
    },
    /// A heard word that a wildcard took: node and arc.
    Free {
        node: u32,
        arc: u32,
    },
    Nothing,
}

/// The least that the whole may cost first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Open {
    least: f32,
    step: u32,
}

impl Eq for Open {}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.least.total_cmp(&self.least).then(other.step.cmp(&self.step))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

struct Search<'a> {
    near: &'a Near,
    lattice: &'a Lattice,
    steps: Vec<Step>,
    open: BinaryHeap<Open>,
    limit: f32,
}

impl Search<'_> {
    fn push(&mut self, cost: f32, state: u32, node: u32, before: Option<u32>, by: Move) {
        let (state_ahead, rest) = (self.near.ahead[state as usize], self.lattice.ahead[node as usize]);
        let free = state_ahead.free || matches!(by, Move::Free { .. });
        let missed = f32::from(state_ahead.words.saturating_sub(rest.words)) * MISSED_SHORT;
        let least = cost + missed + if free { rest.free } else { rest.bound };
        if least <= self.limit {
            let step = self.steps.len() as u32;
            self.steps.push(Step { state, node, before, by, cost });
            self.open.push(Open { least, step });
        }
    }

    fn total(&self, step: u32) -> f32 {
        self.steps[step as usize].cost
    }

    fn expand(&mut self, step: u32, cost: f32) {
        let Step { state, node, by, .. } = self.steps[step as usize];
        let (near, lattice) = (self.near, self.lattice);
        let before = Some(step);
        let arcs = &lattice.arcs[node as usize];
        for arc in arcs.iter().filter(|arc| arc.may_be_dropped) {
            self.push(cost + ADDED, state, arc.to, before, Move::Added { weight: arc.weight });
        }
        // A wildcard that took a word may take more.
        if let Move::Free { .. } = by {
            self.free(state, node, cost, before);
        }
        let range = near.offsets[state as usize] as usize..near.offsets[state as usize + 1] as usize;
        for (label, to) in &near.edges[range] {
            match label {
                Label::Nothing => self.push(cost, *to, node, before, Move::Nothing),
                Label::Anything => self.free(*to, node, cost, before),
                Label::Word(word) => {
                    let length = near.words[*word as usize].letters.len();
                    let missed = if length <= SHORT { MISSED_SHORT } else { MISSED };
                    self.push(cost + missed, *to, node, before, Move::Word { word: *word, weight: 0 });
                    for arc in arcs {
                        let distance = arc.distances[*word as usize];
                        if distance <= WORD_LIMIT {
                            let by = Move::Word { word: *word, weight: arc.weight };
                            self.push(cost + distance + arc.cost, *to, arc.to, before, by);
                        }
                    }
                }
            }
        }
    }

    fn free(&mut self, state: u32, node: u32, cost: f32, before: Option<u32>) {
        let lattice = self.lattice;
        for (a, arc) in lattice.arcs[node as usize].iter().enumerate() {
            // Only words as they were heard.
            if arc.cost == 0.0 && node < lattice.end {
                self.push(cost + FREE, state, arc.to, before, Move::Free { node, arc: a as u32 });
            }
        }
    }

    fn nearby(&self, last: u32, cost: f32) -> Nearby {
        let mut words = Vec::new();
        let mut weight = 0;
        let mut at = Some(last);
        while let Some(step) = at {
            let Step { before, by, cost, .. } = self.steps[step as usize];
            let own = cost - before.map_or(0.0, |b| self.total(b));
            match by {
                Move::Start | Move::Nothing => {}
                Move::Added { weight: n } => weight += n,
                Move::Word { word, weight: n } => {
                    weight += n;
                    words.push((self.near.texts[word as usize].clone(), own));
                }
                Move::Free { node, arc } => {
                    words.push((self.lattice.arcs[node as usize][arc as usize].text.clone(), 0.0));
                }
            }
            at = before;
        }
        words.reverse();
        Nearby { words, cost, weight }
    }
}
