//! `run`: listens until Ctrl-C or SIGTERM, and says what happens, a line each.

use std::cell::Cell;
use std::future::Future;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::ValueEnum;
use serde_json::{Value, json};
use sotto_protocol::{EndReason, OutcomeKind, Trigger, UtteranceIds};
use sotto_satellite::config::{self, Config};
use sotto_satellite::listening::{Event, Line, Listening};
use sotto_satellite::microphone::Microphone;
use sotto_satellite::panel::Panel;
use sotto_satellite::programs::{Programs, TRIAL};
use sotto_satellite::run::Satellite;
use sotto_satellite::speaker::Speaker;
use sotto_satellite::{AUTHOR, hub};
use sotto_service::manager;
use tokio::signal::unix::{SignalKind, signal};

use super::Place;

/// How often it is looked whether another program is to run.
const LOOK: Duration = Duration::from_secs(2);

/// Overrides for this run, in the words of the configuration.
#[derive(clap::Args)]
pub struct Args {
    /// microphone.device: a name that `devices` lists, file:F.wav or .flac, or stdin
    #[arg(long, short, value_name = "DEVICE")]
    microphone: Option<String>,
    /// speaker.device: a name that `devices` lists, file:F.wav, or none
    #[arg(long, short, value_name = "DEVICE")]
    speaker: Option<String>,
    /// What opens an utterance
    #[arg(long, value_enum)]
    trigger: Option<TriggerName>,
    /// hub.address, host:port
    #[arg(long, value_name = "ADDRESS")]
    hub: Option<String>,
    /// Stop by itself when the recording has ended and each of its utterances has its outcome
    #[arg(long)]
    once: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum TriggerName {
    WakeWord,
    Speech,
    PushToTalk,
}

impl Args {
    /// Lays what was given on the command line over the configuration.
    fn over(&self, config: &mut Config) {
        let set = |to: &mut String, from: &Option<String>| from.iter().for_each(|from| *to = from.clone());
        set(&mut config.microphone.device, &self.microphone);
        set(&mut config.speaker.device, &self.speaker);
        set(&mut config.hub.address, &self.hub);
        match self.trigger {
            Some(TriggerName::WakeWord) => config.trigger = config::Trigger::WakeWord,
            Some(TriggerName::Speech) => config.trigger = config::Trigger::Speech,
            Some(TriggerName::PushToTalk) => config.trigger = config::Trigger::PushToTalk,
            None => {}
        }
    }
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<()> {
    let mut config = place.of_the_owner()?;
    args.over(&mut config);
    let programs = Programs::of(&config.data);
    let tried = programs.enter();
    let json = place.json;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the satellite cannot start its threads")?;
    let result = runtime.block_on(work(config, args.once, json, &programs, tried));
    runtime.shutdown_timeout(Duration::from_millis(200));
    match result? {
        After::End => Ok(()),
        After::StartOver => Err(programs.start_over()).context("the satellite cannot start over"),
    }
}

/// What is to be done when the satellite has stopped.
#[derive(Clone, Copy)]
enum After {
    End,
    /// Another program is to run.
    StartOver,
}

async fn work(
    config: Config,
    once: bool,
    json: bool,
    programs: &Programs,
    tried: bool,
) -> anyhow::Result<After> {
    let shutdown = shutdown()?;
    let after = Rc::new(Cell::new(After::End));
    let busy = Arc::new(AtomicBool::new(false));
    let heard = busy.clone();
    let over = (after.clone(), another(programs, tried, &busy));
    let shutdown = async move {
        let (after, another) = over;
        tokio::select! {
            () = shutdown => {}
            () = another => after.set(After::StartOver),
        }
    };
    let ear = config.open_ear(config.wake_words(), AUTHOR)?;
    if !ear.knows_voices() {
        let folder = config.wake_models();
        tracing::warn!(
            "no voice model in {}: speech is told by its loudness; vad.tflite and vad.json do better",
            folder.display()
        );
    }
    let ids = UtteranceIds::random().context("this system has no random numbers")?;
    let listening = Listening::new(&config, ear, ids)?;
    let stdin = matches!(config.microphone.device.as_str(), "stdin" | "-");
    let panel = Panel::open(&config.panel, !stdin)?;
    let speaker = Speaker::open(&config.speaker)?;
    let microphone = Microphone::open(&config.microphone.device, config.microphone.channel)?;
    let hub = hub::connect(&config, &panel)?;
    let reported = programs.clone();
    let tell = move |event| {
        match &event {
            Event::Line(Line::Online) if tried => reported.keep(),
            Event::Opened { .. } => heard.store(true, Ordering::Relaxed),
            Event::Ended { reason: EndReason::Cancelled, .. }
            | Event::Outcome(_)
            | Event::Dismissed { .. } => heard.store(false, Ordering::Relaxed),
            _ => {}
        }
        say(&event, json);
    };
    tell(Event::Listening);
    let satellite =
        Satellite { config, listening, microphone, panel, speaker, hub, tell: Box::new(tell), once };
    manager::ready();
    tokio::select! {
        result = satellite.run(shutdown) => result?,
        never = manager::alive() => match never {},
    }
    Ok(after.get())
}

/// Ends when another program is to run: one was fetched, or this one, which is tried, has not reached the hub in time.
/// Not in the middle of what somebody says.
async fn another(programs: &Programs, tried: bool, busy: &AtomicBool) {
    let mut look = tokio::time::interval(LOOK);
    let started = Instant::now();
    loop {
        look.tick().await;
        if tried && started.elapsed() > TRIAL && programs.is_tried() {
            tracing::error!("this program did not reach the hub in time; the one before runs again");
            programs.give_up();
            return;
        }
        if programs.waits() && !busy.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Ends at Ctrl-C or SIGTERM.
fn shutdown() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be caught")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C cannot be caught")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// One line for each event. With `--json`, one document a line, `ms` since the epoch with each.
fn say(event: &Event, json: bool) {
    let line = if json {
        let mut document = document(event);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        document["ms"] = json!(now.as_millis() as u64);
        document.to_string()
    } else {
        sentence(event)
    };
    // Whoever watched may be gone; the satellite goes on listening.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn document(event: &Event) -> Value {
    match event {
        Event::Listening => json!({"event": "listening"}),
        Event::Woke { word, score } => json!({"event": "woke", "word": word, "score": score}),
        Event::Opened { utterance, trigger, preroll } => json!({
            "event": "opened", "utterance": utterance.to_string(), "trigger": trigger_name(trigger),
            "preroll_ms": preroll.as_millis() as u64,
        }),
        Event::Ended { utterance, reason, length } => json!({
            "event": "ended", "utterance": utterance.to_string(), "reason": reason_name(*reason),
            "length_ms": length.as_millis() as u64,
        }),
        Event::Dismissed { utterance, reason } => json!({
            "event": "dismissed", "utterance": utterance.to_string(), "reason": snake(&format!("{reason:?}")),
        }),
        Event::Outcome(outcome) => json!({
            "event": "outcome", "utterance": outcome.utterance.to_string(),
            "outcome": outcome_name(outcome.kind), "intent": outcome.intent,
        }),
        Event::Muted(muted) => json!({"event": if *muted { "muted" } else { "unmuted" }}),
        Event::Line(line) => json!({"event": line_name(*line)}),
        Event::Code(code) => json!({"event": "pairing_code", "code": code}),
        Event::Trouble(trouble) => json!({"event": "trouble", "problem": trouble}),
    }
}

fn sentence(event: &Event) -> String {
    match event {
        Event::Listening => "listening".into(),
        Event::Woke { word, score } => format!("heard {word} ({score:.2})"),
        Event::Opened { trigger, preroll, .. } => {
            format!("sending, {} ms of pre-roll first ({})", preroll.as_millis(), trigger_name(trigger))
        }
        Event::Ended { reason, length, .. } => {
            format!("sent {:.1} s ({})", length.as_secs_f32(), reason_name(*reason))
        }
        Event::Dismissed { reason, .. } => {
            format!("the hub does not want it ({})", snake(&format!("{reason:?}")))
        }
        Event::Outcome(outcome) => match &outcome.intent {
            Some(intent) => format!("{}: {intent}", outcome_name(outcome.kind)),
            None => outcome_name(outcome.kind),
        },
        Event::Muted(muted) => if *muted { "muted" } else { "no longer muted" }.into(),
        Event::Line(Line::Online) => "the hub is there".into(),
        Event::Line(Line::Offline) => "the hub is not there".into(),
        Event::Line(Line::Unpaired) => "not paired with a hub yet".into(),
        Event::Code(code) => format!("to pair it, type this code on the hub's page: {code}"),
        Event::Trouble(trouble) => trouble.clone(),
    }
}

fn trigger_name(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::WakeWord { .. } => "wake_word",
        Trigger::Speech => "speech",
        Trigger::PushToTalk => "push_to_talk",
    }
}

fn reason_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Silence => "silence",
        EndReason::Released => "released",
        EndReason::Limit => "limit",
        EndReason::Cancelled => "cancelled",
        EndReason::NothingSaid => "nothing_said",
        EndReason::Unspecified => "unspecified",
    }
}

fn outcome_name(kind: OutcomeKind) -> String {
    snake(&format!("{kind:?}"))
}

fn line_name(line: Line) -> &'static str {
    match line {
        Line::Online => "online",
        Line::Offline => "offline",
        Line::Unpaired => "unpaired",
    }
}

/// `NotUnderstood` as `not_understood`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_protocol::Outcome;
    use std::time::Duration;

    #[test]
    fn each_event_is_a_sentence_and_a_document() {
        let utterance = sotto_protocol::UtteranceId::from_bytes([1; 16]);
        let check = |event: Event, text: &str, fields: Value| {
            assert_eq!(sentence(&event), text);
            let document = document(&event);
            for (name, value) in fields.as_object().unwrap() {
                assert_eq!(&document[name], value, "{document}");
            }
        };
        check(
            Event::Ended { utterance, reason: EndReason::Silence, length: Duration::from_millis(1_540) },
            "sent 1.5 s (silence)",
            json!({"event": "ended", "length_ms": 1540, "utterance": "01".repeat(16)}),
        );
        let outcome = |kind, intent: Option<&str>| {
            Event::Outcome(Outcome { utterance, kind, intent: intent.map(str::to_owned) })
        };
        check(
            outcome(OutcomeKind::Done, Some("HassTurnOn")),
            "done: HassTurnOn",
            json!({"event": "outcome", "outcome": "done", "intent": "HassTurnOn"}),
        );
        check(
            outcome(OutcomeKind::NotUnderstood, None),
            "not_understood",
            json!({"outcome": "not_understood", "intent": null}),
        );
        check(Event::Line(Line::Online), "the hub is there", json!({"event": "online"}));
        check(Event::Muted(true), "muted", json!({"event": "muted"}));
    }
}
