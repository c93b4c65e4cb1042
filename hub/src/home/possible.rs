//! What can be asked of a thing, for people who wonder what to say. Pure.

use super::act::{Deed, LightSetting, messages};
use super::entity::{Entity, Source};

/// One thing that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Possible {
    pub intent: &'static str,
    /// An English sentence that means it.
    pub example: String,
}

/// What a thing obeys and answers to: tried on its own announcement; for what only Home Assistant commands, what
/// its kind can do.
pub fn possible(thing: &Entity) -> Vec<Possible> {
    let name = thing.name.to_lowercase();
    let cover = thing.domain == "cover";
    let lock = thing.domain == "lock";
    let (on, off) = match thing.domain.as_str() {
        "cover" => (format!("open the {name}"), format!("close the {name}")),
        "lock" => (format!("lock the {name}"), format!("unlock the {name}")),
        "scene" | "script" => (format!("activate {name}"), String::new()),
        "button" => (format!("press the {name}"), String::new()),
        _ => (format!("turn on the {name}"), format!("turn off the {name}")),
    };
    let dimmed = LightSetting { brightness: Some(40), ..LightSetting::default() };
    let colored = LightSetting { color: Some([255, 0, 0]), ..LightSetting::default() };
    let middle = |low: &str, high: &str| {
        let at = |key, default| thing.keys.number(key).unwrap_or(default);
        ((at(low, 15.0) + at(high, 25.0)) / 2.0).round()
    };
    let option = thing.keys.texts("options").into_iter().next().unwrap_or_default();
    let all = [
        ("HassTurnOn", Deed::On, on),
        ("HassTurnOff", Deed::Off, off),
        ("HassLightSet", Deed::Light(dimmed), format!("set the {name} to 40 percent")),
        ("HassLightSet", Deed::Light(colored), format!("make the {name} red")),
        ("HassSetPosition", Deed::Position(30), format!("set the {name} to 30 percent")),
        ("HassFanSetSpeed", Deed::Speed(50), format!("set the {name} to 50 percent")),
        (
            "HassClimateSetTemperature",
            Deed::Temperature(middle("min_temp", "max_temp")),
            format!("set the {name} to {} degrees", middle("min_temp", "max_temp")),
        ),
        (
            "SottoSetValue",
            Deed::Value(middle("min", "max")),
            format!("set the {name} to {}", middle("min", "max")),
        ),
        ("SottoSelectOption", Deed::Choice(option.clone()), format!("set the {name} to {option}")),
    ];
    let kind = |deed: &Deed| match (thing.domain.as_str(), deed) {
        ("light", Deed::Light(setting)) => setting.color.is_none(),
        (
            "cover" | "light" | "switch" | "fan" | "lock" | "climate" | "media_player",
            Deed::On | Deed::Off,
        ) => true,
        ("scene" | "script" | "button", Deed::On) => true,
        ("cover", Deed::Position(_)) | ("climate", Deed::Temperature(_)) => true,
        _ => false,
    };
    let obeys = |deed: &Deed| match thing.source {
        Source::Broker(_) => {
            // Whether it is there right now is another question.
            let mut thing = thing.clone();
            thing.states.clear();
            messages(&thing, deed).is_ok()
        }
        Source::HomeAssistant => kind(deed),
        Source::Configuration => false,
    };
    let mut possible: Vec<Possible> = all
        .into_iter()
        .filter(|(_, deed, example)| !example.is_empty() && obeys(deed))
        .map(|(intent, _, example)| Possible { intent, example })
        .collect();
    let asked = match thing.domain.as_str() {
        "sensor" => Some(format!("what is the {name}")),
        "binary_sensor" | "light" | "switch" | "fan" => Some(format!("is the {name} on")),
        _ if cover => Some(format!("is the {name} open")),
        _ if lock => Some(format!("is the {name} locked")),
        _ => None,
    };
    let known = !thing.follows().is_empty() || thing.source == Source::HomeAssistant;
    possible.extend(asked.filter(|_| known).map(|example| Possible { intent: "HassGetState", example }));
    possible
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::known::KnownHome;
    use serde_json::{Value, json};

    #[test]
    fn a_thing_is_asked_for_what_it_can_do() {
        let check = |domain: &str, config: Value, expect: &[&str]| {
            let mut known = KnownHome::default();
            known.announced(&format!("homeassistant/{domain}/x/config"), config.to_string().as_bytes());
            let said: Vec<String> = possible(&known.things()[0]).into_iter().map(|p| p.example).collect();
            assert_eq!(said, expect, "{domain}");
        };
        check(
            "light",
            json!({"name": "Lamp", "cmd_t": "c", "bri_cmd_t": "b", "stat_t": "s"}),
            &["turn on the lamp", "turn off the lamp", "set the lamp to 40 percent", "is the lamp on"],
        );
        check("cover", json!({"name": "Blind", "cmd_t": "c"}), &["open the blind", "close the blind"]);
        check("scene", json!({"name": "Movie", "cmd_t": "c"}), &["activate movie"]);
        check(
            "climate",
            json!({"name": "Heating", "temp_cmd_t": "c", "min_temp": 10, "max_temp": 30}),
            &["set the heating to 20 degrees"],
        );
        check("sensor", json!({"name": "Warmth", "stat_t": "s"}), &["what is the warmth"]);
    }
}
