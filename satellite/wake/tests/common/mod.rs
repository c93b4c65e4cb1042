//! Where recordings and models are, and how to read them.

use std::path::{Path, PathBuf};

/// The folder of recordings and models: `SOTTO_TEST_DATA`, else `../shared` beside the workspace. Without it
/// a test says so and passes.
pub fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("SOTTO_TEST_DATA").map_or_else(beside, PathBuf::from);
    if folder.join("models/wake").is_dir() && folder.join("speech").is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no recordings and models in {}; set SOTTO_TEST_DATA", folder.display());
    None
}

/// The folder with the network that taught words need, fetched once a build folder; `None` after saying so loudly.
#[allow(dead_code)]
pub fn network() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("taught");
    if folder.join(sotto_wake::taught::FILE).is_file() {
        return Some(folder);
    }
    match sotto_wake::taught::fetch(&folder) {
        Ok(_) => Some(folder),
        Err(error) => {
            eprintln!("SKIPPED: the network of taught words is not here: {error}");
            None
        }
    }
}

/// A 16 kHz mono FLAC file, and half a second of silence.
#[allow(dead_code)]
pub fn sound(file: &Path) -> Vec<i16> {
    let mut reader = claxon::FlacReader::open(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut samples: Vec<i16> = reader.samples().map(|s| s.expect("FLAC") as i16).collect();
    samples.resize(samples.len() + 8_000, 0);
    samples
}
