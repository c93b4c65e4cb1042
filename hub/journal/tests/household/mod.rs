//! A household for tests: a journal in a directory of its own, members, and utterances to record.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sotto_house::{Area, Outcome, PersonId, RecordingId, Retention, Role, SatelliteId, UtteranceId};
use sotto_journal::{Finished, Hardness, Heard, Journal, Options, Person, Recorded, Recorder, Words};

pub const PASSPHRASE: &str = "four words are good";

/// A Monday evening in 2026.
pub fn evening() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

pub fn options() -> Options {
    Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() }
}

pub struct Household {
    pub dir: tempfile::TempDir,
    pub journal: Journal,
    pub now: Timestamp,
}

impl Household {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), options(), evening()).unwrap();
        Household { dir, journal, now: evening() }
    }

    pub fn wait(&mut self, duration: SignedDuration) {
        self.now += duration;
    }

    pub fn add(&self, name: &str, role: Role) -> PersonId {
        self.journal.add_member(name, role, name == "Ada", PASSPHRASE, self.now).unwrap().0
    }

    pub fn sign_in(&self, name: &str) -> Person {
        self.journal.sign_in(name, PASSPHRASE, self.now).unwrap()
    }

    /// Adds and signs in; the first adult is Ada, the administrator.
    pub fn member(&self, name: &str, role: Role) -> Person {
        self.add(name, role);
        self.sign_in(name)
    }

    pub fn recorder(&self, area: &str, keep: Retention) -> Recorder {
        let heard = Heard {
            utterance: UtteranceId::from_bytes([7; 16]),
            satellite: SatelliteId::new(&format!("{area}-1")).unwrap(),
            area: Some(Area::new(area).unwrap()),
            at: self.now,
            pre_roll: Duration::from_millis(60),
        };
        self.journal.record(heard, keep)
    }

    /// Somebody says `text` in `area`.
    pub fn say_in(&self, area: &str, speaker: Option<PersonId>, text: &str, outcome: Outcome) -> Recorded {
        let recorder = self.recorder(area, Retention::UntilErased);
        for packet in packets(text) {
            recorder.push(packet).unwrap();
        }
        let words = Words {
            transcript: Some(text.to_owned().into()),
            intent: Some("TurnOn".to_owned()),
            slots: vec![("name".to_owned(), "lamp".to_owned().into())],
            ..Words::default()
        };
        recorder.finish(Finished { speaker, outcome, words }, self.now).unwrap()
    }

    pub fn say(&self, speaker: Option<PersonId>, text: &str) -> RecordingId {
        self.say_in("kitchen", speaker, text, Outcome::Done).recording().unwrap()
    }
}

/// Ten packets that hold `text` in clear, so that a search for it in files means something.
pub fn packets(text: &str) -> Vec<Vec<u8>> {
    (0..10).map(|n| format!("opus packet {n} {text}").into_bytes()).collect()
}

pub fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}
