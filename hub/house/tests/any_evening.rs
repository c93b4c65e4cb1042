//! Random evenings: whatever happens, in whatever order, the promises of the house hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sotto_house::{
    Acted, Ask, Bid, Candidate, Effect, End, Event, House, Outcome, PersonId, Policy, SatelliteId, Trigger,
    Understanding, UtteranceId, Voice,
};

fn event() -> impl Strategy<Value = Event> {
    let utterance = (0u8..6).prop_map(|n| UtteranceId::from_bytes([n; 16]));
    let satellite = (0u8..3).prop_map(|n| SatelliteId::new(&format!("s{n}")).unwrap());
    let trigger = prop_oneof![
        Just(Trigger::WakeWord("a".into())),
        Just(Trigger::WakeWord("b".into())),
        Just(Trigger::Speech),
        Just(Trigger::Button),
    ];
    let bid = (any::<f32>(), any::<f32>()).prop_map(|(score, level)| Bid::new(score, level));
    let end =
        prop_oneof![Just(End::Endpoint), Just(End::NothingSaid), Just(End::Limit), Just(End::Cancelled)];
    let acted = prop_oneof![Just(Acted::Published), Just(Acted::Refused), Just(Acted::NotReached)];
    let understanding = proptest::option::of(
        any::<f32>().prop_map(|confidence| Understanding { confidence, deadline: None }),
    );
    let ask =
        prop_oneof![Just(Ask::LetIn), Just(Ask::Own), any::<bool>().prop_map(|right| Ask::Pin { right })];
    let u = utterance.clone();
    prop_oneof![
        4 => (u, satellite, trigger, bid, 0u64..20_000).prop_map(|(utterance, satellite, trigger, bid, age)| {
            Event::Opened { utterance, satellite, area: None, trigger, bid, age: Duration::from_millis(age) }
        }),
        2 => (utterance.clone(), any::<bool>()).prop_map(|(utterance, genuine)| Event::Verified { utterance, genuine }),
        2 => (utterance.clone(), end).prop_map(|(utterance, end)| Event::Ended {
            utterance, end, spoken: Duration::from_secs(2)
        }),
        1 => utterance.clone().prop_map(|utterance| Event::Lost { utterance }),
        2 => utterance.clone().prop_map(|utterance| Event::Transcribed { utterance }),
        1 => utterance.clone().prop_map(|utterance| Event::NotHeard { utterance }),
        2 => (utterance.clone(), understanding)
            .prop_map(|(utterance, understanding)| Event::Understood { utterance, understanding }),
        1 => (utterance.clone(), any::<(f32, f32)>(), 0u64..3000).prop_map(|(utterance, scores, speech)| {
            let candidates = [(1, scores.0), (2, scores.1)].map(|(n, score)| Candidate {
                person: PersonId::from_bytes([n; 16]), score, trusted: n == 1
            });
            let speech = Duration::from_millis(speech);
            let voice = Voice { candidates: candidates.into(), speech, above_noise: 30.0, satellite_owner: None };
            Event::Recognised { utterance, voice }
        }),
        1 => (utterance.clone(), ask).prop_map(|(utterance, ask)| Event::Wants { utterance, ask }),
        2 => (utterance, acted).prop_map(|(utterance, acted)| Event::Acted { utterance, acted }),
        1 => Just(Event::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_session_ends_once_and_is_recorded_only_when_it_may(
        second_look in any::<bool>(),
        script in proptest::collection::vec((0u64..3000, event()), 0..80),
    ) {
        let mut house = House::new(Policy { second_look, ..Policy::default() });
        let start = Instant::now();
        let mut now = start;
        let mut open: BTreeMap<UtteranceId, (Trigger, SatelliteId)> = BTreeMap::new();
        let mut recorded = BTreeSet::new();
        let mut genuine = BTreeSet::new();

        let late = script.into_iter().chain([(100_000, Event::Closing), (100_000, Event::Tick)]);
        for (pause, event) in late {
            now += Duration::from_millis(pause);
            match &event {
                Event::Opened { utterance, trigger, satellite, .. } if !open.contains_key(utterance) => {
                    open.insert(*utterance, (trigger.clone(), satellite.clone()));
                    genuine.remove(utterance);
                    recorded.remove(utterance);
                }
                Event::Verified { utterance, genuine: true } if open.contains_key(utterance) => {
                    genuine.insert(*utterance);
                }
                _ => {}
            }
            for effect in house.handle(now, event) {
                match effect {
                    Effect::Record { utterance, satellite, .. } => {
                        let (trigger, owner) = open.get(&utterance).expect("only what was opened is recorded");
                        prop_assert_eq!(&satellite, owner);
                        prop_assert!(recorded.insert(utterance), "recorded twice");
                        if second_look && matches!(trigger, Trigger::WakeWord(_)) {
                            prop_assert!(genuine.contains(&utterance), "recorded before the second look");
                        }
                    }
                    Effect::Transcribe { utterance }
                    | Effect::Understand { utterance }
                    | Effect::Own { utterance, .. }
                    | Effect::CommandWaiting { utterance, .. }
                    | Effect::Refuse { utterance, .. }
                    | Effect::Belongs { utterance, .. }
                    | Effect::Vouched { utterance }
                    | Effect::KeepNot { utterance }
                    | Effect::Command { utterance, .. } => prop_assert!(recorded.contains(&utterance)),
                    Effect::Conclude { utterance, outcome, .. } => {
                        prop_assert!(open.remove(&utterance).is_some(), "ended twice");
                        prop_assert!(recorded.contains(&utterance), "concluded without a recording");
                        prop_assert!(Policy::keeps(outcome));
                    }
                    Effect::Discard { utterance, outcome, .. } => {
                        prop_assert!(open.remove(&utterance).is_some(), "ended twice");
                        prop_assert!(outcome != Outcome::Done);
                    }
                    Effect::Verify { .. } | Effect::Stop { .. } => {}
                }
            }
            prop_assert_eq!(house.sessions(), open.len());
        }
        prop_assert!(open.is_empty(), "a session was forgotten");
        prop_assert_eq!(house.wake_at(), None);
    }
}
