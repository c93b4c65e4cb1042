//! The privacy hub on its port, and what its pages ask of the running hub.
//!
//! `web` declares [`Port`]; this file answers it from the adapters that run. Deliberately absent: recordings.
//! The pages get those through the journal's door.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use serde_json::{Map, Value, json};
use sotto_hearing::speaker::{NotThis, Problem, Quality, TAKES, Take};
use sotto_hearing::{Engine, Request};
use sotto_house::{Area, SatelliteId};
use sotto_intents::Alternative;
use sotto_journal::Journal;
use sotto_protocol::Code;
use sotto_web::{
    Answer, Explanation, FoundSatellite, Health, Model, Neighbour, Pages, Pairing, PairingState, Port,
    PortError, Satellite, SatelliteChange, SatelliteState, StageLatency, Taught, Trouble, VoiceQuality,
    WATCHED,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Web;
use crate::home::{Activity, Home};
use crate::lately::Lately;
use crate::models::Models;
use crate::page_name;
use crate::satellite_settings::SatelliteSettings;
use crate::satellites::{CodeState, Listed, SatellitesHandle};
use crate::understanding::Understanding;
use crate::voices::Voices;
use crate::witnesses::Witnesses;

/// A level is a moment's: the loudest of the last few that came.
const LATEST: Duration = Duration::from_millis(400);
/// With less room than this on the disk, the page says so: a household records some tens of megabytes a day.
const SCARCE: u64 = 200_000_000;

/// Where the pages are.
pub struct Served {
    pub url: String,
    pub address: SocketAddr,
    /// The one-time address for the first person, while nobody lives here.
    pub set_up: Option<String>,
    /// SHA-256 of the hub's own certificate authority, to be compared with what `/trust` shows; `None` where a
    /// certificate is given.
    pub fingerprint: Option<String>,
}

/// Starts to serve the pages; they stop with `stop`.
pub async fn serve(
    web: &Web,
    data: &Path,
    journal: Journal,
    port: Arc<dyn Port>,
    tasks: &mut JoinSet<()>,
    stop: CancellationToken,
) -> anyhow::Result<Served> {
    let listener = TcpListener::bind(web.listen).await.with_context(|| {
        format!(
            "cannot listen on {} for the web page; stop what has that port, or set another as listen in [web]",
            web.listen
        )
    })?;
    let address = listener.local_addr()?;
    let names = [page_name::HOST.to_owned(), "localhost".to_owned()];
    let certificates = sotto_web::open_certificates(&data.join("web"), &names, &own_addresses(address))?;
    let fingerprint = certificates.authority.as_ref().map(|authority| authority.fingerprint.clone());
    let pages = Pages::new(Arc::new(journal), port).with_authority(certificates.authority);
    let url = format!("https://{}:{}", host(address), address.port());
    let set_up = pages.set_up_path()?.map(|path| format!("{url}{path}"));
    let router = pages.router();
    tasks.spawn(sotto_web::serve(listener, certificates.config, router, stop.cancelled_owned()));
    Ok(Served { url, address, set_up, fingerprint })
}

/// The address that the certificate names besides host names.
fn own_addresses(listen: SocketAddr) -> Vec<IpAddr> {
    let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    let listen = Some(listen.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback());
    loopback.into_iter().chain(listen).collect()
}

/// What a person on this machine types.
fn host(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() || ip.is_loopback() => "localhost".into(),
        ip @ IpAddr::V6(_) => format!("[{ip}]"),
        ip => ip.to_string(),
    }
}

/// The running hub, as the pages see it.
pub struct RunningHub {
    pub satellites: SatellitesHandle,
    pub settings: Arc<SatelliteSettings>,
    pub lately: Arc<Lately>,
    pub home: Home,
    pub broker: String,
    pub engine: Arc<dyn Engine>,
    pub models: Models,
    pub understanding: Arc<Understanding>,
    pub voices: Voices,
    pub witnesses: Witnesses,
    /// The hub's data directory.
    pub data: PathBuf,
    /// Whether the words of those who were not recognised go out over MQTT.
    pub words: bool,
    pub started: SystemTime,
    /// The code that was given out last, to be shown until it is used.
    pub code: Mutex<Option<Code>>,
}

impl RunningHub {
    fn paired(&self, id: &SatelliteId) -> Result<Listed, PortError> {
        self.satellites
            .list()
            .into_iter()
            .find(|listed| listed.paired.id == *id)
            .ok_or(PortError::NoSuchSatellite)
    }

    fn code(&self) -> MutexGuard<'_, Option<Code>> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn satellite(&self, listed: Listed) -> Satellite {
        let now = SystemTime::now();
        let Listed { paired, connected } = listed;
        let chosen = self.settings.of(&paired.id);
        let lately = self.lately.of(&paired.id, now);
        Satellite {
            state: match &connected {
                None => SatelliteState::Away,
                Some(_) if self.lately.muted_by_hand(&paired.id) => SatelliteState::MutedByHand,
                Some(_) if chosen.muted => SatelliteState::MutedHere,
                Some(_) => match self.lately.activity(&paired.id) {
                    Activity::Listening | Activity::Thinking => SatelliteState::Listening,
                    Activity::Speaking => SatelliteState::Speaking,
                    Activity::Idle => SatelliteState::Ready,
                },
            },
            last_heard: lately.last_heard,
            false_wakes_today: lately.false_wakes_today,
            bytes_today: lately.bytes_today,
            volume: chosen.volume,
            sensitivity: chosen.sensitivity,
            update: connected.as_ref().and_then(|connected| self.satellites.offered(connected)),
            version: connected.map(|connected| connected.software).unwrap_or_default(),
            id: paired.id,
            name: paired.name,
            area: paired.area,
        }
    }

    /// Whether the disk is about to be too full to keep anything.
    #[allow(clippy::unnecessary_cast, reason = "32-bit systems count blocks in fewer bits")]
    fn disk(&self) -> Option<Trouble> {
        let disk = nix::sys::statvfs::statvfs(&self.data).ok()?;
        let free = disk.blocks_available() as u64 * disk.fragment_size() as u64;
        (free < SCARCE).then(|| Trouble {
            when: SystemTime::now(),
            what: format!("The hub's disk has {} MB left.", free / 1_000_000),
            remedy: "Once it is full, commands still work and nothing more is recorded. Erase recordings, keep them for \
                     a shorter time, or make room on the disk."
                .to_owned(),
        })
    }

    fn explained(&self, text: &str, area: Option<&Area>) -> Explanation {
        let begun = Instant::now();
        let understood = self.understanding.would_mean(text, area);
        let stages = vec![("understood".to_owned(), begun.elapsed())];
        let close = |others: &[Alternative]| {
            let one = |other: &Alternative| (other.sentence.template.to_string(), 1.0 - other.confidence);
            others.iter().map(one).collect()
        };
        let matched = match understood {
            Ok(commands) => commands.into_iter().next(),
            Err(unsure) => {
                let alternatives = close(&unsure.nearest);
                return Explanation { text: text.to_owned(), stages, alternatives, ..Explanation::default() };
            }
        };
        let Some(matched) = matched else { return Explanation::default() };
        let slots: Vec<(String, String)> =
            matched.slots.iter().map(|slot| (slot.name.clone(), slot.value.to_string())).collect();
        let payload: Map<String, Value> =
            matched.slots.iter().map(|slot| (slot.name.clone(), slot.value.to_json())).collect();
        Explanation {
            text: matched.understood.clone(),
            would_publish: Some((
                format!("sotto/intent/{}", matched.intent),
                json!({ "intent": matched.intent, "slots": payload, "area": area.map(Area::as_str) })
                    .to_string(),
            )),
            slots,
            sentence: Some(matched.sentence.template.to_string()),
            alternatives: close(&matched.alternatives),
            stages,
            intent: Some(matched.intent),
        }
    }
}

impl Port for RunningHub {
    fn languages(&self) -> Vec<String> {
        self.understanding.languages()
    }

    fn tells_voices(&self) -> bool {
        self.voices.encoder().is_some()
    }

    fn voice(&self, profile: &[u8]) -> Option<sotto_web::Voice> {
        let profile = match self.voices.encoder()?.read(profile) {
            Ok(profile) => profile,
            Err(NotThis::Other) => {
                let quality = VoiceQuality::Again;
                return Some(sotto_web::Voice { sentences: 0, needed: TAKES, quality });
            }
            Err(NotThis::Damaged) => return None,
        };
        let quality = match profile.quality() {
            Quality::Unfinished => VoiceQuality::Unfinished,
            Quality::Poor => VoiceQuality::Poor,
            Quality::Fair => VoiceQuality::Fair,
            Quality::Good => VoiceQuality::Good,
        };
        Some(sotto_web::Voice { sentences: profile.len(), needed: TAKES, quality })
    }

    fn teach_voice(&self, profile: Vec<u8>, samples: Vec<i16>) -> Answer<'_, Taught> {
        let voices = self.voices.clone();
        Box::pin(async move {
            let learn = move || {
                let encoder = voices.encoder().ok_or_else(|| {
                    let why = "its speaker model is not installed; an administrator fetches it under House, \
                               Engines and models";
                    PortError::NotHere(why.into())
                })?;
                // What another encoder or version wrote is learned anew.
                let mut profile = encoder.read(&profile).unwrap_or_else(|_| encoder.profile());
                let learned = Take::new(&samples, &encoder).and_then(|take| profile.add(take));
                Ok(match learned {
                    Ok(()) => Taught::Learned(profile.to_bytes()),
                    Err(Problem::TooShort) => Taught::Again("short"),
                    Err(Problem::TooQuiet) => Taught::Again("quiet"),
                    Err(Problem::TooLoud) => Taught::Again("loud"),
                    Err(Problem::TooNoisy) => Taught::Again("noise"),
                    Err(Problem::AnotherVoice) => Taught::Again("another"),
                    Err(problem @ Problem::NoAnswer) => return Err(PortError::Failed(problem.to_string())),
                })
            };
            let learned = tokio::task::spawn_blocking(learn).await;
            learned.map_err(|error| PortError::Failed(error.to_string()))?
        })
    }

    fn words_leave(&self) -> bool {
        self.words
    }

    fn satellites(&self) -> Vec<Satellite> {
        self.satellites.list().into_iter().map(|listed| self.satellite(listed)).collect()
    }

    fn levels(&self) -> Vec<(SatelliteId, f32)> {
        let since = SystemTime::now() - LATEST;
        let connected = self.satellites.list().into_iter().filter(|listed| listed.connected.is_some());
        connected
            .filter_map(|listed| {
                let id = listed.paired.id;
                self.satellites.watch_level(&id, WATCHED);
                let level = self.lately.levels(&id, since).into_iter().reduce(f32::max)?;
                Some((id, level))
            })
            .collect()
    }

    fn found(&self) -> Vec<FoundSatellite> {
        let found = self.satellites.found().into_iter();
        found
            .filter_map(|found| {
                let id = SatelliteId::new(&found.id).ok()?;
                Some(FoundSatellite { id, name: found.name, version: found.hardware })
            })
            .collect()
    }

    fn pairing(&self) -> Option<Pairing> {
        let code = self.code().as_ref().map(Code::to_string)?;
        let (left, state) = match self.satellites.code_state() {
            CodeState::None => return None,
            CodeState::Waiting { left } => (left, PairingState::Waiting),
            CodeState::Used => {
                let newest =
                    self.satellites.list().into_iter().max_by_key(|listed| listed.paired.paired_at)?;
                (Duration::ZERO, PairingState::Paired(newest.paired.id))
            }
            CodeState::Expired | CodeState::Burnt => (Duration::ZERO, PairingState::Burnt),
        };
        Some(Pairing { code, expires: SystemTime::now() + left, state })
    }

    fn begin_pairing(&self) -> Answer<'_, Pairing> {
        Box::pin(async move {
            let code = self.satellites.begin_pairing().map_err(failed)?;
            *self.code() = Some(code);
            self.pairing().ok_or_else(|| PortError::Failed("the code is gone already; try again".into()))
        })
    }

    fn pair_found(&self, id: SatelliteId, code: String) -> Answer<'_, ()> {
        Box::pin(async move {
            let code: Code = code.parse().map_err(failed)?;
            self.satellites.pair_found(id.as_str(), &code, None, None).await.map(drop).map_err(failed)
        })
    }

    fn cancel_pairing(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // A code that nobody was told replaces the one that is out.
            self.satellites.begin_pairing().map_err(failed)?;
            *self.code() = None;
            Ok(())
        })
    }

    fn revoke(&self, id: SatelliteId) -> Answer<'_, ()> {
        Box::pin(async move {
            self.paired(&id)?;
            self.satellites.revoke(&id, "it was removed on the page").map_err(failed)?;
            self.home.forget_satellite(&id);
            Ok(())
        })
    }

    fn change(&self, id: SatelliteId, change: SatelliteChange) -> Answer<'_, ()> {
        Box::pin(async move {
            let Listed { paired, .. } = self.paired(&id)?;
            if change.name.is_some() || change.area.is_some() {
                let name = change.name.as_deref().unwrap_or(&paired.name);
                let area = change.area.as_ref().or(paired.area.as_ref());
                self.satellites.rename(&id, name, area).map_err(failed)?;
            }
            let chosen = self.settings.change(&id, |chosen| {
                chosen.volume = change.volume.unwrap_or(chosen.volume);
                chosen.sensitivity = change.sensitivity.unwrap_or(chosen.sensitivity);
                chosen.muted = change.muted.unwrap_or(chosen.muted);
            });
            chosen.map_err(failed)?;
            self.settings.tell(&self.satellites, &id);
            Ok(())
        })
    }

    fn update(&self, id: SatelliteId) -> Answer<'_, ()> {
        Box::pin(async move {
            match self.satellites.fetch_update(&id) {
                true => Ok(()),
                false => Err(PortError::NotConnected),
            }
        })
    }

    fn models(&self) -> Vec<Model> {
        self.models.list()
    }

    fn pull(&self, model: String) -> Answer<'_, ()> {
        Box::pin(async move { self.models.pull(&model) })
    }

    fn cancel_pull(&self, model: String) -> Answer<'_, ()> {
        Box::pin(async move { self.models.cancel(&model) })
    }

    fn remove_model(&self, model: String) -> Answer<'_, ()> {
        let models = self.models.clone();
        Box::pin(async move {
            let removed = tokio::task::spawn_blocking(move || models.remove(&model)).await;
            removed.map_err(failed)?
        })
    }

    fn neighbours(&self) -> Vec<Neighbour> {
        let reachable = self.home.is_online();
        let note = match reachable {
            true => format!("connected at {}", self.broker),
            false => format!("{} does not answer; commands are refused until it is back", self.broker),
        };
        let assistant = self.home.assistant().filter(|_| reachable);
        let about = match assistant {
            Some(true) => "on the same broker; it sees the satellites as devices",
            Some(false) => {
                "has gone from the broker; what it alone can switch is out of reach until it is back"
            }
            None => "has not been seen on the broker; set it up there, or leave it: Sotto works without",
        };
        vec![
            Neighbour { name: "MQTT broker".into(), reachable: Some(reachable), note },
            Neighbour { name: "Home Assistant".into(), reachable: assistant, note: about.into() },
        ]
    }

    fn health(&self) -> Health {
        let now = SystemTime::now();
        let stages = self.lately.stages(now).into_iter();
        Health {
            stages: stages
                .map(|(stage, samples)| StageLatency { stage: stage.to_owned(), samples })
                .collect(),
            false_wakes: self.lately.false_wakes(now),
            troubles: self.witnesses.troubles().into_iter().chain(self.disk()).collect(),
            version: env!("CARGO_PKG_VERSION").into(),
            started: Some(self.started),
        }
    }

    fn explain(&self, text: String, area: Option<Area>) -> Answer<'_, Explanation> {
        Box::pin(async move { Ok(tokio::task::block_in_place(|| self.explained(&text, area.as_ref()))) })
    }

    fn hear(&self, samples: Vec<i16>) -> Answer<'_, String> {
        let language = Some(self.understanding.language().to_owned());
        let mut hearing =
            self.engine.begin(Request { language, room: "test bench".into(), ..Request::default() });
        Box::pin(async move {
            let heard = tokio::task::spawn_blocking(move || {
                hearing.push(&samples)?;
                hearing.finish()
            });
            let heard = heard.await.map_err(failed)?.map_err(failed)?;
            Ok(heard.first().map(sotto_hearing::Hypothesis::text).unwrap_or_default())
        })
    }
}

fn failed(error: impl std::fmt::Display) -> PortError {
    PortError::Failed(format!("{error:#}"))
}
