//! The door: sentences and a house's names → what a text means.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::automaton::Automaton;
use crate::choose::{self, Candidate, Items};
use crate::folding::{Heard, SkipWords};
use crate::grammar::{self, Grammar};
use crate::home::Home;
use crate::near::{self, Near, Nearby};
use crate::outcome::{Alternative, Doubt, Match, Origin, Slot, Source, Unsure};
use crate::problem::Problem;
use crate::sentences::Sentences;
use crate::value::Value;
use crate::walk;

/// Most alternatives kept with a match.
const ALTERNATIVES: usize = 4;
/// Most hypotheses of a speech engine that are tried.
const HYPOTHESES: usize = 10;
/// Most nearby sentences whose meaning is looked up for one hypothesis.
const GUESSES_TRIED: usize = 60;
/// How much further than the nearest a sentence may be to be shown as an alternative, in words changed.
const MARGIN_SHOWN: f32 = 2.0 * near::MARGIN;
/// Most transitions of the graph that is searched for what is near.
const NEAR_LIMIT: usize = 400_000;

/// What is known besides the words: where they were said, and what sentences may require.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// The name of the satellite's area: "the lights" are the lights there.
    pub area: Option<String>,
    /// The name of the speaker's own room, where they are known and have one: "my room".
    pub own_room: Option<String>,
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
    sentences: Arc<Sentences>,
    home: Arc<Home>,
    automaton: Automaton,
    /// Made when first something is not understood word for word.
    near: OnceLock<Arc<Near>>,
}

/// A sentence near what was heard, and what it means.
struct Guess {
    meant: Match,
    cost: f32,
    confidence: f32,
    named_well: bool,
}

impl Matcher {
    pub fn new(sentences: &Sentences, home: &Home) -> Matcher {
        let automaton = Automaton::new(sentences, home);
        let (sentences, home) = (Arc::new(sentences.clone()), Arc::new(home.clone()));
        Matcher { sentences, home, automaton, near: OnceLock::new() }
    }

    /// The same sentences with other names.
    pub fn with_home(&self, home: &Home) -> Matcher {
        let automaton = Automaton::new(&self.sentences, home);
        Matcher {
            sentences: self.sentences.clone(),
            home: Arc::new(home.clone()),
            automaton,
            near: OnceLock::new(),
        }
    }

    pub fn home(&self) -> &Home {
        &self.home
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
        self.read(&heard, context).or_else(|| {
            // What may be skipped may also be part of a name: "the Please Bar".
            let whole = Heard::new(text, &SkipWords::default(), self.automaton.ignore_whitespace)?;
            if whole.folded == heard.folded { None } else { self.read(&whole, context) }
        })
    }

    fn read(&self, heard: &Heard, context: &Context) -> Option<Match> {
        let readings = walk::readings(&self.automaton, heard);
        let candidates =
            choose::candidates(&self.sentences, &self.automaton, heard, readings, &context.items());
        self.decide(heard, candidates)
    }

    /// What the text means: word for word if possible, else the nearest sentence if it is near enough.
    pub fn parse(&self, text: &str, context: &Context) -> Option<Match> {
        self.understand(&[text], context).ok()
    }

    /// What one of several hypotheses of a speech engine means, the likeliest first.
    pub fn parse_any(&self, hypotheses: &[&str], context: &Context) -> Option<Match> {
        self.understand(hypotheses, context).ok()
    }

    /// As [`Matcher::parse_any`], with what came nearest where nothing was understood.
    pub fn understand(&self, hypotheses: &[&str], context: &Context) -> Result<Match, Unsure> {
        let hypotheses = &hypotheses[..hypotheses.len().min(HYPOTHESES)];
        let exact = hypotheses.iter().enumerate().find_map(|(i, text)| Some((i, self.exact(text, context)?)));
        if let Some((hypothesis, found)) = exact {
            return Ok(Match { hypothesis, ..found });
        }
        let mut guesses: Vec<Guess> = Vec::new();
        for (i, text) in hypotheses.iter().enumerate() {
            if let Some(heard) = self.hear(text) {
                self.guess(&heard, i, context, &mut guesses);
            }
        }
        guesses.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        self.choose(guesses)
    }

    /// Adds the nearest sentences that mean different things, each with its least cost.
    fn guess(&self, heard: &Heard, hypothesis: usize, context: &Context, guesses: &mut Vec<Guess>) {
        if self.automaton.ignore_whitespace {
            return;
        }
        let words: Vec<String> = heard
            .words()
            .flat_map(|w| grammar::spoken(&w).split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let words: Vec<String> = words.into_iter().filter(|w| !w.is_empty()).collect();
        // A later hypothesis must be nearer to win.
        let handicap = 0.05 * hypothesis as f32;
        let mut found: Vec<Guess> = Vec::new();
        let mut tried = 0;
        let mut texts: HashSet<String> = HashSet::new();
        self.near().search(&words, self.sentences.language(), |nearby| {
            tried += 1;
            let text = nearby.text();
            if tried > GUESSES_TRIED {
                return 0.0;
            }
            if let Some(meant) = texts.insert(text.clone()).then(|| self.exact(&text, context)).flatten() {
                let known = found
                    .iter()
                    .any(|g| same_meaning(&g.meant.intent, &g.meant.slots, &meant.intent, &meant.slots));
                if !known {
                    let (cost, confidence) = (nearby.cost + handicap, nearby.confidence());
                    let named_well = names_are_near(&meant, nearby);
                    let meant = Match { understood: text, hypothesis, ..meant };
                    found.push(Guess { meant, cost, confidence, named_well });
                }
            }
            match found.first() {
                _ if found.len() > ALTERNATIVES => 0.0,
                Some(first) => first.cost - handicap + MARGIN_SHOWN,
                None => f32::INFINITY,
            }
        });
        for guess in found {
            let same = |g: &&mut Guess| {
                same_meaning(&g.meant.intent, &g.meant.slots, &guess.meant.intent, &guess.meant.slots)
            };
            match guesses.iter_mut().find(same) {
                Some(other) if other.cost <= guess.cost => {}
                Some(other) => *other = guess,
                None => guesses.push(guess),
            }
        }
    }

    /// The best guess, if it is near and the next is clearly further away.
    fn choose(&self, guesses: Vec<Guess>) -> Result<Match, Unsure> {
        let nearest = |guesses: &[Guess]| -> Vec<Alternative> {
            let shown = guesses.iter().take(ALTERNATIVES);
            shown
                .map(|g| Alternative {
                    intent: g.meant.intent.clone(),
                    slots: g.meant.slots.clone(),
                    sentence: g.meant.sentence.clone(),
                    confidence: g.confidence,
                })
                .collect()
        };
        let Some(best) = guesses.first() else {
            return Err(Unsure { nearest: Vec::new(), why: Doubt::NothingNear });
        };
        let margin = guesses.get(1).map_or(1.0, |second| (second.cost - best.cost).min(1.0));
        let why = if best.confidence < near::CONFIDENCE {
            Some(Doubt::TooFar { confidence: best.confidence })
        } else if !best.named_well {
            Some(Doubt::Name)
        } else if margin < near::MARGIN {
            Some(Doubt::TooClose { margin })
        } else {
            None
        };
        if let Some(why) = why {
            return Err(Unsure { nearest: nearest(&guesses), why });
        }
        let alternatives = nearest(&guesses[1..]);
        let mut guesses = guesses.into_iter();
        match guesses.next() {
            Some(Guess { meant, confidence, .. }) => Ok(Match { confidence, margin, alternatives, ..meant }),
            None => Err(Unsure { nearest: Vec::new(), why: Doubt::NothingNear }),
        }
    }

    /// Makes what is needed for mis-heard sentences, which otherwise the first of them waits for: up to half a second
    /// for a large language. For a thread of its own.
    pub fn prepare(&self) {
        self.near();
    }

    fn near(&self) -> &Near {
        self.near.get_or_init(|| {
            Arc::new(Near::new(&grammar::export(&self.sentences, &self.automaton, NEAR_LIMIT, false)))
        })
    }

    /// What may be said in one breath, as a graph of words for a speech engine, of at most about `limit` transitions.
    pub fn grammar(&self, limit: usize) -> Grammar {
        grammar::export(&self.sentences, &self.automaton, limit, true)
    }

    fn hear(&self, text: &str) -> Option<Heard> {
        Heard::new(text, &self.automaton.skip, self.automaton.ignore_whitespace)
    }

    fn decide(&self, heard: &Heard, candidates: Vec<Candidate>) -> Option<Match> {
        let mut candidates = candidates.into_iter();
        let best = candidates.next()?;
        let mut alternatives: Vec<Alternative> = Vec::new();
        let intent_of = |c: &Candidate| self.sentences.intents[c.position.intent as usize].name.clone();
        let intent = intent_of(&best);
        for other in candidates {
            let name = intent_of(&other);
            let known = same_meaning(&name, &other.slots, &intent, &best.slots)
                || alternatives.iter().any(|a| same_meaning(&a.intent, &a.slots, &name, &other.slots));
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

fn same_meaning(intent: &str, slots: &[Slot], other_intent: &str, other: &[Slot]) -> bool {
    let has = |slot: &Slot| other.iter().any(|o| o.name == slot.name && o.value == slot.value);
    intent == other_intent && slots.len() == other.len() && slots.iter().all(has)
}

/// Whether what fills the slots sounds like what was heard, each slot as a whole.
fn names_are_near(meant: &Match, nearby: &Nearby) -> bool {
    let spoken = meant.slots.iter().filter(|s| s.origin == Origin::Spoken && !s.spoken.is_empty());
    spoken.into_iter().all(|slot| {
        let words: Vec<String> = slot.spoken.split_whitespace().map(crate::folding::fold_text).collect();
        let mut places = nearby.words.windows(words.len());
        let place = places.find(|place| place.iter().zip(&words).all(|((said, _), word)| said == word));
        // Where the name is part of a longer word, that word counts.
        let costs: Vec<f32> = match place {
            Some(place) => place.iter().map(|(_, cost)| *cost).collect(),
            None => nearby
                .words
                .iter()
                .filter(|(said, _)| words.iter().any(|w| said.contains(w.as_str())))
                .map(|(_, c)| *c)
                .collect(),
        };
        costs.iter().sum::<f32>() / costs.len().max(1) as f32 <= near::NAME_LIMIT
    })
}
