//! The commands of `sotto-satellite`, one file each. A command parses its arguments, prints facts on
//! standard output (one JSON document with `--json`), progress on standard error, and returns an error
//! that says what to do next.

mod check_config;
mod devices;
mod evaluate;
mod pair;
mod run;
mod teach;
mod update;

use std::path::PathBuf;

use clap::Subcommand;
use sotto_satellite::config::{Config, ConfigError, SYSTEM};
use sotto_service::installed::{Installed, act_for_the_owner_of};
use sotto_service::manual;

/// Where the package keeps its things.
const PACKAGE: Installed = Installed { config: "/etc/sotto/satellite.toml", data: SYSTEM };

/// Where the satellite keeps its things, and whom it speaks to; the same for every command.
#[derive(clap::Args)]
pub struct Place {
    /// Configuration file [default: /etc/sotto/satellite.toml for the data in /var/lib/sotto-satellite, else what
    /// satellite.example.toml says]
    #[arg(long, global = true, value_name = "FILE", env = "SOTTO_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder for this satellite's certificate, pairing and wake models [default: /var/lib/sotto-satellite if it
    /// exists, else $XDG_DATA_HOME/sotto-satellite]
    #[arg(long, global = true, value_name = "DIR", env = "SOTTO_DATA")]
    pub data: Option<PathBuf>,
    /// Print facts as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

impl Place {
    /// The configuration, for what changes something in the data folder: from here on as the user to whom that belongs.
    pub fn of_the_owner(&self) -> anyhow::Result<Config> {
        let config = self.load()?;
        act_for_the_owner_of(&config.data)?;
        Ok(config)
    }

    /// The configuration: defaults, then the file, then the environment, then `--data`.
    pub fn load(&self) -> Result<Config, ConfigError> {
        // A variable that is no text is none of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Config::load(self.config.as_deref(), self.data.as_deref(), variables)
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Listen until Ctrl-C
    Run(run::Args),
    /// List microphones and speakers, or watch a level meter
    Devices(devices::Args),
    /// Make this satellite part of a house, with the code that `sotto-hub pair` shows
    Pair(pair::Args),
    /// Learn a wake word of your own, from saying it a few times
    Teach(teach::Args),
    /// Fetch the program that the hub has for this satellite, signed by it; one that does not work goes back by itself
    Update,
    /// Check the configuration and say what is in force
    CheckConfig,
    /// Play recordings to the ear; count misses, false wakes and processor time
    Evaluate(evaluate::Args),
    /// Write the manual pages and shell completions that packages ship
    #[command(hide = true)]
    Manual(manual::Args),
}

impl Command {
    pub fn run(self, mut place: Place) -> anyhow::Result<()> {
        place.config = PACKAGE.config(place.config, place.data.as_deref());
        let place = &place;
        match self {
            Self::Run(args) => run::run(args, place),
            Self::Devices(args) => devices::run(args, place),
            Self::Pair(args) => pair::run(args, place),
            Self::Teach(args) => teach::run(args, place),
            Self::Update => update::run(place),
            Self::CheckConfig => check_config::run(place),
            Self::Manual(args) => manual::write::<crate::Cli>(args),
            Self::Evaluate(args) => evaluate::run(args, place),
        }
    }
}

/// Facts on standard output: the JSON document itself, or one `name: value` line per fact.
fn print(json: bool, facts: &serde_json::Value) {
    match facts.as_object() {
        Some(facts) if !json => {
            for (name, value) in facts {
                match value {
                    serde_json::Value::String(text) => println!("{name}: {text}"),
                    value => println!("{name}: {value}"),
                }
            }
        }
        _ => println!("{facts}"),
    }
}
