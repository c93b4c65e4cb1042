//! Speed and memory, never in timed tests: each crate that has benches, in one run.

use std::process::ExitCode;

use crate::packages;
use crate::shell::{cargo, root, run as run_shown};

#[derive(clap::Args)]
pub struct Args {
    /// Only these crates, by folder name (wake, intents, journal, …); all of them when none is named
    crates: Vec<String>,
}

/// Every crate with benches, as folder in the workspace and package.
const CRATES: &[(&str, &str)] = &[
    ("satellite/wake", "sotto-wake"),
    ("satellite", "sotto-satellite"),
    ("hub/intents", "sotto-intents"),
    ("hub/hearing", "sotto-hearing"),
    ("hub/journal", "sotto-journal"),
    ("web", "sotto-web"),
    ("tests", "sotto-tests"),
];

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    for name in &args.crates {
        if !CRATES.iter().any(|(folder, _)| folder.ends_with(name.as_str())) {
            let known: Vec<&str> = CRATES.iter().map(|(folder, _)| *folder).collect();
            anyhow::bail!("no crate {name} with benches; there are {}", known.join(", "));
        }
    }
    for (folder, package) in CRATES {
        let wanted = args.crates.is_empty() || args.crates.iter().any(|name| folder.ends_with(name.as_str()));
        if wanted && root().join(folder).join("benches").is_dir() {
            let mut bench = cargo(&["bench", "--package", package, "--bench", "*"]);
            if package == &"sotto-wake" || package == &"sotto-satellite" {
                bench.envs(packages::wake_peer().map(|python| ("SOTTO_PEER", python)));
            }
            run_shown(&mut bench)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
