//! What is kept "not at all" never touches the disk, and nothing else does that is not finished.

mod household;

use std::fs;
use std::process::Command;

use household::{Household, packets};
use sotto_house::{Outcome, Retention, Role};
use sotto_journal::{Finished, Purpose, Recorded, Settings, Words};

/// Bytes that this process has given to any `write` call, to whatever file or socket.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").expect("Linux counts what a process writes");
    let line = io.lines().find(|line| line.starts_with("wchar:")).expect("a count of bytes written");
    line.trim_start_matches("wchar:").trim().parse().expect("a number")
}

fn spoken(text: &str) -> Words {
    Words { transcript: Some(text.to_owned().into()), ..Words::default() }
}

/// In a process of its own, where nothing else writes: prints how many bytes each case wrote.
#[test]
fn alone_in_its_process() {
    if std::env::var_os("SOTTO_ALONE").is_none() {
        return;
    }
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let guest = house.member("Guest", Role::Guest);
    let settings = Settings { keep: Retention::NotAtAll, ..house.journal.settings(&ada).unwrap() };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    house.say(None, "warm up");
    let record = |keep, speaker, outcome, finish: bool| {
        let before = written();
        let recorder = house.recorder("kitchen", keep);
        for packet in packets("nothing of this is kept") {
            recorder.push(packet).unwrap();
        }
        if finish {
            let finished = Finished { speaker, outcome, words: spoken("nothing of this is kept") };
            assert_eq!(recorder.finish(finished, house.now).unwrap(), Recorded::NotKept);
        } else {
            drop(recorder);
        }
        written() - before
    };
    let ada = Some(ada.id());
    let wrote = [
        record(Retention::NotAtAll, None, Outcome::Done, true),
        record(Retention::UntilErased, ada, Outcome::Done, true),
        record(Retention::UntilErased, Some(guest.id()), Outcome::Done, true),
        record(Retention::UntilErased, None, Outcome::AnsweredElsewhere, true),
        record(Retention::UntilErased, None, Outcome::Done, false),
    ];
    println!("WROTE {wrote:?}");
    // The measure itself must be able to see: a recording that is kept does write.
    let before = written();
    house.say(None, "this is kept");
    println!("KEPT {}", written() - before);
}

#[test]
fn not_one_byte_is_written_of_what_is_not_kept() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "alone_in_its_process", "--nocapture", "--test-threads=1"])
        .env("SOTTO_ALONE", "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{output}{}", String::from_utf8_lossy(&child.stderr));
    assert!(output.contains("WROTE [0, 0, 0, 0, 0]"), "{output}");
    let kept = output.split("KEPT ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    assert!(kept.parse::<u64>().unwrap() > 1000, "{output}");
}

#[test]
fn heard_live_and_not_kept_leaves_a_time_and_a_random_id() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recorder = house.recorder("bathroom", Retention::NotAtAll);
    let mut live = recorder.listen_live(Purpose::Transcribe, house.now).unwrap();
    recorder.push(vec![0xa7; 60]).unwrap();
    assert_eq!(live.take().len(), 1);
    let finished = Finished { speaker: Some(ada.id()), outcome: Outcome::Done, words: spoken("psst") };
    assert_eq!(recorder.finish(finished, house.now).unwrap(), Recorded::NotKept);
    assert!(live.take().is_empty());
    let (db, wal) = ("journal.db", "journal.db-wal");
    for file in [db, wal] {
        let bytes = fs::read(house.dir.path().join(file)).unwrap();
        for needle in [&b"bathroom"[..], b"psst", &[0xa7; 12]] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{file}");
        }
    }
}
