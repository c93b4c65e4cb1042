//! Whole evenings in virtual time: a script of events against the effects it must have.

use std::time::{Duration, Instant};

use sotto_house::{
    Acted, Area, Ask, Bid, Candidate, Doors, Effect, End, Event, House, Note, Outcome, PersonId, Policy,
    Reason, SatelliteId, Trigger, Understanding, UtteranceId, Voice,
};

/// A house with a clock that only the script moves.
struct Evening {
    house: House,
    start: Instant,
    now: Duration,
    said: Vec<String>,
    notes: Vec<Note>,
}

fn utterance(n: u8) -> UtteranceId {
    UtteranceId::from_bytes([n; 16])
}

fn wake() -> Trigger {
    Trigger::WakeWord("okay_nabu".into())
}

impl Evening {
    /// The contest's window here is 250 ms, whatever the default is: the scripts count on it.
    fn new(policy: Policy) -> Self {
        let policy = Policy { contest: Duration::from_millis(250), ..policy };
        Evening {
            house: House::new(policy),
            start: Instant::now(),
            now: Duration::ZERO,
            said: vec![],
            notes: vec![],
        }
    }

    /// Lets the clock run to `ms`, with every tick on the way that the house asked for.
    fn at(&mut self, ms: u64) -> &mut Self {
        let until = Duration::from_millis(ms);
        while let Some(due) = self.house.wake_at().map(|due| due - self.start).filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.event(Event::Tick);
        }
        self.now = until;
        self
    }

    fn event(&mut self, event: Event) -> &mut Self {
        let effects = self.house.handle(self.start + self.now, event);
        for effect in effects {
            if let Effect::Conclude { notes, .. } = &effect {
                self.notes.extend(notes.iter().cloned());
            }
            self.said.push(format!("{}: {}", self.now.as_millis(), brief(&effect)));
        }
        self
    }

    fn opened(&mut self, n: u8, satellite: &str, trigger: Trigger, score: f32, level: f32) -> &mut Self {
        self.heard_before(n, satellite, trigger, Bid::new(score, level), 0)
    }

    /// The same, arriving `age` milliseconds after the satellite heard it.
    fn heard_before(&mut self, n: u8, satellite: &str, trigger: Trigger, bid: Bid, age: u64) -> &mut Self {
        self.event(Event::Opened {
            utterance: utterance(n),
            satellite: SatelliteId::new(satellite).unwrap(),
            area: Area::new(satellite).ok(),
            trigger,
            bid,
            age: Duration::from_millis(age),
        })
    }

    fn ended(&mut self, n: u8, end: End) -> &mut Self {
        self.event(Event::Ended { utterance: utterance(n), end, spoken: Duration::from_secs(60) })
    }

    fn understood(&mut self, n: u8, confidence: f32) -> &mut Self {
        self.understood_until(n, confidence, None)
    }

    /// The same, with a deadline of its own.
    fn understood_until(&mut self, n: u8, confidence: f32, deadline: Option<Duration>) -> &mut Self {
        let understanding = Some(Understanding { confidence, deadline });
        self.event(Event::Transcribed { utterance: utterance(n) });
        self.event(Event::Understood { utterance: utterance(n), understanding })
    }

    /// It is spoken, heard and transcribed; `scores` are how near the voice is to persons 1, 2 …, who is 1 is trusted.
    fn spoken(&mut self, n: u8, satellite: &str, scores: &[f32], ask: Option<Ask>) -> &mut Self {
        self.opened(n, satellite, Trigger::Button, 0.9, -30.0).ended(n, End::Endpoint);
        let candidates = (1..).zip(scores).map(|(n, score)| Candidate {
            person: PersonId::from_bytes([n; 16]),
            score: *score,
            trusted: n == 1,
        });
        let voice = Voice {
            candidates: candidates.collect(),
            speech: Duration::from_secs(2),
            above_noise: 30.0,
            satellite_owner: None,
        };
        self.event(Event::Transcribed { utterance: utterance(n) });
        if !scores.is_empty() {
            self.event(Event::Recognised { utterance: utterance(n), voice });
        }
        if let Some(ask) = ask {
            self.event(Event::Wants { utterance: utterance(n), ask });
        }
        let understanding = Some(Understanding { confidence: 0.9, deadline: None });
        self.event(Event::Understood { utterance: utterance(n), understanding })
    }

    fn acted(&mut self, n: u8, acted: Acted) -> &mut Self {
        self.event(Event::Acted { utterance: utterance(n), acted })
    }

    #[track_caller]
    fn expect(&mut self, script: &str) -> &mut Self {
        let wanted: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(self.said, wanted);
        self.said.clear();
        self
    }
}

fn brief(effect: &Effect) -> String {
    let n = |u: &UtteranceId| u.bytes()[0];
    match effect {
        Effect::Verify { utterance, .. } => format!("verify {}", n(utterance)),
        Effect::Record { utterance, satellite, .. } => format!("record {} of {satellite}", n(utterance)),
        Effect::Transcribe { utterance } => format!("transcribe {}", n(utterance)),
        Effect::Understand { utterance } => format!("understand {}", n(utterance)),
        Effect::Command { utterance, .. } => format!("command {}", n(utterance)),
        Effect::Own { utterance, person, .. } => format!("own {} for {}", n(utterance), person.bytes()[0]),
        Effect::CommandWaiting { utterance, .. } => format!("command waiting {}", n(utterance)),
        Effect::Refuse { utterance, why, .. } => format!("refuse {} {why:?}", n(utterance)),
        Effect::Belongs { utterance, person } => format!("{} belongs to {}", n(utterance), person.bytes()[0]),
        Effect::Vouched { utterance } => format!("vouched {}", n(utterance)),
        Effect::KeepNot { utterance } => format!("keep not {}", n(utterance)),
        Effect::Stop { utterance, .. } => format!("stop {}", n(utterance)),
        Effect::Discard { utterance, outcome, .. } => format!("discard {} {outcome:?}", n(utterance)),
        Effect::Conclude { utterance, outcome, .. } => format!("conclude {} {outcome:?}", n(utterance)),
    }
}

#[test]
fn a_spoken_command_goes_all_the_way() {
    let mut evening = Evening::new(Policy::default());
    evening.opened(1, "kitchen", wake(), 0.98, -30.0).expect("");
    evening.at(2000).ended(1, End::Endpoint).expect(
        "250: record 1 of kitchen
         2000: transcribe 1",
    );
    evening.at(2080).understood(1, 0.95).at(2081).acted(1, Acted::Published).expect(
        "2080: understand 1
         2080: command 1
         2081: conclude 1 Done",
    );
    assert_eq!(evening.notes, [Note::HeardAlone]);
    evening.at(60_000).expect("");
    assert_eq!(evening.house.wake_at(), None, "a house with nothing to do sleeps");
}

#[test]
fn of_two_satellites_that_hear_one_wake_word_the_nearer_answers() {
    let mut evening = Evening::new(Policy::default());
    evening.opened(1, "hall", wake(), 0.95, -45.0).at(120).opened(2, "kitchen", wake(), 0.97, -30.0);
    evening.at(300).opened(3, "bedroom", wake(), 0.99, -50.0).expect(
        "250: discard 1 AnsweredElsewhere
         250: record 2 of kitchen
         300: discard 3 AnsweredElsewhere",
    );
    evening.at(1500).ended(2, End::Endpoint).understood(2, 0.9).acted(2, Acted::Published).expect(
        "1500: transcribe 2
         1500: understand 2
         1500: command 2
         1500: conclude 2 Done",
    );
    let hall = (SatelliteId::new("hall").unwrap(), Bid::new(0.95, -45.0));
    assert_eq!(evening.notes, [Note::Chosen { reason: Reason::Louder, over: vec![hall] }]);
}

#[test]
fn a_satellite_that_was_cut_off_does_not_repeat_an_old_call() {
    let near = Bid::new(0.9, -20.0);
    let mut evening = Evening::new(Policy::default());
    evening.opened(1, "hall", wake(), 0.9, -40.0).at(2000).ended(1, End::Endpoint);
    evening.understood(1, 0.9).acted(1, Acted::Published).at(8000).said.clear();
    evening.heard_before(2, "kitchen", wake(), near, 7900).expect("8000: discard 2 AnsweredElsewhere");
    // What was said after the first had been answered is a new call.
    evening.heard_before(3, "kitchen", wake(), near, 5500).at(9000).expect("8250: record 3 of kitchen");
    // But it is too old to be acted on.
    evening.event(Event::Ended {
        utterance: utterance(3),
        end: End::Endpoint,
        spoken: Duration::from_secs(1),
    });
    evening.understood(3, 0.9).expect(
        "9000: transcribe 3
         9000: understand 3
         9000: conclude 3 NotReached",
    );
    assert_eq!(evening.notes.last(), Some(&Note::TooLate { by: Duration::from_millis(500) }));
}

#[test]
fn two_people_with_two_wake_words_are_both_answered() {
    let mut evening = Evening::new(Policy::default());
    evening.opened(1, "hall", wake(), 0.9, -30.0);
    evening.at(50).opened(2, "kitchen", Trigger::WakeWord("alexa".into()), 0.9, -30.0);
    evening.at(60).opened(3, "bedroom", Trigger::Button, 0.0, -30.0);
    evening.at(1000).expect(
        "60: record 3 of bedroom
         250: record 1 of hall
         300: record 2 of kitchen",
    );
}

#[test]
fn a_short_word_does_not_wait_for_the_contest() {
    let mut evening = Evening::new(Policy::default());
    evening.opened(1, "hall", Trigger::Speech, 0.9, -30.0).at(100).ended(1, End::Endpoint).expect(
        "100: record 1 of hall
         100: transcribe 1",
    );
}

#[test]
fn a_false_wake_leaves_nothing() {
    let mut evening = Evening::new(Policy { second_look: true, ..Policy::default() });
    evening.opened(1, "hall", wake(), 0.9, -30.0).at(20);
    evening.event(Event::Verified { utterance: utterance(1), genuine: false });
    evening.at(1000).ended(1, End::Endpoint).expect(
        "0: verify 1
         20: discard 1 FalseWake",
    );

    // A look that never comes back is no proof.
    evening
        .at(2000)
        .opened(2, "hall", wake(), 0.9, -30.0)
        .at(3000)
        .ended(2, End::Endpoint)
        .at(20_000)
        .expect(
            "2000: verify 2
         13000: discard 2 FalseWake",
        );

    evening.opened(3, "hall", wake(), 0.9, -30.0).at(20_010);
    evening.event(Event::Verified { utterance: utterance(3), genuine: true }).at(21_000).expect(
        "20000: verify 3
         20250: record 3 of hall",
    );
}

#[test]
fn a_command_with_a_deadline_of_its_own_keeps_that() {
    let check = |deadline: u64, understood: u64, late: bool| {
        let mut evening = Evening::new(Policy::default());
        evening.opened(1, "kitchen", wake(), 0.9, -30.0).at(1000).ended(1, End::Endpoint);
        evening.at(understood).understood_until(1, 0.9, Some(Duration::from_millis(deadline)));
        let conclusion = format!("{understood}: conclude 1 NotReached");
        assert_eq!(evening.said.contains(&conclusion), late, "{deadline} {understood}: {:?}", evening.said);
        if !late {
            // What the broker never confirms ends with that deadline, not with the policy's.
            evening.said.clear();
            let due = 1000 + deadline;
            evening.at(due).expect(&format!("{due}: conclude 1 NotReached"));
        }
    };
    check(2000, 2500, false);
    check(2000, 3500, true);
    check(9000, 8000, false);
}

#[test]
fn an_old_command_never_fires_late() {
    let mut evening = Evening::new(Policy::default());
    evening.opened(1, "hall", Trigger::Button, 0.9, -30.0).at(1000).ended(1, End::Endpoint);
    evening.at(6000).understood(1, 0.9).expect(
        "0: record 1 of hall
         1000: transcribe 1
         6000: understand 1
         6000: conclude 1 NotReached",
    );
    assert_eq!(evening.notes, [Note::TooLate { by: Duration::ZERO }]);

    evening
        .opened(2, "hall", Trigger::Button, 0.9, -30.0)
        .at(7000)
        .ended(2, End::Endpoint)
        .understood(2, 0.9);
    evening.at(12_500).acted(2, Acted::Published).expect(
        "6000: record 2 of hall
         7000: transcribe 2
         7000: understand 2
         7000: command 2
         12000: conclude 2 NotReached",
    );
}

#[test]
fn what_goes_wrong_has_an_outcome() {
    let mut evening = Evening::new(Policy::default());
    let mut check = |script: fn(&mut Evening) -> &mut Evening, outcome: Outcome, kept: bool| {
        let start = evening.now.as_millis() as u64 + 10_000;
        evening.at(start).opened(1, "hall", Trigger::Button, 0.9, -30.0).at(start + 1000);
        script(&mut evening);
        let end = evening.said.last().unwrap().clone();
        let verb = if kept { "conclude" } else { "discard" };
        assert!(end.ends_with(&format!("{verb} 1 {outcome:?}")), "{end}");
        evening.at(start + 60_000).said.clear();
        assert_eq!(evening.house.sessions(), 0);
    };
    check(|e| e.ended(1, End::NothingSaid), Outcome::NothingSaid, false);
    check(|e| e.ended(1, End::Cancelled), Outcome::Interrupted, true);
    check(|e| e.event(Event::Lost { utterance: utterance(1) }), Outcome::Interrupted, true);
    check(|e| e.event(Event::Closing), Outcome::Interrupted, true);
    check(|e| e.opened(2, "hall", wake(), 0.9, -30.0), Outcome::Interrupted, true);
    check(
        |e| e.ended(1, End::Endpoint).event(Event::NotHeard { utterance: utterance(1) }),
        Outcome::NotHeard,
        true,
    );
    check(
        |e| {
            let until = e.now.as_millis() as u64 + 11_000;
            e.ended(1, End::Endpoint).at(until)
        },
        Outcome::NotHeard,
        true,
    );
    check(|e| e.ended(1, End::Endpoint).understood(1, 0.2), Outcome::NotUnderstood, true);
    check(|e| e.ended(1, End::Endpoint).understood(1, f32::NAN), Outcome::NotUnderstood, true);
    check(|e| e.ended(1, End::Endpoint).understood(1, 0.9).acted(1, Acted::Refused), Outcome::Refused, true);
    check(
        |e| e.ended(1, End::Endpoint).understood(1, 0.9).acted(1, Acted::NotReached),
        Outcome::NotReached,
        true,
    );
}

#[test]
fn nobody_streams_for_ever() {
    let mut evening = Evening::new(Policy::default());
    evening.opened(1, "hall", Trigger::Button, 0.9, -30.0).at(31_000).expect(
        "0: record 1 of hall
         30000: stop 1
         30000: transcribe 1",
    );
    evening.understood(1, 0.9).acted(1, Acted::Published);
    assert_eq!(evening.notes, [Note::CutAtLimit]);
}

#[test]
fn a_voice_that_is_known_owns_what_it_says_and_a_stranger_leaves_nothing() {
    let begun = "0: record 1 of hall\n0: transcribe 1\n0: understand 1\n";
    let check = |scores: &[f32], ask, expect: &str| {
        Evening::new(Policy::default()).spoken(1, "hall", scores, ask).expect(&format!("{begun}{expect}"));
    };
    check(&[], None, "0: command 1");
    check(&[0.1, 0.8], None, "0: 1 belongs to 2\n0: command 1");
    check(&[0.1, 0.2], None, "0: keep not 1\n0: command 1");
    check(&[0.1, 0.8], Some(Ask::Own), "0: 1 belongs to 2\n0: own 1 for 2");
    check(&[0.1, 0.48], Some(Ask::Own), "0: 1 belongs to 2\n0: refuse 1 NotSure\n0: conclude 1 Refused");
    check(&[], Some(Ask::Own), "0: refuse 1 NotSure\n0: conclude 1 Refused");
    check(&[0.8, 0.1], Some(Ask::LetIn), "0: 1 belongs to 1\n0: vouched 1\n0: command 1");
    check(&[0.1, 0.8], Some(Ask::LetIn), "0: 1 belongs to 2\n0: refuse 1 NotAllowed\n0: conclude 1 Refused");
}

#[test]
fn a_door_is_opened_by_the_pin_that_follows_and_the_pin_is_not_kept() {
    let doors = Doors { pin: true, ..Doors::default() };
    let mut evening = Evening::new(Policy { doors, keep_strangers: true, ..Policy::default() });
    evening.spoken(1, "hall", &[0.1], Some(Ask::LetIn)).expect(
        "0: record 1 of hall
         0: transcribe 1
         0: understand 1
         0: refuse 1 SayPin
         0: conclude 1 Refused",
    );
    evening.spoken(3, "yard", &[0.1], None).acted(3, Acted::Published).expect(
        "0: record 3 of yard
         0: transcribe 3
         0: understand 3
         0: command 3
         0: conclude 3 Done",
    );
    // Misheard, it may still be the PIN.
    evening.opened(4, "hall", Trigger::Button, 0.9, -30.0).ended(4, End::Endpoint);
    evening.event(Event::Transcribed { utterance: utterance(4) });
    evening.event(Event::Understood { utterance: utterance(4), understanding: None }).expect(
        "0: record 4 of hall
         0: transcribe 4
         0: understand 4
         0: keep not 4
         0: conclude 4 NotUnderstood",
    );
    evening.spoken(2, "hall", &[0.1], Some(Ask::Pin { right: true })).expect(
        "0: record 2 of hall
         0: transcribe 2
         0: understand 2
         0: keep not 2
         0: vouched 2
         0: command waiting 2",
    );
    evening.acted(2, Acted::Published).expect("0: conclude 2 Done");
}
