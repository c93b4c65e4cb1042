//! What was meant: the sentences of each language and the names of the house, compiled into matchers, and the last
//! command of each place.
//!
//! `sentences + names → matcher (one a language) ─(text, place)→ commands, or why there are none`
//!
//! Replaced as a whole when sentences or names change: an utterance under way keeps what it began with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Instant;

use sotto_house::Area;
use sotto_intents::{
    Action, Context, Conversation, Entity, Grammar, Home, Match, Matcher, Problem, Responder, Sentences,
    Unsure, Value,
};

use crate::config::{self, Config};
use crate::sentences::{Files, Read};

/// Transitions that a speech engine's grammar may have; beyond, sentences are left out and named.
const GRAMMAR_LIMIT: usize = 200_000;
/// Most languages that one house has in memory. There are 65.
const LANGUAGES: usize = 80;

/// The sentences and names in force. Cheap to share.
pub struct Understanding {
    files: Files,
    /// The house's own language.
    language: String,
    /// The fingerprint of the files as they were read first.
    opened_with: u64,
    inside: RwLock<Inside>,
    /// Held while something changes, so that of two changes at once none is lost.
    changing: Mutex<()>,
    conversation: Mutex<Conversation>,
}

#[derive(Clone)]
struct Inside {
    home: Arc<Home>,
    /// Of the house's own language.
    own: Spoken,
    /// Of languages that satellites asked for; `None` where there are no sentences of one.
    others: BTreeMap<String, Option<Spoken>>,
}

/// One language: what is understood, and what is answered.
#[derive(Clone)]
struct Spoken {
    matcher: Arc<Matcher>,
    responder: Arc<Responder>,
}

impl Spoken {
    fn new(sentences: &Sentences, home: &Home) -> Spoken {
        let matcher = Arc::new(Matcher::new(sentences, home));
        Spoken { matcher, responder: Arc::new(Responder::new(sentences)) }
    }

    fn with_home(&self, home: &Home) -> Spoken {
        let matcher = Arc::new(self.matcher.with_home(home));
        Spoken { matcher, responder: self.responder.clone() }
    }

    fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.matcher.problems().chain(self.responder.problems())
    }
}

/// Where and in which language something was said.
#[derive(Debug, Clone, Copy)]
pub struct Where<'a> {
    pub area: Option<&'a Area>,
    /// Stands for the place where there is no area.
    pub satellite: &'a str,
    pub language: &'a str,
    /// The room of whoever speaks, as far as that is known.
    pub own_room: Option<&'a Area>,
}

impl Where<'_> {
    fn place(&self) -> String {
        match self.area {
            Some(area) => format!("area {}", area.as_str()),
            None => format!("satellite {}", self.satellite),
        }
    }

    fn context(&self) -> Context {
        let name = |area: &Area| area.as_str().to_owned();
        Context { area: self.area.map(name), own_room: self.own_room.map(name), ..Context::default() }
    }
}

impl Understanding {
    /// Compiles the sentences of the configured language with the names of the configured house. A file that cannot
    /// be read is left out, and said so: a slip in one file does not silence the house.
    pub fn open(config: &Config, data: &Path) -> anyhow::Result<Understanding> {
        let files = Files::of(config, data);
        let opened_with = files.fingerprint();
        let (language, home) = (config.hub.language.clone(), home(&config.home));
        let Read { sentences, broken } = files.read(&language)?;
        for error in broken {
            tracing::error!("{error}; until then this file is left out");
        }
        let own = Spoken::new(&sentences, &home);
        for problem in own.problems() {
            tracing::warn!("{problem}");
        }
        Ok(Understanding {
            files,
            language,
            opened_with,
            inside: RwLock::new(Inside { home: Arc::new(home), own, others: BTreeMap::new() }),
            changing: Mutex::default(),
            conversation: Mutex::default(),
        })
    }

    /// The languages that this house has sentences of: its own first.
    pub fn languages(&self) -> Vec<String> {
        let mut languages = self.files.languages();
        languages.retain(|language| *language != self.language);
        languages.insert(0, self.language.clone());
        languages
    }

    /// The house's own language.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// What the hypotheses of a speech engine mean, the likeliest first: the commands in the order in which they are
    /// to be done.
    pub fn understand(&self, hypotheses: &[&str], said: Where<'_>) -> Result<Vec<Match>, Unsure> {
        let Spoken { matcher, .. } = self.spoken(said.language);
        let context = said.context();
        lock(&self.conversation).understand(&matcher, hypotheses, &context, &said.place(), Instant::now())
    }

    /// What a text would mean if it were said there and nothing had been said before.
    pub fn would_mean(&self, text: &str, area: Option<&Area>) -> Result<Vec<Match>, Unsure> {
        let said = Where { area, satellite: "", language: &self.language, own_room: None };
        let Spoken { matcher, .. } = self.spoken(said.language);
        Conversation::default().understand(&matcher, &[text], &said.context(), "", Instant::now())
    }

    /// Follow-ups refer to this command from now on: it is being carried out.
    pub fn remember(&self, command: &Match, said: Where<'_>) {
        lock(&self.conversation).remember(&said.place(), command, Instant::now());
    }

    /// What to say to a command that was done, where nobody else has said it: what the household wrote down, and
    /// answers to questions of which `home` knows the state.
    pub fn answer(&self, done: &Match, language: &str, home: &Home) -> Option<String> {
        let Spoken { matcher, responder } = self.spoken(language);
        let says = match done.intent.as_str() {
            "HassGetCurrentTime" | "HassGetCurrentDate" => true,
            intent if intent.starts_with("HassGet") || intent.starts_with("HassClimateGet") => {
                responder.knows(done, home)
            }
            intent => matcher.sentences().is_answered_by_own(intent),
        };
        if !says {
            return None;
        }
        match responder.respond(done, home, &now()) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!("{error}");
                None
            }
        }
    }

    /// What the household's sentence files do besides: intent and message.
    pub fn actions(&self) -> Vec<(String, Action)> {
        let Inside { own, others, .. } = self.now();
        let all = std::iter::once(&own).chain(others.values().flatten());
        let actions = all.flat_map(|spoken| spoken.matcher.sentences().actions());
        actions.map(|(intent, action)| (intent.to_owned(), action.clone())).collect()
    }

    /// What may be said, for a speech engine that listens along.
    pub fn grammar(&self) -> Grammar {
        self.now().own.matcher.grammar(GRAMMAR_LIMIT)
    }

    /// New names are live from the next utterance on.
    pub fn rename(&self, home: &Home) {
        let _changing = lock(&self.changing);
        let Inside { own, mut others, .. } = self.now();
        for other in others.values_mut().flatten() {
            *other = other.with_home(home);
        }
        self.replace(Inside { home: Arc::new(home.clone()), own: own.with_home(home), others });
    }

    /// Reads the sentence files anew, of all languages in use. Fails where one cannot be read, and everything stays
    /// as it was; otherwise names what is wrong with single sentences.
    pub fn reload(&self) -> anyhow::Result<Vec<Problem>> {
        let _changing = lock(&self.changing);
        let Inside { home, others, .. } = self.now();
        let compiled = |language: &str| -> anyhow::Result<Spoken> {
            Ok(Spoken::new(&self.files.read_all(language)?, &home))
        };
        let own = compiled(&self.language)?;
        // A language that nobody had sentences of is looked for again when it is next spoken.
        let others = others.into_iter().filter(|(_, spoken)| spoken.is_some());
        let others = others
            .map(|(language, _)| compiled(&language).map(|spoken| (language, Some(spoken))))
            .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
        let all = std::iter::once(&own).chain(others.values().flatten());
        let problems = all.flat_map(Spoken::problems).cloned().collect();
        self.replace(Inside { home, own, others });
        Ok(problems)
    }

    /// Makes what mis-heard sentences need, so that the first of them need not wait for it.
    pub fn prepare(&self) {
        let Inside { own, others, .. } = self.now();
        own.matcher.prepare();
        others.values().flatten().for_each(|other| other.matcher.prepare());
    }

    /// The [fingerprint](Self::fingerprint) of the files that were read at first.
    pub fn opened_with(&self) -> u64 {
        self.opened_with
    }

    /// A number that changes when the sentence files do.
    pub fn fingerprint(&self) -> u64 {
        self.files.fingerprint()
    }

    /// A language; the house's own where there are no sentences of it.
    fn spoken(&self, language: &str) -> Spoken {
        let known = || {
            let Inside { own, others, .. } = self.now();
            match others.get(language) {
                _ if language == self.language => Ok(own),
                Some(other) => Ok(other.clone().unwrap_or(own)),
                None => Err(own),
            }
        };
        if let Ok(found) = known() {
            return found;
        }
        let _changing = lock(&self.changing);
        let own = match known() {
            Ok(found) => return found,
            Err(own) => own,
        };
        let other = match self.files.read(language) {
            Ok(Read { sentences, .. }) => Some(Spoken::new(&sentences, own.matcher.home())),
            Err(error) => {
                tracing::warn!(
                    "a satellite speaks {language:?}: {error}; it is heard in {:?}",
                    self.language
                );
                None
            }
        };
        let mut inside = self.now();
        if inside.others.len() < LANGUAGES {
            inside.others.insert(language.to_owned(), other.clone());
            self.replace(inside);
        }
        other.unwrap_or(own)
    }

    fn now(&self) -> Inside {
        self.inside.read().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    fn replace(&self, inside: Inside) {
        *self.inside.write().unwrap_or_else(|broken| broken.into_inner()) = inside;
    }
}

/// Date and time, as responses want them.
fn now() -> BTreeMap<String, Value> {
    let now = jiff::ZonedDateTime::now();
    let map = |items: &[(&str, i64)]| {
        Value::Map(items.iter().map(|(key, number)| ((*key).to_owned(), Value::Int(*number))).collect())
    };
    let date = [("year", now.year().into()), ("month", now.month().into()), ("day", now.day().into())];
    let time = [("hour", now.hour().into()), ("minute", now.minute().into())];
    BTreeMap::from([("date".to_owned(), map(&date)), ("time".to_owned(), map(&time))])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|broken| broken.into_inner())
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

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_intents::Doubt;

    const HOUSE: &str = "[[home.areas]]\nname = \"Kitchen\"\n[[home.entities]]\nname = \"Desk Lamp\"\ndomain = \
                         \"light\"\narea = \"Kitchen\"\n";
    const OWN: &str = r#"
language: en
intents:
  RingBell:
    data:
      - sentences: ["ring the dinner bell"]
responses:
  intents:
    RingBell:
      default: "The bell rings"
actions:
  RingBell: { topic: "house/bell", payload: "ring" }
"#;

    /// A house with files of its own, and a language that was installed.
    fn open(folder: &Path) -> Understanding {
        let (own, installed) = (folder.join("own"), folder.join("sentences"));
        std::fs::create_dir_all(&own).unwrap();
        std::fs::create_dir_all(&installed).unwrap();
        std::fs::write(own.join("ours.yaml"), OWN).unwrap();
        let french =
            "language: fr\nintents:\n  HassTurnOn:\n    data:\n      - sentences: [\"allume {name}\"]\n";
        std::fs::write(installed.join("fr.yaml"), french).unwrap();
        let config = format!("[understanding]\nsentences = [{own:?}]\n{HOUSE}");
        Understanding::open(&Config::parse(&config, "hub.toml").unwrap(), folder).unwrap()
    }

    #[track_caller]
    fn check(understanding: &Understanding, language: &str, text: &str, expect: &str) {
        let area = Area::new("Kitchen").unwrap();
        let said = Where { area: Some(&area), satellite: "shelf", language, own_room: None };
        let found = understanding.understand(&[text], said);
        if let Some(last) = found.as_ref().ok().and_then(|found| found.last()) {
            understanding.remember(last, said);
        }
        let shown = found.map_or_else(
            |unsure| unsure.why.to_string(),
            |found| found.iter().map(|m| m.intent.as_str()).collect::<Vec<_>>().join(", "),
        );
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn each_satellite_is_understood_in_its_language() {
        let folder = tempfile::tempdir().unwrap();
        let understanding = open(folder.path());
        check(&understanding, "en", "turn on the desk lamp", "HassTurnOn");
        check(&understanding, "fr-CA", "allume desk lamp", "HassTurnOn");
        check(&understanding, "en", "allume desk lamp", "no sentence is near");
        // A language that nobody installed: better the house's own than none.
        check(&understanding, "xx", "turn on the desk lamp", "HassTurnOn");
    }

    #[test]
    fn my_room_is_the_speakers() {
        let folder = tempfile::tempdir().unwrap();
        let understanding = open(folder.path());
        let room = |language: &str, text: &str, own_room: Option<&Area>| {
            let said = Where { area: None, satellite: "shelf", language, own_room };
            let found = understanding.understand(&[text], said);
            found
                .map(|found| found[0].slot("area").map(|slot| slot.value.to_string()))
                .map_err(|unsure| unsure.why)
        };
        let attic = Area::new("Attic").unwrap();
        let lights = "turn on the lights in my room";
        assert!(room("en", lights, Some(&attic)).is_err(), "nobody who is known has one");
        let house = Home { own_rooms: true, ..Home::default() }.area("attic", "Attic").area("hall", "Hall");
        understanding.rename(&house);
        assert_eq!(room("en", lights, Some(&attic)), Ok(Some("Attic".into())));
        assert_eq!(
            room("de", "schalte das Licht in meinem Zimmer an", Some(&attic)),
            Ok(Some("Attic".into()))
        );
        assert_eq!(room("en", "turn on the lights in the hall", Some(&attic)), Ok(Some("Hall".into())));
        assert_eq!(room("en", lights, None), Err(Doubt::WhoseRoom));
        let gone = Area::new("Cellar").unwrap();
        assert_eq!(room("en", lights, Some(&gone)), Err(Doubt::WhoseRoom));
    }

    #[test]
    fn new_names_are_understood_and_listened_for_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let understanding = open(folder.path());
        let has_word = || understanding.grammar().vocabulary().contains(&"chandelier");
        assert!(!has_word());
        check(&understanding, "fr", "allume chandelier", "no sentence is near");
        let house = Home::default().area("kitchen", "Kitchen").entity("light.c", "Chandelier", "kitchen");
        understanding.rename(&house);
        assert!(has_word());
        check(&understanding, "en", "turn on the chandelier", "HassTurnOn");
        check(&understanding, "fr", "allume chandelier", "HassTurnOn");
        // New sentences keep the new names.
        understanding.reload().unwrap();
        check(&understanding, "en", "turn on the chandelier", "HassTurnOn");
    }

    #[test]
    fn a_slip_in_a_file_leaves_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let understanding = open(folder.path());
        check(&understanding, "en", "ring the dinner bell", "RingBell");
        let before = understanding.fingerprint();
        let file = folder.path().join("own/ours.yaml");
        std::fs::write(&file, OWN.replace("bell\"]", "bell\"")).unwrap();
        assert_ne!(understanding.fingerprint(), before);
        let error = understanding.reload().unwrap_err().to_string();
        assert!(error.contains("ours.yaml:") && error.contains("valid YAML"), "{error}");
        check(&understanding, "en", "ring the dinner bell", "RingBell");
        // At the start there is nothing from before: the other sentences are there all the same.
        let fresh = Understanding::open(
            &Config::parse(&format!("[understanding]\nsentences = [{file:?}]\n{HOUSE}"), "").unwrap(),
            folder.path(),
        );
        check(&fresh.unwrap(), "en", "turn on the desk lamp", "HassTurnOn");
    }

    #[test]
    fn what_the_household_wrote_is_answered_and_done() {
        let folder = tempfile::tempdir().unwrap();
        let understanding = open(folder.path());
        let home = Home::default();
        let rung = understanding.would_mean("ring the dinner bell", None).unwrap();
        assert_eq!(understanding.answer(&rung[0], "en", &home).as_deref(), Some("The bell rings"));
        let on = understanding.would_mean("turn on the desk lamp", None).unwrap();
        assert_eq!(understanding.answer(&on[0], "en", &home), None);
        let [(intent, action)] = &understanding.actions()[..] else { panic!("one action") };
        assert_eq!((intent.as_str(), action.topic.as_str()), ("RingBell", "house/bell"));
    }

    #[test]
    fn several_commands_and_follow_ups_hang_together() {
        let folder = tempfile::tempdir().unwrap();
        let understanding = open(folder.path());
        check(
            &understanding,
            "en",
            "off again",
            "it refers to a command before, and there is none that fits",
        );
        check(&understanding, "en", "turn on the desk lamp and ring the dinner bell", "HassTurnOn, RingBell");
        check(&understanding, "en", "turn on the desk lamp", "HassTurnOn");
        check(&understanding, "en", "off again", "HassTurnOff");
    }
}
