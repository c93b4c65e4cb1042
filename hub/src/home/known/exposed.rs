//! What Home Assistant's package tells of the entities that are not on the broker, and of the names of those that are.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::discovery::{Keys, Refusal};
use super::super::entity::{Entity, Source};
use super::{Change, KnownHome, MOST_ENTITIES};

/// Largest list from Home Assistant.
const LARGEST_LIST: usize = 2 * 1024 * 1024;

const HOME_ASSISTANT: &str = "home assistant";

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::known::tests::announce;
    use serde_json::json;

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
}
