//! What changes while the hub runs is in force at once: names on the broker, sentence files, and the areas and entities
//! in its configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;
use sotto_journal::{Change, Journal};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::events::Events;
use crate::home::{self, Home};
use crate::understanding::Understanding;
use crate::voices::Voices;

/// How often files are looked at: soon enough for somebody who writes and then tries, and next to nothing.
const LOOK_AT_FILES: Duration = Duration::from_millis(700);

/// New names of areas and devices are heard and understood from the next utterance on.
pub async fn names(
    home: Home,
    voices: Voices,
    understanding: Arc<Understanding>,
    engine: Arc<dyn sotto_hearing::Engine>,
    stop: CancellationToken,
) {
    let mut names = home.names();
    loop {
        tokio::select! {
            changed = names.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        // A bridge that comes up announces all its devices at once.
        tokio::time::sleep(Duration::from_millis(300)).await;
        names.mark_unchanged();
        let known = sotto_intents::Home { own_rooms: voices.have_rooms(), ..home.known(home::names) };
        let (understanding, engine) = (understanding.clone(), engine.clone());
        let renamed = tokio::task::spawn_blocking(move || {
            understanding.rename(&known);
            teach(&understanding, engine.as_ref());
        });
        if let Err(error) = renamed.await {
            tracing::error!(%error, "the new names could not be taken in");
        }
    }
}

/// What the household's sentence files do besides is done.
pub fn act_beside_sentences(understanding: &Understanding, home: &Home) {
    let actions = understanding.actions();
    let (actions, wrong) =
        home::OwnActions::beside_sentences(actions.iter().map(|(intent, action)| (intent.as_str(), action)));
    wrong.iter().for_each(|error| tracing::warn!("{error}"));
    home.act_beside_sentences(actions);
}

/// What may be said now is what the engine listens for, and what mis-heard sentences are compared with.
fn teach(understanding: &Understanding, engine: &dyn sotto_hearing::Engine) {
    if let Err(error) = engine.set_grammar(sotto_hearing::Grammar::from(&understanding.grammar())) {
        tracing::warn!(%error, "the speech engine does not know what may be said now");
    }
    understanding.prepare();
}

/// The household's own sentences, and newly installed languages, are live as soon as their files are written.
pub async fn sentences(
    home: Home,
    understanding: Arc<Understanding>,
    engine: Arc<dyn sotto_hearing::Engine>,
    events: Events,
    stop: CancellationToken,
) {
    let mut loaded = understanding.opened_with();
    let mut before = loaded;
    let first = understanding.clone();
    let _ = tokio::task::spawn_blocking(move || first.prepare()).await;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AT_FILES) => {}
            () = stop.cancelled() => return,
        }
        let look = understanding.clone();
        let Ok(now) = tokio::task::spawn_blocking(move || look.fingerprint()).await else { continue };
        // Twice the same: nobody is in the middle of writing.
        let settled = std::mem::replace(&mut before, now) == now;
        if !settled || now == loaded {
            continue;
        }
        loaded = now;
        let now_in_force = understanding.clone();
        let (understanding, engine) = (understanding.clone(), engine.clone());
        let reloaded = tokio::task::spawn_blocking(move || {
            let problems = understanding.reload()?;
            teach(&understanding, engine.as_ref());
            anyhow::Ok(problems)
        });
        match reloaded.await {
            Ok(Ok(problems)) => {
                act_beside_sentences(&now_in_force, &home);
                tracing::info!("the sentence files changed and are in force");
                problems.iter().for_each(|problem| tracing::warn!("{problem}"));
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                events.say(|| json!({ "event": "sentences", "in_force": true, "problems": problems }));
            }
            Ok(Err(error)) => {
                tracing::error!("{error}; until then the sentences from before stay in force");
                let problems = [error.to_string()];
                events.say(|| json!({ "event": "sentences", "in_force": false, "problems": problems }));
            }
            Err(error) => tracing::error!(%error, "the sentence files could not be taken in"),
        }
    }
}

/// Whoever enrols, leaves or changes a switch is known, or not, from the next utterance on.
pub async fn voices(journal: Journal, voices: Voices, home: Home, stop: CancellationToken) {
    let mut changes = journal.subscribe();
    let mut rooms = false;
    loop {
        // "My room" is a name of the house as soon as it may be somebody's.
        if std::mem::replace(&mut rooms, voices.have_rooms()) != rooms {
            home.renamed();
        }
        let change = tokio::select! {
            change = changes.recv() => change,
            () = stop.cancelled() => return,
        };
        match change {
            Ok(Change::Members) | Err(RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(RecvError::Closed) => return,
        }
        let known = voices.clone();
        let read = tokio::task::spawn_blocking(move || known.reload()).await;
        if let Ok(Err(error)) = read {
            tracing::error!(%error, "the voices of the household could not be read again");
        }
    }
}

/// The configuration file that the hub starts with, as it stood just before it was read: what is written from then on is
/// new.
pub struct Configuration {
    file: PathBuf,
    loaded: Option<(SystemTime, u64)>,
}

impl Configuration {
    pub fn about_to_be_read(file: PathBuf) -> Self {
        let loaded = Configuration::look(&file);
        Configuration { file, loaded }
    }

    /// When it was written, and its length in bytes.
    fn look(file: &Path) -> Option<(SystemTime, u64)> {
        std::fs::metadata(file).and_then(|there| Ok((there.modified()?, there.len()))).ok()
    }
}

/// Areas and entities that the household writes into its configuration are known as soon as the file is written; what
/// else stands there takes the next start. A file with a mistake changes nothing, and is named with the place.
pub async fn configuration(started_with: Configuration, home: Home, events: Events, stop: CancellationToken) {
    let Configuration { file, mut loaded } = started_with;
    let mut before = loaded;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AT_FILES) => {}
            () = stop.cancelled() => return,
        }
        let now = Configuration::look(&file);
        // Twice the same: nobody is in the middle of writing.
        let settled = std::mem::replace(&mut before, now) == now;
        if !settled || now == loaded || now.is_none() {
            continue;
        }
        loaded = now;
        match Config::load(Some(&file)) {
            Ok(config) => {
                let names = home.rewrite(&config.home);
                tracing::info!(
                    names,
                    "the configuration changed; all but areas and entities takes the next start"
                );
                events.say(|| json!({ "event": "configuration", "in_force": true, "names": names }));
            }
            Err(error) => {
                tracing::error!("{error}; until then what was written before stays in force");
                events.say(
                    || json!({ "event": "configuration", "in_force": false, "problem": error.to_string() }),
                );
            }
        }
    }
}
