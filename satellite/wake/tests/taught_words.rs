//! Words that were taught from real recordings: the network is the one it says it is, a person is heard again, others
//! are not, and the voice network saves work without changing what is heard.

mod common;

use std::path::Path;
use std::slice::from_ref;

use sotto_wake::taught::{Take, Teacher};
use sotto_wake::{Ear, Heard, Model, OpenError, SecondLook, WakeWord};

/// The first numbers of some embeddings, as onnxruntime 1.23 makes them with openWakeWord 0.5.1's two files; the first
/// sample of ours is the 56th of theirs, whose window stands in the middle of 512.
#[rustfmt::skip]
const ONNXRUNTIME: [(&str, usize, [f32; 16]); 3] = [
    ("asr/jfk/jfk.flac", 59, [6.9967, 11.7175, 3.7547, 1.4000, 8.1543, 37.4950, 6.1111, -3.8527, 7.6538, 16.7975, -18.0624, -17.6435, -2.4710, -9.0676, -16.2201, 13.9824]),
    ("asr/jfk/jfk.flac", 127, [4.3994, 8.2427, 10.0436, -1.8489, 4.1188, 26.0710, 1.8268, -7.1836, 12.5820, 25.9363, -21.7584, -11.5625, 10.4488, -10.3195, 0.1836, 5.2677]),
    ("asr/kathleen/arctic_a0015_1592748241.flac", 12, [-0.0172, 24.7241, 0.3660, 11.3127, 15.8339, 12.0074, -3.8808, -11.9390, 11.7751, 29.4091, -1.7541, -18.0986, 12.7155, -4.4289, 6.3242, 11.1846]),
];

#[test]
fn embeddings_are_those_of_openwakeword() {
    let (Some(shared), Some(network)) = (common::shared(), common::network()) else { return };
    let teacher = Teacher::open(&network).unwrap();
    for (name, at, expect) in ONNXRUNTIME {
        let samples = common::sound(&shared.join("speech").join(name));
        let embedding = &teacher.embeddings(&samples)[at];
        let furthest = embedding.iter().zip(expect).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name} {at}: furthest number {furthest:.6}");
        assert!(furthest < 1e-3, "{name}: {furthest}");
    }
}

/// Recordings of the word by one person of the pack, and as many seconds of what others say as is quick to hear.
fn recordings(speech: &Path) -> (Vec<Vec<i16>>, Vec<Vec<i16>>) {
    let manifest = std::fs::read_to_string(speech.join("manifest.jsonl")).unwrap();
    let (mut said, mut others) = (Vec::new(), Vec::new());
    for line in manifest.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let file = || common::sound(&speech.join(line["file"].as_str().unwrap()));
        if line["speaker_cluster"] == "computer-cc2b9e5" {
            said.push(file());
        } else if line["category"] == "s2i" && others.len() < 25 {
            others.push(file());
        }
    }
    (said, others)
}

fn wakes(word: &WakeWord, voice: Option<&Model>, samples: &[i16]) -> Vec<u64> {
    let samples = [&[0; 32_000], samples, &[0; 8_000]].concat();
    let mut ear = Ear::new(from_ref(word), voice);
    let heard = ear.push(&samples).filter_map(|heard| match heard {
        Heard::Wake { at, .. } => Some(at),
        Heard::Voice(_) => None,
    });
    heard.collect()
}

#[test]
fn a_word_taught_five_times_is_heard_again_and_nothing_else_is() {
    let (Some(shared), Some(network)) = (common::shared(), common::network()) else { return };
    let (said, others) = recordings(&shared.join("speech"));
    let teacher = Teacher::open(&network).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (taught, again) = (&said[..5], &said[5..13]);
    let takes: Vec<Take> = taught.iter().map(|samples| teacher.take(samples).unwrap()).collect();
    let lesson = teacher.learn("computer", &takes).unwrap();
    std::fs::write(folder.path().join("computer.json"), &lesson.file).unwrap();
    assert!(lesson.miss_rate() < 0.05 && lesson.missed() == 0, "{:?}", lesson.margins);
    // What else is said does not fit; the word said again does.
    assert!(teacher.is_alike(&teacher.take(&again[0]).unwrap(), &takes).is_ok());
    let alexa = common::sound(&shared.join("speech/wake/alexa/1.flac"));
    assert!(teacher.is_alike(&teacher.take(&alexa).unwrap(), &takes).is_err());

    let missing = Model::open(&folder.path().join("computer.json")).unwrap_err();
    assert!(
        matches!(missing, OpenError::Network(_)) && missing.to_string().contains("teach --fetch"),
        "{missing}"
    );
    std::fs::copy(network.join(sotto_wake::taught::FILE), folder.path().join(sotto_wake::taught::FILE))
        .unwrap();
    let word = WakeWord::new(Model::open(&folder.path().join("computer.json")).unwrap());
    assert_eq!((word.phrase(), word.model().id(), word.cutoff()), ("computer", "computer", 0.5));

    let voice = Model::open(&shared.join("models/wake/vad.json")).unwrap();
    let look = SecondLook::new(word.clone());
    let (mut heard, mut confirmed) = (0, 0);
    for samples in again {
        let always = wakes(&word, None, samples);
        assert_eq!(
            wakes(&word, Some(&voice), samples).len(),
            always.len(),
            "the voice network changed what is heard"
        );
        heard += usize::from(!always.is_empty());
        if let Some(&at) = always.first() {
            let samples = [&[0; 32_000], &samples[..], &[0; 8_000]].concat();
            let end = (at as usize + 4_800).min(samples.len());
            confirmed += usize::from(look.is_genuine(&samples[end.saturating_sub(28_800)..end]));
        }
    }
    assert!(heard + 1 >= again.len() && confirmed + 1 >= heard, "{heard}, {confirmed} of {}", again.len());
    let wrong: usize = others.iter().map(|samples| wakes(&word, Some(&voice), samples).len()).sum();
    assert!(wrong <= 1, "{wrong} false wakes in {} recordings", others.len());
    // How readily it wakes is set as for any other word.
    assert!(word.clone().with_sensitivity(1.0).cutoff() < 0.2 && word.with_sensitivity(0.0).cutoff() > 0.8);
}
