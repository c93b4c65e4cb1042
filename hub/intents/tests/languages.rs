//! Home Assistant's own sentences and tests, English and German, as they are.

use std::path::PathBuf;

use sotto_intents::{Context, Home, Matcher, Sentences, Trial};

/// The folder of test data, or `None` (said loudly) where it is missing.
fn data(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SOTTO_TEST_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = root.join(below);
    if !path.exists() {
        eprintln!("SKIPPED: no test data at {}; set SOTTO_TEST_DATA", path.display());
        return None;
    }
    Some(path)
}

fn check(language: &str, sentences: usize) {
    let Some(root) = data("ha-intents") else { return };
    let loaded = Sentences::load(&[root.join("sentences").join(language)]).unwrap();
    let trial = Trial::run(&loaded, &root.join("tests").join(language)).unwrap();
    let failures: Vec<String> = trial.failures.iter().map(|f| format!("{}: {}", f.sentence, f.why)).collect();
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(trial.passed, sentences);
}

#[test]
fn all_english_sentences_are_understood() {
    check("en", 1024);
}

#[test]
fn all_german_sentences_are_understood() {
    check("de", 3304);
}

#[test]
fn every_sentence_of_the_coffee_grammar_is_understood() {
    let Some(root) = data("speech/s2i") else { return };
    let loaded = Sentences::load(&[root.join("sentences/coffee.yaml")]).unwrap();
    let matcher = Matcher::new(&loaded, &Home::default());
    assert_eq!(matcher.problems().count(), 0);
    let corpus = std::fs::read_to_string(root.join("nlu_training_corpus.txt")).unwrap();
    let lines: Vec<&str> = corpus.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(lines.len(), 432);
    for line in lines {
        let found = matcher.exact(line, &Context::default());
        assert!(found.is_some_and(|m| m.intent == "orderDrink" && m.slot("coffeeDrink").is_some()), "{line}");
    }
}

fn check_answers(language: &str) {
    let Some(root) = data("ha-intents") else { return };
    let paths = ["sentences", "responses"].map(|folder| root.join(folder).join(language));
    let loaded = Sentences::load(&paths).unwrap();
    let trial = Trial::run(&loaded, &root.join("tests").join(language)).unwrap();
    let others: Vec<String> =
        trial.answered_otherwise.iter().map(|f| format!("{}: {}", f.sentence, f.why)).collect();
    assert_eq!(others, Vec::<String>::new());
}

#[test]
fn english_answers_are_home_assistants() {
    check_answers("en");
}

#[test]
fn german_answers_are_home_assistants() {
    check_answers("de");
}
