//! Fetches the speaker model: pip brings Resemblyzer's package, and the numbers are cut out of it.
//!
//! `pip download resemblyzer → wheel (a zip) → pretrained.pt → install → all but that thrown away`. Nothing of the
//! package is run. Deliberately absent: a download of our own; pip knows the household's mirror and its certificates.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::weights::{self, ModelError};

/// The package and the version whose model was looked at.
const PACKAGE: &str = "resemblyzer==0.1.4";

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(
        "python3 with pip is needed to fetch it: {0}; install python3-pip, or give --from a pretrained.pt"
    )]
    NoPip(io::Error),
    #[error("pip could not fetch {PACKAGE}: {0}")]
    Pip(String),
    #[error("{} cannot be written: {source}; make room or choose another folder with --data", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the package holds no {}", PathBuf::from("resemblyzer/pretrained.pt").display())]
    NotThere,
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Installs the model in `folder` and says where it is.
pub fn pull(folder: &Path) -> Result<PathBuf, PullError> {
    let unwritable = |source| PullError::Write { path: folder.to_owned(), source };
    let room = folder.join("speaker.part");
    std::fs::create_dir_all(&room).map_err(unwritable)?;
    let installed = pull_through(&room, folder);
    let _ = std::fs::remove_dir_all(&room);
    installed
}

fn pull_through(room: &Path, folder: &Path) -> Result<PathBuf, PullError> {
    python(
        &["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"],
        room,
        &[PACKAGE],
    )?;
    let wheel = std::fs::read_dir(room)
        .map_err(|source| PullError::Write { path: room.to_owned(), source })?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or(PullError::NotThere)?;
    let wheel = wheel.to_string_lossy().into_owned();
    python(&["-m", "zipfile", "-e", &wheel], room, &[])?;
    let given = room.join("resemblyzer").join("pretrained.pt");
    if !given.is_file() {
        return Err(PullError::NotThere);
    }
    Ok(weights::install(&given, folder)?)
}

/// Runs python3 with `before`, `room` and `after`; its last line of complaint is the error.
fn python(before: &[&str], room: &Path, after: &[&str]) -> Result<(), PullError> {
    let output = Command::new("python3")
        .args(before)
        .arg(room)
        .args(after)
        .stdin(Stdio::null())
        .output()
        .map_err(PullError::NoPip)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(PullError::Pip(last.trim().to_owned()))
}
