//! Where sound comes in: a sound card, a recording heard as if spoken, or standard input. Whatever its
//! rate and channels, what leaves here is frames of 20 ms, 16 kHz, mono.
//!
//! ```text
//! card ─┐
//! file ─┼→ resample → Frame → bounded channel → listening
//! stdin ┘
//! ```
//!
//! The channel holds two seconds. A card never waits for a slow listener: its frames are dropped and
//! counted. A file and standard input do wait, and are paced to the time it takes to speak them.

mod card;
mod pace;
mod recording;
mod resample;
mod stream;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::devices::DeviceError;
use crate::sound::Frame;
pub use recording::read_all;
pub use resample::{RateError, Resampler};

/// Frames between microphone and listener: two seconds.
const WAITING: usize = 100;

/// What a microphone has to say.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is nearly always sound, and a box would be an allocation a frame"
)]
pub enum Heard {
    Sound(Frame),
    /// The card went away or stopped; it is looked for until it returns.
    Lost(String),
    /// The card is back.
    Returned,
    /// The file or standard input has ended; silence follows.
    Ended,
    /// The file or standard input broke off, and nothing more follows.
    Broken(String),
}

#[derive(Debug, thiserror::Error)]
pub enum MicrophoneError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("microphone `{name}` cannot be opened: {cause}")]
    Card { name: String, cause: String },
    #[error("microphone `{name}` has {has} channels, and microphone.channel asks for number {wanted}")]
    Channel { name: String, has: u16, wanted: u32 },
    #[error("cannot read {path}: {cause}; give a .wav or .flac file")]
    Recording { path: String, cause: String },
}

/// An open microphone. Dropping it closes the device.
pub struct Microphone {
    heard: mpsc::Receiver<Heard>,
    overruns: Arc<AtomicU64>,
}

impl Microphone {
    /// Opens `device`: `file:NAME`, `stdin` or `-`, or a sound card by name. `channel` counts from 1.
    pub fn open(device: &str, channel: u32) -> Result<Self, MicrophoneError> {
        let (sender, heard) = mpsc::channel(WAITING);
        let overruns = Arc::new(AtomicU64::new(0));
        if let Some(path) = device.strip_prefix("file:") {
            recording::play(Path::new(path), channel, sender)?;
        } else if matches!(device, "stdin" | "-") {
            stream::listen(std::io::stdin(), sender);
        } else {
            card::listen(device, channel, sender, overruns.clone())?;
        }
        Ok(Self { heard, overruns })
    }

    /// What comes next; `None` once the microphone has closed for good. Safe to cancel.
    pub async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    /// Frames that were lost since it was opened, because the listener or the card was too slow.
    pub fn overruns(&self) -> u64 {
        self.overruns.load(Ordering::Relaxed)
    }
}
