//! The engine `phrase` on real speech, and on what is not speech.

mod common;

use sotto_hearing::{ACCEPT, Choice, Config, Engine, Grammar, HearingError, RATE, Request, open};
use std::sync::Arc;

fn engine(sentences: &[&str]) -> Arc<dyn Engine> {
    let engine = open(&Config { engine: Choice::Phrase, workers: 1, ..Config::default() }).unwrap();
    engine.set_grammar(Grammar::of_sentences(sentences.iter().copied())).unwrap();
    engine
}

fn hear(engine: &Arc<dyn Engine>, samples: &[i16]) -> Result<Option<String>, HearingError> {
    let mut hearing = engine.begin(Request { room: "kitchen".into(), ..Request::default() });
    for packet in samples.chunks(320) {
        hearing.push(packet)?;
    }
    Ok(hearing.finish()?.first().map(|hypothesis| hypothesis.text()))
}

#[test]
fn a_spoken_order_is_heard_among_others_like_it() {
    let Some(data) = common::test_data("speech/s2i") else { return };
    let engine = engine(&[
        "can i get a triple shot light roast iced coffee",
        "can i get a double shot light roast iced coffee",
        "can i get a triple shot dark roast iced mocha",
        "make me an americano",
    ]);
    let clip = common::flac(&data.join("speech/s2i/00e09cf0-a01d-453e-9b89-dc6e6d31d362.flac"));
    let heard = hear(&engine, &clip).unwrap();
    assert_eq!(heard.as_deref(), Some("can i get a triple shot light roast iced coffee"));
}

#[test]
fn silence_and_clicks_are_nothing() {
    let engine = engine(&["make me an americano"]);
    let mut click = vec![0; RATE];
    click[8000] = 30_000;
    for clip in [vec![], vec![0; 10], vec![0; 3 * RATE], vec![i16::MIN; 3 * RATE], click] {
        assert_eq!(hear(&engine, &clip), Ok(None), "{} samples", clip.len());
    }
}

/// Whatever comes in, an answer comes out before the engine's deadline (ten seconds and the clip's length), and none that
/// the house would act on.
#[test]
fn what_is_no_order_of_the_house_is_heard_in_time_and_not_believed() {
    let Some(data) = common::test_data("speech/neg") else { return };
    let engine = engine(&["make me an americano", "can i get a triple shot light roast iced coffee"]);
    let folder = |name: &str| {
        let mut files: Vec<_> = std::fs::read_dir(data.join("speech/neg").join(name))
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        files.sort();
        files.into_iter().map(|file| common::flac(&file))
    };
    let chord = |length: usize| -> Vec<i16> {
        let note = |n: usize, hertz: f32| (n as f32 * hertz * std::f32::consts::TAU / RATE as f32).sin();
        (0..length).map(|n| (5_000.0 * (note(n, 262.0) + note(n, 330.0) + note(n, 392.0))) as i16).collect()
    };
    let talk: Vec<i16> = folder("libri_1utt_per_speaker").flatten().take(60 * RATE).collect();
    let spanish = folder("short_mycroft_es").next().unwrap();
    let clipped = talk[..4 * RATE].iter().map(|sample| sample.saturating_mul(60)).collect();
    for (name, clip) in [
        ("noise", common::noise(3 * RATE, 20_000)),
        ("music", chord(5 * RATE)),
        ("Spanish", spanish),
        ("a minute of talk", talk),
        ("talk that is clipped", clipped),
    ] {
        let mut hearing = engine.begin(Request::default());
        hearing.push(&clip).unwrap();
        let heard = hearing.finish().unwrap_or_else(|error| panic!("{name}: {error}"));
        let surest = heard.iter().map(|hypothesis| hypothesis.confidence).fold(0.0, f32::max);
        assert!(surest < ACCEPT, "{name} was believed at {surest}");
    }
}

#[test]
fn too_long_and_without_grammar_are_told() {
    let engine = engine(&["make me an americano"]);
    assert_eq!(hear(&engine, &vec![0; 61 * RATE]), Err(HearingError::TooLong));
    let engine = open(&Config { engine: Choice::Phrase, workers: 1, ..Config::default() }).unwrap();
    assert_eq!(hear(&engine, &common::noise(RATE, 3000)), Err(HearingError::NoGrammar));
}

#[test]
fn a_new_grammar_replaces_the_old() {
    let Some(data) = common::test_data("speech/s2i") else { return };
    let engine = engine(&["make me an americano"]);
    let notes = engine
        .set_grammar(Grammar::of_sentences([
            "can i get a triple shot light roast iced coffee",
            "ask zorblax",
        ]))
        .unwrap();
    assert_eq!(notes.guessed, [("zorblax".to_owned(), "Z AO R B L AE K S".to_owned())]);
    let clip = common::flac(&data.join("speech/s2i/00e09cf0-a01d-453e-9b89-dc6e6d31d362.flac"));
    assert_eq!(
        hear(&engine, &clip).unwrap().as_deref(),
        Some("can i get a triple shot light roast iced coffee")
    );
}

#[test]
fn a_missing_model_says_what_to_install() {
    let config = Config { engine: Choice::Phrase, phrase_model: "/nonexistent".into(), ..Config::default() };
    let error = open(&config).err().expect("no model there").to_string();
    assert!(error.contains("pocketsphinx-en-us"), "{error}");
}
