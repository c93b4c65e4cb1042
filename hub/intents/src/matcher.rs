//! The door: sentences and a house's names → what a text means.

use std::collections::BTreeMap;

use crate::automaton::Automaton;
use crate::choose::{self, Candidate, Items};
use crate::folding::Heard;
use crate::grammar::{self, Grammar};
use crate::home::Home;
use crate::outcome::{Alternative, Match, Source};
use crate::problem::Problem;
use crate::sentences::Sentences;
use crate::value::Value;
use crate::walk;

/// Most alternatives kept with a match.
const ALTERNATIVES: usize = 4;

/// What is known besides the words: where they were said, and what sentences may require.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// The name of the satellite's area: "the lights" are the lights there.
    pub area: Option<String>,
    /// Anything else that sentences may require or exclude.
    pub items: BTreeMap<String, Value>,
}

impl Context {
    pub fn in_area(area: &str) -> Context {
        Context { area: Some(area.to_owned()), ..Context::default() }
    }

    fn items(&self) -> Items {
        let mut items = self.items.clone();
        items.extend(self.area.iter().map(|area| ("area".to_owned(), Value::from(area.as_str()))));
        items
    }
}

/// Sentences of one language compiled with the names of one house. Built anew when either changes: a few
/// milliseconds for a language and a house of thousands of things.
#[derive(Debug, Clone)]
pub struct Matcher {
    sentences: Sentences,
    automaton: Automaton,
}

impl Matcher {
    pub fn new(sentences: &Sentences, home: &Home) -> Matcher {
        Matcher { automaton: Automaton::new(sentences, home), sentences: sentences.clone() }
    }

    /// The same sentences with other names.
    pub fn with_home(&self, home: &Home) -> Matcher {
        Matcher::new(&self.sentences, home)
    }

    pub fn sentences(&self) -> &Sentences {
        &self.sentences
    }

    /// Everything that is wrong with the sentence files: in reading them, and in putting them together.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.sentences.problems.iter().chain(&self.automaton.problems)
    }

    /// What the text means, where it is word for word one of the sentences.
    pub fn exact(&self, text: &str, context: &Context) -> Option<Match> {
        let heard = self.hear(text)?;
        let readings = walk::readings(&self.automaton, &heard);
        let candidates =
            choose::candidates(&self.sentences, &self.automaton, &heard, readings, &context.items());
        self.decide(&heard, candidates)
    }

    /// What the text means: word for word if possible, else the nearest sentence if it is near enough.
    pub fn parse(&self, text: &str, context: &Context) -> Option<Match> {
        self.exact(text, context)
    }

    /// What one of several hypotheses of a speech engine means, the likeliest first: the first that is word for
    /// word a sentence, else the nearest.
    pub fn parse_any(&self, hypotheses: &[&str], context: &Context) -> Option<Match> {
        let found = hypotheses.iter().enumerate().find_map(|(i, text)| Some((i, self.exact(text, context)?)));
        found.map(|(hypothesis, found)| Match { hypothesis, ..found })
    }

    /// What may be said, as a graph of words for a speech engine, of at most about `limit` transitions.
    pub fn grammar(&self, limit: usize) -> Grammar {
        grammar::export(&self.sentences, &self.automaton, limit)
    }

    fn hear(&self, text: &str) -> Option<Heard> {
        Heard::new(text, &self.automaton.skip, self.automaton.ignore_whitespace)
    }

    fn decide(&self, heard: &Heard, candidates: Vec<Candidate>) -> Option<Match> {
        let mut candidates = candidates.into_iter();
        let best = candidates.next()?;
        let mut alternatives: Vec<Alternative> = Vec::new();
        let same = |a: &[crate::Slot], b: &[crate::Slot]| {
            a.len() == b.len() && a.iter().all(|s| b.iter().any(|t| t.name == s.name && t.value == s.value))
        };
        let intent_of = |c: &Candidate| self.sentences.intents[c.position.intent as usize].name.clone();
        let intent = intent_of(&best);
        for other in candidates {
            let name = intent_of(&other);
            let known = name == intent && same(&other.slots, &best.slots)
                || alternatives.iter().any(|a| a.intent == name && same(&a.slots, &other.slots));
            if !known {
                let sentence = self.source(&other);
                alternatives.push(Alternative {
                    intent: name,
                    slots: other.slots,
                    sentence,
                    confidence: 1.0,
                });
            }
            if alternatives.len() == ALTERNATIVES {
                break;
            }
        }
        let block =
            &self.sentences.intents[best.position.intent as usize].blocks[best.position.block as usize];
        Some(Match {
            intent,
            sentence: self.source(&best),
            slots: best.slots,
            response: block.response.clone().unwrap_or_else(|| "default".to_owned()),
            confidence: 1.0,
            margin: 1.0,
            understood: heard.spoken(0, heard.original.len()),
            alternatives,
            context: best.context,
            metadata: block.metadata.clone(),
            hypothesis: 0,
        })
    }

    fn source(&self, candidate: &Candidate) -> Source {
        let at = candidate.position;
        let block = &self.sentences.intents[at.intent as usize].blocks[at.block as usize];
        let sentence = &block.sentences[at.sentence as usize];
        Source { template: sentence.text.clone(), file: sentence.file.clone(), line: sentence.line }
    }
}
