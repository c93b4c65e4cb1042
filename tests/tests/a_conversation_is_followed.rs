//! Follow-ups and several commands in one breath, from a voice at the satellite's microphone to the broker and the
//! journal, through the running hub.

use serde_json::Value;
use sotto_tests::broker::Listener;
use sotto_tests::household::Household;
use sotto_tests::{audio, data};

const HOUSE: &str = r#"
[[home.areas]]
name = "Living room"
[[home.entities]]
name = "reading lamp"
domain = "light"
area = "Living room"
[[home.entities]]
name = "blinds"
domain = "cover"
area = "Living room"
"#;

/// What is said, and the intents that must arrive for it, each with the name it is about.
const SAID: [(&str, &[(&str, &str)]); 3] = [
    ("turn on the reading lamp", &[("HassTurnOn", "reading lamp")]),
    ("turn it off again", &[("HassTurnOff", "reading lamp")]),
    (
        "turn on the reading lamp and close the blinds",
        &[("HassTurnOn", "reading lamp"), ("HassTurnOff", "blinds")],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_followed() {
    let story = "a conversation is followed";
    if !data::has_program("mosquitto", story) || !data::has_program("espeak-ng", story) {
        return;
    }
    let mut house = Household::start(HOUSE);
    house.add_member();
    let satellite = house.satellite("shelf", "Living room", "trigger = \"speech\"\n");
    let mut listener = Listener::on(&house.broker(), "sotto/intent/#").await;

    let sound = house.folder().join("said.wav");
    audio::said_one_after_another(&sound, &SAID.map(|(words, _)| words));
    let mut microphone = satellite.hear(&sound);
    let mut ids = Vec::new();
    for (intent, name) in SAID.iter().flat_map(|(_, intents)| *intents) {
        let message = listener.next().await.expect("a command arrives");
        assert_eq!(message.topic, format!("sotto/intent/{intent}"));
        let payload: Value = serde_json::from_str(&message.payload).unwrap();
        let slots = payload["slots"].as_object().unwrap();
        let about = slots.get("name").or_else(|| slots.get("domain")).and_then(Value::as_str);
        assert!(about == Some(name) || about == Some("cover") && *name == "blinds", "{payload}");
        ids.push(payload["id"].as_str().expect("an id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each command has an id of its own");
    microphone.signal("TERM");
    assert!(microphone.wait().success());

    // The journal has three recordings, the last with both commands and the reason of each.
    let history = house.history();
    assert_eq!(history.len(), SAID.len());
    assert_eq!(history[0]["intent"], "HassTurnOn, HassTurnOff");
    assert_eq!(history[1]["intent"], "HassTurnOff");
    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
}
