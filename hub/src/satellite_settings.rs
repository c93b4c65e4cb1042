//! What was chosen for each satellite on the page: volume, sensitivity, mute. Kept across restarts, and told again
//! to each satellite that connects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sotto_house::SatelliteId;
use sotto_protocol::{Settings, write_private};

/// In parts of 0 to 100, as the page shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    pub muted: bool,
    pub volume: u8,
    pub sensitivity: u8,
}

impl Default for Chosen {
    fn default() -> Self {
        Chosen { muted: false, volume: 80, sensitivity: 50 }
    }
}

impl From<Chosen> for Settings {
    fn from(chosen: Chosen) -> Settings {
        Settings {
            muted: chosen.muted,
            volume: f32::from(chosen.volume.min(100)) / 100.0,
            sensitivity: f32::from(chosen.sensitivity.min(100)) / 100.0,
            wake_words: Vec::new(),
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
        self.lock().get(satellite.as_str()).copied().unwrap_or_default()
    }

    /// Changes and keeps; what could not be kept is not changed.
    pub fn change(
        &self,
        satellite: &SatelliteId,
        change: impl FnOnce(&mut Chosen),
    ) -> anyhow::Result<Chosen> {
        let mut all = self.lock();
        let mut chosen = all.get(satellite.as_str()).copied().unwrap_or_default();
        change(&mut chosen);
        let mut next = all.clone();
        next.insert(satellite.as_str().to_owned(), chosen);
        let text = serde_json::to_vec_pretty(&next)?;
        write_private(&self.path, &text).with_context(|| format!("cannot write {}", self.path.display()))?;
        *all = next;
        Ok(chosen)
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
        std::fs::write(data.path().join("satellite-settings.json"), "[").unwrap();
        assert!(SatelliteSettings::open(data.path()).is_err());
    }
}
