//! The household's own actions: what an intent publishes besides `sotto/intent/…`, as written in its file.
//!
//! Everything is checked when it is loaded; a template can then still fail on what was said, and that is told.

use std::time::Duration;

use minijinja::value::{Serde, Value};
use rumqttc::mqttbytes::QoS;

use super::connection::Once;
use super::discovery::can_be_published;
use super::payload::Spoken;
use super::template;
use crate::config::ActionEntry;

/// One intent's action, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnAction {
    intent: String,
    topic: String,
    payload: String,
    retain: bool,
    qos: QoS,
    /// Where, and for how long, an answer is awaited.
    pub reply: Option<(String, Duration)>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnActions(Vec<OwnAction>);

impl OwnActions {
    /// Checks what the household wrote; the error names the intent and what to mend.
    pub fn load(entries: &[ActionEntry]) -> Result<OwnActions, String> {
        let mut actions = Vec::new();
        for entry in entries {
            let wrong = |what: &str, why: String| format!("action for {}: {what}: {why}", entry.intent);
            if entry.intent.trim().is_empty() {
                return Err("an action names no intent; give it one".into());
            }
            if actions.iter().any(|own: &OwnAction| own.intent == entry.intent) {
                return Err(wrong("intent", "it has an action already; keep one of them".into()));
            }
            if !is_template(&entry.topic) && !can_be_published(&entry.topic) {
                let why = "give a topic without + and #, of at most 512 bytes";
                return Err(wrong("topic", why.into()));
            }
            template::check(&entry.topic).map_err(|error| wrong("topic", error.to_string()))?;
            template::check(&entry.payload).map_err(|error| wrong("payload", error.to_string()))?;
            let qos = match entry.qos {
                0 => QoS::AtMostOnce,
                1 => QoS::AtLeastOnce,
                2 => QoS::ExactlyOnce,
                _ => return Err(wrong("qos", "give 0, 1 or 2".into())),
            };
            let reply = match entry.reply.as_str() {
                "" => None,
                topic if !can_be_published(topic) => {
                    return Err(wrong("reply", "give a topic without + and #".into()));
                }
                topic => {
                    let within = entry.reply_within;
                    if !(0.1..=60.0).contains(&within) {
                        return Err(wrong("reply_within", "give seconds between 0.1 and 60".into()));
                    }
                    Some((topic.to_owned(), Duration::from_secs_f64(within)))
                }
            };
            actions.push(OwnAction {
                intent: entry.intent.clone(),
                topic: entry.topic.clone(),
                payload: entry.payload.clone(),
                retain: entry.retain,
                qos,
                reply,
            });
        }
        Ok(OwnActions(actions))
    }

    /// The actions that stand next to sentences. One that is wrong is left out and named.
    pub fn beside_sentences<'a>(
        actions: impl Iterator<Item = (&'a str, &'a sotto_intents::Action)>,
    ) -> (OwnActions, Vec<String>) {
        let (mut own, mut wrong) = (OwnActions::default(), Vec::new());
        for (intent, action) in actions {
            let entry = ActionEntry {
                intent: intent.to_owned(),
                topic: action.topic.clone(),
                payload: action.payload.clone(),
                retain: action.retain,
                qos: 1,
                reply: String::new(),
                reply_within: 3.0,
            };
            match OwnActions::load(&[entry]) {
                Ok(one) => own.0.extend(one.0),
                Err(error) => wrong.push(error),
            }
        }
        (own, wrong)
    }

    pub fn find(&self, intent: &str) -> Option<&OwnAction> {
        self.0.iter().find(|own| own.intent == intent)
    }

    /// Where answers are awaited.
    pub fn reply_topics(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|own| Some(own.reply.as_ref()?.0.as_str()))
    }
}

impl OwnAction {
    /// What is published for `spoken`; `None` when a template cannot be rendered, or makes no topic.
    pub fn message(&self, spoken: &Spoken) -> Option<Once> {
        let context = Value::from(Serde(spoken.payload()));
        let topic = match is_template(&self.topic) {
            true => template::render(&self.topic, context.clone()).ok()?.trim().to_owned(),
            false => self.topic.clone(),
        };
        let payload = template::render(&self.payload, context).ok()?;
        let message = Once::new(topic, payload);
        can_be_published(&message.topic).then(|| Once {
            qos: self.qos,
            retain: self.retain,
            reply: self.reply.as_ref().map(|(topic, _)| topic.clone()),
            ..message
        })
    }
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::payload::tests::spoken;

    fn entry(change: impl FnOnce(&mut ActionEntry)) -> Vec<ActionEntry> {
        let mut entry = ActionEntry {
            intent: "OrderCoffee".into(),
            topic: "coffee/{{ slots.name | replace(' ', '_') }}".into(),
            payload: r#"{"who": "{{ person | default('anyone', true) }}"}"#.into(),
            retain: false,
            qos: 2,
            reply: "coffee/said".into(),
            reply_within: 3.0,
        };
        change(&mut entry);
        vec![entry]
    }

    #[test]
    fn an_action_is_rendered_from_what_was_said() {
        let actions = OwnActions::load(&entry(|_| {})).unwrap();
        let message = actions.find("OrderCoffee").unwrap().message(&spoken()).unwrap();
        assert_eq!(message.topic, "coffee/kitchen_light");
        assert_eq!(message.payload, r#"{"who": "anyone"}"#);
        assert_eq!((message.qos, message.retain), (QoS::ExactlyOnce, false));
        assert_eq!(actions.reply_topics().collect::<Vec<_>>(), ["coffee/said"]);
        assert!(actions.find("HassTurnOn").is_none());
    }

    #[test]
    fn what_was_said_cannot_leave_its_topic() {
        let actions = OwnActions::load(&entry(|own| own.topic = "{{ slots.name }}".into())).unwrap();
        let mut said = spoken();
        for name in ["#", "a/+", ""] {
            said.slots.insert("name".into(), name.into());
            assert!(actions.find("OrderCoffee").unwrap().message(&said).is_none(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_when_it_is_loaded() {
        let check = |change: fn(&mut ActionEntry), expect: &str| {
            let error = OwnActions::load(&entry(change)).unwrap_err();
            assert!(error.contains(expect), "{error}");
        };
        check(|own| own.topic = "a/#".into(), "OrderCoffee: topic");
        check(|own| own.topic.clear(), "topic");
        check(|own| own.topic = "{{ x".into(), "does not parse");
        check(|own| own.payload = "{% if %}".into(), "payload: the template does not parse");
        check(|own| own.qos = 3, "0, 1 or 2");
        check(|own| own.reply = "+".into(), "reply");
        check(|own| own.reply_within = 0.0, "between 0.1 and 60");
        check(|own| own.intent = " ".into(), "names no intent");
        let twice: Vec<ActionEntry> = entry(|_| {}).into_iter().chain(entry(|_| {})).collect();
        assert!(OwnActions::load(&twice).unwrap_err().contains("already"));
    }
}
