//! The home: intents become light, over MQTT 5, with and without Home Assistant.
//!
//! ```text
//! what was spoken ─ carry ─ plan ─┬─ own ────────────────────────────────┐
//!                                 ├─ target ─ act / light ─ connection ──┼─ broker ─ devices, Home Assistant
//!                                 ├─ ask (answered from known states)    │
//!                                 └─ sotto/intent/<Intent> ──────────────┘
//! broker ─ inbox ─┬─ discovery ─ entity ─ known
//!                 └─ devices (requests: mute, volume, say)
//! ```
//!
//! While the broker is away nothing is queued: every connection begins with an empty client, so that a command
//! that could not be published is gone, and never fires late. Words do not go out; intent and slots do.

mod address;
mod connection;
mod mdns;
mod settings;

mod payload;

mod discovery;
mod entity;
mod known;
mod template;

mod act;
mod ask;
mod confirm;
mod light;
mod own;
mod phrases;
mod plan;
mod target;

mod answer;
mod carry;
mod inbox;

mod look;
mod names;
mod possible;

mod announce;
mod devices;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sotto_house::SatelliteId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use address::{Address, Tls};
pub use announce::{Announcement, QuietHours, Where};
pub use answer::Answer;
pub use connection::Message;
use connection::{Connection, Once, Presence};
pub use devices::{Activity, Heard, HubState, Request, SatelliteDevice, SatelliteState};
pub use discovery::Refusal;
pub use entity::{Aspect, Entity, Source};
use inbox::{Inside, arrived};
pub use known::{AreaInfo, KnownHome};
pub use look::look;
pub use names::{area_of, names};
pub use own::OwnActions;
pub use payload::{Command, Spoken, reply_topic};
pub use possible::{Possible, possible};
pub use settings::Settings;

use crate::config::{self, Config};

/// Where Home Assistant's package tells what it exposes (retained).
pub const EXPOSED: &str = "sotto/home/exposed";
/// Where Home Assistant says that it has come (not retained) or gone.
const BIRTH: &str = "homeassistant/status";
/// Requests that wait for the hub; more at once are a flood, and are dropped.
const MOST_REQUESTS: usize = 64;
/// Where the house tells of itself.
const FILTERS: [&str; 3] = ["homeassistant/+/+/config", "homeassistant/+/+/+/config", EXPOSED];

/// The way out to the house. Cheap to clone.
#[derive(Clone)]
pub struct Home {
    connection: Connection,
    inside: Arc<Mutex<Inside>>,
    settings: Arc<Settings>,
    names: watch::Receiver<u64>,
    renamed: watch::Sender<u64>,
}

fn lock(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(|broken| broken.into_inner())
}

impl Home {
    /// Connects with nothing decided but the hub's id, and lets requests be; see [`Home::open`].
    pub fn connect(address: Address, id: &str, stop: CancellationToken) -> (Home, JoinHandle<()>) {
        let settings = Settings::read(&Config::default(), id).expect("the defaults are right");
        let (home, _, task) = Home::open(address, settings, stop);
        (home, task)
    }

    /// Connects, and keeps reconnecting, until `stop`. What others ask of the hub comes out of the receiver.
    pub fn open(
        address: Address,
        settings: Settings,
        stop: CancellationToken,
    ) -> (Home, mpsc::Receiver<Request>, JoinHandle<()>) {
        let inside = Arc::new(Mutex::new(Inside {
            known: KnownHome::new(&settings.written),
            written: settings.written.clone(),
            beside: OwnActions::default(),
            confirmations: confirm::Confirmations::default(),
            waiting: HashMap::new(),
            done: VecDeque::new(),
            unread: 0,
            false_wakes: HashMap::new(),
        }));
        let (ask, requests) = mpsc::channel(MOST_REQUESTS);
        let (renamed, names) = watch::channel(0);
        let (shared, tell) = (inside.clone(), renamed.clone());
        let inbox = Box::new(move |connection: &Connection, message: Message| {
            arrived(connection, &mut lock(&shared), &ask, &tell, message);
        });
        let id = format!("sotto-{}", settings.id);
        let own = Presence::Own(devices::hub_status(&settings.id));
        let (_, beside) =
            Connection::open(address.clone(), format!("{id}-own"), own, Box::new(|_, _| {}), stop.clone());
        let (connection, task) = Connection::open(address, id, Presence::Hub, inbox, stop);
        let task = tokio::spawn(async move { drop(tokio::join!(task, beside)) });
        for filter in FILTERS
            .into_iter()
            .chain([BIRTH, "sotto/reply/+"])
            .chain(devices::REQUESTS)
            .chain(settings.own.reply_topics())
        {
            connection.listen(filter);
        }
        let (topic, payload) = devices::hub(&settings.id, &settings.name, env!("CARGO_PKG_VERSION"), None);
        connection.stand(topic, payload);
        (Home { connection, inside, settings: Arc::new(settings), names, renamed }, requests, task)
    }

    pub fn is_online(&self) -> bool {
        self.connection.is_online()
    }

    /// Whether Home Assistant is on the same broker; `None` where it was never seen.
    pub fn assistant(&self) -> Option<bool> {
        lock(&self.inside).known.assistant()
    }

    /// Changes whenever the broker comes or goes.
    pub fn online(&self) -> watch::Receiver<bool> {
        self.connection.online()
    }

    /// Changes whenever a name in the house does: the grammar must follow.
    pub fn names(&self) -> watch::Receiver<u64> {
        self.names.clone()
    }

    /// The household wrote its areas and entities anew: they are known at once. Says whether they differ.
    pub fn rewrite(&self, written: &config::Home) -> bool {
        let mut inside = lock(&self.inside);
        let same = inside.written.areas == written.areas && inside.written.entities == written.entities;
        if !same {
            let before = std::mem::replace(&mut inside.written, written.clone());
            inside.known.rewrite(&before, written);
            self.renamed();
        }
        !same
    }

    /// What is called how in the house changed in a way that is not the house's own to see.
    pub fn renamed(&self) {
        self.renamed.send_modify(|version| *version += 1);
    }

    /// Reads what is known of the house.
    pub fn known<T>(&self, read: impl FnOnce(&KnownHome) -> T) -> T {
        read(&lock(&self.inside).known)
    }

    /// What the household's sentence files do besides, from now on.
    pub fn act_beside_sentences(&self, actions: OwnActions) {
        lock(&self.inside).beside = actions;
    }

    /// Requests that came too fast and were dropped.
    pub fn unread(&self) -> u64 {
        lock(&self.inside).unread
    }

    /// Announces a satellite, or that it changed.
    pub fn satellite(&self, device: &SatelliteDevice) {
        if let Some(area) = &device.area {
            lock(&self.inside).known.learn_area(area.as_str(), &[], None);
        }
        let (topic, payload) = devices::satellite(&self.settings.id, device);
        self.connection.stand(topic, payload);
    }

    /// Says how a satellite is now.
    pub fn satellite_state(&self, id: &SatelliteId, state: &SatelliteState) {
        for (topic, payload) in devices::satellite_state(id, state) {
            self.connection.stand(topic, payload);
        }
    }

    /// A satellite has said all that it had to; if something else has begun meanwhile, it shows that already.
    pub fn fell_silent(&self, id: &SatelliteId) {
        let state = |activity| SatelliteState { activity: Some(activity), ..SatelliteState::default() };
        let speaking = devices::satellite_state(id, &state(Activity::Speaking));
        if speaking.iter().all(|(topic, payload)| self.connection.stands(topic, payload)) {
            self.satellite_state(id, &state(Activity::Idle));
        }
    }

    /// A satellite was revoked: nothing of it stays on the broker or in Home Assistant.
    pub fn forget_satellite(&self, id: &SatelliteId) {
        for (topic, payload) in devices::without_satellite(id) {
            self.connection.stand(topic, payload);
        }
    }

    /// Nobody had called a satellite that woke; counted since the hub began.
    pub fn false_wake(&self, id: &SatelliteId) {
        let count = {
            let mut inside = lock(&self.inside);
            let count = inside.false_wakes.entry(id.clone()).or_default();
            *count += 1;
            *count
        };
        self.satellite_state(id, &SatelliteState { false_wakes: Some(count), ..SatelliteState::default() });
    }

    /// The hub's page has this address for all of the house.
    pub fn page(&self, address: &str) {
        let Settings { id, name, .. } = &*self.settings;
        let (topic, payload) = devices::hub(id, name, env!("CARGO_PKG_VERSION"), Some(address));
        self.connection.stand(topic, payload);
    }

    /// Says how the hub is now.
    pub fn hub_state(&self, state: &HubState) {
        for (topic, payload) in devices::hub_state(&self.settings.id, state) {
            self.connection.stand(topic, payload);
        }
    }

    /// Tells automations how a session ended.
    pub async fn heard(&self, heard: &Heard) {
        let soon = Instant::now() + Duration::from_secs(2);
        for (topic, payload) in devices::heard(heard) {
            self.connection.send(Once::new(topic, payload), soon).await;
        }
    }
}
