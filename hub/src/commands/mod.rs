//! The commands of `sotto-hub`, one file each. Facts go to standard output (JSON with `--json`), progress and
//! errors to standard error. Exit codes: 0 done, 1 the answer is no, 2 it could not be tried.

mod backup;
mod bring_encoder;
mod check_config;
mod doctor;
mod evaluate;
mod history;
mod home;
mod intents;
mod members;
mod models;
mod pair;
mod passphrase;
mod restore;
mod run;
mod satellites;
mod updates;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sotto_service::installed::{Installed, act_for_the_owner_of};
use sotto_service::{log, manual};

use crate::config::{self, Config, ConfigError};

/// The home server of Sotto: hears what the satellites stream, understands it, acts, and keeps a recording log
/// that each person owns.
#[derive(Parser)]
#[command(name = "sotto-hub", version, arg_required_else_help = true)]
pub struct CommandLine {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the package keeps its things.
const PACKAGE: Installed = Installed { config: "/etc/sotto/hub.toml", data: config::SYSTEM };

/// Which household: the same for every command.
#[derive(clap::Args)]
pub struct Place {
    /// Configuration file [default: /etc/sotto/hub.toml for the data in /var/lib/sotto, else what hub.example.toml says]
    #[arg(long, global = true, value_name = "FILE", env = "SOTTO_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder of everything that the hub keeps [default: /var/lib/sotto if it exists, else $XDG_DATA_HOME/sotto]
    #[arg(long, global = true, value_name = "DIR", env = "SOTTO_DATA")]
    pub data: Option<PathBuf>,
    /// Print facts as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

impl Place {
    pub fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref())
    }

    /// The data directory, made with mode 0700 where it is missing.
    pub fn data(&self) -> anyhow::Result<PathBuf> {
        let data = config::data_directory(self.data.clone());
        make_private(&data)?;
        Ok(data)
    }

    /// Where the journal lies.
    pub fn journal(&self) -> anyhow::Result<PathBuf> {
        Ok(self.data()?.join("journal"))
    }
}

fn make_private(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let why = match made {
        Ok(()) if !folder.metadata()?.permissions().readonly() => return Ok(()),
        Ok(()) => "it may not be written".to_owned(),
        Err(error) => error.to_string(),
    };
    anyhow::bail!(
        "cannot use the data directory {}: {why}; give a folder of your own with --data",
        folder.display()
    )
}

#[derive(Subcommand)]
enum Command {
    /// Serve the house until Ctrl-C
    Run,
    /// Check the configuration and say what is in force
    CheckConfig,
    Evaluate(evaluate::Evaluate),
    /// Fetch, list and remove Whisper models
    Models(models::Models),
    /// What the hub starts itself as, to hear in a confined process
    #[command(name = sotto_hearing::worker::COMMAND, hide = true)]
    HearingWorker {
        arguments: Vec<String>,
    },
    /// Let a new satellite in: show a one-time code, or take the one that it shows
    Pair(pair::Args),
    /// List, revoke and rename the satellites of the house
    Satellites(satellites::Args),
    /// Offer satellites another program, signed by this hub
    Updates(updates::Args),
    /// Look for what is wrong with this household's Sotto, and say what to do
    Doctor(doctor::Args),
    /// Write the manual pages and shell completions that packages ship
    #[command(hide = true)]
    Manual(manual::Args),
    /// List what is known of the house, where it comes from, and what can be said to it
    Home,
    /// Add, list, invite and remove the people of the household
    Members(members::Args),
    /// Read one's own history, newest first
    History(history::Args),
    /// Check that nobody has changed, removed or cut the access log
    Verify(verify::Args),
    /// Write an archive of ciphertext, and the keys to it apart
    Backup(backup::Args),
    /// Bring a backup back, without anything that was erased
    Restore(restore::Args),
    /// Ask what a sentence would mean, test a language, and add languages
    Intents(intents::Args),
}

impl Command {
    /// Whether it touches no household, and so is anyone's to run.
    fn only_reads_what_it_is_given(&self) -> bool {
        match self {
            Command::HearingWorker { .. } | Command::Manual(_) | Command::Evaluate(_) => true,
            Command::Intents(intents) => intents.only_reads_what_it_is_given(),
            _ => false,
        }
    }
}

impl CommandLine {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        log::begin("sotto_hub");
        let mut place = self.place;
        if !self.command.only_reads_what_it_is_given() {
            place.config = PACKAGE.config(place.config, place.data.as_deref());
            act_for_the_owner_of(&config::data_directory(place.data.clone()))?;
        }
        match self.command {
            Command::Run => run::run(&place),
            Command::CheckConfig => check_config::run(&place),
            Command::Evaluate(command) => evaluate::run(&place, &command),
            Command::Models(command) => models::run(&place, &command),
            Command::HearingWorker { arguments } => {
                sotto_hearing::worker::run(&arguments)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Doctor(args) => doctor::run(args, &place),
            Command::Manual(args) => manual::write::<CommandLine>(args).map(|()| ExitCode::SUCCESS),
            Command::History(args) => history::run(args, &place),
            Command::Intents(args) => intents::run(args, &place),
            Command::Pair(args) => pair::run(args, &place),
            Command::Satellites(args) => satellites::run(args, &place),
            Command::Updates(args) => updates::run(args, &place),
            Command::Home => home::run(&place),
            Command::Members(args) => members::run(args, &place),
            Command::Verify(args) => verify::run(args, &place),
            Command::Backup(args) => backup::run(args, &place),
            Command::Restore(args) => restore::run(args, &place),
        }
    }
}
