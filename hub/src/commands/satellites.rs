//! `satellites`: which belong to the house, which ask to; and taking one out, or calling it something else.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Place;
use crate::control::ask;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// List the paired satellites, and new ones that were found (what happens without a subcommand, too)
    List,
    /// Take a satellite out of the house at once; it is told why, and can only come back by pairing
    Revoke {
        id: String,
        /// What its people read
        #[arg(long, default_value = "removed by the household")]
        reason: String,
    },
    /// Give a satellite another name or area
    Rename {
        id: String,
        #[arg(long)]
        name: String,
        #[arg(long)]
        area: Option<String>,
    },
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let data = place.data()?;
    let question = match args.what.unwrap_or(What::List) {
        What::List => json!({ "ask": "satellites" }),
        What::Revoke { id, reason } => json!({ "ask": "revoke", "satellite": id, "reason": reason }),
        What::Rename { id, name, area } => {
            let mut question = json!({ "ask": "rename", "satellite": id, "name": name });
            if let Some(area) = area {
                question["area"] = json!(area);
            }
            question
        }
    };
    let answer = ask(&data, &question)?;
    if place.json {
        println!("{answer}");
    } else {
        print(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(answer: &Value) {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or("–").to_owned();
    if let Some(id) = answer["revoked"].as_str() {
        return println!("{id} is out of the house");
    }
    let (Some(satellites), Some(found)) = (answer["satellites"].as_array(), answer["found"].as_array())
    else {
        return println!("{} is called {}", text(answer, "satellite"), text(answer, "name"));
    };
    if satellites.is_empty() {
        println!("no satellite is paired; `sotto-hub pair` gives a code");
    }
    for satellite in satellites {
        let state = if satellite["connected"] == true { "connected" } else { "away" };
        let (id, name, area) = (text(satellite, "id"), text(satellite, "name"), text(satellite, "area"));
        println!("{id:<32}  {state:<9}  {area:<16}  {name}");
    }
    for new in found {
        println!("{:<32}  new        {:<16}  {}", text(new, "id"), text(new, "hardware"), text(new, "name"));
    }
    if !found.is_empty() {
        println!(
            "pair a new one with the code that it shows: sotto-hub pair CODE --satellite ID --name NAME --area AREA"
        );
    }
}
