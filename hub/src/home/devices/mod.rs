//! The hub and each satellite as devices in Home Assistant, and what it asks of them. Pure.
//!
//! The shapes are those that the real Home Assistant 2026.11 was seen to accept without a warning: an origin and
//! a device name in each payload, no key that it does not know, ids of `a–z 0–9 _ -` only. Deliberately absent:
//! the words of an utterance. An event carries intent and slots.

mod heard;
mod hub;
mod request;
mod satellite;

pub use heard::{Heard, heard};
pub use hub::{HubState, hub, hub_state, hub_status};
pub use request::{REQUESTS, Request, request};
pub use satellite::{
    Activity, SatelliteDevice, SatelliteState, satellite, satellite_state, without_satellite,
};
use serde_json::{Value, json};
use sotto_house::SatelliteId;

use super::discovery::PREFIX;

/// Something that stays on the broker: topic and payload; an empty payload removes it.
pub type Standing = (String, String);

fn at(satellite: &SatelliteId, what: &str) -> String {
    format!("sotto/satellite/{satellite}/{what}")
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
pub(super) mod tests {
    use super::*;
    use sotto_house::Area;

    pub fn kitchen() -> SatelliteDevice {
        SatelliteDevice {
            id: SatelliteId::new("kitchen-1").unwrap(),
            name: "Kitchen satellite".into(),
            area: Area::new("Kitchen").ok(),
            version: "0.1.0".into(),
            wake_words: Some(vec!["okay_nabu".into()]),
        }
    }

    #[test]
    fn a_device_payload_holds_to_what_home_assistant_accepts() {
        let bare = SatelliteDevice { area: None, wake_words: Some(Vec::new()), ..kitchen() };
        let unknown = SatelliteDevice { version: String::new(), wake_words: None, ..kitchen() };
        let satellites = [kitchen(), bare, unknown].map(|device| satellite("home", &device));
        for (topic, payload) in
            satellites.into_iter().chain([hub("home", "Sotto", "0.1.0", Some("https://sotto.local:8443"))])
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
}
