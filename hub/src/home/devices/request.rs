//! What somebody asks of the hub over MQTT: a setting of a satellite, or something to be spoken.

use sotto_house::{Area, SatelliteId};

use super::super::announce::{Announcement, Where};
use super::super::known::fold;
use super::satellite::OWN_WAKE_WORDS;

/// What somebody asked of the hub over MQTT.
#[derive(Clone, PartialEq)]
pub enum Request {
    Mute {
        satellite: SatelliteId,
        muted: bool,
    },
    Volume {
        satellite: SatelliteId,
        percent: u8,
    },
    Sensitivity {
        satellite: SatelliteId,
        percent: u8,
    },
    /// `None`: those of its own configuration.
    WakeWord {
        satellite: SatelliteId,
        word: Option<String>,
    },
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
                    let word = Some(text.to_owned()).filter(|word| word != OWN_WAKE_WORDS);
                    fits.then_some(Request::WakeWord { satellite, word })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::kitchen;
    use super::*;

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
        check(
            &set("wake_word"),
            "alexa",
            Some(Request::WakeWord { satellite: id.clone(), word: Some("alexa".into()) }),
        );
        check(&set("wake_word"), OWN_WAKE_WORDS, Some(Request::WakeWord { satellite: id, word: None }));
        check(&set("wake_word"), "a\nb", None);
        check(&set("state"), "idle", None);
        check("sotto/satellite/Küche/volume/set", "3", None);
        check("sotto/intent/HassTurnOn", "{}", None);
        assert!(matches!(request("sotto/say", b"dinner"), Some(Request::Say(_))));
        assert!(matches!(request("sotto/area/living_room/say", b"dinner"), Some(Request::Say(_))));
        assert_eq!(request("sotto/say", b""), None);
    }
}
