//! Whose a recording is can be put right, and then only the right one opens it.

mod household;

use household::{Household, packets};
use sotto_house::Role;
use sotto_journal::{Act, Attribution, BelongError, MemberError, Owner, Purpose, Settings};

#[test]
fn a_claimed_recording_is_its_claimers_alone() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    house.journal.admit(&ada, bert.id(), house.now).unwrap();
    let bert = {
        drop(bert);
        house.sign_in("Bert")
    };
    let recording = house.say(None, "this was me");
    house.journal.claim(recording, &bert, house.now).unwrap();
    let sound = house.journal.listen(recording, &bert, Purpose::Recall, house.now).unwrap();
    assert_eq!(sound.packets().map(<[u8]>::to_vec).collect::<Vec<_>>(), packets("this was me"));
    let entry = house.journal.entry(recording, &bert, Purpose::Recall, house.now).unwrap().unwrap();
    assert_eq!((entry.owner, entry.attributed), (Owner::Person(bert.id()), Attribution::Claimed));
    assert!(house.journal.listen(recording, &ada, Purpose::Recall, house.now).is_err());
    let claimed = |who| {
        house.journal.access_records(who, None, 50).unwrap().iter().any(|record| record.act == Act::Claimed)
    };
    assert!(claimed(&ada) && claimed(&bert), "both who had it and who has it see that");
    assert!(matches!(house.journal.claim(recording, &ada, house.now), Err(BelongError::NotFound)));
}

#[test]
fn the_old_seal_and_the_old_ciphertext_are_destroyed() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let child = house.member("Cleo", Role::Child);
    let recording = house.say(None, "whose is this");
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    let all = || -> Vec<Vec<u8>> {
        let sql =
            "SELECT sealed FROM seals UNION ALL SELECT sealed FROM words UNION ALL SELECT sealed FROM sounds";
        raw.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let on_disk = |sealed: &[u8]| {
        let files = std::fs::read_dir(house.dir.path()).unwrap().map(|file| file.unwrap().path());
        let holds = |bytes: Vec<u8>| bytes.windows(32).any(|window| window == &sealed[..32]);
        // All but the reserve, which is zeros.
        let files = files.filter(|file| !file.ends_with("journal.reserve"));
        files.into_iter().any(|file| holds(std::fs::read(file).unwrap()))
    };
    let change = |how: &str| match how {
        "claimed" => house.journal.claim(recording, &ada, house.now),
        "disputed" => house.journal.dispute(recording, &ada, house.now),
        _ => house.journal.hand_over(recording, &ada, child.id(), house.now),
    };
    for how in ["claimed", "disputed", "claimed", "handed over"] {
        let before = all();
        assert!(before.len() == 3 && before.iter().all(|sealed| on_disk(sealed)), "{how}: it can be found");
        change(how).unwrap();
        let after = all();
        assert!(after.len() == 3 && before.iter().all(|old| !after.contains(old)), "{how}");
        // In the database, its WAL, and whatever else lies there.
        assert!(
            !before.iter().any(|old| on_disk(old)),
            "{how}: what the old owner could open is still there"
        );
    }
}

#[test]
fn a_disputed_recording_goes_to_the_house_and_can_be_handed_on() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let child = house.member("Cleo", Role::Child);
    let recording = house.say(Some(ada.id()), "that was cleo");
    assert!(house.journal.hand_over(recording, &child, child.id(), house.now).is_err(), "not hers to take");
    house.journal.dispute(recording, &ada, house.now).unwrap();
    let entry = house.journal.entry(recording, &ada, Purpose::Recall, house.now).unwrap().unwrap();
    assert_eq!((entry.owner, entry.attributed), (Owner::House, Attribution::Disputed));
    house.journal.hand_over(recording, &ada, child.id(), house.now).unwrap();
    assert!(house.journal.listen(recording, &ada, Purpose::Recall, house.now).is_err());
    assert!(house.journal.listen(recording, &child, Purpose::Recall, house.now).is_ok());
    let nobody = sotto_house::PersonId::from_bytes([9; 16]);
    let refused = house.journal.hand_over(recording, &child, nobody, house.now);
    assert!(matches!(refused, Err(BelongError::Nobody)));
    assert!(house.journal.listen(recording, &child, Purpose::Recall, house.now).is_ok());
}

/// What the household and each person let others do with whose a recording is.
#[test]
fn nobody_claims_or_gives_what_was_not_allowed() {
    let house = Household::new();
    let (ada, bert) = (house.member("Ada", Role::Adult), house.member("Bert", Role::Adult));
    let cleo = house.member("Cleo", Role::Child);
    let nobodys = house.say(None, "who was that");
    assert!(matches!(house.journal.set_claims(&cleo, false, house.now), Err(MemberError::NotAdult)));
    house.journal.set_claims(&ada, false, house.now).unwrap();
    let claimed = house.journal.claim(nobodys, &ada, house.now);
    assert!(matches!(claimed, Err(BelongError::NotClaimed)), "{claimed:?}");
    let handed = house.journal.hand_over(nobodys, &ada, ada.id(), house.now);
    assert!(matches!(handed, Err(BelongError::NotClaimed)), "{handed:?}");
    house.journal.set_claims(&ada, true, house.now).unwrap();
    house.journal.claim(nobodys, &ada, house.now).unwrap();

    let settings = house.journal.settings(&bert).unwrap();
    assert!(settings.given && settings.recognise && !settings.words_out, "what is assumed");
    house.journal.set_settings(&bert, Settings { given: false, ..settings }, house.now).unwrap();
    let handed = house.journal.hand_over(nobodys, &ada, bert.id(), house.now);
    assert!(matches!(handed, Err(BelongError::NotTaken)), "{handed:?}");
    house.journal.set_settings(&bert, settings, house.now).unwrap();
    house.journal.hand_over(nobodys, &ada, bert.id(), house.now).unwrap();
}
