//! `sotto-satellite pair`: dials the hub with the code that it shows, and keeps what comes of it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sotto_protocol::{
    ALPN_PAIR, Code, Ends, Identity, IdentityError, PairError, Peer, Side, TlsError, pair_dialling,
    peer_fingerprint, quic_client,
};

use super::dial::endpoint;
use super::find::{find_hubs, resolve};
use super::{Pin, PinError, head, pin};

/// How long a hub has to announce itself.
const LOOK: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(10);

/// Which hub to pair with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubAddress {
    /// `host` or `host:port`.
    At(String),
    /// The one that announces itself; if several do, the one with this id.
    Found { id: Option<String> },
}

#[derive(Debug, thiserror::Error)]
pub enum PairWithError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error(
        "no hub is seen on this network; is it on? where multicast does not pass, give its address with --hub"
    )]
    NoHub,
    #[error("several hubs are seen: {0}; choose one with --hub")]
    Several(String),
    #[error("the hub's address {address} leads nowhere: {source}")]
    Address { address: String, source: std::io::Error },
    #[error("no hub answers at {0}; is it on, and is its UDP port open?")]
    Unreachable(String),
    #[error(transparent)]
    Exchange(#[from] PairError),
    #[error("the hub took too long; try again")]
    Slow,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Pairs the satellite whose data lies in `data` with a hub, by the hub's code.
pub async fn pair_with(
    data: &Path,
    hub: &HubAddress,
    code: &Code,
    name: &str,
    area: &str,
    hardware: &str,
) -> Result<Pin, PairWithError> {
    let identity = Identity::load_or_make(data)?;
    let own = Peer {
        id: pin::id(name, identity.fingerprint()),
        name: name.to_owned(),
        area: area.to_owned(),
        hardware: hardware.to_owned(),
    };
    let mut failure = PairWithError::NoHub;
    for address in addresses(hub).await? {
        match tokio::time::timeout(PATIENCE, dial(&identity, address, code, &own)).await {
            Ok(Ok(pin)) => {
                head::forget(data);
                pin.save(data)?;
                return Ok(pin);
            }
            // Only an address that nobody answers at leads on to the next: a wrong code is a wrong code.
            Ok(Err(PairWithError::Unreachable(at))) => failure = PairWithError::Unreachable(at),
            Ok(Err(error)) => return Err(error),
            Err(_) => failure = PairWithError::Slow,
        }
    }
    Err(failure)
}

async fn addresses(hub: &HubAddress) -> Result<Vec<SocketAddr>, PairWithError> {
    let wanted = match hub {
        HubAddress::At(address) => {
            return resolve(address)
                .await
                .map_err(|source| PairWithError::Address { address: address.clone(), source });
        }
        HubAddress::Found { id } => id,
    };
    let mut hubs = find_hubs(LOOK).await.map_err(|_| PairWithError::NoHub)?;
    hubs.retain(|hub| wanted.as_ref().is_none_or(|id| hub.id == *id));
    match hubs.as_slice() {
        [] => Err(PairWithError::NoHub),
        [hub] => Ok(hub.addresses.clone()),
        several => {
            let names: Vec<String> = several.iter().map(|hub| format!("{} ({})", hub.id, hub.name)).collect();
            Err(PairWithError::Several(names.join(", ")))
        }
    }
}

async fn dial(
    identity: &Identity,
    address: SocketAddr,
    code: &Code,
    own: &Peer,
) -> Result<Pin, PairWithError> {
    let client = quic_client(identity, None, ALPN_PAIR)?;
    let unreachable = || PairWithError::Unreachable(address.to_string());
    let endpoint = endpoint().map_err(|_| unreachable())?;
    let connection = endpoint
        .connect_with(client, address, "sotto.local")
        .map_err(|_| unreachable())?
        .await
        .map_err(|_| unreachable())?;
    let fingerprint = peer_fingerprint(connection.peer_identity()).ok_or_else(unreachable)?;
    let ends = Ends { satellite: identity.fingerprint(), hub: fingerprint };
    let (mut send, receive) = connection.open_bi().await.map_err(|_| unreachable())?;
    let hub = pair_dialling(receive, &mut send, Side::Satellite, code, ends, own).await?;
    connection.close(0u32.into(), b"paired");
    let _ = tokio::time::timeout(Duration::from_millis(300), endpoint.wait_idle()).await;
    Ok(Pin {
        hub: hub.id,
        hub_name: hub.name,
        fingerprint,
        update_key: None,
        address: address.to_string(),
        satellite: own.id.clone(),
        name: own.name.clone(),
        area: own.area.clone(),
    })
}
