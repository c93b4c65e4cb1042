//! `members`: who belongs to the household.

use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;
use sotto_house::Role;
use sotto_journal::{Journal, Options};

use super::{Place, passphrase};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Add a person, with a passphrase that only they know; prints their recovery code once
    Add {
        /// The name to sign in with
        name: String,
        /// What the person may do
        #[arg(long, value_enum, default_value_t = As::Adult)]
        role: As,
        /// Looks after satellites, members and engines; this opens nobody else's recordings
        #[arg(long)]
        administrator: bool,
        #[command(flatten)]
        passphrase: passphrase::From,
    },
    /// List the people of the household
    List,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum As {
    Adult,
    Child,
    Guest,
}

impl From<As> for Role {
    fn from(role: As) -> Role {
        match role {
            As::Adult => Role::Adult,
            As::Child => Role::Child,
            As::Guest => Role::Guest,
        }
    }
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let journal = Journal::visit(&place.journal()?, Options::default(), now)?;
    match args.what {
        What::Add { name, role, administrator, passphrase } => {
            let passphrase = passphrase.ask_twice(&format!("Passphrase for {name}"))?;
            let (id, code) = journal.add_member(&name, role.into(), administrator, &passphrase, now)?;
            if place.json {
                println!("{}", json!({ "person": id.to_string(), "recovery_code": code.reveal().as_str() }));
            } else {
                println!("{name} belongs to the household now.");
                println!("Recovery code, shown this once: {}", code.reveal().as_str());
                println!(
                    "Write it down and keep it: without it, a forgotten passphrase loses the recordings."
                );
            }
        }
        What::List => {
            for member in journal.members()? {
                let role = format!("{:?}", member.role).to_lowercase();
                if place.json {
                    println!(
                        "{}",
                        json!({ "name": member.name, "role": role, "administrator": member.administrator })
                    );
                } else {
                    let also = if member.administrator { ", administrator" } else { "" };
                    println!("{}  ({role}{also})", member.name);
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
