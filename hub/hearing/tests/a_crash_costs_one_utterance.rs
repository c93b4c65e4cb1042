//! The hearing process: confined, replaced when it dies, and gone with its hub.

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sotto_hearing::{Choice, Config, Engine, Grammar, HearingError, RATE, Request, open};

/// Beside the test itself, where cargo puts examples.
fn worker() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/hearing-worker")
}

fn engine() -> Arc<dyn Engine> {
    let config = Config { engine: Choice::Phrase, workers: 1, worker: Some(worker()), ..Config::default() };
    let engine = open(&config).unwrap();
    engine
        .set_grammar(Grammar::of_sentences([
            "make me an americano",
            "can i get a triple shot light roast iced coffee",
        ]))
        .unwrap();
    engine
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

fn hear(engine: &Arc<dyn Engine>, samples: &[i16]) -> Result<usize, HearingError> {
    let mut hearing = engine.begin(Request::default());
    hearing.push(samples)?;
    hearing.finish().map(|found| found.len())
}

#[test]
fn another_process_takes_over_and_knows_the_grammar() {
    let Some(data) = common::test_data("speech/s2i") else { return };
    let clip = common::flac(&data.join("speech/s2i/00e09cf0-a01d-453e-9b89-dc6e6d31d362.flac"));
    let engine = engine();
    assert_eq!(hear(&engine, &clip), Ok(1));
    let first = children();
    assert_eq!(first.len(), 1);
    // Killed while it hears: that utterance is lost, the next is heard by another process.
    let lost = {
        let mut hearing = engine.begin(Request::default());
        hearing.push(&clip).unwrap();
        hearing.push(&clip).unwrap();
        kill(first[0], Signal::SIGSTOP).unwrap();
        let killer = std::thread::spawn({
            let process = first[0];
            move || {
                std::thread::sleep(std::time::Duration::from_millis(300));
                kill(process, Signal::SIGKILL).unwrap();
            }
        });
        let lost = hearing.finish();
        killer.join().unwrap();
        lost
    };
    assert_eq!(lost, Err(HearingError::Crashed));
    assert_eq!(hear(&engine, &clip), Ok(1));
    assert_ne!(children(), first);
}

#[test]
fn the_process_can_do_nothing_but_hear() {
    let engine = engine();
    assert_eq!(hear(&engine, &vec![0; RATE]), Ok(0));
    let process = children()[0];
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line} is not in force");
    }
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_by_the_process() {
    let config =
        Config { engine: Choice::Phrase, worker: Some("/nonexistent/sotto-hub".into()), ..Config::default() };
    assert!(matches!(open(&config).err(), Some(HearingError::Model(why)) if why.contains("did not start")));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ggml-x.bin"), [0; 1000]).unwrap();
    let config = Config {
        engine: Choice::Whisper,
        models: folder.path().to_owned(),
        worker: Some(worker()),
        ..Config::default()
    };
    assert!(matches!(open(&config).err(), Some(HearingError::Model(why)) if why.contains("not a ggml file")));
}
