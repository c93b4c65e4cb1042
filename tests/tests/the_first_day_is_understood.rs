//! A fresh machine, no model: what a synthetic voice says with the built-in sentences is heard and understood.

use std::sync::Arc;

use sotto_hearing::{Choice, Engine, Grammar, Request};
use sotto_house::Area;
use sotto_hub::config::Config;
use sotto_hub::understanding::{Understanding, Where};
use sotto_tests::{audio, data};

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
        hearing.push(&audio::spoken(words)).unwrap();
        let hypotheses: Vec<String> = hearing.finish().unwrap().iter().map(|h| h.text()).collect();
        let texts: Vec<&str> = hypotheses.iter().map(String::as_str).collect();
        let area = Area::new(area).unwrap();
        let said = Where { area: Some(&area), satellite: "test", language: "en", own_room: None };
        let commands = understanding.understand(&texts, said);
        let commands = commands
            .unwrap_or_else(|why| panic!("{words:?} was heard as {texts:?}, and not understood: {why:?}"));
        let [matched] = commands.as_slice() else { panic!("{words:?} heard as {texts:?}: {commands:?}") };
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
