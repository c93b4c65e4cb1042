//! The project's own commands: `cargo xtask demo`, `test`, `bench`, `hardware`.

mod bench;
mod demo;
mod hardware;
mod packages;
mod shell;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show the main job on this machine: a broker, a hub and two satellites that speak four commands
    Demo(demo::Args),
    /// Run the whole gate: formatting, clippy, every test, and what was skipped and why
    Test(test::Args),
    /// Check and draw the satellites to build, and render their enclosures
    Hardware(hardware::Args),
    /// Measure speed and memory; prints tables for docs/measurements.md
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().task {
        Task::Demo(args) => demo::run(args),
        Task::Test(args) => test::run(args),
        Task::Hardware(args) => hardware::run(args),
        Task::Bench(args) => bench::run(args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}
