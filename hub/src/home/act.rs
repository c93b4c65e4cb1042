//! The built-in intents, carried out by the hub itself: a deed and a thing in, MQTT messages out. Pure.
//!
//! A device may ask that its commands be retained; the hub never does that: a retained "turn on" fires late.

use serde_json::{Map, Value, json};

use super::connection::Once;
use super::discovery::{Keys, can_be_published};
use super::entity::Entity;
use super::light;
use super::template;

/// What is to be done to a thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    On,
    Off,
    Toggle,
    Light(LightSetting),
    /// Per cent; 100 is open.
    Position(u8),
    /// Degrees, in the thing's own unit.
    Temperature(f64),
    /// Per cent of a fan's speed.
    Speed(u8),
    Value(f64),
    Choice(String),
    Stop,
}

/// What a light is set to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LightSetting {
    /// Per cent.
    pub brightness: Option<u8>,
    pub color: Option<[u8; 3]>,
    pub kelvin: Option<u32>,
}

/// Why a thing cannot do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CannotAct {
    /// The slots make no sense for this intent.
    #[error("the command lacks what it needs, or asks for what cannot be")]
    Senseless,
    #[error("it cannot do that")]
    Unable,
    /// It has said that it is not there.
    #[error("it is away")]
    Away,
    #[error("its template cannot be rendered")]
    Template,
}

/// Reads an intent; `Ok(None)`: none that changes a thing.
pub fn deed(intent: &str, slots: &Map<String, Value>) -> Result<Option<Deed>, CannotAct> {
    let number = |key: &str| match slots.get(key) {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let percent = |key: &str| number(key).filter(|n| (0.0..=100.0).contains(n)).map(|n| n.round() as u8);
    let needed = |n: Option<u8>| n.ok_or(CannotAct::Senseless);
    Ok(Some(match intent {
        "HassTurnOn" | "HassOpenCover" => Deed::On,
        "HassTurnOff" | "HassCloseCover" => Deed::Off,
        "HassToggle" => Deed::Toggle,
        "HassStopMoving" => Deed::Stop,
        "HassLightSet" => {
            let color = slots.get("color").and_then(Value::as_str).map(light::color);
            let setting = LightSetting {
                brightness: percent("brightness"),
                color: color.map(|color| color.ok_or(CannotAct::Senseless)).transpose()?,
                kelvin: number("temperature").filter(|k| (1000.0..=12_000.0).contains(k)).map(|k| k as u32),
            };
            if setting == LightSetting::default() {
                return Err(CannotAct::Senseless);
            }
            Deed::Light(setting)
        }
        "HassSetPosition" => Deed::Position(needed(percent("position"))?),
        "HassFanSetSpeed" => Deed::Speed(needed(percent("percentage"))?),
        "HassClimateSetTemperature" => {
            let degrees = number("temperature").filter(|degrees| (-50.0..=300.0).contains(degrees));
            Deed::Temperature(degrees.ok_or(CannotAct::Senseless)?)
        }
        "SottoSetValue" => {
            Deed::Value(number("value").filter(|n| n.is_finite()).ok_or(CannotAct::Senseless)?)
        }
        "SottoSelectOption" => {
            let option = slots.get("option").and_then(Value::as_str).ok_or(CannotAct::Senseless)?;
            Deed::Choice(option.to_owned())
        }
        _ => return Ok(None),
    }))
}

/// The kinds of thing that a deed without a name or a kind means.
pub fn domains(deed: &Deed) -> &'static [&'static str] {
    match deed {
        Deed::On | Deed::Off | Deed::Toggle => &["light", "switch", "fan"],
        Deed::Light(_) => &["light"],
        Deed::Position(_) | Deed::Stop => &["cover"],
        Deed::Temperature(_) => &["climate"],
        Deed::Speed(_) => &["fan"],
        Deed::Value(_) => &["number"],
        Deed::Choice(_) => &["select"],
    }
}

/// The messages that make `thing` do it, in order.
pub fn messages(thing: &Entity, deed: &Deed) -> Result<Vec<Once>, CannotAct> {
    if !thing.is_available() {
        return Err(CannotAct::Away);
    }
    let on = thing.state() == Some("on");
    let keys = &thing.keys;
    let say = |topic: &str, templates: &str, payload: String| {
        command(keys, topic, Some(templates), payload).map(|once| vec![once])
    };
    let plain =
        |key: &str, default: &str| say("command_topic", "command_template", keys.text_or(key, default));
    match (thing.domain.as_str(), deed) {
        (_, Deed::Toggle) => {
            let open = matches!(thing.state(), Some("on" | "open" | "locked" | "opening"));
            messages(thing, if open { &Deed::Off } else { &Deed::On })
        }
        ("light", Deed::On) => light::messages(keys, Some(on), &LightSetting::default()),
        ("light", Deed::Off) => light::off(keys),
        ("light", Deed::Light(LightSetting { brightness: Some(0), .. })) => light::off(keys),
        ("light", Deed::Light(setting)) => light::messages(keys, None, setting),
        ("switch" | "fan", Deed::On) => plain("payload_on", "ON"),
        ("switch" | "fan", Deed::Off) => plain("payload_off", "OFF"),
        ("scene", Deed::On) => plain("payload_on", "ON"),
        ("button", Deed::On) => plain("payload_press", "PRESS"),
        ("fan", Deed::Speed(0)) => plain("payload_off", "OFF"),
        ("fan", Deed::Speed(percent)) => {
            let low = keys.number("speed_range_min").unwrap_or(1.0);
            let high = keys.number("speed_range_max").unwrap_or(100.0);
            let speed = (f64::from(*percent) / 100.0 * (high - low + 1.0) + low - 1.0).ceil().max(low);
            say("percentage_command_topic", "percentage_command_template", number(speed))
        }
        ("cover", Deed::On | Deed::Off) => {
            let (payload, default, position) = match deed {
                Deed::On => ("payload_open", "OPEN", 100),
                _ => ("payload_close", "CLOSE", 0),
            };
            match keys.has("command_topic") {
                true => command(keys, "command_topic", None, keys.text_or(payload, default)).map(|o| vec![o]),
                false => position_message(keys, position),
            }
        }
        ("cover", Deed::Stop) => {
            command(keys, "command_topic", None, keys.text_or("payload_stop", "STOP")).map(|once| vec![once])
        }
        ("cover", Deed::Position(percent)) => match (keys.has("set_position_topic"), percent) {
            (true, _) => position_message(keys, *percent),
            // One that only opens and closes can still do these two.
            (false, 100) => messages(thing, &Deed::On),
            (false, 0) => messages(thing, &Deed::Off),
            (false, _) => Err(CannotAct::Unable),
        },
        ("lock", Deed::On) => plain("payload_lock", "LOCK"),
        ("lock", Deed::Off) => plain("payload_unlock", "UNLOCK"),
        ("climate", Deed::Temperature(degrees)) => {
            let low = keys.number("min_temp").unwrap_or(f64::NEG_INFINITY);
            let high = keys.number("max_temp").unwrap_or(f64::INFINITY);
            if !(low..=high).contains(degrees) {
                return Err(CannotAct::Senseless);
            }
            say("temperature_command_topic", "temperature_command_template", number(*degrees))
        }
        ("climate", Deed::On | Deed::Off) => climate_power(keys, *deed == Deed::On),
        ("number", Deed::Value(value)) => {
            let low = keys.number("min").unwrap_or(1.0);
            let high = keys.number("max").unwrap_or(100.0);
            if !(low..=high).contains(value) {
                return Err(CannotAct::Senseless);
            }
            say("command_topic", "command_template", number(*value))
        }
        ("select", Deed::Choice(option)) => {
            let options = keys.texts("options");
            let option = options.into_iter().find(|own| own.to_lowercase() == option.to_lowercase());
            say("command_topic", "command_template", option.ok_or(CannotAct::Senseless)?)
        }
        _ => Err(CannotAct::Unable),
    }
}

fn position_message(keys: &Keys, percent: u8) -> Result<Vec<Once>, CannotAct> {
    let closed = keys.number("position_closed").unwrap_or(0.0);
    let open = keys.number("position_open").unwrap_or(100.0);
    let position = (closed + (open - closed) * f64::from(percent) / 100.0).round();
    let payload = match keys.text("set_position_template") {
        Some(source) => {
            let context = minijinja::context! { position => percent, value => position };
            template::render(&source, context).map_err(|_| CannotAct::Template)?
        }
        None => number(position),
    };
    Ok(vec![command(keys, "set_position_topic", None, payload)?])
}

/// Heating is switched by its power topic, or by its mode: off, or the first that warms.
fn climate_power(keys: &Keys, on: bool) -> Result<Vec<Once>, CannotAct> {
    if keys.has("power_command_topic") {
        let payload = if on { keys.text_or("payload_on", "ON") } else { keys.text_or("payload_off", "OFF") };
        return Ok(vec![command(keys, "power_command_topic", Some("power_command_template"), payload)?]);
    }
    let modes = keys.texts("modes");
    let mode = match on {
        false => "off".to_owned(),
        true => ["heat_cool", "auto", "heat"]
            .iter()
            .find(|mode| modes.iter().any(|own| own == *mode))
            .map_or_else(|| "heat".to_owned(), |mode| (*mode).to_owned()),
    };
    Ok(vec![command(keys, "mode_command_topic", Some("mode_command_template"), mode)?])
}

/// One message on the topic that `keys` names; `payload` goes through the template when there is one.
pub(super) fn command(
    keys: &Keys,
    topic: &str,
    template: Option<&str>,
    payload: String,
) -> Result<Once, CannotAct> {
    let topic = keys.text(topic).filter(|topic| can_be_published(topic)).ok_or(CannotAct::Unable)?;
    let payload = match template.and_then(|key| keys.text(key)) {
        Some(source) => {
            // A number arrives in a template as a number, as in Home Assistant.
            let value = serde_json::from_str::<Value>(&payload).ok().filter(Value::is_number);
            let value = value.unwrap_or_else(|| json!(payload));
            let value = minijinja::value::Value::from(minijinja::value::Serde(value));
            template::render(&source, minijinja::context! { value }).map_err(|_| CannotAct::Template)?
        }
        None => payload,
    };
    Ok(Once::new(topic, payload))
}

/// Without the `.0` that a whole number would get.
pub(super) fn number(value: f64) -> String {
    format!("{}", (value * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::known::KnownHome;

    /// What `intent` publishes for a thing so announced, as `topic payload` lines.
    fn check(
        domain: &str,
        config: Value,
        intent: &str,
        slots: Value,
        expect: Result<&[(&str, &str)], CannotAct>,
    ) {
        let mut known = KnownHome::default();
        known.announced(&format!("homeassistant/{domain}/x/config"), config.to_string().as_bytes());
        let thing = &known.things()[0];
        let deed = deed(intent, slots.as_object().unwrap());
        let done = deed.and_then(|deed| messages(thing, &deed.expect("a deed")));
        let done = done.map(|messages| {
            let one = |once: Once| {
                assert!(!once.retain, "nothing fires late");
                (once.topic, String::from_utf8(once.payload.to_vec()).unwrap())
            };
            messages.into_iter().map(one).collect::<Vec<_>>()
        });
        let expect = expect.map(|all| all.iter().map(|(t, p)| ((*t).to_owned(), (*p).to_owned())).collect());
        assert_eq!(done, expect, "{intent} {slots} {config}");
    }

    #[test]
    fn every_kind_of_thing_obeys() {
        let none = json!({});
        let z2m = json!({"schema": "json", "brightness": true, "brightness_scale": 254, "cmd_t": "l/set",
                         "supported_color_modes": ["xy", "color_temp"]});
        check("light", z2m.clone(), "HassTurnOn", none.clone(), Ok(&[("l/set", r#"{"state":"ON"}"#)]));
        check("light", z2m.clone(), "HassTurnOff", none.clone(), Ok(&[("l/set", r#"{"state":"OFF"}"#)]));
        check("light", z2m.clone(), "HassToggle", none.clone(), Ok(&[("l/set", r#"{"state":"ON"}"#)]));
        check(
            "light",
            z2m,
            "HassLightSet",
            json!({"brightness": 50}),
            Ok(&[("l/set", r#"{"brightness":127,"state":"ON"}"#)]),
        );
        let plug = json!({"cmd_t": "cmnd/plug/POWER", "pl_on": "1", "pl_off": "0"});
        check("switch", plug.clone(), "HassTurnOn", none.clone(), Ok(&[("cmnd/plug/POWER", "1")]));
        check("switch", plug, "HassTurnOff", none.clone(), Ok(&[("cmnd/plug/POWER", "0")]));
        let door = json!({"cmd_t": "c", "set_pos_t": "p", "pos_open": 0, "pos_clsd": 255});
        check("cover", door.clone(), "HassTurnOn", none.clone(), Ok(&[("c", "OPEN")]));
        check("cover", door.clone(), "HassTurnOff", none.clone(), Ok(&[("c", "CLOSE")]));
        check("cover", door, "HassSetPosition", json!({"position": 50}), Ok(&[("p", "128")]));
        let plain = json!({"cmd_t": "c"});
        check("cover", plain.clone(), "HassSetPosition", json!({"position": 100}), Ok(&[("c", "OPEN")]));
        check("cover", plain.clone(), "HassSetPosition", json!({"position": 30}), Err(CannotAct::Unable));
        check("lock", plain.clone(), "HassTurnOn", none.clone(), Ok(&[("c", "LOCK")]));
        check("lock", plain.clone(), "HassTurnOff", none.clone(), Ok(&[("c", "UNLOCK")]));
        check("scene", plain.clone(), "HassTurnOn", none.clone(), Ok(&[("c", "ON")]));
        check("button", plain.clone(), "HassTurnOn", none.clone(), Ok(&[("c", "PRESS")]));
        check("scene", plain.clone(), "HassTurnOff", none.clone(), Err(CannotAct::Unable));
        let fan = json!({"cmd_t": "c", "pct_cmd_t": "p", "spd_rng_max": 4, "pct_cmd_tpl": "s{{ value }}"});
        check("fan", fan.clone(), "HassFanSetSpeed", json!({"percentage": 50}), Ok(&[("p", "s2")]));
        check("fan", fan, "HassFanSetSpeed", json!({"percentage": 0}), Ok(&[("c", "OFF")]));
        let heating = json!({"temp_cmd_t": "t", "min_temp": 5, "max_temp": 30, "mode_cmd_t": "m", "modes": ["off", "heat"]});
        check(
            "climate",
            heating.clone(),
            "HassClimateSetTemperature",
            json!({"temperature": 21.5}),
            Ok(&[("t", "21.5")]),
        );
        check(
            "climate",
            heating.clone(),
            "HassClimateSetTemperature",
            json!({"temperature": 60}),
            Err(CannotAct::Senseless),
        );
        check("climate", heating.clone(), "HassTurnOn", none.clone(), Ok(&[("m", "heat")]));
        check("climate", heating, "HassTurnOff", none.clone(), Ok(&[("m", "off")]));
        let level = json!({"cmd_t": "n", "min": 0, "max": 10, "cmd_tpl": "{\"v\": {{ value }}}"});
        check("number", level.clone(), "SottoSetValue", json!({"value": 7}), Ok(&[("n", "{\"v\": 7}")]));
        check("number", level, "SottoSetValue", json!({"value": 70}), Err(CannotAct::Senseless));
        let mode = json!({"cmd_t": "s", "options": ["Eco", "Boost"]});
        check("select", mode.clone(), "SottoSelectOption", json!({"option": "boost"}), Ok(&[("s", "Boost")]));
        check("select", mode, "SottoSelectOption", json!({"option": "dance"}), Err(CannotAct::Senseless));
        check("sensor", json!({"stat_t": "s"}), "HassTurnOn", none, Err(CannotAct::Unable));
    }

    #[test]
    fn slots_that_make_no_sense_do_nothing() {
        let check = |intent: &str, slots: Value| {
            assert_eq!(deed(intent, slots.as_object().unwrap()), Err(CannotAct::Senseless), "{slots}");
        };
        check("HassSetPosition", json!({}));
        check("HassSetPosition", json!({"position": 101}));
        check("HassSetPosition", json!({"position": "up"}));
        check("HassLightSet", json!({}));
        check("HassLightSet", json!({"color": "plaid"}));
        check("HassClimateSetTemperature", json!({"temperature": 1e9}));
        assert_eq!(deed("HassStartTimer", &Map::new()), Ok(None));
    }
}
