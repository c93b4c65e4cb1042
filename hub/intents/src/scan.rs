//! Reading a text at one place: does this piece of a sentence, this name, this number stand here?
//!
//! White space, word boundaries and numbers are as hassil 3.0.1 has them.

use crate::folding::is_word;
use crate::trie::{Spelling, Trie};

pub(crate) fn skip_blanks(text: &[char], at: usize) -> usize {
    at + text[at.min(text.len())..].iter().take_while(|c| c.is_whitespace()).count()
}

/// How many characters of `text` a piece of sentence text takes, blanks included.
pub(crate) fn fits(text: &[char], core: &[char], lead: bool, trail: bool) -> Option<usize> {
    let from = usize::from(lead);
    let to = from + core.len();
    let inside = text.len() >= to + usize::from(trail);
    (inside && (!lead || text[0] == ' ') && text[from..to] == *core && (!trail || text[to] == ' '))
        .then_some(to + usize::from(trail))
}

/// Whether a regular expression's `\b` is true here.
pub(crate) fn starts_word(text: &[char], at: usize) -> bool {
    let is = |at: usize| text.get(at).is_some_and(|c| is_word(*c));
    if at == 0 { is(0) } else { is(at - 1) != is(at) }
}

/// The places after the first where something fits, for a wildcard before it. The first of them must be the start
/// of a word, if asked for; later ones may be anywhere.
pub(crate) fn occurrences(text: &[char], fits: impl Fn(&[char]) -> bool, at_words: bool) -> Vec<usize> {
    let mut all: Vec<usize> = (0..text.len()).filter(|at| fits(&text[*at..])).collect();
    if at_words {
        // At the second character hassil looks at the text as if it began there.
        let begins = |at: usize| {
            if at == 1 { starts_word(&text[1..], 0) || starts_word(text, 1) } else { starts_word(text, at) }
        };
        let first = all.iter().position(|at| *at > 0 && begins(*at)).unwrap_or(all.len());
        all.drain(..first);
    }
    all.retain(|at| *at > 0);
    all
}

/// Walks a trie along the text and reports each spelling that ends on the way.
pub(crate) fn follow(words: &Trie, text: &[char], from: usize, mut found: impl FnMut(usize, Spelling)) {
    let mut node = Trie::ROOT;
    for (i, c) in text.iter().enumerate().skip(from) {
        match words.next(node, *c) {
            Some(next) => node = next,
            None => return,
        }
        let length = i + 1 - from;
        for spelling in words.ends(node) {
            match spelling.trail {
                false => found(length, *spelling),
                true if text.get(i + 1) == Some(&' ') => found(length + 1, *spelling),
                true => {}
            }
        }
    }
}

/// A number in digits, with blanks before it and perhaps a minus: where it ends and what it is.
pub(crate) fn digits(text: &[char], start: usize, fractions: bool) -> Option<(usize, f64)> {
    let from = skip_blanks(text, start);
    let mut at = from + usize::from(text.get(from) == Some(&'-'));
    let run = |at: usize| text[at.min(text.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let whole = run(at);
    if whole == 0 || whole > 12 {
        return None;
    }
    at += whole;
    if fractions && matches!(text.get(at), Some('.' | ',')) && run(at + 1) > 0 {
        at += 1 + run(at + 1);
    }
    let number: String = text[from..at].iter().map(|c| if *c == ',' { '.' } else { *c }).collect();
    number.parse().ok().map(|n| (at, n))
}
