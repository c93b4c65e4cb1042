//! The home: intents become light, over MQTT 5, with and without Home Assistant.
//!
//! While the broker is away nothing is queued: every connection begins with an empty client, so that a command
//! that could not be published is gone, and never fires late. Words do not go out; intent and slots do.

mod connection;
mod payload;

pub use connection::{Address, Command, Home};
pub use payload::{Spoken, reply_topic};
