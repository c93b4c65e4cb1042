//! `restore`: brings a backup back, without anything that was erased.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;
use sotto_journal::{Journal, Options};

use super::Place;

#[derive(clap::Args)]
pub struct Args {
    /// The archive that `backup` wrote
    #[arg(long, value_name = "FILE")]
    archive: PathBuf,
    /// The newest key ring
    #[arg(long, value_name = "FILE")]
    key_ring: PathBuf,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let dir = place.journal()?;
    let restored =
        Journal::restore(&dir, &args.archive, &args.key_ring, Options::default(), Timestamp::now())?;
    if place.json {
        println!(
            "{}",
            json!({
                "recordings": restored.recordings,
                "erased": restored.erased,
                "missing": restored.missing,
            })
        );
    } else {
        println!("{} recordings are back in {}", restored.recordings, dir.display());
        println!("{} in the archive were erased and stay so", restored.erased);
        println!(
            "{} that the keys know are not in this archive; a newer one may have them",
            restored.missing
        );
    }
    Ok(ExitCode::SUCCESS)
}
