//! Over any history of opting in and out, erasing, claiming and leaving: no clip reaches a reviewer without its owner's
//! consent at that moment.

mod household;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use household::{Household, PASSPHRASE};
use proptest::prelude::*;
use sotto_house::{RecordingId, Role};
use sotto_journal::{ClipId, Judged, Person, Purpose, ReviewError, Selection, Settings, Verdict};

#[derive(Debug, Clone, Copy)]
enum Step {
    Say {
        speaker: Option<usize>,
    },
    Consent {
        who: usize,
        review: bool,
        training: bool,
    },
    Erase {
        who: usize,
        which: usize,
    },
    Claim {
        who: usize,
        which: usize,
    },
    Dispute {
        who: usize,
        which: usize,
    },
    HandOver {
        who: usize,
        which: usize,
        to: usize,
    },
    /// The reviewer tries every clip that was ever in the queue.
    Review,
    Judge {
        which: usize,
    },
    Export,
    ChangeReviewer {
        reviewer: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..2_usize;
    prop_oneof![
        5 => proptest::option::weighted(0.9, who.clone()).prop_map(|speaker| Step::Say { speaker }),
        2 => (who.clone(), prop::bool::weighted(0.7), any::<bool>())
            .prop_map(|(who, review, training)| Step::Consent { who, review, training }),
        1 => (who.clone(), any::<usize>()).prop_map(|(who, which)| Step::Erase { who, which }),
        1 => (who.clone(), any::<usize>()).prop_map(|(who, which)| Step::Claim { who, which }),
        1 => (who.clone(), any::<usize>()).prop_map(|(who, which)| Step::Dispute { who, which }),
        1 => (who.clone(), any::<usize>(), who.clone())
            .prop_map(|(who, which, to)| Step::HandOver { who, which, to }),
        3 => Just(Step::Review),
        1 => any::<usize>().prop_map(|which| Step::Judge { which }),
        1 => Just(Step::Export),
        1 => prop::bool::weighted(0.8).prop_map(|reviewer| Step::ChangeReviewer { reviewer }),
    ]
}

/// What is true of each recording, kept beside the journal by other means.
#[derive(Debug, Clone, Copy)]
struct Truth {
    id: RecordingId,
    owner: Option<usize>,
    /// Its owner consented when it was recorded, has ever since, and it never changed hands.
    consented: bool,
}

struct Story {
    house: Household,
    people: [Person; 2],
    reviewer: Person,
    truths: Vec<Truth>,
    settings: [(bool, bool); 2],
    is_reviewer: bool,
    /// Every clip number that was ever seen, so that old ones are tried again.
    clips: Vec<ClipId>,
    /// A clip's transcript says which recording it is.
    exported: HashMap<usize, usize>,
}

impl Story {
    fn new() -> Self {
        let house = Household::new();
        let ada = house.member("Ada", Role::Adult);
        house.add("Bert", Role::Adult);
        house.add("Rita", Role::Adult);
        for member in house.journal.members().unwrap() {
            if !member.opens_house {
                house.journal.admit(&ada, member.id, house.now).unwrap();
            }
        }
        let people = [ada, house.journal.sign_in("Bert", PASSPHRASE, house.now).unwrap()];
        let reviewer = house.sign_in("Rita");
        house.journal.set_reviewer(&people[0], reviewer.id(), true, house.now).unwrap();
        Story {
            house,
            people,
            reviewer,
            truths: Vec::new(),
            settings: [(false, false); 2],
            is_reviewer: true,
            clips: Vec::new(),
            exported: HashMap::new(),
        }
    }

    /// The recording that a served transcript belongs to must be one that may be served now.
    fn check_served(&self, transcript: &str) -> usize {
        let index: usize = transcript.rsplit(' ').next().unwrap().parse().unwrap();
        let truth = self.truths[index];
        assert!(self.is_reviewer, "served to somebody who is no reviewer");
        assert!(truth.consented, "served without consent: {truth:?}");
        index
    }

    fn pick(&self, which: usize) -> Option<usize> {
        (!self.truths.is_empty()).then(|| which % self.truths.len())
    }

    fn take(&mut self, step: Step) {
        let (journal, now) = (self.house.journal.clone(), self.house.now);
        match step {
            Step::Say { speaker } => {
                let index = self.truths.len();
                let person = speaker.map(|who| self.people[who].id());
                let id = self.house.say(person, &format!("recording {index}"));
                let consented = speaker.is_some_and(|who| self.settings[who].0) && self.is_reviewer;
                self.truths.push(Truth { id, owner: speaker, consented });
            }
            Step::Consent { who, review, training } => {
                let settings = journal.settings(&self.people[who]).unwrap();
                let settings = Settings { review, training, ..settings };
                journal.set_settings(&self.people[who], settings, now).unwrap();
                self.settings[who] = (review, training);
                if !review {
                    self.truths
                        .iter_mut()
                        .filter(|truth| truth.owner == Some(who))
                        .for_each(|truth| truth.consented = false);
                }
            }
            Step::Erase { who, which } => {
                let Some(index) = self.pick(which) else { return };
                let truth = &mut self.truths[index];
                let receipt = journal.erase(&Selection::one(truth.id), &self.people[who], now).unwrap();
                if receipt.count == 1 {
                    truth.consented = false;
                }
            }
            Step::Claim { who, which } => {
                self.change(which, Some(who), |people, id| journal.claim(id, &people[who], now).is_ok())
            }
            Step::Dispute { who, which } => {
                self.change(which, None, |people, id| journal.dispute(id, &people[who], now).is_ok())
            }
            Step::HandOver { who, which, to } => self.change(which, Some(to), |people, id| {
                journal.hand_over(id, &people[who], people[to].id(), now).is_ok()
            }),
            Step::Review => {
                if let Ok(queue) = journal.review_queue(&self.reviewer) {
                    self.clips.extend(queue);
                    self.clips.sort();
                    self.clips.dedup();
                }
                for clip in &self.clips {
                    match journal.review(*clip, &self.reviewer, now) {
                        Ok(served) => {
                            SERVED.fetch_add(1, Ordering::Relaxed);
                            self.check_served(served.words.transcript.as_ref().unwrap());
                        }
                        Err(ReviewError::NotFound | ReviewError::NotReviewer) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            Step::Judge { which } => {
                if self.clips.is_empty() {
                    return;
                }
                let clip = self.clips[which % self.clips.len()];
                let verdict = Verdict { transcript: None, judged: Judged::Right };
                match journal.judge(clip, &self.reviewer, &verdict, now) {
                    Ok(()) | Err(ReviewError::NotFound | ReviewError::NotReviewer) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Export => {
                let dir = tempfile::tempdir().unwrap();
                if journal.export_training(dir.path(), &self.reviewer, now).is_err() {
                    assert!(!self.is_reviewer);
                    return;
                }
                let manifest = std::fs::read_to_string(dir.path().join("manifest.jsonl")).unwrap_or_default();
                for line in manifest.lines() {
                    let line: serde_json::Value = serde_json::from_str(line).unwrap();
                    let index = self.check_served(line["text"].as_str().unwrap());
                    let owner = self.truths[index].owner.unwrap();
                    assert!(self.settings[owner].1, "exported without consent to training");
                    *self.exported.entry(index).or_default() += 1;
                }
            }
            Step::ChangeReviewer { reviewer } => {
                journal.set_reviewer(&self.people[0], self.reviewer.id(), reviewer, now).unwrap();
                self.is_reviewer = reviewer;
                if !reviewer {
                    self.truths.iter_mut().for_each(|truth| truth.consented = false);
                }
            }
        }
    }

    fn change(
        &mut self,
        which: usize,
        to: Option<usize>,
        act: impl FnOnce(&[Person; 2], RecordingId) -> bool,
    ) {
        let Some(index) = self.pick(which) else { return };
        if act(&self.people, self.truths[index].id) {
            self.truths[index].owner = to;
            self.truths[index].consented = false;
        }
    }
}

fn stories() -> u32 {
    std::env::var("SOTTO_STORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(12)
}

/// Clips served in all stories: a test in which nobody is ever served proves nothing.
static SERVED: AtomicU64 = AtomicU64::new(0);

proptest! {
    #![proptest_config(ProptestConfig { cases: stories(), max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    fn stories_of_consent(steps in proptest::collection::vec(step(), 20..60)) {
        let mut story = Story::new();
        for who in 0..2 {
            story.take(Step::Consent { who, review: true, training: who == 0 });
        }
        for step in steps {
            story.take(step);
        }
        prop_assert!(story.exported.values().all(|times| *times == 1));
        story.house.journal.verify(&[]).unwrap();
    }
}

#[test]
fn no_clip_is_served_without_consent_at_that_moment() {
    stories_of_consent();
    let served = SERVED.load(Ordering::Relaxed);
    println!("{} stories, {served} clips served", stories());
    assert!(served > u64::from(stories()), "hardly anything was served");
}

#[test]
fn a_clip_is_nameless_and_judged_once() {
    let house = Household::new();
    let ada = house.member("Ada", Role::Adult);
    let rita = house.member("Rita", Role::Adult);
    house.journal.set_reviewer(&ada, rita.id(), true, house.now).unwrap();
    house.say(Some(ada.id()), "before she opted in");
    let settings = Settings { review: true, training: true, ..house.journal.settings(&ada).unwrap() };
    house.journal.set_settings(&ada, settings, house.now).unwrap();
    house.say(Some(ada.id()), "turn on the lamp");
    let queue = house.journal.review_queue(&rita).unwrap();
    assert_eq!(queue.len(), 1);
    let clip = house.journal.review(queue[0], &rita, house.now).unwrap();
    assert_eq!(clip.sound.packets().len(), 10);
    assert_eq!(clip.words.slots.len(), 1, "a slot that was spoken stays");
    house.say(Some(ada.id()), "make it brighter");
    let other = house.journal.review_queue(&rita).unwrap().into_iter().find(|clip| *clip != queue[0]);
    let clip = house.journal.review(other.unwrap(), &rita, house.now).unwrap();
    assert!(clip.words.slots.is_empty(), "a slot that the hub filled in is not shown");
    let verdict = Verdict { transcript: Some("turn off the lamp".to_owned().into()), judged: Judged::Wrong };
    house.journal.judge(queue[0], &rita, &verdict, house.now).unwrap();
    assert!(house.journal.judge(queue[0], &rita, &verdict, house.now).is_err());
    assert!(house.journal.review(queue[0], &rita, house.now).is_err());
    let dir = tempfile::tempdir().unwrap();
    let export = house.journal.export_training(dir.path(), &rita, house.now).unwrap();
    assert_eq!(export.clips, 1);
    let line: serde_json::Value =
        serde_json::from_str(std::fs::read_to_string(export.manifest).unwrap().trim()).unwrap();
    assert_eq!(line["text"], "turn off the lamp");
    assert!(line["speaker"].is_null() && line["intent"].is_null());
    let flac = std::fs::read(dir.path().join(line["file"].as_str().unwrap())).unwrap();
    assert!(flac.starts_with(b"fLaC"));
    let records = house.journal.access_records(&ada, None, 50).unwrap();
    assert!(records.iter().any(|record| record.why == Purpose::Training && record.recordings.len() == 1));
}
