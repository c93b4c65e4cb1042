//! The wire between satellites and hub.
//!
//! `message ↔ frame ↔ bytes`, and who is at the other end. `proto/sotto.proto` names the messages, `PROTOCOL.md`
//! tells how they travel; here they become Rust types that are well formed once they exist. Decoding is total:
//! any bytes give a message or an error, in memory bounded by the frame limit.
//!
//! Deliberately absent: sockets, timers, retries, and any idea of a household. Satellite and hub bring those; how
//! QUIC is to be set up is said here, once for both.

mod audio;
mod codes;
mod control;
mod decode;
mod discovery;
mod exchange;
mod frame;
mod identity;
mod pairing;
mod quic;
mod secret;
mod speech;
mod stream;
mod tls;
mod update;

/// What the Protocol Buffers compiler makes of `sotto.proto`. Messages without an invariant are used as they
/// are; the others have a type of their own in this crate.
mod wire {
    include!(concat!(env!("OUT_DIR"), "/sotto.v1.rs"));
}

pub use audio::{FRAME, Packet, PacketError, SAMPLE_RATE};
pub use codes::{CODE_LIFETIME, CODE_LIFETIME_AT_MOST, CodeState, Codes};
pub use control::{
    Hello, HelloAck, JournalHead, KnownUtterance, Outcome, ProtocolError, ToHub, ToSatellite, VERSION,
    WAKE_WORDS,
};
pub use decode::{DecodeError, Message, UtteranceId, UtteranceIds};
pub use discovery::{HUB_SERVICE, HubRecord, RecordError, SATELLITE_SERVICE, SatelliteRecord};
pub use exchange::{PairError, pair_answering, pair_dialling};
pub use frame::{FrameError, Frames};
pub use identity::{Fingerprint, FingerprintError, Identity, IdentityError, write_private};
pub use pairing::{Pairing, Peer};
pub use quic::{IDLE, quic_client, quic_endpoint, quic_server};
pub use secret::{Code, CodeError, Ends, Exchange, ExchangeError, Exchanged, Side};
pub use speech::{Reply, ReplyHeader, Speech, Trigger, UtteranceHeader};
pub use stream::{MessageReader, ReadError, write_message};
pub use tls::{
    ALPN, ALPN_PAIR, ALPN_UPDATE, DEFAULT_PORT, TlsError, client_tls, peer_fingerprint, server_tls,
};
pub use update::{PIECE, PROGRAM_LIMIT, Program, Signature, Update, UpdateKey};
pub use wire::{
    Capability, DismissReason, EndReason, ErrorCode, Heartbeat, Level, OutcomeKind, Panel, RefusedReason,
    ReplyPurpose, Settings, WatchLevel,
};
