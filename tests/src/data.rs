//! Real speech and small models: found through `SOTTO_TEST_DATA`, else in `../shared` beside the checkout.

use std::path::{Path, PathBuf};

/// The folder that holds `speech/` and `models/`, if this machine has it.
pub fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("SOTTO_TEST_DATA").map_or(beside, PathBuf::from);
    folder.join("speech").is_dir().then_some(folder)
}

/// The folder, or a line that `cargo xtask test` repeats at its end.
pub fn or_skip(story: &str) -> Option<PathBuf> {
    let folder = folder();
    if folder.is_none() {
        println!("SKIPPED: {story}: no test data (set SOTTO_TEST_DATA)");
    }
    folder
}

/// Whether a program is on this machine; if not, says that the story is skipped.
pub fn has_program(program: &str, story: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path).chain(usual).any(|dir| dir.join(program).is_file());
    if !found {
        println!("SKIPPED: {story}: no {program} on this machine");
    }
    found
}
