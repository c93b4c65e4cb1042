//! The engines that hear with a model on this machine, from a kind and a path to recognizers.

use std::path::Path;
use std::sync::Arc;

use crate::engine::HearingError;
use crate::moonshine::{Model, Moonshine};
use crate::phrase::{Acoustics, Phrase};
use crate::recognizer::Recognizer;
use crate::whisper::{Whisper, WhisperModel};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The path is a folder like Debian's `pocketsphinx-en-us`.
    Phrase,
    /// The path is the folder that `models pull moonshine` makes.
    Moonshine,
    /// The path is a ggml file.
    Whisper,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Phrase => "phrase",
            Kind::Moonshine => "moonshine",
            Kind::Whisper => "whisper",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Kind::Phrase, Kind::Moonshine, Kind::Whisper].into_iter().find(|kind| kind.name() == name)
    }
}

/// Loads the model once and makes `count` recognizers over it.
pub fn recognizers(kind: Kind, path: &Path, count: usize) -> Result<Vec<Box<dyn Recognizer>>, HearingError> {
    let count = count.clamp(1, 64);
    match kind {
        Kind::Phrase => {
            let acoustics = Arc::new(Acoustics::read(path)?);
            Ok((0..count).map(|_| Box::new(Phrase::new(acoustics.clone())) as Box<dyn Recognizer>).collect())
        }
        Kind::Moonshine => {
            let model = Arc::new(Model::read(path)?);
            Ok((0..count).map(|_| Box::new(Moonshine::new(model.clone())) as Box<dyn Recognizer>).collect())
        }
        Kind::Whisper => {
            let model = Arc::new(WhisperModel::load(path)?);
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let threads = (cores / count).max(1);
            (0..count)
                .map(|_| Ok(Box::new(Whisper::new(model.clone(), path, threads)?) as Box<dyn Recognizer>))
                .collect()
        }
    }
}
