//! What the service manager is told: that the program is ready, that it lives, that it stops (sd_notify(3)).
//!
//! Started by hand there is nobody to tell, and nothing happens.

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;

pub fn ready() {
    tell(&[NotifyState::Ready]);
}

pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says "still alive" twice in each of the unit's `WatchdogSec`. Poll it in the task whose hanging would be the
/// program's: then it falls silent with it, and the program is started anew.
pub async fn alive() -> Infallible {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else {
        return std::future::pending().await;
    };
    let mut beat = tokio::time::interval((patience / 2).max(Duration::from_millis(1)));
    loop {
        beat.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::debug!(%error, "the service manager was not told");
    }
}
