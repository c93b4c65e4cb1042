//! A guardian sees that a child was heard and may erase it, and hears nothing.

mod household;

use household::{Household, PASSPHRASE, options};
use sotto_house::{Outcome, Role};
use sotto_journal::{
    Act, Actor, EraseError, Filter, Journal, ListenError, MemberError, Person, Purpose, ReadError, Selection,
    What, Whose,
};

/// Ada the administrator, Bert, and Cleo, a child whom Ada invited.
fn family() -> (Household, Person, Person, Person) {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let bert = house.member("Bert", Role::Adult);
    let token = house.journal.invite(&ada, Role::Child, false, house.now).unwrap();
    house.journal.join(&token, "Cleo", PASSPHRASE, house.now).unwrap();
    let cleo = house.sign_in("Cleo");
    (house, ada, bert, cleo)
}

#[test]
fn a_guardian_sees_that_there_is_something_and_opens_nothing() {
    let (house, ada, _, cleo) = family();
    let said = house.say(Some(cleo.id()), "play the song about the bear");
    let wards = house.journal.wards(&ada).unwrap();
    assert_eq!(wards.len(), 1);
    assert_eq!((wards[0].child, wards[0].name.as_str(), wards[0].recordings), (cleo.id(), "Cleo", 1));
    let (seen, next) = house.journal.ward_history(cleo.id(), &ada, &Filter::default(), None, 10).unwrap();
    assert_eq!((seen.len(), next), (1, None));
    assert_eq!((seen[0].0, seen[0].1.outcome), (said, Outcome::Done));
    // Nothing else opens by it.
    let heard = house.journal.listen(said, &ada, Purpose::Recall, house.now);
    assert!(matches!(heard, Err(ListenError::NotFound)));
    assert_eq!(house.journal.entry(said, &ada, Purpose::Recall, house.now).unwrap(), None);
    let page = house.journal.history(&ada, &Filter::default(), None, 10, Purpose::Recall, house.now).unwrap();
    assert!(page.entries.is_empty());
    let one = Selection::one(said);
    assert_eq!(house.journal.erase(&one, &ada, house.now).unwrap().count, 0, "as a guardian, or not at all");
}

#[test]
fn a_guardian_erases_and_the_child_sees_who_did() {
    let (house, ada, _, cleo) = family();
    let (one, two) = (house.say(Some(cleo.id()), "one"), house.say(Some(cleo.id()), "two"));
    let adas = house.say(Some(ada.id()), "mine");
    let receipt =
        house.journal.erase_of_ward(cleo.id(), &What::These(vec![one, adas]), &ada, house.now).unwrap();
    assert_eq!(receipt.count, 1, "nobody else's by way of the child");
    assert!(house.journal.opens(two, &cleo).unwrap() && !house.journal.opens(one, &cleo).unwrap());
    assert!(house.journal.opens(adas, &ada).unwrap());
    let records = house.journal.access_records(&cleo, None, 10).unwrap();
    let erased = records.iter().find(|record| record.act == Act::Erased).unwrap();
    assert_eq!((erased.actor, erased.recordings.as_slice()), (Actor::Person(ada.id()), &[one][..]));
    assert_eq!(house.journal.erase_of_ward(cleo.id(), &What::Everything, &ada, house.now).unwrap().count, 1);
    assert_eq!(house.journal.wards(&ada).unwrap()[0].recordings, 0);
}

#[test]
fn nobody_else_may_and_nobody_learns_whether_there_is_a_child() {
    let (house, ada, bert, cleo) = family();
    house.say(Some(cleo.id()), "hello");
    for (who, whom) in [(&bert, cleo.id()), (&cleo, ada.id()), (&ada, bert.id()), (&cleo, cleo.id())] {
        let seen = house.journal.ward_history(whom, who, &Filter::default(), None, 10);
        assert!(matches!(seen, Err(ReadError::NotGuardian)), "{seen:?}");
        let erased = house.journal.erase_of_ward(whom, &What::Everything, who, house.now);
        assert!(matches!(erased, Err(EraseError::NotGuardian)), "{erased:?}");
    }
    let nobody = sotto_house::PersonId::from_bytes([9; 16]);
    let seen = house.journal.ward_history(nobody, &bert, &Filter::default(), None, 10);
    assert!(matches!(seen, Err(ReadError::NotGuardian)));
    for (by, child, guardian, expect) in [
        (&bert, cleo.id(), bert.id(), "administrator"),
        (&ada, bert.id(), ada.id(), "only a child"),
        (&ada, cleo.id(), cleo.id(), "only an adult"),
        (&ada, nobody, ada.id(), "nobody of that name"),
    ] {
        let refused: MemberError =
            house.journal.set_guardian(by, child, guardian, true, house.now).unwrap_err();
        assert!(refused.to_string().contains(expect), "{refused}");
    }
}

#[test]
fn guardians_come_and_go_and_outlast_a_backup() {
    let (house, ada, bert, cleo) = family();
    house.say(Some(cleo.id()), "hello");
    house.journal.set_guardian(&ada, cleo.id(), bert.id(), true, house.now).unwrap();
    house.journal.set_guardian(&ada, cleo.id(), ada.id(), false, house.now).unwrap();
    assert_eq!(house.journal.guardians().unwrap(), [(cleo.id(), bert.id())]);
    assert!(house.journal.wards(&ada).unwrap().is_empty());
    let out = tempfile::tempdir().unwrap();
    let (archive, ring) = (out.path().join("archive"), out.path().join("ring"));
    house.journal.backup(&archive, &ring, house.now).unwrap();
    let elsewhere = out.path().join("elsewhere");
    Journal::restore(&elsewhere, &archive, &ring, options(), house.now).unwrap();
    let restored = Journal::open(&elsewhere, options(), house.now).unwrap();
    assert_eq!(restored.guardians().unwrap(), [(cleo.id(), bert.id())]);
    house.journal.remove_member(&ada, bert.id(), house.now).unwrap();
    assert!(house.journal.guardians().unwrap().is_empty());
    let seen = house.journal.ward_history(cleo.id(), &bert, &Filter::default(), None, 9);
    assert!(matches!(seen, Err(ReadError::NotGuardian)));
    assert_eq!(
        house
            .journal
            .erase(&Selection { whose: Whose::Mine, what: What::Everything }, &cleo, house.now)
            .unwrap()
            .count,
        1
    );
}
