//! `sotto-satellite`: the part of Sotto that stands in a room.
//!
//! Exit codes: 0 done, 1 could not be done, 2 the command line or the configuration is wrong.

mod commands;

use std::process::ExitCode;

use clap::Parser;
use sotto_satellite::config::ConfigError;

#[derive(Parser)]
#[command(name = "sotto-satellite", version, about)]
struct Cli {
    #[command(flatten)]
    place: commands::Place,
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    sotto_service::log::begin("sotto_satellite");
    match cli.command.run(cli.place) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sotto-satellite: {error:#}");
            let configuration = error.chain().any(|cause| cause.is::<ConfigError>());
            ExitCode::from(if configuration { 2 } else { 1 })
        }
    }
}
