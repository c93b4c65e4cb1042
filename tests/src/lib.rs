//! What the stories in `tests/tests` share: test data, temporary houses, and a listener on the broker.

pub mod audio;
pub mod broker;
pub mod coffee;
pub mod data;
pub mod household;
pub mod lan;
pub mod linked;
pub mod programs;
pub mod relay;
pub mod simulation;
