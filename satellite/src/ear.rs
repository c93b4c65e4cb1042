//! The wake words and the voice network of this satellite, from its folder of models.
//!
//! `Frame → sotto_wake::Ear → wake words, voice`; without a voice network, loudness stands in for it.

use std::path::{Path, PathBuf};

use sotto_wake::{Heard, Model, Voice, WakeWord};

use crate::sound::Frame;
use crate::voice::Loudness;

/// The voice network's name in the folder.
const VOICE: &str = "vad";

/// As the wake model's author chose, on the scale of [`WakeWord::with_sensitivity`].
pub const AUTHOR: f32 = 0.5;

#[derive(Debug, thiserror::Error)]
pub enum EarError {
    #[error(
        "no wake model `{word}` in {folder} (there {is} {found}); put {word}.tflite and {word}.json there, \
         teach it with `sotto-satellite teach`, or set wake.words, or trigger = \"push-to-talk\"",
        folder = .folder.display(),
        is = if .found.len() == 1 { "is" } else { "are" },
        found = if .found.is_empty() { "none".into() } else { .found.join(", ") }
    )]
    NoModel { word: String, folder: PathBuf, found: Vec<String> },
    #[error(transparent)]
    Model(#[from] sotto_wake::OpenError),
    #[error("wake.words is empty; name at least one, or set trigger = \"push-to-talk\"")]
    NoWords,
}

/// What was noticed in a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Noticed {
    /// A wake word, its mean probability, and by how much more readily than asked it is listened for.
    Wake {
        word: String,
        score: f32,
        readier: f32,
    },
    Voice(Voice),
}

/// A word to listen for.
#[derive(Clone, Debug, PartialEq)]
pub struct Listened {
    /// Its model's.
    pub name: String,
    /// By how much more readily than all others, −1 to 1.
    pub readier: f32,
}

pub struct Ear {
    words: Vec<Listened>,
    engine: sotto_wake::Ear,
    /// Where there is no voice network.
    loudness: Option<Loudness>,
    /// Frames that it was given.
    heard: u64,
}

impl Ear {
    /// Opens the models of `words`, and the voice network if there is one. `sensitivity` is 0 to 1.
    pub fn open(folder: &Path, words: Vec<Listened>, sensitivity: f32) -> Result<Self, EarError> {
        let wake: Vec<_> = words
            .iter()
            .map(|Listened { name, readier }| {
                Ok(WakeWord::new(model(folder, name)?).with_sensitivity(sensitivity + readier))
            })
            .collect::<Result<_, EarError>>()?;
        let voice = match model(folder, VOICE) {
            Ok(voice) => Some(voice),
            Err(EarError::NoModel { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            words,
            engine: sotto_wake::Ear::new(&wake, voice.as_ref()),
            loudness: voice.is_none().then(Loudness::default),
            heard: 0,
        })
    }

    /// An ear for voices alone, with no model at all.
    pub fn for_voices() -> Self {
        let engine = sotto_wake::Ear::new(&[], None);
        Self { words: Vec::new(), engine, loudness: Some(Loudness::default()), heard: 0 }
    }

    /// Whether a network judges what is a voice, rather than loudness.
    pub fn knows_voices(&self) -> bool {
        self.loudness.is_none()
    }

    /// How many frames reached it since it was opened.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// Hears a frame and gives what it noticed to `each`, in order.
    pub fn hear(&mut self, frame: &Frame, mut each: impl FnMut(Noticed)) {
        self.heard += 1;
        for heard in self.engine.push(frame.samples()) {
            match heard {
                Heard::Wake { word, probability, .. } => {
                    let Listened { name, readier } = &self.words[word];
                    each(Noticed::Wake { word: name.clone(), score: probability, readier: *readier });
                }
                Heard::Voice(voice) => each(Noticed::Voice(voice)),
            }
        }
        if let Some(loudness) = &mut self.loudness {
            each(Noticed::Voice(loudness.push(frame)));
        }
    }

    /// Forgets everything it heard.
    pub fn forget(&mut self) {
        self.engine.reset();
        if let Some(loudness) = &mut self.loudness {
            *loudness = Loudness::default();
        }
    }
}

/// The wake words that there are whole models of in `folder`, by name.
pub fn words_in(folder: &Path) -> Vec<String> {
    let found = sotto_wake::find_models(folder).unwrap_or_default();
    let found = found.iter().filter_map(|found| found.model.as_ref().ok()).map(|m| m.id().to_owned());
    found.filter(|id| id != VOICE).collect()
}

fn model(folder: &Path, name: &str) -> Result<Model, EarError> {
    let json = folder.join(name).with_extension("json");
    if json.is_file() {
        return Ok(Model::open(&json)?);
    }
    Err(EarError::NoModel { word: name.into(), folder: folder.into(), found: words_in(folder) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nabu() -> Vec<Listened> {
        vec![Listened { name: "okay_nabu".into(), readier: 0.0 }]
    }

    #[test]
    fn a_model_that_is_not_there_is_asked_for_by_name_and_place() {
        let folder = tempfile::tempdir().unwrap();
        let error = Ear::open(folder.path(), nabu(), AUTHOR).err().unwrap().to_string();
        assert!(error.contains("no wake model `okay_nabu`") && error.contains("okay_nabu.tflite"), "{error}");
        std::fs::write(folder.path().join("okay_nabu.json"), "{}").unwrap();
        assert!(matches!(Ear::open(folder.path(), nabu(), AUTHOR), Err(EarError::Model(_))));
    }

    #[test]
    fn without_any_model_it_still_hears_voices() {
        let mut ear = Ear::open(Path::new("/nowhere"), vec![], AUTHOR).unwrap();
        assert!(!ear.knows_voices());
        let mut voices = 0;
        ear.hear(&Frame::SILENCE, |noticed| voices += usize::from(matches!(noticed, Noticed::Voice(_))));
        assert_eq!(voices, 1);
    }
}
