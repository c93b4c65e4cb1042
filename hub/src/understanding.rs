//! What was meant: the sentences of the house and its names, compiled into one matcher.
//!
//! `built-in sentences + the household's files + names of the home → matcher → intent and slots, or nothing`

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use anyhow::bail;
use sotto_house::Area;
use sotto_intents::{Context, Entity, Grammar, Home, Match, Matcher, Sentences};

use crate::config::{self, Config};

/// Sentences that come with the hub, by language: enough for the first day.
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("en", "built-in/en/home.yaml", include_str!("../intents/sentences/en/home.yaml")),
    ("de", "built-in/de/home.yaml", include_str!("../intents/sentences/de/home.yaml")),
];

/// Transitions that a speech engine's grammar may have; beyond, sentences are left out and named.
const GRAMMAR_LIMIT: usize = 200_000;

/// The sentences and names in force. Cheap to share; replaced as a whole when either changes.
pub struct Understanding {
    matcher: RwLock<Arc<Matcher>>,
    language: String,
}

impl Understanding {
    /// Reads the built-in sentences of the configured language, what lies in `data/sentences`, and the
    /// configured files and folders, in this order.
    pub fn open(config: &Config, data: &Path) -> anyhow::Result<Understanding> {
        let language = config.hub.language.clone();
        let mut all: Option<Sentences> = None;
        for (_, file, text) in BUILT_IN.iter().filter(|(of, ..)| *of == language) {
            add(&mut all, Sentences::from_yaml(file, text)?);
        }
        let own = data.join("sentences");
        let installed = own.is_dir().then_some(own);
        let files: Vec<PathBuf> =
            installed.into_iter().chain(config.understanding.sentences.clone()).collect();
        if !files.is_empty() {
            add(&mut all, Sentences::load(&files)?);
        }
        let Some(sentences) = all else {
            bail!(
                "there are no sentences for language {language:?}; install them with `sotto-hub intents add \
                 {language}`, or name a folder as sentences in [understanding]"
            );
        };
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

fn add(all: &mut Option<Sentences>, more: Sentences) {
    match all {
        Some(all) => all.merge(more),
        None => *all = Some(more),
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
