//! Whoever changes, removes or cuts the access log is found out.

mod household;

use household::{Household, PASSPHRASE, evening, options};
use sotto_house::Role;
use sotto_journal::{Head, Journal, ListenError, Purpose, VerifyError};

struct Case {
    name: &'static str,
    sql: &'static str,
    expect: fn(&VerifyError) -> bool,
}

fn check(case: &Case, with_witness: bool) {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(Some(ada.id()), "hello");
    for _ in 0..5 {
        house.journal.listen(recording, &ada, Purpose::Recall, house.now).unwrap();
    }
    let head = house.journal.head().unwrap().unwrap();
    let kept = Head::from_bytes(&head.to_bytes()).unwrap();
    assert_eq!(kept, head);
    let verified = house.journal.verify(&[kept]).unwrap();
    assert_eq!((verified.entries, verified.witnesses), (head.seq, 1));
    drop(house.journal);
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    raw.execute_batch(case.sql).unwrap();
    drop(raw);
    let journal = Journal::open(house.dir.path(), options(), evening()).unwrap();
    let witnesses = if with_witness { vec![kept] } else { Vec::new() };
    match journal.verify(&witnesses) {
        Err(error) if (case.expect)(&error) => {}
        other => panic!("{}: {other:?}", case.name),
    }
}

#[test]
fn tampering_is_found() {
    use VerifyError::*;
    for case in [
        Case {
            name: "who it was",
            sql: "UPDATE access SET actor = zeroblob(16) WHERE seq = 3",
            expect: |error| matches!(error, Changed { seq: 3 }),
        },
        Case {
            name: "when it was",
            sql: "UPDATE access SET at = at - 60000 WHERE seq = 4",
            expect: |error| matches!(error, Changed { seq: 4 }),
        },
        Case {
            name: "an entry removed",
            sql: "DELETE FROM access WHERE seq = 3",
            expect: |error| matches!(error, Changed { seq: 3 }),
        },
        Case {
            name: "an entry removed and the rest moved up",
            sql: "DELETE FROM access WHERE seq = 3; UPDATE access SET seq = seq - 1 WHERE seq > 3",
            expect: |error| matches!(error, Changed { seq: 3 }),
        },
        Case {
            name: "an impossible act",
            sql: "UPDATE access SET act = 99 WHERE seq = 2",
            expect: |error| matches!(error, Changed { seq: 2 }),
        },
        Case {
            name: "the end cut off",
            sql: "DELETE FROM access WHERE seq > 4",
            expect: |error| matches!(error, Truncated { found: 4, .. }),
        },
        Case {
            name: "the end cut off, and the head with it",
            sql: "DELETE FROM access WHERE seq > 4; DELETE FROM head",
            expect: |error| matches!(error, HeadForged),
        },
        Case {
            name: "everything",
            sql: "DELETE FROM access",
            expect: |error| matches!(error, Truncated { found: 0, .. }),
        },
        Case {
            name: "a head that somebody else signed",
            sql: "UPDATE head SET signature = zeroblob(64)",
            expect: |error| matches!(error, HeadForged),
        },
    ] {
        check(&case, false);
    }
}

#[test]
fn a_satellite_is_a_witness_against_whoever_holds_the_hubs_key() {
    let case = Case {
        name: "log and head gone, begun anew",
        sql: "DELETE FROM access; DELETE FROM head",
        expect: |error| matches!(error, VerifyError::Truncated { found: 0, .. }),
    };
    check(&case, true);
}

#[test]
fn a_rewritten_log_does_not_fit_what_a_satellite_keeps() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(Some(ada.id()), "hello");
    house.journal.listen(recording, &ada, Purpose::Recall, house.now).unwrap();
    let witness = house.journal.head().unwrap().unwrap();
    assert!(house.journal.attest(&witness).is_ok());
    // Whoever holds the key can take the end away and let the hub itself write another.
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    raw.execute_batch(&format!("DELETE FROM access WHERE seq >= {}; DELETE FROM head", witness.seq)).unwrap();
    drop(raw);
    let cut = house.journal.attest(&witness);
    assert!(
        matches!(cut, Err(VerifyError::Truncated { expected, .. }) if expected == witness.seq),
        "{cut:?}"
    );
    house.journal.sign_in("Ada", PASSPHRASE, house.now).unwrap();
    house.journal.listen(recording, &ada, Purpose::Repair, house.now).unwrap();
    assert!(house.journal.verify(&[]).is_ok(), "alone, the hub's own word is all there is");
    for found in [house.journal.verify(&[witness]).map(drop), house.journal.attest(&witness)] {
        assert!(matches!(found, Err(VerifyError::Rewritten { seq }) if seq == witness.seq), "{found:?}");
    }
}

#[test]
fn a_head_of_another_household_is_no_witness() {
    let (house, other) = (Household::new(), Household::new());
    house.add("Ada", Role::Adult);
    other.add("Ada", Role::Adult);
    let foreign = other.journal.head().unwrap().unwrap();
    assert!(matches!(house.journal.verify(&[foreign]), Err(VerifyError::ForeignWitness)));
    assert!(matches!(house.journal.attest(&foreign), Err(VerifyError::ForeignWitness)));
    assert!(Head::from_bytes(&[0; 7]).is_none());
}

#[test]
fn a_receipt_that_was_changed_is_found() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(Some(ada.id()), "hello");
    house.journal.erase(&sotto_journal::Selection::one(recording), &ada, house.now).unwrap();
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    raw.execute_batch("UPDATE erasures SET count = 0").unwrap();
    assert!(matches!(house.journal.verify(&[]), Err(VerifyError::Receipt { erasure: 1 })));
}

#[test]
fn if_the_record_cannot_be_written_there_is_no_sound_and_no_word() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let recording = house.say(Some(ada.id()), "hello");
    let raw = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    raw.execute_batch(
        "CREATE TRIGGER broken BEFORE INSERT ON access BEGIN SELECT raise(ABORT, 'the log is broken'); END",
    )
    .unwrap();
    let refused = house.journal.listen(recording, &ada, Purpose::Recall, house.now);
    assert!(matches!(refused, Err(ListenError::NotRecorded(_))));
    let all = sotto_journal::Filter::default();
    assert!(house.journal.history(&ada, &all, None, 10, Purpose::Recall, house.now).is_err());
    let words = sotto_journal::Filter { words: Some("hello".into()), ..all };
    assert!(house.journal.history(&ada, &words, None, 10, Purpose::Recall, house.now).is_err());
    assert!(house.journal.export(&ada, Vec::new(), house.now, |_| ()).is_err());
    let recorder = house.recorder("kitchen", sotto_house::Retention::UntilErased);
    assert!(recorder.listen_live(Purpose::Transcribe, house.now).is_err());
    raw.execute_batch("DROP TRIGGER broken").unwrap();
    assert!(house.journal.listen(recording, &ada, Purpose::Recall, house.now).is_ok());
}
