//! What the household has decided about its home.

use std::time::Duration;

use super::OwnActions;
use crate::config::{self, Acts, Config};

/// What the household has decided about its home.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The hub's id among others on the same broker: `a–z 0–9 - _`.
    pub id: String,
    /// What people call the hub.
    pub name: String,
    pub acts: Acts,
    /// Whether what lets somebody in must be said twice.
    pub confirm: bool,
    /// How long Home Assistant's answer is awaited.
    pub reply_within: Duration,
    pub own: OwnActions,
    /// Areas and entities that the household wrote down.
    pub written: config::Home,
}

impl Settings {
    /// Reads and checks `[hub]` and `[home]`.
    pub fn read(config: &Config, id: &str) -> Result<Settings, String> {
        let home = &config.home;
        Ok(Settings {
            id: id.to_owned(),
            name: config.hub.name.clone(),
            acts: home.acts,
            confirm: home.confirm,
            reply_within: Duration::from_secs_f64(home.reply_within),
            own: OwnActions::load(&home.actions).map_err(|error| format!("[[home.actions]] {error}"))?,
            written: home.clone(),
        })
    }
}
