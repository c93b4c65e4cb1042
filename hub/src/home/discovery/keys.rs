//! A discovery payload's keys, written out: abbreviations and `~` as Home Assistant allows them.
//!
//! Only what the hub reads is listed; every other key is dropped here, so that a payload of a thousand keys costs
//! no more than one of ten.

use serde_json::{Map, Value};

/// What the hub reads of a component, by its short form (`homeassistant/components/mqtt/abbreviations.py`).
const SHORT: &[(&str, &str)] = &[
    ("atype", "automation_type"),
    ("avty", "availability"),
    ("avty_mode", "availability_mode"),
    ("avty_t", "availability_topic"),
    ("avty_tpl", "availability_template"),
    ("bri_cmd_t", "brightness_command_topic"),
    ("bri_cmd_tpl", "brightness_command_template"),
    ("bri_scl", "brightness_scale"),
    ("bri_stat_t", "brightness_state_topic"),
    ("bri_tpl", "brightness_template"),
    ("bri_val_tpl", "brightness_value_template"),
    ("cdevs", "child_devices"),
    ("clr_temp_cmd_t", "color_temp_command_topic"),
    ("clr_temp_cmd_tpl", "color_temp_command_template"),
    ("clr_temp_k", "color_temp_kelvin"),
    ("cmd_off_tpl", "command_off_template"),
    ("cmd_on_tpl", "command_on_template"),
    ("cmd_t", "command_topic"),
    ("cmd_tpl", "command_template"),
    ("cmps", "components"),
    ("curr_temp_t", "current_temperature_topic"),
    ("curr_temp_tpl", "current_temperature_template"),
    ("def_ent_id", "default_entity_id"),
    ("dev", "device"),
    ("dev_cla", "device_class"),
    ("e", "encoding"),
    ("en", "enabled_by_default"),
    ("ent_cat", "entity_category"),
    ("hs_cmd_t", "hs_command_topic"),
    ("hs_cmd_tpl", "hs_command_template"),
    ("max_k", "max_kelvin"),
    ("max_mirs", "max_mireds"),
    ("min_k", "min_kelvin"),
    ("min_mirs", "min_mireds"),
    ("mode_cmd_t", "mode_command_topic"),
    ("mode_cmd_tpl", "mode_command_template"),
    ("mode_stat_t", "mode_state_topic"),
    ("mode_stat_tpl", "mode_state_template"),
    ("o", "origin"),
    ("on_cmd_type", "on_command_type"),
    ("ops", "options"),
    ("opt", "optimistic"),
    ("p", "platform"),
    ("pct_cmd_t", "percentage_command_topic"),
    ("pct_cmd_tpl", "percentage_command_template"),
    ("pct_stat_t", "percentage_state_topic"),
    ("pct_val_tpl", "percentage_value_template"),
    ("pl_avail", "payload_available"),
    ("pl_cls", "payload_close"),
    ("pl_lock", "payload_lock"),
    ("pl_not_avail", "payload_not_available"),
    ("pl_off", "payload_off"),
    ("pl_on", "payload_on"),
    ("pl_open", "payload_open"),
    ("pl_prs", "payload_press"),
    ("pl_stop", "payload_stop"),
    ("pl_unlk", "payload_unlock"),
    ("pos_clsd", "position_closed"),
    ("pos_open", "position_open"),
    ("pos_t", "position_topic"),
    ("pos_tpl", "position_template"),
    ("pow_cmd_t", "power_command_topic"),
    ("pow_cmd_tpl", "power_command_template"),
    ("pr_mode_cmd_t", "preset_mode_command_topic"),
    ("ret", "retain"),
    ("rgb_cmd_t", "rgb_command_topic"),
    ("rgb_cmd_tpl", "rgb_command_template"),
    ("set_pos_t", "set_position_topic"),
    ("set_pos_tpl", "set_position_template"),
    ("spd_rng_max", "speed_range_max"),
    ("spd_rng_min", "speed_range_min"),
    ("stat_closing", "state_closing"),
    ("stat_clsd", "state_closed"),
    ("stat_locked", "state_locked"),
    ("stat_off", "state_off"),
    ("stat_on", "state_on"),
    ("stat_open", "state_open"),
    ("stat_opening", "state_opening"),
    ("stat_stopped", "state_stopped"),
    ("stat_t", "state_topic"),
    ("stat_tpl", "state_template"),
    ("stat_unlocked", "state_unlocked"),
    ("stat_val_tpl", "state_value_template"),
    ("sup_clrm", "supported_color_modes"),
    ("t", "topic"),
    ("temp_cmd_t", "temperature_command_topic"),
    ("temp_cmd_tpl", "temperature_command_template"),
    ("temp_stat_t", "temperature_state_topic"),
    ("temp_stat_tpl", "temperature_state_template"),
    ("temp_unit", "temperature_unit"),
    ("uniq_id", "unique_id"),
    ("unit_of_meas", "unit_of_measurement"),
    ("val_tpl", "value_template"),
    ("xy_cmd_t", "xy_command_topic"),
    ("xy_cmd_tpl", "xy_command_template"),
];

/// Keys without a short form.
const PLAIN: &[&str] =
    &["brightness", "max", "max_temp", "min", "min_temp", "modes", "name", "object_id", "schema", "step"];

/// A topic's longest length in the hub's eyes; MQTT allows 65 535 bytes, and no device needs them.
pub const TOPIC_LIMIT: usize = 512;

/// The written-out keys of one component that the hub reads, values untouched but for `~` in topics.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keys(Map<String, Value>);

impl Keys {
    /// `base` is what `~` stands for.
    pub fn read(component: &Map<String, Value>, base: Option<&str>) -> Keys {
        let mut keys = Map::new();
        for (key, value) in component {
            let Some(key) = written_out(key) else { continue };
            keys.insert(key.to_owned(), with_base(key, value, base));
        }
        Keys(keys)
    }

    /// What `other` has and this has not (a device payload's shared keys).
    pub fn or(mut self, other: &Keys) -> Keys {
        for (key, value) in &other.0 {
            self.0.entry(key.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Present and `null`: an entity's name that is its device's.
    pub fn is_null(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_null)
    }

    /// A text, or a number or truth value as text: payloads come as all of them.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(yes) => Some(if *yes { "True" } else { "False" }.to_owned()),
            _ => None,
        }
    }

    pub fn text_or(&self, key: &str, default: &str) -> String {
        self.text(key).unwrap_or_else(|| default.to_owned())
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        let number = match self.get(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite())
    }

    pub fn truth(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(yes) => Some(*yes),
            Value::String(text) => match text.to_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
            Value::Number(number) => Some(number.as_f64() != Some(0.0)),
            _ => None,
        }
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        let values = match self.get(key) {
            Some(Value::Array(values)) => {
                values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
            }
            Some(Value::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        };
        values.into_iter().take(200).collect()
    }

    /// Every topic and template, by key.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter(|(key, _)| key.ends_with("topic")).map(|(k, v)| (k.as_str(), v))
    }

    pub fn templates(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter(|(key, _)| key.ends_with("template")).map(|(k, v)| (k.as_str(), v))
    }
}

fn written_out(key: &str) -> Option<&'static str> {
    let short = SHORT.iter().find(|(short, long)| *short == key || *long == key).map(|(_, long)| *long);
    short.or_else(|| PLAIN.iter().find(|plain| **plain == key).copied())
}

fn with_base(key: &str, value: &Value, base: Option<&str>) -> Value {
    match (value, base) {
        (Value::String(topic), Some(base)) if key.ends_with("topic") => Value::String(expand(topic, base)),
        (Value::Array(list), _) if key == "availability" => {
            Value::Array(list.iter().take(10).map(|one| with_base(key, one, base)).collect())
        }
        (Value::Object(one), _) if key == "availability" => {
            let keys = Keys::read(one, base);
            Value::Object(keys.0)
        }
        _ => value.clone(),
    }
}

fn expand(topic: &str, base: &str) -> String {
    match (topic.strip_prefix('~'), topic.strip_suffix('~')) {
        (Some(rest), _) => format!("{base}{rest}"),
        (None, Some(rest)) => format!("{rest}{base}"),
        (None, None) => topic.to_owned(),
    }
}

/// Whether a message can be published on `topic`: no wildcard, no nothing, not the broker's own.
pub fn can_be_published(topic: &str) -> bool {
    let wrong = |c: char| matches!(c, '+' | '#' | '\0');
    !topic.is_empty() && topic.len() <= TOPIC_LIMIT && !topic.contains(wrong) && !topic.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_forms_and_the_base_are_written_out() {
        let check = |payload: Value, expect: Value| {
            let payload = payload.as_object().unwrap();
            let base = payload.get("~").and_then(Value::as_str);
            assert_eq!(Value::Object(Keys::read(payload, base).0), expect);
        };
        check(
            json!({"~": "tasmota/", "cmd_t": "~cmnd/POWER", "stat_t": "tele/~", "pl_on": "ON", "ic": "mdi:x"}),
            json!({"command_topic": "tasmota/cmnd/POWER", "state_topic": "tele/tasmota/", "payload_on": "ON"}),
        );
        check(
            json!({"~": "a", "avty": [{"t": "~/LWT", "pl_avail": "Online"}, 7], "name": "~not a topic"}),
            json!({"availability": [{"topic": "a/LWT", "payload_available": "Online"}, 7], "name": "~not a topic"}),
        );
        check(json!({"command_topic": "~/x"}), json!({"command_topic": "~/x"}));
    }

    #[test]
    fn values_come_in_many_shapes() {
        let keys = json!({"max": "254", "payload_on": true, "payload_off": 0, "retain": "yes", "name": null});
        let keys = Keys::read(keys.as_object().unwrap(), None);
        assert_eq!(keys.number("max"), Some(254.0));
        assert_eq!(keys.text("payload_on").as_deref(), Some("True"));
        assert_eq!(keys.text("payload_off").as_deref(), Some("0"));
        assert_eq!(keys.truth("retain"), Some(true));
        assert!(keys.is_null("name") && !keys.has("name"));
    }

    #[test]
    fn some_topics_cannot_be_published_on() {
        assert!(can_be_published("zigbee2mqtt/kitchen/ceiling/set"));
        for wrong in ["", "a/#", "+/set", "$SYS/x", "a\0b", &"x".repeat(513)] {
            assert!(!can_be_published(wrong), "{wrong}");
        }
    }
}
