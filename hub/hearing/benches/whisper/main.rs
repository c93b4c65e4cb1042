//! How long Whisper takes on this machine, with models of true dimensions and made-up weights: `cargo xtask bench
//! hearing`, or without another build of whisper.cpp `cargo bench -p sotto-hearing --bench whisper --profile dev`.
//!
//! A command of three seconds is pushed as a satellite would, 20 ms at a time; the endpoint is 300 ms of silence.
//! **Late**: the whole clip at once, so that transcribing starts at the endpoint. **Early**: at real time, so that it
//! starts in the middle of that silence. With `-- --one-core` each clip has one core, which on a busy machine still tells
//! the processor time (threads that wait for each other spin). Beside them CTranslate2 (int8, what faster-whisper runs) with the same
//! dimensions, full context and as many words.

mod made_up;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use made_up::{BASE_EN, NAMES, Numbers, SAYS, Size, TINY_EN};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sotto_hearing::{Choice, Config, Engine, RATE, Request, open};

const RUNS: usize = 5;
const PACKET: usize = RATE / 50;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the models");
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = if std::env::args().any(|argument| argument == "--one-core") { 1 } else { all };
    println!("{cores} of {all} cores; a command of 3 s and {} words; medians of {RUNS}", SAYS.len());
    println!("{:<10} {:<5} {:>7} {:>9} {:>9} {:>9}", "model", "", "prompt", "late ms", "early ms", "CPU ms");
    let mut base = f64::MAX;
    for size in [BASE_EN, TINY_EN] {
        for numbers in [Numbers::F16, Numbers::Q8, Numbers::Q5] {
            for names in [0, NAMES.len()] {
                let cpu = measure(folder.path(), size, numbers, names, all / cores);
                if size.name == BASE_EN.name && names == 0 {
                    base = base.min(cpu);
                }
            }
        }
    }
    for size in [BASE_EN, TINY_EN] {
        beside_ctranslate2(size, cores, (size.name == BASE_EN.name).then_some(base));
    }
}

/// One row; returns the CPU time for one command, in milliseconds.
fn measure(folder: &Path, size: Size, numbers: Numbers, names: usize, workers: usize) -> f64 {
    // "lamp, fan, " is a token for each name, comma and blank that stands alone.
    let prompt = if names == 0 { 0 } else { 2 * names + 1 };
    let file = format!("ggml-{}-{}.bin", size.name, numbers.name());
    made_up::write(&folder.join(&file), size, numbers, prompt).expect("a model file");
    let engine = open(&Config {
        engine: Choice::Whisper,
        models: folder.to_owned(),
        model: Some(file.clone()),
        workers,
        ..Config::default()
    })
    .expect("the made-up model loads");
    let request = Request {
        words: NAMES[..names].iter().map(|name| (*name).to_owned()).collect(),
        ..Request::default()
    };
    say(engine.as_ref(), &request, Duration::ZERO);
    let before = cpu();
    let late = median((0..RUNS).map(|_| say(engine.as_ref(), &request, Duration::ZERO)).collect());
    let spent = (cpu() - before).as_secs_f64() * 1000.0 / RUNS as f64;
    let early =
        median((0..RUNS).map(|_| say(engine.as_ref(), &request, Duration::from_millis(20))).collect());
    println!(
        "{:<10} {:<5} {:>7} {:>9.0} {:>9.0} {:>9.0}",
        size.name,
        numbers.name(),
        prompt,
        milliseconds(late),
        milliseconds(early),
        spent
    );
    drop(engine);
    std::fs::remove_file(folder.join(file)).expect("the model file is removed");
    spent
}

/// From the endpoint (the last packet of 300 ms of silence) to the words.
fn say(engine: &dyn Engine, request: &Request, pace: Duration) -> Duration {
    let mut hearing = engine.begin(request.clone());
    let clip = command();
    let start = Instant::now();
    for (number, packet) in clip.chunks(PACKET).enumerate() {
        std::thread::sleep((pace * number as u32).saturating_sub(start.elapsed()));
        hearing.push(packet).expect("a short clip");
    }
    let end = Instant::now();
    let heard = hearing.finish().expect("an answer");
    let time = end.elapsed();
    let text = heard.first().map(|hypothesis| hypothesis.text()).unwrap_or_default();
    assert_eq!(text, SAYS.concat().trim(), "the made-up model says its sentence");
    time
}

/// A quiet room, three seconds that rise and fall like syllables, and the silence of the endpoint.
fn command() -> Vec<i16> {
    let sound = |i: usize| {
        let t = i as f32 / RATE as f32;
        let syllable = (t * 4.0 * std::f32::consts::PI).sin().abs().max(0.3);
        ((t * 900.0).sin() + (t * 2700.0).sin()) * 3000.0 * syllable
    };
    let quiet = |seconds: f32| (0..(seconds * RATE as f32) as usize).map(|i| (i % 7) as i16 - 3);
    quiet(0.1).chain((0..3 * RATE).map(|i| sound(i) as i16)).chain(quiet(0.3)).collect()
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel counts");
    Duration::from_micros((usage.user_time() + usage.system_time()).num_microseconds() as u64)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The same dimensions in CTranslate2, which is installed into a folder below `target` on first use.
fn beside_ctranslate2(size: Size, cores: usize, ours: Option<f64>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ctranslate2");
    let python: PathBuf = folder.join("bin/python");
    if !python.exists() {
        let made = Command::new("python3").arg("-m").arg("venv").arg(&folder).status();
        let pip = folder.join("bin/pip");
        let install =
            || Command::new(pip).args(["install", "--quiet", "ctranslate2==4.8.5", "numpy"]).status();
        if !made.and_then(|_| install()).is_ok_and(|status| status.success()) {
            println!("SKIPPED: CTranslate2 could not be installed; python3-venv and PyPI are needed");
            return;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/beside_ctranslate2.py");
    let numbers =
        [size.layers, size.heads, size.width, cores, SAYS.len(), RUNS].map(|number| number.to_string());
    match Command::new(python).arg(script).args(numbers).output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            let mut fields = text.split_whitespace().filter_map(|field| field.parse::<f64>().ok());
            if let (Some(wall), Some(cpu)) = (fields.next(), fields.next()) {
                println!(
                    "{:<10} {:<5} {:>7} {:>9.0} {:>9} {:>9.0}  CTranslate2, 30 s context",
                    size.name, "int8", 0, wall, "", cpu
                );
                if let Some(ours) = ours {
                    println!("CPU of whisper (best form) to CTranslate2: {:.2}", ours / cpu);
                }
            }
        }
        Ok(output) => {
            println!("SKIPPED: CTranslate2 failed: {}", String::from_utf8_lossy(&output.stderr).trim())
        }
        Err(error) => println!("SKIPPED: CTranslate2 could not be run: {error}"),
    }
}
