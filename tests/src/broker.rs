//! A listener on the broker, independent of the hub's own MQTT code paths.

use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, PublishOptions};
use sotto_hub::home::Address;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// One message as a subscriber sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    pub retain: bool,
}

/// Everything that arrives on a broker, from the moment [`Listener::on`] returns.
pub struct Listener {
    messages: mpsc::UnboundedReceiver<Message>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Subscribes to `filter` and waits until the broker has confirmed it.
    pub async fn on(address: &Address, filter: &str) -> Listener {
        let mut id = [0u8; 8];
        getrandom::fill(&mut id).expect("random numbers");
        let mut options = MqttOptions::new(
            format!("listener-{:x}", u64::from_ne_bytes(id)),
            (address.host.clone(), address.port),
        );
        options.set_credentials(address.user.clone(), address.password.clone());
        let (client, mut events) = AsyncClient::builder(options).capacity(8).build();
        client.subscribe(filter, QoS::AtLeastOnce).await.expect("the request fits the channel");
        let (tell, messages) = mpsc::unbounded_channel();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ready = Some(ready);
            let _client = client;
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Incoming::Publish(publish))) => {
                        let message = Message {
                            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                            payload: String::from_utf8_lossy(&publish.payload).into_owned(),
                            retain: publish.retain,
                        };
                        if tell.send(message).is_err() {
                            return;
                        }
                    }
                    Ok(Event::Incoming(Incoming::SubAck(_))) => {
                        if let Some(ready) = ready.take() {
                            let _ = ready.send(());
                        }
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        is_ready.await.expect("the broker confirms the subscription");
        Listener { messages, task }
    }

    /// The next message, or `None` if none comes within a time that only a failure needs.
    pub async fn next(&mut self) -> Option<Message> {
        tokio::time::timeout(Duration::from_secs(20), self.messages.recv()).await.ok().flatten()
    }

    /// The next message whose topic begins with `prefix`.
    pub async fn next_on(&mut self, prefix: &str) -> Option<Message> {
        loop {
            let message = self.next().await?;
            if message.topic.starts_with(prefix) {
                return Some(message);
            }
        }
    }

    /// What has arrived so far.
    pub fn so_far(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).collect()
    }
}

/// Says one thing to a broker, and returns when it has it.
pub async fn say(address: &Address, topic: &str, payload: &str) {
    publish(address, topic, payload, false).await;
}

/// The same, of something that the broker keeps; an empty payload removes it.
pub async fn keep(address: &Address, topic: &str, payload: &str) {
    publish(address, topic, payload, true).await;
}

async fn publish(address: &Address, topic: &str, payload: &str, retain: bool) {
    let mut options = MqttOptions::new("somebody", (address.host.clone(), address.port));
    options.set_credentials(address.user.clone(), address.password.clone());
    let (client, mut events) = AsyncClient::builder(options).capacity(8).build();
    let polling = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let options = PublishOptions::new(QoS::AtLeastOnce).retain(retain);
    let notice = client.publish_tracked(topic, payload.to_owned(), options).await.expect("room for it");
    notice.wait_completion_async().await.expect("the broker takes it");
    polling.abort();
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
