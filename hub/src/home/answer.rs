//! What became of a command, and what is said of it.

use serde_json::Value;
use sotto_house::Acted;

use super::phrases::{Language, Phrase};

/// What became of a command, and what to say of it.
#[derive(Clone, PartialEq)]
pub struct Answer {
    pub acted: Acted,
    /// To be spoken at the satellite; `None`: nothing but its sound for done.
    pub speech: Option<String>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({:?}, {} bytes)", self.acted, self.speech.as_deref().map_or(0, str::len))
    }
}

impl Answer {
    pub fn of(acted: Acted, language: Language, phrase: Phrase<'_>) -> Answer {
        Answer { acted, speech: Some(language.say(phrase)) }
    }
}

/// Reads an answer: a text to speak, or an object with `speech` and `outcome` (`done`, `refused`, `not_reached`).
pub fn reply(payload: &[u8]) -> Answer {
    const LONGEST: usize = 1000;
    let text = String::from_utf8_lossy(payload);
    let object = serde_json::from_str::<Value>(&text).ok().filter(Value::is_object);
    let acted = match object.as_ref().and_then(|object| object.get("outcome")).and_then(Value::as_str) {
        Some("refused" | "error") => Acted::Refused,
        Some("not_reached" | "not-reached") => Acted::NotReached,
        _ => Acted::Published,
    };
    let speech = match &object {
        Some(object) => object.get("speech").and_then(Value::as_str).unwrap_or_default(),
        None => &text,
    };
    let speech: String = speech.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    Answer { acted, speech: (!speech.is_empty()).then_some(speech) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_text_or_says_more() {
        let check = |payload: &str, acted: Acted, speech: Option<&str>| {
            assert_eq!(
                reply(payload.as_bytes()),
                Answer { acted, speech: speech.map(str::to_owned) },
                "{payload}"
            );
        };
        check("Done", Acted::Published, Some("Done"));
        check("", Acted::Published, None);
        check(r#"{"outcome": "refused", "speech": "Not now"}"#, Acted::Refused, Some("Not now"));
        check(r#"{"outcome": "not_reached"}"#, Acted::NotReached, None);
        check(r#"{"speech": 7}"#, Acted::Published, None);
        assert_eq!(reply(&[b'x'; 5000]).speech.unwrap().len(), 1000);
    }
}
