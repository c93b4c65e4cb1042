//! Everything in the house that has a name: what announced itself, what Home Assistant told, what the household
//! wrote down. Pure: messages in, topics to listen to out.
//!
//! A thing that both the broker and Home Assistant speak of is one thing: the broker's entity carries the topics,
//! Home Assistant's the names that people gave it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use super::discovery::{self, Announcement, DOMAINS, Keys, Refusal};
use super::entity::{Aspect, Entity, Source};
use crate::config;

/// Most entities; a large house has some hundreds.
pub const MOST_ENTITIES: usize = 3000;
/// Most areas.
const MOST_AREAS: usize = 300;
/// Largest state message; a zigbee2mqtt device says some 500 bytes.
const LARGEST_STATE: usize = 64 * 1024;
/// Largest list from Home Assistant.
const LARGEST_LIST: usize = 2 * 1024 * 1024;

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
    home_assistant: bool,
}

type Key = (String, String);

/// Whose key the entities have that the household wrote down.
const CONFIGURATION: &str = "configuration";

/// What Home Assistant's package publishes on `sotto/home/exposed`.
#[derive(Deserialize)]
struct Exposed {
    #[serde(default)]
    areas: Vec<ExposedArea>,
    #[serde(default)]
    entities: Vec<ExposedEntity>,
}

#[derive(Deserialize)]
struct ExposedArea {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    floor: Option<String>,
}

#[derive(Deserialize)]
struct ExposedEntity {
    id: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    area: Option<String>,
    #[serde(default)]
    device_class: Option<String>,
    #[serde(default)]
    unit: Option<String>,
}

impl KnownHome {
    /// What the household wrote down.
    pub fn new(written: &config::Home) -> KnownHome {
        let mut known = KnownHome::default();
        known.write(written);
        known
    }

    /// The household wrote something else instead of `before`. An area that is not written any more keeps its
    /// plain name while the hub runs: a satellite or a device may stand in it.
    pub fn rewrite(&mut self, before: &config::Home, now: &config::Home) {
        self.entities.retain(|(from, _), _| from != CONFIGURATION);
        for area in &before.areas {
            if let Some(known) = self.areas.get_mut(&fold(&area.name)) {
                known.aliases.retain(|alias| !area.aliases.contains(alias));
                known.floor = known.floor.take().filter(|floor| area.floor.as_ref() != Some(floor));
            }
        }
        self.write(now);
    }

    fn write(&mut self, written: &config::Home) {
        for area in &written.areas {
            self.learn_area(&area.name, &area.aliases, area.floor.as_deref());
        }
        for (number, entry) in written.entities.iter().enumerate() {
            let key = (CONFIGURATION.to_owned(), number.to_string());
            let id = self.free_id(&entry.domain, &entry.name, &key);
            let entity = Entity {
                id,
                domain: entry.domain.clone(),
                name: entry.name.clone(),
                aliases: entry.aliases.clone(),
                area: entry.area.clone(),
                device_class: None,
                unit: None,
                source: Source::Configuration,
                keys: Keys::default(),
                states: BTreeMap::new(),
            };
            if let Some(area) = &entity.area {
                self.learn_area(area, &[], None);
            }
            self.entities.insert(key, entity);
        }
    }

    /// A device announced itself, changed, or went.
    pub fn announced(&mut self, topic: &str, payload: &[u8]) -> Change {
        let announcement = match discovery::read(topic, payload) {
            Ok(None) => return Change::default(),
            Ok(Some(announcement)) => announcement,
            Err(refusal) => {
                self.refuse(refusal);
                return Change::default();
            }
        };
        let (there, refused) = match announcement {
            Announcement::Gone => (Vec::new(), Vec::new()),
            Announcement::There(there, refused) => (there, refused),
        };
        refused.into_iter().for_each(|refusal| self.refuse(refusal));
        let before = self.taken(topic);
        for component in there {
            if self.entities.len() >= MOST_ENTITIES {
                self.refuse(Refusal::Full);
                break;
            }
            let key = (topic.to_owned(), component.key.clone());
            if let Some(area) = component.area.clone() {
                self.learn_area(&area, &[], None);
            }
            let old = before.iter().find(|(old, _)| *old == key).map(|(_, entity)| entity);
            let id = match old.filter(|old| old.domain == component.domain && old.name == component.name) {
                Some(old) => old.id.clone(),
                None => self.free_id(component.domain, &component.name, &key),
            };
            let mut entity = Entity::announced(id, topic, component);
            if let Some(old) = old.filter(|old| old.keys == entity.keys) {
                entity.states = old.states.clone();
            }
            self.entities.insert(key, entity);
        }
        let after = self.of_announcement(topic);
        let named = |entities: &[(Key, Entity)]| {
            let names = entities.iter().map(|(_, e)| (e.id.clone(), e.name.clone(), e.area.clone()));
            names.collect::<BTreeSet<_>>()
        };
        let names = named(&before) != named(&after);
        let mut change = self.follow_anew(before, &after);
        change.names = names;
        change
    }

    /// Something arrived on a topic that is listened to. Whether a state changed.
    pub fn heard(&mut self, topic: &str, payload: &[u8]) -> bool {
        let Some(followers) = self.follows.get(topic) else { return false };
        let text = (payload.len() <= LARGEST_STATE).then(|| std::str::from_utf8(payload).ok()).flatten();
        let Some(text) = text else {
            self.refuse(Refusal::State);
            return false;
        };
        let (mut changed, mut senseless) = (false, false);
        for (key, aspect, template) in followers {
            let Some(entity) = self.entities.get_mut(key) else { continue };
            match entity.heard(*aspect, template.as_deref(), text) {
                Some(new) => changed |= new,
                None => senseless = true,
            }
        }
        if senseless {
            self.refuse(Refusal::State);
        }
        changed
    }

    /// Home Assistant's package told what is exposed; an empty payload takes it back.
    pub fn exposed(&mut self, payload: &[u8]) -> Change {
        let exposed = match payload.is_empty() {
            true => Some(Exposed { areas: Vec::new(), entities: Vec::new() }),
            false if payload.len() > LARGEST_LIST => None,
            false => serde_json::from_slice(payload).ok(),
        };
        let Some(exposed) = exposed else {
            self.refuse(if payload.len() > LARGEST_LIST { Refusal::TooLarge } else { Refusal::NotJson });
            return Change::default();
        };
        self.home_assistant = !payload.is_empty();
        self.entities.retain(|_, entity| entity.source != Source::HomeAssistant);
        for area in exposed.areas {
            self.learn_area(&area.name, &area.aliases, area.floor.as_deref());
        }
        for entity in exposed.entities {
            let domain = entity.id.split('.').next().unwrap_or_default().to_owned();
            let wrong =
                |text: &str| text.is_empty() || text.len() > 255 || text.chars().any(char::is_control);
            if domain.is_empty() || wrong(&entity.id) || wrong(&entity.name) {
                self.refuse(Refusal::Name);
                continue;
            }
            if self.entities.len() >= MOST_ENTITIES {
                self.refuse(Refusal::Full);
                break;
            }
            if let Some(area) = &entity.area {
                self.learn_area(area, &[], None);
            }
            let key = (HOME_ASSISTANT.to_owned(), entity.id.clone());
            let entity = Entity {
                id: entity.id,
                domain,
                name: entity.name,
                aliases: entity.aliases,
                area: entity.area,
                device_class: entity.device_class,
                unit: entity.unit,
                source: Source::HomeAssistant,
                keys: Keys::default(),
                states: BTreeMap::new(),
            };
            self.entities.insert(key, entity);
        }
        Change { names: true, ..Change::default() }
    }

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

    /// Every thing once, under the names that people use: what the household wrote down, or Home Assistant told,
    /// adds its names and area to the broker's entity of the same domain and name.
    pub fn things(&self) -> Vec<Entity> {
        let mut things: Vec<Entity> = self.entities.values().filter(|e| e.on_broker()).cloned().collect();
        let mut by_name: HashMap<(String, String), usize> = HashMap::new();
        for (at, thing) in things.iter().enumerate() {
            by_name.entry((thing.domain.clone(), fold(&thing.name))).or_insert(at);
        }
        for other in self.entities.values().filter(|entity| !entity.on_broker()) {
            match by_name.get(&(other.domain.clone(), fold(&other.name))) {
                Some(at) => {
                    let thing = &mut things[*at];
                    thing.aliases.extend(other.aliases.iter().cloned());
                    thing.area = other.area.clone().or_else(|| thing.area.take());
                    if other.source == Source::HomeAssistant {
                        thing.id.clone_from(&other.id);
                    }
                }
                None => {
                    by_name.insert((other.domain.clone(), fold(&other.name)), things.len());
                    things.push(other.clone());
                }
            }
        }
        for thing in &mut things {
            self.place(thing);
        }
        things
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

    /// Where no area is told, a name that begins with an area's name tells it; and within its area a thing may
    /// be called without it ("the ceiling lamp").
    fn place(&self, thing: &mut Entity) {
        let name = fold(&thing.name);
        if thing.area.is_none() {
            let begins = |area: &&AreaInfo| {
                let all = area.aliases.iter().chain([&area.name]);
                all.map(|called| fold(called)).any(|called| name.starts_with(&format!("{called} ")))
            };
            thing.area = self.areas.values().find(begins).map(|area| area.name.clone());
        }
        let Some(area) = thing.area.as_deref().map(fold) else { return };
        if let Some(rest) = name.strip_prefix(&format!("{area} ")) {
            let generic = |word: &str| DOMAINS.iter().any(|domain| word.trim_end_matches('s') == *domain);
            if !generic(rest) && !thing.aliases.iter().any(|alias| fold(alias) == rest) {
                thing.aliases.push(rest.to_owned());
            }
        }
    }

    fn of_announcement(&self, topic: &str) -> Vec<(Key, Entity)> {
        let range = (topic.to_owned(), String::new())..;
        let own = self.entities.range(range).take_while(|((of, _), _)| of == topic);
        own.map(|(key, entity)| (key.clone(), entity.clone())).collect()
    }

    fn taken(&mut self, topic: &str) -> Vec<(Key, Entity)> {
        let own = self.of_announcement(topic);
        own.iter().for_each(|(key, _)| drop(self.entities.remove(key)));
        own
    }

    fn follow_anew(&mut self, before: Vec<(Key, Entity)>, after: &[(Key, Entity)]) -> Change {
        let mut change = Change::default();
        for (key, entity) in &before {
            for follow in entity.follows() {
                if let Some(followers) = self.follows.get_mut(&follow.topic) {
                    followers.retain(|(who, _, _)| who != key);
                    if followers.is_empty() {
                        self.follows.remove(&follow.topic);
                        change.ignore.insert(follow.topic);
                    }
                }
            }
        }
        for (key, entity) in after {
            for follow in entity.follows() {
                if !change.ignore.remove(&follow.topic) && !self.follows.contains_key(&follow.topic) {
                    change.listen.insert(follow.topic.clone());
                }
                let followers = self.follows.entry(follow.topic).or_default();
                followers.push((key.clone(), follow.aspect, follow.template));
            }
        }
        change
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

const HOME_ASSISTANT: &str = "home assistant";

/// As names are compared: case aside, one blank between words.
pub fn fold(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| c.is_whitespace() || matches!(c, '_' | '-'));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(topics: &[&str]) -> BTreeSet<String> {
        topics.iter().map(|topic| (*topic).to_owned()).collect()
    }

    fn announce(known: &mut KnownHome, topic: &str, payload: serde_json::Value) -> Change {
        known.announced(topic, payload.to_string().as_bytes())
    }

    #[test]
    fn a_device_comes_changes_and_goes() {
        let mut known = KnownHome::default();
        let topic = "homeassistant/light/k/config";
        let first =
            json!({"name": "Kitchen lamp", "cmd_t": "k/set", "stat_t": "k", "dev": {"sa": "Kitchen"}});
        let change = announce(&mut known, topic, first.clone());
        assert_eq!(change, Change { listen: set(&["k"]), names: true, ..Change::default() });
        assert!(known.heard("k", b"ON"));
        assert!(!known.heard("k", b"ON"), "nothing new");
        assert_eq!(announce(&mut known, topic, first), Change::default(), "the same again changes nothing");
        let thing = &known.things()[0];
        assert_eq!((thing.id.as_str(), thing.state()), ("light.kitchen_lamp", Some("on")));
        assert_eq!((thing.area.as_deref(), &thing.aliases[..]), (Some("Kitchen"), &["lamp".to_owned()][..]));

        let moved = json!({"name": "Kitchen lamp", "cmd_t": "k/set", "stat_t": "k2"});
        let change = announce(&mut known, topic, moved);
        assert_eq!((change.listen, change.ignore), (set(&["k2"]), set(&["k"])));
        let change = known.announced(topic, b"");
        assert_eq!((change.ignore, change.names), (set(&["k2"]), true));
        assert!(known.things().is_empty());
        assert_eq!(known.topics().count(), 0);
    }

    #[test]
    fn one_topic_may_speak_of_many() {
        let mut known = KnownHome::default();
        for (id, field) in [("a", "l1"), ("b", "l2")] {
            let config = json!({"name": id, "cmd_t": "x", "stat_t": "s", "val_tpl": format!("{{{{ value_json.{field} }}}}")});
            announce(&mut known, &format!("homeassistant/switch/{id}/config"), config);
        }
        known.heard("s", br#"{"l1":"ON","l2":"OFF"}"#);
        let states: Vec<_> = known.things().iter().map(|t| t.state().unwrap().to_owned()).collect();
        assert_eq!(states, ["on", "off"]);
        let change = known.announced("homeassistant/switch/a/config", b"");
        assert!(change.ignore.is_empty(), "the other one still listens");
    }

    #[test]
    fn a_thing_that_both_speak_of_is_one() {
        let mut known = KnownHome::default();
        announce(
            &mut known,
            "homeassistant/light/k/config",
            json!({"name": "kitchen_lamp", "cmd_t": "k/set"}),
        );
        let list = json!({
            "areas": [{"name": "Kitchen", "aliases": ["the cooking room"], "floor": "Ground floor"}],
            "entities": [
                {"id": "light.lamp_7", "name": "Kitchen lamp", "aliases": ["the big one"], "area": "Kitchen"},
                {"id": "media_player.tv", "name": "TV", "area": "Lounge"},
            ]
        });
        assert!(known.exposed(list.to_string().as_bytes()).names);
        let things = known.things();
        assert_eq!(things.len(), 2);
        assert!(things[0].on_broker() && !things[1].on_broker());
        assert_eq!(things[0].id, "light.lamp_7");
        assert!(things[0].aliases.contains(&"the big one".to_owned()));
        assert_eq!(known.area("The Cooking Room").unwrap().floor.as_deref(), Some("Ground floor"));
        assert!(known.area("lounge").is_some());
        known.exposed(b"");
        assert_eq!(known.things().len(), 1);
        assert!(!known.has_home_assistant());
    }

    #[test]
    fn what_is_written_anew_replaces_what_was() {
        let area = |name: &str, aliases: &[&str]| config::AreaEntry {
            name: name.into(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            floor: Some("Upstairs".into()),
        };
        let thing = |name: &str| config::EntityEntry {
            name: name.into(),
            domain: "light".into(),
            aliases: vec![],
            area: Some("Study".into()),
        };
        let home = |areas: Vec<config::AreaEntry>, entities: Vec<config::EntityEntry>| config::Home {
            areas,
            entities,
            ..config::Home::default()
        };
        let before = home(vec![area("Study", &["den"])], vec![thing("desk lamp"), thing("globe")]);
        let now = home(vec![area("Study", &["office"])], vec![thing("desk lamp")]);
        let mut known = KnownHome::new(&before);
        announce(&mut known, "homeassistant/light/a/config", json!({"name": "reading", "cmd_t": "a"}));
        known.rewrite(&before, &now);
        let names: Vec<String> = known.things().into_iter().map(|thing| thing.name).collect();
        assert_eq!(names, ["reading", "desk lamp"], "what was announced stays");
        assert_eq!(known.area("Study").unwrap().aliases, ["office"]);
        assert_eq!(known.area("Study").unwrap().floor.as_deref(), Some("Upstairs"));
        known.rewrite(&now, &home(vec![], vec![]));
        assert_eq!(known.things().len(), 1);
        assert!(known.area("office").is_none());
    }

    #[test]
    fn a_name_may_tell_the_area() {
        let written = config::Home {
            areas: vec![config::AreaEntry { name: "Living room".into(), aliases: vec![], floor: None }],
            ..config::Home::default()
        };
        let mut known = KnownHome::new(&written);
        announce(
            &mut known,
            "homeassistant/light/a/config",
            json!({"name": "living_room/reading", "cmd_t": "a"}),
        );
        let thing = &known.things()[0];
        assert_eq!(
            (thing.area.as_deref(), &thing.aliases[..]),
            (Some("Living room"), &["reading".to_owned()][..])
        );
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
