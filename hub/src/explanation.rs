//! Why the house did what it did, as a value that the journal keeps: sentence, slots and their origin, what came
//! second, which satellite won; and where nothing was understood, what came nearest.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sotto_house::{Note, Speaker, Stages};
use sotto_intents::{Alternative, Match, Slot, Unsure};

/// The reason of one session, for "why did you do that?". Of several commands in one breath, the first stands for
/// itself and the others are under `then`.
/// `heard_by` is the engine and its model or server: what was said may have been heard on another machine.
pub fn of(understood: &Result<Vec<Match>, Unsure>, notes: &[Note], heard_by: (&str, &str)) -> Value {
    let mut reason = match understood {
        Ok(commands) => {
            let mut commands = commands.iter().map(command);
            let mut first = commands.next().unwrap_or_else(nothing);
            let then: Vec<Value> = commands.map(Value::Object).collect();
            if !then.is_empty() {
                first.insert("then".into(), then.into());
            }
            first
        }
        Err(unsure) => {
            let mut reason = nothing();
            reason.insert("not_understood".into(), unsure.why.to_string().into());
            reason.insert("alternatives".into(), alternatives(&unsure.nearest));
            reason
        }
    };
    reason.insert("notes".into(), notes.iter().map(note).collect());
    reason.insert("heard_by".into(), json!({ "engine": heard_by.0, "model": heard_by.1 }));
    Value::Object(reason)
}

fn command(matched: &Match) -> Map<String, Value> {
    Map::from_iter([
        ("intent".into(), matched.intent.as_str().into()),
        (
            "sentence".into(),
            json!({
                "template": &*matched.sentence.template,
                "file": &*matched.sentence.file,
                "line": matched.sentence.line,
                "confidence": matched.confidence,
                "margin": matched.margin,
                "understood": matched.understood,
            }),
        ),
        ("slots".into(), matched.slots.iter().map(slot).collect()),
        ("alternatives".into(), alternatives(&matched.alternatives)),
    ])
}

fn nothing() -> Map<String, Value> {
    let empty = || Value::Array(Vec::new());
    Map::from_iter([
        ("sentence".into(), Value::Null),
        ("slots".into(), empty()),
        ("alternatives".into(), empty()),
    ])
}

fn alternatives(others: &[Alternative]) -> Value {
    let one = |other: &Alternative| {
        json!({
            "intent": other.intent,
            "sentence": &*other.sentence.template,
            "confidence": other.confidence,
        })
    };
    others.iter().map(one).collect()
}

/// Stage and milliseconds since the trigger, in the order they ran.
pub fn stages(stages: &Stages) -> Vec<(String, u32)> {
    let ms = |time: Duration| time.as_millis().min(u128::from(u32::MAX)) as u32;
    [
        ("ended", stages.ended),
        ("transcribed", stages.transcribed),
        ("understood", stages.understood),
        ("acted", stages.acted),
    ]
    .into_iter()
    .filter_map(|(stage, time)| Some((stage.to_owned(), ms(time?))))
    .collect()
}

fn slot(slot: &Slot) -> Value {
    json!({
        "name": slot.name,
        "value": slot.value.to_json(),
        "origin": format!("{:?}", slot.origin).to_lowercase(),
    })
}

fn note(note: &Note) -> Value {
    match note {
        Note::HeardAlone => json!({ "heard": "alone" }),
        Note::Chosen { reason, over } => json!({
            "chosen": format!("{reason:?}").to_lowercase(),
            "over": over.iter().map(|(satellite, bid)| json!({
                "satellite": satellite.as_str(), "score": bid.score, "level": bid.level,
            })).collect::<Vec<_>>(),
        }),
        Note::CutAtLimit => json!({ "cut": "longest utterance" }),
        Note::TooLate { by } => json!({ "too_late_ms": by.as_millis() as u64 }),
        Note::Unsure { confidence } => json!({ "unsure": confidence }),
        Note::Voice(Speaker::This { certain: true, .. }) => json!({ "voice": "certain" }),
        Note::Voice(Speaker::This { certain: false, .. }) => json!({ "voice": "likely" }),
        Note::Voice(Speaker::Unknown) => json!({ "voice": "unknown" }),
        Note::Voice(Speaker::TooShort) => json!({ "voice": "too short" }),
        Note::Refused(why) => json!({ "refused": format!("{why:?}").to_lowercase() }),
    }
}
