//! Home Assistant, or anybody else on the broker, asks something of a satellite, and in its room it happens.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sotto_hub::speech_out::Speaker;
use sotto_tests::broker::{Listener, say};
use sotto_tests::household::Household;
use sotto_tests::{audio, data};

/// Samples of one packet.
const FRAME: usize = 320;

#[tokio::test(flavor = "multi_thread")]
async fn another_wake_word_is_listened_for() {
    let story = "another wake word is listened for";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    let mut house = Household::start("");
    let models = data.join("models/wake");
    let satellite = house.satellite(
        "shelf",
        "Study",
        &format!("[wake]\nwords = [\"okay_nabu\"]\nmodels = {models:?}\n[speaker]\ndevice = \"none\"\n"),
    );
    let broker = house.broker();
    let mut listener = Listener::on(&broker, "#").await;
    let said: Vec<PathBuf> =
        (0..40).map(|n| data.join(format!("speech/wake/alexa/{}.flac", n % 5))).collect();
    let sound = house.folder().join("alexa.wav");
    audio::one_after_another(&sound, said.iter().map(PathBuf::as_path));
    let microphone = satellite.hear(&sound);

    // What can be chosen are the models that are there, and first that nobody chooses.
    let (set, offered) = loop {
        let config = listener.next_on("homeassistant/device/sotto_shelf").await.expect("it is announced");
        let config: Value = serde_json::from_str(&config.payload).unwrap();
        let select = &config["components"]["wake_word"];
        if let Some(options) = select["options"].as_array() {
            break (select["command_topic"].as_str().expect("a topic").to_owned(), options.clone());
        }
    };
    assert_eq!(offered[..2], ["as configured there", "okay_nabu"]);
    assert!(offered.contains(&json!("alexa")) && !offered.contains(&json!("vad")), "{offered:?}");
    let state = set.strip_suffix("/set").unwrap();
    said_on(&mut listener, state, "as configured there").await;

    // Chosen while the satellite listens: what it slept through before wakes it now.
    say(&broker, &set, "alexa").await;
    said_on(&mut listener, state, "alexa").await;
    assert_eq!(microphone.event("woke")["word"], "alexa");
    drop(microphone);

    // It is still so after the hub has been away; a word without a model leaves it to the satellite.
    say(&broker, &set, "computer_says_no").await;
    said_on(&mut listener, state, "as configured there").await;
    say(&broker, &set, "alexa").await;
    said_on(&mut listener, state, "alexa").await;
    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
    house.restart();
    let microphone = satellite.hear(&sound);
    assert_eq!(microphone.event("woke")["word"], "alexa");

    // Of a satellite that is none of the house nothing is kept.
    say(&house.broker(), "sotto/satellite/nobody/volume/set", "7").await;
    say(&house.broker(), &set, "as configured there").await;
    let settings = house.data().join("satellite-settings.json");
    let kept = until_written(&settings, |kept| !kept.contains("alexa"));
    assert!(!kept.contains("nobody"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_is_heard_where_it_belongs() {
    let story = "an announcement is heard where it belongs";
    if !data::has_program("mosquitto", story) || !data::has_program("espeak-ng", story) {
        return;
    }
    // Quiet from an hour ago until in an hour.
    let at = |hours: i64| {
        (jiff::ZonedDateTime::now() + jiff::Span::new().hours(hours)).strftime("%H:%M").to_string()
    };
    let house = Household::start(&format!("[voice]\nquiet_hours = \"{}-{}\"\n", at(-1), at(1)));
    let satellite = |name: &str, area: &str| {
        let said = house.folder().join(format!("{name}.wav"));
        let config = format!("trigger = \"push-to-talk\"\n[speaker]\ndevice = \"file:{}\"\n", said.display());
        (house.satellite(name, area, &config).run_in_silence(), said)
    };
    let broker = house.broker();
    let mut listener = Listener::on(&broker, "sotto/satellite/+/availability").await;
    let (kitchen, in_kitchen) = satellite("stove", "Kitchen");
    let (bedroom, in_bedroom) = satellite("bed", "Bedroom");
    for satellite in [&kitchen, &bedroom] {
        satellite.event("online");
    }
    let mut there = HashMap::new();
    while there.len() < 2 {
        let message = listener.next().await.expect("both are told of");
        if message.payload == "online" {
            let id = message.topic.split('/').nth(2).expect("an id").to_owned();
            there.insert(id.split('-').next().unwrap_or_default().to_owned(), id);
        }
    }

    let state = format!("sotto/satellite/{}/state", there["stove"]);
    let mut states = Listener::on(&broker, &state).await;
    // Not urgent, in quiet hours: had it been spoken, it would come first, and be heard in the bedroom.
    say(&broker, "sotto/say", "This is not heard by anybody.").await;
    let dinner = r#"{"message": "Dinner is ready.", "urgent": true}"#;
    say(&broker, "sotto/area/kitchen/say", dinner).await;
    let voice = Speaker::find(None).expect("espeak-ng");
    let spoken = voice.speak("Dinner is ready.", "en").expect("a language it speaks").len() * FRAME;
    let chimed = spoken + voice.chime().len() * FRAME;
    let first = sounded(&in_kitchen, 0, chimed);
    said_on(&mut states, &state, "speaking").await;
    said_on(&mut states, &state, "idle").await;
    let loudest = peak(&in_kitchen, 0);
    // As Home Assistant's notify entity says it to one satellite: without the chime, and softly.
    let softly = r#"{"message": "Dinner is ready.", "urgent": true, "chime": false, "volume": 20}"#;
    let topic = format!("sotto/satellite/{}/say", there["stove"]);
    say(&broker, &topic, softly).await;
    let second = sounded(&in_kitchen, first, spoken);
    assert!(peak(&in_kitchen, first) * 3 < loudest, "softly");
    assert_eq!(samples(&in_bedroom).len(), 0, "nothing of it is heard elsewhere");

    say(&broker, "sotto/say", dinner).await;
    sounded(&in_bedroom, 0, chimed);
    sounded(&in_kitchen, second, chimed);
    // The hub, too, is well, and nothing waits for its ears.
    for (what, expect) in [("queue", "0"), ("problem", "OFF"), ("engine", "phrase"), ("satellites", "2")] {
        let mut hub = Listener::on(&broker, &format!("sotto/hub/+/{what}")).await;
        assert_eq!(hub.next().await.expect("it is told").payload, expect, "{what}");
    }
    // What was said is in no log.
    for told in [house.hub.said(), kitchen.said(), bedroom.said()] {
        assert!(!told.contains("Dinner"), "{told}");
    }
}

/// Waits until exactly this is said on exactly this topic.
async fn said_on(listener: &mut Listener, topic: &str, payload: &str) {
    loop {
        let message = listener.next().await.unwrap_or_else(|| panic!("{topic} never said {payload}"));
        if message.topic == topic && message.payload == payload {
            return;
        }
    }
}

/// Waits until a loudspeaker's file holds `expect` samples more than `before`, and no more; gives how many in all.
fn sounded(wav: &Path, before: usize, expect: usize) -> usize {
    for _ in 0..1200 {
        if samples(wav).len() + 5 * FRAME >= before + expect {
            std::thread::sleep(Duration::from_secs(1));
            let all = samples(wav).len();
            assert!(all < before + expect + 5 * FRAME, "{all} samples, after {before} and {expect}");
            return all;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{} samples, after {before}; {expect} were expected", samples(wav).len());
}

fn samples(wav: &Path) -> Vec<i16> {
    // Between a sound and its end the file is not whole.
    hound::WavReader::open(wav)
        .map_or(Vec::new(), |reader| reader.into_samples().map_while(Result::ok).collect())
}

fn peak(wav: &Path, from: usize) -> u32 {
    samples(wav)[from..].iter().map(|sample| u32::from(sample.unsigned_abs())).max().unwrap_or(0)
}

fn until_written(file: &Path, so: impl Fn(&str) -> bool) -> String {
    for _ in 0..1200 {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if !text.is_empty() && so(&text) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{} never came to say it", file.display());
}
