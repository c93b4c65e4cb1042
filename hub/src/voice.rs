//! What the hub says, and where: answers at the satellite that was asked, announcements where they belong.
//!
//! `answer or announcement → speech_out (text → Opus) → satellites`. Nothing that was said is logged.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::ZonedDateTime;
use sotto_house::{SatelliteId, UtteranceId};
use sotto_protocol::{ReplyHeader, ReplyPurpose};

use crate::config::{self, Config};
use crate::home::{Activity, Announcement, Home, QuietHours, SatelliteState};
use crate::satellites::SatellitesHandle;
use crate::speech_out::{Speaker, Spoken, VoiceError};

/// What one packet sounds for.
const PACKET: Duration = Duration::from_millis(20);

/// Cheap to clone.
#[derive(Clone)]
pub struct Voice(Arc<Inside>);

struct Inside {
    /// `None` where no voice is installed: the hub then only chimes.
    speaker: Option<Speaker>,
    satellites: SatellitesHandle,
    home: Home,
    language: String,
    volume: f32,
    chime: bool,
    quiet: Option<QuietHours>,
}

impl Voice {
    /// A Piper voice that is named but cannot be used is an error; no voice at all is a warning.
    pub fn open(config: &Config, satellites: SatellitesHandle, home: Home) -> Result<Voice, VoiceError> {
        let config::Voice { piper, volume, chime, quiet_hours } = &config.voice;
        let piper = Some(piper.as_path()).filter(|piper| *piper != Path::new(""));
        let speaker = match Speaker::find(piper) {
            Ok(speaker) => Some(speaker),
            Err(error) if piper.is_none() => {
                tracing::warn!(%error, "the hub cannot speak");
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Voice(Arc::new(Inside {
            speaker,
            satellites,
            home,
            language: config.hub.language.clone(),
            volume: *volume,
            chime: *chime,
            quiet: QuietHours::parse(quiet_hours),
        })))
    }

    /// Speaks an answer at the satellite that was asked.
    pub fn answer(&self, utterance: UtteranceId, satellite: SatelliteId, text: String, language: String) {
        let voice = self.clone();
        tokio::spawn(async move {
            let Some(spoken) = voice.speak(text, language).await else { return };
            let header = ReplyHeader {
                purpose: ReplyPurpose::Answer,
                volume: voice.0.volume,
                utterance: Some(sotto_protocol::UtteranceId::from_bytes(*utterance.bytes())),
            };
            voice.play(&satellite, header, &[spoken]).await;
        });
    }

    /// Speaks an announcement at every satellite that it is meant for, unless it must be quiet.
    pub fn announce(&self, announcement: Announcement) {
        let now = ZonedDateTime::now();
        let part = |value: i8| u16::from(value.unsigned_abs());
        let minute = part(now.hour()) * 60 + part(now.minute());
        if !announcement.may_be_spoken(self.0.quiet.as_ref(), minute) {
            tracing::info!("an announcement is not spoken: these are quiet hours");
            return;
        }
        let voice = self.clone();
        tokio::spawn(async move {
            let language = announcement.language.clone().unwrap_or_else(|| voice.0.language.clone());
            let spoken = voice.speak(announcement.text.clone(), language).await;
            let chime = voice.0.speaker.as_ref().map(Speaker::chime);
            let chime = chime.filter(|_| announcement.chime && voice.0.chime);
            let sound: Vec<Spoken> = chime.into_iter().chain(spoken).collect();
            let volume = announcement.volume.map_or(voice.0.volume, |percent| f32::from(percent) / 100.0);
            for listed in voice.0.satellites.list() {
                let Some(satellite) = listed.connected else { continue };
                if !announcement.reaches(&satellite.id, listed.paired.area.as_ref()) {
                    continue;
                }
                let (voice, sound) = (voice.clone(), sound.clone());
                let header = ReplyHeader { purpose: ReplyPurpose::Announcement, volume, utterance: None };
                tokio::spawn(async move { voice.play(&satellite.id, header, &sound).await });
            }
        });
    }

    async fn speak(&self, text: String, language: String) -> Option<Spoken> {
        let voice = self.clone();
        let spoken = tokio::task::spawn_blocking(move || {
            voice.0.speaker.as_ref().map(|speaker| speaker.speak(&text, &language))
        });
        match spoken.await.ok().flatten()? {
            Ok(spoken) => Some(spoken),
            Err(error) => {
                tracing::warn!(%error, "something could not be spoken");
                None
            }
        }
    }

    async fn play(&self, satellite: &SatelliteId, header: ReplyHeader, sound: &[Spoken]) {
        let Ok(reply) = self.0.satellites.say(satellite, header).await else { return };
        let speaking = SatelliteState { activity: Some(Activity::Speaking), ..SatelliteState::default() };
        self.0.home.satellite_state(satellite, &speaking);
        let (began, mut length) = (tokio::time::Instant::now(), Duration::ZERO);
        for packet in sound.iter().flat_map(|spoken| spoken.iter()) {
            if reply.send(packet.clone()).await.is_err() {
                break;
            }
            length += PACKET;
        }
        drop(reply);
        // It goes out faster than it sounds.
        tokio::time::sleep_until(began + length).await;
        self.0.home.fell_silent(satellite);
    }
}
