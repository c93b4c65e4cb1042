//! `evaluate`: plays recordings to the ear and counts what it missed and what it only thought it heard.
//!
//! `manifest → decode → mix with noise → ear (→ second look) → hits, misses, false accepts`
//!
//! A line of the manifest is positive where its `keyword` is the wake word, else negative. Each recording is
//! heard by an ear of its own, after two seconds of silence (or of the noise), since an ear that has heard nothing yet is
//! deceived as no satellite's is, and followed by one second, in which the word may still be detected.

mod decode;
mod mix;

mod beside;
mod look;

mod counts;
mod endpoints;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Deserialize;
use sotto_satellite::config::Config;
use sotto_wake::{Ear, Heard, Model, SAMPLE_RATE, WakeWord, find_models};

use self::beside::Beside;
use self::counts::Counts;
use self::look::Look;
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
    /// Let each detection be looked at a second time, as the hub does
    #[arg(long)]
    second_look: bool,
    /// Let another detector hear the same: a program and its arguments (see satellite/wake/benches/peer.py)
    #[arg(long, value_name = "COMMAND")]
    beside: Option<String>,
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

/// Heard before each recording, not counted, so that front end and networks have a past.
const BEFORE: usize = 2 * SAMPLE_RATE as usize;
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
    let opus = Config::default().opus;
    let mut trial = Trial {
        ear: Ear::new(std::slice::from_ref(&word), voice.as_ref()),
        look: args.second_look.then(|| Look::new(word.clone(), opus.bitrate, opus.complexity)).transpose()?,
        beside: args.beside.as_deref().map(Beside::start).transpose()?,
        list: args.list,
        counts: Counts::default(),
        confirmed: Counts::default(),
        theirs: Counts::default(),
        differ: 0,
    };
    for (number, line) in lines.iter().enumerate() {
        let mut recording = decode::file(&line.file)?;
        mix::cut_padding(&mut recording);
        let mut samples = [&[0; BEFORE], &recording[..], &[0; AFTER]].concat();
        if let Some(noise) = &noise {
            samples = noise.under(&samples, number as u64);
        }
        let said = line.keyword.as_deref().map(plain) == Some(plain(wanted));
        trial.hear(&line.file, said, &samples)?;
    }
    let mut facts = serde_json::json!({
        "wake_word": word.phrase(),
        "cutoff": word.cutoff(),
        "noise": args.noise,
        "snr_db": args.snr,
    });
    for (name, fact) in trial.counts.facts().as_object().into_iter().flatten() {
        facts[name] = fact.clone();
    }
    if trial.look.is_some() {
        facts["second_look"] = trial.confirmed.facts();
    }
    if trial.beside.is_some() {
        facts["beside"] = trial.theirs.facts();
        facts["beside"]["recordings_detected_otherwise"] = trial.differ.into();
    }
    super::print(place.json, &facts);
    Ok(())
}

/// A wake word on trial: what is asked about each recording, and what came out so far.
struct Trial {
    ear: Ear,
    look: Option<Look>,
    beside: Option<Beside>,
    list: bool,
    counts: Counts,
    /// After the second look.
    confirmed: Counts,
    theirs: Counts,
    /// Recordings in which ours and theirs are not the same detections.
    differ: u64,
}

impl Trial {
    fn hear(&mut self, file: &Path, said: bool, samples: &[i16]) -> anyhow::Result<()> {
        let detections = detections(&mut self.ear, samples, &mut self.counts.cpu);
        self.counts.add(said, BEFORE, samples.len() - BEFORE, detections.len());
        if self.list && said && detections.is_empty() {
            eprintln!("missed: {}", file.display());
        }
        for at in detections.iter().filter(|_| self.list && !said) {
            eprintln!(
                "wrongly heard: {} at {:.2} s",
                file.display(),
                (*at as f64 - BEFORE as f64) / f64::from(SAMPLE_RATE)
            );
        }
        if let Some(beside) = &mut self.beside {
            let theirs = beside.detections(samples, &mut self.theirs.cpu)?;
            self.differ += u64::from(theirs != detections);
            self.theirs.add(said, BEFORE, samples.len() - BEFORE, theirs.len());
        }
        if let Some(look) = &mut self.look {
            let begin = cpu_time();
            let mut confirmed = 0;
            for &at in &detections {
                confirmed += usize::from(look.confirms(samples, at)?);
            }
            self.confirmed.cpu += cpu_time().saturating_sub(begin);
            self.confirmed.add(said, BEFORE, samples.len() - BEFORE, confirmed);
        }
        Ok(())
    }
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

/// Processor time of this thread.
fn cpu_time() -> Duration {
    use nix::sys::time::TimeValLike;
    let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else { return Duration::ZERO };
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| Duration::from_micros(time.num_microseconds().unsigned_abs()))
        .sum()
}
