//! The hub as a device: its health, its engine, what waits.

use serde_json::json;

use super::{Standing, config_topic, hub_device, origin};

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

/// Where one hub says whether it is there; its satellites are there only if it is.
pub fn hub_status(id: &str) -> String {
    format!("sotto/hub/{id}/status")
}

/// The hub as a device. `id` is the hub's among others on the same broker; `name` what people call it; `page` the address
/// that its "Visit" leads to.
pub fn hub(id: &str, name: &str, version: &str, page: Option<&str>) -> Standing {
    let device = hub_device(id);
    let unique = |key: &str| format!("{device}_{key}");
    let topic = |what: &str| format!("sotto/hub/{id}/{what}");
    let mut about = json!({"identifiers": [device], "name": name, "manufacturer": "Sotto", "model": "Hub",
                           "sw_version": version});
    if let Some(page) = page {
        about["configuration_url"] = json!(page);
    }
    let payload = json!({
        "device": about,
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
        "qos": 1, "availability": [{"topic": hub_status(id)}],
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
