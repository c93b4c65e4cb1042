//! What announces itself on the broker, and the states that it tells afterwards.

use std::collections::BTreeSet;

use super::super::discovery::{self, Announcement, Refusal};
use super::super::entity::Entity;
use super::{Change, Key, KnownHome, MOST_ENTITIES};

/// Largest state message; a zigbee2mqtt device says some 500 bytes.
pub(super) const LARGEST_STATE: usize = 64 * 1024;

impl KnownHome {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::known::tests::announce;
    use serde_json::json;

    fn set(topics: &[&str]) -> BTreeSet<String> {
        topics.iter().map(|topic| (*topic).to_owned()).collect()
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
}
