//! Keeps a satellite linked: paired or not, online or not, one connection after another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sotto_protocol::{ErrorCode, Identity, Level, Panel};
use tokio::sync::{mpsc, watch};

use super::backoff::{Backoff, luck};
use super::dial::dial;
use super::find::Finder;
use super::session::{Lost, serve};
use super::{FromHub, Line, LinkConfig, Pin, head, interrupted, unpaired};

/// A pairing that cannot be read is looked at again after so long: somebody may be mending it.
const MENDING: Duration = Duration::from_secs(5);

/// From the hub's showing itself to the next try.
const SOON: Duration = Duration::from_millis(50);

/// What the link is made of.
pub struct Parts {
    pub config: LinkConfig,
    pub identity: Identity,
    pub endpoint: quinn::Endpoint,
    pub line: Arc<Line>,
    pub events: mpsc::Sender<FromHub>,
}

/// Keeps the satellite linked for as long as somebody listens.
pub async fn keep(
    parts: Parts,
    mut levels: mpsc::Receiver<Level>,
    mut panel: watch::Receiver<Option<Panel>>,
) {
    parts.line.set_away(Some(Instant::now()));
    tokio::select! {
        () = give_up(&parts) => {}
        () = parts.events.closed() => {}
        () = stay(&parts, &mut levels, &mut panel) => {}
    }
    parts.endpoint.close(quinn::VarInt::from_u32(ErrorCode::None as u32), b"goodbye");
    let _ = tokio::time::timeout(Duration::from_millis(300), parts.endpoint.wait_idle()).await;
}

/// Ends utterances that have waited too long for a hub.
async fn give_up(parts: &Parts) {
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        tick.tick().await;
        for id in parts.line.give_up(Instant::now()) {
            if parts.events.send(interrupted(id)).await.is_err() {
                return;
            }
        }
    }
}

/// Round and round, until nobody listens any more.
async fn stay(parts: &Parts, levels: &mut mpsc::Receiver<Level>, panel: &mut watch::Receiver<Option<Panel>>) {
    let mut finder = None;
    let mut backoff = Backoff::default();
    loop {
        let pin = match Pin::load(&parts.config.data) {
            Ok(Some(pin)) => pin,
            Ok(None) => match unpaired::wait(parts).await {
                Some(pin) => pin,
                None => return,
            },
            Err(error) => {
                let reason = error.to_string();
                if parts.events.send(FromHub::Offline { reason }).await.is_err() {
                    return;
                }
                tokio::time::sleep(MENDING).await;
                continue;
            }
        };
        if finder.is_none() && parts.config.address.is_none() {
            finder = Finder::start().inspect_err(|error| tracing::warn!(%error, "no mDNS here")).ok();
        }
        let known = finder.as_ref().map(|finder| finder.addresses_of(pin.fingerprint));
        let mut held = Duration::ZERO;
        let lost = match dial(parts, &pin, finder.as_ref()).await {
            Ok((connection, address)) => {
                remember(parts, &pin, address);
                let began = Instant::now();
                let lost = serve(parts, connection, &pin, levels, panel).await;
                held = began.elapsed();
                lost
            }
            Err(reason) => Lost::Broken(reason),
        };
        let mut wait = backoff.next(held, luck());
        let reason = match lost {
            Lost::Broken(reason) => reason,
            Lost::Replaced => {
                wait = Duration::from_secs(5).mul_f64(1.0 + luck());
                "another satellite uses the same identity".to_owned()
            }
            Lost::Revoked(reason) => {
                tracing::warn!("the hub has revoked this satellite");
                if let Err(error) = Pin::remove(&parts.config.data) {
                    tracing::error!(%error, "the pairing could not be forgotten");
                }
                head::forget(&parts.config.data);
                backoff = Backoff::default();
                if parts.events.send(FromHub::Revoked { reason }).await.is_err() {
                    return;
                }
                continue;
            }
            Lost::Unwanted => return,
        };
        if parts.events.send(FromHub::Offline { reason }).await.is_err() {
            return;
        }
        // A hub that shows itself, or has moved, is not waited for.
        let moved = async {
            match &mut finder {
                Some(finder) => finder.moved(pin.fingerprint, known.unwrap_or_default()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // Anybody can announce anything: not faster than so.
            () = moved => tokio::time::sleep(SOON).await,
        }
    }
}

/// The hub's address of today is where to look first tomorrow.
fn remember(parts: &Parts, pin: &Pin, address: SocketAddr) {
    let address = address.to_string();
    if pin.address != address {
        let moved = Pin { address, ..pin.clone() };
        if let Err(error) = moved.save(&parts.config.data) {
            tracing::warn!(%error, "the hub's new address is not remembered");
        }
    }
}
