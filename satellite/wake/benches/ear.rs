//! What an ear computes and costs, beside pymicro-wakeword from PyPI in the same run: `cargo xtask bench wake`.
//!
//! - Agreement: every feature and every probability of every wake and negative recording, value by value.
//! - Processor time per second of sound, by model; the front end is shared between models here, and there not.
//! - Instructions per second of sound, where valgrind is installed: they can be carried over to another machine.
//!
//! `SOTTO_PEER` names a Python that has the package (`cargo xtask bench` makes one). The program also runs itself:
//! `trace MODELS FILE…` prints what it computes for `peer.py` to compare, `listen MODELS FILE WORDS SECONDS` listens
//! once for valgrind.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use sotto_wake::frontend::FrontEnd;
use sotto_wake::{Ear, Model, SAMPLE_RATE, WakeWord, find_models};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What is listened for: models by name, joined by `+`; `-` is the front end alone.
const COMBINATIONS: [&str; 10] = [
    "-",
    "vad",
    "alexa",
    "computer",
    "hey_jarvis",
    "hey_mycroft",
    "okay_computer",
    "okay_nabu",
    "vad+okay_nabu",
    "vad+okay_nabu+alexa+hey_jarvis+hey_mycroft",
];

/// Sound of one run, and how many runs there are of which the least counts: the machine may have other work.
const SECONDS: usize = 60;
const RUNS: usize = 7;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["trace", models, files @ ..] => trace(Path::new(models), files),
        ["listen", models, file, words, seconds] => {
            listen(&mut ear(Path::new(models), words)?, &sound(Path::new(file))?, seconds.parse()?);
            Ok(())
        }
        _ => report(),
    }
}

fn report() -> Result<()> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("SOTTO_TEST_DATA").map_or_else(beside, PathBuf::from);
    let (models, file) = (shared.join("models/wake"), shared.join("speech/asr/jfk/jfk.flac"));
    if !models.is_dir() || !file.is_file() {
        println!("SKIPPED: no recordings and models in {}; set SOTTO_TEST_DATA", shared.display());
        return Ok(());
    }
    let peer = std::env::var_os("SOTTO_PEER").map(PathBuf::from);
    if peer.is_none() {
        println!("SKIPPED: the Python package; `cargo xtask bench wake` fetches it, or set SOTTO_PEER");
    }
    processor_time(&models, &file, peer.as_deref(), &shared)?;
    instructions(&models, &file)?;
    if let Some(peer) = peer {
        println!("\nagreement, value by value");
        let exe = std::env::current_exe()?;
        Command::new(peer).args([script(), shared, "compare".into(), exe]).status()?;
    }
    Ok(())
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer.py")
}

fn processor_time(models: &Path, file: &Path, peer: Option<&Path>, shared: &Path) -> Result<()> {
    let samples = sound(file)?;
    // The peer's runs: one row a model, front end and network.
    let mut theirs = Vec::new();
    if let Some(peer) = peer {
        let mut command = Command::new(peer);
        command.args([&script(), shared, Path::new("time"), file]).arg(SECONDS.to_string());
        let output = command.arg(RUNS.to_string()).output()?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            theirs.push(serde_json::from_str::<serde_json::Value>(line)?);
        }
    }
    println!("\nprocessor seconds per second of sound, least of {RUNS} runs of {SECONDS} s");
    println!("{:<44} {:>10} {:>10} {:>10} {:>10} {:>6}", "", "ours", "network", "peer", "network", "ratio");
    let mut front = 0.0;
    for words in COMBINATIONS {
        let mut ear = ear(models, words)?;
        let spent = (0..RUNS).map(|_| listen(&mut ear, &samples, SECONDS)).min().unwrap_or_default();
        let ours = spent.as_secs_f64() / SECONDS as f64;
        if words == "-" {
            front = ours;
        }
        let figure = |row: &serde_json::Value, name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        let row = theirs.iter().find(|row| row["what"] == words);
        let [whole, network] = row.map_or([f64::NAN; 2], |r| [figure(r, "whole"), figure(r, "network")]);
        println!(
            "{words:<44} {ours:>10.6} {:>10.6} {whole:>10.6} {network:>10.6} {:>6.2}",
            ours - front,
            ours / whole
        );
    }
    Ok(())
}

fn instructions(models: &Path, file: &Path) -> Result<()> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIPPED: valgrind is not installed; apt install valgrind");
        return Ok(());
    }
    println!("\nmillion instructions per second of sound");
    let count = |words: &str, seconds: &str| -> Result<f64> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe()?).arg("listen").args([models, file]).args([words, seconds]);
        let told = String::from_utf8(command.output()?.stderr)?;
        let line = told.lines().find(|line| line.contains("I refs:") || line.contains("I   refs:"));
        let digits: String = line
            .and_then(|line| line.rsplit(':').next())
            .ok_or("valgrind counted nothing")?
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        Ok(digits.parse()?)
    };
    for words in COMBINATIONS {
        // The difference of two lengths leaves start-up out.
        let ten = count(words, "12")? - count(words, "2")?;
        println!("{words:<44} {:>10.2}", ten / 10.0 / 1e6);
    }
    Ok(())
}

fn ear(folder: &Path, words: &str) -> Result<Ear> {
    let open = |name: &str| Model::open(&folder.join(name).with_extension("json"));
    let (mut voice, mut wake_words) = (None, Vec::new());
    for name in words.split('+').filter(|&name| name != "-") {
        match name {
            "vad" => voice = Some(open(name)?),
            name => wake_words.push(WakeWord::new(open(name)?)),
        }
    }
    Ok(Ear::new(&wake_words, voice.as_ref()))
}

/// Hears so many seconds in chunks of 20 ms; the processor time it took.
fn listen(ear: &mut Ear, samples: &[i16], seconds: usize) -> Duration {
    let begin = processor();
    let chunks = samples.chunks_exact(320).cycle().take(seconds * SAMPLE_RATE as usize / 320);
    let heard: usize = chunks.map(|chunk| ear.push(chunk).count()).sum();
    std::hint::black_box(heard);
    processor() - begin
}

/// User time of this thread so far.
fn processor() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else { return Duration::ZERO };
    let time = usage.user_time();
    Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()).unsigned_abs())
}

fn sound(file: &Path) -> Result<Vec<i16>> {
    let mut samples = Vec::new();
    for sample in claxon::FlacReader::open(file)?.samples() {
        samples.push(sample? as i16);
    }
    Ok(samples)
}

/// Prints, for each file and half a second of silence after it, one line of features (`FILE features HEX`: u16,
/// little endian, 40 a window) and one line a model of probabilities (`FILE MODEL HEX`: in 1/256, one byte a run).
fn trace(folder: &Path, files: &[&str]) -> Result<()> {
    let models: Vec<Model> =
        find_models(folder)?.into_iter().map(|found| found.model).collect::<std::result::Result<_, _>>()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for file in files {
        let mut samples = sound(Path::new(file))?;
        samples.resize(samples.len() + SAMPLE_RATE as usize / 2, 0);
        let (mut frontend, mut rest) = (FrontEnd::new(), &samples[..]);
        let windows: Vec<_> = std::iter::from_fn(|| frontend.next(&mut rest)).collect();
        let mut hex = String::new();
        for feature in windows.iter().flatten() {
            write!(hex, "{:04x}", feature.swap_bytes())?;
        }
        writeln!(out, "{file} features {hex}")?;
        for model in &models {
            let Some(mut network) = model.network() else { continue };
            let mut hex = String::new();
            for probability in windows.iter().filter_map(|features| network.push(features)) {
                write!(hex, "{:02x}", (probability * 256.0) as u8)?;
            }
            writeln!(out, "{file} {} {hex}", model.id())?;
        }
    }
    Ok(())
}
