//! A thing in the house that can be switched or asked, and what its state topics say of it.

use std::collections::BTreeMap;

use super::discovery::{Component, Keys, can_be_published};
use super::template;

/// Longest state that is kept, in characters: Home Assistant's own limit.
const LONGEST_STATE: usize = 255;

/// Who told the hub that it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It announced itself on this topic.
    Broker(String),
    /// Home Assistant's package did, for an entity that only Home Assistant can command.
    HomeAssistant,
    /// The household's configuration did.
    Configuration,
}

/// What a topic says of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// In Home Assistant's words: `on`, `off`, `open`, `closed`, `locked`, `21.5`.
    State,
    /// Per cent.
    Brightness,
    /// Per cent, 100 is open.
    Position,
    /// Per cent of a fan's speed.
    Speed,
    /// What was asked for, in degrees.
    Target,
    /// What it is, in degrees.
    Current,
    /// `online` or `offline`, by the number of its topic.
    Availability(usize),
}

/// A topic to listen to.
#[derive(Debug, Clone, PartialEq)]
pub struct Follow {
    pub topic: String,
    pub aspect: Aspect,
    pub template: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// `light.kitchen_ceiling`: unique in the house.
    pub id: String,
    pub domain: String,
    pub name: String,
    pub aliases: Vec<String>,
    pub area: Option<String>,
    pub device_class: Option<String>,
    pub unit: Option<String>,
    pub source: Source,
    /// How it is commanded over MQTT; empty for what only Home Assistant can reach.
    pub keys: Keys,
    pub states: BTreeMap<Aspect, String>,
}

impl Entity {
    pub fn announced(id: String, topic: &str, component: Component) -> Entity {
        let Component { domain, name, area, keys, .. } = component;
        Entity {
            id,
            domain: domain.to_owned(),
            name,
            aliases: Vec::new(),
            area,
            device_class: keys.text("device_class").map(|class| short(&class)),
            unit: keys.text("unit_of_measurement").map(|unit| short(&unit)),
            source: Source::Broker(topic.to_owned()),
            keys,
            states: BTreeMap::new(),
        }
    }

    pub fn state(&self) -> Option<&str> {
        self.states.get(&Aspect::State).map(String::as_str)
    }

    pub fn number(&self, aspect: Aspect) -> Option<f64> {
        self.states.get(&aspect)?.parse().ok()
    }

    /// Whether the hub itself can command it.
    pub fn on_broker(&self) -> bool {
        matches!(self.source, Source::Broker(_))
    }

    /// Whether it is there; what has not said that it is away counts as there.
    pub fn is_available(&self) -> bool {
        let mut said = (0..MOST_AVAILABILITY).filter_map(|n| self.states.get(&Aspect::Availability(n)));
        match self.keys.text("availability_mode").as_deref() {
            Some("any") => {
                let said: Vec<&String> = said.collect();
                said.is_empty() || said.iter().any(|state| *state == "online")
            }
            _ => said.all(|state| state == "online"),
        }
    }

    /// What to listen to, to know its state.
    pub fn follows(&self) -> Vec<Follow> {
        let keys = &self.keys;
        let mut follows = Vec::new();
        let mut follow = |topic: &str, templates: &[&str], aspect: Aspect| {
            let Some(topic) = keys.text(topic).filter(|topic| can_be_published(topic)) else { return };
            let template = templates.iter().find_map(|key| keys.text(key));
            follows.push(Follow { topic, aspect, template });
        };
        let schema = keys.text_or("schema", "basic");
        match (self.domain.as_str(), schema.as_str()) {
            ("light", "json") => {
                let topic = keys.text("state_topic").filter(|topic| can_be_published(topic));
                for (aspect, field) in [(Aspect::State, "state"), (Aspect::Brightness, "brightness")] {
                    let template = Some(format!("{{{{ value_json.{field} }}}}"));
                    follows.extend(topic.clone().map(|topic| Follow { topic, aspect, template }));
                }
            }
            ("light", "template") => {
                follow("state_topic", &["state_template"], Aspect::State);
                if keys.has("brightness_template") {
                    follow("state_topic", &["brightness_template"], Aspect::Brightness);
                }
            }
            ("light", _) => {
                follow("state_topic", &["state_value_template", "value_template"], Aspect::State);
                follow("brightness_state_topic", &["brightness_value_template"], Aspect::Brightness);
            }
            ("fan", _) => {
                follow("state_topic", &["state_value_template", "value_template"], Aspect::State);
                follow("percentage_state_topic", &["percentage_value_template"], Aspect::Speed);
            }
            ("cover", _) => {
                follow("state_topic", &["value_template"], Aspect::State);
                follow("position_topic", &["position_template"], Aspect::Position);
            }
            ("climate", _) => {
                follow("mode_state_topic", &["mode_state_template"], Aspect::State);
                follow("temperature_state_topic", &["temperature_state_template"], Aspect::Target);
                follow("current_temperature_topic", &["current_temperature_template"], Aspect::Current);
            }
            _ => follow("state_topic", &["value_template"], Aspect::State),
        }
        for (number, (topic, template)) in availability_topics(keys).into_iter().enumerate() {
            follows.push(Follow { topic, aspect: Aspect::Availability(number), template });
        }
        follows
    }

    /// Takes what a topic said. Whether that changed anything; `None` when it makes no sense.
    pub fn heard(&mut self, aspect: Aspect, template: Option<&str>, payload: &str) -> Option<bool> {
        let raw = template::value(template, payload).ok()?;
        let raw = raw.trim();
        if raw.chars().count() > LONGEST_STATE {
            return None;
        }
        // What a template finds nothing in says nothing: `{"brightness": …}` without a state, for one.
        if raw.is_empty() || raw.eq_ignore_ascii_case("none") {
            return Some(false);
        }
        let state = self.meaning(aspect, raw)?;
        Some(self.states.insert(aspect, state.clone()) != Some(state))
    }

    fn meaning(&self, aspect: Aspect, raw: &str) -> Option<String> {
        let keys = &self.keys;
        let number = || raw.parse::<f64>().ok().filter(|number| number.is_finite());
        let percent = |low: f64, high: f64| {
            let part = (number()? - low) / (high - low);
            // Adding zero turns -0 into 0.
            part.is_finite().then(|| ((part * 100.0).round().clamp(0.0, 100.0) + 0.0).to_string())
        };
        match aspect {
            Aspect::State => self.state_meaning(raw),
            Aspect::Brightness => percent(0.0, keys.number("brightness_scale").unwrap_or(255.0)),
            Aspect::Position => {
                let at = |key, default| keys.number(key).unwrap_or(default);
                percent(at("position_closed", 0.0), at("position_open", 100.0))
            }
            Aspect::Speed => percent(
                keys.number("speed_range_min").unwrap_or(1.0) - 1.0,
                keys.number("speed_range_max").unwrap_or(100.0),
            ),
            Aspect::Target | Aspect::Current => Some(number()?.to_string()),
            Aspect::Availability(_) => {
                let is = |key, default: &str| raw == keys.text_or(key, default);
                let online =
                    is("payload_available", "online") || raw.eq_ignore_ascii_case("online") || raw == "True";
                Some(if online { "online" } else { "offline" }.to_owned())
            }
        }
    }

    fn state_meaning(&self, raw: &str) -> Option<String> {
        let keys = &self.keys;
        let json_light = self.domain == "light" && keys.text("schema").as_deref() == Some("json");
        let spelled: &[(&str, &[&str], &str)] = match self.domain.as_str() {
            "light" if json_light => &[("on", &[], "ON"), ("off", &[], "OFF")],
            "light" | "switch" | "fan" | "binary_sensor" => {
                &[("on", &["state_on", "payload_on"], "ON"), ("off", &["state_off", "payload_off"], "OFF")]
            }
            "cover" => &[
                ("open", &["state_open"], "open"),
                ("closed", &["state_closed"], "closed"),
                ("opening", &["state_opening"], "opening"),
                ("closing", &["state_closing"], "closing"),
                ("stopped", &["state_stopped"], "stopped"),
            ],
            "lock" => {
                &[("locked", &["state_locked"], "LOCKED"), ("unlocked", &["state_unlocked"], "UNLOCKED")]
            }
            _ => return Some(raw.to_owned()),
        };
        let means = |(_, says, default): &&(&str, &[&str], &str)| {
            raw == says.iter().find_map(|key| keys.text(key)).unwrap_or_else(|| (*default).to_owned())
        };
        // A device that writes "on" where it announced "ON" is still understood.
        let close = |(word, _, _): &&(&str, &[&str], &str)| raw.eq_ignore_ascii_case(word);
        let found = spelled.iter().find(means).or_else(|| spelled.iter().find(close));
        found.map(|(word, _, _)| (*word).to_owned())
    }
}

/// Most topics that may say whether one entity is there.
const MOST_AVAILABILITY: usize = 8;

fn availability_topics(keys: &Keys) -> Vec<(String, Option<String>)> {
    use serde_json::Value;
    let one = |value: &Value| {
        let object = value.as_object()?;
        let topic = object.get("topic")?.as_str()?.to_owned();
        let template = object.get("value_template").and_then(Value::as_str).map(str::to_owned);
        Some((topic, template))
    };
    let listed = match keys.get("availability") {
        Some(Value::Array(list)) => list.iter().filter_map(one).collect(),
        Some(object @ Value::Object(_)) => one(object).into_iter().collect(),
        _ => Vec::new(),
    };
    let single = keys.text("availability_topic").map(|topic| (topic, keys.text("availability_template")));
    let all = listed.into_iter().chain(single);
    all.filter(|(topic, _)| can_be_published(topic)).take(MOST_AVAILABILITY).collect()
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::discovery::{Announcement, read};
    use serde_json::{Value, json};

    fn entity(domain: &str, payload: Value) -> Entity {
        let topic = format!("homeassistant/{domain}/x/config");
        match read(&topic, payload.to_string().as_bytes()) {
            Ok(Some(Announcement::There(mut there, _))) => {
                Entity::announced(format!("{domain}.x"), &topic, there.remove(0))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Hears `payload` on every topic the entity follows and says what it then knows.
    fn check(domain: &str, config: Value, payload: &str, expect: &[(Aspect, &str)]) {
        let mut entity = entity(domain, config.clone());
        for follow in entity.follows() {
            entity.heard(follow.aspect, follow.template.as_deref(), payload);
        }
        let known: Vec<(Aspect, &str)> = entity.states.iter().map(|(a, s)| (*a, s.as_str())).collect();
        assert_eq!(known, expect, "{config} {payload}");
    }

    #[test]
    fn a_state_is_told_in_home_assistants_words() {
        use Aspect::*;
        let z2m = json!({"schema": "json", "brightness": true, "brightness_scale": 254, "state_topic": "a",
                         "command_topic": "a/set"});
        check(
            "light",
            z2m.clone(),
            r#"{"state":"ON","brightness":127}"#,
            &[(State, "on"), (Brightness, "50")],
        );
        check("light", z2m, r#"{"linkquality":3}"#, &[]);
        check("light", json!({"stat_t": "a", "cmd_t": "b"}), "OFF", &[(State, "off")]);
        check("switch", json!({"stat_t": "a", "cmd_t": "b", "pl_on": "1"}), "1", &[(State, "on")]);
        check("switch", json!({"stat_t": "a", "cmd_t": "b"}), "nonsense", &[]);
        check(
            "binary_sensor",
            json!({"stat_t": "a", "pl_on": true, "pl_off": false, "val_tpl": "{{ value_json.occupancy }}"}),
            r#"{"occupancy":true}"#,
            &[(State, "on")],
        );
        check("cover", json!({"pos_t": "a", "pos_clsd": 255, "pos_open": 0}), "255", &[(Position, "0")]);
        check("cover", json!({"stat_t": "a", "stat_clsd": "down"}), "down", &[(State, "closed")]);
        check("fan", json!({"pct_stat_t": "a", "spd_rng_max": 4}), "2", &[(Speed, "50")]);
        check("lock", json!({"stat_t": "a", "cmd_t": "b"}), "UNLOCKED", &[(State, "unlocked")]);
        check(
            "sensor",
            json!({"stat_t": "a", "val_tpl": "{{ value_json.t | round(1) }}"}),
            r#"{"t":21.55}"#,
            &[(State, "21.6")],
        );
        check(
            "climate",
            json!({"curr_temp_t": "a", "temp_stat_t": "b"}),
            "19.50",
            &[(Target, "19.5"), (Current, "19.5")],
        );
        check("sensor", json!({"stat_t": "a"}), &"x".repeat(256), &[]);
    }

    #[test]
    fn what_says_that_it_is_away_is_away() {
        let check = |config: Value, said: &[(&str, &str)], expect: bool| {
            let mut entity = entity("switch", config);
            for follow in entity.follows() {
                for (_, payload) in said.iter().filter(|(topic, _)| *topic == follow.topic) {
                    entity.heard(follow.aspect, follow.template.as_deref(), payload);
                }
            }
            assert_eq!(entity.is_available(), expect, "{said:?}");
        };
        let one = json!({"cmd_t": "c", "avty_t": "a", "pl_avail": "Online", "pl_not_avail": "Offline"});
        check(one.clone(), &[], true);
        check(one.clone(), &[("a", "Offline")], false);
        check(one, &[("a", "Online")], true);
        let two =
            json!({"cmd_t": "c", "avty": [{"t": "a", "val_tpl": "{{ value_json.state }}"}, {"t": "b"}]});
        check(two.clone(), &[("a", r#"{"state":"online"}"#), ("b", "offline")], false);
        check(two, &[("a", r#"{"state":"online"}"#), ("b", "online")], true);
        let any = json!({"cmd_t": "c", "avty_mode": "any", "avty": [{"t": "a"}, {"t": "b"}]});
        check(any, &[("a", "online"), ("b", "offline")], true);
    }
}
