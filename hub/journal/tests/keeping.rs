//! How long recordings stay, and how they go.

mod household;

use household::{Household, days, minutes, options};
use jiff::{SignedDuration, Timestamp};
use sotto_house::{Area, FalseWakes, Outcome, Retention, Role, SatelliteId};
use sotto_journal::{
    Act, Actor, Asked, Attribution, EraseError, Filter, Journal, Owner, Purpose, Recorded, Selection,
    Settings, Spoken, What, Whose,
};

#[test]
fn each_recording_goes_when_its_owner_said() {
    for keep in Retention::ALL {
        let mut house = Household::new();
        let ada = house.member("Ada", Role::Adult);
        let settings = Settings { keep, ..house.journal.settings(&ada).unwrap() };
        house.journal.set_settings(&ada, settings, house.now).unwrap();
        let kept = house.say_in("kitchen", Some(ada.id()), "hello", Outcome::Done).recording();
        let Some(recording) = kept else {
            assert_eq!(keep, Retention::NotAtAll);
            continue;
        };
        let there = |house: &Household| {
            house.journal.sweep(house.now).unwrap();
            house.journal.entry(recording, &ada, Purpose::Recall, house.now).unwrap().is_some()
        };
        match keep.lifetime() {
            Some(lifetime) => {
                let lifetime = SignedDuration::try_from(lifetime).unwrap();
                house.wait(lifetime - SignedDuration::from_secs(1));
                assert!(there(&house), "{keep:?}, a second before");
                house.wait(SignedDuration::from_secs(1));
                assert!(!there(&house), "{keep:?}, at its time");
            }
            None => {
                house.wait(days(10_000));
                assert!(there(&house), "{keep:?}");
            }
        }
    }
}

#[test]
fn false_wakes_go_in_minutes_unknown_speakers_in_a_day_guests_leave_nothing() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let guest = house.member("Gus", Role::Guest);
    let settings = Settings { keep: Retention::UntilErased, ..house.journal.settings(&ada).unwrap() };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    let said = |outcome, speaker| house.say_in("kitchen", speaker, "hello", outcome).recording();
    let false_wake = said(Outcome::FalseWake, None).unwrap();
    let hers = said(Outcome::NothingSaid, Some(ada.id())).unwrap();
    let unknown = said(Outcome::Done, None).unwrap();
    let forever = said(Outcome::Done, Some(ada.id())).unwrap();
    assert_eq!(said(Outcome::Done, Some(guest.id())), None);
    let left = |house: &Household| {
        house.journal.sweep(house.now).unwrap();
        let page =
            house.journal.history(&ada, &Filter::default(), None, 10, Purpose::Recall, house.now).unwrap();
        let mut left: Vec<_> = page.entries.iter().map(|entry| entry.recording).collect();
        left.sort();
        left
    };
    let sorted = |mut ids: Vec<_>| {
        ids.sort();
        ids
    };
    assert_eq!(left(&house), sorted(vec![false_wake, hers, unknown, forever]));
    house.wait(minutes(10));
    assert_eq!(left(&house), sorted(vec![unknown, forever]));
    house.wait(days(1));
    assert_eq!(left(&house), [forever]);
}

#[test]
fn a_machine_that_was_off_catches_up_and_says_beforehand_what_will_go() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let mut expected = 0;
    for n in 0..1500 {
        let heard = sotto_journal::Heard {
            utterance: sotto_house::UtteranceId::from_bytes([1; 16]),
            satellite: SatelliteId::new("kitchen").unwrap(),
            area: None,
            at: house.now - days(n % 40),
            pre_roll: std::time::Duration::ZERO,
        };
        let finished = sotto_journal::Finished {
            speaker: Some(ada.id()),
            outcome: Outcome::Done,
            words: Default::default(),
        };
        house.journal.record(heard, Retention::UntilErased).finish(finished, house.now).unwrap();
        expected += u64::from(n % 40 >= 29);
    }
    let tonight = house.now + days(1);
    let expiring = house.journal.expiring(&ada, tonight + SignedDuration::from_millis(1)).unwrap();
    assert_eq!((expiring.mine, expiring.house), (expected, 0));
    let filter =
        Filter { expires_before: Some(tonight + SignedDuration::from_millis(1)), ..Filter::default() };
    let page = house.journal.history(&ada, &filter, None, 500, Purpose::Recall, house.now).unwrap();
    assert_eq!(page.entries.len() as u64, expected.min(500));
    let (dir, now) = (house.dir, house.now);
    drop(house.journal);
    let journal = Journal::open(dir.path(), options(), now).unwrap();
    let swept = journal.sweep(tonight).unwrap();
    assert_eq!((swept.erased, swept.overwritten), (expected, expected));
    let later = journal.sweep(now + days(400)).unwrap();
    assert_eq!(later.erased, 1500 - expected);
}

#[test]
fn a_shorter_choice_counts_for_what_is_already_there_and_areas_have_a_say() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let settings = Settings { keep: Retention::UntilErased, ..house.journal.settings(&ada).unwrap() };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    let bath = house.say_in("bathroom", Some(ada.id()), "a", Outcome::Done).recording().unwrap();
    let kitchen = house.say_in("kitchen", Some(ada.id()), "b", Outcome::Done).recording().unwrap();
    let expires = |recording| {
        let entry = house.journal.entry(recording, &ada, Purpose::Recall, house.now).unwrap().unwrap();
        entry.expires.map(|at| at.duration_since(house.now).as_hours() / 24)
    };
    assert_eq!((expires(bath), expires(kitchen)), (None, None));
    let area = Area::new("bathroom").unwrap();
    house.journal.set_area_keep(&ada, &area, Some(Retention::Day), house.now).unwrap();
    assert_eq!((expires(bath), expires(kitchen)), (Some(1), None));
    let settings = Settings { keep: Retention::Week, ..settings };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    assert_eq!((expires(bath), expires(kitchen)), (Some(1), Some(7)));
    assert_eq!(house.journal.area_keeps().unwrap(), [(area.clone(), Retention::Day)]);
    house.journal.set_area_keep(&ada, &area, Some(Retention::NotAtAll), house.now).unwrap();
    assert_eq!(house.say_in("bathroom", Some(ada.id()), "c", Outcome::Done).recording(), None);
    house.wait(minutes(1));
    house.journal.sweep(house.now).unwrap();
    assert!(house.journal.entry(bath, &ada, Purpose::Recall, house.now).unwrap().is_none());
}

#[test]
fn a_person_who_keeps_no_transcripts_keeps_the_intent() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let settings = Settings { transcripts: false, ..house.journal.settings(&ada).unwrap() };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    let recording = house.say(Some(ada.id()), "turn on the lamp");
    let entry = house.journal.entry(recording, &ada, Purpose::Recall, house.now).unwrap().unwrap();
    let words = entry.words.unwrap();
    assert_eq!((words.transcript, words.intent.as_deref()), (None, Some("TurnOn")));
}

#[test]
fn a_bedside_satellite_is_its_owners_and_a_known_voice_comes_first() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    let satellite = SatelliteId::new("bedroom-1").unwrap();
    house.journal.set_satellite_owner(&ada, &satellite, Some(bert.id()), house.now).unwrap();
    let by_satellite = house.say_in("bedroom", None, "a", Outcome::Done).recording().unwrap();
    let by_voice = house.say_in("bedroom", Some(ada.id()), "b", Outcome::Done).recording().unwrap();
    let whose = |recording, who| {
        let entry = house.journal.entry(recording, who, Purpose::Recall, house.now).unwrap().unwrap();
        (entry.owner, entry.attributed)
    };
    assert_eq!(whose(by_satellite, &bert), (Owner::Person(bert.id()), Attribution::Satellite));
    assert_eq!(whose(by_voice, &ada), (Owner::Person(ada.id()), Attribution::Voice));
}

#[test]
fn deletion_by_voice_is_off_until_switched_on_and_takes_only_ones_own() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    let first = house.say(Some(ada.id()), "first");
    house.wait(minutes(20));
    let last = house.say(Some(ada.id()), "last");
    let others = house.say(Some(bert.id()), "others");
    let refused = house.journal.erase_spoken(ada.id(), Spoken::LastThing, house.now);
    assert!(matches!(refused, Err(EraseError::NotByVoice)));
    let settings = Settings { voice_erasure: true, ..house.journal.settings(&ada).unwrap() };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    let there =
        |recording, who| house.journal.entry(recording, who, Purpose::Recall, house.now).unwrap().is_some();
    let receipt = house.journal.erase_spoken(ada.id(), Spoken::LastThing, house.now).unwrap();
    assert_eq!((receipt.count, receipt.asked), (1, Asked::These));
    assert!(there(first, &ada) && !there(last, &ada) && there(others, &bert));
    let since = Spoken::Since(house.now - minutes(10));
    assert_eq!(house.journal.erase_spoken(ada.id(), since, house.now).unwrap().count, 0);
    assert_eq!(house.journal.erase_spoken(ada.id(), Spoken::Everything, house.now).unwrap().count, 1);
    assert!(!there(first, &ada) && there(others, &bert));
    let record = &house.journal.access_records(&ada, None, 50).unwrap();
    assert!(record.iter().any(|record| record.act == Act::Erased && record.why == Purpose::SpokenRequest));
}

#[test]
fn selections_by_area_satellite_and_owner() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let say = |area: &str, speaker| {
        house.say_in(area, speaker, "x", Outcome::Done).recording().unwrap();
    };
    for _ in 0..3 {
        say("kitchen", Some(ada.id()));
        say("bedroom", Some(ada.id()));
        say("kitchen", None);
    }
    let erase = |whose, what| house.journal.erase(&Selection { whose, what }, &ada, house.now).unwrap().count;
    assert_eq!(erase(Whose::Mine, What::Area(Area::new("attic").unwrap())), 0);
    assert_eq!(erase(Whose::Mine, What::Area(Area::new("kitchen").unwrap())), 3);
    assert_eq!(erase(Whose::Mine, What::Satellite(SatelliteId::new("bedroom-1").unwrap())), 3);
    assert_eq!(erase(Whose::Mine, What::Everything), 0);
    assert_eq!(erase(Whose::House, What::Everything), 3);
}

#[test]
fn who_leaves_takes_everything_and_stays_a_name_in_the_log() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    let recording = house.say(Some(bert.id()), "mine");
    assert!(house.journal.remove_member(&bert, ada.id(), house.now).is_err(), "only an administrator");
    assert!(house.journal.remove_member(&ada, ada.id(), house.now).is_err(), "the last administrator");
    let receipt = house.journal.remove_member(&ada, bert.id(), house.now).unwrap();
    assert_eq!((receipt.count, receipt.asked, receipt.by), (1, Asked::Person, Actor::Person(ada.id())));
    assert!(house.journal.sign_in("Bert", household::PASSPHRASE, house.now).is_err());
    let listened = house.journal.listen(recording, &bert, Purpose::Recall, house.now);
    assert!(listened.is_err(), "an old session is worth nothing");
    assert_eq!(house.journal.name_of(bert.id()).unwrap().as_deref(), Some("Bert"));
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    let keys: i64 = raw
        .query_row("SELECT count(*) FROM people WHERE gone IS NOT NULL AND by_passphrase IS NULL AND by_code IS NULL AND public IS NULL", [], |row| row.get(0))
        .unwrap();
    assert_eq!(keys, 1);
    house.add("Bert", Role::Child);
}

#[test]
fn when_the_last_adult_leaves_the_houses_recordings_go_and_the_next_begins_anew() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    house.say(None, "old secrets");
    house.journal.remove_member(&ada, ada.id(), house.now).unwrap();
    assert_eq!(house.journal.counts().unwrap(), [(Owner::House, 0)]);
    let new = house.say(None, "a new start");
    let zoe = house.member("Zoe", Role::Adult);
    assert!(house.journal.listen(new, &zoe, Purpose::Recall, house.now).is_ok());
}

#[test]
fn what_nobody_can_ever_open_does_not_outlive_the_hub() {
    let house = Household::new();
    house.say(None, "before anybody lived here");
    let (dir, now) = (house.dir, house.now);
    drop(house.journal);
    let journal = Journal::open(dir.path(), options(), now).unwrap();
    assert_eq!(journal.counts().unwrap(), [(Owner::House, 0)]);
}

#[test]
fn a_first_adult_added_beside_a_running_hub_hears_what_it_recorded() {
    let house = Household::new();
    let early = house.say(None, "is anybody there");
    let beside = Journal::visit(house.dir.path(), options(), house.now).unwrap();
    beside.add_member("Ada", Role::Adult, true, household::PASSPHRASE, house.now).unwrap();
    drop(beside);
    house.journal.sweep(house.now).unwrap();
    let ada = house.sign_in("Ada");
    assert!(house.journal.listen(early, &ada, Purpose::Recall, house.now).is_ok());
}

#[test]
fn a_second_hub_is_told_to_stay_out() {
    let house = Household::new();
    let second = Journal::open(house.dir.path(), options(), house.now);
    assert!(matches!(second, Err(sotto_journal::OpenError::AlreadyOpen { .. })));
    assert!(Journal::visit(std::path::Path::new("/nonexistent"), options(), Timestamp::UNIX_EPOCH).is_err());
}

#[test]
fn false_wakes_stay_as_the_household_says() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let child = house.member("Cleo", Role::Child);
    house.journal.set_house_keep(&ada, Retention::Week, house.now).unwrap();
    assert_eq!(house.journal.false_wakes().unwrap(), FalseWakes::Minutes);
    let wake = |house: &Household| house.say_in("hall", None, "", Outcome::FalseWake);
    assert!(
        house.journal.set_false_wakes(&child, FalseWakes::Day, house.now).is_err(),
        "it bears on everybody"
    );
    house.journal.set_false_wakes(&ada, FalseWakes::Day, house.now).unwrap();
    assert!(wake(&house).recording().is_some());
    house.wait(minutes(60));
    assert_eq!(house.journal.sweep(house.now).unwrap().erased, 0);
    // A shorter choice counts for what is there.
    house.journal.set_false_wakes(&ada, FalseWakes::Minutes, house.now).unwrap();
    assert_eq!(house.journal.sweep(house.now).unwrap().erased, 1);
    house.journal.set_false_wakes(&ada, FalseWakes::NotAtAll, house.now).unwrap();
    assert_eq!(wake(&house), Recorded::NotKept);
    assert!(house.say_in("hall", None, "hello", Outcome::Done).recording().is_some());
}

#[test]
fn what_a_choice_touches_is_told_before_it_is_made() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let reviewer = house.member("Rita", Role::Adult);
    house.journal.set_reviewer(&ada, reviewer.id(), true, house.now).unwrap();
    let choice =
        Settings { keep: Retention::UntilErased, review: true, ..house.journal.settings(&ada).unwrap() };
    house.journal.set_settings(&ada, choice, house.now).unwrap();
    house.say(Some(ada.id()), "old");
    house.wait(days(10));
    house.say(Some(ada.id()), "new");
    house.say(None, "the house's");
    let touches = house.journal.touches(&ada, house.now).unwrap();
    assert_eq!((touches.recordings, touches.house, touches.with_reviewers, touches.exported), (2, 1, 2, 0));
    for (keep, too_old) in touches.too_old {
        let expect = match keep {
            Retention::NotAtAll => 2,
            Retention::Day | Retention::Week => 1,
            _ => 0,
        };
        assert_eq!(too_old, expect, "{keep:?}");
        // And so it happens.
        if keep == Retention::Week {
            let choice = Settings { keep, ..choice };
            house.journal.set_settings(&ada, choice, house.now).unwrap();
            assert_eq!(house.journal.sweep(house.now).unwrap().erased, too_old);
            house.journal.set_settings(&ada, Settings { review: false, ..choice }, house.now).unwrap();
            assert_eq!(house.journal.touches(&ada, house.now).unwrap().with_reviewers, 0);
            break;
        }
    }
}
