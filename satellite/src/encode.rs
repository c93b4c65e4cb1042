//! Frames to Opus packets and back (RFC 6716): 20 ms, 16 kHz, mono.

use opus::{Application, Bitrate, Channels, Signal};
use sotto_protocol::Packet;

use crate::sound::{FRAME, Frame, RATE};

/// The largest packet an encoder may write; 24 kb/s makes about 60 bytes.
const LARGEST: usize = 1275;

#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("Opus cannot be set up: {0}; is the configuration's [opus] right?")]
    SetUp(opus::Error),
    #[error("Opus could not encode a frame: {0}")]
    Encode(String),
    #[error("a packet that Opus cannot decode: {0}")]
    Decode(opus::Error),
}

pub struct Encoder(opus::Encoder);

impl Encoder {
    /// `bitrate` in bits a second, `complexity` from 0 to 10.
    pub fn new(bitrate: u32, complexity: u32) -> Result<Self, CodecError> {
        let set_up = || {
            let mut encoder = opus::Encoder::new(RATE as u32, Channels::Mono, Application::Voip)?;
            encoder.set_bitrate(Bitrate::Bits(bitrate as i32))?;
            encoder.set_complexity(complexity as i32)?;
            encoder.set_signal(Signal::Voice)?;
            Ok(encoder)
        };
        set_up().map(Self).map_err(CodecError::SetUp)
    }

    pub fn encode(&mut self, frame: &Frame) -> Result<Packet, CodecError> {
        let mut packet = [0; LARGEST];
        let length =
            self.0.encode(frame.samples(), &mut packet).map_err(|e| CodecError::Encode(e.to_string()))?;
        Packet::new(packet[..length].to_vec()).map_err(|e| CodecError::Encode(e.to_string()))
    }

    /// Starts a new utterance: nothing of the last one is in its packets.
    pub fn reset(&mut self) -> Result<(), CodecError> {
        self.0.reset_state().map_err(CodecError::SetUp)
    }
}

pub struct Decoder(opus::Decoder);

impl Decoder {
    pub fn new() -> Result<Self, CodecError> {
        opus::Decoder::new(RATE as u32, Channels::Mono).map(Self).map_err(CodecError::SetUp)
    }

    pub fn decode(&mut self, packet: &Packet) -> Result<Frame, CodecError> {
        let mut samples = [0; FRAME];
        self.0.decode(packet.bytes(), &mut samples, false).map_err(CodecError::Decode)?;
        Ok(samples.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frame: usize) -> Frame {
        let sample = |i| (8_000.0 * (std::f32::consts::TAU * 440.0 * i as f32 / RATE as f32).sin()) as i16;
        Frame::from(std::array::from_fn(|i| sample(frame * FRAME + i)))
    }

    #[test]
    fn what_goes_in_comes_out_at_the_rate_that_was_asked_for() {
        for (bitrate, complexity) in [(16_000, 0), (24_000, 5), (32_000, 10)] {
            let (mut encoder, mut decoder) =
                (Encoder::new(bitrate, complexity).unwrap(), Decoder::new().unwrap());
            let (mut bytes, mut level) = (0, 0.0);
            for i in 0..100 {
                let packet = encoder.encode(&tone(i)).unwrap();
                bytes += packet.bytes().len();
                level = decoder.decode(&packet).unwrap().dbfs();
            }
            let rate = bytes as u32 * 8 / 2;
            assert!(rate > bitrate / 3 && rate < bitrate * 5 / 4, "{rate} b/s for {bitrate}");
            assert!((level - tone(99).dbfs()).abs() < 1.5, "{level} dB");
        }
    }

    #[test]
    fn a_new_utterance_remembers_nothing() {
        let mut encoder = Encoder::new(24_000, 5).unwrap();
        let first: Vec<_> = (0..5).map(|i| encoder.encode(&tone(i)).unwrap()).collect();
        encoder.reset().unwrap();
        let second: Vec<_> = (0..5).map(|i| encoder.encode(&tone(i)).unwrap()).collect();
        assert_eq!(first, second);
    }
}
