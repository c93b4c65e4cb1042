//! A satellite as a device: what Home Assistant discovers of it, and how it is.

use serde_json::{Map, Value, json};
use sotto_house::{Area, Outcome, SatelliteId};

use super::heard::{TRIGGERS, event_type};
use super::{Standing, at, config_topic, hub_device, hub_status, origin};

/// The choice that leaves it to the satellite's own configuration.
pub const OWN_WAKE_WORDS: &str = "as configured there";

/// What a satellite is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activity {
    #[default]
    Idle,
    Listening,
    Thinking,
    Speaking,
}

impl Activity {
    const ALL: [Activity; 4] = [Activity::Idle, Activity::Listening, Activity::Thinking, Activity::Speaking];

    fn as_str(self) -> &'static str {
        match self {
            Activity::Idle => "idle",
            Activity::Listening => "listening",
            Activity::Thinking => "thinking",
            Activity::Speaking => "speaking",
        }
    }
}

/// A paired satellite, as it stands in the house.
#[derive(Debug, Clone, PartialEq)]
pub struct SatelliteDevice {
    pub id: SatelliteId,
    /// What people call it; shown as the device's name.
    pub name: String,
    pub area: Option<Area>,
    /// Empty while that is not known.
    pub version: String,
    /// The wake words it has models of; `None` while that is not known, and then what was said before stands.
    pub wake_words: Option<Vec<String>>,
}

/// How a satellite is; `None` leaves what was said before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SatelliteState {
    pub online: Option<bool>,
    pub activity: Option<Activity>,
    pub muted: Option<bool>,
    /// Per cent.
    pub volume: Option<u8>,
    /// Per cent; 50 is the model's own.
    pub sensitivity: Option<u8>,
    /// The one that was chosen; `None` inside: those of its own configuration.
    pub wake_word: Option<Option<String>>,
    /// Of its network, in dBm.
    pub signal: Option<i32>,
    /// Since the hub began.
    pub false_wakes: Option<u64>,
}

/// The device itself: what Home Assistant discovers.
pub fn satellite(hub: &str, device: &SatelliteDevice) -> Standing {
    let id = &device.id;
    let unique = format!("sotto_{id}");
    let topic = |what: &str| at(id, what);
    let mut components = Map::new();
    let mut add = |key: &str, platform: &str, mut component: Value| {
        component["platform"] = json!(platform);
        component["unique_id"] = json!(format!("{unique}_{key}"));
        components.insert(key.to_owned(), component);
    };
    let types: Vec<&str> = Outcome::ALL.iter().filter_map(|outcome| event_type(*outcome)).collect();
    add(
        "command",
        "event",
        json!({
            "name": "Command", "state_topic": topic("event"), "event_types": types, "icon": "mdi:account-voice",
        }),
    );
    add(
        "listening",
        "binary_sensor",
        json!({
            "name": "Listening", "state_topic": topic("listening"), "icon": "mdi:ear-hearing",
        }),
    );
    add(
        "muted",
        "switch",
        json!({
            "name": "Mute", "state_topic": topic("muted"), "command_topic": topic("muted/set"),
            "icon": "mdi:microphone-off",
        }),
    );
    for (key, name, icon) in
        [("volume", "Volume", "mdi:volume-high"), ("sensitivity", "Wake sensitivity", "mdi:tune")]
    {
        add(
            key,
            "number",
            json!({
                "name": name, "state_topic": topic(key), "command_topic": topic(&format!("{key}/set")),
                "min": 0, "max": 100, "step": 1, "mode": "slider", "unit_of_measurement": "%", "icon": icon,
                "entity_category": "config",
            }),
        );
    }
    if let Some(words) = device.wake_words.as_ref().filter(|words| !words.is_empty()) {
        let options = [&[OWN_WAKE_WORDS.to_owned()], &words[..]].concat();
        add(
            "wake_word",
            "select",
            json!({
                "name": "Wake word", "state_topic": topic("wake_word"), "command_topic": topic("wake_word/set"),
                "options": options, "entity_category": "config", "icon": "mdi:bullhorn",
            }),
        );
    }
    add("announce", "notify", json!({"name": "Announce", "command_topic": topic("say")}));
    add("say", "text", json!({"name": "Say", "command_topic": topic("say"), "icon": "mdi:message-text"}));
    let states: Vec<&str> = Activity::ALL.iter().map(|activity| activity.as_str()).collect();
    add(
        "state",
        "sensor",
        json!({
            "name": "State", "state_topic": topic("state"), "device_class": "enum", "options": states,
        }),
    );
    add(
        "signal",
        "sensor",
        json!({
            "name": "Signal", "state_topic": topic("signal"), "device_class": "signal_strength",
            "unit_of_measurement": "dBm", "state_class": "measurement", "entity_category": "diagnostic",
        }),
    );
    add(
        "false_wakes",
        "sensor",
        json!({
            "name": "False wakes", "state_topic": topic("false_wakes"), "state_class": "total_increasing",
            "entity_category": "diagnostic", "icon": "mdi:alarm-off",
        }),
    );
    for intent in TRIGGERS {
        components.insert(
            format!("trigger_{intent}"),
            json!({
                "platform": "device_automation", "automation_type": "trigger", "type": "command",
                "subtype": intent, "topic": topic("trigger"), "payload": intent,
            }),
        );
    }
    // A component that is only left out would stay.
    if device.wake_words.as_ref().is_some_and(Vec::is_empty) {
        components.insert("wake_word".into(), json!({"platform": "select"}));
    }
    let mut about = json!({
        "identifiers": [unique], "name": device.name, "manufacturer": "Sotto", "model": "Satellite",
        "via_device": hub_device(hub),
    });
    if !device.version.is_empty() {
        about["sw_version"] = json!(device.version);
    }
    if let Some(area) = &device.area {
        about["suggested_area"] = json!(area.as_str());
    }
    let payload = json!({
        "device": about, "origin": origin(), "components": components, "qos": 1,
        "availability": [{"topic": hub_status(hub)}, {"topic": topic("availability")}],
        "availability_mode": "all",
    });
    (config_topic(&format!("sotto_{id}")), payload.to_string())
}

/// Everything that must go from the broker when a satellite is revoked.
pub fn without_satellite(id: &SatelliteId) -> Vec<Standing> {
    let states = [
        "availability",
        "listening",
        "muted",
        "volume",
        "sensitivity",
        "wake_word",
        "state",
        "signal",
        "false_wakes",
    ];
    let config = config_topic(&format!("sotto_{id}"));
    let topics = std::iter::once(config).chain(states.iter().map(|what| at(id, what)));
    topics.map(|topic| (topic, String::new())).collect()
}

pub fn satellite_state(id: &SatelliteId, state: &SatelliteState) -> Vec<Standing> {
    let on_off = |on: bool| if on { "ON" } else { "OFF" }.to_owned();
    let listening = state.activity.map(|activity| on_off(activity == Activity::Listening));
    let said = [
        ("availability", state.online.map(|online| if online { "online" } else { "offline" }.to_owned())),
        ("listening", listening),
        ("state", state.activity.map(|activity| activity.as_str().to_owned())),
        ("muted", state.muted.map(on_off)),
        ("volume", state.volume.map(|percent| percent.min(100).to_string())),
        ("sensitivity", state.sensitivity.map(|percent| percent.min(100).to_string())),
        ("wake_word", state.wake_word.clone().map(|word| word.unwrap_or_else(|| OWN_WAKE_WORDS.to_owned()))),
        ("signal", state.signal.map(|dbm| dbm.to_string())),
        ("false_wakes", state.false_wakes.map(|count| count.to_string())),
    ];
    said.into_iter().filter_map(|(what, payload)| Some((at(id, what), payload?))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::kitchen;
    use super::*;

    #[test]
    fn everything_that_stands_for_a_satellite_can_be_taken_back() {
        let all = SatelliteState {
            online: Some(true),
            activity: Some(Activity::Listening),
            muted: Some(false),
            volume: Some(80),
            sensitivity: Some(50),
            wake_word: Some(Some("okay_nabu".into())),
            signal: Some(-61),
            false_wakes: Some(3),
        };
        let said = satellite_state(&kitchen().id, &all);
        let removed: Vec<String> = without_satellite(&kitchen().id).into_iter().map(|(t, _)| t).collect();
        for (topic, _) in said.iter().chain([&satellite("h", &kitchen())]) {
            assert!(removed.contains(topic), "{topic} would stay");
        }
        assert!(said.contains(&("sotto/satellite/kitchen-1/listening".into(), "ON".into())));
        assert!(satellite_state(&kitchen().id, &SatelliteState::default()).is_empty());
    }
}
