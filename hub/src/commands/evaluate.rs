//! `evaluate`: how well recordings are understood, on the same road as a satellite's voice.
//!
//! `FLAC → noise of the room → Opus → engine → sentences → intent and slots, compared with the label`
//!
//! A clip is right when intent and slots are all as labelled and nothing else was made up. A clip without a label
//! is right when nothing was understood. For households too, on their own corrected recordings.

mod clips;
mod report;
mod road;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use sotto_hearing::{Choice, Config, Engine, Grammar, Request};
use sotto_intents::{Context, Home, Matcher, Sentences};

use super::Place;
pub(super) use clips::samples;

use clips::Clip;
use report::{Report, Result};

/// Measure how well recordings are understood
#[derive(clap::Args)]
pub struct Evaluate {
    /// Recordings and labels: one {"file", "intent", "slots"} a line, files relative to it
    #[arg(long, value_name = "FILE.jsonl")]
    manifest: PathBuf,
    /// Sentences in Home Assistant's format
    #[arg(long, value_name = "DIR")]
    sentences: PathBuf,
    /// Speech engine; auto is whisper if a model is installed, else phrase
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = ["auto", "whisper", "phrase", "both"])]
    engine: String,
    /// File name of the Whisper model [default: the largest that is installed]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Noise to add (FLAC, 16 kHz mono)
    #[arg(long, value_name = "FILE.flac", requires = "snr")]
    noise: Option<PathBuf>,
    /// Signal-to-noise ratio in dB, between the loudest frames of both
    #[arg(long, value_name = "DB", requires = "noise", allow_hyphen_values = true)]
    snr: Option<f32>,
    /// Stop after so many recordings, spread over the whole manifest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Recordings heard at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
}

/// Most transitions of the grammar that the engine listens along.
const GRAMMAR_LIMIT: usize = 500_000;

pub fn run(place: &Place, command: &Evaluate) -> anyhow::Result<ExitCode> {
    let mut clips = clips::read(&command.manifest)?;
    if let Some(limit) = command.limit {
        clips = spread(clips, limit as usize);
    }
    let noise = command.noise.as_deref().map(clips::samples).transpose()?;
    let noise = noise.zip(command.snr);
    let sentences = Sentences::load(&[&command.sentences])
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("cannot use the sentences in {}", command.sentences.display()))?;
    let matcher = Matcher::new(&sentences, &Home::default());
    let choice = match command.engine.as_str() {
        "whisper" => Choice::Whisper,
        "phrase" => Choice::Phrase,
        "both" => Choice::Both,
        _ => Choice::Auto,
    };
    let engine = sotto_hearing::open(&Config {
        engine: choice,
        models: crate::config::data_directory(place.data.clone()).join("models"),
        model: command.model.clone(),
        workers: command.jobs as usize,
        worker: std::env::current_exe().ok(),
        ..Config::default()
    })?;
    let grammar = matcher.grammar(GRAMMAR_LIMIT);
    let prompt: Vec<String> = grammar.vocabulary().into_iter().map(str::to_owned).collect();
    engine.set_grammar(Grammar::from(&grammar))?;

    let bar = ProgressBar::new(clips.len() as u64)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} recordings, {eta} left")?);
    let next = AtomicUsize::new(0);
    let (results, failure) = (Mutex::new(Vec::new()), Mutex::new(None));
    let road_time = Mutex::new(Duration::ZERO);
    let cpu_before = cpu_time();
    std::thread::scope(|scope| {
        for job in 0..command.jobs {
            let (clips, noise, engine, matcher, prompt) = (&clips, &noise, &engine, &matcher, &prompt);
            let (next, results, failure, road_time, bar) = (&next, &results, &failure, &road_time, &bar);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(clip) = clips.get(index) else { break };
                    let before = thread_time();
                    let samples = travel(clip, noise.as_ref());
                    *lock(road_time) += thread_time().saturating_sub(before);
                    match samples
                        .and_then(|samples| hear(clip, &samples, engine.as_ref(), matcher, prompt, job))
                    {
                        Ok(result) => lock(results).push((index, result)),
                        Err(error) => {
                            lock(failure).get_or_insert(error);
                            next.store(clips.len(), Ordering::Relaxed);
                        }
                    }
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    if let Some(error) = lock(&failure).take() {
        return Err(error);
    }
    let (name, model) = (engine.name().to_owned(), engine.model());
    // Its processes end here, so that their time counts.
    drop(engine);
    let cpu = cpu_time().saturating_sub(cpu_before).saturating_sub(*lock(&road_time));
    let mut results = std::mem::take(&mut *lock(&results));
    results.sort_by_key(|(index, _)| *index);
    let results = results.into_iter().map(|(_, result)| result).collect();
    let report = Report { results, engine: name, model, cpu };
    if place.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

/// `limit` of the clips, at even distances: the clips of one speaker or category often stand together.
fn spread(clips: Vec<Clip>, limit: usize) -> Vec<Clip> {
    let all = clips.len();
    let wanted = limit.min(all);
    let chosen: Vec<usize> = (0..wanted).map(|i| i * all / wanted.max(1)).collect();
    clips
        .into_iter()
        .enumerate()
        .filter(|(index, _)| chosen.binary_search(index).is_ok())
        .map(|(_, clip)| clip)
        .collect()
}

/// The clip as the hub gets it.
fn travel(clip: &Clip, noise: Option<&(Vec<i16>, f32)>) -> anyhow::Result<Vec<i16>> {
    let mut samples = clips::samples(&clip.path)?;
    if let Some((noise, decibels)) = noise {
        // The name decides which piece of the noise: neither order nor number of jobs matters.
        let name = clip.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        samples = road::add_noise(&samples, noise, *decibels, seed);
    }
    road::through_opus(&samples)
}

fn hear(
    clip: &Clip,
    samples: &[i16],
    engine: &dyn Engine,
    matcher: &Matcher,
    prompt: &[String],
    job: u32,
) -> anyhow::Result<Result> {
    let request = Request { language: None, words: prompt.to_vec(), room: job.to_string() };
    let mut hearing = engine.begin(request);
    for packet in samples.chunks(320) {
        hearing.push(packet).with_context(|| clip.path.display().to_string())?;
    }
    let end = Instant::now();
    let hypotheses = hearing.finish().with_context(|| clip.path.display().to_string())?;
    let understood = hypotheses
        .iter()
        .filter(|hypothesis| hypothesis.confidence >= sotto_hearing::ACCEPT)
        .find_map(|hypothesis| matcher.parse(&hypothesis.text(), &Context::default()));
    let latency = end.elapsed();

    let heard: BTreeMap<String, String> = understood
        .iter()
        .flat_map(|found| &found.slots)
        .map(|slot| {
            (
                slot.name.clone(),
                slot.value.as_text().map_or_else(|| slot.value.to_json().to_string(), str::to_owned),
            )
        })
        .collect();
    let intent = understood.as_ref().map(|found| found.intent.clone());
    let mut differences = Vec::new();
    if intent != clip.intent {
        differences.push(("intent".to_owned(), clip.intent.clone(), intent.clone()));
    } else {
        let names: std::collections::BTreeSet<&String> = clip.slots.keys().chain(heard.keys()).collect();
        for name in names {
            let (expected, got) = (clip.slots.get(name), heard.get(name));
            if expected.map(|value| plain(value)) != got.map(|value| plain(value)) {
                differences.push((name.clone(), expected.cloned(), got.cloned()));
            }
        }
    }
    Ok(Result {
        file: clip.file.clone(),
        right: differences.is_empty(),
        differences,
        expected: clip.intent.is_some(),
        understood: intent.is_some(),
        latency,
        seconds: samples.len() as f64 / 16_000.0,
        confidence: hypotheses.first().map(|hypothesis| hypothesis.confidence),
    })
}

/// A slot's value as it is compared: lower case, single blanks.
fn plain(value: &str) -> String {
    value.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// CPU time of this process and of its ended children.
fn cpu_time() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .filter_map(|who| getrusage(who).ok())
        .map(|usage| (usage.user_time() + usage.system_time()).num_microseconds())
        .map(|micros| Duration::from_micros(micros.max(0) as u64))
        .sum()
}

/// CPU time of this thread.
fn thread_time() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    getrusage(UsageWho::RUSAGE_THREAD).map_or(Duration::ZERO, |usage| {
        Duration::from_micros((usage.user_time() + usage.system_time()).num_microseconds().max(0) as u64)
    })
}
