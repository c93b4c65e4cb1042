//! A household to try the pages on: real journal, real pages over HTTPS on a free port, a hub that is made up.

#![allow(dead_code, reason = "each test uses what it needs of it")]

pub mod browser;

use std::f32::consts::TAU;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use sotto_house::{Area, Outcome, PersonId, RecordingId, Retention, Role, SatelliteId, UtteranceId};
use sotto_journal::{Finished, Hardness, Heard, Journal, Options, Words};
use sotto_web::{
    Answer, Authority, Explanation, FoundSatellite, Health, Model, ModelKind, ModelState, Neighbour, Pages,
    Pairing, PairingState, Port, PortError, Satellite, SatelliteChange, SatelliteState, StageLatency, Taught,
    Trouble, Voice, VoiceQuality,
};
use tokio::sync::oneshot;

pub const PASSPHRASE: &str = "four quiet herons wait";

/// Begins a profile that another speaker model learned.
pub const LEARNED_BY_ANOTHER: u8 = 9;

/// A house with people in it. Dropped, it is gone.
pub struct World {
    pub journal: Journal,
    pub pages: Pages,
    pub port: Arc<MadeUp>,
    pub address: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    folder: tempfile::TempDir,
}

impl World {
    /// An empty house, nobody has come yet; its pages can be asked, but are not served.
    pub fn unserved() -> World {
        World::on(&std::env::temp_dir())
    }

    /// The same on another disk.
    pub fn on(disk: &Path) -> World {
        let folder = tempfile::tempdir_in(disk).unwrap();
        let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };
        let journal = Journal::open(&folder.path().join("journal"), options, Timestamp::now()).unwrap();
        let port = Arc::new(MadeUp::default());
        let authority = Authority { pem: "made up".into(), der: vec![0x30], fingerprint: "00".into() };
        let pages = Pages::new(Arc::new(journal.clone()), port.clone()).with_authority(Some(authority));
        World { journal, pages, port, address: None, stop: None, served: None, folder }
    }

    /// An empty house whose pages are served over HTTPS on a free port.
    pub async fn empty() -> World {
        let mut world = World::unserved();
        let certificates = sotto_web::open_certificates(
            &world.folder.path().join("tls"),
            &["localhost".to_owned(), "sotto.local".to_owned()],
            &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
        )
        .unwrap();
        world.pages = Pages::new(Arc::new(world.journal.clone()), world.port.clone())
            .with_authority(certificates.authority.clone());
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        world.address = Some(listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let router = world.pages.router();
        world.served = Some(tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            sotto_web::serve(listener, certificates.config, router, until).await;
        }));
        world.stop = Some(stop);
        world
    }

    /// Ada (administrator), Ben (adult), Cleo (child) and Gil (guest), all with the same passphrase.
    pub async fn family() -> World {
        World::empty().await.with_family()
    }

    pub fn with_family(self) -> World {
        let world = self;
        for (name, role, administrator) in [
            ("Ada", Role::Adult, true),
            ("Ben", Role::Adult, false),
            ("Cleo", Role::Child, false),
            ("Gil", Role::Guest, false),
        ] {
            world.journal.add_member(name, role, administrator, PASSPHRASE, Timestamp::now()).unwrap();
        }
        let ada = world.journal.sign_in("Ada", PASSPHRASE, Timestamp::now()).unwrap();
        let ben = world.person("Ben");
        let _ = world.journal.admit(&ada, ben, Timestamp::now());
        world
    }

    pub fn person(&self, name: &str) -> PersonId {
        self.journal.members().unwrap().into_iter().find(|one| one.name == name).unwrap().id
    }

    pub fn base(&self) -> String {
        format!("https://localhost:{}", self.address.unwrap().port())
    }

    /// Something is said, so long ago, by somebody or nobody in particular.
    pub fn say(&self, who: Option<&str>, area: &str, ago: SignedDuration, said: Said) -> Option<RecordingId> {
        let now = Timestamp::now();
        let recorder = self.journal.record(
            Heard {
                utterance: UtteranceId::from_bytes(random()),
                satellite: SatelliteId::new(&area.to_lowercase().replace(' ', "-")).unwrap(),
                area: Some(Area::new(area).unwrap()),
                at: now - ago,
                pre_roll: Duration::from_millis(500),
            },
            Retention::UntilErased,
        );
        for packet in speech(said.words.unwrap_or("…").len() as u32 * 4 + 40) {
            recorder.push(packet).unwrap();
        }
        let words = Words {
            transcript: said.words.map(|words| words.to_owned().into()),
            language: Some("en".into()),
            intent: said.intent.map(str::to_owned),
            slots: said
                .slots
                .iter()
                .map(|(slot, value)| ((*slot).into(), (*value).to_owned().into()))
                .collect(),
            explanation: said.sentence.map(|sentence| {
                serde_json::json!({
                    "sentence": { "template": sentence },
                    "alternatives": [{ "sentence": "turn off {name}" }],
                    "notes": [{ "chosen": "louder" }],
                })
                .to_string()
                .into()
            }),
            stages: [("ended", 1_760), ("transcribed", 1_972), ("understood", 1_976), ("acted", 1_985)]
                .map(|(stage, ms)| (stage.to_owned(), ms))
                .into(),
        };
        let finished = Finished { speaker: who.map(|who| self.person(who)), outcome: said.outcome, words };
        recorder.finish(finished, now).unwrap().recording()
    }

    /// A week of an ordinary household.
    pub fn a_week(&self) {
        let on = |words, name| Said::done(words, "HassTurnOn", vec![("name", name)], "turn on [the] {name}");
        let week = [
            (Some("Ada"), "Kitchen", 3, on("turn on the kitchen lights", "kitchen lights")),
            (
                Some("Ada"),
                "Kitchen",
                26,
                Said::done(
                    "make me a large cappuccino",
                    "OrderCoffee",
                    vec![("size", "large"), ("drink", "cappuccino")],
                    "make me a {size} {drink}",
                ),
            ),
            (None, "Living room", 95, Said::not_understood("what did the neighbours say about the hedge")),
            (Some("Ben"), "Living room", 180, on("switch on the reading lamp", "reading lamp")),
            (
                Some("Ada"),
                "Bedroom",
                60 * 9,
                Said::done(
                    "set the blinds to half",
                    "HassSetPosition",
                    vec![("name", "blinds"), ("position", "50")],
                    "set {name} to {position}",
                ),
            ),
            (
                None,
                "Kitchen",
                60 * 26,
                Said::done("what time is it", "HassGetCurrentTime", vec![], "what time is it"),
            ),
            (
                Some("Ada"),
                "Kitchen",
                60 * 27,
                Said { outcome: Outcome::Refused, ..on("open the front door", "front door") },
            ),
            (Some("Cleo"), "Bedroom", 60 * 28, on("turn on the night light", "night light")),
            (
                Some("Ada"),
                "Living room",
                60 * 50,
                Said::done(
                    "set the heating to twenty one degrees",
                    "HassClimateSetTemperature",
                    vec![("temperature", "21")],
                    "set [the] heating to {temperature} degrees",
                ),
            ),
            (
                Some("Ada"),
                "Kitchen",
                60 * 51,
                Said { outcome: Outcome::NotReached, ..on("turn on the coffee machine", "coffee machine") },
            ),
            (
                Some("Ben"),
                "Kitchen",
                60 * 75,
                Said::done(
                    "add oat milk to the shopping list",
                    "HassShoppingListAddItem",
                    vec![("item", "oat milk")],
                    "add {item} to [the] shopping list",
                ),
            ),
            (Some("Ada"), "Bedroom", 60 * 99, Said { outcome: Outcome::NothingSaid, ..Said::nothing() }),
            (Some("Ada"), "Kitchen", 60 * 100, on("turn on the hall light", "hall light")),
        ];
        for (who, area, minutes, said) in week {
            self.say(who, area, SignedDuration::from_mins(minutes), said);
        }
    }

    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(served) = self.served.take() {
            served.await.unwrap();
        }
    }
}

/// What is said and what comes of it.
#[derive(Clone)]
pub struct Said {
    pub words: Option<&'static str>,
    pub intent: Option<&'static str>,
    pub slots: Vec<(&'static str, &'static str)>,
    pub sentence: Option<&'static str>,
    pub outcome: Outcome,
}

impl Said {
    pub fn nothing() -> Said {
        Said { words: None, intent: None, slots: Vec::new(), sentence: None, outcome: Outcome::NothingSaid }
    }

    pub fn not_understood(words: &'static str) -> Said {
        Said { words: Some(words), outcome: Outcome::NotUnderstood, ..Said::nothing() }
    }

    pub fn done(
        words: &'static str,
        intent: &'static str,
        slots: Vec<(&'static str, &'static str)>,
        sentence: &'static str,
    ) -> Said {
        Said {
            words: Some(words),
            intent: Some(intent),
            slots,
            sentence: Some(sentence),
            outcome: Outcome::Done,
        }
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Opus packets of something that looks like speech: a buzz in syllables, 20 ms each.
pub fn speech(packets: u32) -> Vec<Vec<u8>> {
    let mut encoder = opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    (0..packets)
        .map(|packet| {
            let samples: Vec<i16> = (0..320)
                .map(|n| {
                    let t = (packet * 320 + n) as f32 / 16_000.0;
                    let syllable =
                        (t * 3.7 * TAU / 2.0).sin().abs().powi(2) * (0.4 + 0.6 * (t * 0.9).sin().abs());
                    let pitch = 120.0 + 25.0 * (t * 2.1).sin();
                    let buzz: f32 = (1..12).map(|k| (t * pitch * TAU * k as f32).sin() / k as f32).sum();
                    (buzz * syllable * 6_000.0) as i16
                })
                .collect();
            encoder.encode_vec(&samples, 400).unwrap()
        })
        .collect()
}

/// A hub that is made up: it answers as a real one would, and remembers what it was asked.
pub struct MadeUp {
    satellites: Mutex<Vec<Satellite>>,
    pairing: Mutex<Option<Pairing>>,
    found: Mutex<Vec<FoundSatellite>>,
    models: Mutex<Vec<Model>>,
}

impl Default for MadeUp {
    fn default() -> MadeUp {
        let one = |id: &str, name: &str, area: &str, state| Satellite {
            id: SatelliteId::new(id).unwrap(),
            name: name.into(),
            area: Some(Area::new(area).unwrap()),
            state,
            last_heard: Some(SystemTime::now() - Duration::from_secs(190)),
            false_wakes_today: 1,
            bytes_today: 48_200,
            volume: 60,
            sensitivity: 50,
            version: "0.1.0".into(),
            update: None,
        };
        let model = |name: &str, kind, multilingual, licence: &str, bytes, state| Model {
            name: name.into(),
            kind,
            purpose: String::new(),
            multilingual,
            licence: licence.into(),
            bytes,
            recommended: name == "base.en-q8_0",
            removable: bytes.is_some(),
            state,
        };
        let none = ModelState::NotInstalled;
        let models = vec![
            model("phrase", ModelKind::Speech, false, "BSD-2-Clause", None, ModelState::InUse),
            model("tiny.en", ModelKind::Speech, false, "MIT", Some(77_704_715), ModelState::Installed),
            model("base.en-q8_0", ModelKind::Speech, false, "MIT", Some(81_781_811), none.clone()),
            model("small", ModelKind::Speech, true, "MIT", Some(487_601_967), none.clone()),
            model("speaker", ModelKind::Voices, true, "Apache-2.0", Some(5_700_000), none),
        ];
        MadeUp {
            models: Mutex::new(models),
            satellites: Mutex::new(vec![
                Satellite {
                    update: Some("0.2.0".into()),
                    ..one("kitchen", "By the stove", "Kitchen", SatelliteState::Ready)
                },
                one("living-room", "Bookshelf", "Living room", SatelliteState::Listening),
                one("bedroom", "Bedside", "Bedroom", SatelliteState::MutedByHand),
            ]),
            pairing: Mutex::default(),
            found: Mutex::new(vec![FoundSatellite {
                id: SatelliteId::new("sotto-7f3a").unwrap(),
                name: "Sotto satellite 7f3a".into(),
                version: "0.1.0".into(),
            }]),
        }
    }
}

fn answer<T: Send + 'static>(answer: Result<T, PortError>) -> Answer<'static, T> {
    Box::pin(std::future::ready(answer))
}

impl MadeUp {
    fn with(&self, id: &SatelliteId, change: impl FnOnce(&mut Satellite)) -> Answer<'static, ()> {
        let mut satellites = self.satellites.lock().unwrap();
        match satellites.iter_mut().find(|one| one.id == *id) {
            Some(one) => {
                change(one);
                answer(Ok(()))
            }
            None => answer(Err(PortError::NoSuchSatellite)),
        }
    }
}

impl MadeUp {
    fn with_model(&self, name: &str, change: impl FnOnce(&mut Model)) -> Answer<'static, ()> {
        match self.models.lock().unwrap().iter_mut().find(|one| one.name == name) {
            Some(one) => {
                change(one);
                answer(Ok(()))
            }
            None => answer(Err(PortError::NotHere("there is no model of that name; reload the page".into()))),
        }
    }

    /// What becomes of a model that is being fetched.
    pub fn set_model(&self, name: &str, state: ModelState) {
        drop(self.with_model(name, |one| one.state = state));
    }
}

impl Port for MadeUp {
    fn tells_voices(&self) -> bool {
        true
    }

    fn voice(&self, profile: &[u8]) -> Option<Voice> {
        if profile.first() == Some(&LEARNED_BY_ANOTHER) {
            return Some(Voice { sentences: 0, needed: 10, quality: VoiceQuality::Again });
        }
        let quality = if profile.len() < 10 { VoiceQuality::Unfinished } else { VoiceQuality::Good };
        Some(Voice { sentences: profile.len(), needed: 10, quality })
    }

    fn teach_voice(&self, mut profile: Vec<u8>, samples: Vec<i16>) -> Answer<'_, Taught> {
        if samples.len() < 800 {
            return answer(Ok(Taught::Again("short")));
        }
        profile.retain(|byte| *byte != LEARNED_BY_ANOTHER);
        profile.push(1);
        answer(Ok(Taught::Learned(profile)))
    }

    fn levels(&self) -> Vec<(SatelliteId, f32)> {
        vec![(SatelliteId::new("kitchen").unwrap(), -21.0)]
    }

    fn languages(&self) -> Vec<String> {
        ["en", "de", "fr"].map(str::to_owned).to_vec()
    }

    fn satellites(&self) -> Vec<Satellite> {
        self.satellites.lock().unwrap().clone()
    }

    fn found(&self) -> Vec<FoundSatellite> {
        self.found.lock().unwrap().clone()
    }

    fn pairing(&self) -> Option<Pairing> {
        self.pairing.lock().unwrap().clone()
    }

    fn begin_pairing(&self) -> Answer<'_, Pairing> {
        let pairing = Pairing {
            code: "48213-77".into(),
            expires: SystemTime::now() + Duration::from_secs(600),
            state: PairingState::Waiting,
        };
        *self.pairing.lock().unwrap() = Some(pairing.clone());
        answer(Ok(pairing))
    }

    fn pair_found(&self, id: SatelliteId, code: String) -> Answer<'_, ()> {
        if code != "1234-5678" {
            return answer(Err(PortError::Failed("that is not the code; four tries are left".into())));
        }
        let mut found = self.found.lock().unwrap();
        let Some(at) = found.iter().position(|one| one.id == id) else {
            return answer(Err(PortError::NoSuchSatellite));
        };
        let new = found.remove(at);
        let mut satellites = self.satellites.lock().unwrap();
        let like = satellites[0].clone();
        satellites.push(Satellite {
            id: new.id,
            name: new.name,
            area: None,
            last_heard: None,
            update: None,
            ..like
        });
        answer(Ok(()))
    }

    fn cancel_pairing(&self) -> Answer<'_, ()> {
        *self.pairing.lock().unwrap() = None;
        answer(Ok(()))
    }

    fn revoke(&self, id: SatelliteId) -> Answer<'_, ()> {
        self.satellites.lock().unwrap().retain(|one| one.id != id);
        answer(Ok(()))
    }

    fn change(&self, id: SatelliteId, change: SatelliteChange) -> Answer<'_, ()> {
        self.with(&id, |one| {
            one.name = change.name.unwrap_or_else(|| one.name.clone());
            one.area = change.area.or(one.area.take());
            one.volume = change.volume.unwrap_or(one.volume);
            one.sensitivity = change.sensitivity.unwrap_or(one.sensitivity);
            if one.state != SatelliteState::MutedByHand {
                one.state = match change.muted {
                    Some(true) => SatelliteState::MutedHere,
                    _ => SatelliteState::Ready,
                };
            }
        })
    }

    fn update(&self, id: SatelliteId) -> Answer<'_, ()> {
        self.with(&id, |one| one.version = one.update.take().unwrap_or_else(|| one.version.clone()))
    }

    fn models(&self) -> Vec<Model> {
        self.models.lock().unwrap().clone()
    }

    fn pull(&self, model: String) -> Answer<'_, ()> {
        self.with_model(&model, |one| one.state = ModelState::Pulling(Some(0.0)))
    }

    fn cancel_pull(&self, model: String) -> Answer<'_, ()> {
        self.with_model(&model, |one| one.state = ModelState::NotInstalled)
    }

    fn remove_model(&self, model: String) -> Answer<'_, ()> {
        self.with_model(&model, |one| one.state = ModelState::NotInstalled)
    }

    fn neighbours(&self) -> Vec<Neighbour> {
        vec![
            Neighbour {
                name: "MQTT broker".into(),
                reachable: Some(true),
                note: "the hub's own, on this machine".into(),
            },
            Neighbour {
                name: "Home Assistant".into(),
                reachable: None,
                note: "has not been seen on the broker; set it up there, or leave it: Sotto works without"
                    .into(),
            },
        ]
    }

    fn health(&self) -> Health {
        let now = SystemTime::now();
        let stage = |name: &str, base: u32| StageLatency {
            stage: name.into(),
            samples: (0..300u32)
                .rev()
                .map(|n| {
                    let jitter = (n * 7_919) % 97;
                    let took = base + base * jitter / 130 + if n % 41 == 0 { base } else { 0 };
                    (now - Duration::from_secs(u64::from(n) * 280), Duration::from_millis(took.into()))
                })
                .collect(),
        };
        Health {
            stages: vec![
                stage("endpoint", 300),
                stage("transcribe", 180),
                stage("understand", 3),
                stage("act", 7),
            ],
            false_wakes: (0..24).map(|n| (n * 5 % 7) / 3).collect(),
            troubles: vec![Trouble {
                when: now - Duration::from_secs(4_000),
                what: "The satellite in the bedroom was away for 12 minutes.".into(),
                remedy: "If this happens often, move it nearer to the access point.".into(),
            }],
            version: "0.1.0".into(),
            started: Some(now - Duration::from_secs(200_000)),
        }
    }

    fn explain(&self, text: String, area: Option<Area>) -> Answer<'_, Explanation> {
        let lamp = text.to_lowercase().contains("light");
        let area = area.map_or("kitchen".to_owned(), |area| area.as_str().to_lowercase());
        answer(Ok(Explanation {
            text: text.to_lowercase(),
            intent: lamp.then(|| "HassTurnOn".into()),
            slots: if lamp { vec![("area".into(), area)] } else { Vec::new() },
            sentence: lamp.then(|| "turn on [the] lights".into()),
            alternatives: vec![("turn off [the] lights".into(), 0.18)],
            would_publish: lamp.then(|| ("sotto/intent/HassTurnOn".into(), r#"{"area":"kitchen"}"#.into())),
            stages: vec![("match".into(), Duration::from_micros(420))],
        }))
    }

    fn hear(&self, samples: Vec<i16>) -> Answer<'_, String> {
        match samples.len() {
            0 => answer(Err(PortError::Failed("nothing was heard; speak nearer to the microphone".into()))),
            _ => answer(Ok("turn on the lights".into())),
        }
    }
}
