//! The listening end: one UDP port, a task per connection, and a clock for what has waited too long.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use sotto_house::UtteranceId;
use sotto_protocol::{
    ALPN, ALPN_PAIR, ALPN_UPDATE, Codes, ErrorCode, Identity, peer_fingerprint, quic_endpoint, quic_server,
};
use tokio::sync::mpsc;

use super::calls::Calls;
use super::trust::{Standing, Trust};
use super::{
    BindError, Config, FromSatellite, SatellitesHandle, Shared, close, connection, lock, pairing, update,
};
use crate::updates::Updates;

/// Events that may wait for the house: a second of speech from twenty satellites.
const EVENTS: usize = 1024;

/// A handshake, a hello or a pairing must not take longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Above so many connections an address must first prove that it is real (RFC 9000, section 8.1), and above the
/// second number nobody is let in: far more than a house has satellites.
const MANY: usize = 64;
const TOO_MANY: usize = 512;

pub fn start(config: Config) -> Result<(SatellitesHandle, mpsc::Receiver<FromSatellite>), BindError> {
    let identity = Identity::load_or_make(&config.data)?;
    let trust = Trust::open(config.data.join("satellites.json"))?;
    let hub = format!("hub-{}", &identity.fingerprint().to_string()[..8]);
    let endpoint = listen(&config, &identity)?;
    let (events, receiver) = mpsc::channel(EVENTS);
    let longest = config.limits.utterance.as_millis() / sotto_protocol::FRAME.as_millis();
    let shared = Arc::new(Shared {
        hub,
        trust: Mutex::new(trust),
        codes: Mutex::new(Codes::default()),
        calls: Mutex::new(Calls::new(longest.try_into().unwrap_or(u32::MAX))),
        live: Mutex::new(HashMap::new()),
        discovery: Mutex::new(None),
        updates: Updates::of(&config.data),
        config,
        identity,
        endpoint,
        events,
    });
    if shared.config.discovery {
        match super::discovery::Discovery::start(&shared) {
            Ok(discovery) => *lock(&shared.discovery) = Some(discovery),
            // A house without multicast still works: its satellites are given the address.
            Err(error) => {
                tracing::warn!(%error, "the hub cannot be found by mDNS; give satellites its address")
            }
        }
    }
    tokio::spawn(accept(shared.clone()));
    tokio::spawn(watch(Arc::downgrade(&shared)));
    Ok((SatellitesHandle { shared }, receiver))
}

fn listen(config: &Config, identity: &Identity) -> Result<quinn::Endpoint, BindError> {
    let mut server = quic_server(identity, &[ALPN, ALPN_PAIR, ALPN_UPDATE])?;
    server.max_incoming(MANY);
    let fail = |source| BindError::Listen { address: config.listen, source };
    let socket = bind(config.listen).map_err(fail)?;
    let runtime = Arc::new(quinn::TokioRuntime);
    quinn::Endpoint::new(quic_endpoint(identity), Some(server), socket, runtime).map_err(fail)
}

/// Every interface is `[::]`; where the kernel has no IPv6, that is `0.0.0.0`.
fn bind(address: SocketAddr) -> std::io::Result<std::net::UdpSocket> {
    std::net::UdpSocket::bind(address).or_else(|error| {
        let no_ipv6 = address.ip().is_unspecified()
            && error.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32);
        if no_ipv6 { std::net::UdpSocket::bind(("0.0.0.0", address.port())) } else { Err(error) }
    })
}

async fn accept(shared: Arc<Shared>) {
    while let Some(incoming) = shared.endpoint.accept().await {
        let open = shared.endpoint.open_connections();
        if open >= TOO_MANY {
            incoming.refuse();
        } else if open >= MANY && !incoming.remote_address_validated() {
            // Only an address that is not validated may be asked, so this cannot fail.
            let _ = incoming.retry();
        } else {
            tokio::spawn(greet(shared.clone(), incoming));
        }
    }
}

/// Finds out who is calling, and what for.
async fn greet(shared: Arc<Shared>, incoming: quinn::Incoming) {
    let Ok(connecting) = incoming.accept() else { return };
    let Ok(Ok(connection)) = tokio::time::timeout(PATIENCE, connecting).await else { return };
    let Some(fingerprint) = peer_fingerprint(connection.peer_identity()) else {
        return close(&connection, ErrorCode::NotPaired, "a satellite shows a certificate");
    };
    if alpn(&connection).as_deref() == Some(ALPN_PAIR) {
        return pairing::answer(&shared, connection, fingerprint).await;
    }
    let standing = lock(&shared.trust).standing(fingerprint);
    match standing {
        Standing::Paired(_) if alpn(&connection).as_deref() == Some(ALPN_UPDATE) => {
            update::serve(&shared, connection).await
        }
        Standing::Paired(paired) => connection::serve(shared, connection, paired).await,
        Standing::Revoked { reason } => close(&connection, ErrorCode::Revoked, &reason),
        Standing::Stranger => {
            close(&connection, ErrorCode::NotPaired, "pair this satellite with the hub first")
        }
    }
}

fn alpn(connection: &quinn::Connection) -> Option<Vec<u8>> {
    let data = connection.handshake_data()?.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?;
    data.protocol
}

/// Gives up utterances whose satellite does not come back.
async fn watch(shared: Weak<Shared>) {
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    loop {
        tick.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        let overdue = lock(&shared.calls).overdue(Instant::now());
        for utterance in overdue {
            let utterance = UtteranceId::from_bytes(*utterance.bytes());
            if shared.events.send(FromSatellite::UtteranceLost { utterance }).await.is_err() {
                return;
            }
        }
        if shared.events.is_closed() {
            return;
        }
    }
}
