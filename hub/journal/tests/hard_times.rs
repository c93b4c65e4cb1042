//! A full disk, a damaged file and an older version: said clearly, with nothing lost.

mod household;

use household::{Household, PASSPHRASE, evening, options};
use sotto_house::{Outcome, Retention, Role};
use sotto_journal::{
    Change, Filter, Finished, Journal, ListenError, OpenError, Options, Purpose, RecordError, Selection,
    State, StoreError, What, Whose, Words,
};

#[test]
fn a_full_disk_stops_recording_keeps_what_is_there_and_erasing_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let limited = Options { limit: Some(600 * 1024), ..options() };
    let journal = Journal::open(dir.path(), limited, evening()).unwrap();
    let house = Household { dir, journal, now: evening() };
    let ada = house.member("Ada", Role::Adult);
    let mut changes = house.journal.subscribe();
    let record = || {
        let recorder = house.recorder("kitchen", Retention::UntilErased);
        for _ in 0..20 {
            recorder.push(vec![7; 1000]).unwrap();
        }
        let words = Words { transcript: Some("hello".to_owned().into()), ..Words::default() };
        let finished = Finished { speaker: Some(ada.id()), outcome: Outcome::Done, words };
        recorder.finish(finished, house.now)
    };
    let mut kept = Vec::new();
    let error = loop {
        match record() {
            Ok(recorded) => kept.push(recorded.recording().unwrap()),
            Err(error) => break error,
        }
        assert!(kept.len() < 100, "the limit is not looked at");
    };
    assert!(matches!(error, RecordError::Store(StoreError::Full)), "{error}");
    assert!(matches!(house.journal.state(), State::Full { .. }));
    let mut told = false;
    while let Ok(change) = changes.try_recv() {
        told |= change == Change::State;
    }
    assert!(told, "the page is told");
    for recording in &kept {
        assert!(house.journal.entry(*recording, &ada, Purpose::Recall, house.now).is_ok());
    }
    let some = Selection { whose: Whose::Mine, what: What::These(kept[..3].to_vec()) };
    assert_eq!(house.journal.erase(&some, &ada, house.now).unwrap().count, 3);
    assert_eq!(house.journal.state(), State::Sound);
    assert!(record().is_ok());
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

#[test]
fn a_damaged_recording_is_said_to_be_and_does_not_spoil_the_page() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let (good, bad) = (house.say(Some(ada.id()), "good"), house.say(Some(ada.id()), "bad"));
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    for table in ["sounds", "words"] {
        raw.execute_batch(&format!(
            "UPDATE {table} SET sealed = zeroblob(length(sealed)) WHERE n = (SELECT max(n) FROM {table})"
        ))
        .unwrap();
    }
    let damaged = house.journal.listen(bad, &ada, Purpose::Recall, house.now);
    assert!(matches!(damaged, Err(ListenError::Damaged)));
    let page = house.journal.history(&ada, &Filter::default(), None, 9, Purpose::Recall, house.now).unwrap();
    let readable: Vec<_> =
        page.entries.iter().map(|entry| (entry.recording, entry.words.is_some())).collect();
    assert_eq!(readable, [(bad, false), (good, true)]);
    assert_eq!(house.journal.erase(&Selection::one(bad), &ada, house.now).unwrap().count, 1);
}

#[test]
fn swapped_ciphertexts_and_seals_open_nothing() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let (one, two) = (house.say(Some(ada.id()), "one"), house.say(Some(ada.id()), "two"));
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    raw.execute_batch("UPDATE seals SET n = -n; UPDATE seals SET n = 3 + n").unwrap();
    for recording in [one, two] {
        let swapped = house.journal.listen(recording, &ada, Purpose::Recall, house.now);
        assert!(matches!(swapped, Err(ListenError::Damaged)));
    }
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("journal.db"), b"this is a shopping list. ".repeat(100)).unwrap();
    let refused = Journal::open(dir.path(), options(), evening()).map(|_| ());
    assert!(matches!(refused, Err(OpenError::Store(StoreError::Damaged))), "{refused:?}");
}

#[test]
fn after_a_crash_damage_is_found() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    for n in 0..200 {
        house.say(Some(ada.id()), &format!("recording {n}"));
    }
    let (dir, now) = (house.dir, house.now);
    drop(house.journal);
    let path = dir.path().join("journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    std::fs::write(dir.path().join("journal.open"), b"").unwrap();
    let journal = Journal::open(dir.path(), options(), now).unwrap();
    while journal.state() == State::Checking {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(journal.state(), State::Damaged);
}

/// Every released shape, oldest first: each is what the one before became.
const SHAPES: [&str; 4] = [
    include_str!("../src/migrations/0001.sql"),
    include_str!("../src/migrations/0002.sql"),
    include_str!("../src/migrations/0003.sql"),
    include_str!("../src/migrations/0004.sql"),
];

#[test]
fn each_released_shape_is_brought_up_to_date() {
    for version in 1..=SHAPES.len() {
        let dir = tempfile::tempdir().unwrap();
        let raw = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
        SHAPES[..version].iter().for_each(|shape| raw.execute_batch(shape).unwrap());
        raw.pragma_update(None, "user_version", version as i64).unwrap();
        raw.execute_batch(
            "INSERT INTO labels (label, text) VALUES (1, 'kitchen-1');
             INSERT INTO area_keep (area, keep) VALUES ('kitchen', 3);",
        )
        .unwrap();
        drop(raw);
        let journal = Journal::open(dir.path(), options(), evening()).unwrap();
        assert_eq!(journal.area_keeps().unwrap()[0].1, Retention::Week);
        journal.add_member("Ada", Role::Adult, true, PASSPHRASE, evening()).unwrap();
        let house = Household { dir, journal, now: evening() };
        house.say(None, "hello");
        assert_eq!(house.journal.counts().unwrap().last().unwrap().1, 1);
    }
}

/// A journal of the first release, with what it had recorded, erased and not yet overwritten.
#[test]
fn what_the_first_release_kept_opens_today() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let said: Vec<_> = (0..5).map(|n| house.say(Some(ada.id()), &format!("number {n}"))).collect();
    let (dir, now) = (house.dir, house.now);
    drop((house.journal, ada));
    let raw = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    raw.execute_batch(
        "DROP TABLE voices; DROP TABLE passkeys; DROP TABLE shelves;
         ALTER TABLE people DROP COLUMN recognise; ALTER TABLE people DROP COLUMN words_out;
         ALTER TABLE people DROP COLUMN given; DROP TABLE guardians; ALTER TABLE doomed DROP COLUMN erasure;
         DROP INDEX recordings_by_owner; DROP INDEX recordings_by_outcome;
         DROP INDEX recordings_by_area; DROP INDEX recordings_by_satellite;
         CREATE INDEX recordings_by_owner ON recordings (owner, at);
         CREATE INDEX recordings_by_outcome ON recordings (owner, outcome, at);
         CREATE INDEX recordings_by_area ON recordings (owner, area, at);
         CREATE INDEX recordings_by_satellite ON recordings (owner, satellite, at);
         -- As it erased: everything in one transaction but the ciphertext.
         INSERT INTO doomed (n) VALUES (3); DELETE FROM seals WHERE n = 3;
         INSERT INTO tombstones SELECT recording, 1 FROM recordings WHERE n = 3;
         DELETE FROM recordings WHERE n = 3;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(raw);
    let journal = Journal::open(dir.path(), options(), now).unwrap();
    let ada = journal.sign_in("Ada", PASSPHRASE, now).unwrap();
    assert_eq!(journal.sweep(now).unwrap().overwritten, 1);
    let filter = Filter { words: Some("number".to_owned()), ..Filter::default() };
    let page = journal.history(&ada, &filter, None, 10, Purpose::Recall, now).unwrap();
    let found: Vec<_> = page.entries.iter().map(|entry| entry.recording).collect();
    assert_eq!(found, [said[4], said[3], said[1], said[0]]);
    for recording in found {
        assert!(journal.listen(recording, &ada, Purpose::Recall, now).is_ok());
    }
    journal.verify(&[]).unwrap();
}

#[test]
fn a_newer_journal_is_left_alone() {
    let house = Household::new();
    let (dir, now) = (house.dir, house.now);
    drop(house.journal);
    let raw = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let refused = Journal::open(dir.path(), options(), now).map(|_| ());
    assert!(matches!(refused, Err(OpenError::Newer { found: 99, .. })), "{refused:?}");
}
