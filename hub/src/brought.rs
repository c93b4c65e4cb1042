//! The models that pip brings, inside packages of those who trained them.

use std::path::{Path, PathBuf};

use sotto_hearing::{moonshine, speaker};
use sotto_weights::Package;

/// One model.
pub struct Brought {
    pub name: &'static str,
    pub purpose: &'static str,
    /// `None`: the language does not matter.
    pub language: Option<&'static str>,
    pub licence: &'static str,
    pub package: &'static Package,
    /// Its folder in the folder of models, if it has one of its own.
    folder: Option<&'static str>,
}

/// Tells voices apart.
pub const SPEAKER: &str = "speaker";
/// Hears the sentences of the house.
pub const MOONSHINE: &str = "moonshine";

pub static BROUGHT: [Brought; 2] = [
    Brought {
        name: MOONSHINE,
        purpose: "the house's sentences, in noise and among other talk; one core",
        language: Some("English"),
        licence: "MIT",
        package: &moonshine::PACKAGE,
        folder: Some(moonshine::FOLDER),
    },
    Brought {
        name: SPEAKER,
        purpose: "tells voices apart",
        language: None,
        licence: "Apache-2.0",
        package: &speaker::PACKAGE,
        folder: None,
    },
];

pub fn find(name: &str) -> Option<&'static Brought> {
    BROUGHT.iter().find(|brought| brought.name == name)
}

impl Brought {
    /// The folder that its files are in.
    pub fn folder(&self, models: &Path) -> PathBuf {
        self.folder.map_or_else(|| models.to_owned(), |folder| models.join(folder))
    }

    pub fn is_installed(&self, models: &Path) -> bool {
        match self.name {
            // One of the household's own may have taken its place.
            SPEAKER => speaker::installed(models).is_some(),
            _ => self.package.is_in(&self.folder(models)),
        }
    }

    /// Bytes of what is installed, or would be.
    pub fn bytes(&self, models: &Path) -> u64 {
        let own = (self.name == SPEAKER).then(|| speaker::installed(models)).flatten();
        let own = own.and_then(|file| std::fs::metadata(file).ok());
        own.map_or_else(|| self.package.bytes(), |about| about.len())
    }

    /// Throws its files away.
    pub fn remove(&self, models: &Path) -> std::io::Result<()> {
        if self.name == SPEAKER {
            let installed = speaker::installed(models).ok_or(std::io::ErrorKind::NotFound)?;
            std::fs::remove_file(installed)?;
            return speaker::remove_given(models);
        }
        let folder = self.folder(models);
        for part in self.package.parts {
            std::fs::remove_file(folder.join(part.file))?;
        }
        match self.folder {
            Some(_) => std::fs::remove_dir(folder),
            None => Ok(()),
        }
    }
}
