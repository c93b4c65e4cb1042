//! Wake words as a household sets them: how readily, how often, several at once, from a folder.

mod common;

use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::Duration;

use sotto_wake::{Ear, Heard, Model, SAMPLE_RATE, WakeWord, find_models};

/// Somebody saying "computer".
const COMPUTER: &str = "computer/04fdc82a-70e8-4e64-9fc5-189bcecb28ce.flac";

fn model(shared: &Path, name: &str) -> Model {
    Model::open(&shared.join(format!("models/wake/{name}.json"))).expect("a model")
}

fn clip(shared: &Path, name: &str) -> Vec<i16> {
    common::sound(&shared.join("speech/wake").join(name))
}

/// Which word was heard, and when (ms).
fn wakes(words: &[WakeWord], samples: &[i16]) -> Vec<(usize, u64)> {
    let mut ear = Ear::new(words, None);
    let heard = ear.push(samples).filter_map(|heard| match heard {
        Heard::Wake { word, at, .. } => Some((word, at * 1_000 / u64::from(SAMPLE_RATE))),
        Heard::Voice(_) => None,
    });
    heard.collect()
}

#[test]
fn the_more_sensitive_the_more_is_heard() {
    let Some(shared) = common::shared() else { return };
    let alexa = model(&shared, "alexa");
    let clips: Vec<Vec<i16>> = (0..60).map(|n| clip(&shared, &format!("alexa/{n}.flac"))).collect();
    let heard = |word: WakeWord| clips.iter().filter(|clip| !wakes(from_ref(&word), clip).is_empty()).count();
    let at = |sensitivity: f32| heard(WakeWord::new(alexa.clone()).with_sensitivity(sensitivity));
    let (strict, usual, ready) = (at(0.0), at(0.5), at(1.0));
    assert!(strict < usual && usual <= ready, "{strict}, {usual}, {ready} of {}", clips.len());
    assert_eq!(usual, heard(WakeWord::new(alexa.clone())), "one half is as the author chose");
    assert_eq!(ready, clips.len());
    // Numbers beyond the scale are its ends.
    assert_eq!((at(-3.0), at(7.0)), (strict, ready));
}

#[test]
fn the_scale_runs_from_nearly_never_to_readily() {
    let Some(shared) = common::shared() else { return };
    let cutoff =
        |name: &str, sensitivity| WakeWord::new(model(&shared, name)).with_sensitivity(sensitivity).cutoff();
    for name in ["alexa", "computer", "hey_jarvis", "hey_mycroft", "okay_computer", "okay_nabu"] {
        let author = model(&shared, name).cutoff();
        assert!((cutoff(name, 0.5) - author.min(0.99)).abs() < 1e-4, "{name}");
        let scale: Vec<f32> = (0..=10).map(|n| cutoff(name, n as f32 / 10.0)).collect();
        assert!(scale.is_sorted_by(|a, b| a >= b), "{name}: {scale:?}");
        // The highest probability is 255/256: a cut-off above it would be deafness.
        assert!(scale[0] <= 0.99 && scale[10] >= 0.2, "{name}: {scale:?}");
    }
    assert!((cutoff("alexa", 1.0) - 0.5).abs() < 0.01);
}

#[test]
fn one_utterance_is_one_wake_and_two_are_two() {
    let Some(shared) = common::shared() else { return };
    let word = WakeWord::new(model(&shared, "alexa"));
    let mut twice = clip(&shared, "alexa/0.flac");
    let (first, length) = (wakes(from_ref(&word), &twice), twice.len() as u64 * 1_000 / 16_000);
    assert_eq!(first.len(), 1);
    twice.extend(clip(&shared, "alexa/0.flac"));
    let both = wakes(from_ref(&word), &twice);
    assert_eq!(both.len(), 2, "{both:?}");
    assert!((both[1].1 - both[0].1).abs_diff(length) < 300);
    // Within the refractory period the second is not heard; nor is it heard later.
    let patient = word.with_refractory(Duration::from_millis(length + 1_000));
    assert_eq!(wakes(&[patient], &twice), both[..1]);
}

#[test]
fn several_words_are_heard_as_each_alone() {
    let Some(shared) = common::shared() else { return };
    let names = ["hey_jarvis", "alexa", "computer", "okay_nabu"];
    let words: Vec<WakeWord> = names.iter().map(|name| WakeWord::new(model(&shared, name))).collect();
    let said = ["alexa/0.flac", COMPUTER, "alexa/2.flac", COMPUTER];
    let samples: Vec<i16> = said.iter().flat_map(|name| clip(&shared, name)).collect();
    let together = wakes(&words, &samples);
    let mut alone: Vec<(usize, u64)> = Vec::new();
    for (number, word) in words.iter().enumerate() {
        alone.extend(wakes(from_ref(word), &samples).iter().map(|&(_, at)| (number, at)));
    }
    alone.sort_by_key(|&(number, at)| (at, number));
    assert_eq!(together, alone);
    let order: Vec<&str> = together.iter().map(|&(word, _)| names[word]).collect();
    assert_eq!(order, ["alexa", "computer", "alexa", "computer"]);
}

#[test]
fn models_dropped_into_a_folder_are_found_and_broken_ones_named() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(find_models(&folder.path().join("nowhere")).is_err());
    assert!(find_models(folder.path()).expect("an empty folder").is_empty());
    let Some(shared) = common::shared() else { return };
    let put = |from: &str, to: &str| {
        std::fs::copy(shared.join("models/wake").join(from), folder.path().join(to)).expect("a copy");
    };
    // As the community hands them out: a description, its network, and whatever else is in the folder.
    put("computer.json", "computer.json");
    put("computer.tflite", "computer.tflite");
    // A description under another name still finds its network.
    put("alexa.json", "kitchen.json");
    put("alexa.tflite", "alexa.tflite");
    // Broken in three ways.
    put("hey_jarvis.json", "hey_jarvis.json");
    put("okay_nabu.json", "okay_nabu.json");
    std::fs::write(folder.path().join("okay_nabu.tflite"), b"<html>404</html>").expect("a file");
    std::fs::write(folder.path().join("notes.json"), b"[1, 2]").expect("a file");
    std::fs::write(folder.path().join("README.md"), b"community models").expect("a file");
    let found = find_models(folder.path()).expect("a readable folder");
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let good: Vec<(String, &str)> =
        found.iter().filter_map(|f| Some((name(&f.description), f.model.as_ref().ok()?.phrase()))).collect();
    assert_eq!(good, [("computer.json".into(), "computer"), ("kitchen.json".into(), "Alexa")]);
    let wrong: Vec<String> = found.iter().filter_map(|f| Some(f.model.as_ref().err()?.to_string())).collect();
    assert_eq!(wrong.len(), 3);
    let told = |part: &str| assert!(wrong.iter().any(|w| w.contains(part)), "{part}: {wrong:?}");
    told("hey_jarvis.tflite");
    told("not a TensorFlow Lite file");
    told("notes.json");
}
