//! From the household's settings to an engine that is ready.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::both::Both;
use crate::child::{Keeper, Start};
use crate::engine::{Engine, HearingError};
use crate::local::{Kind, recognizers};
use crate::moonshine;
use crate::phrase::{Lexicon, MODEL_FOLDER};
use crate::pool::{About, Pool, Sentences};
use crate::recognizer::Recognizer;
use crate::remote::{Remote, Servers};

/// What the engine phrase hears with when nothing is installed: Debian's acoustic model.
const BUILT_IN: &str = "en-us";

/// Which engine to open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// Whisper if a model is installed, else phrase.
    #[default]
    Auto,
    Whisper,
    Phrase,
    /// The answer of phrase and Whisper's compete; a sure one of phrase is the answer at once.
    Both,
    /// Wyoming servers elsewhere in the house.
    Remote,
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
    /// This program, to be run again as a confined hearing process (`worker::run`), so that a crash in a speech
    /// engine costs one utterance. `None` hears in this process.
    pub worker: Option<PathBuf>,
    /// `host:port` of the Wyoming servers of the engine remote, in the order they are tried.
    pub servers: Vec<String>,
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
            worker: None,
            servers: Vec::new(),
        }
    }
}

/// Opens an engine: loads its model and starts its workers.
pub fn open(config: &Config) -> Result<Arc<dyn Engine>, HearingError> {
    match config.engine {
        Choice::Phrase => phrase(config),
        Choice::Whisper => whisper(config, &installed(config)?),
        Choice::Both => {
            let whisper = whisper(config, &installed(config)?)?;
            Ok(Arc::new(Both { phrase: phrase(config)?, whisper }))
        }
        Choice::Remote => remote(config),
        Choice::Auto => match installed(config) {
            Ok(path) => whisper(config, &path),
            Err(_) => phrase(config),
        },
    }
}

/// With the network if it is installed, else with PocketSphinx.
fn phrase(config: &Config) -> Result<Arc<dyn Engine>, HearingError> {
    if let Some(network) = moonshine::installed(&config.models) {
        let sentences = Sentences::Written;
        let about = About { name: "phrase", model: file_name(&network), early_start: true, sentences };
        return Ok(Arc::new(Pool::start(about, recognizers_for(config, Kind::Moonshine, &network)?)?));
    }
    let lexicon = Lexicon::read(&config.phrase_model.join("cmudict-en-us.dict"))
        .map_err(|error| HearingError::Model(error.to_string()))?;
    let about = About {
        name: "phrase",
        model: BUILT_IN.to_owned(),
        early_start: false,
        sentences: Sentences::Pronounced(lexicon),
    };
    let recognizers = recognizers_for(config, Kind::Phrase, &config.phrase_model)?;
    Ok(Arc::new(Pool::start(about, recognizers)?))
}

fn whisper(config: &Config, path: &Path) -> Result<Arc<dyn Engine>, HearingError> {
    let about =
        About { name: "whisper", model: file_name(path), early_start: true, sentences: Sentences::Unused };
    let recognizers = recognizers_for(config, Kind::Whisper, path)?;
    Ok(Arc::new(Pool::start(about, recognizers)?))
}

fn remote(config: &Config) -> Result<Arc<dyn Engine>, HearingError> {
    let servers = Servers::new(config.servers.clone())?;
    let about =
        About { name: "remote", model: servers.describe(), early_start: true, sentences: Sentences::Unused };
    // A clip on the way costs this machine nothing; rooms need not wait for each other.
    let clips = 4 * config.servers.len();
    let recognizers =
        (0..clips).map(|_| Box::new(Remote::new(servers.clone())) as Box<dyn Recognizer>).collect();
    Ok(Arc::new(Pool::start(about, recognizers)?))
}

/// In a process of their own where there is a program for it.
fn recognizers_for(
    config: &Config,
    kind: Kind,
    path: &Path,
) -> Result<Vec<Box<dyn Recognizer>>, HearingError> {
    let count = config.workers.max(1);
    match &config.worker {
        None => recognizers(kind, path, count),
        Some(program) => {
            let start = Start { program: program.clone(), kind, path: path.to_owned(), count };
            Ok(Keeper::start(start)?.recognizers())
        }
    }
}

/// The models that would be used now.
pub struct Chosen {
    /// As `Engine::model` would name them.
    pub model: String,
    /// Files, or folders of files.
    pub paths: Vec<PathBuf>,
}

/// What `open` would use now; `None` where a model is missing, and for servers elsewhere.
pub fn chosen(config: &Config) -> Option<Chosen> {
    let whisper = || installed(config).ok().map(|path| Chosen { model: file_name(&path), paths: vec![path] });
    let phrase = || match moonshine::installed(&config.models) {
        Some(path) => Chosen { model: file_name(&path), paths: vec![path] },
        None => Chosen { model: BUILT_IN.to_owned(), paths: Vec::new() },
    };
    match config.engine {
        Choice::Phrase => Some(phrase()),
        Choice::Whisper => whisper(),
        Choice::Auto => whisper().or_else(|| Some(phrase())),
        Choice::Both => {
            let (phrase, whisper) = (phrase(), whisper()?);
            let model = format!("{} and {}", phrase.model, whisper.model);
            Some(Chosen { model, paths: [phrase.paths, whisper.paths].concat() })
        }
        Choice::Remote => None,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
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
