//! Without Home Assistant: what announces itself on the broker can be named, commanded and asked.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, MqttOptions, PublishOptions};
use serde_json::{Map, Value, json};
use sotto_house::{Acted, Area, SatelliteId, UtteranceId};
use sotto_hub::broker::Broker;
use sotto_hub::config::Config;
use sotto_hub::home::{Address, Answer, Home, Refusal, Request, Settings, Spoken};
use sotto_tests::broker::Listener;
use sotto_tests::data;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A broker, a hub on it, and a device's own connection.
struct House {
    _data: tempfile::TempDir,
    broker: Broker,
    address: Address,
    home: Home,
    requests: mpsc::Receiver<Request>,
    device: AsyncClient,
    stop: CancellationToken,
}

impl House {
    /// `None` where there is no mosquitto.
    async fn open(story: &str, configuration: &str) -> Option<House> {
        if !data::has_program("mosquitto", story) {
            return None;
        }
        let data = tempfile::tempdir().unwrap();
        let broker = Broker::start(data.path(), 0).await.unwrap();
        let address = broker.address().unwrap();
        let stop = CancellationToken::new();
        let config = Config::parse(configuration, "hub.toml").unwrap();
        let settings = Settings::read(&config, "test").unwrap();
        let (home, requests, _) = Home::open(address.clone(), settings, stop.clone());
        let mut online = home.online();
        tokio::time::timeout(Duration::from_secs(20), online.wait_for(|now| *now)).await.unwrap().unwrap();
        let device = device(&address);
        Some(House { _data: data, broker, address, home, requests, device, stop })
    }

    async fn publish(&self, topic: &str, payload: impl Into<bytes::Bytes>, retain: bool) {
        let options = PublishOptions::new(QoS::AtLeastOnce).retain(retain);
        let notice = self.device.publish_tracked(topic, payload.into(), options).await.unwrap();
        notice.wait_completion_async().await.unwrap();
    }

    /// A device announces itself, and says how it is once the hub listens.
    async fn announce(&self, topic: &str, config: Value, state: Option<(&str, &str)>) {
        let mut names = self.home.names();
        names.mark_unchanged();
        self.publish(&format!("homeassistant/{topic}/config"), config.to_string(), true).await;
        tokio::time::timeout(Duration::from_secs(20), names.changed()).await.unwrap().unwrap();
        if let Some((topic, payload)) = state {
            self.publish(topic, payload.to_owned(), true).await;
        }
    }

    async fn say(&self, number: u8, intent: &str, slots: Value) -> Answer {
        let Value::Object(slots) = slots else { panic!("slots are an object") };
        self.home.carry_out(&spoken(number, intent, slots), Instant::now() + Duration::from_secs(5)).await
    }

    async fn close(self) {
        self.stop.cancel();
        self.broker.stop().await;
    }
}

fn device(address: &Address) -> AsyncClient {
    let mut options = MqttOptions::new("device", (address.host.clone(), address.port));
    options.set_credentials(address.user.clone(), address.password.clone());
    options.set_max_packet_size(Some(8 * 1024 * 1024));
    let (client, mut events) = AsyncClient::builder(options).capacity(8).build();
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    client
}

fn spoken(number: u8, intent: &str, slots: Map<String, Value>) -> Spoken {
    Spoken {
        utterance: UtteranceId::from_bytes([number; 16]),
        intent: intent.into(),
        slots,
        satellite: SatelliteId::new("kitchen").unwrap(),
        area: Area::new("Kitchen").ok(),
        person: None,
        confidence: 1.0,
        language: "en".into(),
        spoken_at: Timestamp::now(),
        deadline: Duration::from_secs(5),
        words: None,
        vouched: false,
    }
}

fn said(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Waits until `so`; the broker's own confirmation is not the hub's having read it.
async fn until(home: &Home, so: impl Fn(&sotto_hub::home::KnownHome) -> bool) {
    for _ in 0..2000 {
        if home.known(&so) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lamp_is_switched_and_a_door_is_asked() {
    let Some(house) = House::open("things on the broker obey", "").await else { return };
    let mut listener = Listener::on(&house.address, "#").await;
    let lamp = json!({
        "name": null, "schema": "json", "brightness": true, "brightness_scale": 254,
        "command_topic": "zigbee2mqtt/kitchen_lamp/set", "state_topic": "zigbee2mqtt/kitchen_lamp",
        "device": {"name": "kitchen_lamp", "identifiers": ["a"], "suggested_area": "Kitchen"}
    });
    house.announce("light/a/light", lamp, Some(("zigbee2mqtt/kitchen_lamp", r#"{"state":"OFF"}"#))).await;
    let door = json!({"~": "garage", "name": "Garage door", "stat_t": "~/door", "cmd_t": "~/door/set",
                      "dev_cla": "garage", "dev": {"ids": "b"}});
    house.announce("cover/b", door, Some(("garage/door", "open"))).await;
    until(&house.home, |known| known.things().iter().all(|thing| thing.state().is_some())).await;
    let _plays_the_lamp = Listener::on(&house.address, "zigbee2mqtt/+/set").await;

    let answer = house.say(1, "HassTurnOn", json!({"name": "kitchen lamp"})).await;
    assert_eq!(answer, Answer { acted: Acted::Published, speech: None });
    let command = listener.next_on("zigbee2mqtt/kitchen_lamp/set").await.unwrap();
    assert_eq!((command.payload.as_str(), command.retain), (r#"{"state":"ON"}"#, false));
    let told = listener.next_on("sotto/intent/HassTurnOn").await.unwrap();
    let told: Value = serde_json::from_str(&told.payload).unwrap();
    assert_eq!(told["carried_out_by"], "hub");
    assert_eq!(told["slots"]["name"], "kitchen lamp");
    assert_eq!(told["words"], Value::Null);

    let answer = house.say(2, "HassLightSet", json!({"brightness": 50})).await;
    assert_eq!(answer.acted, Acted::Published, "the lights of the speaker's area");
    let command = listener.next_on("zigbee2mqtt/kitchen_lamp/set").await.unwrap();
    assert_eq!(command.payload, r#"{"brightness":127,"state":"ON"}"#);

    let answer = house.say(3, "HassGetState", json!({"name": "garage door", "state": "open"})).await;
    assert_eq!(answer.speech, said("Yes. Garage door is open."));

    // What lets somebody in wants to be said twice; the same utterance is never carried out twice.
    let answer = house.say(4, "HassTurnOn", json!({"name": "garage door"})).await;
    assert_eq!(answer.acted, Acted::Refused);
    assert_eq!(house.say(4, "HassTurnOn", json!({"name": "garage door"})).await.acted, Acted::Refused);
    // Nobody listens to the door's topic, and the broker knows it.
    let answer = house.say(5, "HassTurnOn", json!({"name": "garage door"})).await;
    assert_eq!(answer.acted, Acted::Published, "this story's listener hears everything");
    assert_eq!(listener.next_on("garage/door/set").await.unwrap().payload, "OPEN");
    assert_eq!(house.say(1, "HassTurnOn", json!({"name": "kitchen lamp"})).await.acted, Acted::Refused);

    // A lamp that went dark is told of, and one that is gone is not known any more.
    drop(listener);
    house.publish("homeassistant/light/a/light/config", "", true).await;
    until(&house.home, |known| known.things().len() == 1).await;
    let answer = house.say(6, "HassTurnOn", json!({"name": "kitchen lamp"})).await;
    assert_eq!(answer.speech, said("Nothing in the house does that yet."));
    house.say(7, "HassTurnOn", json!({"name": "garage door"})).await;
    let answer = house.say(8, "HassTurnOn", json!({"name": "garage door"})).await;
    assert_eq!(answer, Answer { acted: Acted::NotReached, speech: said("It does not answer.") });
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_home_assistant_each_command_is_carried_out_once() {
    let Some(house) = House::open("each command is carried out once", "").await else { return };
    let lamp = json!({"name": "Kitchen lamp", "cmd_t": "lamp/set", "dev": {"sa": "Kitchen"}});
    house.announce("light/a", lamp, None).await;
    let exposed = json!({
        "areas": [{"name": "Lounge", "floor": "Ground floor"}],
        "entities": [{"id": "light.kitchen_lamp", "name": "Kitchen lamp", "area": "Kitchen"},
                     {"id": "media_player.tv", "name": "Television", "area": "Lounge"}]
    });
    house.publish("sotto/home/exposed", exposed.to_string(), true).await;
    until(&house.home, |known| known.has_home_assistant()).await;
    let names = house.home.known(sotto_hub::home::names);
    assert_eq!(names.entities.len(), 2, "a thing that both speak of is one");
    assert!(names.areas.iter().any(|area| area.name == "Lounge" && area.floor.is_some()));

    // Home Assistant, as its package would answer.
    let mut intents = Listener::on(&house.address, "sotto/intent/+").await;
    let mut lamp = Listener::on(&house.address, "lamp/set").await;
    let answers = async {
        let told: Value = serde_json::from_str(&intents.next().await.unwrap().payload).unwrap();
        assert_eq!(told["carried_out_by"], "home-assistant");
        let reply = json!({"outcome": "done", "speech": "The lamp is on"});
        house.publish(told["reply"].as_str().unwrap(), reply.to_string(), false).await;
    };
    let (answer, ()) = tokio::join!(house.say(1, "HassTurnOn", json!({"name": "kitchen lamp"})), answers);
    assert_eq!(answer, Answer { acted: Acted::Published, speech: said("The lamp is on") });
    assert!(lamp.so_far().is_empty(), "the hub left it to Home Assistant");

    // It takes its list back, and the hub acts itself.
    house.publish("sotto/home/exposed", "", true).await;
    until(&house.home, |known| !known.has_home_assistant()).await;
    assert_eq!(house.say(2, "HassTurnOn", json!({"name": "kitchen lamp"})).await.acted, Acted::Published);
    assert_eq!(lamp.next().await.unwrap().payload, "ON");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_action_waits_for_its_answer() {
    let configuration = r#"
        [[home.actions]]
        intent = "OrderCoffee"
        topic = "coffee/{{ slots.size }}"
        payload = '{{ satellite }}'
        reply = "coffee/said"
        reply_within = 0.3
    "#;
    let Some(house) = House::open("an own action", configuration).await else { return };
    let mut coffee = Listener::on(&house.address, "coffee/large").await;
    let machine = async {
        assert_eq!(coffee.next().await.unwrap().payload, "kitchen");
        house.publish("coffee/said", r#"{"outcome": "refused", "speech": "No beans"}"#, false).await;
    };
    let (answer, ()) = tokio::join!(house.say(1, "OrderCoffee", json!({"size": "large"})), machine);
    assert_eq!(answer, Answer { acted: Acted::Refused, speech: said("No beans") });
    let answer = house.say(2, "OrderCoffee", json!({"size": "large"})).await;
    assert_eq!(answer, Answer { acted: Acted::NotReached, speech: said("It does not answer.") });
    assert_eq!(house.say(3, "OrderCoffee", json!({"size": "#"})).await.acted, Acted::Refused);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_or_too_much_stops_nothing() {
    let Some(mut house) = House::open("bad input on the broker", "").await else { return };
    for (topic, payload) in [
        ("light/x", "{nope".to_owned()),
        ("light/y", r#"{"cmd_t": "a/#"}"#.to_owned()),
        ("light/z", r#"{"cmd_t": "a", "val_tpl": "{{"}"#.to_owned()),
        ("light/huge", "x".repeat(1024 * 1024)),
    ] {
        house.publish(&format!("homeassistant/{topic}/config"), payload, true).await;
    }
    // A flood of requests, and one that makes no sense.
    house.publish("sotto/satellite/kitchen/volume/set", "loud", false).await;
    for n in 0..200 {
        house.publish("sotto/satellite/kitchen/volume/set", (n % 100).to_string(), false).await;
    }
    house.announce("switch/s", json!({"name": "Pump", "cmd_t": "pump/set"}), None).await;
    let refused = house.home.known(|known| known.refused().clone());
    let expect =
        [(Refusal::TooLarge, 1), (Refusal::NotJson, 1), (Refusal::Wildcard, 1), (Refusal::Template, 1)];
    assert_eq!(refused.into_iter().collect::<Vec<_>>(), expect);
    assert_eq!(house.home.unread(), 200 - 64);
    let first = house.requests.recv().await.unwrap();
    assert_eq!(first, Request::Volume { satellite: SatelliteId::new("kitchen").unwrap(), percent: 0 });
    let _pump = Listener::on(&house.address, "pump/set").await;
    assert_eq!(house.say(1, "HassTurnOn", json!({"name": "pump"})).await.acted, Acted::Published);
    house.close().await;
}
