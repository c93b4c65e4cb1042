//! How the words of the house may be written, as symbols: the network was taught to write, not to spell out sounds.
//!
//! "twenty one ounces" may come as "Twenty-one ounces," or "21 ounces". For each state of the word graph, all
//! writings of the words that may follow become one tree of symbols, made when the search first comes there.

use std::collections::HashMap;

use super::numbers;
use super::pieces::{BLANK, Pieces};
use crate::word_graph::WordGraph;

/// Words of one number, as in "one hundred and twenty one point five".
const LONGEST_NUMBER: usize = 7;
/// Numbers that may begin in one state.
const MOST_NUMBERS: usize = 4_000;

/// A place between two symbols of some sentence.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where in the word graph the word under way began.
    pub state: usize,
    /// How far into its tree; 0 between two words.
    node: usize,
    /// A full word was the last symbol: a comma may follow.
    mark: bool,
}

pub struct Spelling {
    /// For each state, the words that may follow and where they lead.
    arcs: Vec<Vec<(String, usize)>>,
    ends: Vec<bool>,
    marks: Vec<u32>,
    trees: HashMap<usize, Tree>,
    written: HashMap<String, Vec<Vec<u32>>>,
}

#[derive(Default)]
struct Node {
    next: Vec<(u32, usize)>,
    /// Words that are whole here, and the state after them.
    ends: Vec<(Vec<String>, usize)>,
}

type Tree = Vec<Node>;

impl Spelling {
    pub fn new(graph: &WordGraph, pieces: &Pieces) -> Spelling {
        let mut arcs: Vec<Vec<(String, usize)>> = vec![Vec::new(); graph.states];
        for arc in &graph.arcs {
            arcs[arc.from].push((arc.word.clone(), arc.to));
        }
        let mut ends = vec![false; graph.states];
        for end in &graph.ends {
            ends[*end] = true;
        }
        let marks = [",", ".", "?", "!"].iter().filter_map(|mark| pieces.symbols(mark).first().copied());
        Spelling { arcs, ends, marks: marks.collect(), trees: HashMap::new(), written: HashMap::new() }
    }

    pub fn start(&self) -> Place {
        Place { state: 0, node: 0, mark: false }
    }

    /// Whether a sentence may end here.
    pub fn is_end(&self, place: Place) -> bool {
        place.node == 0 && self.ends[place.state]
    }

    /// Every symbol that may follow, some more than once.
    pub fn symbols(&mut self, place: Place, pieces: &Pieces) -> impl Iterator<Item = u32> {
        if !self.trees.contains_key(&place.state) {
            let tree = self.tree(place.state, pieces);
            self.trees.insert(place.state, tree);
        }
        let marks = self.marks.iter().filter(move |_| place.mark).copied();
        let next = &self.trees[&place.state][place.node].next;
        marks.chain(next.iter().map(|(symbol, _)| *symbol))
    }

    /// Where a symbol leads, and the words that are whole with it. Only after [`symbols`](Self::symbols).
    pub fn follow(&self, place: Place, symbol: u32) -> Vec<(Place, &[String])> {
        let mut places: Vec<(Place, &[String])> = Vec::new();
        if place.mark && self.marks.contains(&symbol) {
            places.push((Place { mark: false, ..place }, &[]));
        }
        let Some(tree) = self.trees.get(&place.state) else { return places };
        for (_, to) in tree[place.node].next.iter().filter(|(known, _)| *known == symbol) {
            let node = &tree[*to];
            for (words, state) in &node.ends {
                places.push((Place { state: *state, node: 0, mark: true }, words));
            }
            if !node.next.is_empty() {
                places.push((Place { state: place.state, node: *to, mark: false }, &[]));
            }
        }
        places
    }

    fn tree(&mut self, state: usize, pieces: &Pieces) -> Tree {
        let mut tree: Tree = vec![Node::default()];
        for (word, to) in self.arcs[state].clone() {
            let written = self.written.entry(word.clone()).or_insert_with(|| writings(&word, pieces));
            for symbols in written.iter() {
                grow(&mut tree, symbols, vec![word.clone()], to);
            }
        }
        let (mut all, mut under_way) = (Vec::new(), Vec::new());
        self.numbers(state, &mut under_way, &mut all);
        for (digits, words, to) in all {
            grow(&mut tree, &pieces.symbols(&format!("{BLANK}{digits}")), words, to);
        }
        tree
    }

    /// Numbers of several words that begin here: their digits, their words, and the state after them.
    fn numbers(&self, state: usize, words: &mut Vec<String>, all: &mut Vec<(String, Vec<String>, usize)>) {
        if words.len() == LONGEST_NUMBER {
            return;
        }
        for (word, to) in &self.arcs[state] {
            if all.len() == MOST_NUMBERS || !numbers::is_part(word) {
                continue;
            }
            words.push(word.clone());
            if words.len() > 1
                && let Some(digits) = numbers::digits(words)
            {
                all.push((digits, words.clone(), *to));
            }
            self.numbers(*to, words, all);
            words.pop();
        }
    }
}

fn grow(tree: &mut Tree, symbols: &[u32], words: Vec<String>, to: usize) {
    let mut node = 0;
    for symbol in symbols {
        node = match tree[node].next.iter().find(|(known, _)| known == symbol) {
            Some((_, next)) => *next,
            None => {
                let next = tree.len();
                tree.push(Node::default());
                tree[node].next.push((*symbol, next));
                next
            }
        };
    }
    if node > 0 && !tree[node].ends.contains(&(words.clone(), to)) {
        tree[node].ends.push((words, to));
    }
}

/// All that one word may look like: small, with a capital, a short one in capitals, after a hyphen, in digits.
fn writings(word: &str, pieces: &Pieces) -> Vec<Vec<u32>> {
    let mut capital = String::new();
    let mut letters = word.chars();
    capital.extend(letters.next().into_iter().flat_map(char::to_uppercase));
    capital.push_str(letters.as_str());
    let mut all = vec![format!("{BLANK}{word}"), format!("{BLANK}{capital}"), format!("-{word}")];
    if word.chars().count() <= 3 {
        all.push(format!("{BLANK}{}", word.to_uppercase()));
    }
    all.extend(numbers::digits(&[word]).map(|digits| format!("{BLANK}{digits}")));
    match word {
        "percent" => all.extend(["%".to_owned(), format!("{BLANK}%")]),
        "degrees" | "degree" => all.extend(["°".to_owned(), format!("{BLANK}°")]),
        _ => {}
    }
    let mut symbols: Vec<Vec<u32>> = all.iter().map(|text| pieces.symbols(text)).collect();
    symbols.sort();
    symbols.dedup();
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Grammar;
    use crate::moonshine::pieces;
    use crate::word_graph::Prepared;

    /// What a text means, read symbol by symbol.
    fn read(graph: &[&str], text: &str) -> Vec<String> {
        let pieces = pieces::tests::some(&["ig", "igh", "ight", "light", "▁light"]);
        let network = Prepared::spelled(&Grammar::of_sentences(graph.iter().copied())).unwrap().network;
        let mut spelling = Spelling::new(&network, &pieces);
        let mut places = vec![(spelling.start(), Vec::new())];
        for symbol in pieces.symbols(&text.replace(' ', "▁")) {
            let mut after = Vec::new();
            for (place, said) in places {
                if spelling.symbols(place, &pieces).any(|known| known == symbol) {
                    for (place, words) in spelling.follow(place, symbol) {
                        after.push((place, [said.as_slice(), words].concat()));
                    }
                }
            }
            places = after;
        }
        let whole = places.into_iter().filter(|(place, _)| spelling.is_end(*place));
        whole.map(|(_, said)| said.join(" ")).collect()
    }

    #[test]
    fn what_is_written_in_many_ways_is_one_sentence() {
        let house =
            ["turn the tv light off", "lights to twenty one percent", "lights to twenty percent", "light on"];
        for (text, means) in [
            (" turn the tv light off", Some("turn the tv light off")),
            (" Turn the TV light off.", Some("turn the tv light off")),
            (" Turn the tv-light off!", Some("turn the tv light off")),
            (" Lights to 21%", Some("lights to twenty one percent")),
            (" lights to Twenty-one percent.", Some("lights to twenty one percent")),
            (" lights, to 20 %", Some("lights to twenty percent")),
            (" light on", Some("light on")),
            (" light", None),
            (" lights to 2 percent", None),
            (" lights,, to 20 %", None),
            (" lights to 22%", None),
        ] {
            let expect: Vec<String> = means.into_iter().map(str::to_owned).collect();
            assert_eq!(read(&house, text), expect, "{text}");
        }
    }
}
