//! The log: tracing on standard error, so that facts on standard output stay clean.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Begins the log of `program` (its crate's name): what it says itself, and warnings of everything else. `SOTTO_LOG`
/// says otherwise.
pub fn begin(program: &str) {
    let usual = || Targets::new().with_default(Level::WARN).with_target(program, Level::INFO);
    let filter = match std::env::var("SOTTO_LOG") {
        Ok(wanted) => wanted.parse().unwrap_or_else(|error| {
            eprintln!("SOTTO_LOG is not understood ({error}); write it as in \"warn,{program}=debug\"");
            usual()
        }),
        Err(_) => usual(),
    };
    let told = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(told.with_filter(filter)).init();
}
