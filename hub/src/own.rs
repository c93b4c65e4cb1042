//! What a person asks by voice about their own recordings, carried out through the journal's door.
//!
//! `intent + person (a certain voice: the house has seen to that) → journal → an answer to be spoken`
//!
//! Numbers and names are spoken, and what was just heard in this room; never older words: a voice can be played back.
//! A week or everything is erased only after it was asked back. Deliberately absent: recognising anybody.

mod text;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sotto_house::{PersonId, SatelliteId};
use sotto_journal::{EraseError, Journal, Spoken};

pub use text::refusal;

use text::Text;

/// How long a question that was asked back waits for its answer, and what was last heard in a room is told.
const SOON: Duration = Duration::from_secs(60);

/// The intents that are about the speaker's own recordings.
const OWN: [&str; 8] = [
    "SottoErase",
    "SottoEraseConfirm",
    "SottoKeepNot",
    "SottoKeepingStop",
    "SottoWhatHeard",
    "SottoWhy",
    "SottoWhoListened",
    "SottoHowMany",
];

pub fn is_own(intent: &str) -> bool {
    OWN.contains(&intent)
}

/// Which of a person's recordings are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Last,
    Minutes(i64),
    Today,
    Week,
    Everything,
}

impl Period {
    /// From the slots `period` and `minutes`.
    pub fn read(period: &str, minutes: Option<i64>) -> Option<Period> {
        Some(match period {
            "last" => Period::Last,
            "minutes" => Period::Minutes(minutes.filter(|minutes| (1..=24 * 60).contains(minutes))?),
            "today" => Period::Today,
            "week" => Period::Week,
            "everything" => Period::Everything,
            _ => return None,
        })
    }

    fn asks_back(self) -> bool {
        matches!(self, Period::Week | Period::Everything)
    }

    /// For the journal, at `now` in the household's `zone`. A week begins on Monday (ISO 8601).
    fn spoken(self, now: Timestamp, zone: &TimeZone) -> Spoken {
        let today = now.to_zoned_datetime(zone.clone()).date();
        let midnight = |day: Date| {
            let start = day.to_zoned_datetime(zone.clone());
            Spoken::Since(start.map_or(Timestamp::MIN, |start| start.timestamp()))
        };
        match self {
            Period::Last => Spoken::LastThing,
            Period::Minutes(minutes) => Spoken::Since(before(now, SignedDuration::from_mins(minutes))),
            Period::Today => midnight(today),
            Period::Week => {
                let days = i64::from(today.weekday().to_monday_zero_offset());
                midnight(today.saturating_sub(SignedDuration::from_hours(24 * days)))
            }
            Period::Everything => Spoken::Everything,
        }
    }
}

fn before(now: Timestamp, long: SignedDuration) -> Timestamp {
    now.saturating_sub(long).unwrap_or(Timestamp::MIN)
}

/// What is asked, with what is needed to answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Erase(Period),
    /// "Yes, delete everything."
    Confirm(Period),
    KeepNot,
    StopKeeping,
    WhatHeard,
    Why,
    WhoListened,
    HowMany,
}

impl Request {
    pub fn read(intent: &str, period: Option<&str>, minutes: Option<i64>) -> Option<Request> {
        let period = || Period::read(period?, minutes);
        Some(match intent {
            "SottoErase" => Request::Erase(period()?),
            "SottoEraseConfirm" => Request::Confirm(period()?),
            "SottoKeepNot" => Request::KeepNot,
            "SottoKeepingStop" => Request::StopKeeping,
            "SottoWhatHeard" => Request::WhatHeard,
            "SottoWhy" => Request::Why,
            "SottoWhoListened" => Request::WhoListened,
            "SottoHowMany" => Request::HowMany,
            _ => return None,
        })
    }

    /// Whether what was said to ask for this is itself not kept: who erases wants less there, not more.
    pub fn leaves_nothing(self) -> bool {
        matches!(self, Request::Erase(_) | Request::Confirm(_) | Request::KeepNot | Request::StopKeeping)
    }
}

/// What was last understood in a room, for as long as a minute, in memory.
struct Last {
    at: Instant,
    person: Option<PersonId>,
    heard: String,
    because: String,
}

/// What is remembered from one request to the next.
#[derive(Default)]
pub struct Own {
    asked_back: HashMap<PersonId, (Instant, Period)>,
    last: HashMap<SatelliteId, Last>,
}

impl Own {
    /// Something was understood at a satellite: `heard` word for word, `because` as a sentence of the house.
    pub fn understood(
        &mut self,
        satellite: &SatelliteId,
        person: Option<PersonId>,
        heard: String,
        because: String,
        now: Instant,
    ) {
        self.last.retain(|_, last| now.saturating_duration_since(last.at) < SOON);
        self.last.insert(satellite.clone(), Last { at: now, person, heard, because });
    }

    /// Does what is asked and says what was done; `None` when that is for the journal's disk to blame.
    pub fn carry_out(
        &mut self,
        request: Request,
        person: PersonId,
        satellite: &SatelliteId,
        journal: &Journal,
        language: &str,
        (now, at, zone): (Instant, Timestamp, &TimeZone),
    ) -> Answer {
        let text = Text::of(language);
        self.asked_back.retain(|_, (since, _)| now.saturating_duration_since(*since) < SOON);
        let erase = |period: Period| match journal.erase_spoken(person, period.spoken(at, zone), at) {
            Ok(receipt) => Answer::done(text.erased(receipt.count)),
            Err(error) => Answer::failed(&text, &error),
        };
        match request {
            Request::Erase(period) if period.asks_back() => match journal.count_spoken(person) {
                Ok(_) => {
                    self.asked_back.insert(person, (now, period));
                    Answer::done(text.ask_back(period))
                }
                Err(error) => Answer::failed(&text, &error),
            },
            Request::Erase(period) => erase(period),
            Request::KeepNot => erase(Period::Last),
            Request::Confirm(period) => match self.asked_back.remove(&person) {
                Some((_, asked)) if asked == period => erase(period),
                _ => Answer::refused(text.nothing_asked()),
            },
            Request::StopKeeping => match journal.stop_keeping_spoken(person, at) {
                Ok(()) => Answer::done(text.stopped()),
                Err(error) => Answer::failed(&text, &error),
            },
            Request::HowMany => match journal.count_spoken(person) {
                Ok(count) => Answer::done(text.count(count)),
                Err(error) => Answer::failed(&text, &error),
            },
            Request::WhoListened => {
                let month = before(at, SignedDuration::from_hours(30 * 24));
                match journal.listeners_spoken(person, month) {
                    Ok(names) => Answer::done(text.listeners(&names)),
                    Err(error) => Answer::failed(&text, &error),
                }
            }
            Request::WhatHeard | Request::Why => {
                let theirs = |last: &&Last| {
                    last.person == Some(person) && now.saturating_duration_since(last.at) < SOON
                };
                let last = self.last.get(satellite).filter(theirs);
                Answer::done(match (last, request) {
                    (None, _) => text.nothing_heard(),
                    (Some(last), Request::Why) => text.because(&last.heard, &last.because),
                    (Some(last), _) => text.heard(&last.heard),
                })
            }
        }
    }
}

/// What came of it, and what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub done: bool,
    pub speech: String,
}

impl Answer {
    fn done(speech: String) -> Answer {
        Answer { done: true, speech }
    }

    fn refused(speech: String) -> Answer {
        Answer { done: false, speech }
    }

    fn failed(text: &Text, error: &EraseError) -> Answer {
        if !matches!(error, EraseError::NotByVoice) {
            tracing::error!(%error, "a request about recordings could not be carried out");
        }
        Answer::refused(text.failed(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_house::{Outcome, Retention, Role, UtteranceId};
    use sotto_journal::{Finished, Hardness, Heard, Options, Person, Settings, Words};

    /// A Wednesday, 10:30 in Berlin.
    fn wednesday() -> Timestamp {
        "2026-11-25T09:30:00Z".parse().unwrap()
    }

    struct Home {
        _folder: tempfile::TempDir,
        journal: Journal,
        own: Own,
        start: Instant,
    }

    impl Home {
        fn new() -> Home {
            let folder = tempfile::tempdir().unwrap();
            let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };
            let journal = Journal::open(folder.path(), options, wednesday()).unwrap();
            Home { _folder: folder, journal, own: Own::default(), start: Instant::now() }
        }

        fn member(&self, name: &str, voice_erasure: bool) -> Person {
            self.journal.add_member(name, Role::Adult, true, "four words are good", wednesday()).unwrap();
            let person = self.journal.sign_in(name, "four words are good", wednesday()).unwrap();
            let settings = self.journal.settings(&person).unwrap();
            let settings = Settings { voice_erasure, keep: Retention::UntilErased, ..settings };
            self.journal.set_settings(&person, settings, wednesday()).unwrap();
            person
        }

        fn say(&self, who: &Person, at: &str) {
            let recorder = self.journal.record(
                Heard {
                    utterance: UtteranceId::from_bytes([1; 16]),
                    satellite: SatelliteId::new("hall").unwrap(),
                    area: None,
                    at: at.parse().unwrap(),
                    pre_roll: Duration::ZERO,
                },
                Retention::UntilErased,
            );
            recorder.push(vec![0; 40]).unwrap();
            let finished =
                Finished { speaker: Some(who.id()), outcome: Outcome::Done, words: Words::default() };
            recorder.finish(finished, wednesday()).unwrap();
        }

        fn ask(&mut self, who: &Person, request: Request, after: u64, language: &str) -> (bool, String) {
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            let now = self.start + Duration::from_secs(after);
            let hall = SatelliteId::new("hall").unwrap();
            let times = (now, wednesday(), &zone);
            let answer = self.own.carry_out(request, who.id(), &hall, &self.journal, language, times);
            (answer.done, answer.speech)
        }

        fn left(&self, who: &Person) -> u64 {
            self.journal.count_spoken(who.id()).unwrap()
        }
    }

    #[test]
    fn periods_are_those_of_the_households_calendar() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let check = |period: Period, expect: Spoken| assert_eq!(period.spoken(wednesday(), &zone), expect);
        let since = |at: &str| Spoken::Since(at.parse().unwrap());
        check(Period::Last, Spoken::LastThing);
        check(Period::Minutes(10), since("2026-11-25T09:20:00Z"));
        check(Period::Today, since("2026-11-24T23:00:00Z"));
        check(Period::Week, since("2026-11-22T23:00:00Z"));
        check(Period::Everything, Spoken::Everything);
    }

    #[test]
    fn erasing_by_voice_takes_the_period_and_only_ones_own_and_says_the_number() {
        let mut home = Home::new();
        let (ada, bert) = (home.member("Ada", true), home.member("Bert", true));
        for at in ["2026-11-20T12:00:00Z", "2026-11-23T12:00:00Z", "2026-11-25T07:00:00Z"] {
            home.say(&ada, at);
            home.say(&bert, at);
        }
        home.say(&ada, "2026-11-25T09:25:00Z");
        home.say(&ada, "2026-11-25T09:29:00Z");
        let erase = Request::Erase;
        assert_eq!(home.ask(&ada, Request::HowMany, 0, "en").1, "I have 5 recordings of you.");
        let last = home.ask(&ada, erase(Period::Last), 1, "en");
        assert_eq!(last, (true, "One of your recordings is deleted.".into()));
        let minutes = home.ask(&ada, erase(Period::Minutes(10)), 2, "de");
        assert_eq!(minutes, (true, "Eine deiner Aufnahmen ist gelöscht.".into()));
        assert_eq!(home.ask(&ada, Request::KeepNot, 3, "en").1, "One of your recordings is deleted.");
        assert_eq!((home.left(&ada), home.left(&bert)), (2, 3));
        assert_eq!(home.journal.receipts(&ada, 10).unwrap().len(), 3, "each leaves a receipt");
        let nothing = home.ask(&ada, erase(Period::Today), 4, "en").1;
        assert_eq!(nothing, "There was nothing of yours to delete.");
    }

    #[test]
    fn a_week_or_everything_is_erased_only_when_asked_back() {
        let mut home = Home::new();
        let (ada, bert) = (home.member("Ada", true), home.member("Bert", true));
        for who in [&ada, &bert] {
            home.say(who, "2026-11-20T12:00:00Z");
            home.say(who, "2026-11-24T12:00:00Z");
        }
        let (week, everything) = (Period::Week, Period::Everything);
        assert!(!home.ask(&ada, Request::Confirm(everything), 0, "en").0, "nobody had asked");
        assert!(home.ask(&ada, Request::Erase(week), 1, "en").1.contains("yes, delete this week"));
        assert!(!home.ask(&bert, Request::Confirm(week), 2, "en").0, "another asks");
        assert_eq!((home.left(&ada), home.left(&bert)), (2, 2));
        assert!(home.ask(&ada, Request::Confirm(week), 3, "en").0);
        assert_eq!((home.left(&ada), home.left(&bert)), (1, 2));
        assert!(home.ask(&ada, Request::Erase(everything), 10, "en").1.contains("yes, delete everything"));
        assert!(!home.ask(&ada, Request::Confirm(week), 11, "en").0, "that was not the question");
        home.ask(&ada, Request::Erase(everything), 20, "de");
        assert!(!home.ask(&ada, Request::Confirm(everything), 81, "de").0, "too late");
        home.ask(&ada, Request::Erase(everything), 90, "de");
        assert!(home.ask(&ada, Request::Confirm(everything), 95, "de").0);
        assert_eq!((home.left(&ada), home.left(&bert)), (0, 2));
    }

    #[test]
    fn who_has_not_switched_it_on_is_told_so() {
        let mut home = Home::new();
        let ada = home.member("Ada", false);
        home.say(&ada, "2026-11-25T09:29:00Z");
        for request in [
            Request::Erase(Period::Last),
            Request::Erase(Period::Everything),
            Request::KeepNot,
            Request::StopKeeping,
            Request::HowMany,
            Request::WhoListened,
        ] {
            let (done, speech) = home.ask(&ada, request, 0, "en");
            assert!(!done && speech.contains("on the page"), "{request:?}: {speech}");
        }
        assert_eq!(home.journal.counts().unwrap()[0].1, 1);
    }

    #[test]
    fn what_was_heard_is_told_to_the_same_voice_in_the_same_room_for_a_minute() {
        let mut home = Home::new();
        let (ada, bert) = (home.member("Ada", true), home.member("Bert", true));
        let hall = SatelliteId::new("hall").unwrap();
        let start = home.start;
        home.own.understood(&hall, Some(ada.id()), "turn on the lamp".into(), "turn on {name}".into(), start);
        assert_eq!(home.ask(&ada, Request::WhatHeard, 5, "en").1, "I heard: turn on the lamp.");
        assert!(home.ask(&ada, Request::Why, 5, "en").1.contains("turn on {name}"));
        assert!(!home.ask(&bert, Request::WhatHeard, 5, "en").1.contains("lamp"));
        assert!(!home.ask(&ada, Request::WhatHeard, 61, "en").1.contains("lamp"));
    }

    #[test]
    fn requests_are_read_from_the_packs_intents_and_slots() {
        let check = |intent: &str, period, minutes, expect| {
            assert_eq!(Request::read(intent, period, minutes), expect, "{intent}");
            assert!(is_own(intent) || expect.is_none());
        };
        check("SottoErase", Some("last"), None, Some(Request::Erase(Period::Last)));
        check("SottoErase", Some("minutes"), Some(10), Some(Request::Erase(Period::Minutes(10))));
        check("SottoErase", Some("minutes"), None, None);
        check("SottoErase", Some("minutes"), Some(-5), None);
        check("SottoErase", None, None, None);
        check("SottoEraseConfirm", Some("everything"), None, Some(Request::Confirm(Period::Everything)));
        check("HassTurnOn", None, None, None);
        for intent in OWN.iter().filter(|intent| !intent.starts_with("SottoErase")) {
            assert!(Request::read(intent, None, None).is_some(), "{intent}");
        }
    }
}
