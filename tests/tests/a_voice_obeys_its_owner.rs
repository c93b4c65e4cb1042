//! Ada's voice is known: what she says is hers, is understood in her language, and only she can have it deleted by
//! voice. A stranger who says the same is understood in the house's language, and is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sotto_hearing::speaker::{self, Encoder, Profile, TAKES, Take};
use sotto_house::Retention;
use sotto_journal::{Journal, Options, Settings, VoiceChoices};
use sotto_tests::household::{Household, MEMBER, PASSPHRASE};
use sotto_tests::programs::Running;
use sotto_tests::{audio, coffee, data};

/// Puts the speaker model where the hub looks for it; false after saying loudly why not.
fn install_model(models: &Path) -> bool {
    let pulled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("speaker");
    if Encoder::open(&pulled, Path::new("")).is_err()
        && let Err(error) = speaker::PACKAGE.fetch(&pulled, |_| std::ops::ControlFlow::Continue(()))
    {
        eprintln!("SKIPPED: the speaker model is not here: {error}");
        return false;
    }
    std::fs::create_dir_all(models).unwrap();
    std::fs::copy(pulled.join(speaker::FILE), models.join(speaker::FILE)).unwrap();
    true
}

/// The clips of the two speakers of whom there are most.
fn two_speakers(speech: &Path) -> [Vec<PathBuf>; 2] {
    let mut clips: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for line in std::fs::read_to_string(speech.join("manifest.jsonl")).unwrap().lines() {
        let clip: Value = serde_json::from_str(line).unwrap();
        if clip["category"] == "s2i" {
            let file = speech.join(clip["file"].as_str().unwrap());
            clips.entry(clip["speaker_cluster"].to_string()).or_default().push(file);
        }
    }
    let mut clips: Vec<Vec<PathBuf>> = clips.into_values().collect();
    clips.sort_by_key(|clips| std::cmp::Reverse(clips.len()));
    let mut first = clips.into_iter();
    [first.next().unwrap(), first.next().unwrap()]
}

/// Teaches `profile` the voice of ten clips that are good enough, and gives those that are left.
fn teach<'a>(profile: &mut Profile, encoder: &Encoder, clips: &'a [PathBuf]) -> &'a [PathBuf] {
    let mut left = clips;
    while profile.len() < TAKES {
        let (clip, rest) = left.split_first().expect("ten good clips");
        let _ = Take::new(&audio::flac(clip), encoder).and_then(|take| profile.add(take));
        left = rest;
    }
    left
}

/// The next session at the satellite: its intent and its outcome.
fn session(hub: &Running) -> (String, String) {
    let session = hub.event("session");
    let text = |key: &str| session[key].as_str().unwrap_or_default().to_owned();
    (text("intent"), text("outcome"))
}

#[test]
fn a_voice_obeys_its_owner() {
    let story = "a voice obeys its owner";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    let speech = data.join("speech");
    let own = tempfile::tempdir().unwrap();
    // The same sentences, in the house's language and in hers, mean what `intents` says.
    let order = std::fs::read_to_string(speech.join(coffee::SENTENCES)).unwrap();
    let write = |intents: [&str; 2]| {
        for (language, intent) in ["en", "de"].into_iter().zip(intents) {
            let text = order.replace("orderDrink:", &format!("{intent}:"));
            let text = text.replace("language: en", &format!("language: {language}"));
            std::fs::write(own.path().join(format!("{language}.yaml")), text).unwrap();
        }
    };
    write(["orderDrink", "bestellung"]);
    let mut house = Household::start(&format!("[understanding]\nsentences = [{:?}]\n", own.path()));
    house.add_member();
    let satellite = house.satellite("bar", "Kitchen", "trigger = \"speech\"\n");
    house.hub.signal("TERM");
    house.hub.wait();
    let models = house.data().join("models");
    if !install_model(&models) {
        return;
    }

    let encoder = Encoder::open(&models, Path::new("")).unwrap();
    let [hers, strangers] = two_speakers(&speech);
    let mut profile = encoder.profile();
    let left = teach(&mut profile, &encoder, &hers);
    let near = |clip: &&PathBuf| {
        let voice = encoder.hear(&audio::flac(clip)).voice.expect("speech");
        (profile.score(&voice).expect("a profile") * 1000.0) as i32
    };
    let hers = left.iter().take(5).max_by_key(near).unwrap();
    let strangers = &strangers[0];
    {
        let now = Timestamp::now();
        let journal = Journal::open(&house.data().join("journal"), Options::default(), now).unwrap();
        let ada = journal.sign_in(MEMBER, PASSPHRASE, now).unwrap();
        journal.set_voice(&ada, &profile.to_bytes(), now).unwrap();
        let choices = VoiceChoices { named: false, language: Some("de".into()) };
        journal.set_voice_choices(&ada, &choices, now).unwrap();
        let settings = journal.settings(&ada).unwrap();
        let settings = Settings { voice_erasure: true, keep: Retention::Week, ..settings };
        journal.set_settings(&ada, settings, now).unwrap();
    }
    house.restart();

    let sound = own.path().join("orders.wav");
    audio::one_after_another(&sound, [hers.as_path(), strangers.as_path()]);
    let microphone = satellite.hear(&sound);
    assert_eq!(session(&house.hub), ("bestellung".into(), "Done".into()), "in her language");
    assert_eq!(session(&house.hub), ("orderDrink".into(), "Done".into()), "in the house's");
    drop(microphone);
    // A recording is sealed a moment after its session has ended.
    let mut kept = house.history();
    while kept.is_empty() {
        std::thread::sleep(Duration::from_millis(50));
        kept = house.history();
    }
    assert_eq!(kept.len(), 1, "the stranger's is not hers");
    assert_eq!(kept[0]["intent"], "bestellung");

    write(["SottoKeepNot", "SottoKeepNot"]);
    assert_eq!(house.hub.event("sentences")["in_force"], true);
    let asked = |outcome: &str| ("SottoKeepNot".to_owned(), outcome.to_owned());
    audio::one_after_another(&sound, [strangers.as_path()]);
    let microphone = satellite.hear(&sound);
    assert_eq!(session(&house.hub), asked("Refused"), "whose voice it is is not known");
    drop(microphone);
    assert_eq!(house.history(), kept);
    audio::one_after_another(&sound, [hers.as_path()]);
    let microphone = satellite.hear(&sound);
    assert_eq!(session(&house.hub), asked("Done"));
    drop(microphone);
    assert!(house.history().is_empty(), "hers is gone, and nothing is kept of asking for it");
    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
}
