//! Every packaged language beside hassil: `cargo bench -p sotto-intents --bench languages [-- DATA COUNT SEED]`.
//!
//! Sentences are sampled from each language's own templates, a third of them roughened, in a house whose names are
//! made of the language's own words; hassil says what they mean, and so do we (`languages.py`). What differs is shown.
//! Hassil and the languages come from PyPI into a folder below `target`; DATA is another folder of languages, COUNT
//! the sentences a language (40). A folder that was sampled before, with the same count and seed, is used again.

use std::path::{Path, PathBuf};
use std::process::Command;

use sotto_intents::{Sentences, Trial};

/// The languages as they were when Home Assistant's sentences were taken for the tests.
const LANGUAGES: &str = "home-assistant-intents==2025.6.23";

#[path = "peer/mod.rs"]
mod peer;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(python) = peer::python() else { return };
    let data = match arguments.first() {
        Some(data) => PathBuf::from(data),
        None => match peer::fetched(&python, LANGUAGES) {
            Some(folder) => folder.join("home_assistant_intents/data"),
            None => return,
        },
    };
    let argument = |at: usize, or: &str| arguments.get(at).cloned().unwrap_or_else(|| or.to_owned());
    let (count, seed) = (argument(1, "40"), argument(2, "1"));
    let sampled = peer::folder().join(format!("sampled-{count}-{seed}"));
    if !sampled.is_dir() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer/languages.py");
        let part = sampled.with_extension("part");
        let status = Command::new(python).arg(script).arg(&data).arg(&part).args([&count, &seed]).status();
        if !status.is_ok_and(|status| status.success()) || std::fs::rename(&part, &sampled).is_err() {
            println!("SKIPPED: the sentences could not be sampled");
            return;
        }
    }
    let mut languages: Vec<PathBuf> = std::fs::read_dir(&sampled)
        .map(|folder| folder.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    languages.sort();
    let (mut passed, mut failed) = (0, 0);
    for folder in languages {
        let language = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let trial = Sentences::load(&[data.join(format!("{language}.json"))])
            .and_then(|sentences| Trial::run(&sentences, &folder));
        match trial {
            Ok(trial) => {
                passed += trial.passed;
                failed += trial.failures.len();
                for failure in &trial.failures {
                    println!("{language}: {:?}: {}", failure.sentence, failure.why);
                }
                for problem in &trial.problems {
                    println!("{language}: {problem}");
                }
            }
            Err(error) => println!("{language}: {error}"),
        }
    }
    println!("as hassil understands them: {passed} of {}", passed + failed);
}
