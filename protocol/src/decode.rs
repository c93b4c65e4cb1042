//! What every message has in common: turning into bytes and back, and the checks on single fields.

use std::fmt;

use bytes::Bytes;

use crate::identity::derive;
use crate::wire::ErrorCode;

/// Why bytes are not a message. Only [`DecodeError::Unknown`] is harmless: it is answered and ignored.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    #[error("the bytes are not a Protocol Buffers message")]
    Malformed,
    #[error("message {number} is not known in this version")]
    Unknown { number: u32 },
    #[error("the audio is not Opus of 16 kHz, mono, 20 ms a packet; send that")]
    Audio,
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("{field} is {problem}")]
    Field { field: &'static str, problem: &'static str },
}

impl DecodeError {
    /// How a peer is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            DecodeError::Unknown { .. } => ErrorCode::UnknownMessage,
            DecodeError::Audio => ErrorCode::AudioFormat,
            _ => ErrorCode::Malformed,
        }
    }
}

/// A message of one direction of one kind of stream.
pub trait Message: Sized {
    /// Longest message, in bytes; a longer one is refused unread.
    const LIMIT: usize;

    fn encode(&self) -> Vec<u8>;

    fn decode(bytes: Bytes) -> Result<Self, DecodeError>;
}

/// The number of the first field in `bytes`: what the unknown message would have been.
pub(crate) fn unknown(bytes: &[u8]) -> DecodeError {
    let mut bytes = bytes;
    match prost::encoding::decode_key(&mut bytes) {
        Ok((number, _)) => DecodeError::Unknown { number },
        Err(_) => DecodeError::Missing { field: "the message" },
    }
}

/// One utterance: 16 random bytes chosen by the satellite, so that a resumed one is known again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtteranceId([u8; 16]);

impl UtteranceId {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        UtteranceId(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A new one. Fails only where the operating system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(UtteranceId(bytes))
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let problem = "not 16 bytes";
        let bytes = bytes.try_into().map_err(|_| DecodeError::Field { field: "utterance", problem })?;
        Ok(UtteranceId(bytes))
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

/// The ids of one satellite's utterances, without end. As good as random for whoever does not have the secret: in
/// journals and on MQTT they tell neither which belong together nor how many came before.
pub struct UtteranceIds {
    secret: [u8; 32],
    count: u64,
}

impl UtteranceIds {
    /// Fails only where the operating system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self::from_secret(secret))
    }

    pub fn from_secret(secret: [u8; 32]) -> Self {
        UtteranceIds { secret, count: 0 }
    }

    /// One that was never given before.
    pub fn draw(&mut self) -> UtteranceId {
        let drawn = derive(&self.secret, &[b"utterance", &self.count.to_le_bytes()]);
        self.count += 1;
        UtteranceId(std::array::from_fn(|place| drawn[place]))
    }
}

impl fmt::Display for UtteranceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for UtteranceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UtteranceId({self})")
    }
}

/// Text for people: at most `limit` bytes and no control characters, which would garble a terminal or a log.
pub(crate) fn text(field: &'static str, text: String, limit: usize) -> Result<String, DecodeError> {
    if text.len() > limit {
        return Err(DecodeError::Field { field, problem: "too long" });
    }
    if text.chars().any(char::is_control) {
        return Err(DecodeError::Field { field, problem: "holding control characters" });
    }
    Ok(text)
}

/// A satellite's or hub's id: 1 to 40 of `a–z 0–9 - _`.
pub(crate) fn id(field: &'static str, text: String) -> Result<String, DecodeError> {
    let fits = (1..=40).contains(&text.len())
        && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if fits { Ok(text) } else { Err(DecodeError::Field { field, problem: "not 1 to 40 of a-z 0-9 - _" }) }
}

/// A number between `low` and `high`; not-a-number is neither.
pub(crate) fn within(field: &'static str, value: f32, low: f32, high: f32) -> Result<f32, DecodeError> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(DecodeError::Field { field, problem: "out of range" })
    }
}

pub(crate) fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| DecodeError::Field { field, problem: "of the wrong length" })
}

/// At most `limit` entries.
pub(crate) fn list<T>(field: &'static str, list: Vec<T>, limit: usize) -> Result<Vec<T>, DecodeError> {
    if list.len() <= limit { Ok(list) } else { Err(DecodeError::Field { field, problem: "too many" }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_nothing_about_the_next() {
        let mut ids = UtteranceIds::from_secret([1; 32]);
        let drawn: std::collections::HashSet<UtteranceId> = (0..1000).map(|_| ids.draw()).collect();
        assert_eq!(drawn.len(), 1000);
        let (a, b) = (UtteranceIds::from_secret([1; 32]).draw(), UtteranceIds::from_secret([2; 32]).draw());
        assert!(drawn.contains(&a) && !drawn.contains(&b));
    }
}
