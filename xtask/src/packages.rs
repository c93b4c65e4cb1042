//! What a new machine lacks: Debian packages, and the few things that come from PyPI.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::shell;

/// To build: a C++ compiler and cmake for Opus and whisper.cpp, ALSA's and PocketSphinx' headers.
const BUILD: &[&str] = &["build-essential", "cmake", "pkg-config", "libasound2-dev", "libpocketsphinx-dev"];
/// To run: the acoustic model, a broker, a voice.
const RUN: &[&str] =
    &["pocketsphinx-en-us", "mosquitto", "mosquitto-clients", "espeak-ng", "libasound2-plugins"];
/// To test: a browser, a sound server without a card, several hosts on one machine, images of SD cards.
const TEST: &[&str] = &[
    "chromium",
    "pulseaudio",
    "pulseaudio-utils",
    "iproute2",
    "mtools",
    "fdisk",
    "dosfstools",
    "device-tree-compiler",
];

/// To render the satellites' enclosures, with pictures, and to compile a device-tree overlay.
const HARDWARE: &[&str] = &["openscad", "device-tree-compiler", "xvfb", "xauth", "libgl1-mesa-dri"];

/// How much of it is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum For {
    Demo,
    Test,
    Hardware,
}

/// Installs what is missing. On a terminal it asks first, unless `yes`.
pub fn install(purpose: For, yes: bool) -> anyhow::Result<()> {
    let wanted: Vec<&&str> = match purpose {
        For::Demo => BUILD.iter().chain(RUN).collect(),
        For::Test => BUILD.iter().chain(RUN).chain(TEST).collect(),
        For::Hardware => HARDWARE.iter().collect(),
    };
    let missing: Vec<&str> = wanted.into_iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if shell::output(Command::new("apt-get").arg("--version")).is_none() {
        bail!("this machine has no apt; install what these Debian packages hold: {}", missing.join(" "));
    }
    println!("Missing Debian packages: {}", missing.join(" "));
    if !yes && std::io::stdin().is_terminal() && !agreed()? {
        bail!(
            "nothing was installed; install them yourself and start again: apt install {}",
            missing.join(" ")
        );
    }
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(missing);
    apt(&install)
}

fn agreed() -> anyhow::Result<bool> {
    print!("Install them now with apt? [Y/n] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

fn apt(args: &[&str]) -> anyhow::Result<()> {
    let root = shell::output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let mut command = Command::new(if root { "apt-get" } else { "sudo" });
    if !root {
        command.arg("apt-get");
    }
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(&mut command)
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${db:Status-Status}", package]);
    shell::output(&mut query).is_some_and(|status| status == "installed")
}

/// cargo-nextest, built from source where it is missing.
pub fn nextest() -> anyhow::Result<()> {
    if shell::output(&mut shell::cargo(&["nextest", "--version"])).is_some() {
        return Ok(());
    }
    println!("cargo-nextest is missing; building it (some minutes, once)");
    shell::run(&mut shell::cargo(&["install", "--locked", "cargo-nextest"]))
}

/// The wake models that come inside the PyPI package `pymicro-wakeword`, unpacked once into `target/wake-models`.
pub fn wake_models() -> anyhow::Result<PathBuf> {
    let models = shell::target().join("wake-models");
    if models.join("okay_nabu.tflite").exists() {
        return Ok(models);
    }
    println!("Fetching the wake-word models (PyPI package pymicro-wakeword)");
    let wheels = shell::target().join("wheels");
    std::fs::create_dir_all(&models)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest"]);
    shell::run(pip.arg(&wheels).arg("pymicro-wakeword")).context("pip is needed: apt install python3-pip")?;
    let unpack = "\
import glob, os, sys, zipfile
for wheel in glob.glob(os.path.join(sys.argv[1], 'pymicro_wakeword-*.whl')):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            base = os.path.basename(name)
            if base.endswith(('.tflite', '.json')):
                open(os.path.join(sys.argv[2], base), 'wb').write(archive.read(name))
";
    shell::run(Command::new("python3").args(["-c", unpack]).arg(&wheels).arg(&models))?;
    if !models.join("okay_nabu.tflite").exists() {
        bail!("the package pymicro-wakeword holds no okay_nabu.tflite");
    }
    Ok(models)
}

/// A Python that has `pymicro-wakeword`, made once below `target`; nothing, and a word why, where that fails.
pub fn wake_peer() -> Option<PathBuf> {
    let folder = shell::target().join("pymicro-wakeword");
    let python = folder.join("bin/python");
    let has_it = ["-c", "import pymicro_wakeword, soundfile"];
    if shell::output(Command::new(&python).args(has_it)).is_none() {
        let made = shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).and_then(|()| {
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            shell::run(pip.args(["pymicro-wakeword==2.5.0", "soundfile"]))
        });
        if let Err(error) = made {
            println!("{error:#}; python3-venv and PyPI are needed to measure beside pymicro-wakeword");
            return None;
        }
    }
    Some(python)
}
