//! An encoder that the household brought as ONNX takes the place of Sotto's: it is tried, measured, and decides as the
//! house always does; a file of any other kind is refused with what is wrong with it, and harms nothing.

mod common;
#[path = "common/onnx.rs"]
mod onnx;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{flac, noise, test_data};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use onnx::{Attribute, FLOAT, Graph, Size};
use sotto_hearing::speaker::{self, Brought, Encoder, MeasureError, NotThis, Problem, Take};

/// Beside the test itself, where cargo puts examples.
fn worker() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/hearing-worker")
}

fn children() -> Vec<Pid> {
    let me = std::process::id();
    let tasks = std::fs::read_dir(format!("/proc/{me}/task")).unwrap().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().map(|id| Pid::from_raw(id.parse().unwrap())).collect::<Vec<_>>()
        })
        .collect()
}

fn written(folder: &Path, bytes: &[u8]) -> PathBuf {
    let file = folder.join("encoder.onnx");
    std::fs::write(&file, bytes).unwrap();
    file
}

fn any_bands() -> Vec<u8> {
    onnx::of_bands(&[Size::Any, Size::Any, Size::Is(80)]).model()
}

/// Each reader who speaks once.
fn strangers(data: &Path) -> Vec<Vec<i16>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(data.join("speech/neg/libri_1utt_per_speaker"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| flac(file)).collect()
}

#[test]
fn an_encoder_that_is_measured_is_used_and_keeps_its_own_profiles() {
    let Some(data) = test_data("speech/neg/libri_1utt_per_speaker") else { return };
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let file = written(folder.path(), &any_bands());
    let brought = Brought::open(&file, &worker()).unwrap();
    assert_eq!(brought.size(), 192);
    let people = strangers(&data);
    assert!(matches!(brought.measure(&people[..5]), Err(MeasureError::TooFew(_))));
    let measured = brought.measure(&people).unwrap();
    let strangers: Vec<f32> =
        measured.trials.iter().filter(|trial| !trial.same).map(|trial| trial.score).collect();
    let mean = strangers.iter().sum::<f32>() / strangers.len() as f32;
    let spread = (strangers.iter().map(|s| (s - mean).powi(2)).sum::<f32>() / strangers.len() as f32).sqrt();
    assert!(
        mean.abs() < 0.1 && (0.1..0.3).contains(&spread),
        "strangers score as with ours: {mean} {spread}"
    );
    assert!(speaker::installed(&models).is_none());
    assert_eq!(brought.install(&measured, &models).unwrap(), speaker::installed(&models).unwrap());

    let encoder = Encoder::open(&models, &worker()).unwrap();
    let mut profile = encoder.profile();
    profile.add(Take::new(&people[35][..80_000], &encoder).unwrap()).unwrap();
    let again = encoder.read(&profile.to_bytes()).unwrap();
    let voice = encoder.hear(&people[35][..80_000]).voice.unwrap();
    assert_eq!((voice.numbers().len(), again.score(&voice)), (192, profile.score(&voice)));

    // Another encoder does not read what this one learned.
    let other = onnx::of_bands(&[Size::Is(1), Size::Any, Size::Is(80)]).model();
    let other = Brought::open(&written(folder.path(), &other), &worker()).unwrap();
    other.install(&other.measure(&people).unwrap(), &models).unwrap();
    let second = Encoder::open(&models, &worker()).unwrap();
    assert_eq!(second.read(&profile.to_bytes()), Err(NotThis::Other));
    // A file that was exchanged under its numbers is not used; without its numbers it is not there.
    std::fs::write(speaker::installed(&models).unwrap(), any_bands()).unwrap();
    let error = Encoder::open(&models, &worker()).map(drop).unwrap_err().to_string();
    assert!(error.contains("does not belong") && error.contains("models pull speaker"), "{error}");
    speaker::remove_given(&models).unwrap();
    assert!(speaker::installed(&models).is_none());
    speaker::remove_given(&models).unwrap();
}

#[test]
fn what_is_no_encoder_is_refused_with_why() {
    let folder = tempfile::tempdir().unwrap();
    let check = |bytes: &[u8], expect: &str| {
        let error =
            Brought::open(&written(folder.path(), bytes), &worker()).map(drop).unwrap_err().to_string();
        assert!(error.contains("encoder.onnx") && error.contains(expect), "{error:?} for {expect:?}");
    };
    check(b"", "is not an ONNX model");
    check(b"RIFF....WAVEfmt ", "is not an ONNX model");
    check(&any_bands()[..1000], "is not an ONNX model");
    check(&onnx::of_bands(&[Size::Any, Size::Any, Size::Is(64)]).model(), "its input is [any0, any1, 64]");
    // Eight thousand million numbers: more than the process may have.
    let mut huge = Graph::default();
    huge.input("x", FLOAT, &[Size::Any, Size::Any, Size::Is(80)])
        .whole("shape", &[2_000_000_000, 4])
        .node("ConstantOfShape", &["shape"], &["much"], &[])
        .node("ReduceSum", &["much"], &["emb"], &[("keepdims", Attribute::Int(1))])
        .output("emb");
    check(&huge.model(), "");
    let missing =
        Brought::open(&folder.path().join("nothing.onnx"), &worker()).map(drop).unwrap_err().to_string();
    assert!(missing.contains("cannot be read"), "{missing}");
    let large = std::fs::File::create(folder.path().join("encoder.onnx")).unwrap();
    large.set_len(300 << 20).unwrap();
    let error =
        Brought::open(&folder.path().join("encoder.onnx"), &worker()).map(drop).unwrap_err().to_string();
    assert!(error.contains("at most"), "{error}");
    let program = Brought::open(&written(folder.path(), &any_bands()), Path::new("/nowhere/hub"));
    assert!(program.map(drop).unwrap_err().to_string().contains("did not start"));
}

#[test]
fn any_bytes_are_an_encoder_or_none_and_end_soon() {
    let folder = tempfile::tempdir().unwrap();
    let whole = any_bands();
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let begun = Instant::now();
    for _ in 0..40 {
        let mut bytes = whole.clone();
        // What is not the weights, where every byte means something.
        let matrix = 80 * 192 * 4;
        for _ in 0..1 + random(4) {
            let at = random(bytes.len() - matrix);
            let at = if at < 100 { at } else { at + matrix };
            let end = bytes.len() - 1;
            bytes[at.min(end)] = random(256) as u8;
        }
        let _ = Brought::open(&written(folder.path(), &bytes), &worker()).map(drop);
    }
    assert!(begun.elapsed() < Duration::from_secs(600));
}

#[test]
fn an_encoder_that_dies_costs_one_voice_and_one_that_hangs_too() {
    let Some(data) = test_data("speech/neg/libri_1utt_per_speaker") else { return };
    let folder = tempfile::tempdir().unwrap();
    let people = strangers(&data);
    let brought = Brought::open(&written(folder.path(), &any_bands()), &worker()).unwrap();
    brought.install(&brought.measure(&people).unwrap(), folder.path()).unwrap();
    drop(brought);
    let encoder = Encoder::open(folder.path(), &worker()).unwrap();
    let clip = &people[0][..48_000];
    let before = encoder.hear(clip).voice.unwrap();
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        let process = children();
        assert_eq!(process.len(), 1);
        kill(process[0], signal).unwrap();
        // The enrolment says that it is not the speaker's fault.
        assert_eq!(Take::new(clip, &encoder).unwrap_err(), Problem::NoAnswer);
        assert_eq!(encoder.hear(clip).voice.unwrap(), before);
    }
    assert!(encoder.hear(&noise(0, 1)).voice.is_err());
    drop(encoder);
    assert!(children().is_empty(), "gone with it");
}
