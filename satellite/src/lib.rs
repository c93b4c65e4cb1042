//! The part of Sotto that stands in a room, in the order the sound flows.

pub mod config;
pub mod sound;
