//! From a grammar of words to what the decoder needs: a word graph without empty steps, and a dictionary of
//! just the words in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::pronounce;
use crate::grammar::{Grammar, GrammarNotes};
use crate::word_graph::{GraphError, Prepared, key, without_empty_steps};

/// Pronunciations by word, several for some.
pub struct Lexicon {
    pronunciations: HashMap<String, Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    #[error("the dictionary {} cannot be read: {source}; install the package pocketsphinx-en-us", path.display())]
    Read { path: PathBuf, source: std::io::Error },
}

impl Lexicon {
    pub fn read(path: &Path) -> Result<Self, LexiconError> {
        let text = fs::read_to_string(path)
            .map_err(|source| LexiconError::Read { path: path.to_owned(), source })?;
        let mut pronunciations: HashMap<String, Vec<String>> = HashMap::new();
        for line in text.lines() {
            if let Some((word, phones)) = line.split_once(char::is_whitespace) {
                let word = word.split_once('(').map_or(word, |(word, _)| word);
                pronunciations.entry(word.to_owned()).or_default().push(phones.trim().to_owned());
            }
        }
        Ok(Lexicon { pronunciations })
    }

    /// All ways to say a word, and whether they are a guess.
    fn say(&self, word: &str) -> Option<(Vec<String>, bool)> {
        if let Some(known) = self.pronunciations.get(word) {
            return Some((known.clone(), false));
        }
        // "kitchen's" and "kitchens" are said like "kitchen" with a final sound.
        for (ending, phones) in [("'s", "Z"), ("s", "Z")] {
            if let Some(known) = word.strip_suffix(ending).and_then(|stem| self.pronunciations.get(stem)) {
                return Some((known.iter().map(|known| format!("{known} {phones}")).collect(), false));
            }
        }
        // "floor-lamp" is said like its parts.
        if word.contains('-') {
            let parts: Option<Vec<_>> =
                word.split('-').filter(|p| !p.is_empty()).map(|p| self.say(p)).collect();
            if let Some(parts) = parts.filter(|parts| !parts.is_empty()) {
                let phones: Vec<&str> =
                    parts.iter().filter_map(|(p, _)| p.first().map(String::as_str)).collect();
                return Some((vec![phones.join(" ")], parts.iter().any(|(_, guessed)| *guessed)));
            }
        }
        pronounce::guess(word).map(|phones| (vec![phones], true))
    }

    pub fn prepare(&self, grammar: &Grammar) -> Result<Prepared, GraphError> {
        let mut notes = GrammarNotes::default();
        let mut spoken: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let words: BTreeSet<String> =
            grammar.transitions.iter().filter_map(|t| t.word.as_deref().map(key)).collect();
        for word in words {
            match self.say(&word) {
                Some((phones, guessed)) => {
                    if guessed {
                        notes.guessed.push((word.clone(), phones.join(", ")));
                    }
                    spoken.insert(word, phones);
                }
                None => notes.unpronounceable.push(word),
            }
        }
        let network = without_empty_steps(grammar, |word| spoken.contains_key(word))?;
        let mut dictionary = String::new();
        for (word, ways) in &spoken {
            for (index, phones) in ways.iter().enumerate() {
                match index {
                    0 => dictionary.push_str(&format!("{word} {phones}\n")),
                    _ => dictionary.push_str(&format!("{word}({}) {phones}\n", index + 1)),
                }
            }
        }
        Ok(Prepared { network, dictionary, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Transition;

    fn lexicon() -> Lexicon {
        let mut pronunciations = HashMap::new();
        for (word, phones) in
            [("light", "L AY T"), ("on", "AA N"), ("floor", "F L AO R"), ("lamp", "L AE M P")]
        {
            pronunciations.insert(word.to_owned(), vec![phones.to_owned()]);
        }
        Lexicon { pronunciations }
    }

    #[test]
    fn words_are_looked_up_put_together_or_guessed() {
        let prepared =
            lexicon().prepare(&Grammar::of_sentences(["Lights on", "floor-lamp blorp", "42"])).unwrap();
        assert_eq!(
            prepared.dictionary,
            "blorp B L AO R P\nfloor-lamp F L AO R L AE M P\nlights L AY T Z\non AA N\n"
        );
        assert_eq!(prepared.notes.guessed, [("blorp".to_owned(), "B L AO R P".to_owned())]);
        assert_eq!(prepared.notes.unpronounceable, ["42"]);
    }

    #[test]
    fn empty_steps_vanish_and_equal_beginnings_are_shared() {
        let say = |from, to, word: Option<&str>| Transition { from, to, word: word.map(str::to_owned) };
        let grammar = Grammar {
            states: 6,
            finals: vec![5],
            transitions: vec![
                say(0, 1, Some("light")),
                say(0, 2, Some("light")),
                say(1, 3, None),
                say(2, 4, Some("on")),
                say(3, 5, Some("on")),
                say(4, 5, None),
            ],
        };
        let network = lexicon().prepare(&grammar).unwrap().network;
        let arcs: Vec<_> = network.arcs.iter().map(|a| (a.from, a.to, a.word.as_str())).collect();
        assert_eq!(arcs, [(0, 1, "light"), (1, 2, "on")]);
        assert_eq!(network.ends, [2]);
    }

    #[test]
    fn a_grammar_that_says_nothing_is_an_error() {
        for grammar in [Grammar::default(), Grammar::of_sentences(["42"])] {
            assert!(lexicon().prepare(&grammar).is_err());
        }
    }
}
