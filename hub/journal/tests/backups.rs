//! A backup may be copied anywhere, and does not bring back what was erased.

mod household;

use std::path::{Path, PathBuf};

use household::{Household, PASSPHRASE, evening, options, packets};
use sotto_house::{RecordingId, Role};
use sotto_journal::{BackupError, Journal, Person, Purpose, Selection};

struct Shelf {
    dir: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        Shelf { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn restore(&self, to: &Path, archive: &str, ring: &str) -> Result<sotto_journal::Restored, BackupError> {
        Journal::restore(to, &self.path(archive), &self.path(ring), options(), evening())
    }
}

fn hears(journal: &Journal, who: &Person, recording: RecordingId, text: &str) -> bool {
    match journal.listen(recording, who, Purpose::Recall, evening()) {
        Ok(sound) => {
            assert_eq!(sound.packets().map(<[u8]>::to_vec).collect::<Vec<_>>(), packets(text));
            let entry = journal.entry(recording, who, Purpose::Recall, evening()).unwrap().unwrap();
            assert_eq!(**entry.words.unwrap().transcript.as_ref().unwrap(), text);
            true
        }
        Err(_) => false,
    }
}

#[test]
fn a_new_machine_gets_everything_back_and_nothing_that_was_erased() {
    let house = Household::new();
    let shelf = Shelf::new();
    let ada = house.member("Ada", Role::Adult);
    let kept = house.say(Some(ada.id()), "kept");
    let erased = house.say(Some(ada.id()), "erased");
    let houses = house.say(None, "the house's");
    let made = house.journal.backup(&shelf.path("archive"), &shelf.path("old-ring"), house.now).unwrap();
    assert_eq!(made.recordings, 3);
    house.journal.erase(&Selection::one(erased), &ada, house.now).unwrap();
    let late = house.say(Some(ada.id()), "after the archive");
    house.journal.backup(&shelf.path("new-archive"), &shelf.path("ring"), house.now).unwrap();
    let head = house.journal.head().unwrap().unwrap();

    let new = tempfile::tempdir().unwrap();
    let restored = shelf.restore(new.path(), "archive", "ring").unwrap();
    assert_eq!((restored.recordings, restored.erased, restored.missing), (2, 1, 1));
    let journal = Journal::open(new.path(), options(), evening()).unwrap();
    let ada = journal.sign_in("Ada", PASSPHRASE, evening()).unwrap();
    assert!(hears(&journal, &ada, kept, "kept") && hears(&journal, &ada, houses, "the house's"));
    assert!(!hears(&journal, &ada, erased, "erased") && !hears(&journal, &ada, late, "after the archive"));
    let verified = journal.verify(&[]).unwrap();
    assert!(verified.entries >= head.seq - 1);
}

#[test]
fn todays_key_ring_cannot_open_what_an_old_archive_still_holds() {
    let house = Household::new();
    let shelf = Shelf::new();
    let ada = house.member("Ada", Role::Adult);
    let erased = house.say(Some(ada.id()), "erased");
    house.journal.backup(&shelf.path("archive"), &shelf.path("ring"), house.now).unwrap();
    let seals = |path: &Path| -> i64 {
        let ring = rusqlite::Connection::open(path).unwrap();
        ring.query_row("SELECT (SELECT count(*) FROM seals) + (SELECT count(*) FROM recordings)", [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    assert_eq!(seals(&shelf.path("ring")), 2);
    house.journal.erase(&Selection::one(erased), &ada, house.now).unwrap();
    std::fs::copy(shelf.path("archive"), shelf.path("old-archive")).unwrap();
    house.journal.backup(&shelf.path("archive"), &shelf.path("ring"), house.now).unwrap();
    assert_eq!(seals(&shelf.path("ring")), 0, "no key in the ring opens it");
    let old = rusqlite::Connection::open(shelf.path("old-archive")).unwrap();
    let there: i64 = old.query_row("SELECT count(*) FROM pieces", [], |row| row.get(0)).unwrap();
    assert_eq!(there, 1, "its ciphertext is still in the old archive");
    let columns: Vec<String> = old
        .prepare("SELECT name FROM pragma_table_info('pieces')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(columns, ["recording", "sound", "words", "correction"], "and no key, time or name");
    let new = tempfile::tempdir().unwrap();
    assert_eq!(shelf.restore(new.path(), "old-archive", "ring").unwrap().recordings, 0);
}

#[test]
fn an_old_archive_with_its_old_ring_does_not_undo_an_erasure_where_it_was_made() {
    let house = Household::new();
    let shelf = Shelf::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    let kept = house.say(Some(ada.id()), "kept");
    let erased = house.say(Some(ada.id()), "erased");
    let left = house.say(Some(bert.id()), "bert's");
    house.journal.backup(&shelf.path("archive"), &shelf.path("ring"), house.now).unwrap();
    house.journal.erase(&Selection::one(erased), &ada, house.now).unwrap();
    house.journal.remove_member(&ada, bert.id(), house.now).unwrap();
    let (dir, now) = (house.dir, house.now);
    drop(house.journal);
    // What a failing disk took away.
    let raw = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    raw.execute_batch("DELETE FROM sounds; DELETE FROM words; DELETE FROM recordings; DELETE FROM seals")
        .unwrap();
    drop(raw);
    let restored = shelf.restore(dir.path(), "archive", "ring").unwrap();
    assert_eq!((restored.recordings, restored.erased), (1, 2));
    let journal = Journal::open(dir.path(), options(), now).unwrap();
    let ada = journal.sign_in("Ada", PASSPHRASE, evening()).unwrap();
    assert!(hears(&journal, &ada, kept, "kept"));
    assert!(!hears(&journal, &ada, erased, "erased"));
    assert!(journal.sign_in("Bert", PASSPHRASE, evening()).is_err());
    assert!(journal.entry(left, &ada, Purpose::Recall, evening()).unwrap().is_none());
    journal.verify(&[]).unwrap();
}

#[test]
fn what_changed_hands_since_is_not_passed_off_as_whole() {
    let house = Household::new();
    let shelf = Shelf::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(None, "whose was it");
    house.journal.backup(&shelf.path("archive"), &shelf.path("ring"), house.now).unwrap();
    house.journal.claim(recording, &ada, house.now).unwrap();
    house.journal.backup(&shelf.path("other"), &shelf.path("ring"), house.now).unwrap();
    let new = tempfile::tempdir().unwrap();
    let restored = shelf.restore(new.path(), "archive", "ring").unwrap();
    assert_eq!((restored.recordings, restored.missing), (0, 1));
}

#[test]
fn wrong_files_are_named() {
    let (house, other) = (Household::new(), Household::new());
    let shelf = Shelf::new();
    house.journal.backup(&shelf.path("archive"), &shelf.path("ring"), house.now).unwrap();
    other.journal.backup(&shelf.path("other"), &shelf.path("other-ring"), other.now).unwrap();
    std::fs::write(shelf.path("junk"), b"not a backup at all, but long enough to look at".repeat(200))
        .unwrap();
    let same = shelf.path("archive");
    assert!(matches!(house.journal.backup(&same, &same, house.now), Err(BackupError::SameFile)));
    let fresh = || tempfile::tempdir().unwrap();
    let missing = shelf.restore(fresh().path(), "nothing", "ring");
    assert!(matches!(missing, Err(BackupError::Missing { .. })), "{missing:?}");
    for (archive, ring) in [("junk", "ring"), ("archive", "junk")] {
        let junk = shelf.restore(fresh().path(), archive, ring);
        assert!(matches!(junk, Err(BackupError::Read { .. })), "{junk:?}");
    }
    let foreign = shelf.restore(fresh().path(), "archive", "other-ring");
    assert!(matches!(foreign, Err(BackupError::OtherArchive { .. })), "{foreign:?}");
    let dir = house.dir;
    drop(house.journal);
    let foreign = shelf.restore(dir.path(), "other", "other-ring");
    assert!(matches!(foreign, Err(BackupError::OtherHousehold { .. })), "{foreign:?}");
}

#[test]
fn a_persons_archive_holds_all_of_theirs_and_nothing_else() {
    let house = Household::new();
    let ada = house.member("Ada <&>", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    for n in 0..120 {
        house.say(Some(ada.id()), &format!("mine <b>{n}</b>"));
    }
    house.say(Some(bert.id()), "not hers");
    house.say(None, "nobody's");
    let mut zip = Vec::new();
    let mut steps = Vec::new();
    let done = house.journal.export(&ada, &mut zip, house.now, |progress| steps.push(progress.done)).unwrap();
    assert_eq!((done.done, done.total, steps), (120, 120, vec![50, 100, 120]));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names.iter().filter(|name| name.ends_with(".opus")).count(), 120);
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut zip.by_name(name).unwrap(), &mut bytes).unwrap();
        bytes
    };
    let recordings = String::from_utf8(read("recordings.jsonl")).unwrap();
    assert_eq!(recordings.lines().count(), 120);
    for line in recordings.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(read(line["file"].as_str().unwrap()).starts_with(b"OggS"));
    }
    let page = String::from_utf8(read("index.html")).unwrap();
    assert!(page.contains("mine &lt;b&gt;7&lt;/b&gt;") && page.contains("Ada &lt;&amp;&gt;"));
    assert!(!page.contains("not hers") && !page.contains("nobody"));
    let access = String::from_utf8(read("access.jsonl")).unwrap();
    assert!(access.lines().any(|line| line.contains("Exported")));
}
