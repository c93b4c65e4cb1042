//! Some commands grow old sooner than others: how long each intent may still be carried out.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sotto_intents::Match;

/// What the household set for single intents; all others have the policy's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deadlines(HashMap<String, Duration>);

impl Deadlines {
    /// From seconds by intent, as the configuration has checked them.
    pub fn new(seconds: &BTreeMap<String, f64>) -> Deadlines {
        Deadlines(seconds.iter().map(|(intent, s)| (intent.clone(), Duration::from_secs_f64(*s))).collect())
    }

    /// The soonest that was set for any of these commands: what was said in one breath is carried out together.
    pub fn of<'a>(&self, commands: impl IntoIterator<Item = &'a Match>) -> Option<Duration> {
        commands.into_iter().filter_map(|command| self.0.get(&command.intent)).min().copied()
    }
}
