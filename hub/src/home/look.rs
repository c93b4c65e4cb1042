//! A look at the house without taking part in it: what is announced right now, and how it is.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Message, Presence};
use super::known::KnownHome;
use super::{Address, EXPOSED, FILTERS};
use crate::config;

/// What is retained comes at once; this long after the last of it, all has come.
const QUIET: Duration = Duration::from_millis(700);
/// A house that never stops talking is looked at for so long.
const LONGEST: Duration = Duration::from_secs(10);
/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of the house behind `address`, with what the household wrote down.
pub async fn look(address: Address, written: &config::Home) -> anyhow::Result<KnownHome> {
    let seen = Arc::new(Mutex::new((KnownHome::new(written), Instant::now())));
    let shared = seen.clone();
    let inbox = Box::new(move |connection: &Connection, message: Message| {
        let mut seen = shared.lock().unwrap_or_else(|broken| broken.into_inner());
        let Message { topic, payload, .. } = message;
        let change = match topic.as_str() {
            EXPOSED => seen.0.exposed(&payload),
            _ if topic.ends_with("/config") => seen.0.announced(&topic, &payload),
            _ => {
                seen.0.heard(&topic, &payload);
                return;
            }
        };
        seen.1 = Instant::now();
        change.ignore.iter().for_each(|topic| connection.ignore(topic));
        change.listen.iter().for_each(|topic| connection.listen(topic.as_str()));
    });
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let shown = format!("{address:?}");
    let id = format!("sotto-look-{}", std::process::id());
    let (connection, task) = Connection::open(address, id, Presence::Silent, inbox, stop.clone());
    FILTERS.iter().for_each(|filter| connection.listen(*filter));
    if tokio::time::timeout(PATIENCE, connection.online().wait_for(|online| *online)).await.is_err() {
        bail!("the broker at {shown} does not answer; is it running, and are user and password right?");
    }
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let last = seen.lock().unwrap_or_else(|broken| broken.into_inner()).1.max(began);
        if last.elapsed() > QUIET || began.elapsed() > LONGEST {
            break;
        }
    }
    stop.cancel();
    let _ = task.await;
    drop(connection);
    let mut seen = seen.lock().unwrap_or_else(|broken| broken.into_inner());
    Ok(std::mem::take(&mut seen.0))
}
