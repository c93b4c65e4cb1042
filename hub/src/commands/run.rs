//! `run`: opens what a hub needs, then serves until it is told to stop.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};
use sotto_hearing::Engine as _;
use sotto_house::{Doors, Policy};
use sotto_journal::{Change, Journal, Options};
use sotto_service::manager;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Place;
use crate::broker::Broker;
use crate::config::{self, Config, EngineChoice};
use crate::control::{self, Control};
use crate::deadlines::Deadlines;
use crate::doctor;
use crate::events::Events;
use crate::follow;
use crate::home::{self, Address, Home};
use crate::lately::Lately;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::obey;
use crate::page_name;
use crate::pages::{self, RunningHub};
use crate::pin::Pin;
use crate::presence;
use crate::satellite_settings::SatelliteSettings;
use crate::satellites::{self, Satellites};
use crate::second_look::SecondLook;
use crate::sessions::{Adapters, Sessions};
use crate::understanding::Understanding;
use crate::utterance::Parts;
use crate::voice::Voice;
use crate::voices::Voices;
use crate::witnesses::Witnesses;

/// All of it must be over within two seconds of the signal.
const LAST_WORD: Duration = Duration::from_millis(1800);

pub fn run(place: &Place) -> anyhow::Result<ExitCode> {
    // What is being said now is in this process's memory; a crash must not write it to the disk.
    nix::sys::prctl::set_dumpable(false)?;
    // That ends with the next program; this also holds for those that the hub starts.
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)?;
    let file = place.config.clone().map(follow::Configuration::about_to_be_read);
    let config = place.load()?;
    let data = place.data()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(config, file, &data, Events::new(place.json)));
    // An engine in the middle of a word is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(
    config: Config,
    file: Option<follow::Configuration>,
    data: &Path,
    events: Events,
) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let control = Control::bind(data)?;
    let journal = {
        let folder = data.join("journal");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Journal::open(&folder, Options::default(), Timestamp::now())?
    };
    let understanding = Arc::new(Understanding::open(&config, data)?);
    let hearing = engine_settings(&config.hearing, data)?;
    let swap = Arc::new(open_engine(&hearing, &understanding)?);
    let engine: Arc<dyn sotto_hearing::Engine> = swap.clone();
    let voices = Voices::open(&data.join("models"), journal.clone())?;
    let models = Models::new(hearing, swap, voices.clone(), understanding.language().to_owned());
    let pin = Pin::read(&config.voices.pin_file)?;
    let second_look = Arc::new(SecondLook::open(&data.join("wake")));

    let mut broker = None;
    let address = match Address::of(&config.mqtt)? {
        Some(address) => address,
        None => {
            let own =
                Broker::start_on(data, (config.mqtt.private_listen, config.mqtt.private_port).into()).await?;
            broker.insert(own).address()?
        }
    };
    let broker_name = format!("{address:?}");
    let (satellites, from_satellites) = Satellites::bind(satellites::Config {
        listen: config.satellites.listen,
        data: data.to_owned(),
        name: config.hub.name.clone(),
        discovery: config.satellites.discovery,
        limits: satellites::Limits::of(Duration::from_secs_f64(config.satellites.longest_utterance)),
    })?;
    let stop_home = CancellationToken::new();
    let settings = home::Settings::read(&config, satellites.hub()).map_err(anyhow::Error::msg)?;
    let (home, requests, home_task) = Home::open(address, settings, stop_home.clone());
    follow::act_beside_sentences(&understanding, &home);
    let mut tasks = JoinSet::new();
    let lately = Arc::new(Lately::default());
    let settings = Arc::new(SatelliteSettings::open(data)?);
    let witnesses = Witnesses::open(data, journal.clone(), satellites.clone())?;
    let port = RunningHub {
        satellites: satellites.clone(),
        settings: settings.clone(),
        lately: lately.clone(),
        home: home.clone(),
        broker: broker_name.clone(),
        engine: engine.clone(),
        models: models.clone(),
        understanding: understanding.clone(),
        voices: voices.clone(),
        witnesses: witnesses.clone(),
        data: data.to_owned(),
        words: config.mqtt.words,
        started: SystemTime::now(),
        code: Mutex::new(None),
    };
    let pages =
        pages::serve(&config.web, data, journal.clone(), Arc::new(port), &mut tasks, stop.clone()).await?;
    if config.satellites.discovery {
        tasks.spawn(page_name::tell(pages.address, config.hub.name.clone(), stop.clone()));
    }
    let metrics = Metrics {
        satellites: satellites.clone(),
        lately: lately.clone(),
        home: home.clone(),
        data: data.to_owned(),
    };
    if let Ok(address) = config.metrics.listen.parse() {
        tasks.spawn(metrics.serve(address, stop.clone()).await?);
    }
    let condition = doctor::Condition {
        satellites: satellites.clone(),
        lately: lately.clone(),
        home: home.clone(),
        broker: broker_name.clone(),
        page: pages.address,
        engine: engine.clone(),
    };
    let control = control
        .answering(satellites::answers(satellites.clone()))
        .answering(doctor::answers(condition))
        .answering(newcomers(journal.clone()));
    tasks.spawn(control.serve(stop.clone()));
    tasks.spawn(sweep(journal.clone(), stop.clone()));
    tasks.spawn(models.run(stop.clone()));
    tasks.spawn(witnesses.clone().run(stop.clone()));
    let voice = Voice::open(&config, satellites.clone(), home.clone())?;
    tasks.spawn(follow::voices(journal.clone(), voices.clone(), home.clone(), stop.clone()));
    tasks.spawn(obey::requests(requests, settings.clone(), satellites.clone(), voice.clone(), stop.clone()));
    let shown = presence::show(
        home.clone(),
        satellites.clone(),
        settings.clone(),
        lately.clone(),
        engine.clone(),
        data.to_owned(),
        stop.clone(),
    );
    tasks.spawn(shown);
    tasks.spawn(follow::names(
        home.clone(),
        voices.clone(),
        understanding.clone(),
        engine.clone(),
        stop.clone(),
    ));
    let sentences =
        follow::sentences(home.clone(), understanding.clone(), engine.clone(), events, stop.clone());
    tasks.spawn(sentences);
    if let Some(file) = file {
        tasks.spawn(follow::configuration(file, home.clone(), events, stop.clone()));
    }

    let policy = Policy {
        longest_utterance: Duration::from_secs_f64(config.satellites.longest_utterance),
        deadline: Duration::from_secs_f64(config.mqtt.deadline),
        least_confidence: config.understanding.least_confidence,
        second_look: config.satellites.second_look && second_look.is_possible(),
        keep: config.journal.keep.into(),
        doors: Doors { need_voice: config.voices.doors, pin: pin.is_some(), ..Doors::default() },
        keep_strangers: config.voices.keep_strangers,
        ..Policy::default()
    };
    let ready = json!({
        "event": "ready",
        "satellites": satellites.address()?.to_string(),
        "mqtt": broker_name,
        "web": pages.url,
        "fingerprint": pages.fingerprint,
        "engine": engine.name(),
        "model": engine.model(),
    });
    events.say(|| ready.clone());
    tracing::info!(
        satellites = %satellites.address()?, mqtt = broker_name, web = pages.url, engine = engine.name(),
        fingerprint = pages.fingerprint, "the hub is ready"
    );
    manager::ready();
    let all_over_the_house = config.satellites.discovery && !pages.address.ip().is_loopback();
    let elsewhere = |address: &str| address.replacen("localhost", page_name::HOST, 1);
    if all_over_the_house {
        home.page(&elsewhere(&pages.url));
    }
    if let Some(set_up) = pages.set_up {
        eprintln!("\nNobody lives here yet. Open this address once, to become the first:\n\n    {set_up}\n");
        if all_over_the_house {
            let elsewhere = elsewhere(&set_up);
            eprintln!("or from a phone or another machine of the house:\n\n    {elsewhere}\n");
        }
    }

    let deadlines = Arc::new(Deadlines::new(&config.mqtt.deadlines));
    let parts = Parts { journal, engine, understanding, second_look, deadlines, voices };
    let words = config.mqtt.words;
    let adapters = Adapters {
        home,
        satellites: satellites.clone(),
        settings,
        lately,
        voice,
        witnesses,
        words,
        events,
        pin,
        risky: config.voices.risky.clone(),
    };
    let serving = Sessions::new(policy, parts, adapters).run(from_satellites, stop.clone());
    let broken = async {
        match &mut broker {
            Some(broker) => broker.keep().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = serving => {}
        error = broken => return Err(error.context("the private broker cannot be kept running")),
        never = manager::alive() => match never {},
    }
    manager::stopping();

    let ending = async {
        satellites.close().await;
        stop_home.cancel();
        let _ = home_task.await;
        while tasks.join_next().await.is_some() {}
        if let Some(broker) = broker {
            broker.stop().await;
        }
    };
    let _ = tokio::time::timeout(LAST_WORD, ending).await;
    events.say(|| json!({ "event": "stopped" }));
    Ok(())
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}

/// What is heard elsewhere leaves this machine, so the household must have said so twice: the engine and the permission.
fn engine_settings(hearing: &config::Hearing, data: &Path) -> anyhow::Result<sotto_hearing::Config> {
    let engine = match hearing.engine {
        EngineChoice::Auto => sotto_hearing::Choice::Auto,
        EngineChoice::Whisper => sotto_hearing::Choice::Whisper,
        EngineChoice::Phrase => sotto_hearing::Choice::Phrase,
        EngineChoice::Both => sotto_hearing::Choice::Both,
        EngineChoice::Remote if !hearing.elsewhere => anyhow::bail!(
            "the engine \"remote\" would send what is said to another machine; allow that with elsewhere = true in \
             [hearing], or choose another engine"
        ),
        EngineChoice::Remote => sotto_hearing::Choice::Remote,
    };
    Ok(sotto_hearing::Config {
        engine,
        models: data.join("models"),
        model: Some(hearing.model.clone()).filter(|name| !name.is_empty()),
        worker: std::env::current_exe().ok(),
        servers: hearing.servers.clone(),
        ..sotto_hearing::Config::default()
    })
}

fn open_engine(
    settings: &sotto_hearing::Config,
    understanding: &Understanding,
) -> anyhow::Result<sotto_hearing::Swap> {
    let engine = sotto_hearing::Swap::new(sotto_hearing::open(settings)?);
    let notes = engine.set_grammar(sotto_hearing::Grammar::from(&understanding.grammar()))?;
    tracing::debug!(?notes, "the engine knows what may be said");
    Ok(engine)
}

/// Answers `newcomer`: somebody was added by a command beside this hub, and waits for what it alone can hand over.
fn newcomers(journal: Journal) -> impl Fn(String, Value) -> control::Answer + Send + Sync + 'static {
    move |ask, _| {
        let journal = journal.clone();
        Box::pin(async move {
            if ask != "newcomer" {
                return None;
            }
            let swept = tokio::task::spawn_blocking(move || journal.sweep(Timestamp::now())).await;
            Some(match swept {
                Ok(Ok(_)) => Ok(json!({ "welcome": true })),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            })
        })
    }
}

/// Erases what has been kept long enough: now, for what the hub slept through, and then every minute.
async fn sweep(journal: Journal, stop: CancellationToken) {
    let mut changes = journal.subscribe();
    loop {
        let journal = journal.clone();
        let swept = tokio::task::spawn_blocking(move || journal.sweep(Timestamp::now())).await;
        if let Ok(Err(error)) = swept {
            tracing::error!(%error, "recordings that are due could not be erased");
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(60)) => {}
            // Somebody erased something, and what was too much to clear away at once is left to this; or chose to keep
            // things for a shorter time.
            () = altered(&mut changes) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn altered(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Altered | Change::Members) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_heard_elsewhere_without_permission() {
        let check = |text: &str| {
            let config = Config::parse(text, "hub.toml").expect("a configuration");
            engine_settings(&config.hearing, Path::new("data")).map(|settings| settings.servers)
        };
        let servers = "servers = [\"gpu-box:10300\"]";
        let refused = check(&format!("[hearing]\nengine = \"remote\"\n{servers}")).unwrap_err().to_string();
        assert!(refused.contains("elsewhere = true"), "{refused}");
        let allowed = check(&format!("[hearing]\nengine = \"remote\"\nelsewhere = true\n{servers}"));
        assert_eq!(allowed.unwrap(), ["gpu-box:10300"]);
    }
}
