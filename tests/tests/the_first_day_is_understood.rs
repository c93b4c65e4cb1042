//! A fresh machine, no model: what a synthetic voice says with the built-in sentences is heard and understood.

use std::process::Command;
use std::sync::Arc;

use sotto_hearing::{Choice, Engine, Grammar, Request};
use sotto_house::Area;
use sotto_hub::config::Config;
use sotto_hub::understanding::Understanding;
use sotto_tests::data;

const HOUSE: &str = r#"
[[home.areas]]
name = "Kitchen"
[[home.areas]]
name = "Living room"
[[home.entities]]
name = "ceiling light"
domain = "light"
area = "Kitchen"
[[home.entities]]
name = "reading lamp"
domain = "light"
area = "Living room"
[[home.entities]]
name = "blinds"
domain = "cover"
area = "Living room"
"#;

/// What espeak-ng says, 16 kHz mono, with a little silence around it.
fn spoken(words: &str) -> Vec<i16> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("said.wav");
    let status = Command::new("espeak-ng")
        .args(["-v", "en-us", "-s", "150", "-w"])
        .arg(&file)
        .arg(words)
        .status()
        .unwrap();
    assert!(status.success());
    let mut wav = hound::WavReader::open(&file).unwrap();
    let rate = wav.spec().sample_rate as usize;
    let samples: Vec<i16> = wav.samples::<i16>().map(Result::unwrap).collect();
    let silence = vec![0; 4000];
    // Nearest neighbour is coarse, and good enough for an engine that hears 8 kHz at most.
    let count = samples.len() * 16_000 / rate;
    let said = (0..count).map(|n| samples[n * rate / 16_000]);
    silence.iter().copied().chain(said).chain(silence.iter().copied()).collect()
}

fn engine(understanding: &Understanding) -> Arc<dyn Engine> {
    let config = sotto_hearing::Config { engine: Choice::Phrase, ..Default::default() };
    let engine = sotto_hearing::open(&config).unwrap();
    engine.set_grammar(Grammar::from(&understanding.grammar())).unwrap();
    engine
}

#[test]
fn the_first_day_is_understood() {
    let story = "the first day is understood";
    if !data::has_program("espeak-ng", story) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let understanding = Understanding::open(&Config::parse(HOUSE, "test").unwrap(), folder.path()).unwrap();
    let engine = engine(&understanding);
    let check = |area: &str, words: &str, intent: &str, slot: &str, value: &str| {
        let mut hearing = engine.begin(Request::default());
        hearing.push(&spoken(words)).unwrap();
        let hypotheses: Vec<String> = hearing.finish().unwrap().iter().map(|h| h.text()).collect();
        let texts: Vec<&str> = hypotheses.iter().map(String::as_str).collect();
        let area = Area::new(area).unwrap();
        let matched = understanding.understand(&texts, Some(&area));
        let matched =
            matched.unwrap_or_else(|| panic!("{words:?} was heard as {texts:?}, and not understood"));
        let slots: Vec<String> = matched.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
        assert_eq!(matched.intent, intent, "{words:?} heard as {texts:?}");
        assert!(slots.contains(&format!("{slot}={value}")), "{words:?} heard as {texts:?}: {slots:?}");
    };
    check("Kitchen", "turn on the ceiling light", "HassTurnOn", "name", "ceiling light");
    check("Living room", "close the blinds", "HassTurnOff", "name", "blinds");
    check("Kitchen", "set the lights to forty percent", "HassLightSet", "brightness", "40");
    check("Living room", "set a timer for five minutes", "HassStartTimer", "minutes", "5");
    check("Living room", "turn off the reading lamp", "HassTurnOff", "name", "reading lamp");
}
