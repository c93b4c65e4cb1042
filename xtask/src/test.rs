//! The gate: formatting, clippy with warnings denied, all tests, and what was skipped and why.

use std::process::ExitCode;

use crate::packages::{self, For};
use crate::shell::{self, cargo, root, target, try_run};

#[derive(clap::Args)]
pub struct Args {
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    packages::install(For::Test, args.yes)?;
    packages::nextest()?;
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    shell::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    // A failed test does not hide what the others have to say.
    let docs = try_run(&mut cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    // The stories run the programs themselves.
    shell::run(&mut cargo(&["build", "--workspace", "--bins", "--quiet"]))?;
    let tests = try_run(&mut cargo(&["nextest", "run", "--workspace"]))?;
    print_skipped();
    Ok(if docs && tests { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_skipped() {
    let report = std::fs::read_to_string(target().join("nextest/default/junit.xml")).unwrap_or_default();
    let skipped: std::collections::BTreeSet<&str> =
        report.lines().filter_map(|line| line.split_once("SKIPPED: ")).map(|(_, why)| why.trim()).collect();
    match skipped.len() {
        0 => println!("Nothing was skipped."),
        n => println!("Skipped, {n} in all:"),
    }
    for why in skipped {
        println!("  {why}");
    }
    let data = root().join("../shared/speech");
    if std::env::var_os("SOTTO_TEST_DATA").is_none() && !data.exists() {
        println!("No test data: set SOTTO_TEST_DATA to the folder that holds speech/ and models/.");
    }
}
