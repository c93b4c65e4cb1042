//! How the leaves of the automaton read a text: pieces of sentences, the values of a list, numbers.

use crate::automaton::Id;
use crate::scan::{digits, fits, follow, occurrences, skip_blanks, starts_word};
use crate::trie::{Spelling, Trie};

use super::{Filling, Hit, NONE, State, Walk, Way, plain};

impl Walk<'_> {
    /// A piece of sentence text.
    pub(super) fn literal(&self, core: &[char], lead: bool, trail: bool, state: State, out: &mut Vec<Way>) {
        let text = self.text(state);
        let at = state.position();
        let word_start = state.is(State::WORD_START);
        let from = if word_start { skip_blanks(text, at) } else { at };
        if core.is_empty() {
            // White space alone.
            let end = if state.is(State::OPEN) || word_start {
                state.at(from).with(State::WORD_START, true)
            } else if text.get(at) == Some(&' ') {
                state.at(at + 1).with(State::WORD_START, true)
            } else if text[at..].iter().all(|c| c.is_whitespace()) {
                state
            } else if self.breaks_at(state, at) {
                state.at(at + 1).with(State::BROKEN, true)
            } else {
                return;
            };
            out.push(plain(end, 0));
            return;
        }
        let lead = lead && !word_start;
        let literals = core.len() as u16;
        if state.is(State::OPEN) {
            let at_words = state.is(State::OPEN_AT_WORDS);
            for start in occurrences(&text[from..], |t| fits(t, core, lead, trail).is_some(), at_words) {
                let start = from + start;
                if text[at..start].iter().all(|c| c.is_whitespace()) {
                    continue;
                }
                if let Some(length) = fits(&text[start..], core, lead, trail) {
                    let end = state.closed().at(start + length).with(State::WORD_START, trail);
                    out.push(Way { close: start as u16, ..plain(end, literals) });
                }
            }
            return;
        }
        if let Some(length) = fits(&text[from..], core, lead, trail) {
            out.push(plain(state.at(from + length).with(State::WORD_START, trail), literals));
        } else if let Some(broken) = self.heard.broken.as_ref().filter(|_| !state.is(State::BROKEN))
            && let Some(length) = fits(&broken[from..], core, lead, trail)
        {
            out.push(plain(state.at(from + length).with(State::BROKEN, true), 0));
        }
    }

    fn breaks_at(&self, state: State, at: usize) -> bool {
        !state.is(State::BROKEN) && self.heard.broken.as_ref().is_some_and(|b| b.get(at) == Some(&' '))
    }

    /// The values of a list. What follows a value begins a word wherever the value did.
    pub(super) fn values(
        &mut self,
        words: &Trie,
        templates: &[(Id, u32)],
        slot: u32,
        state: State,
        out: &mut Vec<Way>,
    ) {
        let word_start = state.is(State::WORD_START);
        for (start, length, spelling, broken) in self.spellings(words, state) {
            let end = state.closed().at(start + length);
            let end = if broken { end.with(State::BROKEN, true) } else { end };
            let close = if state.is(State::OPEN) { start as u16 } else { NONE };
            let start = if state.is(State::OPEN) { start } else { state.position() };
            let hit = Hit {
                slot,
                what: Filling::Value(spelling.value),
                start: start as u16,
                end: end.position() as u16,
                loose: spelling.loose,
            };
            self.filled(Way { close, ..plain(end, 0) }, hit, out);
        }
        let mut ways = self.spare.pop().unwrap_or_default();
        for (node, value) in templates {
            if !self.may_begin(*node, state) {
                continue;
            }
            self.node(*node, state, &mut ways);
            for way in ways.drain(..) {
                let start = if way.close == NONE { state.position() as u16 } else { way.close };
                let end = way.end.with(State::WORD_START, word_start);
                let what = Filling::Value(*value);
                let hit = Hit { slot, what, start, end: end.position() as u16, loose: false };
                self.filled(Way { end, literals: 0, ..way }, hit, out);
            }
        }
        self.spare.push(ways);
    }

    /// Spellings of a list at a place (anywhere after it, for an open wildcard): start, length, which, and whether
    /// hyphens had to be read as blanks.
    fn spellings(&self, words: &Trie, state: State) -> Vec<(usize, usize, Spelling, bool)> {
        let text = self.text(state);
        let at = state.position();
        let word_start = state.is(State::WORD_START);
        let from = if word_start { skip_blanks(text, at) } else { at };
        let mut found = Vec::new();
        if !state.is(State::OPEN) {
            follow(words, text, from, |length, s| {
                if word_start || !s.lead {
                    found.push((from, length, s, false));
                }
            });
            if !word_start && text.get(from) == Some(&' ') {
                follow(words, text, from + 1, |length, s| {
                    if s.lead {
                        found.push((from, length + 1, s, false));
                    }
                });
            }
            if let Some(broken) = self.heard.broken.as_ref().filter(|_| !state.is(State::BROKEN)) {
                let plain = found.len();
                follow(words, broken, from, |length, s| {
                    if !s.lead && !found[..plain].iter().any(|(.., other, _)| *other == s) {
                        found.push((from, length, s, true));
                    }
                });
            }
            return found;
        }
        let at_words = state.is(State::OPEN_AT_WORDS);
        for start in from + 1..text.len() {
            if text[at..start].iter().all(|c| c.is_whitespace()) {
                continue;
            }
            follow(words, text, start, |length, s| {
                // The first place must be the start of a word; later ones count anywhere, as in hassil.
                let seen = found.iter().any(|(.., other, _)| *other == s);
                if !at_words || seen || starts_word(text, start) {
                    found.push((start, length, s, false));
                }
            });
        }
        found
    }

    pub(super) fn number(
        &mut self,
        range: &crate::numbers::Range,
        words: &Trie,
        spoken: &[f64],
        slot: u32,
        state: State,
        out: &mut Vec<Way>,
    ) {
        let text = self.text(state);
        let at = state.position();
        let open = state.is(State::OPEN);
        let mut found: Vec<(usize, usize, f64)> = Vec::new();
        let mut any_digits = false;
        let starts = if open { at + 1..text.len() } else { at..at + 1 };
        for start in starts.clone() {
            if open && (text[at..start].iter().all(|c| c.is_whitespace()) || text[start - 1].is_ascii_digit())
            {
                continue;
            }
            if let Some((end, number)) = digits(text, start, range.fractions > 0) {
                any_digits = true;
                if let Some(value) = range.value(number).filter(|_| range.digits) {
                    found.push((start, end, value));
                }
            }
        }
        let by_digits = found.len();
        // Words only where there are no digits at all.
        if !any_digits {
            for start in starts {
                let from = if state.is(State::WORD_START) { skip_blanks(text, start) } else { start };
                if open && (!starts_word(text, start) || text[at..start].iter().all(|c| c.is_whitespace())) {
                    continue;
                }
                follow(words, text, from, |length, s| {
                    found.push((start, from + length, spoken[s.value as usize]))
                });
            }
        }
        for (i, (start, end, value)) in found.into_iter().enumerate() {
            let word_start = i < by_digits && state.is(State::WORD_START);
            let literals = if i < by_digits { 0 } else { (end - start) as u16 };
            let close = if open { start as u16 } else { NONE };
            let what = Filling::Number(value);
            let hit = Hit { slot, what, start: start as u16, end: end as u16, loose: false };
            let end = state.closed().at(end).with(State::WORD_START, word_start);
            self.filled(Way { close, ..plain(end, literals) }, hit, out);
        }
    }
}
