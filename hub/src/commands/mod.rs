//! The commands of `sotto-hub`, one file each. Exit codes: 0 done, 1 the answer is no, 2 it could not be tried.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The home server of Sotto: hears what the satellites stream, understands it, acts, and keeps a recording log
/// that each person owns.
#[derive(Parser)]
#[command(name = "sotto-hub", version, arg_required_else_help = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

impl CommandLine {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {}
    }
}
