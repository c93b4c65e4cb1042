//! What the running hub knows of its own condition, for `sotto-hub doctor`: asked over the control socket.
//!
//! Numbers and names of parts. Deliberately absent: anything that was said, by whom, and where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sotto_hearing::Engine;

use crate::control::Answer;
use crate::home::Home;
use crate::lately::Lately;
use crate::satellites::SatellitesHandle;

/// How long each satellite's microphone is listened to, as levels alone.
pub const LISTEN: Duration = Duration::from_millis(2500);

#[derive(Clone)]
pub struct Condition {
    pub satellites: SatellitesHandle,
    pub lately: Arc<Lately>,
    pub home: Home,
    pub broker: String,
    /// Where the page is served.
    pub page: SocketAddr,
    pub engine: Arc<dyn Engine>,
}

/// For [`Control::answering`](crate::control::Control::answering).
pub fn answers(condition: Condition) -> impl Fn(String, Value) -> Answer + Send + Sync + 'static {
    move |ask, _| {
        let condition = condition.clone();
        Box::pin(async move { if ask == "condition" { Some(Ok(condition.look().await)) } else { None } })
    }
}

impl Condition {
    async fn look(&self) -> Value {
        let since = SystemTime::now();
        let listed = self.satellites.list();
        for listed in listed.iter().filter(|listed| listed.connected.is_some()) {
            self.satellites.watch_level(&listed.paired.id, LISTEN);
        }
        if listed.iter().any(|listed| listed.connected.is_some()) {
            tokio::time::sleep(LISTEN + Duration::from_millis(300)).await;
        }
        let satellites: Vec<Value> = listed
            .iter()
            .map(|listed| {
                json!({
                    "name": listed.paired.name,
                    "connected": listed.connected.is_some(),
                    "software": listed.connected.as_ref().map(|connected| connected.software.clone()),
                    "levels": self.lately.levels(&listed.paired.id, since),
                })
            })
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "satellites": satellites,
            "broker": self.broker,
            "page": self.page.to_string(),
            "broker_up": self.home.is_online(),
            "engine": self.engine.name(),
            "model": self.engine.model(),
            "port": self.satellites.address().map(|address| address.port()).ok(),
        })
    }
}
