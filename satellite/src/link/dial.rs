//! Reaching the hub: every address where it may be, and the first that proves to be it.

use std::net::SocketAddr;
use std::time::Duration;

use sotto_protocol::{ALPN, quic_client};
use tokio::task::JoinSet;

use super::Pin;
use super::find::{Finder, resolve};
use super::keep::Parts;

/// One try at one address. Short, because a hub that has just come back is met by the next.
pub const TRY: Duration = Duration::from_secs(2);

/// The next address is tried along with the ones before it after so long, as in RFC 8305.
const STAGGER: Duration = Duration::from_millis(150);

/// Addresses that are tried in one round; anybody on the network can announce some.
const MOST: usize = 16;

/// A socket for IPv6 and IPv4, or for IPv4 alone where the kernel has no IPv6.
pub fn endpoint() -> std::io::Result<quinn::Endpoint> {
    quinn::Endpoint::client(SocketAddr::from(([0u16; 8], 0)))
        .or_else(|_| quinn::Endpoint::client(SocketAddr::from(([0u8; 4], 0))))
}

/// Tries every address that may be the hub's. What went wrong is for people.
pub async fn dial(
    parts: &Parts,
    pin: &Pin,
    finder: Option<&Finder>,
) -> Result<(quinn::Connection, SocketAddr), String> {
    let client =
        quic_client(&parts.identity, Some(pin.fingerprint), ALPN).map_err(|error| error.to_string())?;
    let mut tries = JoinSet::new();
    for (index, address) in addresses(parts, pin, finder).await?.into_iter().take(MOST).enumerate() {
        let (endpoint, client) = (parts.endpoint.clone(), client.clone());
        tries.spawn(async move {
            tokio::time::sleep(STAGGER * index as u32).await;
            let connecting =
                endpoint.connect_with(client, address, "sotto.local").map_err(|error| error.to_string())?;
            match tokio::time::timeout(TRY, connecting).await {
                Ok(Ok(connection)) => Ok((connection, address)),
                Ok(Err(error)) => Err(format!("no hub of ours answers at {address}: {error}")),
                Err(_) => Err(format!("nobody answers at {address}")),
            }
        });
    }
    let mut why = "the hub is nowhere to be seen; is it on, and on this network?".to_owned();
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => why = error,
            Err(_) => {}
        }
    }
    Err(why)
}

/// Where the hub may be, likeliest first: as configured or as mDNS tells, and where it was last.
async fn addresses(parts: &Parts, pin: &Pin, finder: Option<&Finder>) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = match &parts.config.address {
        Some(address) => resolve(address)
            .await
            .map_err(|error| format!("the hub's address {address} leads nowhere: {error}"))?,
        None => finder.map(|finder| finder.addresses_of(pin.fingerprint)).unwrap_or_default(),
    };
    if let Ok(last) = pin.address.parse()
        && !addresses.contains(&last)
    {
        addresses.push(last);
    }
    Ok(addresses)
}
