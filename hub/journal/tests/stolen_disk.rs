//! A thief who copies everything the hub has written, at any moment, learns nothing of what was said.

mod household;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use household::{Household, PASSPHRASE, days};
use sotto_house::{Outcome, Retention, Role};
use sotto_journal::{Filter, Finished, Journal, Purpose, Selection, Settings, What, Whose, Words};

/// Spoken by nobody else.
const CANARY: &str = "quetzalcoatlus reads marmalade to Wilhelmina";
const CANARY_SLOT: &str = "Wilhelmina's bathysphere";

/// Three seconds of a voice-like sound as a satellite would send it.
fn spoken_packets() -> Vec<Vec<u8>> {
    let mut encoder =
        opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).expect("an encoder");
    (0..150_usize)
        .map(|packet| {
            let pcm: Vec<i16> = (0..320)
                .map(|sample| {
                    let t = (packet * 320 + sample) as f32 / 16_000.0;
                    let pitch = 120.0 + 40.0 * (t * 7.0).sin();
                    let voice: f32 =
                        (1..8).map(|k| (t * pitch * k as f32 * std::f32::consts::TAU).sin() / k as f32).sum();
                    (voice * 4000.0 * (0.6 + 0.4 * (t * 11.0).sin())) as i16
                })
                .collect();
            encoder.encode_vec(&pcm, 400).expect("a packet")
        })
        .collect()
}

/// Every file under `dir`, whatever it is for.
fn files(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// A set of byte strings of at least two bytes, looked for all at once.
struct Needles {
    /// Whether any begins with these two bytes.
    begins: Vec<bool>,
    all: HashMap<[u8; 2], Vec<Vec<u8>>>,
}

impl Needles {
    fn new(needles: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut found = Needles { begins: vec![false; 1 << 16], all: HashMap::new() };
        for needle in needles {
            let start = [needle[0], needle[1]];
            found.begins[usize::from(u16::from_le_bytes(start))] = true;
            found.all.entry(start).or_default().push(needle);
        }
        found
    }

    fn in_(&self, hay: &[u8]) -> bool {
        (0..hay.len().saturating_sub(1)).any(|at| {
            let start = [hay[at], hay[at + 1]];
            self.begins[usize::from(u16::from_le_bytes(start))]
                && self.all[&start].iter().any(|needle| hay[at..].starts_with(needle))
        })
    }
}

/// Looks for the words in each usual spelling, for every eight bytes of every packet, and for the passphrase.
fn search(moment: &str, dir: &Path, packets: &[Vec<u8>]) {
    let mut found = Vec::new();
    files(dir, &mut found);
    assert!(found.iter().any(|(_, bytes)| bytes.len() > 4096), "{moment}: there is something to search");
    let mut needles: Vec<Vec<u8>> = Vec::new();
    for word in CANARY.split(' ').chain([CANARY, CANARY_SLOT, PASSPHRASE]).filter(|word| word.len() > 5) {
        needles.push(word.as_bytes().to_vec());
        needles.push(word.to_lowercase().into_bytes());
        needles.push(word.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
    let words = Needles::new(needles);
    let frames = Needles::new(packets.iter().flat_map(|packet| packet.windows(8)).map(<[u8]>::to_vec));
    for (name, bytes) in &found {
        assert!(!words.in_(bytes), "{moment}: {name} holds words");
        assert!(!frames.in_(bytes), "{moment}: {name} holds eight bytes of an Opus frame");
    }
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_byte_on_the_disk_or_in_a_log_tells_what_was_said() {
    let log = Captured::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let house = Household::new();
    let dir = house.dir.path().to_owned();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    house.journal.set_reviewer(&ada, ada.id(), true, house.now).unwrap();
    let settings = Settings { review: true, ..house.journal.settings(&bert).unwrap() };
    house.journal.set_settings(&bert, settings, house.now).unwrap();
    let packets = spoken_packets();
    // The search itself must be able to find.
    fs::write(dir.join("plant"), &packets[70]).unwrap();
    fs::write(dir.join("plant-words"), CANARY).unwrap();
    assert!(std::panic::catch_unwind(|| search("planted", &dir, &packets)).is_err());
    fs::remove_file(dir.join("plant")).unwrap();
    assert!(std::panic::catch_unwind(|| search("planted words", &dir, &packets)).is_err());
    fs::remove_file(dir.join("plant-words")).unwrap();

    let mut recordings = Vec::new();
    for speaker in [None, Some(ada.id()), Some(bert.id())] {
        let recorder = house.recorder("kitchen", Retention::UntilErased);
        let mut live = recorder.listen_live(Purpose::Transcribe, house.now).unwrap();
        for (n, packet) in packets.iter().enumerate() {
            recorder.push(packet.clone()).unwrap();
            if n == 75 {
                search("while it is spoken", &dir, &packets);
            }
        }
        assert_eq!(live.take().len(), packets.len());
        let words = Words {
            transcript: Some(CANARY.to_owned().into()),
            intent: Some("HassTurnOn".into()),
            slots: vec![("name".into(), CANARY_SLOT.to_owned().into())],
            explanation: Some(format!("{{\"sentence\": \"{CANARY}\"}}").into()),
            ..Words::default()
        };
        let finished = Finished { speaker, outcome: Outcome::Done, words };
        recordings.push(recorder.finish(finished, house.now).unwrap().recording().unwrap());
        search("after it was recorded", &dir, &packets);
    }
    let filter = Filter { words: Some("quetzalcoatlus".into()), ..Filter::default() };
    let page = house.journal.history(&ada, &filter, None, 10, Purpose::Recall, house.now).unwrap();
    assert_eq!(page.entries.len(), 2);
    house.journal.listen(recordings[1], &ada, Purpose::Recall, house.now).unwrap();
    search("while somebody listens", &dir, &packets);
    let clip = house.journal.review_queue(&ada).unwrap()[0];
    house.journal.review(clip, &ada, house.now).unwrap();
    let verdict = sotto_journal::Verdict {
        transcript: Some(CANARY.to_owned().into()),
        judged: sotto_journal::Judged::Wrong,
    };
    house.journal.judge(clip, &ada, &verdict, house.now).unwrap();
    search("after a review", &dir, &packets);
    house.journal.claim(recordings[0], &ada, house.now).unwrap();
    search("after a claim", &dir, &packets);
    let out = tempfile::tempdir().unwrap();
    let (archive, ring) = (out.path().join("archive"), out.path().join("ring"));
    house.journal.backup(&archive, &ring, house.now).unwrap();
    search("in a backup", out.path(), &packets);
    house.journal.erase(&Selection { whose: Whose::Both, what: What::Everything }, &ada, house.now).unwrap();
    house.journal.sweep(house.now + days(1)).unwrap();
    search("after erasing", &dir, &packets);
    let now = house.now;
    drop(house.journal);
    search("when the hub is off", &dir, &packets);
    drop(Journal::open(&dir, household::options(), now).unwrap());
    let log = log.0.lock().unwrap();
    let words = CANARY.split(' ').chain([PASSPHRASE]).filter(|word| word.len() > 5);
    assert!(!Needles::new(words.map(|word| word.as_bytes().to_vec())).in_(&log), "a log line holds words");
}

#[test]
fn what_was_erased_is_overwritten_in_the_file() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(Some(ada.id()), "erase me");
    let path = house.dir.path().join("journal.db");
    let sealed: Vec<Vec<u8>> = {
        let raw = rusqlite::Connection::open(&path).unwrap();
        ["SELECT sealed FROM sounds", "SELECT sealed FROM words", "SELECT sealed FROM seals"]
            .map(|sql| raw.query_row(sql, [], |row| row.get(0)).unwrap())
            .to_vec()
    };
    let holds = || {
        let mut found = Vec::new();
        files(house.dir.path(), &mut found);
        let is_there = |sealed: &Vec<u8>| {
            let needle = Needles::new([sealed[..40].to_vec()]);
            found.iter().any(|(_, bytes)| needle.in_(bytes))
        };
        sealed.iter().filter(|sealed| is_there(sealed)).count()
    };
    assert_eq!(holds(), 3);
    house.journal.erase(&Selection::one(recording), &ada, house.now).unwrap();
    assert_eq!(holds(), 0, "in the database or its WAL");
}
