//! Why the house did what it did, as a value that the journal keeps: sentence, slots and their origin, what came
//! second, which satellite won.

use std::time::Duration;

use serde_json::{Value, json};
use sotto_house::{Note, Stages};
use sotto_intents::{Match, Slot};

/// The reason of one session, for "why did you do that?".
pub fn of(matched: Option<&Match>, notes: &[Note]) -> Value {
    json!({
        "sentence": matched.map(|matched| json!({
            "template": &*matched.sentence.template,
            "file": &*matched.sentence.file,
            "line": matched.sentence.line,
            "confidence": matched.confidence,
            "margin": matched.margin,
            "understood": matched.understood,
        })),
        "slots": matched.iter().flat_map(|matched| &matched.slots).map(slot).collect::<Vec<_>>(),
        "alternatives": matched.iter().flat_map(|matched| &matched.alternatives).map(|other| json!({
            "intent": other.intent,
            "sentence": &*other.sentence.template,
            "confidence": other.confidence,
        })).collect::<Vec<_>>(),
        "notes": notes.iter().map(note).collect::<Vec<_>>(),
    })
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
    }
}
