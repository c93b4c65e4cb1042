//! `evaluate`: plays recordings to the ear and counts what it missed and what it only thought it heard.
//!
//! `manifest → decode → mix with noise → ear → hits, misses, false accepts`
//!
//! A line of the manifest is positive where its `keyword` is the wake word, else negative. Each recording is
//! heard by a fresh ear, followed by a second of silence (or of the noise), in which the word may still be
//! detected.

mod decode;
mod endpoints;
mod mix;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Deserialize;
use sotto_wake::{Ear, Heard, Model, SAMPLE_RATE, WakeWord, find_models};

use super::Place;

#[derive(clap::Args)]
pub struct Args {
    /// Recordings to play: one JSON object a line, with "file" and "keyword"
    #[arg(long, value_name = "F.jsonl")]
    manifest: PathBuf,
    /// Wake word to listen for, by the name of its model or by what is said
    #[arg(long, value_name = "W", required_unless_present = "endpoints")]
    wake_word: Option<String>,
    /// Folder of wake models [default: the satellite's own]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// How readily to wake, 0 to 1, where 0.5 is what the model's author chose
    #[arg(long, value_name = "S", conflicts_with = "cutoff", value_parser = share)]
    sensitivity: Option<f32>,
    /// Mean probability that must be exceeded, instead of the model's
    #[arg(long, value_name = "P", value_parser = share)]
    cutoff: Option<f32>,
    /// Noise to add (FLAC, WAV or Ogg Opus)
    #[arg(long, value_name = "F", requires = "snr")]
    noise: Option<PathBuf>,
    /// How much louder than the noise the loudest part of the recording is
    #[arg(long, value_name = "DB", requires = "noise", allow_negative_numbers = true)]
    snr: Option<f64>,
    /// Name each recording missed or wrongly heard, on standard error
    #[arg(long)]
    list: bool,
    /// Instead: how often an utterance would be cut short, and how late its end is noticed
    #[arg(long)]
    endpoints: bool,
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a number from 0 to 1 is needed".into()),
    }
}

/// Heard after each recording, so that a word at its very end can be detected.
const AFTER: usize = SAMPLE_RATE as usize;
/// What the ear gets at a time, as from a microphone: 20 ms.
const CHUNK: usize = SAMPLE_RATE as usize / 50;

/// A line of the manifest; what else it says is for others.
#[derive(Deserialize)]
struct Line {
    file: PathBuf,
    #[serde(default)]
    keyword: Option<String>,
}

#[derive(Default)]
struct Counts {
    positives: u64,
    missed: u64,
    negative_samples: u64,
    false_accepts: u64,
    samples: u64,
    cpu: Duration,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<()> {
    let lines = manifest(&args.manifest)?;
    let noise = match (&args.noise, args.snr) {
        (Some(file), Some(snr)) => Some(mix::Noise::new(
            &decode::file(file)?,
            snr,
            if args.endpoints { mix::COMMAND } else { mix::WAKE_WORD },
        )?),
        _ => None,
    };
    let folder = match &args.models {
        Some(folder) => folder.clone(),
        None => place.load()?.wake_models(),
    };
    if args.endpoints {
        let voice = Model::open(&folder.join("vad.json")).context("endpoints need the voice model")?;
        let facts = endpoints::measure(&lines, noise.as_ref(), &voice)?;
        super::print(place.json, &facts);
        return Ok(());
    }
    let wanted = args.wake_word.as_deref().unwrap_or_default();
    let mut word = find(&folder, wanted)?;
    if let Some(sensitivity) = args.sensitivity {
        word = word.with_sensitivity(sensitivity);
    }
    if let Some(cutoff) = args.cutoff {
        word = word.with_cutoff(cutoff);
    }
    let voice = Model::open(&folder.join("vad.json")).ok();
    let mut ear = Ear::new(std::slice::from_ref(&word), voice.as_ref());
    let counts = listen(&lines, wanted, noise.as_ref(), &mut ear, args.list)?;
    let hours = counts.negative_samples as f64 / f64::from(SAMPLE_RATE) / 3_600.0;
    let seconds = counts.samples as f64 / f64::from(SAMPLE_RATE);
    let facts = serde_json::json!({
        "wake_word": word.phrase(),
        "cutoff": word.cutoff(),
        "noise": args.noise,
        "snr_db": args.snr,
        "positives": counts.positives,
        "missed": counts.missed,
        "miss_rate": ratio(counts.missed as f64, counts.positives as f64),
        "negative_hours": hours,
        "false_accepts": counts.false_accepts,
        "false_accepts_per_hour": ratio(counts.false_accepts as f64, hours),
        "cpu_seconds_per_audio_second": ratio(counts.cpu.as_secs_f64(), seconds),
    });
    super::print(place.json, &facts);
    Ok(())
}

/// Null where nothing was measured: a rate of nothing is not zero.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The recordings of a manifest, their names made whole.
fn manifest(path: &Path) -> anyhow::Result<Vec<Line>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the manifest {}; check its name", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut line: Line = serde_json::from_str(line).with_context(|| {
            format!("{}:{}: each line must be an object with \"file\"", path.display(), number + 1)
        })?;
        line.file = folder.join(&line.file);
        lines.push(line);
    }
    if lines.is_empty() {
        bail!("{} names no recording", path.display());
    }
    Ok(lines)
}

/// "Okay Nabu", "okay_nabu" and "okay nabu" are one name.
fn plain(name: &str) -> String {
    name.to_lowercase().replace([' ', '-'], "_")
}

fn find(folder: &Path, wanted: &str) -> anyhow::Result<WakeWord> {
    let mut known = Vec::new();
    for found in find_models(folder)? {
        match found.model {
            Ok(model) if [model.id(), model.phrase()].map(plain).contains(&plain(wanted)) => {
                return Ok(WakeWord::new(model));
            }
            Ok(model) => known.push(model.id().to_owned()),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
    bail!(
        "there is no wake word \"{wanted}\" in {}, which has: {}; put its .tflite and .json there",
        folder.display(),
        if known.is_empty() { "none".into() } else { known.join(", ") }
    )
}

/// Where in a recording the word was detected, in samples. `cpu` grows by what the ear took.
fn detections(ear: &mut Ear, samples: &[i16], cpu: &mut Duration) -> Vec<u64> {
    ear.reset();
    let mut wakes = Vec::new();
    let begin = cpu_time();
    for chunk in samples.chunks(CHUNK) {
        for heard in ear.push(chunk) {
            if let Heard::Wake { at, .. } = heard {
                wakes.push(at);
            }
        }
    }
    *cpu += cpu_time().saturating_sub(begin);
    wakes
}

fn listen(
    lines: &[Line],
    wanted: &str,
    noise: Option<&mix::Noise>,
    ear: &mut Ear,
    list: bool,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    for (number, line) in lines.iter().enumerate() {
        let mut samples = decode::file(&line.file)?;
        mix::cut_padding(&mut samples);
        let length = samples.len();
        samples.resize(length + AFTER, 0);
        if let Some(noise) = noise {
            samples = noise.under(&samples, number as u64);
        }
        let detections = detections(ear, &samples, &mut counts.cpu);
        counts.samples += samples.len() as u64;
        if line.keyword.as_deref().map(plain) == Some(plain(wanted)) {
            counts.positives += 1;
            counts.missed += u64::from(detections.is_empty());
            if list && detections.is_empty() {
                eprintln!("missed: {}", line.file.display());
            }
        } else {
            counts.negative_samples += samples.len() as u64;
            counts.false_accepts += detections.len() as u64;
            for at in detections.iter().filter(|_| list) {
                let seconds = *at as f64 / f64::from(SAMPLE_RATE);
                eprintln!("wrongly heard: {} at {seconds:.2} s", line.file.display());
            }
        }
    }
    Ok(counts)
}

/// Processor time of this thread.
fn cpu_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else { return Duration::ZERO };
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|t| Duration::from_micros((t.tv_sec() * 1_000_000 + t.tv_usec()).unsigned_abs()))
        .sum()
}
