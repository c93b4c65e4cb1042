//! The broker is down: the house goes on listening and recording, says so, and nothing it could not do fires later.

use std::time::Duration;

use serde_json::Value;
use sotto_hub::broker::Broker;
use sotto_tests::broker::Listener;
use sotto_tests::household::Household;
use sotto_tests::{audio, coffee, data};

#[tokio::test(flavor = "multi_thread")]
async fn a_house_without_its_broker_listens_on() {
    let story = "a house without its broker listens on";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    // A broker that was there once, so that its address and password are known, and is gone now.
    let elsewhere = tempfile::tempdir().unwrap();
    let broker = Broker::start(elsewhere.path(), 0).await.unwrap();
    let address = broker.address().unwrap();
    broker.stop().await;

    let speech = data.join("speech");
    let sentences = speech.join(coffee::SENTENCES);
    let password = elsewhere.path().join("mosquitto/password");
    let mut house = Household::start(&format!(
        "address = \"127.0.0.1:{}\"\nuser = {:?}\npassword_file = {password:?}\n\
         [understanding]\nsentences = [{sentences:?}]\n",
        address.port, address.user
    ));
    house.add_member();
    let satellite = house.satellite("bar", "Kitchen", "trigger = \"speech\"\n");
    let orders = coffee::orders(&speech, 2);
    let sound = |n: usize| {
        let wav = house.folder().join(format!("order{n}.wav"));
        audio::one_after_another(&wav, [orders[n].file.as_path()]);
        wav
    };

    let mut microphone = satellite.hear(&sound(0));
    assert_eq!(microphone.event("outcome")["outcome"], "not_reached", "the person is told");
    microphone.signal("TERM");
    assert!(microphone.wait().success());
    let history = house.history();
    assert_eq!(history.len(), 1, "what was said is on record");
    assert_eq!(
        (history[0]["outcome"].as_str(), history[0]["intent"].as_str()),
        (Some("NotReached"), Some("orderDrink"))
    );
    assert!(history[0]["transcript"].as_str().is_some_and(|words| !words.is_empty()));

    // The broker comes back: the hub is there again, the old order never comes, and a new one does.
    let broker = Broker::start(elsewhere.path(), address.port).await.unwrap();
    let mut listener = Listener::on(&address, "sotto/#").await;
    let status = tokio::time::timeout(Duration::from_secs(60), listener.next_on("sotto/status"));
    assert_eq!(status.await.expect("the hub returns by itself").unwrap().payload, "online");
    let mut microphone = satellite.hear(&sound(1));
    let message = listener.next_on("sotto/intent/").await.expect("an order arrives");
    let order: Value = serde_json::from_str(&message.payload).unwrap();
    assert_eq!(microphone.event("outcome")["outcome"], "done");
    microphone.signal("TERM");
    assert!(microphone.wait().success());
    let history = house.history();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["outcome"], "Done");
    assert_ne!(history[1]["slots"], order["slots"], "it is the second person's order, not the first's");
    let late = listener.so_far();
    assert!(!late.iter().any(|message| message.topic.starts_with("sotto/intent/")), "{late:?}");

    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
    broker.stop().await;
}
