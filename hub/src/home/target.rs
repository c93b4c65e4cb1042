//! Which things a command means: by name, area, floor, kind; and where the person stands when they say none.

use serde_json::{Map, Value};
use sotto_house::Area;

use super::entity::Entity;
use super::known::{KnownHome, fold};

/// Why nothing, or not just one thing, is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// Nothing in the house is called so.
    #[error("nothing in the house is called that")]
    Unknown,
    /// Several are, in other areas than the speaker's.
    #[error("several things are called that")]
    Ambiguous,
}

/// The slots that say which things are meant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Which {
    pub name: Option<String>,
    pub area: Option<String>,
    pub floor: Option<String>,
    pub domains: Vec<String>,
    pub classes: Vec<String>,
}

impl Which {
    pub fn read(slots: &Map<String, Value>) -> Which {
        let texts = |key: &str| match slots.get(key) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let text = |keys: &[&str]| {
            let said = keys.iter().filter_map(|key| slots.get(*key)).find_map(Value::as_str);
            said.map(str::to_owned).filter(|text| !text.trim().is_empty())
        };
        Which {
            name: text(&["name"]).filter(|name| name != "all"),
            area: text(&["area", "preferred_area_id"]),
            floor: text(&["floor"]),
            domains: texts("domain"),
            classes: texts("device_class"),
        }
    }

    fn fits(&self, thing: &Entity) -> bool {
        let domain = self.domains.is_empty() || self.domains.contains(&thing.domain);
        let class = self.classes.is_empty()
            || thing.device_class.as_ref().is_some_and(|class| self.classes.contains(class));
        domain && class
    }

    /// What is meant, said by someone in `here`.
    pub fn find(&self, known: &KnownHome, here: Option<&Area>) -> Result<Vec<Entity>, NoTarget> {
        let things: Vec<Entity> = known.things().into_iter().filter(|thing| self.fits(thing)).collect();
        let in_area =
            |thing: &Entity, area: &str| thing.area.as_deref().is_some_and(|own| is_area(known, own, area));
        let on_floor = |thing: &Entity, floor: &str| {
            let own =
                thing.area.as_deref().and_then(|area| known.area(area)).and_then(|area| area.floor.clone());
            own.is_some_and(|own| fold(&own) == fold(floor))
        };
        let placed = |thing: &Entity| {
            self.area.as_ref().is_none_or(|area| in_area(thing, area))
                && self.floor.as_ref().is_none_or(|floor| on_floor(thing, floor))
        };
        let Some(name) = &self.name else {
            let here = here.map(Area::as_str).filter(|_| self.area.is_none() && self.floor.is_none());
            let meant = things.into_iter().filter(|thing| match here {
                Some(here) => in_area(thing, here),
                None => placed(thing),
            });
            return not_empty(meant.collect());
        };
        let called: Vec<Entity> =
            things.into_iter().filter(|thing| is_called(thing, name) && placed(thing)).collect();
        if called.len() > 1 {
            let here: Vec<Entity> = called
                .iter()
                .filter(|thing| here.is_some_and(|here| in_area(thing, here.as_str())))
                .cloned()
                .collect();
            // A whole name beats what it is called for short within its area.
            let exact: Vec<Entity> =
                called.iter().filter(|thing| fold(&thing.name) == fold(name)).cloned().collect();
            return match (here.len(), exact.len()) {
                (1, _) => Ok(here),
                (_, 1) => Ok(exact),
                _ => Err(NoTarget::Ambiguous),
            };
        }
        not_empty(called)
    }
}

fn not_empty(things: Vec<Entity>) -> Result<Vec<Entity>, NoTarget> {
    if things.is_empty() { Err(NoTarget::Unknown) } else { Ok(things) }
}

fn is_called(thing: &Entity, name: &str) -> bool {
    let name = fold(name);
    fold(&thing.name) == name || thing.id == name || thing.aliases.iter().any(|alias| fold(alias) == name)
}

fn is_area(known: &KnownHome, own: &str, said: &str) -> bool {
    let called = |name: &str| known.area(name).map_or_else(|| fold(name), |area| fold(&area.name));
    called(own) == called(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use serde_json::json;

    fn house() -> KnownHome {
        let area = |name: &str, alias: &str, floor: &str| config::AreaEntry {
            name: name.into(),
            aliases: vec![alias.into()],
            floor: Some(floor.into()),
        };
        let mut known = KnownHome::new(&config::Home {
            areas: vec![
                area("Kitchen", "cooking room", "Ground floor"),
                area("Bedroom", "chamber", "Upstairs"),
                area("Living room", "lounge", "Ground floor"),
            ],
            ..Default::default()
        });
        for (topic, name) in [
            ("light/kl", "Kitchen lamp"),
            ("light/bl", "Bedroom lamp"),
            ("light/kc", "Kitchen ceiling"),
            ("cover/bb", "Bedroom blind"),
            ("switch/plug", "Coffee machine"),
        ] {
            let payload = json!({"name": name, "cmd_t": topic}).to_string();
            known.announced(&format!("homeassistant/{topic}/config"), payload.as_bytes());
        }
        known
    }

    #[test]
    fn people_say_which_thing_they_mean_in_many_ways() {
        let known = house();
        let check = |slots: Value, here: &str, expect: Result<&[&str], NoTarget>| {
            let here = Area::new(here).ok();
            let found = Which::read(slots.as_object().unwrap()).find(&known, here.as_ref());
            let names = found.map(|things| {
                let mut names: Vec<String> = things.into_iter().map(|thing| thing.name).collect();
                names.sort();
                names
            });
            let expect = expect.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(names, expect, "{slots} from {here:?}");
        };
        check(json!({"name": "kitchen lamp"}), "Bedroom", Ok(&["Kitchen lamp"]));
        check(json!({"name": "lamp"}), "Bedroom", Ok(&["Bedroom lamp"]));
        check(json!({"name": "lamp"}), "Living room", Err(NoTarget::Ambiguous));
        check(json!({"name": "lamp", "area": "the kitchen"}), "Bedroom", Err(NoTarget::Unknown));
        check(json!({"name": "lamp", "area": "Cooking room"}), "Bedroom", Ok(&["Kitchen lamp"]));
        check(json!({"domain": "light"}), "Kitchen", Ok(&["Kitchen ceiling", "Kitchen lamp"]));
        check(json!({"domain": "light", "area": "bedroom"}), "Kitchen", Ok(&["Bedroom lamp"]));
        check(
            json!({"domain": ["cover", "light"], "area": "bedroom"}),
            "",
            Ok(&["Bedroom blind", "Bedroom lamp"]),
        );
        check(
            json!({"domain": "light", "floor": "ground floor"}),
            "Bedroom",
            Ok(&["Kitchen ceiling", "Kitchen lamp"]),
        );
        check(json!({"domain": "lock"}), "Kitchen", Err(NoTarget::Unknown));
        check(json!({"name": "coffee_machine"}), "", Ok(&["Coffee machine"]));
        check(
            json!({"name": "all", "domain": "light"}),
            "",
            Ok(&["Bedroom lamp", "Kitchen ceiling", "Kitchen lamp"]),
        );
        check(json!({"name": 7, "area": {}, "domain": "light"}), "Bedroom", Ok(&["Bedroom lamp"]));
    }
}
