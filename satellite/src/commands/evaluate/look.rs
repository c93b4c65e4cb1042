//! The hub's second look at a wake, on the sound that the hub would have: pre-roll and a little more, through Opus.

use std::time::Duration;

use sotto_satellite::sound::{FRAME, Frame};
use sotto_satellite::{Decoder, Encoder};
use sotto_wake::{AFTER, BEFORE, SAMPLE_RATE, SecondLook, WakeWord};

pub struct Look {
    second: SecondLook,
    encoder: Encoder,
}

impl Look {
    /// With the satellite's own settings of Opus.
    pub fn new(word: WakeWord, bitrate: u32, complexity: u32) -> anyhow::Result<Self> {
        Ok(Self { second: SecondLook::new(word), encoder: Encoder::new(bitrate, complexity)? })
    }

    /// Whether the word detected at sample `at` was said.
    pub fn confirms(&mut self, samples: &[i16], at: u64) -> anyhow::Result<bool> {
        let length = |time: Duration| time.as_millis() as usize * SAMPLE_RATE as usize / 1_000;
        // A satellite hears whole frames.
        let at = (at as usize).next_multiple_of(FRAME);
        let end = samples.len().min(at + length(AFTER));
        let around = &samples[at.saturating_sub(length(BEFORE)).min(end)..end];
        self.encoder.reset()?;
        let mut decoder = Decoder::new()?;
        let mut heard = Vec::with_capacity(around.len());
        for frame in around.as_chunks::<FRAME>().0 {
            let packet = self.encoder.encode(&Frame::from(*frame))?;
            heard.extend_from_slice(decoder.decode(&packet)?.samples());
        }
        Ok(self.second.is_genuine(&heard))
    }
}
