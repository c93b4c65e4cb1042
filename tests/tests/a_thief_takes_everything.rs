//! A hub crashes while what was said is in its memory, and a thief takes every file: no word and no sound is in them,
//! and no core file was written.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sotto_journal::{Journal, Options, Purpose};
use sotto_tests::broker::Listener;
use sotto_tests::household::{Household, MEMBER, PASSPHRASE};
use sotto_tests::{audio, data};

/// Bytes of an Opus frame that are looked for; so many in a row are nowhere by chance.
const PIECE: usize = 8;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// The core files in a folder, under the name that Linux gives them unless told otherwise.
fn cores(folder: &Path) -> HashSet<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_core = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        path.is_file() && (name == "core" || name.starts_with("core."))
    };
    entries.filter(is_core).collect()
}

/// Lets what this test starts write core files; whether this system then does.
fn let_cores_be_written(folder: &Path) -> bool {
    let (_, most) = getrlimit(Resource::RLIMIT_CORE).unwrap();
    setrlimit(Resource::RLIMIT_CORE, most, most).unwrap();
    let control = folder.join("control");
    std::fs::create_dir(&control).unwrap();
    Command::new("sh").args(["-c", "kill -s ABRT $$"]).current_dir(&control).status().unwrap();
    let written = !cores(&control).is_empty();
    std::fs::remove_dir_all(control).unwrap();
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_takes_everything_a_crashed_hub_left() {
    let story = "a thief takes everything";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let written = let_cores_be_written(outside.path());
    if !written {
        println!("SKIPPED: {story}: this system writes no core files, so their absence says nothing");
    }
    let here = std::env::current_dir().unwrap();
    let cores_before = cores(&here);

    let speech = data.join("speech");
    let sentences = speech.join("s2i/sentences/coffee.yaml");
    let mut house = Household::start(&format!("[understanding]\nsentences = [{sentences:?}]\n"));
    house.add_member();
    let satellite = house.satellite("bar", "Kitchen", "trigger = \"speech\"\n");
    let mut listener = Listener::on(&house.broker(), "sotto/intent/#").await;
    let clip = std::fs::read_to_string(speech.join("manifest.jsonl")).unwrap();
    let clip: serde_json::Value = clip
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|clip: &serde_json::Value| clip["category"] == "s2i")
        .unwrap();
    // Outside of what the thief takes: the test's own sound.
    let sound = outside.path().join("order.wav");
    let clip = speech.join(clip["file"].as_str().unwrap());
    audio::one_after_another(&sound, [clip.as_path(), clip.as_path()]);
    let microphone = satellite.hear(&sound);
    listener.next().await.expect("an order arrives");
    // It is obeyed a moment before it is sealed; the next one is being heard meanwhile.
    while house.history().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // In the middle of whatever it is doing; a crash, with everything still in its memory.
    house.hub.signal("ABRT");
    assert!(!house.hub.wait().success());
    let logs = format!("{}{}", house.hub.said(), microphone.said());
    drop(microphone);
    assert_eq!(cores(&here), cores_before, "the hub left a core file");

    let transcripts: Vec<String> = house
        .history()
        .iter()
        .filter_map(|entry| entry["transcript"].as_str().map(str::to_owned))
        .filter(|words| !words.is_empty())
        .collect();
    let journal = Journal::open(&house.data().join("journal"), Options::default(), Timestamp::now()).unwrap();
    let ada = journal.sign_in(MEMBER, PASSPHRASE, Timestamp::now()).unwrap();
    let mut pieces = HashSet::new();
    for recording in house.history() {
        let id = recording["recording"].as_str().unwrap().parse().unwrap();
        let heard = journal.listen(id, &ada, Purpose::Recall, Timestamp::now()).unwrap();
        pieces.extend(heard.packets().flat_map(|packet| packet.windows(PIECE).map(<[u8]>::to_vec)));
    }
    // Silence is the same few bytes in every frame.
    pieces.retain(|piece| piece.iter().collect::<HashSet<_>>().len() > PIECE / 2);
    assert!(pieces.len() > 100, "{} pieces of sound to look for", pieces.len());
    let mut taken = Vec::new();
    files(house.folder(), &mut taken);
    assert!(taken.iter().any(|file| file.ends_with("journal.db")));
    for file in taken {
        let bytes = std::fs::read(&file).unwrap_or_default();
        for words in &transcripts {
            assert!(!bytes.windows(words.len()).any(|part| part == words.as_bytes()), "{}", file.display());
        }
        let sound = bytes.windows(PIECE).any(|part| pieces.contains(part));
        assert!(!sound, "{} holds a piece of what was said", file.display());
    }
    for words in &transcripts {
        assert!(!logs.contains(words.as_str()), "a log line holds words");
    }
}
