//! Commands that hang together: several in one breath, and follow-ups to the command before.
//!
//! "turn off the lights and close the blinds" is two commands; nothing is done unless both are understood. "and the
//! fan too", "no, the other one", "off again" refer to the last command in the same area, for half a minute. The
//! words for all this are sentences of the packs (`FollowAlso` …) and their list `conjunctions`; here is only what
//! they mean. Time is an argument.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::home::Home;
use crate::matcher::{Context, Matcher};
use crate::outcome::{Doubt, Match, Origin, Slot, Unsure};
use crate::value::Value;

/// How long a follow-up may refer to the command before.
pub const FOLLOW_UP: Duration = Duration::from_secs(30);
/// Most commands in one breath.
const COMMANDS: usize = 4;
/// Most conjunctions in a text that is still taken apart: word for word, and where each part is searched for what is
/// near. More is no chain of commands, but somebody telling a story.
const PLACES: usize = 8;
const NEAR_PLACES: usize = 3;
/// What the names of intents begin with that refer to the command before.
const FOLLOW: &str = "Follow";
/// The list of what is said between two commands.
pub(crate) const CONJUNCTIONS: &str = "conjunctions";
/// Things for which on and off mean the same kind of thing, so that "the fan too" may follow "turn on the light".
/// Locks, doors and alarms are not among them: what opens a door must be said.
const ALIKE: &[&str] = &["light", "fan", "switch", "input_boolean", "media_player", "humidifier"];

/// What was last understood in each place.
#[derive(Debug, Default)]
pub struct Conversation {
    last: HashMap<String, (Instant, Match)>,
}

impl Conversation {
    /// What was said, as one or more commands in the order in which they are to be done.
    ///
    /// `place` is where it was said: follow-ups refer to the last command [remembered](Self::remember) there.
    pub fn understand(
        &self,
        matcher: &Matcher,
        hypotheses: &[&str],
        context: &Context,
        place: &str,
        now: Instant,
    ) -> Result<Vec<Match>, Unsure> {
        let mut found = commands(matcher, hypotheses, context, self.last(place, now))?;
        let room = context.own_room.as_deref().and_then(|name| matcher.home().find_area(name));
        match found.iter_mut().all(|command| command.settle_in(room)) {
            true => Ok(found),
            false => Err(Unsure {
                nearest: found.iter().map(Match::as_alternative).collect(),
                why: Doubt::WhoseRoom,
            }),
        }
    }

    /// From now on, follow-ups in `place` refer to `command`.
    pub fn remember(&mut self, place: &str, command: &Match, now: Instant) {
        self.last.retain(|_, (at, _)| is_recent(*at, now));
        self.last.insert(place.to_owned(), (now, command.clone()));
    }

    fn last(&self, place: &str, now: Instant) -> Option<&Match> {
        self.last.get(place).filter(|(at, _)| is_recent(*at, now)).map(|(_, command)| command)
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) <= FOLLOW_UP
}

fn commands(
    matcher: &Matcher,
    hypotheses: &[&str],
    context: &Context,
    last: Option<&Match>,
) -> Result<Vec<Match>, Unsure> {
    // Word for word first, whole and in parts; only then what is merely near.
    for (hypothesis, text) in hypotheses.iter().enumerate() {
        let exact = |text: &str| matcher.exact(text, context);
        let whole = exact(text).and_then(|found| follow(matcher, found, last));
        let split = || {
            let most = if places(matcher, text) > PLACES { 0 } else { COMMANDS };
            parts(matcher, text, last, &exact, most)
        };
        if let Some(found) = whole.or_else(split) {
            return Ok(found.into_iter().map(|m| Match { hypothesis, ..m }).collect());
        }
    }
    let unsure = match matcher.understand(hypotheses, context) {
        Ok(found) => match follow(matcher, found.clone(), last) {
            Some(found) => return Ok(found),
            None => Unsure { nearest: vec![found.as_alternative()], why: Doubt::NothingBefore },
        },
        Err(unsure) => unsure,
    };
    for text in hypotheses {
        let near = |text: &str| matcher.parse(text, context);
        if places(matcher, text) > NEAR_PLACES {
            continue;
        }
        if let Some(found) = parts(matcher, text, last, &near, COMMANDS) {
            return Ok(found);
        }
    }
    Err(unsure)
}

/// Splits a text at conjunctions so that every part is understood, the first part as long as possible.
fn parts(
    matcher: &Matcher,
    text: &str,
    last: Option<&Match>,
    understand: &dyn Fn(&str) -> Option<Match>,
    most: usize,
) -> Option<Vec<Match>> {
    if most < 2 {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    for at in (1..words.len()).rev() {
        let Some(length) = conjunction(matcher, &words[at..]) else { continue };
        let (first, rest) = (words[..at].join(" "), words[at + length..].join(" "));
        if rest.is_empty() {
            continue;
        }
        let Some(first) = understand(&first).and_then(|found| follow(matcher, found, last)) else { continue };
        // "… and the fan": with its conjunction, the rest may be a follow-up to the first part.
        let with_conjunction = words[at..].join(" ");
        let one = |text: &str| understand(text).and_then(|found| follow(matcher, found, first.last()));
        let then = one(&rest)
            .or_else(|| one(&with_conjunction))
            .or_else(|| parts(matcher, &rest, first.last(), understand, most - 1));
        if let Some(then) = then {
            return Some([first, then].concat());
        }
    }
    None
}

/// At how many words a conjunction begins.
fn places(matcher: &Matcher, text: &str) -> usize {
    let words: Vec<&str> = text.split_whitespace().collect();
    (1..words.len()).filter(|at| conjunction(matcher, &words[*at..]).is_some()).count()
}

/// How many words at the beginning are a conjunction of the language.
fn conjunction(matcher: &Matcher, words: &[&str]) -> Option<usize> {
    let conjunctions = matcher.sentences().plain_values(CONJUNCTIONS);
    let fold = |word: &str| crate::folding::fold_text(word.trim_matches(','));
    let lengths = conjunctions.iter().filter_map(|c| {
        let wanted: Vec<String> = c.split(' ').map(crate::folding::fold_text).collect();
        let said: Vec<String> = words.iter().take(wanted.len()).map(|w| fold(w)).collect();
        (said == wanted).then_some(wanted.len())
    });
    lengths.max()
}

/// What a command is after the last one; `None` where it refers to nothing. What is no follow-up stays as it is.
fn follow(matcher: &Matcher, found: Match, last: Option<&Match>) -> Option<Vec<Match>> {
    let Some(kind) = found.intent.strip_prefix(FOLLOW) else { return Some(vec![found]) };
    let last = last?;
    let home = matcher.home();
    match kind {
        "Also" | "Instead" => retarget(home, last, &found).map(|m| vec![m]),
        "Again" => Some(vec![rewritten(last, &found, last.intent.clone(), last.slots.clone())]),
        "Off" => switched(last, &found, "HassTurnOff").map(|m| vec![m]),
        "On" => switched(last, &found, "HassTurnOn").map(|m| vec![m]),
        "Undo" => switched(last, &found, opposite(&last.intent)?).map(|m| vec![m]),
        "Other" => other_one(home, last, &found),
        _ => None,
    }
}

fn opposite(intent: &str) -> Option<&'static str> {
    match intent {
        "HassTurnOn" => Some("HassTurnOff"),
        "HassTurnOff" => Some("HassTurnOn"),
        _ => None,
    }
}

/// The last command with its target on or off.
fn switched(last: &Match, found: &Match, intent: &str) -> Option<Match> {
    let target = ["name", "area", "floor", "domain", "device_class"];
    let slots: Vec<Slot> = last.slots.iter().filter(|s| target.contains(&s.name.as_str())).cloned().collect();
    let may = ALIKE.contains(&domain(last)?) || opposite(&last.intent).is_some();
    (may && !slots.is_empty()).then(|| rewritten(last, found, intent.to_owned(), slots))
}

/// The last command with another target.
fn retarget(home: &Home, last: &Match, found: &Match) -> Option<Match> {
    let mut slots: Vec<Slot> = last.slots.clone();
    let named = found.slot("name");
    if named.is_some() {
        slots.retain(|s| !matches!(s.name.as_str(), "name" | "area" | "floor" | "domain" | "device_class"));
    } else {
        slots.retain(|s| s.name != "name" && found.slot(&s.name).is_none());
        if found.slot("area").is_some() {
            slots.retain(|s| s.name != "floor");
        }
    }
    let before = domain(last);
    let now = match named.and_then(|n| n.id.as_deref()) {
        Some(id) => home.entities.iter().find(|e| e.id == id).map(|e| e.domain()),
        None => found.slot("domain").and_then(|d| d.value.as_text()).or(before),
    };
    let switches = opposite(&last.intent).is_some();
    let alike = |d: Option<&str>| d.is_some_and(|d| ALIKE.contains(&d));
    if !(now == before && now.is_some() || switches && alike(now) && alike(before)) {
        return None;
    }
    // "the kitchen too" after "turn on the desk lamp" means the lights there.
    if named.is_none() && found.slot("domain").is_none() && last.slot("domain").is_none() {
        let value = Value::from(before?);
        slots.push(Slot {
            name: "domain".to_owned(),
            value,
            spoken: String::new(),
            id: None,
            origin: Origin::Before,
        });
    }
    for slot in &mut slots {
        slot.origin = Origin::Before;
    }
    slots.extend(found.slots.iter().cloned());
    Some(Match { slots, ..rewritten(last, found, last.intent.clone(), Vec::new()) })
}

/// "No, the other one": undoes the last command and gives it to the only other thing of its kind in the area.
fn other_one(home: &Home, last: &Match, found: &Match) -> Option<Vec<Match>> {
    let undo = switched(last, found, opposite(&last.intent)?)?;
    let name = last.slot("name")?;
    let this = home.entities.iter().find(|e| Some(&e.id) == name.id.as_ref())?;
    let mut others = home
        .entities
        .iter()
        .filter(|e| e.id != this.id && e.area == this.area && e.domain() == this.domain());
    let (other, None) = (others.next()?, others.next()) else { return None };
    let slots = last
        .slots
        .iter()
        .map(|slot| match slot.name.as_str() {
            "name" => Slot {
                value: Value::from(other.name.as_str()),
                id: Some(other.id.clone()),
                spoken: String::new(),
                ..slot.clone()
            },
            _ => slot.clone(),
        })
        .collect();
    Some(vec![undo, rewritten(last, found, last.intent.clone(), slots)])
}

/// Of what kind the target of a command was.
fn domain(last: &Match) -> Option<&str> {
    let of_thing = last.context.get("domain").and_then(Value::as_text);
    last.slot("domain").and_then(|d| d.value.as_text()).or(of_thing)
}

/// A command that takes its slots from the one before and its reason from the follow-up.
fn rewritten(last: &Match, found: &Match, intent: String, slots: Vec<Slot>) -> Match {
    let slots = slots.into_iter().map(|slot| Slot { origin: Origin::Before, ..slot }).collect();
    Match { intent, slots, response: "default".to_owned(), context: last.context.clone(), ..found.clone() }
}
