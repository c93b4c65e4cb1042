//! A wake word's model: the network (`.tflite`) and its description (`.json`), alone or from a folder.
//!
//! Files are those of microWakeWord version 2, as ESPHome and Home Assistant use them, so the community's
//! models work by being dropped into the folder.
//!
//! Deliberately absent: fetching models. Nothing here reaches the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::error::{ModelError, OpenError};
use crate::graph;
use crate::network::{Network, Plan};
use crate::taught::{self, Taught, Weights};

/// A checked network and what its author says about it. Cheap to clone.
#[derive(Clone)]
pub struct Model {
    id: String,
    phrase: String,
    languages: Vec<String>,
    cutoff: f32,
    window: usize,
    kind: Kind,
}

/// What listens.
#[derive(Clone)]
pub(crate) enum Kind {
    /// A network of the word's own.
    Trained(Arc<Plan>),
    /// A line through what a network that knows speech makes of it.
    Taught(Taught),
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The `.json` as its trainer writes it; what only an ESP32 needs is not read.
#[derive(Deserialize)]
struct Description {
    #[serde(rename = "type")]
    kind: String,
    wake_word: String,
    model: String,
    #[serde(default)]
    trained_languages: Vec<String>,
    version: u32,
    micro: Micro,
}

/// What every description begins with.
#[derive(Deserialize)]
struct Kinds {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Micro {
    probability_cutoff: f32,
    sliding_window_size: usize,
    feature_step_size: u32,
}

/// Sliding windows are a few steps of 30 ms; a second is far more than any.
const MAX_WINDOW: usize = 32;

impl Model {
    /// Checks a model's two files.
    ///
    /// # Errors
    /// Damaged or foreign files, each named with what to do about it. No input panics.
    pub fn load(tflite: &[u8], description: &str) -> Result<Self, ModelError> {
        let Description { kind, wake_word, model, trained_languages, version, micro } =
            serde_json::from_str(description)?;
        let setting = |field, value: String, allowed| Err(ModelError::Setting { field, value, allowed });
        if kind != "micro" {
            return setting("type", kind, "\"micro\"");
        }
        if version != 2 {
            return setting("version", version.to_string(), "2");
        }
        if micro.feature_step_size != 10 {
            return setting("feature_step_size", micro.feature_step_size.to_string(), "10");
        }
        let cutoff = micro.probability_cutoff;
        if !(0.0..1.0).contains(&cutoff) {
            return setting("probability_cutoff", cutoff.to_string(), "0 to less than 1");
        }
        let window = micro.sliding_window_size;
        if !(1..=MAX_WINDOW).contains(&window) {
            return setting("sliding_window_size", window.to_string(), "1 to 32");
        }
        let id = Path::new(&model).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Ok(Model {
            id: id.unwrap_or_default(),
            phrase: wake_word,
            languages: trained_languages,
            cutoff,
            window,
            kind: Kind::Trained(Arc::new(graph::compile(tflite)?)),
        })
    }

    /// A taught word, from its one file.
    fn taught(id: String, file: &str, network: Arc<taught::Network>) -> Result<Self, ModelError> {
        let (phrase, weights) = Weights::read(file)?;
        let taught = Taught { network, weights: Arc::new(weights) };
        Ok(Model { id, phrase, languages: Vec::new(), cutoff: 0.5, window: 1, kind: Kind::Taught(taught) })
    }

    /// Opens a model by its `.json`, whose `.tflite` lies in the same folder; so does the network that a taught word
    /// needs.
    pub fn open(json: &Path) -> Result<Self, OpenError> {
        let read =
            |path: &Path| fs::read(path).map_err(|source| OpenError::Read { path: path.into(), source });
        let broken = |source| OpenError::Model { path: json.into(), source };
        let description = String::from_utf8_lossy(&read(json)?).into_owned();
        let Kinds { kind } = serde_json::from_str(&description).map_err(|e| broken(e.into()))?;
        if kind == taught::KIND {
            let network = taught::open(json.parent().unwrap_or(Path::new("")))?;
            let id = json.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return Model::taught(id, &description, network).map_err(broken);
        }
        let named: Description = serde_json::from_str(&description).map_err(|e| broken(e.into()))?;
        // Only the last part of the name counts: a description cannot point out of its folder.
        let tflite = json.with_file_name(Path::new(&named.model).file_name().unwrap_or_default());
        Model::load(&read(&tflite)?, &description).map_err(broken)
    }

    /// Short name: the model file's, such as `okay_nabu`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What to say, such as "Okay Nabu".
    pub fn phrase(&self) -> &str {
        &self.phrase
    }

    /// Languages it was trained on, as codes such as `en`.
    pub fn languages(&self) -> &[String] {
        &self.languages
    }

    /// The author's cut-off for the mean probability over the sliding window.
    pub fn cutoff(&self) -> f32 {
        self.cutoff
    }

    /// The author's sliding window, in runs of the network.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Windows of 10 ms that one run of its network takes in.
    pub fn stride(&self) -> usize {
        match &self.kind {
            Kind::Trained(plan) => plan.stride(),
            Kind::Taught(_) => taught::BLOCK,
        }
    }

    /// A run of the word's network by itself, for who wants its probabilities rather than detections. A taught word
    /// has none of its own.
    pub fn network(&self) -> Option<Network> {
        match &self.kind {
            Kind::Trained(plan) => Some(Network::new(Arc::clone(plan))),
            Kind::Taught(_) => None,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }
}

/// A description found in a folder, and its model or what is wrong with it.
#[derive(Debug)]
pub struct Found {
    pub description: PathBuf,
    pub model: Result<Model, OpenError>,
}

/// Every model in a folder, by name.
///
/// One broken model does not hide the others; the caller decides whom to tell.
pub fn find_models(folder: &Path) -> Result<Vec<Found>, OpenError> {
    let unreadable = |source| OpenError::Read { path: folder.into(), source };
    let mut descriptions: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "json") {
            descriptions.push(path);
        }
    }
    descriptions.sort();
    let open = |description: PathBuf| Found { model: Model::open(&description), description };
    Ok(descriptions.into_iter().map(open).collect())
}
