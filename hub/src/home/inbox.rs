//! What arrives on the broker: answers, requests, devices and their states, and Home Assistant's coming.

use std::collections::{HashMap, VecDeque};

use sotto_house::{SatelliteId, UtteranceId};
use tokio::sync::{mpsc, oneshot, watch};

use super::answer::{Answer, reply};
use super::connection::{Connection, Message};
use super::devices::{self, Request};
use super::{BIRTH, EXPOSED, KnownHome, OwnActions, confirm};
use crate::config;

/// What the connection's task and whoever acts share.
pub struct Inside {
    pub known: KnownHome,
    /// What the household wrote down of it.
    pub written: config::Home,
    /// Actions that stand next to sentences; those of the configuration come first.
    pub beside: OwnActions,
    pub confirmations: confirm::Confirmations,
    /// Who waits for an answer, by topic.
    pub waiting: HashMap<String, oneshot::Sender<Answer>>,
    pub done: VecDeque<UtteranceId>,
    pub unread: u64,
    /// Satellites that are paired, so at most a house full.
    pub false_wakes: HashMap<SatelliteId, u64>,
}

/// Takes what arrived on the broker. Quick: the connection waits for it.
pub fn arrived(
    connection: &Connection,
    inside: &mut Inside,
    ask: &mpsc::Sender<Request>,
    renamed: &watch::Sender<u64>,
    message: Message,
) {
    let Message { topic, payload, retained } = message;
    if let Some(waiter) = inside.waiting.remove(&topic) {
        if !retained {
            let _ = waiter.send(reply(&payload));
        }
        return;
    }
    let change = match topic.as_str() {
        BIRTH => {
            inside.known.assistant_said(&payload);
            // Home Assistant has come back, and may have missed what stands.
            if !retained && &payload[..] == b"online" {
                connection.stand_again("homeassistant/");
                connection.stand_again("sotto/satellite/");
                connection.stand_again("sotto/hub/");
            }
            return;
        }
        EXPOSED => inside.known.exposed(&payload),
        _ if topic.starts_with("homeassistant/") && topic.ends_with("/config") => {
            inside.known.announced(&topic, &payload)
        }
        _ if topic.starts_with("sotto/") => {
            // What was asked once must not be done again at each connection.
            if let Some(request) = devices::request(&topic, &payload).filter(|_| !retained)
                && ask.try_send(request).is_err()
                && !ask.is_closed()
            {
                inside.unread += 1;
            }
            return;
        }
        _ => {
            inside.known.heard(&topic, &payload);
            return;
        }
    };
    change.ignore.iter().for_each(|topic| connection.ignore(topic));
    change.listen.iter().for_each(|topic| connection.listen(topic.as_str()));
    if change.names {
        renamed.send_modify(|version| *version += 1);
    }
}
