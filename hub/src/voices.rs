//! The voices of the household, in memory, beside what is heard.
//!
//! `journal (sealed profiles) → Voices ─ recognise(samples) → scores → house`. Without the model, or while nobody is
//! enrolled, nothing is compared and everything works as it did. A profile that was learned with another encoder is
//! compared with nothing, and yet somebody is enrolled: doors stay closed to voices until they teach it again.
//! Deliberately absent: what a score means.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sotto_hearing::speaker::{self, Encoder, NotThis, Profile, TAKES};
use sotto_house::{Candidate, PersonId, Role, SatelliteId, Voice};
use sotto_journal::{Journal, StoreError, VoiceChoices, VoiceProfile};

/// Cheap to clone.
#[derive(Clone)]
pub struct Voices(Arc<Inside>);

struct Inside {
    journal: Journal,
    compared: RwLock<Arc<Compared>>,
    /// One exchange at a time.
    exchange: Mutex<()>,
}

/// An encoder and the profiles that were learned with it: exchanged together, so that no voice is compared with another
/// encoder's profile.
#[derive(Default)]
struct Compared {
    encoder: Option<Arc<Encoder>>,
    known: Vec<Known>,
}

struct Known {
    person: PersonId,
    name: String,
    choices: VoiceChoices,
    words_out: bool,
    trusted: bool,
    /// `None` where it was learned with another encoder.
    profile: Option<Profile>,
}

impl Voices {
    /// With the encoder in `models`, if one is installed there. One that is damaged is an error: a household that relies
    /// on voices should not find out at the door.
    pub fn open(models: &Path, journal: Journal) -> anyhow::Result<Voices> {
        let voices =
            Voices(Arc::new(Inside { journal, compared: RwLock::default(), exchange: Mutex::default() }));
        let encoder = speaker::installed(models).map(|_| open_encoder(models)).transpose()?;
        voices.tell_apart_with(encoder)?;
        Ok(voices)
    }

    fn compared(&self) -> Arc<Compared> {
        self.0.compared.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn exchange(&self) -> MutexGuard<'_, ()> {
        self.0.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the voices apart, where one is installed.
    pub fn encoder(&self) -> Option<Arc<Encoder>> {
        self.compared().encoder.clone()
    }

    /// From now on with this encoder, or without one.
    pub fn tell_apart_with(&self, encoder: Option<Encoder>) -> Result<(), StoreError> {
        let _one = self.exchange();
        self.compare(encoder.map(Arc::new))
    }

    /// Reads the profiles again: somebody enrolled, left, or changed a switch.
    pub fn reload(&self) -> Result<(), StoreError> {
        let _one = self.exchange();
        self.compare(self.encoder())
    }

    fn compare(&self, encoder: Option<Arc<Encoder>>) -> Result<(), StoreError> {
        let voices = self.0.journal.voices()?.into_iter().filter(|voice| voice.recognise);
        let known = voices.filter_map(|voice| {
            let profile = match encoder.as_ref()?.read(&voice.profile) {
                // Half a voice would be taken for others' too often.
                Ok(profile) => Some(Some(profile).filter(|profile| profile.len() >= TAKES)?),
                Err(NotThis::Other) => None,
                Err(NotThis::Damaged) => return None,
            };
            let trusted = voice.role == Role::Adult;
            let VoiceProfile { person, name, choices, words_out, .. } = voice;
            Some(Known { person, name, choices, words_out, trusted, profile })
        });
        let known = known.collect();
        let compared = Arc::new(Compared { encoder, known });
        *self.0.compared.write().unwrap_or_else(PoisonError::into_inner) = compared;
        Ok(())
    }

    /// Whether anybody could be recognised, or could if they taught the house their voice again.
    pub fn are_known(&self) -> bool {
        !self.compared().known.is_empty()
    }

    /// How near the voice in `samples` (mono, 16 kHz) is to each that is known; `None` where nobody is.
    pub fn recognise(&self, samples: &[i16], satellite: &SatelliteId) -> Option<Voice> {
        let compared = self.compared();
        let encoder = compared.encoder.as_ref().filter(|_| !compared.known.is_empty())?;
        let heard = encoder.hear(samples);
        let owners = self.0.journal.satellite_owners().unwrap_or_default();
        let satellite_owner = owners.iter().find(|(owned, _)| owned == satellite).map(|(_, owner)| *owner);
        let candidates = compared.known.iter().filter_map(|known| {
            let score = known.profile.as_ref()?.score(heard.voice.as_ref().ok()?)?;
            Some(Candidate { person: known.person, score, trusted: known.trusted })
        });
        Some(Voice {
            candidates: candidates.collect(),
            speech: heard.sound.speech,
            above_noise: heard.sound.above_noise,
            satellite_owner,
        })
    }

    /// The language that somebody chose to be understood and answered in.
    pub fn language(&self, person: PersonId) -> Option<String> {
        self.compared().known.iter().find(|known| known.person == person)?.choices.language.clone()
    }

    /// Whether somebody who may be recognised speaks another language than `language`.
    pub fn speak_others_than(&self, language: &str) -> bool {
        let other = |chosen: &String| !chosen.eq_ignore_ascii_case(language);
        self.compared().known.iter().any(|known| known.choices.language.as_ref().is_some_and(other))
    }

    /// The satellite of somebody who has one of their own.
    pub fn own_satellite(&self, person: PersonId) -> Option<SatelliteId> {
        let owners = self.0.journal.satellite_owners().unwrap_or_default();
        owners.into_iter().find(|(_, owner)| *owner == person).map(|(satellite, _)| satellite)
    }

    /// Whether somebody who may be recognised has a satellite of their own.
    pub fn have_rooms(&self) -> bool {
        let owners = self.0.journal.satellite_owners().unwrap_or_default();
        let known = &self.compared().known;
        owners.iter().any(|(_, owner)| known.iter().any(|known| known.person == *owner))
    }

    /// Whether somebody lets what they said go out over MQTT.
    pub fn words_outside(&self, person: PersonId) -> bool {
        self.compared().known.iter().any(|known| known.person == person && known.words_out)
    }

    /// The name of somebody who lets what goes out over MQTT say that it was they.
    pub fn name_outside(&self, person: PersonId) -> Option<String> {
        self.compared()
            .known
            .iter()
            .find(|known| known.person == person && known.choices.named)
            .map(|known| known.name.clone())
    }
}

/// Opens the encoder in `models`; one that the household brought runs in a process of this program.
pub fn open_encoder(models: &Path) -> anyhow::Result<Encoder> {
    Ok(Encoder::open(models, &std::env::current_exe()?)?)
}
