//! The story itself: real people order three coffees at a satellite, and the orders arrive on MQTT.

use serde_json::Value;
use sotto_tests::broker::Listener;
use sotto_tests::household::Household;
use sotto_tests::{audio, coffee, data};

/// Three speakers, as the manifest names their clips.
const ORDERS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn three_coffees_are_ordered() {
    let story = "three coffees are ordered";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    let speech = data.join("speech");
    let orders = coffee::orders(&speech, ORDERS);
    let sentences = speech.join(coffee::SENTENCES);
    let mut house = Household::start(&format!("[understanding]\nsentences = [{sentences:?}]\n"));
    house.add_member();
    let satellite = house.satellite("bar", "Kitchen", "trigger = \"speech\"\n");
    let mut listener = Listener::on(&house.broker(), "sotto/intent/#").await;

    let sound = house.folder().join("orders.wav");
    audio::one_after_another(&sound, orders.iter().map(|order| order.file.as_path()));
    let mut microphone = satellite.hear(&sound);
    for order in &orders {
        let message = listener.next().await.expect("an order arrives");
        assert_eq!(message.topic, "sotto/intent/orderDrink");
        assert!(!message.retain);
        let payload: Value = serde_json::from_str(&message.payload).unwrap();
        assert_eq!(payload["area"], "Kitchen");
        assert!(payload["satellite"].as_str().is_some_and(|id| id.starts_with("bar")), "{payload}");
        assert!(payload.get("words").is_none(), "words do not leave");
        for (slot, value) in &order.slots {
            let arrived = payload["slots"][slot].to_string().replace(['"', ' '], "");
            assert_eq!(arrived, value.replace(' ', ""), "{slot} of {payload}");
        }
    }
    microphone.signal("TERM");
    assert!(microphone.wait().success());

    // The journal knows all three, and what was said; nobody else does.
    let history = house.history();
    assert_eq!(history.len(), ORDERS);
    for entry in &history {
        assert_eq!((entry["outcome"].as_str(), entry["intent"].as_str()), (Some("Done"), Some("orderDrink")));
        assert_eq!(entry["area"], "Kitchen");
        assert!(entry["stages_ms"]["acted"].as_u64() >= entry["stages_ms"]["ended"].as_u64());
        let words = entry["transcript"].as_str().expect("a transcript").to_owned();
        assert!(words.split(' ').count() >= 2);
        let told = format!("{}{}", house.hub.said(), microphone.said());
        assert!(!told.contains(&words), "the hub or the satellite printed what was said");
    }

    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
}
