//! `history`: what was recorded, as its owner reads it: signed in, and on the access record.

use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use jiff::tz::TimeZone;
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
    /// Only what will be erased by itself before tomorrow morning (6 o'clock), with the time it goes
    #[arg(long)]
    tonight: bool,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let journal = Journal::visit(&place.journal()?, Options::default(), now)?;
    let passphrase = args.passphrase.ask(&format!("Passphrase of {}", args.person))?;
    let person = journal.sign_in(&args.person, &passphrase, now)?;
    let limit = usize::from(args.limit);
    let morning = if args.tonight { Some(next_morning(now, TimeZone::system())?) } else { None };
    let filter = Filter { expires_before: morning, ..Filter::default() };
    let page = journal
        .history(&person, &filter, None, limit, Purpose::Recall, now)
        .context("the history cannot be read")?;
    let going = morning.map(|morning| journal.expiring(&person, morning)).transpose()?;
    if place.json {
        let entries: Vec<Value> = page.entries.iter().map(facts).collect();
        let mut facts = json!({ "entries": entries, "more": page.next.is_some() });
        if let (Some(morning), Some(going)) = (morning, going) {
            facts["going"] =
                json!({ "before": morning.to_string(), "own": going.mine, "house": going.house });
        }
        println!("{facts}");
    } else {
        if let (Some(morning), Some(going)) = (morning, going) {
            println!(
                "before {morning:.0} {} of yours and {} of the house's are erased by themselves",
                going.mine, going.house
            );
        }
        for entry in &page.entries {
            let words = entry.words.as_ref();
            let transcript =
                words.and_then(|words| words.transcript.as_ref()).map_or("–", |text| text.as_str());
            let area = entry.area.as_ref().map_or("–", |area| area.as_str());
            let goes = match entry.expires.filter(|_| args.tonight) {
                Some(at) => format!("goes {at:.0}  "),
                None => String::new(),
            };
            let outcome = format!("{:?}", entry.outcome);
            println!("{:.0}  {goes}{area:<14} {outcome:<16} {transcript}", entry.at);
        }
        if page.entries.is_empty() && !args.tonight {
            println!("nothing was recorded");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The end of the coming night, as the clocks of the house show it.
fn next_morning(now: Timestamp, zone: TimeZone) -> anyhow::Result<Timestamp> {
    let today = now.to_zoned_datetime(zone.clone()).date();
    for day in [today, today.tomorrow()?] {
        let morning = zone.to_zoned_datetime(day.at(6, 0, 0, 0))?.timestamp();
        if now < morning {
            return Ok(morning);
        }
    }
    anyhow::bail!("the clock of this machine is beyond what a calendar holds; set it")
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
        "goes": entry.expires.map(|at| at.to_string()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_night_ends_at_six_whatever_the_clocks_do() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("the rule of Berlin");
        for (now, morning) in [
            ("2026-11-25T20:00:00Z", "2026-11-26T05:00:00Z"),
            ("2026-11-26T03:00:00Z", "2026-11-26T05:00:00Z"),
            // The clocks go forward in this night, and back in that one.
            ("2026-03-28T20:00:00Z", "2026-03-29T04:00:00Z"),
            ("2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"),
        ] {
            let found = next_morning(now.parse().unwrap(), berlin.clone()).unwrap();
            assert_eq!(found.to_string(), morning, "from {now}");
        }
    }
}
