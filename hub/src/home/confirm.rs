//! What a passer-by must not do by one word through a window: such a command wants to be said twice.
//!
//! Pure; time is an argument. The same command from the same satellite within half a minute confirms the first.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sotto_house::SatelliteId;

use super::entity::Entity;

/// How long a first saying waits for its second.
const WAIT: Duration = Duration::from_secs(30);

/// The commands that were said once.
#[derive(Debug, Default)]
pub struct Confirmations(Vec<(Instant, SatelliteId, String, Map<String, Value>)>);

impl Confirmations {
    /// Whether this is the second saying. Otherwise it is remembered as the first.
    pub fn is_second(
        &mut self,
        now: Instant,
        satellite: &SatelliteId,
        intent: &str,
        slots: &Map<String, Value>,
    ) -> bool {
        self.0.retain(|(when, ..)| now.saturating_duration_since(*when) < WAIT);
        let same = |(_, s, i, sl): &(Instant, SatelliteId, String, Map<String, Value>)| {
            s == satellite && i == intent && sl == slots
        };
        if let Some(at) = self.0.iter().position(same) {
            self.0.remove(at);
            return true;
        }
        // More than a few at once is nobody's household.
        if self.0.len() >= 32 {
            self.0.remove(0);
        }
        self.0.push((now, satellite.clone(), intent.to_owned(), slots.clone()));
        false
    }
}

/// Whether `intent` lets somebody in: it unlocks, or opens a garage door or a gate.
pub fn lets_in(intent: &str, slots: &Map<String, Value>, things: &[Entity]) -> bool {
    let opens = matches!(intent, "HassTurnOn" | "HassOpenCover" | "HassToggle" | "HassSetPosition");
    let unlocks = matches!(intent, "HassTurnOff" | "HassToggle" | "HassUnlock");
    let gate = |class: Option<&str>| matches!(class, Some("garage" | "garage_door" | "gate" | "door"));
    let says = |key: &str, word: &str| slots.get(key).and_then(Value::as_str) == Some(word);
    let told = things.iter().any(|thing| match thing.domain.as_str() {
        "lock" => unlocks,
        "cover" => opens && gate(thing.device_class.as_deref()),
        _ => false,
    });
    told || (unlocks && says("domain", "lock"))
        || (opens
            && ["garage", "garage_door", "gate", "door"].iter().any(|class| says("device_class", class)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::known::KnownHome;
    use serde_json::json;

    #[test]
    fn the_same_command_from_the_same_place_soon_confirms() {
        let mut said = Confirmations::default();
        let (here, there) = (SatelliteId::new("hall").unwrap(), SatelliteId::new("yard").unwrap());
        let slots = Map::from_iter([("name".to_owned(), json!("front door"))]);
        let start = Instant::now();
        let mut say = |after: u64, from: &SatelliteId, intent: &str| {
            said.is_second(start + Duration::from_secs(after), from, intent, &slots)
        };
        assert!(!say(0, &here, "HassTurnOff"));
        assert!(!say(5, &there, "HassTurnOff"), "another satellite");
        assert!(!say(6, &here, "HassTurnOn"), "another command");
        assert!(say(10, &here, "HassTurnOff"));
        assert!(!say(11, &here, "HassTurnOff"), "it is spent");
        assert!(!say(50, &here, "HassTurnOff"), "too late");
    }

    #[test]
    fn only_what_lets_somebody_in_wants_it() {
        let check = |domain: &str, class: &str, intent: &str, expect: bool| {
            let mut known = KnownHome::default();
            let config = json!({"name": "x", "cmd_t": "c", "dev_cla": class}).to_string();
            known.announced(&format!("homeassistant/{domain}/x/config"), config.as_bytes());
            assert_eq!(lets_in(intent, &Map::new(), &known.things()), expect, "{domain} {class} {intent}");
        };
        check("lock", "", "HassTurnOff", true);
        check("lock", "", "HassTurnOn", false);
        check("cover", "garage", "HassTurnOn", true);
        check("cover", "garage", "HassTurnOff", false);
        check("cover", "blind", "HassTurnOn", false);
        check("light", "", "HassTurnOff", false);
    }
}
