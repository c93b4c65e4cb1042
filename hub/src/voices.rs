//! The voices of the household, in memory, beside what is heard.
//!
//! `journal (sealed profiles) → Voices ─ recognise(samples) → scores → house`. Without the model, or while nobody is
//! enrolled, nothing is compared and everything works as it did. Deliberately absent: what a score means.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use sotto_hearing::speaker::{Encoder, ModelError, Profile, TAKES};
use sotto_house::{Candidate, PersonId, Role, SatelliteId, Voice};
use sotto_journal::{Journal, StoreError, VoiceChoices, VoiceProfile};

/// Cheap to clone.
#[derive(Clone)]
pub struct Voices(Arc<Inside>);

struct Inside {
    encoder: RwLock<Option<Arc<Encoder>>>,
    journal: Journal,
    known: RwLock<Vec<Known>>,
}

struct Known {
    person: PersonId,
    name: String,
    choices: VoiceChoices,
    words_out: bool,
    trusted: bool,
    profile: Profile,
}

impl Voices {
    /// With the model in `models`, if it is installed there. One that is damaged is an error: a household that relies
    /// on voices should not find out at the door.
    pub fn open(models: &Path, journal: Journal) -> anyhow::Result<Voices> {
        let encoder = match Encoder::open(models) {
            Ok(encoder) => Some(Arc::new(encoder)),
            Err(ModelError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let voices =
            Voices(Arc::new(Inside { encoder: RwLock::new(encoder), journal, known: RwLock::default() }));
        voices.reload()?;
        Ok(voices)
    }

    /// Tells the voices apart, where the model is installed.
    pub fn encoder(&self) -> Option<Arc<Encoder>> {
        self.0.encoder.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on with this model, or without one.
    pub fn tell_apart_with(&self, encoder: Option<Encoder>) {
        *self.0.encoder.write().unwrap_or_else(PoisonError::into_inner) = encoder.map(Arc::new);
    }

    /// Reads the profiles again: somebody enrolled, left, or changed a switch.
    pub fn reload(&self) -> Result<(), StoreError> {
        let voices = self.0.journal.voices()?.into_iter().filter(|voice| voice.recognise);
        let known = voices.filter_map(|voice| {
            // Half a voice would be taken for others' too often.
            let profile = Profile::from_bytes(&voice.profile).filter(|profile| profile.len() >= TAKES)?;
            let trusted = voice.role == Role::Adult;
            let VoiceProfile { person, name, choices, words_out, .. } = voice;
            Some(Known { person, name, choices, words_out, trusted, profile })
        });
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = known.collect();
        Ok(())
    }

    /// Whether anybody could be recognised.
    pub fn are_known(&self) -> bool {
        self.encoder().is_some() && !self.0.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// How near the voice in `samples` (mono, 16 kHz) is to each that is known; `None` where nobody is.
    pub fn recognise(&self, samples: &[i16], satellite: &SatelliteId) -> Option<Voice> {
        if !self.are_known() {
            return None;
        }
        let heard = self.encoder()?.hear(samples);
        let owners = self.0.journal.satellite_owners().unwrap_or_default();
        let satellite_owner = owners.iter().find(|(owned, _)| owned == satellite).map(|(_, owner)| *owner);
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let candidates = known.iter().filter_map(|known| {
            let score = known.profile.score(heard.voice.as_ref()?)?;
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
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|known| known.person == person)?.choices.language.clone()
    }

    /// Whether somebody who may be recognised speaks another language than `language`.
    pub fn speak_others_than(&self, language: &str) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let other = |chosen: &String| !chosen.eq_ignore_ascii_case(language);
        self.encoder().is_some()
            && known.iter().any(|known| known.choices.language.as_ref().is_some_and(other))
    }

    /// The satellite of somebody who has one of their own.
    pub fn own_satellite(&self, person: PersonId) -> Option<SatelliteId> {
        let owners = self.0.journal.satellite_owners().unwrap_or_default();
        owners.into_iter().find(|(_, owner)| *owner == person).map(|(satellite, _)| satellite)
    }

    /// Whether somebody who may be recognised has a satellite of their own.
    pub fn have_rooms(&self) -> bool {
        let owners = self.0.journal.satellite_owners().unwrap_or_default();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        self.encoder().is_some()
            && owners.iter().any(|(_, owner)| known.iter().any(|known| known.person == *owner))
    }

    /// Whether somebody lets what they said go out over MQTT.
    pub fn words_outside(&self, person: PersonId) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|known| known.person == person && known.words_out)
    }

    /// The name of somebody who lets what goes out over MQTT say that it was they.
    pub fn name_outside(&self, person: PersonId) -> Option<String> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .find(|known| known.person == person && known.choices.named)
            .map(|known| known.name.clone())
    }
}
