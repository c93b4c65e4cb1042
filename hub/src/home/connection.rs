//! The connection to the broker: made, kept, and made again; and what goes out over it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{LastWill, PublishProperties};
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, PublishOptions};
use sotto_house::Acted;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const STATUS: &str = "sotto/status";
/// Seconds without traffic after which the broker is asked whether it is there.
const KEEP_ALIVE: u16 = 5;
const RETRY: std::ops::RangeInclusive<Duration> = Duration::from_millis(250)..=Duration::from_secs(10);

/// A broker, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Address {
    /// Reads `host`, `host:port` or `[v6]:port`; the port defaults to 1883.
    pub fn parse(text: &str) -> Option<(String, u16)> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':').unwrap_or("1883"))
            }
            None => text.rsplit_once(':').unwrap_or((text, "1883")),
        };
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty() && !host.contains(char::is_whitespace)).then(|| (host.to_owned(), port))
    }
}

/// An intent on its way to whoever carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub intent: String,
    pub payload: serde_json::Value,
}

impl Command {
    /// `sotto/intent/<Intent>`, or `None` when the intent's name cannot stand in a topic.
    fn topic(&self) -> Option<String> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let valid = !self.intent.is_empty() && self.intent.len() <= 200 && self.intent.chars().all(fits);
        valid.then(|| format!("sotto/intent/{}", self.intent))
    }
}

/// The way out to the broker. Cheap to clone.
#[derive(Clone)]
pub struct Home {
    client: Arc<Mutex<Option<AsyncClient>>>,
    online: watch::Receiver<bool>,
}

impl Home {
    /// Connects, and keeps reconnecting, until `stop`.
    pub fn connect(address: Address, id: &str, stop: CancellationToken) -> (Home, JoinHandle<()>) {
        let client = Arc::new(Mutex::new(None));
        let (tell, online) = watch::channel(false);
        let home = Home { client: client.clone(), online };
        let id = format!("sotto-{id}");
        let task = tokio::spawn(async move { stay_connected(address, &id, client, tell, stop).await });
        (home, task)
    }

    pub fn is_online(&self) -> bool {
        *self.online.borrow()
    }

    /// Changes whenever the broker comes or goes.
    pub fn online(&self) -> watch::Receiver<bool> {
        self.online.clone()
    }

    /// Publishes once, QoS 1, not retained; done when the broker has said that it has it.
    pub async fn publish(&self, command: &Command, deadline: Instant) -> Acted {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(topic) = command.topic().filter(|_| !left.is_zero()) else { return Acted::NotReached };
        let client = self.client.lock().unwrap_or_else(|broken| broken.into_inner()).clone();
        let Some(client) = client.filter(|_| self.is_online()) else { return Acted::NotReached };
        // A broker that holds the message for a slow subscriber drops it after the deadline as well.
        let properties = PublishProperties {
            message_expiry_interval: Some(left.as_secs_f64().ceil() as u32),
            content_type: Some("application/json".into()),
            ..PublishProperties::default()
        };
        let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
        let Ok(notice) = client.try_publish_tracked(topic, command.payload.to_string(), options) else {
            return Acted::NotReached;
        };
        match tokio::time::timeout(left, notice.wait_completion_async()).await {
            Ok(Ok(())) => Acted::Published,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the broker did not take a command");
                Acted::NotReached
            }
            Err(_) => Acted::NotReached,
        }
    }
}

async fn stay_connected(
    address: Address,
    id: &str,
    current: Arc<Mutex<Option<AsyncClient>>>,
    online: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let mut pause = *RETRY.start();
    let mut told = false;
    while !stop.is_cancelled() {
        let (client, mut events) = AsyncClient::builder(options(&address, id)).capacity(64).build();
        *current.lock().unwrap_or_else(|broken| broken.into_inner()) = Some(client.clone());
        let error = tokio::select! {
            error = run(&mut events, &client, &online, &mut pause, &mut told) => error,
            () = stop.cancelled() => {
                say_goodbye(&client, &mut events).await;
                break;
            }
        };
        current.lock().unwrap_or_else(|broken| broken.into_inner()).take();
        online.send_replace(false);
        if !told {
            tracing::warn!(broker = ?address, %error, "the broker cannot be reached; trying again");
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(*RETRY.end()),
            () = stop.cancelled() => break,
        }
    }
    current.lock().unwrap_or_else(|broken| broken.into_inner()).take();
    online.send_replace(false);
}

fn options(address: &Address, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, (address.host.clone(), address.port));
    options.set_keep_alive(KEEP_ALIVE).set_clean_start(true).set_connect_timeout(Duration::from_secs(5));
    options.set_last_will(LastWill::new(STATUS, "offline", QoS::AtLeastOnce, true, None));
    if !address.user.is_empty() {
        options.set_credentials(address.user.clone(), address.password.clone());
    }
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    options
}

/// Serves one connection until it breaks.
async fn run(
    events: &mut EventLoop,
    client: &AsyncClient,
    online: &watch::Sender<bool>,
    pause: &mut Duration,
    told: &mut bool,
) -> rumqttc::ConnectionError {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                let retained = PublishOptions::new(QoS::AtLeastOnce).retain(true);
                let _ = client.try_publish(STATUS, "online", retained);
                online.send_replace(true);
                *pause = *RETRY.start();
                if std::mem::take(told) {
                    tracing::info!("the broker is back");
                }
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

async fn say_goodbye(client: &AsyncClient, events: &mut EventLoop) {
    let retained = PublishOptions::new(QoS::AtLeastOnce).retain(true);
    if let Ok(notice) = client.try_publish_tracked(STATUS, "offline", retained) {
        let flushed = async {
            let pump = async { while events.poll().await.is_ok() {} };
            tokio::select! { _ = notice.wait_async() => {}, () = pump => {} }
            let _ = client.try_disconnect();
            while events.poll().await.is_ok() {}
        };
        let _ = tokio::time::timeout(Duration::from_millis(500), flushed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        let check = |text: &str, expect: Option<(&str, u16)>| {
            assert_eq!(Address::parse(text), expect.map(|(h, p)| (h.to_owned(), p)), "{text}");
        };
        check("broker", Some(("broker", 1883)));
        check("broker.lan:8883", Some(("broker.lan", 8883)));
        check("[fe80::1]:1884", Some(("fe80::1", 1884)));
        check("[::1]", Some(("::1", 1883)));
        check("broker:", None);
        check(":1883", None);
        check("broker:99999", None);
        check("broker:0", None);
        check("", None);
    }

    #[test]
    fn an_intent_cannot_leave_its_topic() {
        let check = |intent: &str, fits: bool| {
            let command = Command { intent: intent.into(), payload: serde_json::Value::Null };
            assert_eq!(command.topic().is_some(), fits, "{intent}");
        };
        check("HassTurnOn", true);
        check("Bestelle_Kaffee", true);
        check("", false);
        check("a/b", false);
        check("#", false);
        check("+", false);
        check(&"a".repeat(201), false);
    }
}
