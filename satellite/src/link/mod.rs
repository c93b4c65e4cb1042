//! The way to the hub: found, paired, connected, and connected again.
//!
//! `UtteranceSender → utterances in RAM → session (QUIC) → hub`, and back: `hub → session → FromHub`.
//!
//! The microphone's side never waits for the network: what it hands over lies in memory, bounded, until the hub
//! has it. Deliberately absent: microphone, lamps and loudspeaker, and any file with audio in it.

mod backoff;
mod dial;
mod find;
mod head;
mod keep;
mod pair;
mod pin;
mod reply;
mod session;
mod signal;
mod speak;
mod unpaired;
mod update;
mod utterance;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sotto_protocol::{
    Capability, Code, DismissReason, Identity, IdentityError, Level, Outcome, OutcomeKind, Panel, Settings,
    UtteranceId,
};
use tokio::sync::{Notify, mpsc, watch};

pub use find::{Found, find_hubs};
pub use pair::{HubAddress, PairWithError, pair_with};
pub use pin::{Pin, PinError};
pub use reply::IncomingReply;
pub use update::{UpdateError, fetch as fetch_update};
pub use utterance::{Opening, UtteranceSender};

use utterance::Utterance;

/// How long an utterance waits for a hub that has gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Utterances that may wait at once; with more, the oldest is given up.
const WAITING: usize = 4;

/// Events that may wait for the rest of the satellite.
const EVENTS: usize = 64;

/// What the link needs to know of its satellite.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Identity and pairing lie here.
    pub data: PathBuf,
    /// `host:port` of the hub; `None` finds it by mDNS.
    pub address: Option<String>,
    /// What people call the satellite, until it is paired under a name.
    pub name: String,
    pub hardware: String,
    pub software: String,
    pub capabilities: Vec<Capability>,
    pub wake_words: Vec<String>,
}

/// What comes from the hub, and what becomes of the link.
#[derive(Debug)]
pub enum FromHub {
    /// Paired with nobody. Show, print or speak the code: whoever types it at the hub pairs this satellite.
    Unpaired {
        code: Code,
    },
    Paired(Pin),
    Online {
        hub: String,
        hub_name: String,
    },
    /// The link is down and will be tried again; why, for people.
    Offline {
        reason: String,
    },
    /// The hub does not want this satellite any more. It can be paired anew.
    Revoked {
        reason: String,
    },
    /// Nothing of it is wanted; what waited is erased.
    Dismissed {
        utterance: UtteranceId,
        reason: DismissReason,
    },
    /// The hub has heard enough; the outcome follows.
    Stopped {
        utterance: UtteranceId,
    },
    /// From the hub, or `Interrupted` from the link itself when the hub stayed away.
    Outcome(Outcome),
    Say(IncomingReply),
    Settings(Settings),
    /// Send [`LinkHandle::level`] ten times a second for so long.
    WatchLevel(Duration),
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error("no UDP socket can be opened: {0}")]
    Socket(std::io::Error),
}

/// Starts links.
pub struct Link;

impl Link {
    /// Starts on a tokio runtime and runs until the handle and all senders are gone. Read the receiver.
    pub fn spawn(config: LinkConfig) -> Result<(LinkHandle, mpsc::Receiver<FromHub>), LinkError> {
        let identity = Identity::load_or_make(&config.data)?;
        let endpoint = dial::endpoint().map_err(LinkError::Socket)?;
        let (events, receiver) = mpsc::channel(EVENTS);
        let (levels, level_queue) = mpsc::channel(4);
        let (panel, panel_changes) = watch::channel(None);
        let line = Arc::new(Line::default());
        let parts = keep::Parts { config, identity, endpoint, line: line.clone(), events };
        let handle = LinkHandle { line, levels, panel };
        tokio::spawn(keep::keep(parts, level_queue, panel_changes));
        Ok((handle, receiver))
    }
}

/// Speaks to the hub. Nothing here waits.
#[derive(Clone)]
pub struct LinkHandle {
    line: Arc<Line>,
    levels: mpsc::Sender<Level>,
    panel: watch::Sender<Option<Panel>>,
}

impl LinkHandle {
    /// Opens an utterance; it is on its way as soon as there is a hub.
    pub fn open_utterance(&self, opening: Opening) -> UtteranceSender {
        let utterance = Arc::new(Utterance::new(opening, Instant::now()));
        self.line.add(utterance.clone());
        UtteranceSender::new(utterance)
    }

    /// What the panel shows now; the hub hears of it when it can.
    pub fn panel(&self, panel: Panel) {
        self.panel.send_replace(Some(panel));
    }

    /// How loud it is, while the hub watches. One that finds no room is left out.
    pub fn level(&self, level: Level) {
        let _ = self.levels.try_send(level);
    }

    /// How many frames the microphone has lost since it was opened.
    pub fn lost(&self, frames: u64) {
        self.line.frames_lost.store(frames, Ordering::Relaxed);
    }
}

/// The utterances under way, shared between those who speak and the session of the moment.
struct Line {
    utterances: Mutex<VecDeque<Arc<Utterance>>>,
    opened: Notify,
    /// Since when there is no hub. `None` while there is one.
    away_since: Mutex<Option<Instant>>,
    started: Instant,
    frames_lost: AtomicU64,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            utterances: Mutex::default(),
            opened: Notify::new(),
            away_since: Mutex::default(),
            started: Instant::now(),
            frames_lost: AtomicU64::new(0),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    fn add(&self, utterance: Arc<Utterance>) {
        lock(&self.utterances).push_back(utterance);
        self.opened.notify_one();
    }

    fn utterances(&self) -> Vec<Arc<Utterance>> {
        lock(&self.utterances).iter().cloned().collect()
    }

    fn get(&self, id: UtteranceId) -> Option<Arc<Utterance>> {
        lock(&self.utterances).iter().find(|utterance| utterance.id() == id).cloned()
    }

    /// Erases an utterance. True if it was still here.
    fn remove(&self, id: UtteranceId) -> bool {
        let mut utterances = lock(&self.utterances);
        let before = utterances.len();
        utterances.retain(|utterance| {
            let other = utterance.id() != id;
            if !other {
                utterance.erase();
            }
            other
        });
        utterances.len() < before
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    fn frames_lost(&self) -> u64 {
        self.frames_lost.load(Ordering::Relaxed)
    }

    fn set_away(&self, since: Option<Instant>) {
        *lock(&self.away_since) = since;
    }

    /// Utterances that have waited too long for a hub, or are too many: erased, and named.
    fn give_up(&self, now: Instant) -> Vec<UtteranceId> {
        let away = *lock(&self.away_since);
        let all = self.utterances();
        let surplus = all.len().saturating_sub(WAITING);
        let late = |utterance: &Utterance| {
            away.is_some_and(|away| {
                now.saturating_duration_since(away.max(utterance.opened_at())) >= PATIENCE
            })
        };
        let given_up =
            all.iter().enumerate().filter(|(index, utterance)| *index < surplus || late(utterance));
        given_up.map(|(_, utterance)| utterance.id()).filter(|id| self.remove(*id)).collect()
    }
}

fn interrupted(utterance: UtteranceId) -> FromHub {
    FromHub::Outcome(Outcome { utterance, kind: OutcomeKind::Interrupted, intent: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_protocol::Trigger;

    fn utterance(byte: u8, opened_at: Instant) -> Arc<Utterance> {
        let opening = Opening {
            utterance: UtteranceId::from_bytes([byte; 16]),
            trigger: Trigger::Speech,
            level_dbfs: -20.0,
            preroll_packets: 0,
            language: None,
        };
        Arc::new(Utterance::new(opening, opened_at))
    }

    #[test]
    fn an_utterance_waits_ten_seconds_for_the_hub_and_no_more() {
        let line = Line::default();
        let id = |byte| UtteranceId::from_bytes([byte; 16]);
        let opened = Instant::now();
        let open = |byte| line.add(utterance(byte, opened));
        open(1);
        assert!(line.give_up(opened + 2 * PATIENCE).is_empty(), "online");
        line.set_away(Some(opened));
        assert!(line.give_up(opened + PATIENCE / 2).is_empty());
        assert_eq!(line.give_up(opened + 2 * PATIENCE), [id(1)]);
        assert!(line.give_up(opened + 2 * PATIENCE).is_empty());
        (1..=6).for_each(open);
        assert_eq!(line.give_up(opened), [id(1), id(2)]);
    }

    /// On a made-up clock: somebody speaks every 15 s, and nobody answers any of the link's tries.
    #[test]
    fn ten_minutes_without_a_hub_cost_little_and_end_within_seconds() {
        const OUT: Duration = Duration::from_secs(600);
        for luck in [0.0, 0.5, 1.0] {
            let (line, start) = (Line::default(), Instant::now());
            let mut backoff = backoff::Backoff::default();
            line.set_away(Some(start));
            let (mut now, mut next_try, mut tries, mut given_up) =
                (Duration::ZERO, Duration::ZERO, 0, Vec::new());
            while now < OUT {
                if now >= next_try {
                    next_try = now + dial::TRY + backoff.next(Duration::ZERO, luck);
                    tries += 1;
                }
                if now.as_millis().is_multiple_of(15_000) {
                    line.add(utterance((now.as_secs() / 15) as u8, start + now));
                }
                given_up.extend(line.give_up(start + now));
                assert!(line.utterances().len() <= 1, "one waits at most ten seconds");
                now += Duration::from_millis(100);
            }
            assert_eq!(given_up, (0..40).map(|byte| UtteranceId::from_bytes([byte; 16])).collect::<Vec<_>>());
            assert!(next_try - OUT <= dial::TRY + Duration::from_secs(8), "{:?}", next_try - OUT);
            assert!((60..110).contains(&tries), "{tries} tries");
        }
    }
}
