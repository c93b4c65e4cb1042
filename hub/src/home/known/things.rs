//! The things of the house, each once, under the names that people use.

use std::collections::HashMap;

use super::super::discovery::DOMAINS;
use super::super::entity::{Entity, Source};
use super::{AreaInfo, KnownHome, fold};

impl KnownHome {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::home::known::tests::announce;
    use serde_json::json;

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
}
