//! A disk with no room left at all: recording stops, reading what is there goes on where it can, erasing works.
//!
//! The test starts itself again in a mount namespace of its own with a small tmpfs; where the system does not allow
//! that it says so and passes.

mod household;

use std::path::Path;
use std::process::Command;

use household::{Household, evening, options};
use sotto_house::{Outcome, Retention, Role};
use sotto_journal::{Finished, Journal, RecordError, Selection, State, StoreError, What, Whose, Words};

const DISK: &str = "SOTTO_SMALL_DISK";

#[test]
fn on_the_small_disk() {
    let Some(disk) = std::env::var_os(DISK) else { return };
    let disk = Path::new(&disk);
    let dir = tempfile::tempdir_in(disk).unwrap();
    let journal = Journal::open(dir.path(), options(), evening()).unwrap();
    let house = Household { dir, journal, now: evening() };
    let ada = house.member("Ada", Role::Adult);
    let record = || {
        let recorder = house.recorder("kitchen", Retention::UntilErased);
        for _ in 0..100 {
            recorder.push(vec![7; 1000]).unwrap();
        }
        let words = Words { transcript: Some("hello".to_owned().into()), ..Words::default() };
        recorder.finish(Finished { speaker: Some(ada.id()), outcome: Outcome::Done, words }, house.now)
    };
    for _ in 0..20 {
        record().unwrap();
    }
    // Somebody else fills the disk to the last byte.
    let fill = std::fs::File::create(disk.join("fill")).unwrap();
    let mut step = 1 << 20;
    let mut at = 0;
    while step > 0 {
        match std::os::unix::fs::FileExt::write_at(&fill, &vec![1; step], at) {
            Ok(written) if written > 0 => at += written as u64,
            _ => step /= 2,
        }
    }
    let error = loop {
        match record() {
            Ok(_) => continue,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RecordError::Store(StoreError::Full)), "{error:?}");
    assert!(matches!(house.journal.state(), State::Full { .. }));
    let everything = Selection { whose: Whose::Mine, what: What::Everything };
    let receipt = house.journal.erase(&everything, &ada, house.now).unwrap();
    assert!(receipt.count >= 20);
    assert_eq!(house.journal.state(), State::Sound);
    record().expect("what was erased made room");
    drop(ada);
    let (dir, now) = (house.dir, house.now);
    drop(house.journal);
    let journal = Journal::open(dir.path(), options(), now).unwrap();
    journal.verify(&[]).unwrap();
}

#[test]
fn on_a_disk_with_no_room_left_erasing_still_works() {
    let disk = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=96m tmpfs '{}' || exit 77; exec \"$0\" --exact on_the_small_disk --nocapture --test-threads=1",
        disk.path().display()
    );
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(DISK, disk.path())
        .output();
    match run {
        Ok(run) if run.status.success() => {
            assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"));
        }
        Ok(run) if run.status.code() == Some(101) => panic!("{}", String::from_utf8_lossy(&run.stderr)),
        _ => println!("SKIPPED: this system lets nobody mount a small disk (unshare, tmpfs)"),
    }
}
