//! `devices`: the microphones and speakers that `microphone.device` and `speaker.device` can name, and a
//! level meter for one of them.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use sotto_satellite::devices::{self, Direction};
use sotto_satellite::microphone::{Heard, Microphone};
use sotto_satellite::sound::Frame;
use tokio::time::{Instant, timeout_at};

use super::Place;

/// Frames in a reading: ten readings a second.
const READING: usize = 5;

/// Columns of the meter, for 60 dB.
const COLUMNS: f32 = 30.0;

#[derive(clap::Args)]
pub struct Args {
    /// Watch how loud a microphone is; without a name, that of the configuration
    #[arg(long, value_name = "DEVICE", num_args = 0..=1)]
    level: Option<Option<String>>,
    /// Stop watching after so many seconds
    #[arg(long, requires = "level")]
    seconds: Option<u32>,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<()> {
    let Some(device) = args.level else { return list(place.json) };
    let config = place.load()?;
    let device = device.unwrap_or(config.microphone.device);
    let microphone = Microphone::open(&device, config.microphone.channel)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the meter cannot start")?;
    runtime.block_on(watch(microphone, args.seconds, place.json))
}

fn list(json: bool) -> anyhow::Result<()> {
    for (kind, direction) in [("microphone", Direction::Input), ("speaker", Direction::Output)] {
        for device in devices::all(direction)? {
            if json {
                println!("{}", json!({"kind": kind, "name": device.name, "about": device.about}));
            } else {
                println!("{kind}  {:<32}  {}", device.name, device.about);
            }
        }
    }
    Ok(())
}

/// Prints readings until Ctrl-C, the end of the recording, or for so many seconds.
async fn watch(mut microphone: Microphone, seconds: Option<u32>, json: bool) -> anyhow::Result<()> {
    let day = Duration::from_secs(24 * 3600);
    let until = Instant::now() + seconds.map_or(day, |seconds| Duration::from_secs(seconds.into()));
    let mut reading = Vec::with_capacity(READING);
    while let Ok(heard) = timeout_at(until, microphone.next()).await {
        match heard {
            Some(Heard::Sound(frame)) => reading.push(frame),
            Some(Heard::Lost(why)) => note(json, "lost", &why)?,
            Some(Heard::Returned) => note(json, "returned", "")?,
            Some(Heard::Ended) => break,
            Some(Heard::Broken(why)) => bail!("{why}"),
            None => bail!("the microphone closed"),
        }
        if reading.len() == READING {
            show(&reading, microphone.overruns(), json)?;
            reading.clear();
        }
    }
    Ok(())
}

fn show(reading: &[Frame], overruns: u64, json: bool) -> std::io::Result<()> {
    let power: f32 = reading.iter().map(|frame| 10f32.powf(frame.dbfs() / 10.0)).sum();
    let dbfs = (10.0 * (power / reading.len() as f32).log10()).max(-100.0);
    let mut out = std::io::stdout();
    if json {
        let dbfs = (f64::from(dbfs) * 10.0).round() / 10.0;
        return writeln!(out, "{}", json!({"dbfs": dbfs, "frames_lost": overruns}));
    }
    let filled = (COLUMNS * (1.0 + dbfs / 60.0)).clamp(0.0, COLUMNS) as usize;
    let bar = format!("{:<width$}", "█".repeat(filled), width = COLUMNS as usize);
    let lost = if overruns > 0 { format!("  {overruns} frames lost") } else { String::new() };
    // On a terminal the meter stays in its line.
    let end = if out.is_terminal() { '\r' } else { '\n' };
    write!(out, "{bar} {dbfs:6.1} dB{lost}{end}")?;
    out.flush()
}

fn note(json: bool, event: &str, why: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", json!({"event": event, "why": why}))
    } else {
        writeln!(out, "\n{event} {why}")
    }
}
