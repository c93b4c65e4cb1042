//! `cargo xtask demo`: a house that listens, on this machine.
use std::process::ExitCode;

use crate::packages::{self, For};

#[derive(clap::Args)]
pub struct Args {
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
    /// End after the four commands; exit 0 only if all four intents arrived on MQTT
    #[arg(long)]
    once: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    packages::install(For::Demo, args.yes)?;
    let models = packages::wake_models()?;
    anyhow::bail!("the demo is not written yet: {} {}", models.display(), args.once)
}
