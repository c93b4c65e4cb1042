//! What a pool promises whatever recognizer is in it: early starts, cancelling, deadlines, no piling up.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::engine::Word;

/// Answers with the number of samples that it was given; with `stuck`, only when it is no longer wanted.
struct Counts {
    stuck: bool,
    told: Sender<Result<usize, HearingError>>,
}

impl Recognizer for Counts {
    fn hear(&mut self, samples: &[i16], _: &Request, cancel: &Cancel) -> Answer {
        let _ = self.told.send(Ok(samples.len()));
        if self.stuck {
            let error = loop {
                match cancel.check() {
                    Ok(()) => thread::sleep(Duration::from_millis(1)),
                    Err(error) => break error,
                }
            };
            let _ = self.told.send(Err(error.clone()));
            return Err(error);
        }
        let (start, end) = (Duration::ZERO, Duration::ZERO);
        let word = Word { text: samples.len().to_string(), confidence: 1.0, start, end };
        Ok(vec![Hypothesis { words: vec![word], confidence: 1.0 }])
    }
}

type Told = Receiver<Result<usize, HearingError>>;

fn pool(early_start: bool, stuck: bool) -> (Pool, Told) {
    let (told, tells) = channel();
    let about = About { name: "counts", model: String::new(), early_start, sentences: Sentences::Unused };
    (Pool::start(about, vec![Box::new(Counts { stuck, told })]).unwrap(), tells)
}

fn speech(milliseconds: usize) -> Vec<i16> {
    (0..16 * milliseconds).map(|i| ((i as f32 * 0.3).sin() * 4000.0) as i16).collect()
}

fn quiet(milliseconds: usize) -> Vec<i16> {
    vec![1; 16 * milliseconds]
}

fn said(answer: Answer) -> usize {
    answer.unwrap()[0].text().parse().unwrap()
}

#[test]
fn what_was_heard_at_the_first_pause_is_kept_if_nothing_more_is_said() {
    let (pool, told) = pool(true, false);
    let mut hearing = pool.begin(Request::default());
    for piece in [quiet(300), speech(1_000), quiet(160)] {
        hearing.push(&piece).unwrap();
    }
    // Heard before anybody says that the speaker has ended.
    assert_eq!(told.recv(), Ok(Ok(16 * 1_460)));
    hearing.push(&quiet(300)).unwrap();
    assert_eq!(said(hearing.finish()), 16 * 1_460, "the answer of the pause");
    assert!(told.try_recv().is_err(), "and it is not heard again");
}

#[test]
fn who_goes_on_after_a_pause_is_heard_whole() {
    let (pool, told) = pool(true, false);
    let mut hearing = pool.begin(Request::default());
    for piece in [quiet(300), speech(1_000), quiet(160), speech(500)] {
        hearing.push(&piece).unwrap();
    }
    assert_eq!(said(hearing.finish()), 16 * 1_960);
    drop(pool);
    // The early answer was begun or not, as the threads had it; the last is of everything.
    assert_eq!(told.try_iter().last(), Some(Ok(16 * 1_960)));
}

#[test]
fn without_early_start_nothing_is_heard_before_the_end() {
    let (pool, told) = pool(false, false);
    let mut hearing = pool.begin(Request::default());
    for piece in [quiet(300), speech(1_000), quiet(400)] {
        hearing.push(&piece).unwrap();
    }
    hearing.end();
    assert_eq!(told.recv(), Ok(Ok(16 * 1_700)), "the end is enough; nobody has to wait");
    assert_eq!(said(hearing.finish()), 16 * 1_700);
}

#[test]
fn a_dropped_utterance_is_cancelled_and_the_next_one_is_heard() {
    let (pool, told) = pool(false, true);
    for _ in 0..3 {
        let mut hearing = pool.begin(Request::default());
        hearing.push(&speech(100)).unwrap();
        hearing.end();
        assert_eq!(told.recv(), Ok(Ok(1_600)), "the engine is at work");
        drop(hearing);
        assert_eq!(told.recv(), Ok(Err(HearingError::Cancelled)));
    }
}

#[test]
fn more_than_the_longest_is_refused_and_not_kept() {
    let (pool, _told) = pool(true, false);
    let mut hearing = pool.begin(Request::default());
    hearing.push(&vec![0; LONGEST.as_secs() as usize * RATE]).unwrap();
    for _ in 0..3 {
        assert_eq!(hearing.push(&[0; 320]), Err(HearingError::TooLong));
    }
    assert_eq!(said(hearing.finish()), LONGEST.as_secs() as usize * RATE);
}

#[test]
fn under_overload_people_are_told_and_nothing_piles_up() {
    let (pool, told) = pool(false, true);
    let begin = |room: &str| {
        let mut hearing = pool.begin(Request { room: room.to_owned(), ..Request::default() });
        hearing.push(&speech(20)).unwrap();
        hearing
    };
    let mut first = begin("study");
    first.end();
    assert_eq!(told.recv(), Ok(Ok(320)));
    let waiting: Vec<_> = (0..32)
        .map(|room| {
            let mut hearing = begin(&format!("room {room}"));
            hearing.end();
            hearing
        })
        .collect();
    assert_eq!(begin("hall").finish(), Err(HearingError::Overloaded));
    // Who gives up makes room.
    drop(waiting);
    drop(first);
    let mut hearing = begin("hall");
    hearing.end();
    assert!(told.iter().any(|heard| heard == Ok(320)));
}
