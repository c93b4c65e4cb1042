//! A satellite without a hub: it announces itself, shows a code, and lets the hub that knows the code pair it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mdns_sd::{ServiceDaemon, ServiceInfo};
use quinn::crypto::rustls::QuicServerConfig;
use sotto_protocol::{
    ALPN_PAIR, Code, Codes, Ends, ErrorCode, PairError, Peer, RefusedReason, SATELLITE_SERVICE,
    SatelliteRecord, Side, VERSION, pair_answering, peer_fingerprint, server_tls,
};

use super::session::{Parts, transport};
use super::{FromHub, Pin, lock, pin};

/// One pairing, from handshake to confirmation.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns once the satellite is paired: by a hub that dials in, or by `sotto-satellite pair` in another process.
/// `None` when nobody listens any more.
pub async fn wait(parts: &Parts) -> Option<Pin> {
    match serve(parts) {
        Ok(()) => {}
        Err(error) => tracing::warn!(error, "this satellite can only be paired with `sotto-satellite pair`"),
    }
    let announced = announce(parts).inspect_err(|error| tracing::warn!(%error, "no mDNS here")).ok();
    let pin = until_paired(parts).await;
    parts.endpoint.set_server_config(None);
    if let Some((daemon, fullname)) = announced {
        if let Ok(withdrawn) = daemon.unregister(&fullname) {
            let _ = tokio::time::timeout(Duration::from_millis(200), withdrawn.recv_async()).await;
        }
        let _ = daemon.shutdown();
    }
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
                    lock(&codes).put_out(Instant::now(), code.clone());
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

fn serve(parts: &Parts) -> Result<(), String> {
    let tls = server_tls(&parts.identity, &[ALPN_PAIR]).map_err(|error| error.to_string())?;
    let tls = QuicServerConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(tls));
    server.transport_config(Arc::new(transport()));
    server.max_incoming(4);
    parts.endpoint.set_server_config(Some(server));
    Ok(())
}

fn announce(parts: &Parts) -> Result<(ServiceDaemon, String), Box<dyn std::error::Error>> {
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
    Ok((daemon, fullname))
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
        address: address.clone(),
        satellite: own.id.clone(),
        name: own.name.clone(),
        area: own.area.clone(),
    };
    let keep = |hub: &Peer| {
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
