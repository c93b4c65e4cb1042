//! What was asked, as JSON on `sotto/intent/<Intent>`: the one place where a command is spelled for others.
//!
//! Intent and slots go out. The words themselves do so only when the household says so: MQTT is an outside
//! recipient, and what Home Assistant's recorder keeps of them no erasure of ours can reach.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use sotto_house::{Area, SatelliteId, UtteranceId};

/// An intent on its way to whoever carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub intent: String,
    pub payload: Value,
}

impl Command {
    /// `sotto/intent/<Intent>`, or `None` when the intent's name cannot stand in a topic.
    pub(super) fn topic(&self) -> Option<String> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let valid = !self.intent.is_empty() && self.intent.len() <= 200 && self.intent.chars().all(fits);
        valid.then(|| format!("sotto/intent/{}", self.intent))
    }
}

/// A command that was spoken and understood.
#[derive(Clone, PartialEq)]
pub struct Spoken {
    pub utterance: UtteranceId,
    /// `HassTurnOn`, or the name of the household's own.
    pub intent: String,
    /// By name; a string, a number, or whatever the sentence's own `slots:` hold.
    pub slots: Map<String, Value>,
    pub satellite: SatelliteId,
    pub area: Option<Area>,
    /// The name of who spoke, where that is known.
    pub person: Option<String>,
    /// 0 to 1.
    pub confidence: f32,
    /// Two-letter code, as in `en`.
    pub language: String,
    pub spoken_at: Timestamp,
    /// How long after `spoken_at` it may still be carried out.
    pub deadline: Duration,
    /// What was said; `None` unless the household lets words leave.
    pub words: Option<String>,
    /// Who asks has shown who they are, so that what lets somebody in need not be said twice.
    pub vouched: bool,
}

impl std::fmt::Debug for Spoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spoken({}, {}, {} slots)", self.utterance, self.intent, self.slots.len())
    }
}

impl Spoken {
    /// RFC 3339, UTC, to the millisecond: after this nobody may act any more.
    pub fn expires_at(&self) -> Timestamp {
        let deadline = SignedDuration::try_from(self.deadline).unwrap_or(SignedDuration::MAX);
        self.spoken_at.saturating_add(deadline).unwrap_or(Timestamp::MAX)
    }

    pub fn command(&self) -> Command {
        Command { intent: self.intent.clone(), payload: self.payload() }
    }

    pub fn payload(&self) -> Value {
        let mut payload = json!({
            "id": self.utterance.to_string(),
            "intent": self.intent,
            "slots": self.slots,
            "area": self.area.as_ref().map(Area::as_str),
            "satellite": self.satellite.as_str(),
            "person": self.person,
            // Three digits are all that a matcher can mean.
            "confidence": (f64::from(self.confidence) * 1000.0).round() / 1000.0,
            "language": self.language,
            "spoken_at": rfc3339(self.spoken_at),
            "expires_at": rfc3339(self.expires_at()),
            "reply": reply_topic(self.utterance),
        });
        if let Some(words) = &self.words {
            payload["words"] = json!(words);
        }
        payload
    }
}

/// Where whoever carries a command out says what came of it.
pub fn reply_topic(utterance: UtteranceId) -> String {
    format!("sotto/reply/{utterance}")
}

fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn spoken() -> Spoken {
        Spoken {
            utterance: UtteranceId::from_bytes([7; 16]),
            intent: "HassTurnOn".into(),
            slots: Map::from_iter([("name".to_owned(), json!("kitchen light"))]),
            satellite: SatelliteId::new("kitchen").unwrap(),
            area: Some(Area::new("Kitchen").unwrap()),
            person: None,
            confidence: 0.1 + 0.2,
            language: "en".into(),
            spoken_at: "2026-11-24T18:30:00.25Z".parse().unwrap(),
            deadline: Duration::from_secs(5),
            words: None,
            vouched: false,
        }
    }

    #[test]
    fn a_command_says_all_that_it_takes_to_act_and_no_word_more() {
        let id = "07".repeat(16);
        assert_eq!(
            spoken().payload(),
            json!({
                "id": id, "intent": "HassTurnOn", "slots": {"name": "kitchen light"},
                "area": "Kitchen", "satellite": "kitchen", "person": null, "confidence": 0.3, "language": "en",
                "spoken_at": "2026-11-24T18:30:00.250Z", "expires_at": "2026-11-24T18:30:05.250Z",
                "reply": format!("sotto/reply/{id}"),
            })
        );
    }

    #[test]
    fn words_leave_only_when_they_are_given() {
        let said = Spoken { words: Some("turn on the kitchen light".into()), ..spoken() };
        assert_eq!(said.payload()["words"], "turn on the kitchen light");
        assert!(spoken().payload().get("words").is_none());
        assert!(!format!("{said:?}").contains("kitchen light"));
    }

    #[test]
    fn a_deadline_beyond_all_time_is_no_panic() {
        let never = Spoken { deadline: Duration::MAX, ..spoken() };
        assert_eq!(never.expires_at(), Timestamp::MAX);
    }

    #[test]
    fn an_intent_cannot_leave_its_topic() {
        let check = |intent: &str, fits: bool| {
            let command = Command { intent: intent.into(), payload: serde_json::Value::Null };
            assert_eq!(command.topic().is_some(), fits, "{intent}");
        };
        check("HassTurnOn", true);
        check("Bestelle_Kaffee", true);
        check("", false);
        check("a/b", false);
        check("#", false);
        check("+", false);
        check(&"a".repeat(201), false);
    }
}
