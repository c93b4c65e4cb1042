//! What the values of a list are called, as a trie of characters: one walk along a text finds every name that ends on
//! the way, however many there are.

use crate::automaton::bucket;
use crate::folding::fold;
use crate::template::tidy;

/// Folded spellings of list values, by character.
#[derive(Debug, Clone)]
pub(crate) struct Trie {
    nodes: Vec<TrieNode>,
}

#[derive(Debug, Clone, Default)]
struct TrieNode {
    next: Vec<(char, u32)>,
    ends: Vec<Spelling>,
}

/// The end of a spelling: which value it is, whether it began or ended with a blank, and whether it is the value's
/// own or one with its hyphens as blanks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spelling {
    pub value: u32,
    pub lead: bool,
    pub trail: bool,
    pub loose: bool,
}

impl Default for Trie {
    fn default() -> Self {
        Trie { nodes: vec![TrieNode::default()] }
    }
}

impl Trie {
    pub const ROOT: u32 = 0;

    /// Adds a spelling. A name with a hyphen is spoken without it: "Desk-lamp" is "desk lamp" too.
    pub fn insert(&mut self, text: &str, value: u32) {
        self.insert_one(text, value, false);
        if text.trim().contains(['-', '_']) {
            self.insert_one(&tidy(&text.replace(['-', '_'], " ")), value, true);
        }
    }

    fn insert_one(&mut self, text: &str, value: u32, loose: bool) {
        let core: Vec<char> = text.trim().chars().map(fold).collect();
        if core.is_empty() {
            return;
        }
        let mut node = Trie::ROOT;
        for c in core {
            node = match self.next(node, c) {
                Some(next) => next,
                None => {
                    let new = self.nodes.len() as u32;
                    let next = &mut self.nodes[node as usize].next;
                    let at = next.partition_point(|(other, _)| *other < c);
                    next.insert(at, (c, new));
                    self.nodes.push(TrieNode::default());
                    new
                }
            };
        }
        let (lead, trail) = (text.starts_with(' '), text.ends_with(' '));
        let spelling = Spelling { value, lead, trail, loose };
        let ends = &mut self.nodes[node as usize].ends;
        if !ends.contains(&spelling) {
            ends.push(spelling);
        }
    }

    pub fn next(&self, node: u32, c: char) -> Option<u32> {
        let next = &self.nodes[node as usize].next;
        next.binary_search_by_key(&c, |(other, _)| *other).ok().map(|at| next[at].1)
    }

    pub fn ends(&self, node: u32) -> &[Spelling] {
        &self.nodes[node as usize].ends
    }

    pub fn first(&self) -> u64 {
        self.nodes[0].next.iter().map(|(c, _)| bucket(*c)).fold(0, |a, b| a | b)
    }

    /// Every spelling with its value.
    pub fn spellings(&self) -> Vec<(String, Spelling)> {
        let mut all = Vec::new();
        let mut open = vec![(Trie::ROOT, String::new())];
        while let Some((node, text)) = open.pop() {
            all.extend(self.ends(node).iter().map(|s| (text.clone(), *s)));
            open.extend(
                self.nodes[node as usize].next.iter().rev().map(|(c, next)| (*next, format!("{text}{c}"))),
            );
        }
        all
    }
}
