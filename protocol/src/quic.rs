//! QUIC as both sides set it up: what is trusted, how long silence may last, how much may be on its way.
//!
//! These are settings, from `quinn-proto`, which has no sockets either; whoever has one brings it.

use std::sync::Arc;
use std::time::Duration;

use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{ClientConfig, EndpointConfig, HashedConnectionIdGenerator, ServerConfig, TransportConfig};

use crate::identity::{Fingerprint, Identity};
use crate::tls::{TlsError, client_tls, server_tls};

/// A peer that is silent for so long is gone; it sends something every [`KEEP_ALIVE`].
pub const IDLE: Duration = Duration::from_secs(6);

const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// What may come in on one stream before it is read: some 16 s of speech. And on all streams of a connection.
const STREAM_WINDOW: u32 = 32 * 1024;
const WINDOW: u32 = 128 * 1024;

/// For the side that dials. `expected` is the pinned certificate; `None` takes any, for pairing.
pub fn quic_client(
    identity: &Identity,
    expected: Option<Fingerprint>,
    alpn: &[u8],
) -> Result<ClientConfig, TlsError> {
    let tls = QuicClientConfig::try_from(client_tls(identity, expected, alpn)?)?;
    let mut client = ClientConfig::new(Arc::new(tls));
    client.transport_config(Arc::new(transport()));
    Ok(client)
}

/// For the side that is dialled.
pub fn quic_server(identity: &Identity, alpns: &[&[u8]]) -> Result<ServerConfig, TlsError> {
    let tls = QuicServerConfig::try_from(server_tls(identity, alpns)?)?;
    let mut server = ServerConfig::with_crypto(Arc::new(tls));
    server.transport_config(Arc::new(transport()));
    Ok(server)
}

/// For an endpoint that others go on talking to when its process has died and another has taken its place.
///
/// The new process must know the old one's connection ids for its own and have the same key for stateless resets
/// (RFC 9000, section 10.3); then one packet tells a satellite what it would otherwise wait [`IDLE`] for. Quinn
/// draws both at random for each process.
pub fn quic_endpoint(identity: &Identity) -> EndpointConfig {
    let reset = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &identity.derive(b"sotto stateless reset"));
    let [a, b, c, d, e, f, g, h, ..] = identity.derive(b"sotto connection ids");
    let ids = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let mut endpoint = EndpointConfig::new(Arc::new(reset));
    endpoint.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    // A house full of satellites is told in the same moment; the limit is there against storms of forged packets.
    endpoint.min_reset_interval(Duration::from_millis(5));
    endpoint
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(1u32.into())
        .max_concurrent_uni_streams(4u32.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(WINDOW.into())
        .send_window(2 * u64::from(WINDOW))
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IDLE.try_into().expect("six seconds are a valid time-out")));
    transport
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_makes_the_same_keys_again_and_another_one_others() {
        let folder = tempfile::tempdir().unwrap();
        let load = || Identity::load_or_make(folder.path()).unwrap().derive(b"sotto connection ids");
        assert_eq!(load(), load());
        assert_ne!(load(), Identity::fleeting().unwrap().derive(b"sotto connection ids"));
    }
}
