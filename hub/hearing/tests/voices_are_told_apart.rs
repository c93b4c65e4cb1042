//! The speaker encoder beside the Python package it comes from, and the promises made with it.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::{flac, noise, speaker_model, test_data};
use sotto_hearing::speaker::{Encoder, NoVoice, Problem, Profile, Take};

/// Opened once.
fn encoder() -> Option<&'static Encoder> {
    static ENCODER: OnceLock<Option<Encoder>> = OnceLock::new();
    let open = || {
        let folder = speaker_model()?;
        Some(Encoder::open(&folder, Path::new("")).expect("what was pulled"))
    };
    ENCODER.get_or_init(open).as_ref()
}

fn clip(folder: &Path, name: &str) -> Vec<i16> {
    flac(&folder.join("speech").join(name))
}

/// What Resemblyzer 0.1.4 (PyTorch 1.13.1, librosa 0.10) gives as the first numbers of `embed_utterance` for these.
#[rustfmt::skip]
const RESEMBLYZER: [(&str, &[f32]); 4] = [
    ("speakers/libri/2033-164914-0000.flac", &[0.22877, 0.00000, 0.04445, 0.00000, 0.00000, 0.06064, 0.00000, 0.01229, 0.00000, 0.03449, 0.05801, 0.00000, 0.01577, 0.00054, 0.00000, 0.00000, 0.03628, 0.14608, 0.00000, 0.03724, 0.08900, 0.07601, 0.00000, 0.00000, 0.00000, 0.06511, 0.00000, 0.00271, 0.00000, 0.00000, 0.02791, 0.01674, 0.00000, 0.00000, 0.08202, 0.05619, 0.10209, 0.00814, 0.00089, 0.03527, 0.00000, 0.02867, 0.03583, 0.05527, 0.00125, 0.00000, 0.01275, 0.07626]),
    ("asr/jfk/jfk.flac", &[0.00048, 0.00000, 0.00000, 0.00000, 0.00955, 0.05116, 0.00980, 0.02032, 0.04483, 0.06659, 0.07128, 0.12441, 0.04745, 0.15383, 0.01683, 0.00000, 0.12573, 0.00537, 0.00611, 0.07172, 0.00000, 0.08806, 0.09571, 0.00000, 0.00000, 0.01092, 0.02242, 0.04713, 0.03384, 0.00000, 0.15072, 0.10486, 0.00000, 0.03583, 0.00000, 0.10674, 0.11228, 0.01611, 0.01489, 0.03138, 0.00000, 0.01289, 0.01526, 0.10961, 0.01303, 0.00607, 0.07292, 0.04464]),
    ("asr/kathleen/arctic_a0015_1592748241.flac", &[0.14254, 0.08468, 0.06920, 0.00000, 0.00000, 0.02057, 0.00000, 0.00000, 0.00000, 0.00000, 0.00000, 0.12013, 0.00000, 0.00000, 0.00000, 0.00000, 0.02890, 0.00543, 0.00000, 0.00000, 0.08130, 0.00000, 0.00000, 0.00000, 0.00000, 0.13740, 0.00000, 0.00000, 0.00000, 0.00000, 0.06111, 0.02015, 0.03089, 0.00000, 0.06830, 0.07490, 0.00000, 0.00000, 0.00000, 0.00000, 0.00000, 0.00000, 0.00268, 0.16364, 0.00000, 0.00000, 0.00000, 0.07416]),
    ("speakers/fsdd/0_jackson_0.flac", &[0.00000, 0.00000, 0.00000, 0.00000, 0.00000, 0.00000, 0.11557, 0.00000, 0.04355, 0.09991, 0.00000, 0.04858, 0.22093, 0.19192, 0.00000, 0.00000, 0.10460, 0.00000, 0.00000, 0.00000, 0.04006, 0.18783, 0.00000, 0.00000, 0.00000, 0.01296, 0.00000, 0.02162, 0.00000, 0.00000, 0.05452, 0.00000, 0.00000, 0.05566, 0.00000, 0.00000, 0.05854, 0.00000, 0.00000, 0.07636, 0.00000, 0.03593, 0.04297, 0.02956, 0.00000, 0.00000, 0.00000, 0.03551]),
];

#[test]
fn voiceprints_are_those_of_the_python_package() {
    let (Some(folder), Some(encoder)) = (test_data("speech/speakers/libri"), encoder()) else { return };
    for (name, expect) in RESEMBLYZER {
        let samples: Vec<f32> = clip(&folder, name).iter().map(|s| f32::from(*s) / 32768.0).collect();
        let voice = encoder.as_resemblyzer(&samples).unwrap();
        let furthest = voice.numbers().iter().zip(expect).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}: furthest number {furthest:.6}");
        assert!(furthest < 1e-3, "{name}: {furthest}");
    }
}

#[test]
fn of_every_pair_of_speakers_each_is_known_and_neither_taken_for_the_other() {
    let (Some(folder), Some(encoder)) = (test_data("speech/speakers/libri"), encoder()) else { return };
    let mut by_speaker: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("speech/speakers/libri")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        by_speaker.entry(name.split('-').next().unwrap().to_owned()).or_default().push(path);
    }
    assert!(by_speaker.len() >= 5);
    let seconds = |n: usize, path: &Path| {
        let clip = flac(path);
        clip[..clip.len().min(n * 16_000)].to_vec()
    };
    let mut profiles: Vec<Profile> = Vec::new();
    let mut spoken = Vec::new();
    for (who, files) in by_speaker.values_mut().enumerate() {
        files.sort();
        let mut profile = encoder.profile();
        for path in &files[..3] {
            profile.add(Take::new(&seconds(5, path), encoder).unwrap()).unwrap();
        }
        profiles.push(profile);
        let voice = |path| encoder.hear(&seconds(3, path)).voice.unwrap();
        spoken.extend(files[3..5].iter().map(|path| (who, voice(path))));
    }
    for (who, voice) in &spoken {
        for (whose, profile) in profiles.iter().enumerate() {
            let score = profile.score(voice).unwrap();
            // What belonging takes, and being obeyed, in the house's own numbers.
            match who == &whose {
                true => assert!(score > 0.46, "{who} is not known: {score}"),
                false => assert!(score < 0.46, "{who} is taken for {whose}: {score}"),
            }
        }
    }
    let others = by_speaker.values().next_back().unwrap();
    let other = Take::new(&seconds(5, &others[0]), encoder).unwrap();
    assert_eq!(profiles[0].clone().add(other), Err(Problem::AnotherVoice));
}

#[test]
fn what_is_no_speech_is_no_voice() {
    let Some(encoder) = encoder() else { return };
    assert!(Take::new(&noise(48_000, 3000), encoder).is_err());
    assert_eq!(Take::new(&[0; 12_000], encoder).unwrap_err(), Problem::TooShort);
    assert!(encoder.hear(&[0; 48_000]).voice == Err(NoVoice::Silence));
    assert!(encoder.hear(&[]).voice == Err(NoVoice::Silence));
}
