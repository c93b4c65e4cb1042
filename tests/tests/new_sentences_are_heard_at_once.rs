//! The household writes a sentence of its own while the hub runs: it is heard, understood and carried out. A slip in
//! the file is named with its place, and what was understood before still is.

use serde_json::Value;
use sotto_tests::broker::Listener;
use sotto_tests::household::Household;
use sotto_tests::{audio, data};

/// A sentence of the household's own, and what it does.
const GOOD: &str = r#"
language: en
intents:
  RingBell:
    data:
      - sentences: ["ring the dinner bell"]
actions:
  RingBell: { topic: "house/bell", payload: "ring" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn new_sentences_are_heard_at_once() {
    let story = "new sentences are heard at once";
    if !data::has_program("mosquitto", story) || !data::has_program("espeak-ng", story) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut house = Household::start(&format!("[understanding]\nsentences = [{:?}]\n", folder.path()));
    let file = folder.path().join("ours.yaml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();

    write(GOOD);
    let change = house.hub.event("sentences");
    assert_eq!((&change["in_force"], &change["problems"]), (&Value::Bool(true), &Value::Array(vec![])));

    // A bracket too few.
    write(&GOOD.replace("bell\"]", "bell\""));
    let change = house.hub.event("sentences");
    assert_eq!(change["in_force"], false);
    let problem = change["problems"][0].as_str().unwrap();
    assert!(problem.contains("ours.yaml:") && problem.contains("; "), "a place, and what to do: {problem}");

    // What was there before the slip is heard and understood.
    let satellite = house.satellite("shelf", "Kitchen", "trigger = \"speech\"\n");
    let mut listener = Listener::on(&house.broker(), "sotto/intent/#").await;
    let mut bell = Listener::on(&house.broker(), "house/bell").await;
    let sound = house.folder().join("said.wav");
    audio::said_one_after_another(&sound, &["ring the dinner bell"]);
    let mut microphone = satellite.hear(&sound);
    assert_eq!(listener.next().await.expect("the bell").topic, "sotto/intent/RingBell");
    assert_eq!(bell.next().await.expect("a message to the bell").payload, "ring");
    microphone.signal("TERM");
    assert!(microphone.wait().success());

    // A slip in one sentence: the others of the file work.
    write(&GOOD.replace("bell\"]", "bell\", \"ring (it\"]"));
    let change = house.hub.event("sentences");
    assert_eq!(change["in_force"], true);
    let problem = change["problems"][0].as_str().unwrap();
    assert!(problem.contains("ours.yaml:6:") && problem.contains("close it with )"), "{problem}");
    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
}
