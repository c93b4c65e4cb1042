//! Several words are listened for at once, each as readily as the household says.

use std::path::{Path, PathBuf};

use sotto_satellite::config::Config;
use sotto_satellite::microphone::read_all;
use sotto_satellite::{AUTHOR, Noticed};

#[test]
fn a_word_with_a_sensitivity_of_its_own_leaves_the_others_alone() {
    let shared = std::env::var_os("SOTTO_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let (speech, models) = (shared.join("speech/wake/alexa"), shared.join("models/wake"));
    if !speech.is_dir() || !models.is_dir() {
        return eprintln!("SKIPPED: no recordings and models in {}; set SOTTO_TEST_DATA", shared.display());
    }
    let mut files: Vec<PathBuf> = speech.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // How often each word is heard in the recordings of one of them, and how much readier it is said to be.
    let heard = |own: &str, asked: f32| {
        let text = format!("[wake]\nwords = [\"okay_nabu\", \"alexa\"]\nsensitivity = {own}\n");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut config = Config::load(Some(file.path()), Some("/nowhere".as_ref()), []).unwrap();
        config.wake.models = models.clone();
        let mut ear = config.open_ear(config.wake_words(), asked).unwrap();
        let (mut wakes, mut much) = ([0, 0], 0.0);
        for file in files.iter().step_by(8) {
            ear.forget();
            for frame in read_all(file, 1).unwrap() {
                ear.hear(&frame, |noticed| {
                    if let Noticed::Wake { word, readier, .. } = noticed {
                        wakes[usize::from(word == "alexa")] += 1;
                        much = readier;
                    }
                });
            }
        }
        (wakes, much)
    };
    let (as_the_author, none) = heard("{}", AUTHOR);
    assert!(as_the_author[0] == 0 && as_the_author[1] > 30 && none == 0.0, "{as_the_author:?} {none}");
    let (nearly_never, less) = heard("{ alexa = 0.0 }", AUTHOR);
    assert!(nearly_never[1] < as_the_author[1] && less == -0.5, "{nearly_never:?} {less}");
    // The other word's says nothing about this one.
    assert_eq!(heard("{ okay_nabu = 0.0 }", AUTHOR), (as_the_author, 0.0));
    // What the hub asks moves them all alike.
    assert_eq!(heard("{ alexa = 0.0 }", 1.0).0, as_the_author);
}
