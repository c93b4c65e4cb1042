//! How a session ended, for automations: an event, and the trigger of its intent.

use serde_json::{Map, Value, json};
use sotto_house::{Area, Outcome, SatelliteId};

use super::at;

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
pub fn event_type(outcome: Outcome) -> Option<&'static str> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::kitchen;
    use super::*;

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
