//! The satellite's ear: finds a wake word, and speech, in a stream of sound.
//!
//! `samples → frontend (fft, logarithm) → network (tflite → graph → kernels) → detector → ear → endpoint`
//! `samples → taught (mel → network → words) ────────────────────────────────↗`
//!
//! Runs the small int8 streaming networks of [microWakeWord](https://github.com/kahrendt/microWakeWord)
//! (version 2) with the same arithmetic as TensorFlow, in pure Rust and without allocating while it listens.
//! The hub uses the same crate to look at a wake a second time.
//!
//! Deliberately absent: microphones, networking, storage. Sound that went by is gone.

mod fft;
pub mod frontend;
mod logarithm;

mod error;
mod graph;
mod kernels;
mod model;
mod network;
mod tflite;

pub mod taught;

mod detector;
mod ear;
mod endpoint;
mod second_look;

pub use detector::{REFRACTORY, WakeWord};
pub use ear::{Ear, Heard, Voice};
pub use endpoint::{End, Endpointer, Endpointing};
pub use error::{ModelError, OpenError};
pub use frontend::SAMPLE_RATE;
pub use model::{Found, Model, find_models};
pub use network::Network;
pub use second_look::{AFTER, BEFORE, SecondLook};
