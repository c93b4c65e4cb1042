//! What stands on the broker for hub and satellites: it survives the broker, and goes when a satellite does.

use serde_json::{Map, Value};
use sotto_house::{Area, Outcome, SatelliteId};
use sotto_hub::broker::{self, Broker};
use sotto_hub::config::Config;
use sotto_hub::home::{Activity, Address, Heard, Home, HubState, SatelliteDevice, SatelliteState, Settings};
use sotto_tests::broker::Listener;
use sotto_tests::data;
use sotto_tests::programs::{Running, program};
use tokio_util::sync::CancellationToken;

fn kitchen() -> SatelliteDevice {
    SatelliteDevice {
        id: SatelliteId::new("kitchen").unwrap(),
        name: "Kitchen satellite".into(),
        area: Area::new("Kitchen").ok(),
        version: "0.1.0".into(),
        wake_words: Some(vec!["okay_nabu".into()]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stands_on_every_broker_and_goes_when_it_is_revoked() {
    if !data::has_program("mosquitto", "a satellite is a device") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let broker = Broker::start(data.path(), 0).await.unwrap();
    let address = broker.address().unwrap();
    let stop = CancellationToken::new();
    let settings = Settings::read(&Config::default(), "test").unwrap();
    let (home, _requests, task) = Home::open(address.clone(), settings, stop.clone());
    home.satellite(&kitchen());
    let idle = SatelliteState {
        online: Some(true),
        activity: Some(Activity::Idle),
        volume: Some(60),
        ..SatelliteState::default()
    };
    home.satellite_state(&kitchen().id, &idle);
    home.hub_state(&HubState { healthy: Some(true), ..HubState::default() });

    // The broker forgets everything when it stops; the hub says it again.
    let mut listener = Listener::on(&address, "#").await;
    assert!(listener.next_on("homeassistant/device/sotto_kitchen/config").await.is_some());
    drop(listener);
    broker.stop().await;
    let broker = Broker::start(data.path(), address.port).await.unwrap();
    let mut listener = Listener::on(&address, "#").await;
    let config = listener.next_on("homeassistant/device/sotto_kitchen/config").await.unwrap();
    let config: Value = serde_json::from_str(&config.payload).unwrap();
    assert_eq!(config["device"]["suggested_area"], "Kitchen");
    assert_eq!(config["device"]["via_device"], "sotto-test");
    assert_eq!(config["availability"][0]["topic"], "sotto/hub/test/status");
    assert_eq!(config["availability_mode"], "all");
    assert_eq!(listener.next_on("sotto/satellite/kitchen/state").await.unwrap().payload, "idle");
    assert_eq!(listener.next_on("sotto/satellite/kitchen/volume").await.unwrap().payload, "60");

    // A session is told of once, and not kept.
    let heard = Heard {
        satellite: kitchen().id,
        outcome: Outcome::Done,
        intent: Some("HassTurnOn".into()),
        slots: Map::new(),
        area: None,
        person: None,
        confidence: 1.0,
        words: None,
    };
    home.heard(&heard).await;
    let event = listener.next_on("sotto/satellite/kitchen/event").await.unwrap();
    assert!(!event.retain && event.payload.contains(r#""event_type":"done""#), "{event:?}");
    assert_eq!(listener.next_on("sotto/satellite/kitchen/trigger").await.unwrap().payload, "HassTurnOn");

    home.forget_satellite(&kitchen().id);
    loop {
        let message = listener.next().await.expect("everything is taken back");
        if message.topic == "sotto/hub/test/status" {
            continue;
        }
        assert_eq!(message.payload, "", "{}", message.topic);
        if message.topic == "sotto/satellite/kitchen/wake_word" {
            break;
        }
    }
    drop(listener);
    let mut late = Listener::on(&address, "#").await;
    assert!(late.next_on("homeassistant/device/sotto-test/config").await.is_some());
    stop.cancel();
    task.await.unwrap();
    // The hub's two farewells are the last that comes: nothing of the satellite came before them.
    for _ in 0..2 {
        loop {
            let message = late.next().await.expect("the hub says goodbye");
            assert!(!message.topic.contains("kitchen"), "{} stayed", message.topic);
            if message.topic.ends_with("/status") && message.payload == "offline" {
                break;
            }
        }
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_neither_hears_nor_asks() {
    if !data::has_program("mosquitto", "a device neither hears nor asks") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let broker = Broker::start(data.path(), 0).await.unwrap();
    let hub = broker.address().unwrap();
    let account = |(user, file): (&str, &str)| Address {
        user: user.into(),
        password: std::fs::read_to_string(data.path().join("mosquitto").join(file)).unwrap().trim().into(),
        ..hub.clone()
    };
    let mut bulb = Listener::on(&account(broker::DEVICES), "#").await;
    let mut assistant = Listener::on(&account(broker::HOME_ASSISTANT), "#").await;
    let stop = CancellationToken::new();
    let settings = Settings::read(&Config::default(), "test").unwrap();
    let (home, _requests, task) = Home::open(hub.clone(), settings, stop.clone());
    home.satellite_state(&kitchen().id, &SatelliteState { volume: Some(1), ..SatelliteState::default() });
    assert_eq!(assistant.next_on("sotto/satellite/kitchen/volume").await.unwrap().payload, "1");
    // Said last, by the same connection: had the bulb heard anything of sotto/, it would have come before.
    home.satellite(&SatelliteDevice { id: SatelliteId::new("zz").unwrap(), ..kitchen() });
    loop {
        let message = bulb.next().await.expect("discovery is for every device");
        assert!(!message.topic.starts_with("sotto/"), "the bulb hears {}", message.topic);
        if message.topic.ends_with("sotto_zz/config") {
            break;
        }
    }
    stop.cancel();
    task.await.unwrap();
    assert_eq!(Broker::address_in(data.path()).unwrap(), hub);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_goes_does_not_take_the_other_one_with_it() {
    if !data::has_program("mosquitto", "a hub that goes does not take the other one with it") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let broker = Broker::start(data.path(), 0).await.unwrap();
    let address = broker.address().unwrap();
    let mut listener = Listener::on(&address, "sotto/status").await;
    let hub = async |id: &str| {
        let stop = CancellationToken::new();
        let (home, task) = Home::connect(address.clone(), id, stop.clone());
        home.online().wait_for(|now| *now).await.unwrap();
        (home, task, stop)
    };
    let (_first, first, stop_first) = hub("first").await;
    let (_second, second, stop_second) = hub("second").await;
    for _ in 0..2 {
        assert_eq!(listener.next().await.unwrap().payload, "online");
    }
    stop_second.cancel();
    second.await.unwrap();
    assert_eq!(listener.next().await.unwrap().payload, "offline");
    assert_eq!(listener.next().await.unwrap().payload, "online", "there is a hub still");
    stop_first.cancel();
    first.await.unwrap();
    assert_eq!(listener.next().await.unwrap().payload, "offline");
    let mut late = Listener::on(&address, "sotto/status").await;
    assert_eq!(late.next().await.unwrap().payload, "offline", "now there is none");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_dies_takes_its_own_satellites_along_and_no_others() {
    if !data::has_program("mosquitto", "a hub that dies takes its own satellites along") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let broker = Broker::start(data.path(), 0).await.unwrap();
    let address = broker.address().unwrap();
    let mut listener = Listener::on(&address, "sotto/hub/+/status").await;
    let stop = CancellationToken::new();
    let (_home, task) = Home::connect(address.clone(), "survivor", stop.clone());
    let online = listener.next().await.unwrap();
    assert_eq!((online.topic.as_str(), online.payload.as_str()), ("sotto/hub/survivor/status", "online"));

    let password = data.path().join("password");
    std::fs::write(&password, &address.password).unwrap();
    let mut hub = Running::start(
        program("sotto-hub")
            .args(["--json", "--data"])
            .arg(data.path().join("hub"))
            .arg("run")
            .env("SOTTO_SATELLITES_LISTEN", "127.0.0.1:0")
            .env("SOTTO_SATELLITES_DISCOVERY", "false")
            .env("SOTTO_WEB_LISTEN", "127.0.0.1:0")
            .env("SOTTO_MQTT_ADDRESS", format!("127.0.0.1:{}", address.port))
            .env("SOTTO_MQTT_USER", &address.user)
            .env("SOTTO_MQTT_PASSWORD_FILE", &password),
    );
    let online = listener.next().await.expect("the hub says that it is there");
    assert_eq!(online.payload, "online");
    assert_ne!(online.topic, "sotto/hub/survivor/status");
    hub.signal("KILL");
    hub.wait();
    let offline = listener.next().await.expect("the broker says so in its place");
    assert_eq!((&offline.topic, offline.payload.as_str()), (&online.topic, "offline"));
    // Whoever comes later learns the same.
    let mut late = Listener::on(&address, "sotto/hub/+/status").await;
    let mut kept = [late.next().await.unwrap(), late.next().await.unwrap()];
    kept.sort_by_key(|message| message.payload.clone());
    assert_eq!(kept[0].topic, online.topic);
    assert_eq!((kept[1].topic.as_str(), kept[1].payload.as_str()), ("sotto/hub/survivor/status", "online"));
    stop.cancel();
    task.await.unwrap();
    assert_eq!(late.next().await.unwrap().payload, "offline", "the survivor's farewell");
    broker.stop().await;
}
