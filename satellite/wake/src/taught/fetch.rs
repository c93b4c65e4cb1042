//! Fetches the speech embedding: pip brings openWakeWord's package, and the network's numbers are cut out of it.
//!
//! `pip download openwakeword → wheel (a zip) → embedding_model.onnx → install → all but that thrown away`. Nothing of
//! the package is run. Deliberately absent: a download of our own; pip knows the household's mirror and certificates.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::weights::{self, NetworkError};

/// The package and the version whose network was looked at.
const PACKAGE: &str = "openwakeword==0.5.1";
const GIVEN: &str = "openwakeword/resources/models/embedding_model.onnx";

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    #[error("python3 with pip is needed to fetch it: {0}; install python3-pip, or copy {file} from another satellite", file = weights::FILE)]
    NoPip(io::Error),
    #[error("pip could not fetch {PACKAGE}: {0}")]
    Pip(String),
    #[error("the package holds no {GIVEN}")]
    NotThere,
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Installs the network in `folder` and says where it is.
///
/// # Errors
/// No pip, no package, or a folder that cannot be written.
pub fn fetch(folder: &Path) -> Result<PathBuf, FetchError> {
    // Of this process's own: two may fetch at once.
    let room = folder.join(format!("speech-embedding.{}.part", std::process::id()));
    let unwritable = |source| NetworkError::Write { path: room.clone(), source };
    std::fs::create_dir_all(&room).map_err(unwritable)?;
    let installed = fetch_through(&room, folder);
    let _ = std::fs::remove_dir_all(&room);
    installed
}

fn fetch_through(room: &Path, folder: &Path) -> Result<PathBuf, FetchError> {
    let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"];
    python(&download, room, &[PACKAGE])?;
    let unreadable = |source| NetworkError::Read { path: room.to_owned(), source };
    let wheel = std::fs::read_dir(room)
        .map_err(unreadable)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or(FetchError::NotThere)?;
    let wheel = wheel.to_string_lossy().into_owned();
    python(&["-m", "zipfile", "-e", &wheel], room, &[])?;
    let given = room.join(GIVEN);
    if !given.is_file() {
        return Err(FetchError::NotThere);
    }
    Ok(weights::install(&given, folder)?)
}

/// Runs python3 with `before`, `room` and `after`; its last line of complaint is the error.
fn python(before: &[&str], room: &Path, after: &[&str]) -> Result<(), FetchError> {
    let output = Command::new("python3")
        .args(before)
        .arg(room)
        .args(after)
        .stdin(Stdio::null())
        .output()
        .map_err(FetchError::NoPip)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(FetchError::Pip(last.trim().to_owned()))
}
