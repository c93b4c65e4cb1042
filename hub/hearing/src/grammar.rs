//! What may be said, as a word graph: states and transitions, made from the sentences of the house.

use std::fmt;

/// Starts in state 0 and may end in any of `finals`.
#[derive(Clone, Default, PartialEq)]
pub struct Grammar {
    pub states: usize,
    pub finals: Vec<usize>,
    pub transitions: Vec<Transition>,
}

/// From one state to another: by saying a word, or by nothing.
#[derive(Clone, PartialEq)]
pub struct Transition {
    pub from: usize,
    pub to: usize,
    pub word: Option<String>,
}

/// What people should know about a grammar that was taken.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GrammarNotes {
    /// Words whose pronunciation is not in the dictionary and was guessed from their spelling, with the guess.
    pub guessed: Vec<(String, String)>,
    /// Words that nothing can be guessed for (digits, foreign letters); sentences with them cannot be heard.
    pub unpronounceable: Vec<String>,
}

impl From<&sotto_intents::Grammar> for Grammar {
    /// "Anything" in a sentence (a name to remember, a text to repeat) is beyond a grammar: such sentences need
    /// an engine that can take dictation, and are left out here.
    fn from(grammar: &sotto_intents::Grammar) -> Self {
        use sotto_intents::Says;
        let transitions = grammar.transitions.iter().filter_map(|transition| {
            let word = match &transition.says {
                Says::Nothing => None,
                Says::Word(word) => Some(word.clone()),
                Says::Anything => return None,
            };
            Some(Transition { from: transition.from as usize, to: transition.to as usize, word })
        });
        Grammar {
            states: grammar.states as usize,
            finals: vec![grammar.end as usize],
            transitions: transitions.collect(),
        }
    }
}

impl fmt::Debug for GrammarNotes {
    /// Names of a household are words too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (guessed, none) = (self.guessed.len(), self.unpronounceable.len());
        write!(f, "GrammarNotes({guessed} guessed, {none} unpronounceable)")
    }
}

impl fmt::Debug for Grammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grammar({} states, {} transitions)", self.states, self.transitions.len())
    }
}

impl Grammar {
    /// Largest grammar that is taken: a house with hundreds of names stays far below.
    pub const MOST_TRANSITIONS: usize = 2_000_000;

    /// A grammar of whole sentences, without sharing; for tests and small lists.
    pub fn of_sentences<'a>(sentences: impl IntoIterator<Item = &'a str>) -> Self {
        let mut grammar = Grammar { states: 1, ..Grammar::default() };
        for sentence in sentences {
            let mut from = 0;
            for word in sentence.split_whitespace() {
                let to = grammar.states;
                grammar.states += 1;
                grammar.transitions.push(Transition { from, to, word: Some(word.to_lowercase()) });
                from = to;
            }
            if from != 0 {
                grammar.finals.push(from);
            }
        }
        grammar
    }
}
