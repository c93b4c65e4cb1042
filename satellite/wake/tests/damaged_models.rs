//! Whatever is in a model's files, loading them ends in a model or an error; what loads also runs.

mod common;

use std::sync::OnceLock;

use proptest::prelude::*;
use sotto_wake::{Model, ModelError};

/// The two files of each real model, or nothing without test data.
fn real() -> &'static [(Vec<u8>, String)] {
    static REAL: OnceLock<Vec<(Vec<u8>, String)>> = OnceLock::new();
    REAL.get_or_init(|| {
        let Some(shared) = common::shared() else { return Vec::new() };
        ["okay_nabu", "computer", "hey_jarvis", "vad"]
            .iter()
            .map(|name| {
                let file = |end| shared.join(format!("models/wake/{name}.{end}"));
                let tflite = std::fs::read(file("tflite")).expect("a model");
                (tflite, std::fs::read_to_string(file("json")).expect("its description"))
            })
            .collect()
    })
}

/// A model that loads must also run, however odd its weights.
fn run(model: &Model) {
    let mut network = model.network().expect("no taught word is loaded here");
    for value in [0, 300, 2_000] {
        let runs = (0..model.stride()).filter_map(|_| network.push(&[value; 40]));
        runs.for_each(|probability| assert!(probability.is_finite()));
    }
}

// More cases: PROPTEST_CASES=100000.
proptest! {
    /// Changed bytes, mostly in the tables at the end, where a file's structure is.
    #[test]
    fn changed_bytes(which in 0usize..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<u8>()), 1..20)) {
        let Some((file, description)) = real().get(which) else { return Ok(()) };
        let mut file = file.clone();
        for (index, tail, byte) in changes {
            let from = if tail { file.len() / 2 } else { 0 };
            let at = from + index.index(file.len() - from);
            file[at] = byte;
        }
        if let Ok(model) = Model::load(&file, description) {
            run(&model);
        }
    }

    /// Small integers put where small integers are: wrong indices, shapes, operators, versions.
    #[test]
    fn changed_numbers(which in 0usize..4, changes in prop::collection::vec((any::<prop::sample::Index>(), -2i32..130), 1..6)) {
        let Some((file, description)) = real().get(which) else { return Ok(()) };
        let mut file = file.clone();
        let small: Vec<usize> = (0..file.len() / 4)
            .map(|word| word * 4)
            .filter(|&at| i32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")).unsigned_abs() < 512)
            .collect();
        for (index, value) in changes {
            let at = small[index.index(small.len())];
            file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        if let Ok(model) = Model::load(&file, description) {
            run(&model);
        }
    }

    #[test]
    fn cut_short(which in 0usize..4, at in any::<prop::sample::Index>()) {
        let Some((file, description)) = real().get(which) else { return Ok(()) };
        prop_assert!(Model::load(&file[..at.index(file.len())], description).is_err());
    }

    #[test]
    fn any_bytes_after_the_mark(bytes in prop::collection::vec(any::<u8>(), 0..300), root in 0u32..300) {
        let mut file = root.to_le_bytes().to_vec();
        file.extend(b"TFL3");
        file.extend(bytes);
        prop_assert!(Model::load(&file, DESCRIPTION).is_err());
    }

    #[test]
    fn any_description(text in ".{0,200}") {
        prop_assert!(Model::load(b"", &text).is_err());
    }
}

const DESCRIPTION: &str = r#"{"type": "micro", "wake_word": "Okay Nabu", "model": "okay_nabu.tflite", "version": 2,
    "micro": {"probability_cutoff": 0.97, "sliding_window_size": 5, "feature_step_size": 10}}"#;

#[test]
fn errors_say_what_to_do() {
    let check = |file: &[u8], description: &str, expect: &str| match Model::load(file, description) {
        Ok(_) => panic!("loaded, instead of: {expect}"),
        Err(error) => assert!(error.to_string().contains(expect), "{error}"),
    };
    let said = |from: &str, to: &str| {
        assert!(DESCRIPTION.contains(from));
        DESCRIPTION.replacen(from, to, 1)
    };
    check(b"", DESCRIPTION, "a wake word is a .tflite file with a .json beside it");
    check(b"\x89PNG\r\n\x1a\n", DESCRIPTION, "not a TensorFlow Lite file");
    check(b"\x10\0\0\0TFL3", DESCRIPTION, "fetch it again");
    check(b"", "", "not a microWakeWord .json");
    check(b"", &said("\"version\": 2", "\"version\": 1"), "version is 1, where 2");
    check(b"", &said("micro", "openwakeword"), "type is openwakeword");
    check(b"", &said("0.97", "1.5"), "probability_cutoff is 1.5");
    check(b"", &said("_window_size\": 5", "_window_size\": 0"), "1 to 32");
    check(b"", &said("\"feature_step_size\": 10", "\"feature_step_size\": 20"), "feature_step_size is 20");
}

#[test]
fn an_operator_nobody_uses_is_named() {
    let Some((file, description)) = real().first() else { return };
    // LOGISTIC (14) is written as its 8-bit code and again as its 32-bit one: make it TANH (28).
    let mut changed = file.clone();
    let mut found = 0;
    for at in 0..changed.len() - 4 {
        if changed[at..at + 4] == [0, 0, 14, 0] || changed[at..at + 4] == [14, 0, 0, 0] {
            let byte = if changed[at] == 14 { at } else { at + 2 };
            let before = changed[byte];
            changed[byte] = 28;
            if matches!(Model::load(&changed, description), Err(ModelError::Operator(28))) {
                found += 1;
            } else {
                changed[byte] = before;
            }
        }
    }
    assert!(found > 0, "no change of the operator was noticed");
}
