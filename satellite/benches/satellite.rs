//! The satellite as it is installed: what it misses and wrongly hears beside pymicro-wakeword from PyPI on the very
//! same sound, what the hub's second look changes, how speech ends, and what listening takes of the machine.
//! `cargo xtask bench satellite`; with `-- detections`, `endpoints` or `memory` only that part.
//!
//! `SOTTO_PEER` names a Python that has the package (`cargo xtask bench` makes one).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Long enough for everything that is touched while listening to be in memory.
const LISTENING: Duration = Duration::from_secs(20);

struct Bench {
    speech: PathBuf,
    models: PathBuf,
    peer: Option<PathBuf>,
}

fn main() -> Result<()> {
    let parts: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("SOTTO_TEST_DATA").map_or_else(beside, PathBuf::from);
    let bench = Bench {
        speech: shared.join("speech"),
        models: shared.join("models/wake"),
        peer: std::env::var_os("SOTTO_PEER").map(PathBuf::from),
    };
    if !bench.models.is_dir() || !bench.speech.is_dir() {
        println!("SKIPPED: no recordings and models in {}; set SOTTO_TEST_DATA", shared.display());
        return Ok(());
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    if wanted("memory") {
        bench.memory()?;
    }
    if wanted("detections") {
        bench.detections()?;
    }
    if wanted("endpoints") {
        bench.endpoints()?;
    }
    Ok(())
}

fn satellite() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sotto-satellite"))
}

impl Bench {
    fn noise(&self, kind: &str) -> Result<PathBuf> {
        let mut files = std::fs::read_dir(self.speech.join("noise").join(kind))?;
        Ok(files.next().ok_or("no noise")??.path())
    }

    fn evaluate(&self, manifest: &Path, noise: Option<(&str, u32)>, arguments: &[&str]) -> Result<Value> {
        let mut command = satellite();
        command.args(["evaluate", "--json", "--manifest"]).arg(manifest).arg("--models").arg(&self.models);
        if let Some((noise, snr)) = noise {
            command.arg("--noise").arg(self.noise(noise)?).args(["--snr", &snr.to_string()]);
        }
        let output = command.args(arguments).stderr(Stdio::inherit()).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn detections(&self) -> Result<()> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wake/benches/peer.py");
        let shared = self.speech.parent().unwrap_or(Path::new("."));
        println!("\nmisses, false wakes (an hour), CPU seconds per second of sound");
        if self.peer.is_none() {
            println!(
                "SKIPPED: the Python package; `cargo xtask bench satellite` fetches it, or set SOTTO_PEER"
            );
        }
        for word in ["alexa", "computer"] {
            for noise in [None, Some(("picovoice_kitchen", 10)), Some(("babble12", 10))] {
                let peer = self.peer.as_ref().map(|python| {
                    format!("{} {} {} detect {word}", python.display(), script.display(), shared.display())
                });
                let mut arguments = vec!["--wake-word", word, "--second-look"];
                arguments.extend(peer.iter().flat_map(|peer| ["--beside", peer.as_str()]));
                let facts = self.evaluate(&self.speech.join("manifest.jsonl"), noise, &arguments)?;
                let noise = noise.map_or("none".into(), |(noise, snr)| format!("{noise} {snr} dB"));
                println!("{word}, noise: {noise}");
                let row = |who: &str, facts: &Value| {
                    let number = |name: &str| facts[name].as_f64().unwrap_or(f64::NAN);
                    println!(
                        "  {who:<18} missed {:>3} of {:>3} ({:>4.1} %), {:>3} false in {:.2} h ({:>4.1}/h), {:.6}",
                        facts["missed"],
                        facts["positives"],
                        100.0 * number("miss_rate"),
                        facts["false_accepts"],
                        number("negative_hours"),
                        number("false_accepts_per_hour"),
                        number("cpu_seconds_per_audio_second"),
                    );
                };
                row("ours, with voice", &facts);
                row("  second look", &facts["second_look"]);
                if facts["beside"].is_object() {
                    row("pymicro-wakeword", &facts["beside"]);
                    let otherwise = &facts["beside"]["recordings_detected_otherwise"];
                    println!("  recordings with other detections: {otherwise}");
                }
            }
        }
        Ok(())
    }

    fn endpoints(&self) -> Result<()> {
        let all = std::fs::read_to_string(self.speech.join("manifest.jsonl"))?;
        let manifest = self.speech.join("manifest.jsonl");
        let commands: String = all
            .lines()
            .filter(|line| line.contains("\"s2i\""))
            .map(|line| -> Result<String> {
                let mut line: Value = serde_json::from_str(line)?;
                line["file"] = manifest
                    .with_file_name(line["file"].as_str().unwrap_or_default())
                    .to_string_lossy()
                    .into();
                Ok(format!("{line}\n"))
            })
            .collect::<Result<_>>()?;
        let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands.jsonl");
        std::fs::write(&list, commands)?;
        println!("\nend of speech: commands cut short; delay after the true end, ms");
        let noises = ["picovoice_kitchen", "babble12"];
        let noisy = noises.iter().flat_map(|noise| [24, 18, 12, 6].map(|snr| Some((*noise, snr))));
        for noise in std::iter::once(None).chain(noisy) {
            let facts = self.evaluate(&list, noise, &["--endpoints"])?;
            let noise = noise.map_or("none".into(), |(noise, snr)| format!("{noise} {snr} dB"));
            println!(
                "  {noise:<26} {:>3} of {} ({:>4.1} %), p50 {}, p90 {}; nobody spoke {}, no end {}",
                facts["cut_short"],
                facts["utterances"],
                100.0 * facts["cut_short_rate"].as_f64().unwrap_or(f64::NAN),
                facts["delay_ms"]["p50"],
                facts["delay_ms"]["p90"],
                facts["nobody_spoke"],
                facts["no_end_in_recording"],
            );
        }
        Ok(())
    }

    fn memory(&self) -> Result<()> {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("satellite");
        let sound = self.speech.join("asr/jfk/jfk.flac");
        let mut running = satellite()
            .args(["run", "--json", "--microphone"])
            .arg(format!("file:{}", sound.display()))
            .env("SOTTO_DATA", &data)
            .env("SOTTO_WAKE_MODELS", &self.models)
            .env("SOTTO_SPEAKER_DEVICE", "none")
            .stdout(Stdio::null())
            .spawn()?;
        std::thread::sleep(LISTENING);
        let process = Path::new("/proc").join(running.id().to_string());
        let status = std::fs::read_to_string(process.join("status"))?;
        let stat = std::fs::read_to_string(process.join("stat"))?;
        running.kill()?;
        running.wait()?;
        println!("\nlistening for okay_nabu with the voice network, after {} s", LISTENING.as_secs());
        for name in ["VmRSS", "RssAnon", "RssFile", "Threads"] {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            println!("  {}", line.replace('\t', " "));
        }
        // Fields 14 and 15, user and system time in ticks of 10 ms; the second field may hold blanks.
        let fields: Vec<f64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(|field| field.parse().unwrap_or_default())
            .collect();
        let ticks: f64 = fields.iter().skip(11).take(2).sum();
        println!(
            "  CPU seconds per second, everything included: {:.4}",
            ticks / 100.0 / LISTENING.as_secs_f64()
        );
        Ok(())
    }
}
