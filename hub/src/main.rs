//! The `sotto-hub` program: reads the command line and hands over to one file per command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let command = sotto_hub::commands::CommandLine::parse();
    match command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sotto-hub: {error:#}");
            ExitCode::from(2)
        }
    }
}
