//! `members`: who belongs to the household.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};
use sotto_house::Role;
use sotto_journal::{Journal, Member, OpenError, Options};

use super::{Place, passphrase};
use crate::control;

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
    /// Remove a person with all their recordings: their key is destroyed, and no backup brings them back
    Remove {
        /// The name they sign in with
        name: String,
        /// Do not ask whether this is really meant
        #[arg(long)]
        yes: bool,
    },
    /// Make a one-time invitation, with which a person joins on the page; good for three days
    Invite {
        /// The administrator who invites
        #[arg(long, value_name = "NAME")]
        by: String,
        /// What the person may do
        #[arg(long, value_enum, default_value_t = As::Adult)]
        role: As,
        /// They look after satellites, members and engines, too
        #[arg(long)]
        administrator: bool,
        #[command(flatten)]
        passphrase: passphrase::From,
    },
    /// Let an adult who was added here into the house's recordings; only an adult who opens them can
    Admit {
        /// The adult who waits
        name: String,
        /// The adult who lets them in
        #[arg(long, value_name = "NAME")]
        by: String,
        #[command(flatten)]
        passphrase: passphrase::From,
    },
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
    let journal = open(place, now)?;
    match args.what {
        What::Add { name, role, administrator, passphrase } => {
            let passphrase = passphrase.ask_twice(&format!("Passphrase for {name}"))?;
            let first = journal.members()?.is_empty();
            // Somebody has to look after the machine, and to invite the others.
            let administrator = administrator || first;
            let (id, code) = journal.add_member(&name, role.into(), administrator, &passphrase, now)?;
            // A hub that runs hands a first adult the key to the house's recordings.
            let _ = control::ask(&place.data()?, &json!({ "ask": "newcomer" }));
            if place.json {
                println!("{}", json!({ "person": id.to_string(), "recovery_code": code.reveal().as_str() }));
            } else {
                println!("{name} belongs to the household now.");
                if first {
                    println!("As the first, {name} is its administrator.");
                } else if matches!(role, As::Adult) {
                    println!("To open the house's recordings, {name} waits for `members admit`.");
                }
                println!("Recovery code, shown this once: {}", code.reveal().as_str());
                println!(
                    "Write it down and keep it: without it, a forgotten passphrase loses the recordings."
                );
            }
        }
        What::List => {
            let members: Vec<Value> = journal.members()?.iter().map(facts).collect();
            if place.json {
                println!("{}", json!({ "members": members }));
            } else {
                journal.members()?.iter().for_each(|member| println!("{}", line(member)));
            }
        }
        What::Remove { name, yes } => {
            let member = find(&journal, &name)?;
            if !yes && !confirmed(&format!("Erase {} and everything they ever said?", member.name))? {
                return Ok(ExitCode::from(1));
            }
            let receipt = journal.remove_member_at_console(member.id, now)?;
            if place.json {
                println!("{}", json!({ "person": member.id.to_string(), "erased": receipt.count }));
            } else {
                println!("{} is gone, and {} recordings with them.", member.name, receipt.count);
            }
        }
        What::Invite { by, role, administrator, passphrase } => {
            let sponsor = journal.sign_in(&by, &passphrase.ask(&format!("Passphrase of {by}"))?, now)?;
            let token = journal.invite(&sponsor, role.into(), administrator, now)?;
            if place.json {
                println!("{}", json!({ "invitation": token.reveal().as_str() }));
            } else {
                println!("Good for three days, and once: {}", token.reveal().as_str());
            }
        }
        What::Admit { name, by, passphrase } => {
            let member = find(&journal, &name)?;
            let sponsor = journal.sign_in(&by, &passphrase.ask(&format!("Passphrase of {by}"))?, now)?;
            journal.admit(&sponsor, member.id, now)?;
            if place.json {
                println!("{}", json!({ "person": member.id.to_string(), "opens_house": true }));
            } else {
                println!("The house's recordings open to {} from their next sign-in.", member.name);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The journal beside a running hub, or a new one: a household may begin with its people.
fn open(place: &Place, now: Timestamp) -> anyhow::Result<Journal> {
    let dir = place.journal()?;
    match Journal::visit(&dir, Options::default(), now) {
        Err(OpenError::Missing { .. }) => Ok(Journal::open(&dir, Options::default(), now)?),
        journal => Ok(journal?),
    }
}

fn find(journal: &Journal, name: &str) -> anyhow::Result<Member> {
    let wanted = name.trim().to_lowercase();
    let found = journal.members()?.into_iter().find(|member| member.name.to_lowercase() == wanted);
    found.with_context(|| format!("nobody here is called {name}; see `sotto-hub members list`"))
}

fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask on; say --yes if this is really meant");
    }
    eprint!("{question} Type yes: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn facts(member: &Member) -> Value {
    json!({
        "person": member.id.to_string(),
        "name": member.name,
        "role": role_word(member.role),
        "administrator": member.administrator,
        "opens_house": member.opens_house,
        "reviewer": member.reviewer,
    })
}

fn line(member: &Member) -> String {
    let waits = member.role == Role::Adult && !member.opens_house;
    let also = [
        (member.administrator, "administrator"),
        (member.reviewer, "reviewer"),
        (waits, "waits to be let into the house's recordings"),
    ];
    let also: String = also.iter().filter(|(is, _)| *is).map(|(_, word)| format!(", {word}")).collect();
    format!("{}  ({}{also})", member.name, role_word(member.role))
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Adult => "adult",
        Role::Child => "child",
        Role::Guest => "guest",
    }
}
