//! The part of Sotto that stands in a room, in the order the sound flows.
//!
//! `microphone → preroll → ear → listening → encode → link`, and back: `link → speaker`

pub mod config;

pub mod devices;
pub mod sound;

pub mod microphone;

mod ear;
mod encode;
mod preroll;
mod voice;

pub mod listening;

pub mod panel;
pub mod speaker;

pub use ear::{AUTHOR, Ear, EarError, Noticed};
pub use encode::{CodecError, Decoder, Encoder};

pub mod hub;
pub mod link;
pub mod programs;
pub mod run;
