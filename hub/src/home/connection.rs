//! The connection to the broker: made, kept, and made again; what goes out over it and what comes in.
//!
//! Two kinds of message go out. A *command* is said once, before its deadline, or never: each connection begins
//! with an empty client, so nothing is carried over. What *stands* (states, discovery) is retained: it is said
//! again on each connection, always in its newest form, one at a time, so that it never delays a command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{LastWill, PubAckReason, Publish, PublishProperties, SubscribeFilter};
use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions, PublishOptions, PublishResult, Transport,
};
use sotto_house::Acted;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Address;

/// Where hubs say whether one is there.
const STATUS: &str = "sotto/status";
/// Seconds without traffic after which the broker is asked whether it is there.
const KEEP_ALIVE: u16 = 5;
const RETRY: std::ops::RangeInclusive<Duration> = Duration::from_millis(250)..=Duration::from_secs(10);
/// The broker drops what is larger instead of sending it to us (MQTT 5.0, section 3.1.2.11.4).
const LARGEST_PACKET: u32 = 4 * 1024 * 1024;
/// Requests that may wait for the socket; a command waits for room no longer than its deadline.
const WAITING: usize = 64;
/// Filters in one SUBSCRIBE.
const FILTERS_AT_ONCE: usize = 50;

/// Something that arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Bytes,
    /// The broker had kept it: it may be old.
    pub retained: bool,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({}, {} bytes)", self.topic, self.payload.len())
    }
}

/// Takes what arrives; called on the connection's own task, so it must not wait.
pub type Inbox = Box<dyn FnMut(&Connection, Message) + Send>;

/// A message that is said once.
#[derive(Clone, PartialEq)]
pub struct Once {
    pub topic: String,
    pub payload: Bytes,
    pub qos: QoS,
    pub retain: bool,
    /// Where the answer is expected (MQTT 5's response topic).
    pub reply: Option<String>,
}

impl Once {
    /// Not retained, QoS 1.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Once {
        Once {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtLeastOnce,
            retain: false,
            reply: None,
        }
    }
}

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Once({}, {} bytes)", self.topic, self.payload.len())
    }
}

/// What became of a message that was said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub acted: Acted,
    /// The broker knows of someone who listens to that topic.
    pub heard: bool,
}

pub const NOT_SENT: Sent = Sent { acted: Acted::NotReached, heard: false };

/// What a connection says of who holds it: `online`, and by its last will `offline`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// That a hub is there, on the status that all hubs of a broker share.
    Hub,
    /// That this hub is there, on a topic of its own; nothing else goes over it. MQTT allows a connection one will.
    Own(String),
    /// It only looks.
    Silent,
}

impl Presence {
    fn topic(&self) -> Option<&str> {
        match self {
            Presence::Hub => Some(STATUS),
            Presence::Own(topic) => Some(topic),
            Presence::Silent => None,
        }
    }
}

/// The way to the broker. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
    online: watch::Receiver<bool>,
    presence: Presence,
}

#[derive(Default)]
struct Shared {
    client: Mutex<Option<AsyncClient>>,
    standing: Mutex<Standing>,
    more: Notify,
}

/// What must be so on every connection, and what of it the broker has yet to be told.
#[derive(Default)]
struct Standing {
    retained: BTreeMap<String, Bytes>,
    unsaid: BTreeSet<String>,
    filters: BTreeSet<String>,
    unasked: BTreeSet<String>,
    unwanted: BTreeSet<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|broken| broken.into_inner())
}

impl Connection {
    /// Connects as the client `id`, and keeps reconnecting, until `stop`.
    pub fn open(
        address: Address,
        id: String,
        presence: Presence,
        inbox: Inbox,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (tell, online) = watch::channel(false);
        let connection = Connection { shared: Arc::default(), online, presence };
        if let Some(topic) = connection.presence.topic() {
            connection.listen(topic);
        }
        let kept = connection.clone();
        let task = tokio::spawn(async move { kept.stay(address, &id, inbox, tell, stop).await });
        (connection, task)
    }

    pub fn is_online(&self) -> bool {
        *self.online.borrow()
    }

    /// Changes whenever the broker comes or goes.
    pub fn online(&self) -> watch::Receiver<bool> {
        self.online.clone()
    }

    /// Says `message` once; done when the broker has said that it has it, or at the deadline.
    pub async fn send(&self, message: Once, deadline: Instant) -> Sent {
        let left = deadline.saturating_duration_since(Instant::now());
        let client = lock(&self.shared.client).clone().filter(|_| self.is_online() && !left.is_zero());
        let Some(client) = client else { return NOT_SENT };
        // A broker that holds the message for a slow subscriber drops it after the deadline as well.
        let properties = PublishProperties {
            message_expiry_interval: (!message.retain).then_some(left.as_secs_f64().ceil() as u32),
            response_topic: message.reply,
            ..PublishProperties::default()
        };
        let options = PublishOptions::new(message.qos).retain(message.retain).properties(properties);
        let said = async {
            let notice = client.publish_tracked(message.topic, message.payload, options).await.ok()?;
            Some(notice.wait_async().await)
        };
        match tokio::time::timeout(left, said).await {
            Ok(Some(Ok(PublishResult::Qos1(ack)))) => match ack.reason {
                PubAckReason::Success => Sent { acted: Acted::Published, heard: true },
                PubAckReason::NoMatchingSubscribers => Sent { acted: Acted::Published, heard: false },
                reason => {
                    tracing::warn!(?reason, "the broker refused a message; does its access list allow it?");
                    Sent { acted: Acted::Refused, heard: false }
                }
            },
            Ok(Some(Ok(_))) => Sent { acted: Acted::Published, heard: true },
            Ok(Some(Err(error))) => {
                tracing::warn!(%error, "the broker did not take a message");
                NOT_SENT
            }
            Ok(None) | Err(_) => NOT_SENT,
        }
    }

    /// From now on `payload` is what the broker keeps for `topic`; an empty one removes it.
    pub fn stand(&self, topic: impl Into<String>, payload: impl Into<Bytes>) {
        let (topic, payload) = (topic.into(), payload.into());
        let mut standing = lock(&self.shared.standing);
        if standing.retained.get(&topic) == Some(&payload) {
            return;
        }
        standing.retained.insert(topic.clone(), payload);
        standing.unsaid.insert(topic);
        drop(standing);
        self.shared.more.notify_one();
    }

    /// Whether `payload` is what stands for `topic`.
    pub fn stands(&self, topic: &str, payload: &str) -> bool {
        lock(&self.shared.standing).retained.get(topic).is_some_and(|stands| stands == payload)
    }

    fn say_online(&self, client: &AsyncClient) {
        if let Some(topic) = self.presence.topic() {
            let retained = PublishOptions::new(QoS::AtLeastOnce).retain(true);
            let _ = client.try_publish(topic, "online", retained);
        }
    }

    /// Another hub on this broker, or an earlier connection of this one, says that none is there.
    fn is_denied_by(&self, message: &Message) -> bool {
        self.presence.topic() == Some(&message.topic) && &message.payload[..] == b"offline"
    }

    /// Says all that stands under `prefix` again: somebody has come who may have missed it.
    pub fn stand_again(&self, prefix: &str) {
        let mut standing = lock(&self.shared.standing);
        let again: Vec<String> =
            standing.retained.keys().filter(|topic| topic.starts_with(prefix)).cloned().collect();
        standing.unsaid.extend(again);
        drop(standing);
        self.shared.more.notify_one();
    }

    /// From now on what matches `filter` arrives in the inbox.
    pub fn listen(&self, filter: impl Into<String>) {
        let filter = filter.into();
        let mut standing = lock(&self.shared.standing);
        standing.unwanted.remove(&filter);
        if standing.filters.insert(filter.clone()) {
            standing.unasked.insert(filter);
            drop(standing);
            self.shared.more.notify_one();
        }
    }

    /// `filter` is of no interest any more.
    pub fn ignore(&self, filter: &str) {
        let mut standing = lock(&self.shared.standing);
        standing.unasked.remove(filter);
        if standing.filters.remove(filter) {
            standing.unwanted.insert(filter.to_owned());
            drop(standing);
            self.shared.more.notify_one();
        }
    }

    fn is_beside(&self) -> bool {
        matches!(self.presence, Presence::Own(_))
    }

    async fn stay(
        self,
        address: Address,
        id: &str,
        mut inbox: Inbox,
        tell: watch::Sender<bool>,
        stop: CancellationToken,
    ) {
        let mut pause = *RETRY.start();
        let mut told = false;
        while !stop.is_cancelled() {
            let found = tokio::select! {
                found = address.found() => found,
                () = stop.cancelled() => break,
            };
            let error = match found {
                Err(error) => error,
                Ok(found) => {
                    let options = options(&found, id, &self.presence);
                    let (client, mut events) = AsyncClient::builder(options).capacity(WAITING).build();
                    *lock(&self.shared.client) = Some(client.clone());
                    let error = tokio::select! {
                        error = self.serve(&mut events, &client, &mut inbox, &tell, &mut pause, &mut told) => error,
                        () = stop.cancelled() => {
                            if let Some(topic) = self.presence.topic() {
                                say_goodbye(topic, &client, &mut events).await;
                            }
                            break;
                        }
                    };
                    lock(&self.shared.client).take();
                    tell.send_replace(false);
                    error.into()
                }
            };
            // Of two connections to one broker one is enough to tell.
            if !std::mem::replace(&mut told, true) && !self.is_beside() {
                tracing::warn!(broker = ?address, %error, "the broker cannot be reached; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(*RETRY.end()),
                () = stop.cancelled() => break,
            }
        }
        lock(&self.shared.client).take();
        tell.send_replace(false);
    }

    /// Serves one connection until it breaks.
    async fn serve(
        &self,
        events: &mut EventLoop,
        client: &AsyncClient,
        inbox: &mut Inbox,
        tell: &watch::Sender<bool>,
        pause: &mut Duration,
        told: &mut bool,
    ) -> rumqttc::ConnectionError {
        let polling = async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                        self.say_online(client);
                        self.begin_anew();
                        tell.send_replace(true);
                        *pause = *RETRY.start();
                        if std::mem::take(told) && !self.is_beside() {
                            tracing::info!("the broker is back");
                        }
                    }
                    Ok(Event::Incoming(Incoming::Publish(publish))) => {
                        if let Some(message) = read(publish) {
                            if self.is_denied_by(&message) {
                                self.say_online(client);
                            } else {
                                inbox(self, message);
                            }
                        }
                    }
                    Ok(_) => {}
                    Err(error) => break error,
                }
            }
        };
        tokio::select! {
            error = polling => error,
            error = self.say_what_stands(client) => error,
        }
    }

    /// A new connection knows nothing yet of what stands.
    fn begin_anew(&self) {
        let mut standing = lock(&self.shared.standing);
        standing.retained.retain(|_, payload| !payload.is_empty());
        standing.unsaid = standing.retained.keys().cloned().collect();
        standing.unasked = standing.filters.clone();
        standing.unwanted.clear();
        drop(standing);
        self.shared.more.notify_one();
    }

    /// Tells the broker, one by one, what it has yet to be told. Never returns.
    async fn say_what_stands<Never>(&self, client: &AsyncClient) -> Never {
        loop {
            while let Some(next) = self.next_to_say() {
                match next {
                    Next::Listen(filters) => {
                        let filters =
                            filters.into_iter().map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce));
                        if let Ok(notice) = client.subscribe_many_tracked(filters).await
                            && let Err(error) = notice.wait_completion_async().await
                        {
                            tracing::warn!(%error, "the broker refused a subscription");
                        }
                    }
                    Next::Ignore(filter) => drop(client.unsubscribe(filter).await),
                    Next::Stand(topic, payload) => {
                        let retained = PublishOptions::new(QoS::AtLeastOnce).retain(true);
                        if let Ok(notice) = client.publish_tracked(topic, payload, retained).await
                            && let Err(error) = notice.wait_completion_async().await
                        {
                            tracing::warn!(%error, "the broker did not take a state");
                        }
                    }
                }
            }
            self.shared.more.notified().await;
        }
    }

    fn next_to_say(&self) -> Option<Next> {
        if !self.is_online() {
            return None;
        }
        let mut standing = lock(&self.shared.standing);
        if !standing.unasked.is_empty() {
            let rest = standing.unasked.iter().nth(FILTERS_AT_ONCE).cloned();
            let rest = rest.map(|first| standing.unasked.split_off(&first)).unwrap_or_default();
            let now = std::mem::replace(&mut standing.unasked, rest);
            return Some(Next::Listen(now.into_iter().collect()));
        }
        if let Some(filter) = standing.unwanted.pop_first() {
            return Some(Next::Ignore(filter));
        }
        let topic = standing.unsaid.pop_first()?;
        let payload = standing.retained.get(&topic).cloned().unwrap_or_default();
        Some(Next::Stand(topic, payload))
    }
}

enum Next {
    Listen(Vec<String>),
    Ignore(String),
    Stand(String, Bytes),
}

fn read(publish: Publish) -> Option<Message> {
    let topic = String::from_utf8(publish.topic.to_vec()).ok()?;
    Some(Message { topic, payload: publish.payload, retained: publish.retain })
}

fn options(address: &Address, id: &str, presence: &Presence) -> MqttOptions {
    let mut options = MqttOptions::new(id, (address.host.clone(), address.port));
    options.set_keep_alive(KEEP_ALIVE).set_clean_start(true).set_connect_timeout(Duration::from_secs(5));
    options.set_max_packet_size(Some(LARGEST_PACKET));
    if let Some(topic) = presence.topic() {
        options.set_last_will(LastWill::new(topic, "offline", QoS::AtLeastOnce, true, None));
    }
    if !address.user.is_empty() {
        options.set_credentials(address.user.clone(), address.password.clone());
    }
    if let Some(tls) = &address.tls {
        options.set_transport(Transport::Tls(tls.configuration()));
    }
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    options
}

async fn say_goodbye(topic: &str, client: &AsyncClient, events: &mut EventLoop) {
    let retained = PublishOptions::new(QoS::AtLeastOnce).retain(true);
    if let Ok(notice) = client.try_publish_tracked(topic, "offline", retained) {
        let flushed = async {
            let pump = async { while events.poll().await.is_ok() {} };
            tokio::select! { _ = notice.wait_async() => {}, () = pump => {} }
            let _ = client.try_disconnect();
            while events.poll().await.is_ok() {}
        };
        let _ = tokio::time::timeout(Duration::from_millis(500), flushed).await;
    }
}
