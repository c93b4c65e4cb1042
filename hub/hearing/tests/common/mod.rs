//! Real speech and small models for tests, where this machine has them.

#![allow(dead_code)] // each test file uses its own part of this

use std::path::{Path, PathBuf};

use sotto_hearing::speaker;

/// The folder of test data, or `None` after saying so loudly.
pub fn test_data(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SOTTO_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    if folder.join(what).exists() {
        return Some(folder);
    }
    eprintln!("SKIPPED: there is no {what} in {}; set SOTTO_TEST_DATA", folder.display());
    None
}

/// The folder with the speaker model, fetched once a build folder; `None` after saying so loudly.
pub fn speaker_model() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("speaker");
    match speaker::PACKAGE.fetch(&folder, |_| std::ops::ControlFlow::Continue(())) {
        Ok(_) => Some(folder),
        Err(error) => {
            eprintln!("SKIPPED: the speaker model is not here: {error}");
            None
        }
    }
}

/// Samples of a 16 kHz mono FLAC file.
pub fn flac(path: &Path) -> Vec<i16> {
    let mut reader = claxon::FlacReader::open(path).expect("a FLAC file");
    assert_eq!((reader.streaminfo().sample_rate, reader.streaminfo().channels), (16_000, 1));
    reader.samples().map(|sample| sample.expect("a sample") as i16).collect()
}

/// Pseudo-random noise, the same every time.
pub fn noise(samples: usize, amplitude: i32) -> Vec<i16> {
    let mut state = 1u64;
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (((state >> 33) as i32 % (2 * amplitude + 1)) - amplitude) as i16
        })
        .collect()
}
