//! `updates`: programs for satellites, signed by this hub and fetched by them.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use sotto_protocol::{Identity, Program};

use super::Place;
use crate::updates::Updates;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Offer a program to the satellites of its kind: the page then shows it, and `sotto-satellite update` fetches it
    Add {
        /// The program sotto-satellite, for the satellites' processor
        file: PathBuf,
        /// What it answers to --version, such as 0.2.0
        #[arg(long)]
        version: String,
        /// Its processor [default: what the file says]
        #[arg(long, value_name = "NAME")]
        architecture: Option<String>,
    },
    /// List what is offered
    List,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let data = place.data()?;
    let updates = Updates::of(&data);
    let programs = match args.command {
        Command::Add { file, version, architecture } => {
            let identity = Identity::load_or_make(&data)?;
            vec![updates.add(&identity, &file, &version, architecture.as_deref())?]
        }
        Command::List => updates.list(),
    };
    if place.json {
        println!("{}", json!({ "offered": programs.iter().map(facts).collect::<Vec<_>>() }));
    } else if programs.is_empty() {
        println!("nothing is offered; put a program in with `sotto-hub updates add FILE --version VERSION`");
    } else {
        for program in &programs {
            println!("{:<10} {:<12} {} kB", program.architecture, program.version, program.size / 1000);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn facts(program: &Program) -> Value {
    json!({ "architecture": program.architecture, "version": program.version, "bytes": program.size })
}
