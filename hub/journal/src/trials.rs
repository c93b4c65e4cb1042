//! What shows only among many recordings, tried with few: in tests a shelf is full with eight, and an erasure of more
//! than four is cleared away later.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use sotto_house::{Area, Outcome, PersonId, RecordingId, Retention, Role, SatelliteId, UtteranceId};

use crate::{
    Filter, Finished, Hardness, Heard, Journal, ListenError, Options, Person, Purpose, Selection, What,
    Whose, Words,
};

const PASSPHRASE: &str = "four words are good";

struct House {
    dir: tempfile::TempDir,
    journal: Journal,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn options() -> Options {
    Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() }
}

impl House {
    /// Ada, who administrates, and Bert; both keep everything.
    fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), options(), now()).unwrap();
        for name in ["Ada", "Bert"] {
            journal.add_member(name, Role::Adult, name == "Ada", PASSPHRASE, now()).unwrap();
        }
        let house = House { dir, journal };
        let (ada, bert) = (house.sign_in("Ada"), house.sign_in("Bert"));
        house.journal.admit(&ada, bert.id(), now()).unwrap();
        house
    }

    fn sign_in(&self, name: &str) -> Person {
        self.journal.sign_in(name, PASSPHRASE, now()).unwrap()
    }

    fn say(&self, speaker: Option<PersonId>, text: &str) -> RecordingId {
        let heard = Heard {
            utterance: UtteranceId::from_bytes([7; 16]),
            satellite: SatelliteId::new("kitchen-1").unwrap(),
            area: Some(Area::new("kitchen").unwrap()),
            at: now(),
            pre_roll: Duration::ZERO,
        };
        let recorder = self.journal.record(heard, Retention::UntilErased);
        recorder.push(vec![7; 30]).unwrap();
        let words = Words { transcript: Some(text.to_owned().into()), ..Words::default() };
        let finished = Finished { speaker, outcome: Outcome::Done, words };
        recorder.finish(finished, now()).unwrap().recording().unwrap()
    }

    fn find(&self, who: &Person, words: &str) -> Vec<RecordingId> {
        let filter = Filter { words: Some(words.to_owned()), ..Filter::default() };
        let page = self.journal.history(who, &filter, None, 500, Purpose::Recall, now()).unwrap();
        let mut found: Vec<_> = page.entries.iter().map(|entry| entry.recording).collect();
        found.sort();
        found
    }

    fn erase(&self, who: &Person, what: What) -> u64 {
        self.journal.erase(&Selection { whose: Whose::Both, what }, who, now()).unwrap().count
    }

    fn count(&self, sql: &str) -> i64 {
        let raw = rusqlite::Connection::open(self.dir.path().join("journal.db")).unwrap();
        raw.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn run(&self, sql: &str) {
        rusqlite::Connection::open(self.dir.path().join("journal.db")).unwrap().execute_batch(sql).unwrap();
    }
}

const SHELVES: &str = "SELECT count(*) FROM shelves";

#[test]
fn what_was_opened_once_lies_on_shelves() {
    let house = House::new();
    let ada = house.sign_in("Ada");
    let said: Vec<_> = (0..20).map(|n| house.say(Some(ada.id()), &format!("number {n} please"))).collect();
    assert_eq!(house.find(&ada, "NUMBER 7").len(), 2, "7 and 17");
    assert_eq!(house.count(SHELVES), 2, "two full ones; four recordings wait for more");
    let again = house.sign_in("Ada");
    assert_eq!(house.find(&again, "please").len(), 20);
    assert_eq!(house.count(SHELVES), 2, "nothing was new");
    assert_eq!(house.find(&again, "number 19"), [said[19]]);
}

#[test]
fn a_shelf_goes_with_the_first_of_its_recordings() {
    let house = House::new();
    let ada = house.sign_in("Ada");
    let said: Vec<_> = (0..20).map(|n| house.say(Some(ada.id()), &format!("number {n} please"))).collect();
    house.find(&ada, "please");
    assert_eq!(house.erase(&ada, What::These(vec![said[3]])), 1);
    assert_eq!(house.count(SHELVES), 1, "the words are not on the disk any more");
    assert_eq!(house.find(&ada, "please").len(), 19);
    let again = house.sign_in("Ada");
    assert_eq!(house.find(&again, "please").len(), 19);
    assert_eq!(house.count(SHELVES), 2, "made anew of those that are left");
    house.journal.dispute(said[9], &again, now()).unwrap();
    assert_eq!(house.count(SHELVES), 1, "neither are those of what changed hands");
    let bert = house.sign_in("Bert");
    house.journal.claim(said[9], &bert, now()).unwrap();
    assert_eq!(house.find(&again, "number 9"), [said[19]]);
    assert_eq!(house.find(&house.sign_in("Ada"), "please").len(), 18);
    assert_eq!(house.find(&bert, "please"), [said[9]]);
    house.erase(&ada, What::Everything);
    assert_eq!(house.count(SHELVES), 0);
}

#[test]
fn a_shelf_that_was_meddled_with_is_not_believed() {
    let house = House::new();
    let (ada, bert) = (house.sign_in("Ada"), house.sign_in("Bert"));
    for n in 0..16 {
        house.say(Some(if n % 2 == 0 { ada.id() } else { bert.id() }), &format!("number {n}"));
    }
    for who in [&ada, &bert] {
        assert_eq!(house.find(who, "number").len(), 8);
    }
    assert_eq!(house.count(SHELVES), 2);
    for meddled in [
        "UPDATE shelves SET sealed = zeroblob(length(sealed))",
        "UPDATE shelves SET seal = zeroblob(length(seal))",
        "UPDATE shelves SET owner = zeroblob(16) WHERE shelf = 1",
        "UPDATE shelves SET sealed = (SELECT other.sealed FROM shelves AS other WHERE other.shelf <> shelves.shelf)",
        "UPDATE shelves SET first = first - 1, last = last + 1",
    ] {
        house.run(meddled);
        for name in ["Ada", "Bert"] {
            assert_eq!(house.find(&house.sign_in(name), "number").len(), 8, "{meddled}");
        }
    }
}

#[test]
fn a_preparation_that_ends_early_loses_nothing() {
    let house = House::new();
    let ada = house.sign_in("Ada");
    for n in 0..40 {
        house.say(Some(ada.id()), &format!("number {n}"));
    }
    for steps in 0..5_usize {
        let left = std::cell::Cell::new(steps);
        let go_on = || left.replace(left.get().saturating_sub(1)) > 0;
        let ada = house.sign_in("Ada");
        house.journal.prepare_search(&ada, now(), &go_on).unwrap();
        assert_eq!(house.find(&ada, "number").len(), 40, "after {steps} steps");
    }
    let records = house.journal.access_records(&ada, None, 100).unwrap();
    assert!(records.iter().any(|record| record.why == Purpose::Upkeep && record.count == 40));
}

#[test]
fn what_is_erased_is_off_every_page_before_it_is_cleared_away() {
    let house = House::new();
    let ada = house.sign_in("Ada");
    let said: Vec<_> = (0..10).map(|n| house.say(Some(ada.id()), &format!("number {n}"))).collect();
    let out = tempfile::tempdir().unwrap();
    let (archive, old_ring, ring) =
        (out.path().join("archive"), out.path().join("old"), out.path().join("ring"));
    house.journal.backup(&archive, &old_ring, now()).unwrap();
    house.find(&ada, "number");
    assert_eq!(house.erase(&ada, What::Everything), 10);
    assert_eq!(house.count("SELECT count(*) FROM doomed"), 10, "nothing was cleared away yet");
    assert_eq!(house.count("SELECT count(*) FROM seals"), 0);
    assert_eq!(house.count(SHELVES), 0);
    let journal = &house.journal;
    for recording in &said {
        let heard = journal.listen(*recording, &ada, Purpose::Recall, now());
        assert!(matches!(heard, Err(ListenError::NotFound)));
        assert_eq!(journal.entry(*recording, &ada, Purpose::Recall, now()).unwrap(), None);
        assert!(!journal.opens(*recording, &ada).unwrap());
        assert!(journal.dispute(*recording, &ada, now()).is_err());
    }
    let all = Filter::default();
    assert_eq!(journal.history(&ada, &all, None, 50, Purpose::Recall, now()).unwrap().entries, []);
    assert_eq!(journal.newest(&ada, &all, 50, Purpose::Request, now()).unwrap(), []);
    assert_eq!(journal.outline(&all, None, 50).unwrap().0, []);
    assert_eq!(house.find(&ada, "number"), []);
    assert_eq!(journal.expiring(&ada, Timestamp::MAX).unwrap().mine, 0);
    assert_eq!(journal.export(&ada, Vec::new(), now(), |_| ()).unwrap().total, 0);
    assert_eq!(house.erase(&ada, What::Everything), 0, "nobody erases twice");
    // A backup of this very moment knows what was erased, and so does a restore.
    journal.backup(&archive, &ring, now()).unwrap();
    let raw = rusqlite::Connection::open(&ring).unwrap();
    let count = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM tombstones"), 10);
    assert_eq!(count("SELECT count(*) FROM recordings"), 0);
    let House { dir, journal } = house;
    drop(journal);
    let restored = Journal::restore(dir.path(), &archive, &old_ring, options(), now()).unwrap();
    assert_eq!((restored.recordings, restored.missing), (0, 0));
    let journal = Journal::open(dir.path(), options(), now()).unwrap();
    journal.sweep(now()).unwrap();
    let house = House { dir, journal };
    assert_eq!(house.count("SELECT count(*) FROM tombstones"), 10);
    for table in ["recordings", "doomed", "words", "sounds"] {
        assert_eq!(house.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

/// What happens to a house in which two people speak, search and erase.
#[derive(Debug, Clone)]
enum Deed {
    Say { ada: bool, word: u8 },
    Erase { ada: bool, which: usize },
    GiveAway { ada: bool, which: usize },
    SignIn { ada: bool },
    Search { ada: bool, word: u8 },
    Sweep,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        6 => (any::<bool>(), 0..4_u8).prop_map(|(ada, word)| Deed::Say { ada, word }),
        1 => (any::<bool>(), any::<usize>()).prop_map(|(ada, which)| Deed::Erase { ada, which }),
        1 => (any::<bool>(), any::<usize>()).prop_map(|(ada, which)| Deed::GiveAway { ada, which }),
        1 => any::<bool>().prop_map(|ada| Deed::SignIn { ada }),
        3 => (any::<bool>(), 0..4_u8).prop_map(|(ada, word)| Deed::Search { ada, word }),
        1 => Just(Deed::Sweep),
    ];
    proptest::collection::vec(deed, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    /// However a house lives, a search finds what its person has, no more and no less.
    #[test]
    fn a_search_finds_what_is_there(deeds in deeds()) {
        let house = House::new();
        let mut people = [house.sign_in("Ada"), house.sign_in("Bert")];
        let mut theirs: [BTreeMap<RecordingId, u8>; 2] = Default::default();
        for deed in deeds {
            match deed {
                Deed::Say { ada, word } => {
                    let at = usize::from(!ada);
                    let id = house.say(Some(people[at].id()), &format!("word{word} to find"));
                    theirs[at].insert(id, word);
                }
                Deed::Erase { ada, which } => {
                    let at = usize::from(!ada);
                    if let Some(id) = theirs[at].keys().nth(which % theirs[at].len().max(1)).copied() {
                        theirs[at].remove(&id);
                        prop_assert_eq!(house.erase(&people[at], What::These(vec![id])), 1);
                    }
                }
                Deed::GiveAway { ada, which } => {
                    let (from, to) = (usize::from(!ada), usize::from(ada));
                    if let Some(id) = theirs[from].keys().nth(which % theirs[from].len().max(1)).copied() {
                        let word = theirs[from].remove(&id).unwrap();
                        theirs[to].insert(id, word);
                        house.journal.hand_over(id, &people[from], people[to].id(), now()).unwrap();
                    }
                }
                Deed::SignIn { ada } => {
                    people[usize::from(!ada)] = house.sign_in(if ada { "Ada" } else { "Bert" });
                }
                Deed::Search { ada, word } => {
                    let at = usize::from(!ada);
                    let has = theirs[at].iter().filter(|(_, said)| **said == word).map(|(id, _)| *id);
                    prop_assert_eq!(house.find(&people[at], &format!("WORD{word} find")), has.collect::<Vec<_>>());
                }
                Deed::Sweep => {
                    house.journal.sweep(now()).unwrap();
                }
            }
        }
    }
}
