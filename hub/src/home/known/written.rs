//! What the household wrote down of its home: areas, and things that neither the broker nor Home Assistant tells of.

use std::collections::BTreeMap;

use super::super::discovery::Keys;
use super::super::entity::{Entity, Source};
use super::{KnownHome, fold};
use crate::config;

/// Whose key the entities have that the household wrote down.
const CONFIGURATION: &str = "configuration";

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::known::tests::announce;
    use serde_json::json;

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
}
