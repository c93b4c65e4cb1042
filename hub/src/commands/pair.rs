//! `pair`: lets a satellite in. Shows a one-time code and waits, or takes the code that a found satellite shows.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Place;
use crate::control::ask;

/// How often it is looked whether the satellite is there.
const LOOK: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub struct Args {
    /// The code that a new satellite shows or speaks; without one, the hub makes a code for `sotto-satellite pair`
    #[arg(requires = "satellite")]
    code: Option<String>,
    /// Which new satellite shows that code, by its id in `sotto-hub satellites`
    #[arg(long, value_name = "ID", requires = "code")]
    satellite: Option<String>,
    /// What to call it
    #[arg(long, requires = "code")]
    name: Option<String>,
    /// The area it stands in
    #[arg(long, requires = "code")]
    area: Option<String>,
    /// How long the code is good for: longer than usual for an SD card that has to be written first
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120), conflicts_with = "code")]
    minutes: u64,
    /// Do not wait until the satellite has used the code
    #[arg(long)]
    no_wait: bool,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let data = place.data()?;
    if let (Some(code), Some(satellite)) = (&args.code, &args.satellite) {
        let mut question = json!({ "ask": "pair-found", "satellite": satellite, "code": code });
        for (key, value) in [("name", &args.name), ("area", &args.area)] {
            if let Some(value) = value {
                question[key] = json!(value);
            }
        }
        let paired = ask(&data, &question)?;
        if place.json {
            println!("{paired}");
        } else {
            println!("{} is paired", text(&paired, "satellite"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let answer = ask(&data, &json!({ "ask": "pair", "seconds": args.minutes * 60 }))?;
    if place.json {
        println!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", text(&answer, "code"));
    eprintln!("type it at the satellite within {} minutes:", args.minutes);
    eprintln!("  sotto-satellite pair {} --name NAME --area AREA", text(&answer, "code").replace(' ', ""));
    if args.no_wait {
        return Ok(ExitCode::SUCCESS);
    }
    let until = Instant::now() + Duration::from_secs(answer["seconds"].as_u64().unwrap_or(600));
    while Instant::now() < until {
        std::thread::sleep(LOOK);
        match text(&ask(&data, &json!({ "ask": "pair-state" }))?, "state") {
            "waiting" => {}
            "used" => {
                eprintln!("paired");
                return Ok(ExitCode::SUCCESS);
            }
            "burnt" => anyhow::bail!("too many wrong tries: this code is void; run `sotto-hub pair` again"),
            _ => break,
        }
    }
    eprintln!("nobody used the code, and it is void now; run `sotto-hub pair` again");
    Ok(ExitCode::from(1))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
