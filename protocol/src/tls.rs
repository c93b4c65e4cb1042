//! TLS 1.3 for both ends: certificates on both sides, trusted because they are pinned and for no other reason.
//!
//! At this level the hub takes any client that can prove that it holds its certificate's key. Whether that
//! certificate is paired is asked right afterwards, where a stranger can be told what to do in words; nothing
//! but pairing is answered before that.

use std::any::Any;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, PeerIncompatible, SignatureScheme};

use crate::identity::{Fingerprint, Identity};

/// The protocol's major version is its ALPN name: peers that share none do not talk.
pub const ALPN: &[u8] = b"sotto/1";

/// The only thing a stranger may speak.
pub const ALPN_PAIR: &[u8] = b"sotto-pair/1";

/// For fetching another program.
pub const ALPN_UPDATE: &[u8] = b"sotto-update/1";

/// Where a hub listens unless told otherwise. UDP.
pub const DEFAULT_PORT: u16 = 7414;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("TLS cannot be set up with this identity: {0}")]
    Identity(#[from] rustls::Error),
    #[error("TLS cannot be set up for QUIC: {0}")]
    Quic(#[from] quinn_proto::crypto::rustls::NoInitialCipherSuite),
}

/// For the side that dials. `expected` is the pinned certificate; `None` takes any, for pairing.
pub fn client_tls(
    identity: &Identity,
    expected: Option<Fingerprint>,
    alpn: &[u8],
) -> Result<rustls::ClientConfig, TlsError> {
    let provider = provider();
    let verifier = Arc::new(Pinned { expected, provider: provider.clone() });
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(identity.chain(), identity.key())?;
    config.alpn_protocols = vec![alpn.to_vec()];
    // No tickets: a revoked satellite must not slip back in on a resumed session.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// For the side that is dialled.
pub fn server_tls(identity: &Identity, alpns: &[&[u8]]) -> Result<rustls::ServerConfig, TlsError> {
    let provider = provider();
    let verifier = Arc::new(Pinned { expected: None, provider: provider.clone() });
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain(), identity.key())?;
    config.alpn_protocols = alpns.iter().map(|alpn| alpn.to_vec()).collect();
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The certificate that the other side proved to own, out of what `quinn::Connection::peer_identity` gives.
pub fn peer_fingerprint(peer: Option<Box<dyn Any>>) -> Option<Fingerprint> {
    let chain = peer?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.first().map(|certificate| Fingerprint::of(certificate))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[derive(Debug)]
struct Pinned {
    expected: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        match self.expected {
            Some(expected) if expected != Fingerprint::of(certificate) => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(()),
        }
    }
}

/// What rustls asks of both its verifiers in the same words: that the handshake is signed by the certificate's key.
macro_rules! signed_by_its_key {
    () => {
        /// QUIC has no TLS 1.2 (RFC 9001, section 4.2).
        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Err(PeerIncompatible::Tls12NotOffered.into())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signed, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

/// The time is not looked at: a satellite's clock may be years wrong.
impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(certificate).map(|()| ServerCertVerified::assertion())
    }

    signed_by_its_key!();
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(certificate).map(|()| ClientCertVerified::assertion())
    }

    signed_by_its_key!();
}
