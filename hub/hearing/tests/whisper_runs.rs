//! The engine `whisper` on models that have true dimensions and no weights: they load and run and understand
//! nothing, which is all that a machine without the internet can try.

mod common;

use std::fs;
use std::path::Path;

use sotto_hearing::{Choice, Config, HearingError, RATE, Request, open};

fn config(models: &Path, model: Option<&str>) -> Config {
    Config {
        engine: Choice::Whisper,
        models: models.to_owned(),
        model: model.map(str::to_owned),
        workers: 1,
        ..Config::default()
    }
}

#[test]
fn a_model_without_weights_hears_and_does_not_fail() {
    let Some(data) = common::test_data("models/whisper/for-tests-ggml-tiny.en.bin") else { return };
    let engine = open(&config(&data.join("models/whisper"), Some("for-tests-ggml-tiny.en.bin"))).unwrap();
    let request = Request { words: vec!["kitchen lamp".into(), "Zigbee".into()], ..Request::default() };
    for clip in [vec![], vec![0; 100], common::noise(2 * RATE, 2000)] {
        let mut hearing = engine.begin(request.clone());
        hearing.push(&clip).unwrap();
        hearing.finish().unwrap();
    }
    let mut hearing = engine.begin(Request { language: Some("de-DE".into()), ..Request::default() });
    hearing.push(&common::noise(RATE, 2000)).unwrap();
    assert_eq!(hearing.finish(), Err(HearingError::Language("de".into())), "an English model");
}

#[test]
fn files_that_are_no_model_are_told_apart_from_models() {
    let Some(data) = common::test_data("models/whisper/for-tests-ggml-tiny.en.bin") else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = fs::read(data.join("models/whisper/for-tests-ggml-tiny.en.bin")).unwrap();
    let mut huge = model.clone();
    huge[8..12].copy_from_slice(&i32::MAX.to_le_bytes());
    let cases: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("text", &[b'a'; 200_000]),
        ("truncated", &model[..300_000]),
        ("huge", &huge),
        ("short", &model[..40]),
    ];
    for (name, content) in cases {
        let file = format!("ggml-{name}.bin");
        fs::write(folder.path().join(&file), content).unwrap();
        let error =
            open(&config(folder.path(), Some(&file))).err().unwrap_or_else(|| panic!("{name} was taken"));
        assert!(error.to_string().contains("models pull"), "{name}: {error}");
    }
    let error = open(&config(folder.path(), Some("ggml-base.bin"))).err().expect("not there").to_string();
    assert!(error.contains("models list"), "{error}");
}
