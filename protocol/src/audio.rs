//! The one audio format of version 1: Opus (RFC 6716), 16 kHz, mono, 20 ms a packet.
//!
//! A packet is checked by its first byte alone; decoding it is the hub's affair.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::wire;

/// Samples a second.
pub const SAMPLE_RATE: u32 = 16_000;

/// The sound in one packet.
pub const FRAME: Duration = Duration::from_millis(20);

/// One table-of-contents byte and the largest Opus frame (RFC 6716, section 3.2.1).
const LONGEST: usize = 1276;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PacketError {
    #[error("an audio packet of {0} bytes; an Opus packet has 1 to {LONGEST}")]
    Size(usize),
    #[error("an audio packet that is not 20 ms of mono Opus")]
    Format,
}

/// One Opus packet of 20 ms mono. Prints its size only.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet(Bytes);

impl Packet {
    pub fn new(opus: impl Into<Bytes>) -> Result<Self, PacketError> {
        let opus = opus.into();
        match opus.first() {
            None => Err(PacketError::Size(0)),
            Some(_) if opus.len() > LONGEST => Err(PacketError::Size(opus.len())),
            Some(&contents) if is_20_ms_mono(contents) => Ok(Packet(opus)),
            Some(_) => Err(PacketError::Format),
        }
    }

    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({} bytes)", self.0.len())
    }
}

/// Reads the table-of-contents byte (RFC 6716, section 3.1): configuration, stereo, frame count code.
fn is_20_ms_mono(contents: u8) -> bool {
    let (configuration, stereo, count) = (contents >> 3, contents & 4 != 0, contents & 3);
    // In half milliseconds; a narrow-band frame may last 60 ms, a full-band one 2.5 ms.
    let half_ms = match configuration {
        0..=11 => [20, 40, 80, 120][configuration as usize % 4],
        12..=15 => [20, 40][configuration as usize % 2],
        _ => [5, 10, 20, 40][configuration as usize % 4],
    };
    // Code 0 is one frame, 1 and 2 are two; 3 says how many in the next byte, and no encoder here makes it.
    let frames = [1, 2, 2, 0][count as usize];
    !stereo && half_ms * frames == 40
}

/// The only codec of version 1.
pub(crate) fn codec() -> wire::Codec {
    wire::Codec {
        kind: wire::CodecKind::Opus as i32,
        sample_rate: SAMPLE_RATE,
        channels: 1,
        frame_ms: FRAME.as_millis() as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_20_ms_of_mono_pass() {
        let check =
            |first: u8, expect| assert_eq!(Packet::new(vec![first, 0]).map(|_| ()), expect, "{first:#x}");
        check(0x48, Ok(())); // wide band SILK, 20 ms
        check(0x58, Err(PacketError::Format)); // the same, 60 ms
        check(0x4c, Err(PacketError::Format)); // stereo
        check(0x41, Ok(())); // two of 10 ms
        check(0xb8, Ok(())); // wide band CELT, 20 ms
        check(0xb0, Err(PacketError::Format)); // 10 ms
        check(0x4b, Err(PacketError::Format)); // any number of frames
        assert_eq!(Packet::new(Bytes::new()), Err(PacketError::Size(0)));
        assert_eq!(Packet::new(vec![0x48; 1277]), Err(PacketError::Size(1277)));
        assert!(Packet::new(vec![0x48; 1276]).is_ok());
    }
}
