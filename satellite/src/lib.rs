//! The part of Sotto that stands in a room, in the order the sound flows.
//!
//! `microphone → preroll → ear → listening → encode → link`, and back: `link → speaker`

pub mod config;

pub mod devices;
pub mod sound;

pub mod microphone;
