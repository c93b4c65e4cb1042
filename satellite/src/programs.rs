//! Which program runs: the one of this satellite's package, or one that its hub gave it, kept in two places, a and b.
//!
//! ```text
//! package ─ runs ─▶ a ⇄ b        fetched into the place that is free ─▶ tried ─ hub reached ─▶ kept
//!                                          ended, or no hub within two minutes ─▶ the one before runs again
//! ```
//!
//! The package's program is started by whoever starts the satellite, looks here, and becomes the other (`exec`), so
//! that a program which cannot even start is found out by the next start. Another package makes an end of what was
//! fetched. Deliberately absent: the network.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sotto_protocol::write_private;

/// How long a new program may take to reach the hub.
pub const TRIAL: Duration = Duration::from_secs(120);
/// How long it may take to say its version.
const SAY: Duration = Duration::from_secs(10);

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Told to a program that runs in the package's place: how it stands, and where the package's is.
const STANDING: &str = "SOTTO_PROGRAM";
const PACKAGE: &str = "SOTTO_PACKAGE";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    A,
    B,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fetched {
    place: Place,
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trying {
    fetched: Fetched,
    started: bool,
}

/// What is kept from one start to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The version of the package that all this belongs to.
    package: String,
    /// What runs; `None` is the package's own.
    kept: Option<Fetched>,
    trying: Option<Trying>,
    /// The version that was tried last and put back.
    put_back: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("{path} cannot be written: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("what was fetched does not run here: {0}")]
    DoesNotRun(io::Error),
    #[error("what was fetched says it is {found:?}, not version {wanted}")]
    OtherVersion { found: String, wanted: String },
}

/// The programs in a satellite's data directory.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    pub fn of(data: &Path) -> Programs {
        Programs { folder: data.join("programs") }
    }

    /// Called first of all: becomes the program that is to run, if that is another one. Whether this one is tried.
    pub fn enter(&self) -> bool {
        if let Some(standing) = std::env::var_os(STANDING) {
            return standing == "tried";
        }
        while let Some((fetched, tried)) = self.next() {
            let error = self.become_other(&fetched, tried);
            tracing::error!(version = fetched.version, %error, "the program does not start");
            // One that was tried is put back by the next look.
            if !tried && !self.change(|state| state.kept = None) {
                break;
            }
        }
        false
    }

    /// What is to run in the package's place, and whether it is a trial. Nothing where the card takes no writing: a trial
    /// that is not remembered would be tried for ever.
    fn next(&self) -> Option<(Fetched, bool)> {
        let state = self.load()?;
        if state.package != VERSION {
            tracing::info!("the package is another one: what was fetched before is thrown away");
            let _ = fs::remove_dir_all(&self.folder);
            return None;
        }
        match &state.trying {
            Some(Trying { fetched, started: true }) => {
                tracing::error!(
                    version = fetched.version,
                    "it did not report to the hub; the one before runs again"
                );
                if self.give_up() { self.next() } else { None }
            }
            Some(Trying { fetched, started: false }) => {
                let remembered =
                    self.change(|state| state.trying.iter_mut().for_each(|trying| trying.started = true));
                remembered.then(|| (fetched.clone(), true))
            }
            None => Some((state.kept?, false)),
        }
    }

    /// Returns only when it could not be done.
    fn become_other(&self, fetched: &Fetched, tried: bool) -> io::Error {
        let package = match std::env::current_exe() {
            Ok(package) => package,
            Err(error) => return error,
        };
        let mut other = Command::new(self.path(fetched.place));
        other.args(std::env::args_os().skip(1)).env(PACKAGE, package);
        other.env(STANDING, if tried { "tried" } else { "kept" }).exec()
    }

    /// Starts over from the package's program. Returns only when it could not be done.
    pub fn start_over(&self) -> io::Error {
        let package = match std::env::var_os(PACKAGE) {
            Some(package) => Ok(PathBuf::from(package)),
            None => std::env::current_exe(),
        };
        let package = match package {
            Ok(package) => package,
            Err(error) => return error,
        };
        Command::new(package)
            .args(std::env::args_os().skip(1))
            .env_remove(STANDING)
            .env_remove(PACKAGE)
            .exec()
    }

    /// Where what is being fetched is to be written: in neither place, so that nothing half runs.
    pub fn fetching(&self) -> PathBuf {
        self.folder.join(format!("fetching-{}", std::process::id()))
    }

    /// `file`, which was fetched and checked, is to be tried, if it runs at all. It is moved to the free place.
    pub fn try_out(&self, file: &Path, version: &str) -> Result<(), ProgramError> {
        let place = match self.load().and_then(|state| state.kept) {
            Some(Fetched { place: Place::A, .. }) => Place::B,
            _ => Place::A,
        };
        let path = self.path(place);
        let write = |source| ProgramError::Write { path: path.clone(), source };
        fs::set_permissions(file, fs::Permissions::from_mode(0o700)).map_err(write)?;
        let found = say_version(file).map_err(ProgramError::DoesNotRun)?;
        if found.split_whitespace().last() != Some(version) {
            return Err(ProgramError::OtherVersion { found, wanted: version.to_owned() });
        }
        fs::rename(file, &path).map_err(write)?;
        let mut state = self.load().unwrap_or_default();
        state.package = VERSION.to_owned();
        state.trying =
            Some(Trying { fetched: Fetched { place, version: version.to_owned() }, started: false });
        self.save(&state)
    }

    /// Whether a program waits to be tried.
    pub fn waits(&self) -> bool {
        self.load().and_then(|state| state.trying).is_some_and(|trying| !trying.started)
    }

    /// The program that is tried has reached the hub.
    pub fn keep(&self) {
        self.change(|state| {
            if let Some(trying) = state.trying.take() {
                state.kept = Some(trying.fetched);
                state.put_back = None;
            }
        });
    }

    /// Whether the program that runs is still on trial.
    pub fn is_tried(&self) -> bool {
        self.load().and_then(|state| state.trying).is_some_and(|trying| trying.started)
    }

    /// The program that is tried goes back. Whether that is remembered.
    pub fn give_up(&self) -> bool {
        self.change(|state| state.put_back = state.trying.take().map(|trying| trying.fetched.version))
    }

    fn path(&self, place: Place) -> PathBuf {
        self.folder.join(match place {
            Place::A => "a",
            Place::B => "b",
        })
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// `None` where nothing was ever fetched, or the file is damaged: then the package's program runs.
    fn load(&self) -> Option<State> {
        serde_json::from_slice(&fs::read(self.state_path()).ok()?).ok()
    }

    fn save(&self, state: &State) -> Result<(), ProgramError> {
        let path = self.state_path();
        let json = serde_json::to_vec_pretty(state).map_err(io::Error::other);
        json.and_then(|json| write_private(&path, &json))
            .map_err(|source| ProgramError::Write { path, source })
    }

    /// Whether it is remembered.
    fn change(&self, change: impl FnOnce(&mut State)) -> bool {
        let Some(mut state) = self.load() else { return false };
        change(&mut state);
        let saved = self.save(&state);
        saved.inspect_err(|error| tracing::error!(%error, "which program runs is not remembered")).is_ok()
    }
}

/// What a program answers to `--version`: `sotto-satellite 0.2.0`.
fn say_version(path: &Path) -> io::Result<String> {
    let mut child =
        Command::new(path).arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let until = Instant::now() + SAY;
    while child.try_wait()?.is_none() {
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not say its version"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    }

    fn fetch(programs: &Programs, version: &str) -> Result<(), ProgramError> {
        script(&programs.fetching(), &format!("echo sotto-satellite {version}"));
        programs.try_out(&programs.fetching(), version)
    }

    /// What would run at a start, without becoming it.
    fn start(programs: &Programs) -> Option<(String, bool)> {
        programs.next().map(|(fetched, tried)| (fetched.version, tried))
    }

    #[test]
    fn a_program_is_tried_once_and_kept_only_when_it_reports() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::of(folder.path());
        assert_eq!((start(&programs), programs.waits()), (None, false));

        fetch(&programs, "0.2.0").unwrap();
        assert!(programs.waits() && !programs.is_tried());
        assert_eq!(start(&programs), Some(("0.2.0".into(), true)));
        assert!(programs.is_tried());
        programs.keep();
        assert_eq!(start(&programs), Some(("0.2.0".into(), false)));

        // The next one ends without a word: the start after that has the one before again, for good.
        fetch(&programs, "0.3.0").unwrap();
        assert_eq!(start(&programs), Some(("0.3.0".into(), true)));
        assert_eq!(start(&programs), Some(("0.2.0".into(), false)));
        assert_eq!(start(&programs), Some(("0.2.0".into(), false)));
        assert_eq!(programs.load().unwrap().put_back.as_deref(), Some("0.3.0"));

        // And so it is when time runs out.
        fetch(&programs, "0.3.1").unwrap();
        start(&programs);
        programs.give_up();
        assert_eq!(start(&programs), Some(("0.2.0".into(), false)));
    }

    #[test]
    fn the_place_of_the_program_that_runs_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::of(folder.path());
        let place = || programs.load().unwrap().kept.unwrap().place;
        for (version, expect) in [("1", Place::A), ("2", Place::B), ("3", Place::A)] {
            fetch(&programs, version).unwrap();
            start(&programs);
            programs.keep();
            assert_eq!(place(), expect, "{version}");
        }
    }

    #[test]
    fn what_does_not_run_or_is_another_is_not_tried() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::of(folder.path());
        let file = programs.fetching();
        script(&file, "echo sotto-satellite 0.1.9");
        assert!(matches!(programs.try_out(&file, "0.2.0"), Err(ProgramError::OtherVersion { .. })));
        fs::write(&file, b"no program at all").unwrap();
        assert!(programs.try_out(&file, "0.2.0").is_err());
        assert_eq!(start(&programs), None);
    }

    #[test]
    fn where_nothing_can_be_written_the_package_runs() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::of(folder.path());
        fetch(&programs, "0.2.0").unwrap();
        let state = fs::read(programs.state_path()).unwrap();
        // A folder in the way of the file stands for a card that takes no writing, whoever runs the test.
        let full = |state: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            let other = Programs { folder: folder.path().join("programs") };
            fs::create_dir_all(&other.folder).unwrap();
            fs::write(other.state_path(), state).unwrap();
            let mut name = other.state_path().into_os_string();
            name.push(format!(".new-{}", std::process::id()));
            fs::create_dir(PathBuf::from(name)).unwrap();
            (folder, other)
        };
        let (_folder, unstarted) = full(&state);
        assert_eq!(start(&unstarted), None);
        start(&programs);
        let (_folder, started) = full(&fs::read(programs.state_path()).unwrap());
        assert_eq!(start(&started), None);
    }

    #[test]
    fn another_package_makes_an_end_of_what_was_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::of(folder.path());
        fetch(&programs, "0.2.0").unwrap();
        programs.change(|state| state.package = "0.0.1".into());
        assert_eq!(start(&programs), None);
        assert!(!programs.folder.exists());
        fs::create_dir_all(&programs.folder).unwrap();
        fs::write(programs.state_path(), b"{ damaged").unwrap();
        assert_eq!(start(&programs), None);
    }
}
