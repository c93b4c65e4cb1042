//! From the household's settings to an engine that is ready.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Engine, HearingError};
use crate::phrase::{Acoustics, Lexicon, MODEL_FOLDER, Phrase};
use crate::pool::{About, Pool};
use crate::recognizer::Recognizer;
use crate::whisper::{Whisper, WhisperModel};

/// Which engine to open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// Whisper if a model is installed, else phrase.
    #[default]
    Auto,
    Whisper,
    Phrase,
}

/// What is needed to open an engine.
#[derive(Debug, Clone)]
pub struct Config {
    pub engine: Choice,
    /// Folder of installed Whisper models, `ggml-*.bin`.
    pub models: PathBuf,
    /// File name of the Whisper model to use, or `None` for the largest one installed.
    pub model: Option<String>,
    /// Folder of the acoustic model and dictionary of the phrase engine.
    pub phrase_model: PathBuf,
    /// Clips that are heard at the same time: as many as there are cores to spare.
    pub workers: usize,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Config {
            engine: Choice::Auto,
            models: PathBuf::from("models"),
            model: None,
            phrase_model: PathBuf::from(MODEL_FOLDER),
            workers: cores.div_ceil(2),
        }
    }
}

/// Opens an engine: loads its model and starts its workers.
pub fn open(config: &Config) -> Result<Arc<dyn Engine>, HearingError> {
    match config.engine {
        Choice::Phrase => phrase(config),
        Choice::Whisper => whisper(config, &installed(config)?),
        Choice::Auto => match installed(config) {
            Ok(path) => whisper(config, &path),
            Err(_) => phrase(config),
        },
    }
}

fn phrase(config: &Config) -> Result<Arc<dyn Engine>, HearingError> {
    let lexicon = Lexicon::read(&config.phrase_model.join("cmudict-en-us.dict"))
        .map_err(|error| HearingError::Model(error.to_string()))?;
    let acoustics = Arc::new(Acoustics::read(&config.phrase_model)?);
    let recognizers = (0..config.workers.max(1))
        .map(|_| Box::new(Phrase::new(acoustics.clone())) as Box<dyn Recognizer>)
        .collect();
    let about =
        About { name: "phrase", model: "en-us".to_owned(), early_start: false, lexicon: Some(lexicon) };
    Ok(Arc::new(Pool::start(about, recognizers)?))
}

fn whisper(config: &Config, path: &Path) -> Result<Arc<dyn Engine>, HearingError> {
    let model = Arc::new(WhisperModel::load(path)?);
    let workers = config.workers.max(1);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let recognizers = (0..workers)
        .map(|_| {
            let whisper = Whisper::new(model.clone(), path, (cores / workers).max(1))?;
            Ok(Box::new(whisper) as Box<dyn Recognizer>)
        })
        .collect::<Result<_, HearingError>>()?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let about = About { name: "whisper", model: name, early_start: true, lexicon: None };
    Ok(Arc::new(Pool::start(about, recognizers)?))
}

/// The Whisper model to use: the one that is named, or the largest in the folder.
fn installed(config: &Config) -> Result<PathBuf, HearingError> {
    if let Some(name) = &config.model {
        let path = config.models.join(name);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(HearingError::Model(format!(
                "there is no model {name} in {}; see sotto-hub models list",
                config.models.display()
            )))
        };
    }
    let largest = fs::read_dir(&config.models)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with("ggml-") && name.ends_with(".bin")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.len(), entry.path())))
        .max();
    largest.map(|(_, path)| path).ok_or_else(|| {
        HearingError::Model(format!(
            "no Whisper model is installed in {}; pull one with sotto-hub models pull, or use the engine phrase",
            config.models.display()
        ))
    })
}
