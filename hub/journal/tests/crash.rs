//! The hub is killed at any instant: each recording is whole or erased, and a confirmed erasure stays.
//!
//! The test starts itself as a child that records and erases as fast as it can and says on its standard output what is
//! confirmed; then kills it with SIGKILL and looks at what is there. `SOTTO_CRASHES` sets how many times (12 in the
//! gate).

mod household;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use household::{PASSPHRASE, evening, options, packets};
use sotto_house::{Outcome, PersonId, RecordingId, Retention, Role, SatelliteId, UtteranceId};
use sotto_journal::{Finished, Heard, Journal, ListenError, Purpose, Selection, State, What, Whose, Words};

const CHILD: &str = "SOTTO_CRASH_CHILD";

fn text_of(number: u64) -> String {
    format!("utterance number {number} {}", "x".repeat((number % 7) as usize * 500))
}

fn record(journal: &Journal, speaker: Option<PersonId>, number: u64) -> RecordingId {
    let heard = Heard {
        utterance: UtteranceId::from_bytes([1; 16]),
        satellite: SatelliteId::new("kitchen").unwrap(),
        area: None,
        at: evening(),
        pre_roll: Duration::ZERO,
    };
    let recorder = journal.record(heard, Retention::UntilErased);
    for packet in packets(&text_of(number)) {
        recorder.push(packet[..packet.len().min(1200)].to_vec()).unwrap();
    }
    let words = Words { transcript: Some(text_of(number).into()), ..Words::default() };
    let kept = recorder.finish(Finished { speaker, outcome: Outcome::Done, words }, evening()).unwrap();
    kept.recording().unwrap()
}

/// Records and erases until it is killed.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let journal = Journal::open(Path::new(&dir), options(), evening()).unwrap();
    let ada = journal.sign_in("Ada", PASSPHRASE, evening()).unwrap();
    let mut out = std::io::stdout();
    // Ends the line on which the test harness has just announced this test.
    writeln!(out).unwrap();
    let mut mine = Vec::new();
    // Differs from one child to the next, so that the kill meets each kind of work.
    let start = u64::from(std::process::id());
    for number in start.. {
        let recording = record(&journal, Some(ada.id()), number);
        writeln!(out, "+ {recording} {number}").unwrap();
        mine.push(recording);
        match number % 11 {
            3 | 7 => {
                let recording = mine.swap_remove(number as usize % mine.len());
                writeln!(out, "? {recording}").unwrap();
                journal.erase(&Selection::one(recording), &ada, evening()).unwrap();
                writeln!(out, "- {recording}").unwrap();
            }
            5 => {
                writeln!(out, "? all").unwrap();
                let everything = Selection { whose: Whose::Mine, what: What::Everything };
                journal.erase(&everything, &ada, evening()).unwrap();
                writeln!(out, "- all").unwrap();
                mine.clear();
            }
            9 => {
                journal.sweep(evening()).unwrap();
            }
            _ => {}
        }
    }
}

/// What the child has said, in all its lives.
#[derive(Default)]
struct Told {
    /// Recorded, and not even begun to be erased.
    whole: BTreeMap<RecordingId, u64>,
    /// Its erasure was begun and not confirmed: whole or erased.
    either: BTreeMap<RecordingId, u64>,
    erased: BTreeSet<RecordingId>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (kind, what) = (words.next(), words.next().unwrap_or_default());
        let id = || what.parse::<RecordingId>();
        match (kind, what) {
            (Some("+"), _) => {
                // A line cut by the kill is no confirmation.
                if let (Ok(id), Some(Ok(number))) = (id(), words.next().map(str::parse)) {
                    self.whole.insert(id, number);
                }
            }
            (Some("?"), "all") => self.either.append(&mut self.whole),
            (Some("?"), _) => {
                if let Ok(id) = id() {
                    let number = self.whole.remove(&id).expect("the child erases what it said it recorded");
                    self.either.insert(id, number);
                }
            }
            (Some("-"), "all") => self.erased.extend(std::mem::take(&mut self.either).into_keys()),
            (Some("-"), _) => {
                if let Ok(id) = id() {
                    self.either.remove(&id);
                    self.erased.insert(id);
                }
            }
            _ => {}
        }
    }
}

fn is_whole(journal: &Journal, ada: &sotto_journal::Person, id: RecordingId, number: u64) -> bool {
    match journal.listen(id, ada, Purpose::Recall, evening()) {
        Ok(sound) => {
            let expect = packets(&text_of(number));
            assert_eq!(sound.packets().len(), expect.len());
            for (packet, expect) in sound.packets().zip(expect) {
                assert_eq!(packet, &expect[..expect.len().min(1200)], "{id} is not what was said");
            }
            let entry = journal.entry(id, ada, Purpose::Recall, evening()).unwrap().unwrap();
            assert_eq!(**entry.words.unwrap().transcript.as_ref().unwrap(), text_of(number));
            true
        }
        Err(ListenError::NotFound) => {
            assert!(journal.entry(id, ada, Purpose::Recall, evening()).unwrap().is_none());
            false
        }
        Err(error) => panic!("{id} is neither whole nor erased: {error}"),
    }
}

#[test]
fn killed_at_any_instant_each_recording_is_whole_or_erased() {
    let crashes: u32 = std::env::var("SOTTO_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let dir = tempfile::tempdir().unwrap();
    {
        let journal = Journal::open(dir.path(), options(), evening()).unwrap();
        journal.add_member("Ada", Role::Adult, true, PASSPHRASE, evening()).unwrap();
    }
    let mut told = Told::default();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut kept = 0;
    for crash in 0..crashes {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // The kill comes a random while after the first confirmation, not after the start of the process.
        while !line.starts_with('+') {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the child ended by itself");
        }
        told.hear(line.trim_end());
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.split(b'\n').map(Result::unwrap) {
            told.hear(&String::from_utf8_lossy(&line));
        }

        let journal = Journal::open(dir.path(), options(), evening()).unwrap();
        while journal.state() == State::Checking {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(journal.state(), State::Sound, "crash {crash}");
        let ada = journal.sign_in("Ada", PASSPHRASE, evening()).unwrap();
        for (id, number) in &told.whole {
            assert!(is_whole(&journal, &ada, *id, *number), "crash {crash}: {id} was confirmed and is gone");
        }
        for (id, number) in std::mem::take(&mut told.either) {
            if is_whole(&journal, &ada, id, number) {
                told.whole.insert(id, number);
            } else {
                told.erased.insert(id);
            }
        }
        for id in &told.erased {
            assert!(!is_whole(&journal, &ada, *id, 0), "crash {crash}: {id} came back");
        }
        journal.verify(&[]).unwrap();
        journal.sweep(evening()).unwrap();
        no_orphans(dir.path());
        kept += told.whole.len();
        if told.whole.len() > 300 {
            let everything = Selection { whose: Whose::Mine, what: What::Everything };
            journal.erase(&everything, &ada, evening()).unwrap();
            told.erased.extend(std::mem::take(&mut told.whole).into_keys());
        }
    }
    println!(
        "{crashes} crashes: {} recordings erased for good, {kept} looks at whole ones",
        told.erased.len()
    );
    assert!(!told.erased.is_empty() && kept > 0, "the child did both kinds of work");
}

/// After a sweep nothing is left of the erased, and nothing is half there.
fn no_orphans(dir: &Path) {
    let raw = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    for table in ["seals", "words", "sounds"] {
        for (sql, what) in [
            (format!("SELECT count(*) FROM {table} WHERE n NOT IN (SELECT n FROM recordings)"), "an orphan"),
            (format!("SELECT count(*) FROM recordings WHERE n NOT IN (SELECT n FROM {table})"), "a half"),
        ] {
            let count: i64 = raw.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(count, 0, "{what} in {table}");
        }
    }
}
