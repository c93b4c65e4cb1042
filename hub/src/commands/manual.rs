//! `manual`: what a package ships beside the program, made from its own help: manual pages and shell completions.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::CommandLine;

#[derive(clap::Args)]
pub struct Args {
    /// The folder to write them to: one page for each command, one completion for each shell
    folder: PathBuf,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = args.folder;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(CommandLine::command(), &folder)
        .context("the manual pages cannot be written")?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut CommandLine::command(), "sotto-hub", &folder)
            .with_context(|| format!("the completion for {shell} cannot be written"))?;
    }
    Ok(ExitCode::SUCCESS)
}
