//! A satellite wakes though nobody called it: the hub looks a second time and drops what was said. Nothing of it is
//! kept, it is counted for its room, and who does call is answered.

use std::path::Path;

use sotto_tests::broker::Listener;
use sotto_tests::household::Household;
use sotto_tests::{audio, data};

/// Puts a model into `folder` under the name of alexa: its own, or one that is deceived by another word.
fn put_model(data: &Path, folder: &Path, model: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let models = data.join("models/wake");
    std::fs::copy(models.join(format!("{model}.tflite")), folder.join(format!("{model}.tflite"))).unwrap();
    std::fs::copy(models.join(format!("{model}.json")), folder.join("alexa.json")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_wake_leaves_nothing() {
    let story = "a false wake leaves nothing";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    let speech = data.join("speech");
    let sentences = speech.join("s2i/sentences/coffee.yaml");
    let mut house = Household::start(&format!("[understanding]\nsentences = [{sentences:?}]\n"));
    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
    put_model(&data, &house.data().join("wake"), "alexa");
    house.restart();
    house.add_member();
    let mut counter = Listener::on(&house.broker(), "sotto/satellite/+/false_wakes").await;

    // Somebody says something else, and the satellite takes it for its wake word.
    let models = house.folder().join("deceived");
    put_model(&data, &models, "computer");
    let config = format!("[wake]\nwords = [\"alexa\"]\nmodels = {models:?}\n");
    let satellite = house.satellite("study", "Study", &config);
    let sound = house.folder().join("other.wav");
    let other = speech.join("wake/computer/f15c2bea-0020-4a71-aa5c-00042b10204d.flac");
    audio::one_after_another(&sound, [other.as_path()]);
    let mut microphone = satellite.hear(&sound);
    microphone.event("woke");
    let session = house.hub.event("session");
    assert_eq!((session["outcome"].as_str(), session["area"].as_str()), (Some("FalseWake"), Some("Study")));
    microphone.event("dismissed");
    let counted = counter.next().await.expect("a count");
    assert!(counted.topic.contains("study") && counted.payload.parse::<u32>().is_ok_and(|n| n > 0));
    microphone.signal("TERM");
    microphone.wait();
    assert_eq!(house.history().len(), 0, "nothing of it was kept");

    // Somebody calls, and orders.
    let models = house.folder().join("usual");
    put_model(&data, &models, "alexa");
    let config = format!("[wake]\nwords = [\"alexa\"]\nmodels = {models:?}\n");
    let satellite = house.satellite("bar", "Kitchen", &config);
    let sound = house.folder().join("order.wav");
    let mut samples = vec![0; 32_000];
    let mut call = audio::flac(&speech.join("wake/alexa/0.flac"));
    let end = call.iter().rposition(|&sample| sample != 0).unwrap_or(0);
    call.truncate(end);
    samples.extend(call);
    // The order's first second and a half is silence.
    samples.extend(&audio::flac(&speech.join("s2i/00e09cf0-a01d-453e-9b89-dc6e6d31d362.flac"))[24_000..]);
    samples.resize(samples.len() + 48_000, 0);
    audio::write_wav(&sound, &samples);
    let mut microphone = satellite.hear(&sound);
    microphone.event("woke");
    let mut outcomes = Vec::new();
    while outcomes.last().is_none_or(|outcome| outcome == "FalseWake") {
        let session = house.hub.event("session");
        assert_eq!(session["area"], "Kitchen");
        outcomes.push(session["outcome"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(outcomes, ["Done"]);
    assert_eq!(house.history().len(), 1);
    microphone.signal("TERM");
    microphone.wait();
}
