//! Questions that the hub answers from the states it follows: "is the garage door open?". Pure.

use serde_json::{Map, Value};
use sotto_house::Area;

use super::entity::{Aspect, Entity};
use super::known::{KnownHome, fold};
use super::phrases::{Language, Phrase};
use super::target::{NoTarget, Which};

/// Most things that are named in one answer.
const MOST_NAMED: usize = 5;

/// Answers a question; `None` when the intent is none, or nothing is known that could answer it.
pub fn answer(
    intent: &str,
    slots: &Map<String, Value>,
    known: &KnownHome,
    here: Option<&Area>,
    language: Language,
) -> Option<String> {
    match intent {
        "HassGetState" => state(slots, known, here, language),
        "HassClimateGetTemperature" => temperature(slots, known, here, language),
        _ => None,
    }
}

fn state(
    slots: &Map<String, Value>,
    known: &KnownHome,
    here: Option<&Area>,
    language: Language,
) -> Option<String> {
    let which = Which::read(slots);
    let things = match which.find(known, here) {
        Ok(things) => things,
        Err(NoTarget::Ambiguous) => return Some(language.say(Phrase::Ambiguous)),
        Err(NoTarget::Unknown) => return None,
    };
    let asked = slots.get("state").and_then(Value::as_str).map(fold);
    // What has not said how it is cannot be asked; Home Assistant may know.
    let told: Vec<(Entity, String)> =
        things.into_iter().filter_map(|thing| Some((thing.clone(), in_words(&thing)?))).collect();
    if told.is_empty() {
        return None;
    }
    let Some(asked) = asked else {
        let each = told.iter().take(MOST_NAMED).map(|(thing, state)| {
            let unit = thing.unit.as_deref().unwrap_or_default();
            language.say(Phrase::Is { name: &thing.name, state, unit })
        });
        return Some(each.collect::<Vec<_>>().join(" "));
    };
    let so: Vec<&str> =
        told.iter().filter(|(_, state)| *state == asked).map(|(thing, _)| thing.name.as_str()).collect();
    match (&told[..], so.is_empty()) {
        ([(thing, state)], yes) if which.name.is_some() => {
            let answer = if yes { Phrase::No } else { Phrase::Yes };
            let is = Phrase::Is { name: &thing.name, state, unit: "" };
            Some(format!("{} {}", language.say(answer), language.say(is)))
        }
        (_, true) => Some(language.say(Phrase::No)),
        (_, false) => {
            let named: Vec<&str> = so.into_iter().take(MOST_NAMED).collect();
            Some(format!("{} {}.", language.say(Phrase::Yes), named.join(", ")))
        }
    }
}

fn temperature(
    slots: &Map<String, Value>,
    known: &KnownHome,
    here: Option<&Area>,
    language: Language,
) -> Option<String> {
    let things = Which::read(slots).find(known, here).ok()?;
    let degrees = |thing: &Entity| match thing.domain.as_str() {
        "climate" => thing.number(Aspect::Current),
        "sensor" if thing.device_class.as_deref() == Some("temperature") => thing.number(Aspect::State),
        _ => None,
    };
    let degrees = things.iter().find_map(degrees)?;
    Some(language.say(Phrase::Degrees(degrees)))
}

/// The state as people would ask for it: a door sensor that is on is open.
fn in_words(thing: &Entity) -> Option<String> {
    let class = thing.device_class.as_deref().unwrap_or_default();
    let state = match thing.state() {
        Some(state) => state.to_owned(),
        None => {
            let position = thing.number(Aspect::Position).filter(|_| thing.domain == "cover")?;
            if position > 0.0 { "open" } else { "closed" }.to_owned()
        }
    };
    let opens = matches!(class, "door" | "garage_door" | "opening" | "window");
    Some(match (thing.domain.as_str(), state.as_str()) {
        ("binary_sensor", "on") if opens => "open".into(),
        ("binary_sensor", "off") if opens => "closed".into(),
        ("binary_sensor", "on") if class == "lock" => "unlocked".into(),
        ("binary_sensor", "off") if class == "lock" => "locked".into(),
        ("cover", "stopped") => "open".into(),
        _ => state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn questions_are_answered_from_what_is_known() {
        let mut known = KnownHome::default();
        for (topic, config, state) in [
            (
                "binary_sensor/g",
                json!({"name": "Garage door", "stat_t": "g", "dev_cla": "garage_door"}),
                "ON",
            ),
            (
                "cover/b",
                json!({"name": "Bedroom blind", "stat_t": "b", "cmd_t": "x", "dev": {"sa": "Bedroom"}}),
                "closed",
            ),
            (
                "light/l",
                json!({"name": "Bedroom lamp", "stat_t": "l", "cmd_t": "x", "dev": {"sa": "Bedroom"}}),
                "ON",
            ),
            (
                "sensor/t",
                json!({"name": "Bedroom warmth", "stat_t": "t", "dev_cla": "temperature",
                                "unit_of_meas": "°C", "dev": {"sa": "Bedroom"}}),
                "21.5",
            ),
            ("switch/s", json!({"name": "Pump", "stat_t": "s", "cmd_t": "x"}), ""),
        ] {
            known.announced(&format!("homeassistant/{topic}/config"), config.to_string().as_bytes());
            known.heard(topic.rsplit('/').next().unwrap(), state.as_bytes());
        }
        let check = |intent: &str, slots: Value, language: &str, expect: Option<&str>| {
            let here = Area::new("Bedroom").ok();
            let slots = slots.as_object().unwrap();
            let said = answer(intent, slots, &known, here.as_ref(), Language::of(language));
            assert_eq!(said.as_deref(), expect, "{slots:?}");
        };
        let get = "HassGetState";
        check(get, json!({"name": "garage door", "state": "open"}), "en", Some("Yes. Garage door is open."));
        check(get, json!({"name": "garage door", "state": "closed"}), "en", Some("No. Garage door is open."));
        check(get, json!({"name": "garage door", "state": "open"}), "de", Some("Ja. Garage door ist offen."));
        check(get, json!({"name": "Bedroom warmth"}), "en", Some("Bedroom warmth is 21.5 °C."));
        check(get, json!({"domain": "light", "state": "on"}), "en", Some("Yes. Bedroom lamp."));
        check(get, json!({"domain": "cover", "state": "open"}), "en", Some("No."));
        check(get, json!({"name": "Pump", "state": "on"}), "en", None);
        check(get, json!({"name": "Unheard of"}), "en", None);
        check("HassClimateGetTemperature", json!({}), "en", Some("It is 21.5 degrees."));
        check("HassClimateGetTemperature", json!({"area": "bedroom"}), "de", Some("Es sind 21,5 Grad."));
        check("HassClimateGetTemperature", json!({"area": "attic"}), "en", None);
        check("HassTurnOn", json!({}), "en", None);
    }
}
