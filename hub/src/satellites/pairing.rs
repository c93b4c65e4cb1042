//! Pairing at the hub: answering a satellite that was given the hub's code, and dialling one that shows its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use sotto_house::{Area, SatelliteId};
use sotto_protocol::{
    ALPN_PAIR, Code, Ends, ErrorCode, Fingerprint, PairError, Peer, RefusedReason, Side, TlsError,
    pair_answering, pair_dialling, peer_fingerprint, quic_client,
};

use super::discovery::Found;
use super::server::PATIENCE;
use super::trust::{Paired, TrustError};
use super::{Shared, close, lock};

#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    #[error("the system gives no random numbers; a code cannot be made")]
    Random,
    #[error("no new satellite {0} is seen; is it on, and on this network?")]
    NotFound(String),
    #[error("the satellite cannot be reached at {0}; is it on, and on this network?")]
    Unreachable(SocketAddr),
    #[error("the satellite has no address that can be reached")]
    NoAddress,
    #[error(transparent)]
    Exchange(#[from] PairError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("pairing took too long; try again")]
    Slow,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

fn own_peer(shared: &Shared) -> Peer {
    Peer { id: shared.hub.clone(), name: shared.config.name.clone(), ..Peer::default() }
}

/// Answers one try of a satellite that has our code.
pub async fn answer(shared: &Arc<Shared>, connection: quinn::Connection, fingerprint: Fingerprint) {
    let ends = Ends { satellite: fingerprint, hub: shared.identity.fingerprint() };
    let attempt = async {
        let (mut send, receive) = connection.accept_bi().await.map_err(|_| PairError::Gone)?;
        let mut tried = None;
        let own = own_peer(shared);
        let code = || {
            let code = lock(&shared.codes).a_try(Instant::now())?;
            tried = Some(code.clone());
            Ok(code)
        };
        let outcome = pair_answering(receive, &mut send, Side::Hub, code, ends, &own, |peer| {
            keep(shared, peer, fingerprint)
        })
        .await;
        if outcome.is_ok()
            && let Some(code) = &tried
        {
            lock(&shared.codes).used(code);
        }
        let _ = send.finish();
        // The last message must be on its way before the connection closes.
        let _ = send.stopped().await;
        outcome
    };
    match tokio::time::timeout(PATIENCE, attempt).await {
        Ok(Ok(peer)) => {
            tracing::info!(satellite = peer.id, "paired");
            close(&connection, ErrorCode::None, "paired");
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "a pairing failed");
            close(&connection, ErrorCode::Pairing, &error.to_string());
        }
        Err(_) => close(&connection, ErrorCode::Pairing, "pairing took too long"),
    }
}

/// Puts a satellite that has proved its knowledge of the code on the list.
fn keep(shared: &Shared, peer: &Peer, fingerprint: Fingerprint) -> Result<(), RefusedReason> {
    let id = SatelliteId::new(&peer.id).map_err(|_| RefusedReason::IdTaken)?;
    let paired = Paired {
        id,
        name: peer.name.clone(),
        area: Area::new(&peer.area).ok(),
        hardware: peer.hardware.clone(),
        fingerprint,
        paired_at: Timestamp::now(),
    };
    lock(&shared.trust).pair(paired).map_err(|error| match error {
        TrustError::IdTaken(_) => RefusedReason::IdTaken,
        error => {
            tracing::error!(%error, "a satellite could not be paired");
            RefusedReason::Unspecified
        }
    })
}

/// Pairs with a satellite that shows a code of its own.
pub async fn dial(
    shared: &Arc<Shared>,
    found: &Found,
    code: &Code,
    name: Option<&str>,
    area: Option<Area>,
) -> Result<Paired, PairingError> {
    let mut failure = PairingError::NoAddress;
    for address in &found.addresses {
        match tokio::time::timeout(PATIENCE, dial_one(shared, *address, code, name, area.clone())).await {
            Ok(Err(PairingError::Unreachable(address))) => failure = PairingError::Unreachable(address),
            Ok(outcome) => return outcome,
            Err(_) => failure = PairingError::Slow,
        }
    }
    Err(failure)
}

async fn dial_one(
    shared: &Arc<Shared>,
    address: SocketAddr,
    code: &Code,
    name: Option<&str>,
    area: Option<Area>,
) -> Result<Paired, PairingError> {
    let client = quic_client(&shared.identity, None, ALPN_PAIR)?;
    let unreachable = || PairingError::Unreachable(address);
    let connecting =
        shared.endpoint.connect_with(client, address, "sotto.local").map_err(|_| unreachable())?;
    let connection = connecting.await.map_err(|_| unreachable())?;
    let fingerprint = peer_fingerprint(connection.peer_identity()).ok_or_else(unreachable)?;
    let (mut send, receive) = connection.open_bi().await.map_err(|_| unreachable())?;
    let ends = Ends { satellite: fingerprint, hub: shared.identity.fingerprint() };
    let peer = pair_dialling(receive, &mut send, Side::Hub, code, ends, &own_peer(shared)).await?;
    let paired = Paired {
        id: SatelliteId::new(&peer.id).map_err(|_| PairError::Unexpected)?,
        name: name.unwrap_or(&peer.name).to_owned(),
        area: area.or_else(|| Area::new(&peer.area).ok()),
        hardware: peer.hardware,
        fingerprint,
        paired_at: Timestamp::now(),
    };
    lock(&shared.trust).pair(paired.clone())?;
    close(&connection, ErrorCode::None, "paired");
    Ok(paired)
}
