//! A satellite without a hub: it announces itself, shows a code, and lets the hub that knows the code pair it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mdns_sd::{ServiceDaemon, ServiceInfo};
use sotto_protocol::{
    ALPN_PAIR, CODE_LIFETIME, Code, Codes, Ends, ErrorCode, PairError, Peer, RefusedReason,
    SATELLITE_SERVICE, SatelliteRecord, Side, TlsError, VERSION, pair_answering, peer_fingerprint,
    quic_server,
};

use super::keep::Parts;
use super::{FromHub, Pin, head, lock, pin};

/// One pairing, from handshake to confirmation.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the goodbye on mDNS may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// Returns once the satellite is paired: by a hub that dials in, or by `sotto-satellite pair` in another process.
/// `None` when nobody listens any more.
pub async fn wait(parts: &Parts) -> Option<Pin> {
    if let Err(error) = serve(parts) {
        tracing::warn!(%error, "this satellite can only be paired with `sotto-satellite pair`");
    }
    let announced = Announced::start(parts).inspect_err(|error| tracing::warn!(%error, "no mDNS here")).ok();
    let pin = until_paired(parts).await;
    parts.endpoint.set_server_config(None);
    drop(announced);
    let pin = pin?;
    parts.events.send(FromHub::Paired(pin.clone())).await.ok()?;
    Some(pin)
}

async fn until_paired(parts: &Parts) -> Option<Pin> {
    let codes = std::sync::Mutex::new(Codes::default());
    let mut look = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            Some(incoming) = parts.endpoint.accept() => {
                let answered = tokio::time::timeout(PATIENCE, answer(parts, &codes, incoming)).await;
                if let Ok(Some(pin)) = answered {
                    return Some(pin);
                }
            }
            _ = look.tick() => {
                if let Ok(Some(pin)) = pin::Pin::load(&parts.config.data) {
                    return Some(pin);
                }
                if lock(&codes).is_over(Instant::now()) {
                    let code = Code::random().inspect_err(|error| tracing::error!(%error, "no code")).ok()?;
                    lock(&codes).put_out(Instant::now(), code.clone(), CODE_LIFETIME);
                    parts.events.send(FromHub::Unpaired { code }).await.ok()?;
                }
            }
        }
    }
}

/// Who this satellite says it is before anybody has named it.
pub fn own_peer(parts: &Parts) -> Peer {
    let fingerprint = parts.identity.fingerprint();
    Peer {
        id: pin::id(&parts.config.name, fingerprint),
        name: parts.config.name.clone(),
        area: String::new(),
        hardware: parts.config.hardware.clone(),
    }
}

fn serve(parts: &Parts) -> Result<(), TlsError> {
    let mut server = quic_server(&parts.identity, &[ALPN_PAIR])?;
    server.max_incoming(4);
    parts.endpoint.set_server_config(Some(server));
    Ok(())
}

/// The record that says "here is a satellite without a hub", for as long as it lives.
struct Announced {
    daemon: ServiceDaemon,
    fullname: String,
}

impl Announced {
    fn start(parts: &Parts) -> Result<Announced, Box<dyn std::error::Error>> {
        let own = own_peer(parts);
        let record = SatelliteRecord {
            id: own.id.clone(),
            name: own.name,
            version: VERSION,
            hardware: own.hardware,
            fingerprint: parts.identity.fingerprint(),
        };
        let properties: HashMap<String, String> = record.properties().into_iter().collect();
        let host = format!("sotto-{}.local.", own.id);
        let port = parts.endpoint.local_addr()?.port();
        let service =
            ServiceInfo::new(SATELLITE_SERVICE, &own.id, &host, "", port, properties)?.enable_addr_auto();
        let fullname = service.get_fullname().to_owned();
        let daemon = ServiceDaemon::new()?;
        daemon.register(service)?;
        Ok(Announced { daemon, fullname })
    }
}

/// Paired, or stopped: either way the page must not go on showing a new satellite.
impl Drop for Announced {
    fn drop(&mut self) {
        if let Ok(withdrawn) = self.daemon.unregister(&self.fullname) {
            let _ = withdrawn.recv_timeout(GOODBYE);
        }
        let _ = self.daemon.shutdown();
    }
}

/// Answers one try of a hub.
async fn answer(parts: &Parts, codes: &std::sync::Mutex<Codes>, incoming: quinn::Incoming) -> Option<Pin> {
    let connection = incoming.accept().ok()?.await.ok()?;
    let fingerprint = peer_fingerprint(connection.peer_identity())?;
    let (mut send, receive) = connection.accept_bi().await.ok()?;
    let ends = Ends { satellite: parts.identity.fingerprint(), hub: fingerprint };
    let own = own_peer(parts);
    let hub = connection.remote_address();
    let address = std::net::SocketAddr::new(hub.ip().to_canonical(), hub.port()).to_string();
    let pinned = |hub: &Peer| Pin {
        hub: hub.id.clone(),
        hub_name: hub.name.clone(),
        fingerprint,
        update_key: None,
        address: address.clone(),
        satellite: own.id.clone(),
        name: own.name.clone(),
        area: own.area.clone(),
    };
    let keep = |hub: &Peer| {
        head::forget(&parts.config.data);
        pinned(hub).save(&parts.config.data).map_err(|error| {
            tracing::error!(%error, "the pairing could not be kept");
            RefusedReason::Unspecified
        })
    };
    let code = || lock(codes).a_try(Instant::now());
    let outcome = pair_answering(receive, &mut send, Side::Satellite, code, ends, &own, keep).await;
    let _ = send.finish();
    let _ = tokio::time::timeout(Duration::from_secs(1), send.stopped()).await;
    let close = |code: ErrorCode, reason: &str| {
        connection.close(quinn::VarInt::from_u32(code as u32), reason.as_bytes())
    };
    match outcome {
        Ok(hub) => {
            close(ErrorCode::None, "paired");
            Some(pinned(&hub))
        }
        Err(error) => {
            tracing::warn!(%error, "a pairing failed");
            let gone = matches!(error, PairError::Write(_));
            if !gone {
                close(ErrorCode::Pairing, &error.to_string());
            }
            None
        }
    }
}
