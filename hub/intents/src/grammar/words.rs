//! From pieces of text to words: pieces between two blanks are put together, and what leads nowhere is cut off.

use std::collections::{HashMap, HashSet};

use crate::outcome::Source;

use super::{Builder, END, GOES_ON, Grammar, Piece, Says, Transition};

impl Builder<'_> {
    /// Puts the pieces between blanks together.
    pub(super) fn words(self, start: u32, left_out: Vec<Source>) -> Grammar {
        let pieces = self.states.len() as u32;
        let mut out = Words {
            pieces,
            fresh: pieces,
            seen: HashSet::from([start]),
            open: vec![start],
            transitions: Vec::new(),
        };
        while let Some(from) = out.open.pop() {
            // Words grow from two lists glued together, too: the limit holds here as well.
            if out.transitions.len() < self.limit {
                self.words_from(from, &mut out);
            }
        }
        trim_from(start, END, out.transitions, left_out)
    }

    fn words_from(&self, from: u32, out: &mut Words) {
        let mut tried = HashSet::new();
        let mut inside: Vec<(u32, String)> = vec![(from, String::new())];
        while let Some((state, word)) = inside.pop() {
            if state == END && !word.is_empty() {
                out.arrive(from, Says::Word(word), END);
                continue;
            }
            if out.transitions.len() >= self.limit {
                return;
            }
            for (piece, to) in &self.states[state as usize] {
                match piece {
                    Piece::Nothing | Piece::Blank if word.is_empty() => out.arrive(from, Says::Nothing, *to),
                    Piece::Nothing => {
                        if tried.insert((*to, word.clone())) {
                            inside.push((*to, word.clone()));
                        }
                    }
                    Piece::Blank => out.arrive(from, Says::Word(word.clone()), *to),
                    Piece::Anything => {
                        let mut from = from;
                        if !word.is_empty() {
                            from = out.through(from, word.clone());
                        }
                        out.arrive(from, Says::Anything, *to);
                    }
                    Piece::Text(text) => {
                        let joined = format!("{word}{text}");
                        let (whole, last) = joined.rsplit_once(' ').unwrap_or(("", &joined));
                        let whole: Vec<&str> = whole.split(' ').filter(|w| !w.is_empty()).collect();
                        let Some((final_word, before)) = whole.split_last() else {
                            if last.is_empty() {
                                out.arrive(from, Says::Nothing, *to);
                            } else if tried.insert((*to, last.to_owned())) {
                                inside.push((*to, last.to_owned()));
                            }
                            continue;
                        };
                        let mut at = from;
                        for word in before {
                            at = out.through(at, (*word).to_owned());
                        }
                        if last.is_empty() {
                            out.arrive(at, Says::Word((*final_word).to_owned()), *to);
                            continue;
                        }
                        at = out.through(at, (*final_word).to_owned());
                        // The last word may go on behind `to`.
                        for (word, next) in self.rest(*to, last) {
                            out.arrive(at, Says::Word(word), next);
                        }
                    }
                }
            }
        }
    }

    /// The words that begin with `begun` and go on at `state`, and where each leads.
    fn rest(&self, state: u32, begun: &str) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        let mut tried = HashSet::new();
        let mut open = vec![(state, begun.to_owned())];
        while let Some((state, word)) = open.pop() {
            if state == END {
                found.push((word, END));
                continue;
            }
            for (piece, to) in &self.states[state as usize] {
                match piece {
                    Piece::Nothing => {
                        if tried.insert((*to, word.clone())) {
                            open.push((*to, word.clone()));
                        }
                    }
                    Piece::Blank => found.push((word.clone(), *to)),
                    // A wildcard in the middle of a word, or a word with blanks inside: cut before it.
                    Piece::Anything => found.push((word.clone(), state)),
                    Piece::Text(text) => match text.split_once(' ') {
                        None => {
                            if tried.insert((*to, format!("{word}{text}"))) {
                                open.push((*to, format!("{word}{text}")));
                            }
                        }
                        Some((end, "")) => found.push((format!("{word}{end}"), *to)),
                        Some(_) => found.push((word.clone(), state)),
                    },
                }
            }
        }
        found
    }
}

/// The graph of words as it grows.
struct Words {
    /// States below this are states of pieces.
    pieces: u32,
    /// The next state of its own, between the words of one piece.
    fresh: u32,
    seen: HashSet<u32>,
    open: Vec<u32>,
    transitions: Vec<(u32, u32, Says)>,
}

impl Words {
    fn arrive(&mut self, from: u32, says: Says, to: u32) {
        self.transitions.push((from, to, says));
        if to < self.pieces && self.seen.insert(to) {
            self.open.push(to);
        }
    }

    /// A word to a new state.
    fn through(&mut self, from: u32, word: String) -> u32 {
        let to = self.fresh;
        self.fresh += 1;
        self.transitions.push((from, to, Says::Word(word)));
        to
    }
}

pub(super) fn trim(end: u32, transitions: Vec<(u32, u32, Says)>, left_out: Vec<Source>) -> Grammar {
    trim_from(0, end, transitions, left_out)
}

/// Leaves only what lies on a way from the start to the end, and numbers the states anew.
fn trim_from(start: u32, end: u32, mut transitions: Vec<(u32, u32, Says)>, left_out: Vec<Source>) -> Grammar {
    transitions.sort_unstable();
    transitions.dedup();
    transitions.retain(|(from, to, says)| from != to || *says != Says::Nothing);
    let reach = |from: u32, edges: &HashMap<u32, Vec<u32>>| {
        let mut seen = HashSet::from([from]);
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            open.extend(edges.get(&at).into_iter().flatten().copied().filter(|to| seen.insert(*to)));
        }
        seen
    };
    let (mut forward, mut backward) = (HashMap::<u32, Vec<u32>>::new(), HashMap::<u32, Vec<u32>>::new());
    for (from, to, _) in &transitions {
        forward.entry(*from).or_default().push(*to);
        backward.entry(*to).or_default().push(*from);
    }
    let (reached, useful) = (reach(start, &forward), reach(end, &backward));
    transitions.retain(|(from, to, _)| reached.contains(from) && useful.contains(to));
    let mut numbers = HashMap::from([(start, 0)]);
    let mut number = |state: u32| {
        let next = numbers.len() as u32;
        *numbers.entry(state).or_insert(next)
    };
    let mut out: HashMap<u32, u32> = HashMap::new();
    for (from, ..) in &transitions {
        *out.entry(*from).or_default() += 1;
    }
    let transitions: Vec<Transition> = transitions
        .into_iter()
        .map(|(from, to, says)| {
            let probability = if from == end { GOES_ON } else { 1.0 } / out[&from] as f32;
            Transition { from: number(from), to: number(to), says, probability }
        })
        .collect();
    let end = number(end);
    Grammar { states: numbers.len() as u32, end, transitions, left_out }
}
