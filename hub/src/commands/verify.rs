//! `verify`: reads the whole access log and says whether anybody has changed, removed or cut it.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;
use sotto_journal::{Journal, Options, VerifyError};

use super::Place;
use crate::witnesses;

#[derive(clap::Args)]
pub struct Args {
    /// Compare with these ends of the log, too: a file with one in hexadecimal digits per line. Those that the
    /// satellites have shown to this hub are always compared
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let mut witnesses = witnesses::shown(&place.data()?)?;
    if let Some(file) = &args.heads {
        witnesses.extend(witnesses::read_heads(file)?);
    }
    let journal = Journal::visit(&place.journal()?, Options::default(), Timestamp::now())?;
    match journal.verify(&witnesses) {
        Ok(verified) => {
            if place.json {
                println!(
                    "{}",
                    json!({
                        "ok": true,
                        "entries": verified.entries,
                        "receipts": verified.receipts,
                        "heads": verified.witnesses,
                    })
                );
            } else {
                println!(
                    "the access log is whole: {} entries, {} receipts, {} heads of satellites agree",
                    verified.entries, verified.receipts, verified.witnesses
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(VerifyError::Store(error)) => Err(error.into()),
        Err(found) => {
            if place.json {
                println!("{}", json!({ "ok": false, "found": found.to_string() }));
            } else {
                println!("{found}");
            }
            Ok(ExitCode::from(1))
        }
    }
}
