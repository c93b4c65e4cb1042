//! The whole satellite on a recording, with a hub in memory and a speaker in a file.

use std::sync::{Arc, Mutex};

use sotto_protocol::Trigger;

use super::*;
use crate::config;
use crate::encode::Encoder;
use crate::panel::Panel;

/// A hub that answers each utterance with an outcome and a word of 100 ms, and writes down what it got.
struct Answering {
    outcome: OutcomeKind,
    got: Arc<Mutex<Vec<String>>>,
    says: mpsc::Sender<HubSays>,
    utterance: Option<UtteranceId>,
}

impl Answering {
    fn note(&self, what: String) {
        self.got.lock().unwrap().push(what);
    }
}

impl ToHub for Answering {
    fn open(&mut self, opening: Opening) {
        assert_eq!(opening.trigger, Trigger::Speech);
        assert!(opening.level_dbfs > -30.0, "as loud as the speaker: {}", opening.level_dbfs);
        self.utterance = Some(opening.utterance);
        self.note(format!("open with {}", opening.preroll.len()));
    }

    fn send(&mut self, packet: Packet) {
        assert!(!packet.bytes().is_empty());
        let mut got = self.got.lock().unwrap();
        if got.last().is_none_or(|last| last != "packets") {
            got.push("packets".into());
        }
    }

    fn end(&mut self, reason: EndReason) {
        self.note(format!("end {reason:?}"));
        let Some(utterance) = self.utterance.take().filter(|_| reason != EndReason::Cancelled) else {
            return;
        };
        let mut encoder = Encoder::new(24_000, 5).unwrap();
        let frame = Frame::from(std::array::from_fn(|i| if i % 40 < 20 { 4_000 } else { -4_000 }));
        for _ in 0..5 {
            let packet = encoder.encode(&frame).unwrap();
            self.says.try_send(HubSays::Speech { packet, volume: 1.0 }).unwrap();
        }
        let outcome = Outcome { utterance, kind: self.outcome, intent: None };
        self.says.try_send(HubSays::Outcome(outcome)).unwrap();
    }

    fn cancel(&mut self) {
        self.note("cancel".into());
    }

    fn muted(&mut self, _: bool, _: bool) {}

    fn volume(&mut self, _: f32) {}

    fn lost(&mut self, _: u64) {}

    fn level(&mut self, _: f32, _: bool) {}
}

/// Half a second of silence, then a tone for `tone_ms`.
fn recording(path: &std::path::Path, tone_ms: usize) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for i in 0..8_000 + tone_ms * 16 {
        let tone = if i < 8_000 { 0.0 } else { 8_000.0 * (i as f32 * 0.2).sin() };
        writer.write_sample(tone as i16).unwrap();
    }
    writer.finalize().unwrap();
}

struct Ran {
    result: Result<(), Stopped>,
    got: Vec<String>,
    told: Vec<Event>,
    /// Samples that the loudspeaker gave.
    spoken: usize,
}

/// Runs a satellite on speech of `tone_ms` until it stops by itself, or is stopped after `stop`.
async fn run(outcome: OutcomeKind, tone_ms: usize, stop: Option<Duration>) -> Ran {
    run_told(vec![], config::Trigger::Speech, outcome, tone_ms, stop).await
}

/// The same, of one that the hub tells something first.
async fn run_told(
    first: Vec<HubSays>,
    trigger: config::Trigger,
    outcome: OutcomeKind,
    tone_ms: usize,
    stop: Option<Duration>,
) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let (heard, said) = (dir.path().join("heard.wav"), dir.path().join("said.wav"));
    recording(&heard, tone_ms);
    let mut config = Config { trigger, ..Config::default() };
    config.microphone.device = format!("file:{}", heard.display());
    config.speaker.device = format!("file:{}", said.display());
    let ear = crate::ear::Ear::for_voices();
    let ids = sotto_protocol::UtteranceIds::from_secret([3; 32]);
    let (got, told) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (sender, says) = mpsc::channel(64);
    for message in [HubSays::Line(Line::Online)].into_iter().chain(first) {
        sender.send(message).await.unwrap();
    }
    let to = Answering { outcome, got: got.clone(), says: sender, utterance: None };
    let events = told.clone();
    let satellite = Satellite {
        listening: Listening::new(&config, ear, ids).unwrap(),
        microphone: Microphone::open(&config.microphone.device, 1).unwrap(),
        panel: Panel::open(&config.panel, false).unwrap(),
        speaker: Speaker::open(&config.speaker).unwrap(),
        hub: Hub { to: Box::new(to), says },
        tell: Box::new(move |event| events.lock().unwrap().push(event)),
        once: true,
        config,
    };
    let shutdown = async move {
        match stop {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let result = satellite.run(shutdown).await;
    let spoken = hound::WavReader::open(&said).map_or(0, |reader| reader.len() as usize);
    Ran { result, got: got.lock().unwrap().clone(), told: told.lock().unwrap().clone(), spoken }
}

/// The first sentence after a start must not fall into a change of ears.
#[tokio::test]
async fn settings_that_ask_for_what_is_listened_for_leave_the_ear_alone() {
    for (sensitivity, changes) in [(AUTHOR, false), (AUTHOR + 0.1, true)] {
        let settings = HubSays::Settings { muted: false, volume: 50.0, sensitivity, wake_words: vec![] };
        let ran = run_told(vec![settings], config::Trigger::WakeWord, OutcomeKind::Done, 200, None).await;
        // There are no models here: another ear cannot be had, and that is told.
        let troubled = ran.told.iter().any(|event| matches!(event, Event::Trouble(_)));
        assert_eq!(troubled, changes, "{:?}", ran.told);
    }
}

#[tokio::test]
async fn a_recording_is_heard_as_if_spoken_and_answered_aloud() {
    let ran = run(OutcomeKind::Done, 700, None).await;
    assert!(ran.result.is_ok());
    assert_eq!(ran.got, ["open with 25", "packets", "end Silence"]);
    assert!(matches!(ran.told.last(), Some(Event::Outcome(outcome)) if outcome.kind == OutcomeKind::Done));
    // The answer's 100 ms, and the earcons of wake and done around it.
    assert!((3_000..12_000).contains(&ran.spoken), "{} samples", ran.spoken);
}

#[tokio::test]
async fn without_an_answer_it_stops_with_an_error_that_says_so() {
    let ran = run(OutcomeKind::Interrupted, 500, None).await;
    assert!(matches!(ran.result, Err(Stopped::NoAnswer(1))));
}

#[tokio::test]
async fn stopped_in_the_middle_it_marks_what_was_being_said() {
    let ran = run(OutcomeKind::Done, 5_000, Some(Duration::from_millis(1_200))).await;
    assert!(ran.result.is_ok());
    assert_eq!(ran.got.last().map(String::as_str), Some("end Cancelled"));
}

#[test]
fn levels_are_told_ten_times_a_second_for_as_long_as_somebody_watches() {
    let mut meter = Meter::lasting(Duration::from_secs(1));
    let loud = Frame::from([16_384; 320]);
    let told: Vec<_> = (0..200).filter_map(|_| meter.push(&loud)).collect();
    assert_eq!(told.len(), 10);
    assert!(told.iter().all(|level| (level + 6.02).abs() < 0.1));
}
