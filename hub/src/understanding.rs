//! What was meant: the sentences of the house and its names, compiled into one matcher.
//!
//! `built-in sentences + the household's files + names of the home → matcher → intent and slots, or nothing`

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, RwLock};

use anyhow::bail;
use sotto_house::Area;
use sotto_intents::{Context, Entity, Grammar, Home, Match, Matcher, Sentences};

use crate::config::{self, Config};

/// Transitions that a speech engine's grammar may have; beyond, sentences are left out and named.
const GRAMMAR_LIMIT: usize = 200_000;

/// The sentences and names in force. Cheap to share; replaced as a whole when either changes.
pub struct Understanding {
    matcher: RwLock<Arc<Matcher>>,
    language: String,
}

impl Understanding {
    /// Compiles the sentences of the configured language with the names of the configured house.
    pub fn open(config: &Config, data: &Path) -> anyhow::Result<Understanding> {
        let language = config.hub.language.clone();
        let sentences = sentences(config, data, Some(&language))?;
        let matcher = Matcher::new(&sentences, &home(&config.home));
        for problem in matcher.problems() {
            tracing::warn!("{problem}");
        }
        Ok(Understanding { matcher: RwLock::new(Arc::new(matcher)), language })
    }

    pub fn language(&self) -> &str {
        &self.language
    }

    /// The best reading of what the speech engine heard, said in `area`.
    pub fn understand(&self, hypotheses: &[&str], area: Option<&Area>) -> Option<Match> {
        let context = area.map_or_else(Context::default, |area| Context::in_area(area.as_str()));
        let matcher = self.current();
        let readings = hypotheses.iter().enumerate().filter_map(|(hypothesis, text)| {
            let reading = matcher.parse(text, &context)?;
            Some(Match { hypothesis, ..reading })
        });
        // The first of equals: engines give their best hypothesis first.
        readings.reduce(|best, next| if next.confidence > best.confidence { next } else { best })
    }

    /// What may be said, for a speech engine that listens along.
    pub fn grammar(&self) -> Grammar {
        self.current().grammar(GRAMMAR_LIMIT)
    }

    /// New names are live from the next utterance on.
    pub fn rename(&self, home: &Home) {
        let matcher = Arc::new(self.current().with_home(home));
        *self.matcher.write().unwrap_or_else(|broken| broken.into_inner()) = matcher;
    }

    fn current(&self) -> Arc<Matcher> {
        self.matcher.read().unwrap_or_else(|broken| broken.into_inner()).clone()
    }
}

/// The sentences of a language (the configured one where none is named): what is installed in `data/sentences`,
/// what comes with the hub, and the household's own files, which win over the others.
pub fn sentences(config: &Config, data: &Path, language: Option<&str>) -> anyhow::Result<Sentences> {
    let language = language.unwrap_or(&config.hub.language);
    let installed = data.join("sentences");
    let of = |all: BTreeMap<String, Sentences>| {
        all.into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(language))
            .map(|(_, sentences)| sentences)
    };
    let mut all = match installed.is_dir() {
        true => of(Sentences::load_languages(&[installed], false)?),
        false => None,
    };
    if let Some(built_in) = Sentences::built_in(language)? {
        match &mut all {
            Some(all) => all.merge_pack(built_in),
            None => all = Some(built_in),
        }
    }
    if let Some(own) = of(Sentences::load_languages(&config.understanding.sentences, true)?) {
        match &mut all {
            Some(all) => all.merge(own),
            None => all = Some(own),
        }
    }
    match all {
        Some(all) => Ok(all),
        None => bail!(
            "there are no sentences for language {language:?}; install them with `sotto-hub intents add \
             {language}`, or name a folder as sentences in [understanding]"
        ),
    }
}

/// The names that the configuration gives.
pub fn home(config: &config::Home) -> Home {
    let id = |name: &str| name.to_lowercase().replace(' ', "_");
    let mut home = Home::default();
    for area in &config.areas {
        let floor = area.floor.as_deref().map(id);
        if let (Some(id), Some(name)) = (&floor, &area.floor)
            && home.floors.iter().all(|known| known.id != *id)
        {
            home = home.floor(id, name);
        }
        home.areas.push(sotto_intents::Area {
            id: id(&area.name),
            name: area.name.clone(),
            aliases: area.aliases.clone(),
            floor,
        });
    }
    for entity in &config.entities {
        home.entities.push(Entity {
            id: format!("{}.{}", entity.domain, id(&entity.name)),
            name: entity.name.clone(),
            aliases: entity.aliases.clone(),
            area: entity.area.as_deref().map(id),
            ..Entity::default()
        });
    }
    home
}
