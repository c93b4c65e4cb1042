//! A grammar made ready for an engine: a word graph without empty steps, and how its words are said.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::grammar::{Grammar, GrammarNotes};

/// A word graph: state 0 is where it starts, and any of `ends` where it may end.
#[derive(Default, Clone)]
pub struct WordGraph {
    pub states: usize,
    pub ends: Vec<usize>,
    pub arcs: Vec<Arc>,
}

/// From one state to another by saying a word of the dictionary.
#[derive(Clone)]
pub struct Arc {
    pub from: usize,
    pub to: usize,
    pub word: String,
    /// Between 0 (never) and 1.
    pub probability: f32,
}

/// A grammar made ready.
pub struct Prepared {
    pub network: WordGraph,
    /// `word PH ON ES` lines, alternatives as `word(2)`; empty for an engine that reads letters.
    pub dictionary: String,
    pub notes: GrammarNotes,
}

impl Prepared {
    /// For an engine that knows how words are written and needs not be told how they are said.
    pub fn spelled(grammar: &Grammar) -> Result<Prepared, GraphError> {
        let network = without_empty_steps(grammar, |word| !word.is_empty())?;
        Ok(Prepared { network, dictionary: String::new(), notes: GrammarNotes::default() })
    }
}

/// Why a grammar is not taken.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    #[error(
        "the grammar has more than {} transitions; name fewer things or split long lists",
        Grammar::MOST_TRANSITIONS
    )]
    TooLarge,
    #[error("the grammar says nothing: no sentence of it has a word that can be pronounced")]
    Empty,
    #[error("the grammar has a transition to a state that it does not have")]
    Broken,
}

/// A word as the dictionary has it: lower case, without punctuation at its ends.
pub fn key(word: &str) -> String {
    word.to_lowercase()
        .replace('’', "'")
        .trim_matches(|c: char| !c.is_alphanumeric() && c != '\'')
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '<' | '>'))
        .collect()
}

/// Empty steps are followed through, equal beginnings shared and states that cannot be reached dropped (a subset
/// construction): the decoder spends its time on states.
pub fn without_empty_steps(
    grammar: &Grammar,
    can_be_said: impl Fn(&str) -> bool,
) -> Result<WordGraph, GraphError> {
    if grammar.transitions.len() > Grammar::MOST_TRANSITIONS {
        return Err(GraphError::TooLarge);
    }
    if grammar.states == 0 {
        return Err(GraphError::Empty);
    }
    let beyond = |state: &usize| *state >= grammar.states;
    if grammar.finals.iter().any(beyond)
        || grammar.transitions.iter().any(|t| beyond(&t.from) || beyond(&t.to))
    {
        return Err(GraphError::Broken);
    }
    let mut says: Vec<Vec<(usize, String)>> = vec![Vec::new(); grammar.states];
    let mut empty: Vec<Vec<usize>> = vec![Vec::new(); grammar.states];
    for transition in &grammar.transitions {
        match transition.word.as_deref().map(key) {
            Some(word) if can_be_said(&word) => says[transition.from].push((transition.to, word)),
            // A word that cannot be said makes its sentences impossible, not shorter.
            Some(word) if !word.is_empty() => {}
            _ => empty[transition.from].push(transition.to),
        }
    }
    let ends: HashSet<usize> = grammar.finals.iter().copied().collect();
    let closure = |state: usize| {
        let mut seen = BTreeSet::from([state]);
        let mut next = vec![state];
        while let Some(state) = next.pop() {
            next.extend(empty[state].iter().copied().filter(|to| seen.insert(*to)));
        }
        seen
    };
    // A new state stands for everything that the old state reaches in silence; equal sets are one state.
    let mut numbers: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut sets: Vec<Vec<usize>> = Vec::new();
    let mut number = |set: Vec<usize>, sets: &mut Vec<Vec<usize>>| {
        *numbers.entry(set).or_insert_with_key(|set| {
            sets.push(set.clone());
            sets.len() - 1
        })
    };
    number(closure(0).into_iter().collect(), &mut sets);
    let mut arcs: Vec<Arc> = Vec::new();
    let mut at = 0;
    while at < sets.len() {
        let mut targets: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for state in &sets[at] {
            for (to, word) in &says[*state] {
                targets.entry(word.clone()).or_default().extend(closure(*to));
            }
        }
        for (word, set) in targets {
            let to = number(set.into_iter().collect(), &mut sets);
            arcs.push(Arc { from: at, to, word, probability: 1.0 });
            if arcs.len() > Grammar::MOST_TRANSITIONS {
                return Err(GraphError::TooLarge);
            }
        }
        at += 1;
    }
    let ends: Vec<usize> =
        (0..sets.len()).filter(|at| sets[*at].iter().any(|state| ends.contains(state))).collect();
    if arcs.is_empty() || ends.iter().all(|end| *end == 0) {
        return Err(GraphError::Empty);
    }
    Ok(WordGraph { states: sets.len(), ends, arcs })
}
