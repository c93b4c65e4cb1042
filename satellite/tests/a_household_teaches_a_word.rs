//! `sotto-satellite teach`, as a household uses it, on real recordings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sotto_satellite::config::Config;
use sotto_wake::taught;

/// One person of the speech pack saying "computer".
const SAID: [&str; 6] = [
    "wake/computer/199d33ca-9cb9-4069-80e0-33bd910b63b6.flac",
    "wake/computer/1cc8fb09-3467-4cfe-abb1-ca030642bc3b.flac",
    "wake/computer/1e434905-31c5-41c5-bfca-e1c8f607027b.flac",
    "wake/computer/2585570b-62c4-4271-8642-1b1617814493.flac",
    "wake/computer/482c8b9d-0ad0-41bd-add8-a35341c776f1.flac",
    "wake/computer/4a897176-0ab2-4050-9289-b90554413c31.flac",
];
/// The same person's cluster holds no other word, so this is another's.
const ANOTHER_WORD: &str = "wake/alexa/1.flac";

fn teach(models: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-satellite"));
    command.args(["teach", "--models"]).arg(models).args(arguments);
    command.env_remove("SOTTO_CONFIG").env("SOTTO_DATA", models).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_cannot_be_learned_from_is_said() {
    let models = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], code: i32, expect: &str| {
        let output = teach(models.path(), arguments);
        assert!(output.status.code() == Some(code) && said(&output).contains(expect), "{}", said(&output));
    };
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    check(&[], 2, "WORD");
    check(&["hello", "--takes", "3"], 2, "5..=50");
    check(&["...", "--from", empty], 1, "needs letters");
    check(&["hello", "--from", empty], 1, "0 recordings (.wav or .flac); 5 to 50 are needed");
    check(&["hello", "--from", "/nowhere"], 1, "cannot read /nowhere");
    std::fs::write(models.path().join("hello.json"), "{}").unwrap();
    check(&["Hello", "--from", empty], 1, "--replace");
}

#[test]
fn a_folder_of_recordings_becomes_a_wake_word_that_the_satellite_finds() {
    let shared = std::env::var_os("SOTTO_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let speech = shared.join("speech");
    let network = Path::new(env!("CARGO_TARGET_TMPDIR")).join("taught");
    if !speech.join(ANOTHER_WORD).is_file() {
        return eprintln!("SKIPPED: no recordings in {}; set SOTTO_TEST_DATA", speech.display());
    }
    if !network.join(taught::FILE).is_file()
        && let Err(error) = taught::fetch(&network)
    {
        return eprintln!("SKIPPED: the network of taught words is not here: {error}");
    }
    let (models, takes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::copy(network.join(taught::FILE), models.path().join(taught::FILE)).unwrap();
    for name in SAID.iter().chain([&ANOTHER_WORD]) {
        let to = takes.path().join(Path::new(name).file_name().unwrap());
        std::fs::copy(speech.join(name), to).unwrap();
    }
    let output = teach(models.path(), &["Hey Computer", "--json", "--from", takes.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("1.flac: it does not sound like the others"), "{}", said(&output));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&facts["name"], &facts["recordings"]), (&"hey_computer".into(), &6.into()));
    assert!(facts["estimated_miss_rate"].as_f64().unwrap() < 0.05, "{facts}");

    let home = [("HOME".to_owned(), "/home/sotto".to_owned())];
    let mut config = Config::load(None, Some(models.path()), home).unwrap();
    config.wake.models = models.path().into();
    assert!(config.open_ear(&["hey_computer".into()], sotto_satellite::AUTHOR).is_ok());
    // Without the network it says how to get it.
    std::fs::remove_file(models.path().join(taught::FILE)).unwrap();
    let missing =
        config.open_ear(&["hey_computer".into()], sotto_satellite::AUTHOR).err().unwrap().to_string();
    assert!(missing.contains("teach --fetch"), "{missing}");
}
