//! Which sentences are in force, and from which files.
//!
//! `languages installed in the data directory + what comes with the hub + the household's own files → sentences`.
//! The household's own win over the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::bail;
use sotto_intents::{LoadError, Sentences};

use crate::config::Config;

/// Where sentences are read from.
#[derive(Debug, Clone)]
pub struct Files {
    /// Languages as `intents add` puts them; the folder may not be there.
    installed: PathBuf,
    /// The household's own files and folders.
    own: Vec<PathBuf>,
}

/// What could be read, and the files that could not, each with what to write instead.
pub struct Read {
    pub sentences: Sentences,
    pub broken: Vec<LoadError>,
}

impl Files {
    pub fn of(config: &Config, data: &Path) -> Files {
        Files { installed: data.join("sentences"), own: config.understanding.sentences.clone() }
    }

    /// The sentences of one language, all files that can be read. Fails where there are none of that language.
    pub fn read(&self, language: &str) -> anyhow::Result<Read> {
        let mut broken = Vec::new();
        let mut all = None;
        if self.installed.is_dir() {
            let (languages, errors) = Sentences::load_readable(&[&self.installed], false);
            broken.extend(errors);
            all = of(languages, language);
        }
        if let Some(built_in) = Sentences::built_in(language)? {
            match &mut all {
                Some(all) => all.merge_pack(built_in),
                None => all = Some(built_in),
            }
        }
        let (languages, errors) = Sentences::load_readable(&self.own, true);
        broken.extend(errors);
        if let Some(own) = of(languages, language) {
            match &mut all {
                Some(all) => all.merge(own),
                None => all = Some(own),
            }
        }
        match all {
            Some(sentences) => Ok(Read { sentences, broken }),
            None if !broken.is_empty() => bail!("{}", broken[0]),
            None => bail!(
                "there are no sentences for language {language:?}; install them with `sotto-hub intents add \
                 {language}`, or name a folder as sentences in [understanding]"
            ),
        }
    }

    /// The languages that come with the hub or are installed, in the order of their codes.
    pub fn languages(&self) -> Vec<String> {
        let mut languages: BTreeSet<String> = Sentences::built_in_languages().map(str::to_owned).collect();
        let installed = std::fs::read_dir(&self.installed).into_iter().flatten().flatten();
        languages.extend(installed.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())));
        languages.into_iter().collect()
    }

    /// As [`Files::read`], where one file that cannot be read is one too many.
    pub fn read_all(&self, language: &str) -> anyhow::Result<Sentences> {
        let Read { sentences, broken } = self.read(language)?;
        match broken.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(sentences),
        }
    }

    /// A number that changes when any of the files does. A folder that is not there counts as empty.
    pub fn fingerprint(&self) -> u64 {
        let there = self.own.iter().chain([&self.installed]).filter(|path| path.exists());
        Sentences::fingerprint(&there.collect::<Vec<_>>()).unwrap_or_default()
    }
}

/// The language that was asked for, else the one without its region: `de` for `de-CH`.
fn of(all: BTreeMap<String, Sentences>, language: &str) -> Option<Sentences> {
    let base = language.split(['-', '_']).next().unwrap_or(language);
    let find = |wanted: &str| all.keys().find(|known| known.eq_ignore_ascii_case(wanted)).cloned();
    let key = find(language).or_else(|| find(base))?;
    all.into_iter().find(|(known, _)| *known == key).map(|(_, sentences)| sentences)
}
