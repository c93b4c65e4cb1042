//! A recording's sound: Opus packets of 20 ms as the satellite sent them, never decoded to be kept.
//!
//! `packets ⇄ sealed bytes → Ogg Opus for a browser, peaks for a picture`.

use std::fmt;
use std::time::Duration;

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use zeroize::Zeroizing;

/// One packet's time.
pub const PACKET: Duration = Duration::from_millis(20);
/// Longest Opus packet of one frame, in bytes (RFC 6716 section 3.4, R2).
pub const PACKET_LIMIT: usize = 1275;
/// Most packets of one recording: a minute, far longer than any command.
pub const PACKETS_LIMIT: usize = 3000;

/// Opus packets, oldest first, and how many of the first are pre-roll. Wiped on drop; `Debug` prints a size.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) packets: Vec<Zeroizing<Vec<u8>>>,
    pub(crate) pre_roll: u16,
}

/// The first byte of the sealed form; another layout gets another.
const LAYOUT: u8 = 1;

impl Sound {
    pub(crate) fn length(&self) -> Duration {
        PACKET * self.packets.len() as u32
    }

    /// `layout ‖ pre-roll packets (u16) ‖ (length (u16) ‖ packet)…`, little endian.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let size = 3 + self.packets.iter().map(|packet| 2 + packet.len()).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        bytes.push(LAYOUT);
        bytes.extend_from_slice(&self.pre_roll.to_le_bytes());
        for packet in &self.packets {
            bytes.extend_from_slice(&(packet.len() as u16).to_le_bytes());
            bytes.extend_from_slice(packet);
        }
        bytes
    }

    /// `None` for bytes that [`Self::to_bytes`] did not write.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (layout, bytes) = bytes.split_first()?;
        let (pre_roll, mut bytes) = bytes.split_first_chunk::<2>()?;
        if *layout != LAYOUT {
            return None;
        }
        let mut packets = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_le_bytes(*length));
            let (packet, rest) = rest.split_at_checked(length)?;
            if length > PACKET_LIMIT || packets.len() == PACKETS_LIMIT {
                return None;
            }
            packets.push(Zeroizing::new(packet.to_vec()));
            bytes = rest;
        }
        Some(Sound { packets, pre_roll: u16::from_le_bytes(*pre_roll) })
    }

    /// A whole Ogg Opus file (RFC 7845), with the pre-roll's length as the comment `PRE_ROLL_MS`.
    pub(crate) fn to_ogg(&self) -> Zeroizing<Vec<u8>> {
        /// Samples at 48 kHz that a decoder drops at the start: libopus's look-ahead at 16 kHz (RFC 7845 section 4.2).
        const PRE_SKIP: u16 = 312;
        /// A packet's samples at 48 kHz, in which Ogg counts whatever the input's rate was.
        const STEP: u64 = 960;
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend_from_slice(&PRE_SKIP.to_le_bytes());
        head.extend_from_slice(&16_000_u32.to_le_bytes());
        head.extend_from_slice(&[0, 0, 0]);
        let mut tags = b"OpusTags".to_vec();
        let pre_roll = format!("PRE_ROLL_MS={}", u128::from(self.pre_roll) * PACKET.as_millis());
        let vendor = "sotto";
        tags.extend_from_slice(&(vendor.len() as u32).to_le_bytes());
        tags.extend_from_slice(vendor.as_bytes());
        tags.extend_from_slice(&1_u32.to_le_bytes());
        tags.extend_from_slice(&(pre_roll.len() as u32).to_le_bytes());
        tags.extend_from_slice(pre_roll.as_bytes());

        // One stream a file, so that its serial tells nothing.
        const SERIAL: u32 = 1;
        let mut bytes = Zeroizing::new(Vec::new());
        let mut writer = PacketWriter::new(&mut *bytes);
        let last = self.packets.len();
        let mut write = |packet: &[u8], end, granule| {
            // Writing to memory does not fail.
            let _ = writer.write_packet(packet.to_vec(), SERIAL, end, granule);
        };
        write(&head, PacketWriteEndInfo::EndPage, 0);
        write(&tags, if last == 0 { PacketWriteEndInfo::EndStream } else { PacketWriteEndInfo::EndPage }, 0);
        for (index, packet) in self.packets.iter().enumerate() {
            // A page a second, so that a player can seek.
            let end = match index + 1 {
                at if at == last => PacketWriteEndInfo::EndStream,
                at if at % 50 == 0 => PacketWriteEndInfo::EndPage,
                _ => PacketWriteEndInfo::NormalPacket,
            };
            write(packet, end, (index as u64 + 1) * STEP);
        }
        drop(writer);
        bytes
    }

    /// 16 kHz mono samples, for a picture or a training clip. Packets that are no Opus are silence.
    pub(crate) fn to_pcm(&self) -> Zeroizing<Vec<i16>> {
        const FRAME: usize = 320;
        let mut pcm = Zeroizing::new(Vec::with_capacity(self.packets.len() * FRAME));
        let Ok(mut decoder) = opus::Decoder::new(16_000, opus::Channels::Mono) else { return pcm };
        // Room for the longest packet, 120 ms.
        let mut frame = Zeroizing::new([0_i16; 6 * FRAME]);
        for packet in &self.packets {
            let decoded = decoder.decode(packet, frame.as_mut_slice(), false);
            match decoded {
                Ok(samples) => pcm.extend_from_slice(&frame[..samples]),
                Err(_) => pcm.extend_from_slice(&[0; FRAME]),
            }
        }
        pcm
    }

    /// The loudest sample of each of `count` equal stretches, 0 to 255.
    pub(crate) fn peaks(&self, count: usize) -> Vec<u8> {
        let pcm = self.to_pcm();
        let count = count.clamp(1, 4096);
        (0..count)
            .map(|index| {
                let (from, to) = (index * pcm.len() / count, (index + 1) * pcm.len() / count);
                let peak = pcm[from..to].iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
                (peak >> 7).min(255) as u8
            })
            .collect()
    }
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({} packets)", self.packets.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sound_reads_back(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..30),
            pre_roll in any::<u16>(),
        ) {
            let sound = Sound { packets: packets.into_iter().map(Zeroizing::new).collect(), pre_roll };
            prop_assert_eq!(Sound::from_bytes(&sound.to_bytes()), Some(sound));
        }

        #[test]
        fn any_bytes_are_sound_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(sound) = Sound::from_bytes(&bytes) {
                sound.to_ogg();
                prop_assert_eq!(sound.peaks(7).len(), 7);
            }
        }
    }

    #[test]
    fn an_ogg_file_holds_the_packets_as_they_came() {
        let packets: Vec<_> = (0..120_u8).map(|n| Zeroizing::new(vec![n; 30 + usize::from(n)])).collect();
        let sound = Sound { packets: packets.clone(), pre_roll: 25 };
        let ogg = sound.to_ogg();
        let mut reader = ogg::PacketReader::new(std::io::Cursor::new(ogg.as_slice()));
        assert!(reader.read_packet().unwrap().unwrap().data.starts_with(b"OpusHead"));
        let tags = reader.read_packet().unwrap().unwrap().data;
        assert!(String::from_utf8_lossy(&tags).contains("PRE_ROLL_MS=500"));
        for packet in packets {
            assert_eq!(reader.read_packet().unwrap().unwrap().data, *packet);
        }
        assert!(reader.read_packet().unwrap().is_none());
    }
}
