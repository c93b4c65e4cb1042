//! `backup`: an archive of ciphertext that may be copied anywhere, and a key ring that is replaced each time.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;
use sotto_journal::{Journal, Options};

use super::Place;

#[derive(clap::Args)]
pub struct Args {
    /// Where the ciphertext goes; worth nothing without the key ring, so copy it anywhere and keep many
    #[arg(long, value_name = "FILE")]
    archive: PathBuf,
    /// Where the keys go. Keep one copy, away from the archive, and let each backup replace it: an old key ring brings
    /// back what was erased since
    #[arg(long, value_name = "FILE")]
    key_ring: PathBuf,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let journal = Journal::visit(&place.journal()?, Options::default(), now)?;
    let made = journal.backup(&args.archive, &args.key_ring, now)?;
    if place.json {
        println!(
            "{}",
            json!({
                "recordings": made.recordings,
                "archive": args.archive,
                "archive_bytes": made.archive_bytes,
                "key_ring": args.key_ring,
                "key_ring_bytes": made.key_ring_bytes,
            })
        );
    } else {
        println!(
            "{} recordings: {} bytes in {}",
            made.recordings,
            made.archive_bytes,
            args.archive.display()
        );
        println!("keys: {} bytes in {}", made.key_ring_bytes, args.key_ring.display());
        println!("keep the keys apart from the archive, and only the newest of them");
    }
    Ok(ExitCode::SUCCESS)
}
