//! The names of a house: what `{area}`, `{floor}` and `{name}` stand for.

use std::collections::BTreeMap;

use crate::value::Value;

/// Everything in a house that has a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Home {
    /// Whether somebody of the house has a room of their own, so that "my room" is an area.
    pub own_rooms: bool,
    pub floors: Vec<Floor>,
    pub areas: Vec<Area>,
    pub entities: Vec<Entity>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Floor {
    pub id: String,
    pub name: String,
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Area {
    pub id: String,
    pub name: String,
    pub aliases: Vec<String>,
    /// The id of its floor.
    pub floor: Option<String>,
}

/// A thing that can be switched or asked: a light, a blind, a sensor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entity {
    /// `light.bedroom_lamp`: its domain, a dot, its own name.
    pub id: String,
    pub name: String,
    pub aliases: Vec<String>,
    /// The id of its area.
    pub area: Option<String>,
    /// As the broker last said, in the words of Home Assistant: `on`, `open`, `21.5`.
    pub state: Option<String>,
    /// The state as people of the house would say it, where that differs: `zu` for `closed`.
    pub shown: Option<String>,
    /// `device_class`, `unit_of_measurement` and the like.
    pub attributes: BTreeMap<String, Value>,
}

/// The id of the area that speakers call "my room", in the words of a language's list of that name, until it is known who
/// speaks.
pub(crate) const OWN_ROOM: &str = "own_room";

impl Home {
    pub fn floor(mut self, id: &str, name: &str) -> Self {
        self.floors.push(Floor { id: id.into(), name: name.into(), ..Floor::default() });
        self
    }

    pub fn area(mut self, id: &str, name: &str) -> Self {
        self.areas.push(Area { id: id.into(), name: name.into(), ..Area::default() });
        self
    }

    /// Adds an entity; `area` is an area's id, or empty for none.
    pub fn entity(mut self, id: &str, name: &str, area: &str) -> Self {
        let area = (!area.is_empty()).then(|| area.to_owned());
        self.entities.push(Entity { id: id.into(), name: name.into(), area, ..Entity::default() });
        self
    }

    /// The area that is called so: by id, name or alias, case aside.
    pub fn find_area(&self, name: &str) -> Option<&Area> {
        let is = |other: &str| crate::folding::fold_text(other) == crate::folding::fold_text(name);
        self.areas.iter().find(|a| is(&a.id) || is(&a.name) || a.aliases.iter().any(|alias| is(alias)))
    }
}

impl Entity {
    /// `light` of `light.bedroom_lamp`.
    pub fn domain(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }

    /// What a sentence may require of the thing it names.
    pub(crate) fn context(&self) -> Vec<(String, Value)> {
        let domain = ("domain".to_owned(), Value::from(self.domain()));
        let attributes = self.attributes.iter().filter(|(k, _)| *k != "domain");
        std::iter::once(domain).chain(attributes.map(|(k, v)| (k.clone(), v.clone()))).collect()
    }
}
