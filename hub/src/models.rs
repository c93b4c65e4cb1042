//! The models of the running hub: what is installed is used within seconds, by whichever door it came or went.
//!
//! ```text
//! page → wishes → (fetched) → file in models/ ─ seen here → the engine is exchanged, voices are told apart
//! ```
//!
//! Deliberately absent: fetching in the packaged hub, which has no way out of the house; see [`crate::wishes`].

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sotto_hearing::catalogue::{self, LICENCE};
use sotto_hearing::{Choice, Config, Engine, Swap, chosen, moonshine, speaker};
use sotto_web::{Model, ModelKind, ModelState, PortError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::brought::{self, BROUGHT, MOONSHINE, SPEAKER};
use crate::voices::{Voices, open_encoder};
use crate::wishes::{Standing, Wishes};

/// How often the folder is looked at: next to nothing, and soon enough for somebody who waits.
const LOOK: Duration = Duration::from_secs(2);
/// Set where a unit beside the hub fetches what is wanted.
const FETCHED_BESIDE: &str = "SOTTO_FETCHED_BESIDE";

/// Cheap to clone.
#[derive(Clone)]
pub struct Models(Arc<Inside>);

struct Inside {
    wishes: Wishes,
    settings: Config,
    engine: Arc<Swap>,
    voices: Voices,
    /// The encoder that was looked at last, whether it is used or cannot be.
    encoder: Mutex<Option<FileMark>>,
    /// The house's language, BCP 47.
    language: String,
    /// Another program fetches what is wanted.
    beside: bool,
    wanted: Notify,
}

/// A file, as far as it tells that another lies there.
type FileMark = (PathBuf, u64, Option<SystemTime>);
type Mark = Vec<FileMark>;

fn mark(path: PathBuf) -> Option<FileMark> {
    let about = std::fs::metadata(&path).ok()?;
    Some((path, about.len(), about.modified().ok()))
}

impl Models {
    pub fn new(settings: Config, engine: Arc<Swap>, voices: Voices, language: String) -> Models {
        let wishes = Wishes::new(&settings.models);
        let beside = std::env::var_os(FETCHED_BESIDE).is_some_and(|set| !set.is_empty());
        let encoder = Mutex::new(speaker::installed(&settings.models).and_then(mark));
        let wanted = Notify::new();
        Models(Arc::new(Inside { wishes, settings, engine, voices, encoder, language, beside, wanted }))
    }

    pub fn list(&self) -> Vec<Model> {
        let Inside { wishes, settings, engine, voices, language, .. } = &*self.0;
        let (name, model) = (engine.name(), engine.model());
        let uses = |file: &str| model.split(' ').any(|part| part == file);
        let phrase_may = matches!(settings.engine, Choice::Auto | Choice::Phrase | Choice::Both);
        let whisper_may = matches!(settings.engine, Choice::Auto | Choice::Whisper | Choice::Both);
        let english = language.split(['-', '_']).next().is_some_and(|base| base.eq_ignore_ascii_case("en"));
        let suits = if english { MOONSHINE } else { catalogue::suits(language, sotto_hearing::speed()) };
        let mut models = Vec::new();
        if settings.engine == Choice::Remote {
            models.push(Model {
                name: model.clone(),
                kind: ModelKind::Speech,
                purpose: "A speech server elsewhere in the house.".to_owned(),
                multilingual: true,
                licence: "its own".to_owned(),
                bytes: None,
                recommended: false,
                removable: false,
                state: ModelState::InUse,
            });
        }
        models.push(Model {
            name: "phrase".to_owned(),
            kind: ModelKind::Speech,
            purpose: "Built in. Hears the sentences of this house and no others.".to_owned(),
            multilingual: false,
            licence: "BSD-2-Clause".to_owned(),
            bytes: None,
            recommended: false,
            removable: false,
            state: match matches!(name, "phrase" | "both") && !uses(moonshine::FOLDER) {
                true => ModelState::InUse,
                false => ModelState::Installed,
            },
        });
        models.extend(BROUGHT.iter().map(|one| {
            let (kind, used) = match one.name {
                SPEAKER => (ModelKind::Voices, voices.encoder().is_some()),
                _ => (ModelKind::Speech, uses(moonshine::FOLDER)),
            };
            Model {
                name: one.name.to_owned(),
                kind,
                purpose: one.purpose.to_owned(),
                multilingual: one.language.is_none(),
                licence: one.licence.to_owned(),
                bytes: Some(one.bytes(&settings.models)),
                recommended: phrase_may && one.name == suits,
                removable: true,
                state: state(wishes.standing(one.name), used),
            }
        }));
        models.extend(wishes.catalogue().iter().map(|one| Model {
            name: one.name.to_owned(),
            kind: ModelKind::Speech,
            purpose: one.purpose.to_owned(),
            multilingual: one.multilingual,
            licence: LICENCE.to_owned(),
            bytes: Some(one.size),
            recommended: whisper_may && one.name == suits,
            removable: true,
            state: state(wishes.standing(one.name), uses(&one.file())),
        }));
        models
    }

    pub fn pull(&self, name: &str) -> Result<(), PortError> {
        let wishes = &self.0.wishes;
        known(wishes, name)?;
        match wishes.standing(name) {
            Standing::Installed => return Ok(()),
            Standing::Coming(_) => {}
            Standing::NotThere | Standing::Failed(_) => wishes.want(name).map_err(unwritable)?,
        }
        self.0.wanted.notify_one();
        Ok(())
    }

    pub fn cancel(&self, name: &str) -> Result<(), PortError> {
        known(&self.0.wishes, name)?;
        self.0.wishes.give_up(name);
        Ok(())
    }

    /// Blocks until what is left has taken over.
    pub fn remove(&self, name: &str) -> Result<(), PortError> {
        let Inside { wishes, settings, .. } = &*self.0;
        known(wishes, name)?;
        if settings
            .model
            .as_ref()
            .is_some_and(|named| wishes.file(name).is_some_and(|file| file.ends_with(named)))
        {
            return Err(PortError::Failed(format!(
                "the hub's configuration names this model; choose another as model in [hearing] first, then remove {name}"
            )));
        }
        if matches!(settings.engine, Choice::Whisper | Choice::Both)
            && brought::find(name).is_none()
            && !self.others_than(name)
        {
            return Err(PortError::Failed(
                "the hub's configuration wants the engine Whisper, and this is its last model; fetch another first"
                    .to_owned(),
            ));
        }
        wishes.remove(name).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                PortError::Failed("that model is not installed (any more); reload the page".to_owned())
            }
            _ => unwritable(error),
        })?;
        self.look(&mut Mark::new());
        Ok(())
    }

    /// Whether another Whisper model is installed.
    fn others_than(&self, name: &str) -> bool {
        let wishes = &self.0.wishes;
        let installed = |model: &str| wishes.standing(model) == Standing::Installed;
        wishes.catalogue().iter().any(|other| other.name != name && installed(other.name))
    }

    /// Uses what is there; until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut failed = Mark::new();
        loop {
            let (models, stopping) = (self.clone(), stop.clone());
            let mut before = failed.clone();
            let looked = tokio::task::spawn_blocking(move || {
                models.look(&mut before);
                before
            });
            failed = looked.await.unwrap_or_default();
            if !self.0.beside {
                // Not waited for: it may take an hour. A second one ends at once, at the lock.
                let wishes = self.0.wishes.clone();
                tokio::task::spawn_blocking(move || wishes.work_off(&|| stopping.is_cancelled()));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.0.wanted.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Exchanges the engine if another model would be chosen now, and takes up or lets go the speaker model. What could
    /// not be opened is `failed`, and not tried again until it is another file.
    fn look(&self, failed: &mut Mark) {
        let Inside { settings, engine, .. } = &*self.0;
        let chosen = chosen(settings);
        let another = chosen.as_ref().is_some_and(|chosen| chosen.model != engine.model());
        let mark: Mark = chosen.into_iter().flat_map(|chosen| chosen.paths).filter_map(mark).collect();
        if another && (mark.is_empty() || mark != *failed) {
            let exchanged = sotto_hearing::open(settings).and_then(|next| engine.exchange(next));
            match exchanged {
                Ok(()) => {
                    tracing::info!(engine = engine.name(), model = engine.model(), "another engine listens")
                }
                Err(error) => {
                    tracing::warn!(%error, "the speech engine stays as it is");
                    *failed = mark;
                }
            }
        }
        self.look_for_encoder();
    }

    /// Takes up an encoder that was installed or exchanged, and lets go of one that was removed.
    fn look_for_encoder(&self) {
        let Inside { settings, voices, encoder, .. } = &*self.0;
        let installed = speaker::installed(&settings.models).and_then(mark);
        let mut last = encoder.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == installed {
            return;
        }
        let opened = installed.as_ref().map(|_| open_encoder(&settings.models)).transpose();
        let taken = opened.and_then(|encoder| Ok(voices.tell_apart_with(encoder)?));
        match taken {
            Ok(()) => {
                tracing::info!(possible = installed.is_some(), "voices are told apart by what is installed")
            }
            Err(error) => tracing::warn!(%error, "voices are told apart as before"),
        }
        *last = installed;
    }
}

fn state(standing: Standing, used: bool) -> ModelState {
    match standing {
        Standing::Installed if used => ModelState::InUse,
        Standing::Installed => ModelState::Installed,
        Standing::Coming(part) => ModelState::Pulling(part),
        Standing::NotThere => ModelState::NotInstalled,
        Standing::Failed(why) => ModelState::Failed(why),
    }
}

fn known(wishes: &Wishes, name: &str) -> Result<(), PortError> {
    let why = "there is no model of that name; reload the page";
    wishes.knows(name).then_some(()).ok_or_else(|| PortError::NotHere(why.to_owned()))
}

fn unwritable(error: std::io::Error) -> PortError {
    PortError::Failed(match error.kind() {
        std::io::ErrorKind::StorageFull => "the hub's disk is full; make room, then try again".to_owned(),
        _ => format!("the folder of models cannot be written: {error}; see that it is the hub's"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_journal::{Hardness, Journal, Options};

    /// Weightless models: they open, and hear nothing sensible.
    fn given(file: &str) -> Option<PathBuf> {
        let data = std::env::var_os("SOTTO_TEST_DATA").map(PathBuf::from);
        let data = data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
        Some(data.join("models/whisper").join(file)).filter(|path| path.is_file())
    }

    #[test]
    fn what_is_installed_listens_at_once_and_what_is_removed_no_longer() {
        let (Some(tiny), Some(base)) =
            (given("for-tests-ggml-tiny.en.bin"), given("for-tests-ggml-base.en.bin"))
        else {
            return println!("SKIPPED: the models for tests are not there; see SOTTO_TEST_DATA");
        };
        let folder = tempfile::tempdir().unwrap();
        let settings = Config { models: folder.path().join("models"), workers: 1, ..Config::default() };
        std::fs::create_dir_all(&settings.models).unwrap();
        let Ok(phrase) = sotto_hearing::open(&settings) else {
            return println!("SKIPPED: the phrase engine's model is not installed (pocketsphinx-en-us)");
        };
        let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };
        let journal = Journal::open(&folder.path().join("journal"), options, jiff::Timestamp::now()).unwrap();
        let voices = Voices::open(&settings.models, journal).unwrap();
        let engine = Arc::new(Swap::new(phrase));
        let models = Models::new(settings.clone(), engine.clone(), voices, "en".to_owned());
        let used = || {
            let in_use = models.list().into_iter().filter(|model| model.state == ModelState::InUse);
            in_use.map(|model| model.name).collect::<Vec<_>>().join(" ")
        };
        let mut failed = Mark::new();
        assert_eq!(used(), "phrase");
        std::fs::copy(tiny, settings.models.join("ggml-tiny.en.bin")).unwrap();
        models.look(&mut failed);
        assert_eq!((engine.name(), used().as_str()), ("whisper", "tiny.en"));
        std::fs::copy(base, settings.models.join("ggml-base.en.bin")).unwrap();
        models.look(&mut failed);
        // What is no model changes nothing, is looked at once, and the page goes on.
        let largest = std::fs::File::create(settings.models.join("ggml-small.en.bin")).unwrap();
        largest.set_len(9_000_000).unwrap();
        models.look(&mut failed);
        assert!(!failed.is_empty());
        let before = used();
        models.look(&mut failed);
        assert_eq!(used(), before);
        models.remove("small.en").unwrap();
        models.remove("base.en").unwrap();
        assert_eq!(used(), "tiny.en");
        models.remove("tiny.en").unwrap();
        assert_eq!((engine.name(), used().as_str()), ("phrase", "phrase"));
        let again = models.remove("tiny.en").unwrap_err().to_string();
        assert!(again.contains("not installed"), "{again}");
        assert!(models.pull("../../etc/passwd").is_err());
    }
}
