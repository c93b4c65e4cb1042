//! An hour of people talking, none of them to the satellite: no byte of it goes to the hub, and the wake word
//! is sent with exactly what was said just before it. Heard much faster than it was spoken.

use std::path::{Path, PathBuf};

use sotto_protocol::{EndReason, Outcome, OutcomeKind, Trigger, UtteranceId, UtteranceIds};
use sotto_satellite::config::Config;
use sotto_satellite::listening::{Action, Line, Listening, Mute};
use sotto_satellite::microphone::read_all;
use sotto_satellite::sound::Frame;
use sotto_satellite::{AUTHOR, Decoder};

fn data() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let data = std::env::var_os("SOTTO_TEST_DATA").map_or(default, PathBuf::from);
    let there = data.join("speech/manifest.jsonl").is_file();
    if !there {
        eprintln!("SKIPPED: no recordings in {}; set SOTTO_TEST_DATA", data.display());
    }
    there.then_some(data)
}

/// A satellite that listens for `word`, and counts what it would send.
struct Counted {
    machine: Listening,
    wakes: usize,
    utterance: Option<UtteranceId>,
    /// Bytes of Opus and headers given to the link.
    bytes: usize,
    packets: Vec<sotto_protocol::Packet>,
    preroll: usize,
    ended: Option<EndReason>,
}

impl Counted {
    fn new(data: &Path, word: &str) -> Self {
        let mut config = Config::default();
        config.wake.models = data.join("models/wake");
        config.wake.words = vec![word.into()];
        let ear = config.open_ear(config.wake_words(), AUTHOR).unwrap();
        let mut machine = Listening::new(&config, ear, UtteranceIds::from_secret([1; 32])).unwrap();
        machine.line(Line::Online);
        Self { machine, wakes: 0, utterance: None, bytes: 0, packets: Vec::new(), preroll: 0, ended: None }
    }

    fn hear(&mut self, frames: &[Frame]) {
        for frame in frames {
            self.machine.hear(frame);
            let actions: Vec<_> = self.machine.actions().collect();
            actions.into_iter().for_each(|action| self.act(action));
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Open(opening) => {
                assert!(matches!(opening.trigger, Trigger::WakeWord { .. }), "only a wake word opens");
                self.wakes += 1;
                self.utterance = Some(opening.utterance);
                self.preroll = opening.preroll.len();
                self.bytes += opening.preroll.iter().map(|packet| packet.bytes().len()).sum::<usize>();
                self.packets = opening.preroll;
            }
            Action::Send(packet) => {
                self.bytes += packet.bytes().len();
                self.packets.push(packet);
            }
            Action::End(reason) => {
                self.ended = Some(reason);
                let utterance = self.utterance.expect("what ends was opened");
                self.machine.outcome(Outcome { utterance, kind: OutcomeKind::Done, intent: None });
            }
            _ => {}
        }
    }
}

/// Recordings of the manifest in these categories.
fn clips(data: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let manifest = std::fs::read_to_string(data.join("speech/manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let files = lines.filter(|line| wanted(line["category"].as_str().unwrap_or_default()));
    let files = files.filter_map(|line| Some(data.join("speech").join(line["file"].as_str()?)));
    files.filter(|file| file.extension().is_some_and(|kind| kind == "flac")).collect()
}

#[test]
fn an_hour_of_talk_sends_no_byte() {
    let Some(data) = data() else { return };
    let talk =
        |category: &str| ["s2i", "neg/", "asr/", "speakers/"].iter().any(|start| category.starts_with(start));
    let mut satellite = Counted::new(&data, "okay_nabu");
    let mut frames = 0;
    for clip in clips(&data, talk) {
        let clip = read_all(&clip, 1).unwrap();
        satellite.hear(&clip);
        frames += clip.len();
    }
    assert!(frames >= 3_600 * 50, "only {frames} frames");
    assert_eq!((satellite.wakes, satellite.bytes), (0, 0), "in {} minutes", frames / 3_000);
}

#[test]
fn a_wake_word_goes_with_its_preroll_and_with_nothing_older() {
    let Some(data) = data() else { return };
    let clip = read_all(&data.join("speech/wake/alexa/0.flac"), 1).unwrap();
    let mut satellite = Counted::new(&data, "alexa");
    // Ten seconds of a loud tone are long forgotten when the wake word comes.
    let tone = Frame::from(std::array::from_fn(|i| if i % 16 < 8 { 12_000 } else { -12_000 }));
    satellite.hear(&[tone; 500]);
    satellite.hear(&[Frame::SILENCE; 75]);
    satellite.hear(&clip);
    satellite.hear(&[Frame::SILENCE; 250]);
    assert_eq!((satellite.wakes, satellite.preroll), (1, 75), "one wake, a second and a half before it");
    assert!(satellite.ended.is_some(), "and an end");
    let mut decoder = Decoder::new().unwrap();
    let loudest = satellite.packets[..10]
        .iter()
        .map(|packet| decoder.decode(packet).unwrap().dbfs())
        .fold(-100.0, f32::max);
    assert!(loudest < -30.0, "the tone is not in it: {loudest} dB");
}

#[test]
fn muted_not_even_the_wake_word_is_heard() {
    let Some(data) = data() else { return };
    let clip = read_all(&data.join("speech/wake/alexa/0.flac"), 1).unwrap();
    let mut satellite = Counted::new(&data, "alexa");
    satellite.machine.mute(Mute::Switch, true);
    satellite.hear(&clip);
    satellite.machine.mute(Mute::Switch, false);
    satellite.hear(&[Frame::SILENCE; 100]);
    assert_eq!((satellite.wakes, satellite.bytes), (0, 0));
}
