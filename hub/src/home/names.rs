//! The names of the house, as the sentences need them.

use sotto_house::Area;

use super::KnownHome;

/// The names of the house for `sotto_intents`: areas, floors and things, each once.
pub fn names(known: &KnownHome) -> sotto_intents::Home {
    use sotto_intents as intents;
    let mut home = intents::Home::default();
    for area in known.areas() {
        let floor = area.floor.clone().filter(|floor| !floor.trim().is_empty());
        if let Some(floor) = &floor
            && !home.floors.iter().any(|known| known.id == *floor)
        {
            home.floors.push(intents::Floor { id: floor.clone(), name: floor.clone(), aliases: Vec::new() });
        }
        home.areas.push(intents::Area {
            id: area.name.clone(),
            name: area.name.clone(),
            aliases: area.aliases.clone(),
            floor,
        });
    }
    for thing in known.things() {
        let area = thing.area.as_deref().and_then(|area| known.area(area)).map(|area| area.name.clone());
        let state = thing.state().map(str::to_owned);
        let attribute = |key: &str, value: &Option<String>| {
            Some((key.to_owned(), intents::Value::from(value.as_deref()?)))
        };
        home.entities.push(intents::Entity {
            attributes: [
                attribute("device_class", &thing.device_class),
                attribute("unit_of_measurement", &thing.unit),
            ]
            .into_iter()
            .flatten()
            .collect(),
            id: thing.id,
            name: thing.name,
            aliases: thing.aliases,
            area,
            state,
            ..intents::Entity::default()
        });
    }
    home
}

/// The area that `name` stands for in this house, as it is written there.
pub fn area_of(known: &KnownHome, name: &str) -> Option<Area> {
    Area::new(&known.area(name)?.name).ok()
}
