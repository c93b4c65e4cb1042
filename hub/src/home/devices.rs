//! The hub and each satellite as devices in Home Assistant, and what it asks of them. Pure.
//!
//! The shapes are those that the real Home Assistant 2026.11 was seen to accept without a warning: an origin and
//! a device name in each payload, no key that it does not know, ids of `a–z 0–9 _ -` only. Deliberately absent:
//! the words of an utterance. An event carries intent and slots.

use serde_json::{Map, Value, json};
use sotto_house::{Area, Outcome, SatelliteId};

use super::announce::{Announcement, Where};
use super::connection::STATUS;
use super::discovery::PREFIX;
use super::known::fold;

/// Intents that an automation can take as a device trigger.
pub const TRIGGERS: [&str; 12] = [
    "HassTurnOn",
    "HassTurnOff",
    "HassToggle",
    "HassLightSet",
    "HassSetPosition",
    "HassClimateSetTemperature",
    "HassGetState",
    "HassStartTimer",
    "HassCancelTimer",
    "HassMediaPause",
    "HassMediaUnpause",
    "HassNevermind",
];

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
    pub version: String,
    /// The wake words it can listen for.
    pub wake_words: Vec<String>,
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
    pub wake_word: Option<String>,
    /// Of its network, in dBm.
    pub signal: Option<i32>,
    /// Since the hub began.
    pub false_wakes: Option<u64>,
}

/// How the hub is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HubState {
    /// Nothing is broken.
    pub healthy: Option<bool>,
    /// The speech engine's name.
    pub engine: Option<String>,
    /// Utterances that wait for the engine.
    pub queue: Option<usize>,
    /// Satellites that are connected.
    pub satellites: Option<usize>,
}

/// What became of a session, for whoever automates on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    pub satellite: SatelliteId,
    pub outcome: Outcome,
    /// `None` when nothing was understood.
    pub intent: Option<String>,
    pub slots: Map<String, Value>,
    pub area: Option<Area>,
    pub person: Option<String>,
    pub confidence: f32,
    /// What was said; `None` unless the household lets words leave.
    pub words: Option<String>,
}

/// What somebody asked of the hub over MQTT.
#[derive(Clone, PartialEq)]
pub enum Request {
    Mute { satellite: SatelliteId, muted: bool },
    Volume { satellite: SatelliteId, percent: u8 },
    Sensitivity { satellite: SatelliteId, percent: u8 },
    WakeWord { satellite: SatelliteId, word: String },
    Say(Announcement),
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Request::Mute { satellite, muted } => write!(f, "Mute({satellite}, {muted})"),
            Request::Volume { satellite, percent } => write!(f, "Volume({satellite}, {percent})"),
            Request::Sensitivity { satellite, percent } => write!(f, "Sensitivity({satellite}, {percent})"),
            Request::WakeWord { satellite, .. } => write!(f, "WakeWord({satellite})"),
            Request::Say(announcement) => write!(f, "{announcement:?}"),
        }
    }
}

/// What to subscribe to for [`request`].
pub const REQUESTS: [&str; 4] =
    ["sotto/satellite/+/+/set", "sotto/satellite/+/say", "sotto/area/+/say", "sotto/say"];

/// Reads a message below `sotto/`; `None` when it is no request, or a senseless one.
pub fn request(topic: &str, payload: &[u8]) -> Option<Request> {
    let levels: Vec<&str> = topic.split('/').collect();
    match levels[..] {
        ["sotto", "say"] => Some(Request::Say(Announcement::read(payload, Where::Everywhere)?)),
        ["sotto", "area", area, "say"] => {
            let area = Area::new(&fold(area)).ok()?;
            Some(Request::Say(Announcement::read(payload, Where::Area(area))?))
        }
        ["sotto", "satellite", id, "say"] => {
            let satellite = SatelliteId::new(id).ok()?;
            Some(Request::Say(Announcement::read(payload, Where::Satellite(satellite))?))
        }
        ["sotto", "satellite", id, what, "set"] => {
            let satellite = SatelliteId::new(id).ok()?;
            let text = std::str::from_utf8(payload).ok()?.trim();
            let percent = || {
                let value: f64 = text.parse().ok()?;
                (0.0..=100.0).contains(&value).then(|| value.round() as u8)
            };
            match what {
                "muted" => {
                    let muted = match text {
                        "ON" => true,
                        "OFF" => false,
                        _ => return None,
                    };
                    Some(Request::Mute { satellite, muted })
                }
                "volume" => Some(Request::Volume { satellite, percent: percent()? }),
                "sensitivity" => Some(Request::Sensitivity { satellite, percent: percent()? }),
                "wake_word" => {
                    let fits = !text.is_empty() && text.len() <= 100 && !text.chars().any(char::is_control);
                    fits.then(|| Request::WakeWord { satellite, word: text.to_owned() })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Something that stays on the broker: topic and payload; an empty payload removes it.
pub type Standing = (String, String);

fn at(satellite: &SatelliteId, what: &str) -> String {
    format!("sotto/satellite/{satellite}/{what}")
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
    if !device.wake_words.is_empty() {
        add(
            "wake_word",
            "select",
            json!({
                "name": "Wake word", "state_topic": topic("wake_word"), "command_topic": topic("wake_word/set"),
                "options": device.wake_words, "entity_category": "config", "icon": "mdi:bullhorn",
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
    if device.wake_words.is_empty() {
        components.insert("wake_word".into(), json!({"platform": "select"}));
    }
    let mut about = json!({
        "identifiers": [unique], "name": device.name, "manufacturer": "Sotto", "model": "Satellite",
        "sw_version": device.version, "via_device": hub_device(hub),
    });
    if let Some(area) = &device.area {
        about["suggested_area"] = json!(area.as_str());
    }
    let payload = json!({
        "device": about, "origin": origin(), "components": components, "qos": 1,
        "availability": [{"topic": STATUS}, {"topic": topic("availability")}],
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
        ("wake_word", state.wake_word.clone()),
        ("signal", state.signal.map(|dbm| dbm.to_string())),
        ("false_wakes", state.false_wakes.map(|count| count.to_string())),
    ];
    said.into_iter().filter_map(|(what, payload)| Some((at(id, what), payload?))).collect()
}

/// The hub as a device. `id` is the hub's among others on the same broker; `name` what people call it.
pub fn hub(id: &str, name: &str, version: &str) -> Standing {
    let device = hub_device(id);
    let unique = |key: &str| format!("{device}_{key}");
    let topic = |what: &str| format!("sotto/hub/{id}/{what}");
    let payload = json!({
        "device": {"identifiers": [device], "name": name, "manufacturer": "Sotto", "model": "Hub",
                   "sw_version": version},
        "origin": origin(),
        "components": {
            "health": {"platform": "binary_sensor", "unique_id": unique("health"), "name": "Health",
                       "device_class": "problem", "state_topic": topic("problem"),
                       "entity_category": "diagnostic"},
            "engine": {"platform": "sensor", "unique_id": unique("engine"), "name": "Speech engine",
                       "state_topic": topic("engine"), "entity_category": "diagnostic",
                       "icon": "mdi:text-to-speech"},
            "queue": {"platform": "sensor", "unique_id": unique("queue"), "name": "Queue",
                      "state_topic": topic("queue"), "state_class": "measurement",
                      "entity_category": "diagnostic", "icon": "mdi:tray-full"},
            "satellites": {"platform": "sensor", "unique_id": unique("satellites"),
                           "name": "Satellites connected", "state_topic": topic("satellites"),
                           "state_class": "measurement", "icon": "mdi:access-point"},
            "announce": {"platform": "notify", "unique_id": unique("announce"), "name": "Announce everywhere",
                         "command_topic": "sotto/say"},
        },
        "qos": 1, "availability": [{"topic": STATUS}],
    });
    (config_topic(&device), payload.to_string())
}

pub fn hub_state(id: &str, state: &HubState) -> Vec<Standing> {
    let said = [
        ("problem", state.healthy.map(|healthy| if healthy { "OFF" } else { "ON" }.to_owned())),
        ("engine", state.engine.clone()),
        ("queue", state.queue.map(|waiting| waiting.to_string())),
        ("satellites", state.satellites.map(|connected| connected.to_string())),
    ];
    said.into_iter()
        .filter_map(|(what, payload)| Some((format!("sotto/hub/{id}/{what}"), payload?)))
        .collect()
}

/// The messages, not retained, that tell automations of a session: the event, and the trigger of its intent.
pub fn heard(heard: &Heard) -> Vec<(String, String)> {
    let Some(event_type) = event_type(heard.outcome) else { return Vec::new() };
    let mut event = json!({
        "event_type": event_type,
        "intent": heard.intent,
        "slots": heard.slots,
        "area": heard.area.as_ref().map(Area::as_str),
        "person": heard.person,
        "confidence": (f64::from(heard.confidence) * 1000.0).round() / 1000.0,
    });
    if let Some(words) = &heard.words {
        event["words"] = json!(words);
    }
    let mut messages = vec![(at(&heard.satellite, "event"), event.to_string())];
    if let (Outcome::Done, Some(intent)) = (heard.outcome, &heard.intent) {
        messages.push((at(&heard.satellite, "trigger"), intent.clone()));
    }
    messages
}

/// The event type of an outcome that a person would call a command; nothing is told of the others.
fn event_type(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Done => Some("done"),
        Outcome::NotUnderstood => Some("not_understood"),
        Outcome::Refused => Some("refused"),
        Outcome::NotReached => Some("not_reached"),
        Outcome::Interrupted => Some("interrupted"),
        Outcome::NotHeard => Some("not_heard"),
        Outcome::FalseWake | Outcome::NothingSaid | Outcome::AnsweredElsewhere => None,
    }
}

fn hub_device(id: &str) -> String {
    format!("sotto-{id}")
}

fn config_topic(device: &str) -> String {
    format!("{PREFIX}/device/{device}/config")
}

fn origin() -> Value {
    json!({"name": "Sotto", "sw_version": env!("CARGO_PKG_VERSION")})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kitchen() -> SatelliteDevice {
        SatelliteDevice {
            id: SatelliteId::new("kitchen-1").unwrap(),
            name: "Kitchen satellite".into(),
            area: Area::new("Kitchen").ok(),
            version: "0.1.0".into(),
            wake_words: vec!["okay_nabu".into()],
        }
    }

    #[test]
    fn a_device_payload_holds_to_what_home_assistant_accepts() {
        let bare = SatelliteDevice { area: None, wake_words: Vec::new(), ..kitchen() };
        for (topic, payload) in
            [satellite("home", &kitchen()), satellite("home", &bare), hub("home", "Sotto", "0.1.0")]
        {
            let id = topic.strip_prefix("homeassistant/device/").unwrap().strip_suffix("/config").unwrap();
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{id}");
            let payload: Value = serde_json::from_str(&payload).unwrap();
            let known = ["device", "origin", "components", "qos", "availability", "availability_mode"];
            assert!(payload.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())));
            assert!(payload["origin"]["name"].is_string());
            assert!(payload["device"]["name"].is_string() && payload["device"]["identifiers"].is_array());
            for (key, component) in payload["components"].as_object().unwrap() {
                let platform = component["platform"].as_str().expect(key);
                let removed = component.as_object().unwrap().len() == 1;
                let trigger = platform == "device_automation";
                assert!(removed || trigger || component["unique_id"].is_string(), "{key}");
                assert!(platform != "sensor" || component["entity_category"] != "config", "{key}");
            }
        }
    }

    #[test]
    fn everything_that_stands_for_a_satellite_can_be_taken_back() {
        let all = SatelliteState {
            online: Some(true),
            activity: Some(Activity::Listening),
            muted: Some(false),
            volume: Some(80),
            sensitivity: Some(50),
            wake_word: Some("okay_nabu".into()),
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

    #[test]
    fn requests_are_read_or_refused() {
        let id = kitchen().id;
        let check = |topic: &str, payload: &str, expect: Option<Request>| {
            assert_eq!(request(topic, payload.as_bytes()), expect, "{topic} {payload}");
        };
        let set = |what: &str| format!("sotto/satellite/kitchen-1/{what}/set");
        check(&set("muted"), "ON", Some(Request::Mute { satellite: id.clone(), muted: true }));
        check(&set("muted"), "maybe", None);
        check(&set("volume"), "35.0", Some(Request::Volume { satellite: id.clone(), percent: 35 }));
        check(&set("volume"), "101", None);
        check(&set("volume"), "NaN", None);
        check(&set("sensitivity"), "50", Some(Request::Sensitivity { satellite: id.clone(), percent: 50 }));
        check(&set("wake_word"), "alexa", Some(Request::WakeWord { satellite: id, word: "alexa".into() }));
        check(&set("wake_word"), "a\nb", None);
        check(&set("state"), "idle", None);
        check("sotto/satellite/Küche/volume/set", "3", None);
        check("sotto/intent/HassTurnOn", "{}", None);
        assert!(matches!(request("sotto/say", b"dinner"), Some(Request::Say(_))));
        assert!(matches!(request("sotto/area/living_room/say", b"dinner"), Some(Request::Say(_))));
        assert_eq!(request("sotto/say", b""), None);
    }

    #[test]
    fn an_event_carries_the_intent_and_no_words() {
        let mut said = Heard {
            satellite: kitchen().id,
            outcome: Outcome::Done,
            intent: Some("HassTurnOn".into()),
            slots: Map::from_iter([("name".to_owned(), json!("lamp"))]),
            area: None,
            person: Some("Anna".into()),
            confidence: 0.9,
            words: None,
        };
        let messages = heard(&said);
        assert_eq!(
            messages[0].1,
            concat!(
                r#"{"area":null,"confidence":0.9,"event_type":"done","intent":"HassTurnOn","person":"Anna","#,
                r#""slots":{"name":"lamp"}}"#
            )
        );
        assert_eq!(messages[1], ("sotto/satellite/kitchen-1/trigger".into(), "HassTurnOn".into()));
        said.outcome = Outcome::FalseWake;
        assert!(heard(&said).is_empty());
    }
}
