//! The second look at a wake word, before anything is kept or transcribed.
//!
//! How a wake is looked at is in `sotto_wake`; this file knows which models the hub has, and by what names.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sotto_wake::{Model, WakeWord, find_models};

/// The wake models that the hub has itself, by name.
#[derive(Default)]
pub struct SecondLook {
    models: BTreeMap<String, Model>,
}

impl SecondLook {
    /// Sound after the wake that a look waits for.
    pub const AFTER: Duration = sotto_wake::AFTER;

    /// Reads the wake models in `folder`; a folder that is not there is no models.
    pub fn open(folder: &Path) -> SecondLook {
        let mut models = BTreeMap::new();
        for found in folder.is_dir().then(|| find_models(folder)).into_iter().flatten().flatten() {
            match found.model {
                Ok(model) => drop(models.insert(name_of(&found.description), model)),
                Err(error) => {
                    tracing::warn!(model = %found.description.display(), %error, "a wake model is not used")
                }
            }
        }
        SecondLook { models }
    }

    /// Whether there is anything to look with.
    pub fn is_possible(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whether there is a model for this word. Without one the wake is believed: the satellite alone decided.
    pub fn knows(&self, word: &str) -> bool {
        self.models.contains_key(word)
    }

    /// Whether `samples` (16 kHz mono, ending [`AFTER`](Self::AFTER) the detection) hold the wake word, for a
    /// satellite that listens as readily as `sensitivity` says.
    pub fn is_genuine(&self, word: &str, sensitivity: f32, samples: &[i16]) -> bool {
        let Some(model) = self.models.get(word) else { return true };
        let word = WakeWord::new(model.clone()).with_sensitivity(sensitivity);
        sotto_wake::SecondLook::new(word).is_genuine(samples)
    }
}

/// A model goes by the name of its file, as in the satellite's configuration.
fn name_of(description: &Path) -> String {
    description.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
