//! One door: what is opened leaves a record first, and only whoever it belongs to opens it.

mod household;

use household::{Household, PASSPHRASE, minutes, packets};
use sotto_house::{Outcome, Retention, Role};
use sotto_journal::{Act, Actor, Filter, ListenError, Owner, Purpose, Selection, SignInError, What, Whose};

#[test]
fn the_owner_hears_what_was_said_and_the_log_says_so() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(Some(ada.id()), "where is the cat");
    let sound = house.journal.listen(recording, &ada, Purpose::Recall, house.now).unwrap();
    assert_eq!(sound.packets().map(<[u8]>::to_vec).collect::<Vec<_>>(), packets("where is the cat"));
    assert_eq!(sound.pre_roll().as_millis(), 60);
    let records = house.journal.access_records(&ada, None, 10).unwrap();
    let heard = &records[0];
    assert_eq!(
        (heard.act, heard.why, heard.actor),
        (Act::Listened, Purpose::Recall, Actor::Person(ada.id()))
    );
    assert_eq!((heard.subject, heard.recordings.as_slice()), (Owner::Person(ada.id()), &[recording][..]));
}

#[test]
fn a_page_of_words_leaves_a_record_that_names_them() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let mine = house.say(Some(ada.id()), "turn on the lamp");
    let houses = house.say(None, "what time is it");
    let page = house.journal.history(&ada, &Filter::default(), None, 10, Purpose::Recall, house.now).unwrap();
    let transcripts: Vec<_> = page
        .entries
        .iter()
        .map(|e| e.words.as_ref().unwrap().transcript.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(transcripts, ["what time is it", "turn on the lamp"]);
    let records = house.journal.access_records(&ada, None, 10).unwrap();
    let read: Vec<_> = records.iter().filter(|r| r.act == Act::Read).map(|r| r.recordings.clone()).collect();
    assert_eq!(read, [vec![houses], vec![mine]]);
}

#[test]
fn nobody_else_hears_it_the_administrator_included() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    assert!(ada.is_administrator());
    let recording = house.say(Some(bert.id()), "a secret");
    let refused = house.journal.listen(recording, &ada, Purpose::Recall, house.now);
    assert!(matches!(refused, Err(ListenError::NotFound)));
    assert!(house.journal.entry(recording, &ada, Purpose::Recall, house.now).unwrap().is_none());
    let page = house.journal.history(&ada, &Filter::default(), None, 10, Purpose::Recall, house.now).unwrap();
    assert!(page.entries.is_empty());
    let receipt = house.journal.erase(&Selection::one(recording), &ada, house.now).unwrap();
    assert_eq!(receipt.count, 0);
    assert!(house.journal.listen(recording, &bert, Purpose::Recall, house.now).is_ok());
}

#[test]
fn the_houses_recordings_open_to_each_adult_and_no_child() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let early = house.say(None, "hello house");
    let _ = house.journal.invite(&ada, Role::Adult, false, house.now).map(|token| {
        house.journal.join(&token, "Bert", PASSPHRASE, house.now).unwrap();
    });
    let bert = house.sign_in("Bert");
    let child = house.member("Cleo", Role::Child);
    assert!(house.journal.listen(early, &ada, Purpose::Recall, house.now).is_ok());
    assert!(house.journal.listen(early, &bert, Purpose::Belonging, house.now).is_ok());
    assert!(house.journal.listen(early, &child, Purpose::Recall, house.now).is_err());
    let seen = house.journal.access_records(&ada, None, 1).unwrap();
    assert_eq!(seen[0].actor, Actor::Person(bert.id()), "each adult sees who heard it");
}

#[test]
fn an_adult_added_at_the_console_waits_for_another_adult() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(None, "hello house");
    let mallory = house.member("Mallory", Role::Adult);
    assert!(!mallory.opens_house(), "being added by whoever holds the machine is not enough");
    assert!(house.journal.listen(recording, &mallory, Purpose::Recall, house.now).is_err());
    assert!(house.journal.admit(&mallory, mallory.id(), house.now).is_err());
    house.journal.admit(&ada, mallory.id(), house.now).unwrap();
    let mallory = house.sign_in("Mallory");
    assert!(house.journal.listen(recording, &mallory, Purpose::Recall, house.now).is_ok());
}

#[test]
fn what_was_said_before_anybody_lived_here_opens_to_the_first_adult() {
    let house = Household::new();
    let recording = house.say(None, "is anybody there");
    let token = house.journal.set_up_token(house.now).unwrap().unwrap();
    house.journal.join(&token, "Ada", PASSPHRASE, house.now).unwrap();
    let ada = house.sign_in("Ada");
    assert!(ada.is_administrator());
    assert!(house.journal.listen(recording, &ada, Purpose::Recall, house.now).is_ok());
    assert!(house.journal.join(&token, "Eve", PASSPHRASE, house.now).is_err(), "a token works once");
    assert!(house.journal.set_up_token(house.now).unwrap().is_none());
}

#[test]
fn a_wrong_passphrase_and_an_unknown_name_look_the_same() {
    let house = Household::new();
    house.add("Ada", Role::Adult);
    for (name, passphrase) in [("Ada", "wrong words here"), ("Nobody", PASSPHRASE)] {
        let refused = house.journal.sign_in(name, passphrase, house.now);
        assert!(matches!(refused, Err(SignInError::NotRight)), "{name}");
    }
}

#[test]
fn a_passphrase_changes_and_a_forgotten_one_is_recovered() {
    let house = Household::new();
    let (id, code) = house.journal.add_member("Ada", Role::Adult, true, PASSPHRASE, house.now).unwrap();
    let recording = house.say(Some(id), "remember me");
    let ada = house.sign_in("ada ");
    house.journal.change_passphrase(&ada, PASSPHRASE, "another four words", house.now).unwrap();
    assert!(house.journal.sign_in("Ada", PASSPHRASE, house.now).is_err());
    let typed = code.reveal().parse().unwrap();
    let (ada, next) = house.journal.recover("Ada", &typed, "a third passphrase", house.now).unwrap();
    assert!(house.journal.listen(recording, &ada, Purpose::Recall, house.now).is_ok());
    assert!(house.journal.recover("Ada", &typed, "a fourth passphrase", house.now).is_err(), "used up");
    let typed = next.reveal().parse().unwrap();
    assert!(house.journal.recover("Ada", &typed, "a fourth passphrase", house.now).is_ok());
}

#[test]
fn live_listening_is_recorded_before_a_packet_is_given() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recorder = house.recorder("kitchen", Retention::UntilErased);
    recorder.push(vec![1]).unwrap();
    let before = house.journal.head().unwrap().unwrap().seq;
    let mut live = recorder.listen_live(Purpose::Transcribe, house.now).unwrap();
    assert_eq!(house.journal.head().unwrap().unwrap().seq, before + 1);
    recorder.push(vec![2]).unwrap();
    assert_eq!(live.take().iter().map(|p| p[0]).collect::<Vec<_>>(), [1, 2]);
    assert!(live.take().is_empty());
    let id = recorder.id();
    drop(recorder);
    let records = house.journal.access_records(&ada, None, 1).unwrap();
    assert_eq!((records[0].act, records[0].recordings.as_slice()), (Act::HeardLive, &[id][..]));
    assert!(house.journal.entry(id, &ada, Purpose::Recall, house.now).unwrap().is_none());
}

#[test]
fn filters_and_pages_find_what_they_say() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    for n in 0..30 {
        house.wait(minutes(1));
        let (area, outcome) =
            if n % 3 == 0 { ("kitchen", Outcome::Done) } else { ("bedroom", Outcome::NotUnderstood) };
        let speaker = (n % 2 == 0).then(|| ada.id());
        house.say_in(area, speaker, &format!("number {n}"), outcome);
    }
    let numbers = |filter: &Filter| {
        let mut numbers = Vec::new();
        let mut cursor = None;
        loop {
            let page = house.journal.history(&ada, filter, cursor, 4, Purpose::Recall, house.now).unwrap();
            assert!(page.entries.len() <= 4);
            for entry in page.entries {
                let text = entry.words.unwrap().transcript.clone().unwrap();
                numbers.push(text.rsplit(' ').next().unwrap().parse::<i64>().unwrap());
            }
            cursor = page.next.map(|next| next.to_string().parse().unwrap());
            if cursor.is_none() {
                return numbers;
            }
        }
    };
    let expect = |fits: &dyn Fn(i64) -> bool| (0..30).rev().filter(|n| fits(*n)).collect::<Vec<_>>();
    let all = Filter::default();
    assert_eq!(numbers(&all), expect(&|_| true));
    let mine = Filter { whose: Whose::Mine, ..all.clone() };
    assert_eq!(numbers(&mine), expect(&|n| n % 2 == 0));
    let kitchen = sotto_house::Area::new("kitchen").unwrap();
    let in_kitchen = Filter { area: Some(kitchen), ..all.clone() };
    assert_eq!(numbers(&in_kitchen), expect(&|n| n % 3 == 0));
    let satellite = sotto_house::SatelliteId::new("bedroom-1").unwrap();
    let failed = Filter { satellite: Some(satellite), outcome: Some(Outcome::NotUnderstood), ..mine.clone() };
    assert_eq!(numbers(&failed), expect(&|n| n % 2 == 0 && n % 3 != 0));
    let start = household::evening();
    let between = Filter { from: Some(start + minutes(6)), to: Some(start + minutes(11)), ..all.clone() };
    assert_eq!(numbers(&between), expect(&|n| (5..10).contains(&n)));
    let words = Filter { words: Some(" NUMBER  2 ".into()), ..all.clone() };
    assert_eq!(numbers(&words), expect(&|n| n.to_string().contains('2')));
    let nowhere = Filter { area: Some(sotto_house::Area::new("attic").unwrap()), ..all };
    assert_eq!(numbers(&nowhere), expect(&|_| false));
}

#[test]
fn a_search_forgets_what_was_erased_and_finds_what_came_since() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let first = house.say(Some(ada.id()), "first cat");
    let filter = Filter { words: Some("cat".into()), ..Filter::default() };
    let found = || {
        let page = house.journal.history(&ada, &filter, None, 9, Purpose::Recall, house.now).unwrap();
        page.entries.iter().map(|entry| entry.recording).collect::<Vec<_>>()
    };
    assert_eq!(found(), [first]);
    let second = house.say(Some(ada.id()), "second cat");
    assert_eq!(found(), [second, first]);
    house.journal.erase(&Selection::one(first), &ada, house.now).unwrap();
    assert_eq!(found(), [second]);
    let sound = house.journal.listen(second, &ada, Purpose::Recall, house.now);
    assert!(sound.is_ok(), "a key that was taken over opens the sound too");
}

#[test]
fn erasing_takes_what_was_selected_and_nothing_else() {
    let mut house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    let old = house.say(Some(ada.id()), "old");
    house.wait(minutes(60));
    let new = house.say(Some(ada.id()), "new");
    let others = house.say(Some(bert.id()), "others");
    let period = What::Between { from: house.now - minutes(10), to: house.now + minutes(1) };
    let receipt =
        house.journal.erase(&Selection { whose: Whose::Mine, what: period }, &ada, house.now).unwrap();
    assert_eq!((receipt.count, receipt.by), (1, Actor::Person(ada.id())));
    assert!(receipt.is_signed_by(&house.journal.verifying_key()));
    let mut forged = receipt;
    forged.count = 2;
    assert!(!forged.is_signed_by(&house.journal.verifying_key()));
    assert!(house.journal.listen(new, &ada, Purpose::Recall, house.now).is_err());
    assert!(house.journal.listen(old, &ada, Purpose::Recall, house.now).is_ok());
    assert!(house.journal.listen(others, &bert, Purpose::Recall, house.now).is_ok());
    assert_eq!(house.journal.receipts(&ada, 10).unwrap(), [receipt]);
}
