//! What was chosen for each satellite, on the page or in Home Assistant: volume, sensitivity, mute, wake word. Kept
//! across restarts, and told again to each satellite that connects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sotto_house::SatelliteId;
use sotto_protocol::{Settings, write_private};

use crate::satellites::SatellitesHandle;

/// In parts of 0 to 100, as the page shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    pub muted: bool,
    pub volume: u8,
    pub sensitivity: u8,
    /// `None`: those that its own configuration names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_word: Option<String>,
}

impl Default for Chosen {
    fn default() -> Self {
        Chosen { muted: false, volume: 80, sensitivity: 50, wake_word: None }
    }
}

impl Chosen {
    /// The chosen wake word, if it is one of those that the satellite has a model of.
    pub fn wake_word_of<'a>(&self, offered: &'a [String]) -> Option<&'a String> {
        offered.iter().find(|word| Some(*word) == self.wake_word.as_ref())
    }

    fn settings(&self, offered: &[String]) -> Settings {
        Settings {
            muted: self.muted,
            volume: f32::from(self.volume.min(100)) / 100.0,
            sensitivity: f32::from(self.sensitivity.min(100)) / 100.0,
            wake_words: self.wake_word_of(offered).into_iter().cloned().collect(),
        }
    }
}

pub struct SatelliteSettings {
    path: PathBuf,
    chosen: Mutex<BTreeMap<String, Chosen>>,
}

impl SatelliteSettings {
    pub fn open(data: &Path) -> anyhow::Result<SatelliteSettings> {
        let path = data.join("satellite-settings.json");
        let chosen = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| {
                format!("{} is damaged; remove it, and choose again on the page", path.display())
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(SatelliteSettings { path, chosen: Mutex::new(chosen) })
    }

    pub fn of(&self, satellite: &SatelliteId) -> Chosen {
        self.lock().get(satellite.as_str()).cloned().unwrap_or_default()
    }

    /// Tells a satellite what was chosen for it; one that is away is told when it connects.
    pub fn tell(&self, satellites: &SatellitesHandle, satellite: &SatelliteId) {
        let listed = satellites.list().into_iter().find(|listed| listed.paired.id == *satellite);
        if let Some(connected) = listed.and_then(|listed| listed.connected) {
            satellites.settings(satellite, self.of(satellite).settings(&connected.wake_words));
        }
    }

    /// Changes and keeps; what could not be kept is not changed.
    pub fn change(&self, satellite: &SatelliteId, change: impl FnOnce(&mut Chosen)) -> anyhow::Result<()> {
        let mut all = self.lock();
        let mut chosen = all.get(satellite.as_str()).cloned().unwrap_or_default();
        change(&mut chosen);
        let mut next = all.clone();
        next.insert(satellite.as_str().to_owned(), chosen);
        let text = serde_json::to_vec_pretty(&next)?;
        write_private(&self.path, &text).with_context(|| format!("cannot write {}", self.path.display()))?;
        *all = next;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Chosen>> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_still_so_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let kitchen = SatelliteId::new("kitchen").unwrap();
        let settings = SatelliteSettings::open(data.path()).unwrap();
        assert_eq!(settings.of(&kitchen), Chosen::default());
        settings.change(&kitchen, |chosen| chosen.muted = true).unwrap();
        let again = SatelliteSettings::open(data.path()).unwrap();
        assert_eq!(again.of(&kitchen), Chosen { muted: true, ..Chosen::default() });
        // As an earlier hub wrote it.
        let earlier = r#"{"hall": {"muted": false, "volume": 30, "sensitivity": 60}}"#;
        std::fs::write(data.path().join("satellite-settings.json"), earlier).unwrap();
        let hall = SatelliteSettings::open(data.path()).unwrap().of(&SatelliteId::new("hall").unwrap());
        assert_eq!(hall, Chosen { volume: 30, sensitivity: 60, ..Chosen::default() });
        std::fs::write(data.path().join("satellite-settings.json"), "[").unwrap();
        assert!(SatelliteSettings::open(data.path()).is_err());
    }

    #[test]
    fn a_wake_word_is_asked_for_only_where_there_is_a_model_of_it() {
        let chosen = Chosen { wake_word: Some("alexa".into()), ..Chosen::default() };
        let words = |offered: &[&str]| {
            let offered: Vec<String> = offered.iter().map(|word| (*word).to_owned()).collect();
            chosen.settings(&offered).wake_words
        };
        assert_eq!(words(&["okay_nabu", "alexa"]), ["alexa"]);
        assert!(words(&["okay_nabu"]).is_empty(), "it goes on with its own");
        assert!(Chosen::default().settings(&["alexa".to_owned()]).wake_words.is_empty());
    }
}
