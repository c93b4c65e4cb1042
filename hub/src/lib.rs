//! The home server: wiring only, one adapter a file. Each adapter knows its own crate and nothing of its
//! siblings; what a household decides is in `house`.

pub mod config;

pub mod deadlines;
pub mod events;
pub mod explanation;
pub mod follow;
pub mod second_look;
pub mod sentences;
pub mod understanding;
pub mod utterance;

pub mod control;
pub mod satellite_settings;
pub mod satellites;
pub mod updates;
pub mod witnesses;

pub mod own;
pub mod pin;
pub mod voices;

pub mod brought;
pub mod models;
pub mod wishes;

pub mod sessions;

pub mod lately;
pub mod page_name;
pub mod pages;

pub mod doctor;
pub mod metrics;

pub mod broker;
pub mod home;
pub mod obey;
pub mod presence;
pub mod speech_out;
pub mod voice;

pub mod commands;
