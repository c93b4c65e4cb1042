//! The satellites: found, paired, connected, and heard.
//!
//! `mDNS → pairing → trust → QUIC connection → utterance streams → FromSatellite`, and back: what the house tells
//! them. The wire's words become the house's words here and nowhere else.
//!
//! Deliberately absent: what to do about anything that is heard. Also any way in for a satellite that is not
//! paired, except pairing.

mod asks;
mod calls;
mod connection;
mod discovery;
mod pace;
mod pairing;
mod reply;
mod server;
mod stream;
mod trust;
mod update;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sotto_house::{Area, Bid, End, Outcome, SatelliteId, Trigger, UtteranceId};
use sotto_protocol::{
    CODE_LIFETIME, Capability, Code, Codes, DismissReason, ErrorCode, Fingerprint, Identity, IdentityError,
    JournalHead, OutcomeKind, Panel, ProtocolError, Settings, TlsError, ToSatellite, WatchLevel,
};
use tokio::sync::mpsc;

use crate::updates::Updates;

pub use asks::answers;
pub use discovery::Found;
pub use pairing::PairingError;
pub use reply::{NotConnected, ReplySender};
pub use sotto_protocol::CodeState;
pub use trust::{Paired, TrustError};

/// What the satellites' side of the hub needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and UDP port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The data directory: identity and the list of paired satellites lie there.
    pub data: PathBuf,
    /// How the hub calls itself on the network.
    pub name: String,
    /// Advertise by mDNS, and look for new satellites.
    pub discovery: bool,
    pub limits: Limits,
}

/// What one satellite may do, so that it cannot slow the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest utterance, pre-roll included.
    pub utterance: Duration,
    /// Packets a second that are read on average. Speech makes 50; the rest is for catching up after a break.
    pub packets_per_second: u32,
    /// Packets that may come at once: pre-roll, and what waited during a break.
    pub burst: u32,
}

/// Before the trigger and after the longest utterance: pre-roll, and what is on its way when the satellite hears that
/// it is enough.
const AROUND: Duration = Duration::from_secs(5);

impl Limits {
    /// For utterances of at most `longest` from the trigger on.
    pub fn of(longest: Duration) -> Limits {
        Limits { utterance: longest.saturating_add(AROUND), packets_per_second: 100, burst: 750 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::of(Duration::from_secs(30))
    }
}

/// What comes from the satellites, in order for each of them.
#[derive(Debug)]
pub enum FromSatellite {
    Connected(Satellite),
    Disconnected {
        satellite: SatelliteId,
    },
    UtteranceOpened(Opened),
    /// One Opus packet of 20 ms; sequences have no gaps and no repetitions.
    Audio {
        utterance: UtteranceId,
        sequence: u32,
        packet: Vec<u8>,
    },
    /// `spoken` is from the trigger to the end.
    UtteranceEnded {
        utterance: UtteranceId,
        end: End,
        spoken: Duration,
    },
    /// It will not be completed: the satellite stayed away, or broke the rules.
    UtteranceLost {
        utterance: UtteranceId,
    },
    /// While somebody watches, see [`SatellitesHandle::watch_level`].
    Level {
        satellite: SatelliteId,
        dbfs: f32,
        speech: bool,
    },
    Panel {
        satellite: SatelliteId,
        panel: Panel,
    },
    /// How strong its wireless network is, in dBm, every ten seconds.
    Signal {
        satellite: SatelliteId,
        dbm: i32,
    },
    /// A head of the access records that this satellite has kept as a witness.
    HeldHead {
        satellite: SatelliteId,
        head: JournalHead,
    },
}

/// A satellite that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Satellite {
    pub id: SatelliteId,
    pub name: String,
    pub area: Option<Area>,
    pub hardware: String,
    pub software: String,
    pub capabilities: Vec<Capability>,
    pub wake_words: Vec<String>,
    /// Of its processor, in Rust's words; empty where its program cannot be replaced.
    pub architecture: String,
    pub address: SocketAddr,
}

/// An utterance that has begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    pub utterance: UtteranceId,
    pub satellite: SatelliteId,
    pub area: Option<Area>,
    pub trigger: Trigger,
    pub bid: Bid,
    /// By how much more readily than it was asked the satellite listens for this word, −1 to 1.
    pub readier: f32,
    /// How long ago the trigger was.
    pub age: Duration,
    /// Sound from before the trigger, at the beginning.
    pub pre_roll: Duration,
    pub language: Option<String>,
}

/// A satellite of the household, connected or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub paired: Paired,
    pub connected: Option<Satellite>,
}

/// Why the hub cannot serve satellites.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(
        "cannot listen for satellites on {address} (UDP): {source}; stop the other hub, or set another port as \
         `listen` in [satellites]"
    )]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Serves satellites until the handle is closed.
pub struct Satellites;

impl Satellites {
    /// Starts on a tokio runtime. The receiver must be read: events are bounded, and a full queue holds the
    /// satellites back.
    pub fn bind(config: Config) -> Result<(SatellitesHandle, mpsc::Receiver<FromSatellite>), BindError> {
        server::start(config)
    }
}

/// What a connection takes from the hub; a satellite that leaves so much unread is cut off.
const OUTGOING: usize = 256;

struct Live {
    generation: calls::Generation,
    connection: quinn::Connection,
    outgoing: mpsc::Sender<ToSatellite>,
    satellite: Satellite,
}

/// What all parts share. Locks are held for moments, never across an await.
struct Shared {
    config: Config,
    identity: Identity,
    hub: String,
    endpoint: quinn::Endpoint,
    trust: Mutex<trust::Trust>,
    codes: Mutex<Codes>,
    calls: Mutex<calls::Calls>,
    live: Mutex<HashMap<SatelliteId, Live>>,
    events: mpsc::Sender<FromSatellite>,
    discovery: Mutex<Option<discovery::Discovery>>,
    updates: Updates,
}

/// A lock that a panic elsewhere does not poison for the whole house.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Sends to a satellite if it is connected. True if it was.
    fn send(&self, satellite: &SatelliteId, message: ToSatellite) -> bool {
        let live = lock(&self.live);
        let Some(live) = live.get(satellite) else { return false };
        if live.outgoing.try_send(message).is_err() {
            close(&live.connection, ErrorCode::Limit, "too many messages lie unread");
        }
        true
    }
}

/// Closes a connection for a reason that the other side can read.
fn close(connection: &quinn::Connection, code: ErrorCode, reason: &str) {
    connection.close(quinn::VarInt::from_u32(code as u32), reason.as_bytes());
}

/// Speaks to the satellites and about them. Cheap to clone.
#[derive(Clone)]
pub struct SatellitesHandle {
    shared: Arc<Shared>,
}

impl SatellitesHandle {
    /// Where the hub listens: of use when the port was left to the system.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.shared.endpoint.local_addr()
    }

    pub fn hub(&self) -> &str {
        &self.shared.hub
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.shared.identity.fingerprint()
    }

    /// Everyone who is paired, connected or not.
    pub fn list(&self) -> Vec<Listed> {
        let paired = lock(&self.shared.trust).paired();
        let live = lock(&self.shared.live);
        let listed = |paired: Paired| {
            let connected = live.get(&paired.id).map(|live| live.satellite.clone());
            Listed { paired, connected }
        };
        paired.into_iter().map(listed).collect()
    }

    /// Satellites that ask for a hub, as mDNS sees them now.
    pub fn found(&self) -> Vec<Found> {
        lock(&self.shared.discovery).as_ref().map(discovery::Discovery::found).unwrap_or_default()
    }

    /// Puts out a one-time code, for `sotto-satellite pair`. The last one is void.
    pub fn begin_pairing(&self) -> Result<Code, PairingError> {
        self.begin_pairing_for(CODE_LIFETIME)
    }

    /// The same, with a code that is good for so long, [`CODE_LIFETIME_AT_MOST`] at most.
    pub fn begin_pairing_for(&self, good_for: Duration) -> Result<Code, PairingError> {
        let code = Code::random().map_err(|_| PairingError::Random)?;
        lock(&self.shared.codes).put_out(Instant::now(), code.clone(), good_for);
        Ok(code)
    }

    pub fn code_state(&self) -> CodeState {
        lock(&self.shared.codes).state(Instant::now())
    }

    /// Pairs with a satellite that was found, by the code that it shows.
    pub async fn pair_found(
        &self,
        id: &str,
        code: &Code,
        name: Option<&str>,
        area: Option<Area>,
    ) -> Result<Paired, PairingError> {
        let found = self.found().into_iter().find(|found| found.id == id);
        let found = found.ok_or_else(|| PairingError::NotFound(id.to_owned()))?;
        pairing::dial(&self.shared, &found, code, name, area).await
    }

    /// Takes a satellite off the list and closes its connection at once, with the reason.
    pub fn revoke(&self, id: &SatelliteId, reason: &str) -> Result<(), TrustError> {
        lock(&self.shared.trust).revoke(id, reason, Timestamp::now())?;
        if let Some(live) = lock(&self.shared.live).get(id) {
            close(&live.connection, ErrorCode::Revoked, reason);
        }
        Ok(())
    }

    /// Gives a satellite another name or area. A connected one comes back with them at once.
    pub fn rename(&self, id: &SatelliteId, name: &str, area: Option<&Area>) -> Result<(), TrustError> {
        lock(&self.shared.trust).rename(id, name, area)?;
        if let Some(live) = lock(&self.shared.live).get_mut(id) {
            live.satellite.name = name.to_owned();
            live.satellite.area = area.cloned();
        }
        Ok(())
    }

    /// The satellite erases what waits of this utterance and stays silent.
    pub fn dismiss(&self, utterance: UtteranceId, outcome: Outcome) {
        let utterance = sotto_protocol::UtteranceId::from_bytes(*utterance.bytes());
        let reason = match outcome {
            Outcome::AnsweredElsewhere => DismissReason::AnsweredElsewhere,
            Outcome::FalseWake => DismissReason::FalseWake,
            Outcome::Refused => DismissReason::ListeningOff,
            _ => DismissReason::Busy,
        };
        self.answer(utterance, ToSatellite::Dismiss { utterance, reason });
    }

    /// How the session ended; the satellite shows or plays it.
    pub fn outcome(&self, utterance: UtteranceId, outcome: Outcome, intent: Option<&str>) {
        let utterance = sotto_protocol::UtteranceId::from_bytes(*utterance.bytes());
        let kind = outcome_kind(outcome);
        let intent = intent.map(str::to_owned);
        self.answer(utterance, ToSatellite::Outcome(sotto_protocol::Outcome { utterance, kind, intent }));
    }

    fn answer(&self, utterance: sotto_protocol::UtteranceId, answer: ToSatellite) {
        let satellite = lock(&self.shared.calls).answer(Instant::now(), utterance, answer.clone());
        if let Some(satellite) = satellite {
            self.shared.send(&satellite, answer);
        }
    }

    /// The hub has heard enough: the satellite sends no more and waits for the outcome.
    pub fn stop(&self, utterance: UtteranceId) {
        let utterance = sotto_protocol::UtteranceId::from_bytes(*utterance.bytes());
        let satellite = {
            let mut calls = lock(&self.shared.calls);
            calls.finish(Instant::now(), utterance);
            calls.satellite(utterance).cloned()
        };
        if let Some(satellite) = satellite {
            self.shared.send(&satellite, ToSatellite::Stop { utterance });
        }
    }

    /// What the satellite sent is not Opus after all: it loses its connection.
    pub fn refuse_audio(&self, utterance: UtteranceId) {
        let utterance = sotto_protocol::UtteranceId::from_bytes(*utterance.bytes());
        let satellite = {
            let mut calls = lock(&self.shared.calls);
            calls.finish(Instant::now(), utterance);
            calls.satellite(utterance).cloned()
        };
        if let Some(live) =
            satellite.and_then(|id| lock(&self.shared.live).get(&id).map(|l| l.connection.clone()))
        {
            close(&live, ErrorCode::AudioFormat, "the audio is not Opus of 16 kHz, mono, 20 ms a packet");
        }
    }

    /// False where the satellite is not connected; send it again when it is.
    pub fn settings(&self, satellite: &SatelliteId, settings: Settings) -> bool {
        self.shared.send(satellite, ToSatellite::Settings(settings))
    }

    /// Asks for [`FromSatellite::Level`] ten times a second, for so long; zero ends it.
    pub fn watch_level(&self, satellite: &SatelliteId, time: Duration) -> bool {
        let for_ms = time.as_millis().try_into().unwrap_or(u32::MAX);
        self.shared.send(satellite, ToSatellite::WatchLevel(WatchLevel { for_ms }))
    }

    /// The version of the program that there is for a satellite, where it runs another.
    pub fn offered(&self, satellite: &Satellite) -> Option<String> {
        let offer = self.shared.updates.offer(&satellite.architecture)?;
        Some(offer.program.version).filter(|version| *version != satellite.software)
    }

    /// Tells a satellite to fetch its program. False where it is not connected.
    pub fn fetch_update(&self, satellite: &SatelliteId) -> bool {
        self.shared.send(satellite, ToSatellite::FetchUpdate)
    }

    /// Gives every connected satellite the newest head of the access records to keep.
    pub fn keep_head(&self, head: JournalHead) {
        let connected: Vec<SatelliteId> = lock(&self.shared.live).keys().cloned().collect();
        for satellite in connected {
            self.shared.send(&satellite, ToSatellite::KeepHead(head));
        }
    }

    /// Speaks at a satellite: the hub's packets of 20 ms Opus, played as they come.
    pub async fn say(
        &self,
        satellite: &SatelliteId,
        header: sotto_protocol::ReplyHeader,
    ) -> Result<ReplySender, NotConnected> {
        reply::open(&self.shared, satellite, header).await
    }

    /// Says goodbye to every satellite and on mDNS, and stops listening.
    pub async fn close(&self) {
        if let Some(discovery) = lock(&self.shared.discovery).take() {
            discovery.goodbye();
        }
        let code = quinn::VarInt::from_u32(ErrorCode::ShuttingDown as u32);
        self.shared.endpoint.close(code, b"the hub stops");
        // The goodbyes need a moment on the wire; a satellite that misses its own finds out by itself.
        let _ = tokio::time::timeout(Duration::from_millis(300), self.shared.endpoint.wait_idle()).await;
    }
}

fn outcome_kind(outcome: Outcome) -> OutcomeKind {
    match outcome {
        Outcome::Done => OutcomeKind::Done,
        Outcome::NotUnderstood => OutcomeKind::NotUnderstood,
        Outcome::FalseWake => OutcomeKind::FalseWake,
        Outcome::NothingSaid => OutcomeKind::NothingSaid,
        Outcome::AnsweredElsewhere => OutcomeKind::AnsweredElsewhere,
        Outcome::Refused => OutcomeKind::Refused,
        Outcome::NotReached => OutcomeKind::NotReached,
        Outcome::Interrupted => OutcomeKind::Interrupted,
        Outcome::NotHeard => OutcomeKind::NotHeard,
    }
}

fn error(code: ErrorCode, text: impl ToString) -> ToSatellite {
    ToSatellite::Error(ProtocolError { code, text: text.to_string() })
}
