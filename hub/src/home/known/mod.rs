//! Everything in the house that has a name: what announced itself, what Home Assistant told, what the household
//! wrote down. Pure: messages in, topics to listen to out.
//!
//! A thing that both the broker and Home Assistant speak of is one thing: the broker's entity carries the topics,
//! Home Assistant's the names that people gave it.

mod announced;
mod exposed;
mod things;
mod written;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::discovery::Refusal;
use super::entity::{Aspect, Entity};

/// Most entities; a large house has some hundreds.
pub const MOST_ENTITIES: usize = 3000;
/// Most areas.
const MOST_AREAS: usize = 300;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct AreaInfo {
    pub name: String,
    pub aliases: Vec<String>,
    pub floor: Option<String>,
}

/// What the connection has to do after something changed.
#[derive(Debug, Default, PartialEq)]
pub struct Change {
    pub listen: BTreeSet<String>,
    pub ignore: BTreeSet<String>,
    /// Names, areas or entities are others now: the grammar must follow.
    pub names: bool,
}

#[derive(Debug, Default)]
pub struct KnownHome {
    areas: BTreeMap<String, AreaInfo>,
    /// By announcement and component, so that an announcement replaces its own.
    entities: BTreeMap<(String, String), Entity>,
    /// Who wants to know what is said on a topic.
    follows: HashMap<String, Vec<(Key, Aspect, Option<String>)>>,
    refused: BTreeMap<Refusal, u64>,
    /// Its package told what it exposes.
    home_assistant: bool,
    /// What it said of itself last.
    assistant_said: Option<bool>,
}

type Key = (String, String);

impl KnownHome {
    /// An area that somebody named: a satellite stands in it, say.
    pub fn learn_area(&mut self, name: &str, aliases: &[String], floor: Option<&str>) -> bool {
        let Ok(name) = sotto_house::Area::new(name) else { return false };
        let key = fold(name.as_str());
        if self.areas.len() >= MOST_AREAS && !self.areas.contains_key(&key) {
            return false;
        }
        let area = self.areas.entry(key).or_default();
        let before = area.clone();
        if area.name.is_empty() {
            area.name = name.as_str().to_owned();
        }
        for alias in aliases.iter().take(20) {
            if !area.aliases.contains(alias) && area.aliases.len() < 20 {
                area.aliases.push(alias.clone());
            }
        }
        area.floor = floor.map(str::to_owned).or_else(|| area.floor.take());
        *area != before
    }

    /// Home Assistant said that it has come or gone.
    pub fn assistant_said(&mut self, payload: &[u8]) {
        match payload {
            b"online" => self.assistant_said = Some(true),
            b"offline" => self.assistant_said = Some(false),
            _ => {}
        }
    }

    /// Whether Home Assistant is there; `None` where it was never seen.
    pub fn assistant(&self) -> Option<bool> {
        self.assistant_said.or(self.home_assistant.then_some(true))
    }

    pub fn areas(&self) -> impl Iterator<Item = &AreaInfo> {
        self.areas.values()
    }

    /// The area that is called so, by name or alias.
    pub fn area(&self, name: &str) -> Option<&AreaInfo> {
        let name = fold(name);
        self.areas
            .get(&name)
            .or_else(|| self.areas.values().find(|area| area.aliases.iter().any(|a| fold(a) == name)))
    }

    /// Every entity, as announced.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    /// What was refused, and how often.
    pub fn refused(&self) -> &BTreeMap<Refusal, u64> {
        &self.refused
    }

    /// Whether Home Assistant's package has told what it exposes.
    pub fn has_home_assistant(&self) -> bool {
        self.home_assistant
    }

    /// Every topic that says something of an entity.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.follows.keys().map(String::as_str)
    }

    fn refuse(&mut self, refusal: Refusal) {
        let count = self.refused.entry(refusal).or_default();
        *count += 1;
        // Each kind once, then every thousandth: a flood does not flood the log.
        if *count == 1 || count.is_multiple_of(1000) {
            tracing::warn!(%refusal, count = *count, "something on the broker was refused");
        }
    }

    /// `light.kitchen_ceiling`, with a number behind it when that is taken.
    fn free_id(&self, domain: &str, name: &str, key: &Key) -> String {
        let slug: String = fold(name).chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        let taken = |id: &str| self.entities.iter().any(|(k, entity)| k != key && entity.id == id);
        let plain = format!("{domain}.{slug}");
        if !taken(&plain) {
            return plain;
        }
        (2..).map(|n| format!("{plain}_{n}")).find(|id| !taken(id)).unwrap_or(plain)
    }
}

/// As names are compared: case aside, one blank between words.
pub fn fold(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| c.is_whitespace() || matches!(c, '_' | '-'));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn home_assistant_is_seen_when_it_says_so_or_tells_what_it_has() {
        let mut known = KnownHome::default();
        assert_eq!(known.assistant(), None);
        known.assistant_said(b"good morning");
        assert_eq!(known.assistant(), None);
        known.exposed(br#"{"areas":[],"entities":[]}"#);
        assert_eq!(known.assistant(), Some(true));
        known.assistant_said(b"offline");
        assert_eq!(known.assistant(), Some(false));
        known.assistant_said(b"online");
        assert_eq!(known.assistant(), Some(true));
    }
    use crate::home::known::announced::LARGEST_STATE;
    use serde_json::json;

    pub fn announce(known: &mut KnownHome, topic: &str, payload: serde_json::Value) -> Change {
        known.announced(topic, payload.to_string().as_bytes())
    }

    #[test]
    fn what_is_wrong_is_counted_and_the_house_is_bounded() {
        let mut known = KnownHome::default();
        known.announced("homeassistant/light/x/config", b"{");
        known.announced("homeassistant/light/x/config", b"{");
        known.exposed(b"{\"areas\": 7}");
        known.heard("nobody/asked", b"x");
        announce(&mut known, "homeassistant/switch/s/config", json!({"cmd_t": "c", "stat_t": "s"}));
        known.heard("s", &[0xff]);
        known.heard("s", &vec![b'x'; LARGEST_STATE + 1]);
        let counts: Vec<_> = known.refused().iter().map(|(r, n)| (*r, *n)).collect();
        assert_eq!(counts, [(Refusal::NotJson, 3), (Refusal::State, 2)]);
        for n in 0..MOST_ENTITIES + 5 {
            announce(&mut known, &format!("homeassistant/switch/n{n}/config"), json!({"cmd_t": "c"}));
        }
        assert_eq!(known.entities().count(), MOST_ENTITIES);
        assert_eq!(known.refused()[&Refusal::Full], 6);
    }
}
