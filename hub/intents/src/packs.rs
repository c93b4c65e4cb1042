//! The sentences that come with Sotto, in the same format as all others (`sentences/LANG/*.yaml`): what a house can
//! be asked on the first day, a person's own recordings, the satellites, and follow-ups. A translator adds a folder
//! and its line here.

use crate::problem::LoadError;
use crate::sentences::Sentences;

const PACKS: &[(&str, &[(&str, &str)])] = &[
    (
        "en",
        &[
            ("built-in/en/home.yaml", include_str!("../sentences/en/home.yaml")),
            ("built-in/en/privacy.yaml", include_str!("../sentences/en/privacy.yaml")),
            ("built-in/en/satellites.yaml", include_str!("../sentences/en/satellites.yaml")),
        ],
    ),
    (
        "de",
        &[
            ("built-in/de/home.yaml", include_str!("../sentences/de/home.yaml")),
            ("built-in/de/privacy.yaml", include_str!("../sentences/de/privacy.yaml")),
            ("built-in/de/satellites.yaml", include_str!("../sentences/de/satellites.yaml")),
        ],
    ),
];

impl Sentences {
    /// The languages that come with Sotto.
    pub fn built_in_languages() -> impl Iterator<Item = &'static str> {
        PACKS.iter().map(|(language, _)| *language)
    }

    /// What comes with Sotto in a language; a region is overlooked (`de-CH` is `de`). `None` for other languages.
    pub fn built_in(language: &str) -> Result<Option<Sentences>, LoadError> {
        let base = language.split(['-', '_']).next().unwrap_or(language);
        let Some((_, files)) = PACKS.iter().find(|(known, _)| known.eq_ignore_ascii_case(base)) else {
            return Ok(None);
        };
        let mut all: Option<Sentences> = None;
        for (file, text) in *files {
            let more = Sentences::from_yaml(file, text)?;
            match &mut all {
                Some(all) => all.merge_pack(more),
                None => all = Some(more),
            }
        }
        Ok(all)
    }
}
