//! `manual`: what a package ships beside the program, made from its own help: manual pages and shell completions.

use std::path::PathBuf;

use anyhow::Context;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::Cli;

#[derive(clap::Args)]
pub struct Args {
    /// The folder to write them to: one page for each command, one completion for each shell
    folder: PathBuf,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let folder = args.folder;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), &folder).context("the manual pages cannot be written")?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut Cli::command(), "sotto-satellite", &folder)
            .with_context(|| format!("the completion for {shell} cannot be written"))?;
    }
    Ok(())
}
