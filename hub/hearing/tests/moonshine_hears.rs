//! The engine `phrase` with Moonshine's network, on real speech, beside ONNX Runtime, and on what is not speech.

mod common;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{flac, noise, test_data};
use sotto_hearing::moonshine::{self, Model};
use sotto_hearing::{ACCEPT, Choice, Config, Engine, Grammar, Hypothesis, LONGEST, RATE, Request, open};

/// Folder of the model, fetched once a build folder; `None` after saying so loudly.
fn models() -> Option<PathBuf> {
    let models = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("moonshine");
    match moonshine::PACKAGE.fetch(&models.join(moonshine::FOLDER), |_| ControlFlow::Continue(())) {
        Ok(()) => Some(models),
        Err(error) => {
            eprintln!("SKIPPED: Moonshine's network is not here: {error}");
            None
        }
    }
}

fn settings(models: PathBuf) -> Config {
    Config { engine: Choice::Phrase, models, workers: 1, ..Config::default() }
}

fn engine(models: PathBuf, sentences: &[&str]) -> Arc<dyn Engine> {
    let engine = open(&settings(models)).unwrap();
    engine.set_grammar(Grammar::of_sentences(sentences.iter().copied())).unwrap();
    engine
}

fn hear(engine: &Arc<dyn Engine>, samples: &[i16]) -> Vec<Hypothesis> {
    let mut hearing = engine.begin(Request::default());
    for packet in samples.chunks(320) {
        hearing.push(packet).unwrap();
    }
    hearing.finish().unwrap()
}

/// The sentence that the house would act on.
fn acted_on(heard: &[Hypothesis], sentences: &[&str]) -> Option<String> {
    let believed = heard.iter().filter(|hypothesis| hypothesis.confidence >= ACCEPT);
    believed.map(Hypothesis::text).find(|text| sentences.contains(&text.as_str()))
}

/// Speech with a noise beneath it, which lies so many decibels below the loudest of it.
fn in_noise(speech: &[i16], noise: &[i16], decibels: f32) -> Vec<i16> {
    let loudest = |samples: &[i16]| {
        let energy = |frame: &[i16]| frame.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>();
        samples.chunks_exact(2048).map(energy).fold(0.0, f32::max)
    };
    let gain = (loudest(speech) / loudest(noise) / 10_f32.powf(decibels / 10.0)).sqrt();
    let mixed = speech.iter().zip(noise.iter().cycle());
    mixed.map(|(speech, noise)| (f32::from(*speech) + gain * f32::from(*noise)) as i16).collect()
}

const ORDERS: [&str; 4] = [
    "can i get a triple shot light roast iced coffee",
    "can i get a double shot light roast iced coffee",
    "can i get a triple shot dark roast iced mocha",
    "make me an americano",
];
const ORDER: &str = "speech/s2i/00e09cf0-a01d-453e-9b89-dc6e6d31d362.flac";

const EXPECTED: [(&str, &str, f32); 3] = [
    (
        "s2i/00e09cf0-a01d-453e-9b89-dc6e6d31d362.flac",
        "Can I get a Triple Shot light roast iced coffee?",
        -3.351,
    ),
    (
        "asr/jfk/jfk.flac",
        "And so my fellow Americans ask not what your country can do for you, ask what you can do for your country.",
        -2.989,
    ),
    ("asr/kathleen/arctic_a0015_1592748241.flac", "It's the Aurora Borealis.", -1.243),
];

/// What onnxruntime 1.32 writes with the files of the package, and the logarithm of its probability. There the layers'
/// inputs are rounded to bytes, here they are not.
#[test]
fn the_network_writes_what_it_writes_elsewhere() {
    let (Some(data), Some(models)) = (test_data("speech/asr/jfk"), models()) else { return };
    let model = Model::read(&models.join(moonshine::FOLDER)).unwrap();
    for (name, text, score) in EXPECTED {
        let samples: Vec<f32> =
            flac(&data.join("speech").join(name)).iter().map(|s| f32::from(*s) / 32768.0).collect();
        let (got, logarithm) = model.write(&samples);
        println!("{name}: {logarithm} for {score}");
        assert_eq!(got, text);
        assert!((logarithm - score).abs() < 0.5, "{name}: {logarithm} for {score}");
    }
    assert_eq!(model.write(&[]), (String::new(), 0.0));
}

#[test]
fn a_spoken_order_is_heard_among_others_like_it_in_a_kitchen_too() {
    let (Some(data), Some(models)) = (test_data(ORDER), models()) else { return };
    let kitchen = std::fs::read_dir(data.join("speech/noise/picovoice_kitchen")).unwrap().next();
    let (clip, kitchen) = (flac(&data.join(ORDER)), flac(&kitchen.unwrap().unwrap().path()));
    let engine = engine(models, &ORDERS);
    for (clip, name) in [(clip.clone(), "quiet"), (in_noise(&clip, &kitchen, 6.0), "6 dB")] {
        let heard = hear(&engine, &clip);
        assert_eq!(acted_on(&heard, &ORDERS).as_deref(), Some(ORDERS[0]), "{name}");
        let words = &heard[0].words;
        assert!(
            words.windows(2).all(|two| two[0].start <= two[0].end && two[0].end <= two[1].start),
            "{name}"
        );
        let seconds = words[0].start.as_secs_f64()..words[words.len() - 1].end.as_secs_f64();
        assert!(seconds.start > 0.5 && seconds.end < clip.len() as f64 / RATE as f64, "{name}: {seconds:?}");
    }
    // What the house may be asked changes, and so does what is heard.
    engine.set_grammar(Grammar::of_sentences(["make me an americano"])).unwrap();
    assert_eq!(acted_on(&hear(&engine, &clip), &ORDERS), None);
}

/// Without a sentence for it, what was said is written down all the same.
#[test]
fn what_the_house_does_not_know_is_written_down() {
    let (Some(data), Some(models)) = (test_data("speech/asr/jfk"), models()) else { return };
    let heard = hear(&engine(models, &ORDERS), &flac(&data.join("speech/asr/jfk/jfk.flac")));
    let text = heard[0].text().to_lowercase();
    assert!(text.contains("ask what you can do for your country"), "other words");
    assert_eq!(acted_on(&heard, &ORDERS), None);
}

/// Whatever comes in, an answer comes out before the engine's deadline (ten seconds and the clip's length), and none
/// that the house would act on.
#[test]
fn what_is_no_order_of_the_house_is_heard_in_time_and_not_believed() {
    let (Some(data), Some(models)) = (test_data("speech/neg"), models()) else { return };
    let engine = engine(models, &ORDERS);
    let folder = |name: &str| {
        let files = std::fs::read_dir(data.join("speech/neg").join(name)).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| flac(&file))
    };
    let note = |n: usize, hertz: f32| (n as f32 * hertz * std::f32::consts::TAU / RATE as f32).sin();
    let chord = |n: usize| (5_000.0 * (note(n, 262.0) + note(n, 330.0) + note(n, 392.0))) as i16;
    let mut click = vec![0; RATE];
    click[8000] = 30_000;
    let talk: Vec<i16> =
        folder("libri_1utt_per_speaker").flatten().take(RATE * LONGEST.as_secs() as usize).collect();
    let clipped: Vec<i16> = talk[..4 * RATE].iter().map(|sample| sample.saturating_mul(60)).collect();
    for (name, clip) in
        [("nothing", Vec::new()), ("next to nothing", vec![0; 10]), ("silence", vec![0; 3 * RATE])]
    {
        assert!(hear(&engine, &clip).is_empty(), "{name} was taken for words");
    }
    let spanish = folder("short_mycroft_es").next().unwrap();
    for (name, clip) in [
        ("Spanish", spanish),
        ("a minute of talk", talk),
        ("clipped talk", clipped),
        ("a constant", vec![i16::MIN; 3 * RATE]),
        ("a click", click),
        ("noise", noise(3 * RATE, 20_000)),
        ("music", (0..5 * RATE).map(chord).collect()),
    ] {
        assert_eq!(acted_on(&hear(&engine, &clip), &ORDERS), None, "{name}");
    }
}

/// As the hub runs it: in a process of its own that may read its model and nothing else.
#[test]
fn it_hears_in_a_confined_process() {
    let (Some(data), Some(models)) = (test_data(ORDER), models()) else { return };
    let test = std::env::current_exe().unwrap();
    let worker = test.parent().and_then(Path::parent).unwrap().join("examples/hearing-worker");
    let engine = open(&Config { worker: Some(worker), ..settings(models) }).unwrap();
    engine.set_grammar(Grammar::of_sentences(ORDERS)).unwrap();
    assert_eq!(acted_on(&hear(&engine, &flac(&data.join(ORDER))), &ORDERS).as_deref(), Some(ORDERS[0]));
    assert_eq!((engine.name(), engine.model().as_str()), ("phrase", moonshine::FOLDER));
}

#[test]
fn a_model_of_other_bytes_is_refused_with_what_to_do() {
    let Some(models) = models() else { return };
    let other = tempfile::tempdir().unwrap();
    let (from, to) = (models.join(moonshine::FOLDER), other.path().join(moonshine::FOLDER));
    std::fs::create_dir(&to).unwrap();
    for part in moonshine::PACKAGE.parts {
        let mut bytes = std::fs::read(from.join(part.file)).unwrap();
        bytes[1000] ^= 1;
        std::fs::write(to.join(part.file), bytes).unwrap();
    }
    let error = open(&settings(other.path().to_owned())).err().expect("other bytes").to_string();
    assert!(error.contains("models pull moonshine"), "{error}");
    // One that is not whole is not there, and the built-in model hears.
    std::fs::write(to.join("encoder"), "cut short").unwrap();
    assert_eq!(moonshine::installed(other.path()), None);
}
