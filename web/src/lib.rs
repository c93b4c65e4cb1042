//! The privacy hub: the page where the people of a house read, hear and erase what was recorded of them.
//!
//! ```text
//! serve → guard (headers, limits) → router → visitor: who asks? → one file per page → journal | port
//! ```
//!
//! Knows `house` and `journal`, and of the running hub only what [`Port`] says. Deliberately absent: any way to a
//! recording but the journal's door, any script or style from elsewhere, and any log line with a name in it.

mod port;
mod serve;

mod certificate;
mod limit;
mod router;
mod session;
mod tokens;
mod visitor;

mod answer;
mod assets;
mod frame;
mod language;
mod trouble;

mod welcome;

mod history;

mod audio;
mod recording;

mod children;
mod erase;

mod settings;
mod voice;

mod account;
mod listened;
mod passkey;
mod people;
mod review;
mod takeaway;

mod api;

mod bench;
mod health;
mod house;
mod models;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sotto_journal::{InviteToken, Journal, Person, StoreError};
use tokio::sync::Semaphore;

pub use certificate::{Authority, CertificateError, Certificates, given, open as open_certificates};
pub use port::{
    Answer, Explanation, FoundSatellite, Health, Model, ModelKind, ModelState, Neighbour, Pairing,
    PairingState, Port, PortError, Satellite, SatelliteChange, SatelliteState, StageLatency, Taught, Trouble,
    Voice, VoiceQuality, WATCHED,
};
pub use router::{Access, ROUTES, Route};
pub use serve::{redirect, serve};

/// The access log is read whole at most this often: it grows for ever.
const VERDICT: Duration = Duration::from_secs(10 * 60);

/// The pages of one house.
#[derive(Clone)]
pub struct Pages(Arc<Shared>);

/// What all pages share.
pub(crate) struct Shared {
    pub journal: Arc<Journal>,
    pub port: Arc<dyn Port>,
    pub sessions: session::Sessions<Person>,
    pub tokens: tokens::Tokens<Person>,
    pub zone: TimeZone,
    pub authority: Option<Authority>,
    /// Sign-ins and codes tried, by address: the journal counts them by name.
    pub tries: limit::Limit<IpAddr>,
    /// Passphrases are checked one at a time: each takes memory and most of a second of a small machine.
    pub hard: Semaphore,
    /// What passkeys are to sign.
    pub challenges: passkey::Challenges,
    /// Sentences tried on the test bench and recordings exported, by person.
    pub heavy: limit::Limit<sotto_house::PersonId>,
    /// Whether nobody may live here yet, so that the first page says where the set-up address is.
    set_up: Mutex<bool>,
    /// When the access log was last read whole, and whether it held.
    verdict: Mutex<Option<(Instant, bool)>>,
}

impl Pages {
    pub fn new(journal: Arc<Journal>, port: Arc<dyn Port>) -> Pages {
        Pages(Arc::new(Shared {
            journal,
            port,
            sessions: session::Sessions::default(),
            tokens: tokens::Tokens::default(),
            zone: TimeZone::system(),
            authority: None,
            tries: limit::Limit::new(20, Duration::from_secs(15)),
            hard: Semaphore::new(1),
            challenges: passkey::Challenges::default(),
            heavy: limit::Limit::new(30, Duration::from_secs(2)),
            set_up: Mutex::new(true),
            verdict: Mutex::new(None),
        }))
    }

    /// The same with the authority that signed the page's certificate, to be downloaded from `/trust`.
    pub fn with_authority(self, authority: Option<Authority>) -> Pages {
        match Arc::try_unwrap(self.0) {
            Ok(shared) => Pages(Arc::new(Shared { authority, ..shared })),
            Err(shared) => Pages(shared),
        }
    }

    /// The path of the one-time set-up address, `/join/TOKEN`, while nobody lives here; each call makes the one
    /// before useless. `https://sotto.local` and this is what the hub prints on first run.
    pub fn set_up_path(&self) -> Result<Option<String>, StoreError> {
        let token: Option<InviteToken> = self.0.journal.set_up_token(Timestamp::now())?;
        Ok(token.map(|token| format!("/join/{}", token.reveal().as_str())))
    }

    pub fn router(&self) -> Router {
        router::router(self.0.clone())
    }
}

impl Shared {
    /// Asks the journal something that may read the disk, where blocking is allowed.
    pub async fn ask<T, F>(self: &Arc<Self>, question: F) -> Result<T, trouble::Trouble>
    where
        T: Send + 'static,
        F: FnOnce(&Journal) -> T + Send + 'static,
    {
        let shared = self.clone();
        let answer = tokio::task::spawn_blocking(move || question(&shared.journal)).await;
        answer.map_err(|error| trouble::Trouble::Broken(&language::all()[0], error.to_string()))
    }

    /// Makes somebody's first search quick while they read their first page. Ends with their session.
    pub fn prepare_search(self: &Arc<Self>, cookie: &str) {
        let (shared, Some(session)) = (self.clone(), self.sessions.of(cookie)) else { return };
        tokio::task::spawn_blocking(move || {
            let signed_in = || Arc::strong_count(&session) > 1;
            let prepared = shared.journal.prepare_search(&session.person, Timestamp::now(), &signed_in);
            if let Err(error) = prepared {
                tracing::warn!(%error, "a search could not be prepared; it will only be slower");
            }
        });
    }

    /// Signs somebody out everywhere, except in the session with the handle `but`; their tokens end too.
    pub fn sign_out(&self, id: sotto_house::PersonId, but: Option<&str>) {
        self.sessions.close_all(id, but);
        self.tokens.end_all(id);
    }

    /// Whether the access log is whole.
    pub async fn intact(self: &Arc<Self>) -> Result<bool, trouble::Trouble> {
        let known = *session::locked(&self.verdict);
        if let Some((_, intact)) = known.filter(|(at, _)| at.elapsed() < VERDICT) {
            return Ok(intact);
        }
        let intact = match self.ask(|journal| journal.verify(&[])).await? {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%error, "the access log is not whole; run `sotto-hub verify`");
                false
            }
        };
        *session::locked(&self.verdict) = Some((Instant::now(), intact));
        Ok(intact)
    }
}
