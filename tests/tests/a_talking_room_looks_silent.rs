//! Before a wake word, a room full of talk and an empty one cannot be told apart on the wire: both satellites send the
//! same few bytes that keep the connection alive.

use std::path::Path;

use sotto_tests::household::Household;
use sotto_tests::programs::Running;
use sotto_tests::relay::{Relay, Weather};
use sotto_tests::{audio, data};

/// The same greeting, keep-alives and farewell; a few packets may be sent twice on a busy machine. One second of Opus is
/// 3,000 bytes.
const NEARLY: u64 = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_talking_room_looks_silent() {
    let story = "a talking room looks silent";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    let house = Household::start("");
    let hub = house.ready["satellites"].as_str().expect("an address").parse().expect("an address");
    let speech = data.join("speech");
    let sound = house.folder().join("talk.wav");
    audio::one_after_another(&sound, [speech.join("asr/jfk/jfk.flac").as_path()]);
    let silence = house.folder().join("silence.wav");
    let length = audio::flac(&speech.join("asr/jfk/jfk.flac")).len() + 64_000;
    audio::write_wav(&silence, &vec![0; length]);
    let hear = async |name: &str, trigger: &str, sound: &Path| {
        let relay = Relay::start(hub, Weather::default(), 1).await.expect("a relay");
        let models = data.join("models/wake");
        let config = format!(
            "trigger = {trigger:?}\n[wake]\nwords = [\"okay_nabu\"]\nmodels = {models:?}\n[hub]\naddress = \"{}\"\n\
             [speaker]\ndevice = \"none\"\n",
            relay.address()
        );
        let satellite = house.satellite(name, "Study", &config);
        let microphone = format!("--microphone=file:{}", sound.display());
        (relay, Running::start(&mut satellite.command(&["run", "--once", &microphone])))
    };
    let (talking, mut first) = hear("talking", "wake-word", &sound).await;
    let (silent, mut second) = hear("silent", "wake-word", &silence).await;
    let (sending, mut third) = hear("sending", "speech", &sound).await;
    for satellite in [&mut first, &mut second, &mut third] {
        satellite.wait();
    }
    assert!(talking.sent().abs_diff(silent.sent()) < NEARLY, "{} and {}", talking.sent(), silent.sent());
    // The count does count: a satellite that sends whatever is said sends much more.
    assert!(sending.sent() > silent.sent() + 4 * NEARLY, "{} and {}", sending.sent(), silent.sent());
}
