//! `sotto-hub home`: what is known of the house, where each thing comes from, and what can be said to it.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Place;
use crate::broker::Broker;
use crate::config::Acts;
use crate::home::{Address, Entity, KnownHome, Source, look, possible};

/// Looks at the broker for a moment; the hub may run or not.
pub fn run(place: &Place) -> anyhow::Result<ExitCode> {
    let config = place.load()?;
    let data = place.data()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let known = runtime.block_on(async {
        let address = match Address::of(&config.mqtt)? {
            Some(address) => address,
            None => Broker::address_in(&data)?,
        };
        look(address, &config.home).await
    })?;
    if place.json {
        println!("{:#}", facts(&known, config.home.acts));
    } else {
        print!("{}", text(&known, config.home.acts));
    }
    Ok(ExitCode::SUCCESS)
}

/// Who carries out what is said to it; `None`: nobody that the hub knows of.
fn actor(thing: &Entity, known: &KnownHome, acts: Acts) -> Option<&'static str> {
    let home_assistant = match acts {
        Acts::HomeAssistant => true,
        Acts::Auto => known.has_home_assistant(),
        Acts::Hub => false,
    };
    match thing.source {
        Source::Broker(_) if !home_assistant => Some("hub"),
        Source::Broker(_) | Source::HomeAssistant => Some("home-assistant"),
        Source::Configuration => None,
    }
}

fn source(thing: &Entity) -> String {
    match &thing.source {
        Source::Broker(topic) => topic.clone(),
        Source::HomeAssistant => "Home Assistant".into(),
        Source::Configuration => "configuration".into(),
    }
}

fn facts(known: &KnownHome, acts: Acts) -> Value {
    let areas: Vec<Value> = known
        .areas()
        .map(|area| json!({"name": area.name, "aliases": area.aliases, "floor": area.floor}))
        .collect();
    let entities: Vec<Value> = known
        .things()
        .iter()
        .map(|thing| {
            let say: Vec<Value> = possible(thing)
                .into_iter()
                .map(|possible| json!({"intent": possible.intent, "example": possible.example}))
                .collect();
            json!({
                "id": thing.id, "name": thing.name, "aliases": thing.aliases, "area": thing.area,
                "domain": thing.domain, "device_class": thing.device_class, "state": thing.state(),
                "available": thing.is_available(), "source": source(thing),
                "carried_out_by": actor(thing, known, acts), "say": say,
            })
        })
        .collect();
    let refused: serde_json::Map<String, Value> =
        known.refused().iter().map(|(refusal, count)| (refusal.to_string(), json!(count))).collect();
    json!({
        "home_assistant": known.has_home_assistant(),
        "areas": areas, "entities": entities, "refused": refused,
    })
}

fn text(known: &KnownHome, acts: Acts) -> String {
    let mut text = String::new();
    let mut things = known.things();
    things.sort_by(|a, b| (&a.area, &a.name).cmp(&(&b.area, &b.name)));
    let mut area = None;
    for thing in &things {
        if area != Some(&thing.area) {
            area = Some(&thing.area);
            text.push_str(&format!("{}\n", thing.area.as_deref().unwrap_or("in no area")));
        }
        let state = match (thing.is_available(), thing.state()) {
            (false, _) => "away",
            (true, state) => state.unwrap_or("?"),
        };
        let by = actor(thing, known, acts).unwrap_or("whoever listens on the broker");
        text.push_str(&format!(
            "  {} ({}, {state}): from {}, by {by}\n",
            thing.name,
            thing.domain,
            source(thing)
        ));
        if !thing.aliases.is_empty() {
            text.push_str(&format!("    also {}\n", thing.aliases.join(", ")));
        }
        for possible in possible(thing) {
            text.push_str(&format!("    \"{}\"\n", possible.example));
        }
    }
    if things.is_empty() {
        text.push_str("nothing has announced itself, and nothing is written down in [home]\n");
    }
    for (refusal, count) in known.refused() {
        text.push_str(&format!("refused {count}: {refusal}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_listed_with_where_each_thing_comes_from() {
        let mut known = KnownHome::default();
        let lamp = json!({"name": "Lamp", "cmd_t": "c", "dev": {"sa": "Kitchen"}}).to_string();
        known.announced("homeassistant/light/l/config", lamp.as_bytes());
        known.announced("homeassistant/light/x/config", b"{");
        let facts = facts(&known, Acts::Auto);
        let entity = &facts["entities"][0];
        assert_eq!(entity["source"], "homeassistant/light/l/config");
        assert_eq!(entity["carried_out_by"], "hub");
        assert_eq!(entity["say"][0]["example"], "turn on the lamp");
        assert_eq!(facts["refused"]["not a JSON object"], 1);
        let text = text(&known, Acts::HomeAssistant);
        assert!(text.contains("Kitchen\n  Lamp (light, ?)"), "{text}");
        assert!(text.contains("by home-assistant") && text.contains("refused 1: not a JSON"), "{text}");
    }
}
