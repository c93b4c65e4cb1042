//! Of all readings of a text, the one that was meant.
//!
//! First what the context allows; then, as Home Assistant chooses: the household's own sentences before others, a
//! reading that names a thing before one that does not, names as they are written before those with blanks for their
//! hyphens, the longer name, fewer wildcards, more of the sentence's
//! own text, and what stands earlier in the files.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::automaton::{Automaton, Position};
use crate::folding::Heard;
use crate::outcome::{Origin, Slot};
use crate::sentences::{Block, Sentences};
use crate::value::Value;
use crate::walk::{Filling, Hit, Reading};

/// Context items by name: `area`, and whatever sentences may require.
pub(crate) type Items = BTreeMap<String, Value>;

/// A reading that the context allows.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub position: Position,
    pub slots: Vec<Slot>,
    pub context: Items,
    pub rank: Rank,
}

/// Smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    not_own: bool,
    not_named: bool,
    loosely: bool,
    name: Reverse<u16>,
    wildcards: usize,
    literals: Reverse<u16>,
    /// Of several things of one name, the one in the area where it was said.
    elsewhere: bool,
    order: u32,
    value: u32,
}

/// All candidates, the best first.
pub(crate) fn candidates(
    sentences: &Sentences,
    automaton: &Automaton,
    heard: &Heard,
    readings: Vec<Reading>,
    context: &Items,
) -> Vec<Candidate> {
    let words: Vec<String> = heard.words().collect();
    let mut all: Vec<Candidate> = readings
        .into_iter()
        .filter_map(|reading| candidate(sentences, automaton, heard, &words, reading, context))
        .collect();
    all.sort_by_key(|c| c.rank);
    all
}

fn candidate(
    sentences: &Sentences,
    automaton: &Automaton,
    heard: &Heard,
    words: &[String],
    reading: Reading,
    context: &Items,
) -> Option<Candidate> {
    let position = automaton.positions[reading.sentence as usize];
    let block = &sentences.intents[position.intent as usize].blocks[position.block as usize];
    if block.keywords.as_ref().is_some_and(|keywords| !words.iter().any(|w| keywords.contains(w))) {
        return None;
    }
    if !may_fit(block, context) {
        return None;
    }
    let mut context = context.clone();
    for hit in &reading.hits {
        if let Filling::Value(value) = hit.what {
            context.extend(automaton.values[value as usize].context.iter().cloned());
        }
    }
    let from_context = context_slots(block, &context)?;
    let slots = slots(automaton, heard, block, &reading.hits, from_context);
    let rank = rank(automaton, block, &reading, &slots, context.get("area"));
    Some(Candidate { position, slots, context, rank })
}

/// What is known before anything is matched must not contradict the block.
fn may_fit(block: &Block, context: &Items) -> bool {
    block.requires.iter().all(|(key, wanted)| match context.get(key) {
        None => true,
        Some(actual) => wanted.value == Value::Null || plain(actual).is_or_is_in(&wanted.value),
    }) && excluded(block, context)
}

fn excluded(block: &Block, context: &Items) -> bool {
    block
        .excludes
        .iter()
        .all(|(key, unwanted)| !context.get(key).is_some_and(|actual| plain(actual).is_or_is_in(unwanted)))
}

/// Whether a block could mean a thing of the house with this context (`domain` …). The area may still come from
/// where it is said; everything else must be the thing's own.
pub(crate) fn value_fits(block: &Block, context: &[(String, Value)]) -> bool {
    let has = |key: &str| context.iter().any(|(k, _)| k == key);
    context.is_empty()
        || may_fit(block, &context.iter().cloned().collect())
            && block.requires.iter().all(|(key, _)| key == "area" || key == "floor" || has(key))
}

/// A context item may be written as `{value: …}`.
fn plain(value: &Value) -> &Value {
    match value {
        Value::Map(items) => items.iter().find(|(k, _)| k == "value").map_or(&Value::Null, |(_, v)| v),
        other => other,
    }
}

/// The slots that a block takes from its context, or `None` where the context is not what it requires.
fn context_slots(block: &Block, context: &Items) -> Option<Vec<(String, Value)>> {
    if !excluded(block, context) {
        return None;
    }
    let mut slots = Vec::new();
    for (key, wanted) in &block.requires {
        let actual = context.get(key).map(plain).filter(|v| **v != Value::Null)?;
        if wanted.value != Value::Null && !actual.is_or_is_in(&wanted.value) {
            return None;
        }
        slots.extend(wanted.slot.iter().map(|slot| (slot.clone(), actual.clone())));
    }
    Some(slots)
}

fn slots(
    automaton: &Automaton,
    heard: &Heard,
    block: &Block,
    hits: &[Hit],
    from_context: Vec<(String, Value)>,
) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut put = |slot: Slot| match slots.iter_mut().find(|s| s.name == slot.name) {
        // Of two values for one slot, the last was meant: "the kitchen, no, the bedroom".
        Some(other) => *other = slot,
        None => slots.push(slot),
    };
    for hit in hits {
        let spoken = heard.spoken(hit.start as usize, hit.end as usize);
        let (value, id, origin) = match hit.what {
            Filling::Number(n) => (Value::from_number(n), None, Origin::Spoken),
            Filling::Wildcard => (Value::Text(spoken.clone()), None, Origin::Wildcard),
            Filling::Value(value) => {
                let listed = &automaton.values[value as usize];
                let value = listed.out.clone().unwrap_or_else(|| Value::Text(spoken.clone()));
                (value, listed.id.clone(), Origin::Spoken)
            }
        };
        put(Slot { name: automaton.slots[hit.slot as usize].clone(), value, spoken, id, origin });
    }
    let named: Vec<String> = slots.iter().map(|s| s.name.clone()).collect();
    let fixed = block.slots.iter().map(|(name, value)| (name, value, Origin::Sentence));
    let context = from_context.iter().map(|(name, value)| (name, value, Origin::Context));
    for (name, value, origin) in fixed.chain(context) {
        if !named.contains(name) {
            let slot =
                Slot { name: name.clone(), value: value.clone(), spoken: String::new(), id: None, origin };
            match slots.iter_mut().find(|s| s.name == slot.name) {
                Some(other) => *other = slot,
                None => slots.push(slot),
            }
        }
    }
    slots
}

fn rank(
    automaton: &Automaton,
    block: &Block,
    reading: &Reading,
    slots: &[Slot],
    here: Option<&Value>,
) -> Rank {
    let name = slots.iter().find(|s| s.name == "name" && s.origin != Origin::Wildcard);
    let hit = automaton.slot("name").and_then(|slot| reading.hits.iter().rfind(|h| h.slot == slot));
    // "Licht an" is about a light, even in a house where a sensor is called "Licht": a sentence that is always
    // about scenes does not name the sensor, though its template would let it.
    let contradicts = hit.is_some_and(|hit| match hit.what {
        Filling::Value(value) => {
            let thing = &automaton.values[value as usize].context;
            let fixed = block.slots.iter().find(|(key, _)| key == "domain");
            let actual = thing.iter().find(|(key, _)| key == "domain");
            matches!((fixed, actual), (Some((_, fixed)), Some((_, actual))) if !actual.is_or_is_in(fixed))
        }
        _ => false,
    });
    let names = name.is_some() && !contradicts;
    let elsewhere = hit.is_some_and(|hit| match hit.what {
        Filling::Value(value) => {
            automaton.values[value as usize].area.as_deref() != here.and_then(Value::as_text)
        }
        _ => false,
    });
    Rank {
        not_own: !block.own,
        not_named: !names,
        loosely: reading.hits.iter().any(|hit| hit.loose),
        name: Reverse(hit.filter(|_| names).map_or(0, |h| h.end.saturating_sub(h.start))),
        wildcards: reading.hits.iter().filter(|h| h.what == Filling::Wildcard).count(),
        literals: Reverse(reading.literals),
        elsewhere,
        order: reading.sentence,
        value: match hit.map(|hit| hit.what) {
            Some(Filling::Value(value)) => value,
            _ => 0,
        },
    }
}
