//! `check-config`: reads the configuration as `run` would, and says what is in force.

use std::process::ExitCode;

use super::Place;
use crate::config::data_directory;

pub fn run(place: &Place) -> anyhow::Result<ExitCode> {
    let config = place.load()?;
    let data = data_directory(place.data.clone());
    if place.json {
        let facts = serde_json::json!({ "ok": true, "file": place.config, "data": data, "config": config });
        println!("{facts}");
    } else {
        println!("# in force; recordings, keys and models lie in {}\n", data.display());
        print!("{}", toml::to_string(&config)?);
    }
    Ok(ExitCode::SUCCESS)
}
