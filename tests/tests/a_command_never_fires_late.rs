//! The broker comes and goes: commands arrive once and in time, or never.

use std::time::{Duration, Instant};

use serde_json::json;
use sotto_house::Acted;
use sotto_hub::broker::Broker;
use sotto_hub::home::{Address, Command, Home};
use sotto_tests::broker::{Listener, Message};
use sotto_tests::data;
use tokio_util::sync::CancellationToken;

fn command(n: u32) -> Command {
    Command { intent: "HassTurnOn".into(), payload: json!({ "n": n }) }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn until(home: &Home, online: bool) {
    let mut state = home.online();
    let reached = state.wait_for(|now| *now == online);
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("in time").expect("home lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_arrives_once_or_never() {
    if !data::has_program("mosquitto", "a command arrives once or never") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let broker = Broker::start(data.path(), 0).await.unwrap();
    let address = broker.address().unwrap();
    let mut listener = Listener::on(&address, "sotto/#").await;
    let stop = CancellationToken::new();
    let (home, task) = Home::connect(address.clone(), "test", stop.clone());
    until(&home, true).await;
    let online = listener.next_on("sotto/status").await.unwrap();
    assert_eq!(online.payload, "online");

    assert_eq!(home.publish(&command(1), soon()).await, Acted::Published);
    let message = listener.next_on("sotto/intent/").await.unwrap();
    let expect =
        Message { topic: "sotto/intent/HassTurnOn".into(), payload: r#"{"n":1}"#.into(), retain: false };
    assert_eq!(message, expect);
    assert_eq!(home.publish(&command(2), Instant::now()).await, Acted::NotReached, "its deadline has passed");

    // The broker goes away: the answer is no, and nothing waits for its return.
    let port = address.port;
    broker.stop().await;
    until(&home, false).await;
    assert_eq!(home.publish(&command(3), soon()).await, Acted::NotReached);

    let broker = Broker::start(data.path(), port).await.unwrap();
    assert_eq!(broker.address().unwrap(), address, "the password and the port stay");
    until(&home, true).await;
    let mut listener = Listener::on(&address, "sotto/#").await;
    let status = listener.next_on("sotto/status").await.unwrap();
    assert_eq!(
        (status.payload.as_str(), status.retain),
        ("online", true),
        "a late subscriber learns the state"
    );
    assert_eq!(home.publish(&command(4), soon()).await, Acted::Published);
    let message = listener.next_on("sotto/intent/").await.unwrap();
    assert_eq!(message.payload, r#"{"n":4}"#, "what could not be said while the broker was away is gone");

    stop.cancel();
    task.await.unwrap();
    assert_eq!(listener.next_on("sotto/status").await.unwrap().payload, "offline");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_broker_wants_its_password() {
    if !data::has_program("mosquitto", "the private broker wants its password") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let broker = Broker::start(data.path(), 0).await.unwrap();
    let right = broker.address().unwrap();
    for wrong in [
        Address { password: "guess".into(), ..right.clone() },
        Address { user: String::new(), password: String::new(), ..right.clone() },
    ] {
        let stop = CancellationToken::new();
        let (home, task) = Home::connect(wrong, "stranger", stop.clone());
        let mut online = home.online();
        let reached = tokio::time::timeout(Duration::from_millis(300), online.wait_for(|now| *now)).await;
        assert!(reached.is_err(), "a stranger was let in");
        stop.cancel();
        task.await.unwrap();
    }
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        data.path().join("mosquitto").join(name).metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("password"), 0o600);
    assert_eq!(mode("passwd"), 0o600);
    broker.stop().await;
}
