//! The second look at a wake word, before anything is kept or transcribed.

use std::collections::BTreeMap;
use std::path::Path;

use sotto_wake::{Ear, Heard, Model, WakeWord, find_models};

/// After the pre-roll the detector hears this much silence, so that its sliding window can fill.
const TAIL: [i16; 16_000 / 5] = [0; 16_000 / 5];

/// The wake models that the hub has itself, by name.
#[derive(Default)]
pub struct SecondLook {
    models: BTreeMap<String, Model>,
}

impl SecondLook {
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

    /// Whether `samples` (16 kHz mono, ending at the detection) hold the wake word. A word that the hub has no model
    /// for is believed: the satellite alone decided.
    pub fn is_genuine(&self, word: &str, samples: &[i16]) -> bool {
        let Some(model) = self.models.get(word) else { return true };
        let mut ear = Ear::new(&[WakeWord::new(model.clone())], None);
        let heard = |heard: Heard| matches!(heard, Heard::Wake { .. });
        ear.push(samples).any(heard) || ear.push(&TAIL).any(heard)
    }
}

/// A model goes by the name of its file, as in the satellite's configuration.
fn name_of(description: &Path) -> String {
    description.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
