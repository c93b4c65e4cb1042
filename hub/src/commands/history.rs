//! `history`: what was recorded, as its owner reads it: signed in, and on the access record.

use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sotto_journal::{Entry, Filter, Journal, Options, Purpose};

use super::{Place, passphrase};

#[derive(clap::Args)]
pub struct Args {
    /// Whose history: the name to sign in with
    #[arg(long, value_name = "NAME")]
    person: String,
    #[command(flatten)]
    passphrase: passphrase::From,
    /// How many recordings, newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let journal = Journal::visit(&place.journal()?, Options::default(), now)?;
    let passphrase = args.passphrase.ask(&format!("Passphrase of {}", args.person))?;
    let person = journal.sign_in(&args.person, &passphrase, now)?;
    let limit = usize::from(args.limit);
    let page = journal
        .history(&person, &Filter::default(), None, limit, Purpose::Recall, now)
        .context("the history cannot be read")?;
    if place.json {
        let entries: Vec<Value> = page.entries.iter().map(facts).collect();
        println!("{}", json!({ "entries": entries, "more": page.next.is_some() }));
    } else {
        for entry in &page.entries {
            let words = entry.words.as_ref();
            let transcript =
                words.and_then(|words| words.transcript.as_ref()).map_or("–", |text| text.as_str());
            let area = entry.area.as_ref().map_or("–", |area| area.as_str());
            println!("{:.0}  {area:<14} {:<16} {transcript}", entry.at, format!("{:?}", entry.outcome));
        }
        if page.entries.is_empty() {
            println!("nothing was recorded");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn facts(entry: &Entry) -> Value {
    let words = entry.words.as_ref();
    let pairs = |pairs: Vec<(String, Value)>| Value::Object(pairs.into_iter().collect::<Map<_, _>>());
    json!({
        "recording": entry.recording.to_string(),
        "at": entry.at.to_string(),
        "area": entry.area.as_ref().map(|area| area.as_str()),
        "satellite": entry.satellite.as_str(),
        "outcome": format!("{:?}", entry.outcome),
        "seconds": entry.length.as_secs_f64(),
        "transcript": words.and_then(|words| words.transcript.as_ref()).map(|text| text.as_str()),
        "intent": words.and_then(|words| words.intent.as_deref()),
        "slots": words.map(|words| pairs(
            words.slots.iter().map(|(slot, value)| (slot.clone(), json!(value.as_str()))).collect(),
        )),
        "explanation": words.and_then(|words| words.explanation.as_ref())
            .and_then(|text| serde_json::from_str::<Value>(text).ok()),
        "stages_ms": words.map(|words| pairs(
            words.stages.iter().map(|(stage, ms)| (stage.clone(), json!(ms))).collect(),
        )),
    })
}
