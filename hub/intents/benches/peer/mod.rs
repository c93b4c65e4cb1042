//! Hassil from PyPI, in a folder below `target`, for the benches that run beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where what comes from PyPI is kept from one run to the next.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("hassil")
}

/// A Python that has hassil; `None`, said aloud, where it cannot be had.
pub fn python() -> Option<PathBuf> {
    let python = folder().join("bin/python");
    let is_ready = |python: &Path| {
        let check = Command::new(python).args(["-c", "import hassil, yaml"]).output();
        check.is_ok_and(|output| output.status.success())
    };
    if is_ready(&python) {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder()).status();
    let pip = || pip(&python).args(["hassil==3.0.1", "pyyaml"]).status();
    if made.and_then(|_| pip()).is_ok_and(|status| status.success()) {
        return Some(python);
    }
    println!("SKIPPED: hassil could not be installed; python3-venv and PyPI are needed");
    None
}

/// The folder of a package without what it depends on.
#[allow(dead_code)]
pub fn fetched(python: &Path, package: &str) -> Option<PathBuf> {
    let target = folder().join(package);
    if !target.is_dir() {
        let status = pip(python).args(["--no-deps", "--target"]).arg(&target).arg(package).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("SKIPPED: {package} could not be fetched");
            return None;
        }
    }
    Some(target)
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip
}
