//! `cargo xtask demo`: a house that listens, on this machine.
//!
//! `espeak-ng speaks → satellite's microphone → wake word → hub → MQTT`, with a broker, a hub and two satellites that
//! are what a household runs, and a subscriber of mosquitto's own on the broker.

mod children;
mod house;
mod voice;

use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::packages::{self, For};
use crate::shell;
use children::{Children, Line};
use house::{COMMANDS, ROOMS};

#[derive(clap::Args)]
pub struct Args {
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
    /// End after the four commands; exit 0 only if all four intents arrived on MQTT
    #[arg(long)]
    once: bool,
}

/// From the start of the satellites to the last intent; speaking alone takes about half of it.
const PATIENCE: Duration = Duration::from_secs(90);

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    step(started, "Looking for what this machine lacks");
    packages::install(For::Demo, args.yes)?;
    let models = packages::wake_models()?;
    step(started, "Building hub and satellite (some minutes the first time)");
    shell::run(&mut shell::cargo(&["build", "--workspace", "--bins"]))?;

    step(started, "Fetching the network that hears best (88 MB, the first time)");
    let hearing = house::fetch_hearing();
    if hearing.is_none() {
        println!("  it was not to be had; the hub hears with what is built in");
    }

    let (interrupt, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupt.send(());
    })?;
    let folder = shell::target().join("demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let mut children = Children::default();

    step(started, "Starting the hub, with a broker of its own");
    let house = house::House::start(&folder, &models, hearing.as_deref(), &mut children)?;
    println!("  hub       {}", house.satellites);
    println!("  broker    {}", house.broker);
    println!("  web       {}", house.web);

    step(started, "Pairing two satellites");
    for (room, area) in ROOMS.iter().enumerate() {
        house.pair(room, area, &models)?;
        println!("  satellite-{} stands in the {area}", room + 1);
    }

    step(started, "Speaking");
    children.spawn("mqtt", &mut house.subscriber()?)?;
    for room in 0..ROOMS.len() {
        let sound = folder.join(format!("satellite-{}.wav", room + 1));
        voice::speak_turns(&sound, room)?;
        children.spawn(&format!("satellite-{}", room + 1), &mut house.satellite(room, &sound))?;
    }
    let arrived = listen(&children, &interrupted)?;

    step(started, "What came of it");
    house.print_history()?;
    println!("\n{arrived} of {} intents arrived on MQTT.", COMMANDS.len());
    let complete = arrived == COMMANDS.len();
    if !args.once {
        println!("\nThe hub stays up. Open  {}", house.web);
        println!("  sign in as  {}   passphrase  {}", house::MEMBER, house.passphrase);
        println!("  its certificate is its own, so the browser asks once; Ctrl-C ends everything");
        let _ = interrupted.recv();
    }
    children.stop();
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what happens until all four intents have arrived, time is up, or somebody interrupts; says how many did.
fn listen(children: &Children, interrupted: &mpsc::Receiver<()>) -> anyhow::Result<usize> {
    let until = Instant::now() + PATIENCE;
    let mut missing: Vec<&house::Spoken> = COMMANDS.iter().collect();
    while !missing.is_empty() && Instant::now() < until {
        if interrupted.try_recv().is_ok() {
            bail!("interrupted");
        }
        let Some(Line { from, text }) = children.next(Duration::from_millis(200)) else { continue };
        if text.is_empty() {
            bail!("{from} ended before all was said; its messages are above");
        }
        house::print_line(&from, &text);
        if from == "mqtt" {
            missing.retain(|spoken| !spoken.is_answered_by(&text));
        }
    }
    // The last outcome is on its way to its satellite.
    while let Some(Line { from, text }) = children.next(Duration::from_millis(700)) {
        house::print_line(&from, &text);
    }
    for spoken in &missing {
        println!("  nothing came of \"{}\"", spoken.words);
    }
    Ok(COMMANDS.len() - missing.len())
}

fn step(started: Instant, what: &str) {
    println!("\n\x1b[1m[{:>4.0} s] {what}\x1b[0m", started.elapsed().as_secs_f64());
}

/// A command built by this workspace.
fn program(name: &str) -> Command {
    Command::new(shell::target().join("debug").join(name))
}
