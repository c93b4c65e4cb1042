//! What devices announce of themselves on the broker: `homeassistant/…/config`, read as Home Assistant reads it.
//!
//! Pure: topic and bytes in, components or a refusal out. Whatever a device of the household may publish there,
//! zigbee2mqtt, Tasmota and ESPHome included, is read; whatever is wrong is refused as a whole, with a reason.

mod keys;

pub use keys::{Keys, can_be_published};
use serde_json::{Map, Value};

use super::template;

/// Where devices announce themselves.
pub const PREFIX: &str = "homeassistant";
/// Largest announcement, in bytes. A bridge with a hundred components needs some 60 kB.
pub const LARGEST: usize = 256 * 1024;
/// Most components of one device.
const MOST_COMPONENTS: usize = 300;
/// Longest name of a device, entity or area, in characters.
const LONGEST_NAME: usize = 120;

/// What the hub can do something with.
pub const DOMAINS: [&str; 12] = [
    "light",
    "switch",
    "cover",
    "fan",
    "climate",
    "lock",
    "scene",
    "button",
    "number",
    "select",
    "sensor",
    "binary_sensor",
];

/// Why an announcement counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    #[error("not a discovery topic")]
    Topic,
    #[error("larger than {LARGEST} bytes")]
    TooLarge,
    #[error("not a JSON object")]
    NotJson,
    #[error("a device with more than {MOST_COMPONENTS} components")]
    TooManyComponents,
    #[error("a component without a platform")]
    NoPlatform,
    #[error("a name or id that is no text, or is too long")]
    Name,
    #[error("a topic with a wildcard, or none at all")]
    Wildcard,
    #[error("a template that does not parse")]
    Template,
    #[error("no topic to command it or to hear of it")]
    NoTopic,
    #[error("more devices than the hub takes")]
    Full,
    #[error("a state that is too large, or no text")]
    State,
}

/// One thing that a device can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Its key within the announcement; empty when the announcement is of one component.
    pub key: String,
    pub domain: &'static str,
    pub name: String,
    pub area: Option<String>,
    pub keys: Keys,
}

/// What an announcement comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Announcement {
    /// The device, or the component, is no more.
    Gone,
    /// What is there now; a component that is not listed any more is gone. With the reasons of those refused.
    There(Vec<Component>, Vec<Refusal>),
}

/// Reads one message below [`PREFIX`]. `Ok(None)`: not for us (another platform, or our own).
pub fn read(topic: &str, payload: &[u8]) -> Result<Option<Announcement>, Refusal> {
    let levels: Vec<&str> = topic.split('/').collect();
    let (platform, id) = match levels[..] {
        [PREFIX, platform, id, "config"] | [PREFIX, platform, _, id, "config"] => (platform, id),
        _ => return Err(Refusal::Topic),
    };
    let mine = levels[2..].iter().any(|level| level.starts_with("sotto_") || level.starts_with("sotto-"));
    let domain = DOMAINS.iter().find(|domain| **domain == platform).copied();
    if mine || (domain.is_none() && platform != "device") {
        return Ok(None);
    }
    if payload.len() > LARGEST {
        return Err(Refusal::TooLarge);
    }
    if payload.iter().all(u8::is_ascii_whitespace) {
        return Ok(Some(Announcement::Gone));
    }
    let Ok(Value::Object(payload)) = serde_json::from_slice::<Value>(payload) else {
        return Err(Refusal::NotJson);
    };
    if payload.len() == 1 && payload.contains_key("migrate_discovery") {
        return Ok(Some(Announcement::Gone));
    }
    let base = payload.get("~").and_then(Value::as_str);
    let device = payload.get("device").or_else(|| payload.get("dev")).and_then(Value::as_object);
    match domain {
        Some(domain) => {
            let keys = Keys::read(&payload, base);
            let component = component(String::new(), domain, keys, device, id)?;
            Ok(Some(Announcement::There(vec![component], Vec::new())))
        }
        None => components(&payload, base, device).map(Some),
    }
}

/// A device payload: shared keys at the root, one component under each key.
fn components(
    payload: &Map<String, Value>,
    base: Option<&str>,
    device: Option<&Map<String, Value>>,
) -> Result<Announcement, Refusal> {
    let listed = payload.get("components").or_else(|| payload.get("cmps"));
    let Some(Value::Object(listed)) = listed else { return Err(Refusal::NotJson) };
    if listed.len() > MOST_COMPONENTS {
        return Err(Refusal::TooManyComponents);
    }
    let shared: Map<String, Value> = payload
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "components" | "cmps" | "device" | "dev" | "origin" | "o"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let shared = Keys::read(&shared, base);
    let (mut there, mut refused) = (Vec::new(), Vec::new());
    for (key, one) in listed {
        let Value::Object(one) = one else { return Err(Refusal::NotJson) };
        let platform = one.get("platform").or_else(|| one.get("p")).and_then(Value::as_str);
        let platform = platform.ok_or(Refusal::NoPlatform)?;
        let Some(domain) = DOMAINS.iter().find(|domain| **domain == platform).copied() else { continue };
        // Only its platform: the device says that this component is gone.
        if one.len() == 1 {
            continue;
        }
        let own_base = one.get("~").and_then(Value::as_str).or(base);
        let keys = Keys::read(one, own_base).or(&shared);
        match component(key.clone(), domain, keys, device, key) {
            Ok(component) => there.push(component),
            Err(refusal) => refused.push(refusal),
        }
    }
    Ok(Announcement::There(there, refused))
}

fn component(
    key: String,
    domain: &'static str,
    keys: Keys,
    device: Option<&Map<String, Value>>,
    id: &str,
) -> Result<Component, Refusal> {
    for (_, topic) in keys.topics() {
        let Some(topic) = topic.as_str() else { return Err(Refusal::Name) };
        if !topic.is_empty() && !can_be_published(topic) {
            return Err(Refusal::Wildcard);
        }
    }
    for (_, source) in keys.templates() {
        let Some(source) = source.as_str() else { return Err(Refusal::Template) };
        template::check(source).map_err(|_| Refusal::Template)?;
    }
    let said = keys.topics().any(|(key, topic)| key != "availability_topic" && topic.as_str() != Some(""));
    if !said {
        return Err(Refusal::NoTopic);
    }
    let of_device = |long: &str, short: &str| {
        device.and_then(|device| device.get(long).or_else(|| device.get(short))).and_then(Value::as_str)
    };
    let own = keys.text("name").unwrap_or_default();
    let device_name = of_device("name", "name").unwrap_or_default();
    let full = match (own.trim(), device_name.trim()) {
        ("", "") => keys.text("object_id").unwrap_or_else(|| id.to_owned()),
        ("", device) => {
            let class = keys.text("device_class").filter(|_| !keys.is_null("name"));
            class.map_or_else(|| device.to_owned(), |class| format!("{device} {class}"))
        }
        (own, "") => own.to_owned(),
        // What a Home Assistant of before 2023.8 was told still repeats the device's name.
        (own, device) if own.to_lowercase().starts_with(&device.to_lowercase()) => own.to_owned(),
        (own, device) => format!("{device} {own}"),
    };
    let area = of_device("suggested_area", "sa").map(str::trim).filter(|area| !area.is_empty());
    Ok(Component {
        key,
        domain,
        name: speakable(&full).ok_or(Refusal::Name)?,
        area: area.map(|area| speakable(area).ok_or(Refusal::Name)).transpose()?,
        keys,
    })
}

/// A name as people say it: `kitchen_ceiling-light` is three words.
fn speakable(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(|c: char| matches!(c, '_' | '/') || c.is_whitespace()).collect();
    let name = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let fits =
        !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(topic: &str, payload: Value) -> Component {
        match read(topic, payload.to_string().as_bytes()) {
            Ok(Some(Announcement::There(mut components, _))) if components.len() == 1 => components.remove(0),
            other => panic!("{topic}: {other:?}"),
        }
    }

    #[test]
    fn zigbee2mqtt_tasmota_and_esphome_are_understood() {
        let light = one(
            "homeassistant/light/0x00158d0001/light/config",
            json!({
                "brightness": true, "brightness_scale": 254, "command_topic": "zigbee2mqtt/kitchen_ceiling/set",
                "device": {"identifiers": ["zigbee2mqtt_0x00158d0001"], "name": "kitchen_ceiling",
                           "manufacturer": "IKEA", "via_device": "zigbee2mqtt_bridge_0x1"},
                "name": null, "object_id": "kitchen_ceiling", "origin": {"name": "Zigbee2MQTT"},
                "schema": "json", "state_topic": "zigbee2mqtt/kitchen_ceiling",
                "supported_color_modes": ["color_temp"], "unique_id": "0x00158d0001_light_zigbee2mqtt"
            }),
        );
        assert_eq!((light.domain, light.name.as_str(), light.area), ("light", "kitchen ceiling", None));
        assert_eq!(light.keys.number("brightness_scale"), Some(254.0));

        let plug = one(
            "homeassistant/switch/3C6105_RL_1/config",
            json!({
                "name": "Tasmota Plug", "~": "plug", "cmd_t": "cmnd/~", "stat_t": "~/tele/STATE",
                "val_tpl": "{{value_json.POWER}}", "pl_off": "OFF", "pl_on": "ON", "uniq_id": "3C6105_RL_1",
                "avty_t": "~/tele/LWT", "pl_avail": "Online", "pl_not_avail": "Offline", "dev": {"ids": ["3C6105"]}
            }),
        );
        assert_eq!(plug.name, "Tasmota Plug");
        assert_eq!(plug.keys.text("command_topic").as_deref(), Some("cmnd/plug"));

        let door = one(
            "homeassistant/cover/garage/door/config",
            json!({
                "name": "Door", "cmd_t": "garage/cover/door/command", "stat_t": "garage/cover/door/state",
                "dev": {"ids": "a1", "name": "Garage", "sa": "Garage", "sw": "esphome v2026.1.0"}
            }),
        );
        assert_eq!((door.name.as_str(), door.area.as_deref()), ("Garage Door", Some("Garage")));
    }

    #[test]
    fn a_device_payload_has_many_components() {
        let payload = json!({
            "dev": {"ids": "x", "name": "Bench"}, "o": {"name": "t"}, "~": "bench", "avty_t": "~/up", "qos": 1,
            "cmps": {
                "lamp": {"p": "light", "name": "Lamp", "cmd_t": "~/lamp/set", "unique_id": "1"},
                "gone": {"p": "switch"},
                "trigger": {"p": "device_automation", "topic": "~/t", "type": "a", "subtype": "b"},
                "bad": {"p": "switch", "cmd_t": "~/#", "unique_id": "2"},
            }
        });
        let read = read("homeassistant/device/bench/config", payload.to_string().as_bytes());
        let Ok(Some(Announcement::There(components, refused))) = read else { panic!("{read:?}") };
        assert_eq!(components.len(), 1);
        assert_eq!(components[0].name, "Bench Lamp");
        assert_eq!(components[0].keys.text("availability_topic").as_deref(), Some("bench/up"));
        assert_eq!(refused, [Refusal::Wildcard]);
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_reason() {
        let light = "homeassistant/light/x/config";
        let check = |topic: &str, payload: &str, expect: Result<Option<Announcement>, Refusal>| {
            assert_eq!(read(topic, payload.as_bytes()), expect, "{topic} {payload}");
        };
        check(light, "", Ok(Some(Announcement::Gone)));
        check(light, r#"{"migrate_discovery": true}"#, Ok(Some(Announcement::Gone)));
        check("homeassistant/camera/x/config", "{", Ok(None));
        check("homeassistant/device/sotto_kitchen/config", "{", Ok(None));
        check("homeassistant/light/config", "{}", Err(Refusal::Topic));
        check(light, "{nope", Err(Refusal::NotJson));
        check(light, "[1]", Err(Refusal::NotJson));
        check(light, "{}", Err(Refusal::NoTopic));
        check(light, r#"{"cmd_t": "a/+"}"#, Err(Refusal::Wildcard));
        check(light, r#"{"cmd_t": ["a"]}"#, Err(Refusal::Name));
        check(light, r#"{"cmd_t": "a", "val_tpl": "{{ x"}"#, Err(Refusal::Template));
        check(light, &format!(r#"{{"cmd_t": "a", "name": "{}"}}"#, "x".repeat(121)), Err(Refusal::Name));
        check(light, r#"{"cmd_t": "a", "name": "a\u0000b"}"#, Err(Refusal::Name));
        check(light, &format!("{{\"a\": \"{}\"}}", "x".repeat(LARGEST)), Err(Refusal::TooLarge));
        check("homeassistant/device/x/config", r#"{"components": []}"#, Err(Refusal::NotJson));
        check("homeassistant/device/x/config", r#"{"components": {"a": {}}}"#, Err(Refusal::NoPlatform));
    }

    proptest::proptest! {
        #[test]
        fn no_announcement_makes_it_panic(topic in "homeassistant/(light|device)/.{0,9}/config", bytes: Vec<u8>) {
            let _ = read(&topic, &bytes);
        }
    }
}
