//! A voice profile is its person's: sealed on the disk, ready after a power cut, gone with them, never somebody else's.

mod household;

use household::{Household, minutes, options};
use sotto_house::{Calibration, Outcome, Retention, Role};
use sotto_journal::{EraseError, Journal, Purpose, Settings, VoiceChoices};

const PROFILE: &[u8] = b"two hundred and fifty-six numbers that tell Ada from all others";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn on_disk(house: &Household, needle: &[u8]) -> bool {
    std::fs::read_dir(house.dir.path())
        .unwrap()
        .any(|entry| contains(&std::fs::read(entry.unwrap().path()).unwrap(), needle))
}

#[test]
fn a_voice_is_sealed_at_rest_and_there_again_after_a_restart() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Child);
    house.journal.set_voice(&ada, PROFILE, house.now).unwrap();
    assert!(!on_disk(&house, PROFILE), "the profile lies on the disk in clear");
    assert_eq!(house.journal.voice(&ada).unwrap().unwrap().1.as_slice(), PROFILE);
    assert!(house.journal.voice(&bert).unwrap().is_none());

    drop((ada, bert));
    house.journal = {
        let Household { dir, journal, .. } = &house;
        let other = journal.clone();
        drop(other);
        Journal::visit(dir.path(), options(), house.now).unwrap()
    };
    let voices = house.journal.voices().unwrap();
    assert_eq!(voices.len(), 1);
    assert_eq!(
        (voices[0].name.as_str(), voices[0].role, voices[0].choices.clone()),
        ("Ada", Role::Adult, VoiceChoices::default())
    );
    assert_eq!(voices[0].profile.as_slice(), PROFILE);
}

#[test]
fn nothing_is_chosen_for_a_voice_before_its_owner_says_so() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    house.journal.set_voice(&ada, PROFILE, house.now).unwrap();
    assert_eq!(house.journal.voice_choices(&ada).unwrap(), VoiceChoices::default());
    let choices = VoiceChoices { named: true, language: Some("de".to_owned()) };
    house.journal.set_voice_choices(&ada, &choices, house.now).unwrap();
    assert_eq!(house.journal.voices().unwrap()[0].choices, choices);
    house.journal.set_voice(&ada, b"learned anew", house.now).unwrap();
    assert_eq!(house.journal.voice_choices(&ada).unwrap(), choices, "re-enrolment changes no switch");
    house.journal.erase_voice(&ada, house.now).unwrap();
    house.journal.set_voice(&ada, PROFILE, house.now).unwrap();
    assert_eq!(house.journal.voices().unwrap()[0].choices, VoiceChoices::default());
}

#[test]
fn an_erased_voice_opens_in_no_older_copy() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    house.journal.set_voice(&ada, PROFILE, house.now).unwrap();
    house.journal.set_voice(&bert, b"Bert's", house.now).unwrap();
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(house.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    house.journal.erase_voice(&ada, house.now).unwrap();
    assert!(house.journal.voice(&ada).unwrap().is_none());
    let left = house.journal.voices().unwrap();
    assert_eq!((left.len(), left[0].profile.as_slice()), (1, &b"Bert's"[..]));

    // The old copy of the journal, with the key that there is now.
    let key = "voices.key";
    std::fs::copy(house.dir.path().join(key), copy.path().join(key)).unwrap();
    let old = Journal::open(copy.path(), options(), house.now).unwrap();
    assert!(old.voices().unwrap().is_empty());
}

#[test]
fn who_leaves_takes_their_voice_along() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    house.journal.set_voice(&ada, PROFILE, house.now).unwrap();
    house.journal.set_voice(&bert, b"Bert's", house.now).unwrap();
    house.journal.remove_member(&bert, bert.id(), house.now).unwrap();
    let left = house.journal.voices().unwrap();
    assert_eq!((left.len(), left[0].profile.as_slice()), (1, PROFILE));
    assert!(house.journal.set_voice(&bert, b"again", house.now).is_err());
}

#[test]
fn an_archive_holds_its_owners_voice_and_a_backup_nobodys() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    house.journal.set_voice(&ada, b"\x01\x02\xff", house.now).unwrap();
    let archive = |who| {
        let mut zip = Vec::new();
        house.journal.export(who, &mut zip, house.now, |_| {}).unwrap();
        zip
    };
    assert!(contains(&archive(&ada), b"0102ff"));
    assert!(!contains(&archive(&bert), b"voice.json"));
    let away = tempfile::tempdir().unwrap();
    let (pieces, ring) = (away.path().join("archive"), away.path().join("ring"));
    house.journal.backup(&pieces, &ring, house.now).unwrap();
    let back = tempfile::tempdir().unwrap();
    std::fs::copy(&ring, back.path().join("journal.db")).unwrap();
    assert!(Journal::open(back.path(), options(), house.now).unwrap().voices().unwrap().is_empty());
}

#[test]
fn a_voice_is_told_only_numbers_and_names_and_only_where_it_wants() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    house.say(Some(ada.id()), "one");
    house.say(Some(ada.id()), "two");
    house.say(Some(bert.id()), "three");
    assert!(matches!(house.journal.count_spoken(ada.id()), Err(EraseError::NotByVoice)));
    assert!(matches!(house.journal.listeners_spoken(ada.id(), house.now), Err(EraseError::NotByVoice)));
    assert!(matches!(house.journal.stop_keeping_spoken(ada.id(), house.now), Err(EraseError::NotByVoice)));
    let settings = house.journal.settings(&ada).unwrap();
    let settings = Settings { voice_erasure: true, keep: Retention::Month, ..settings };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    assert_eq!(house.journal.count_spoken(ada.id()).unwrap(), 2);

    let since = house.now;
    house.wait(minutes(1));
    let hers = house.say(Some(ada.id()), "four");
    house.journal.listen(hers, &ada, Purpose::Recall, house.now).unwrap();
    assert_eq!(house.journal.listeners_spoken(ada.id(), since).unwrap(), Vec::<String>::new());

    house.journal.stop_keeping_spoken(ada.id(), house.now).unwrap();
    assert_eq!(house.journal.settings(&ada).unwrap().keep, Retention::NotAtAll);
    assert_eq!(house.say_in("kitchen", Some(ada.id()), "five", Outcome::Done).recording(), None);
    assert_eq!(house.journal.count_spoken(ada.id()).unwrap(), 3);
}

#[test]
fn what_was_learned_of_strangers_outlives_a_restart() {
    let house = Household::new();
    assert_eq!(house.journal.calibration().unwrap(), Calibration::default());
    let mut learned = Calibration::default();
    (0..50).for_each(|n| learned.unknown(n as f32 / 100.0));
    house.journal.set_calibration(learned).unwrap();
    assert_eq!(house.journal.calibration().unwrap(), learned);
}
