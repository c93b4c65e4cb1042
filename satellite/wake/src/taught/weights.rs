//! The numbers of the speech embedding: cut out of openWakeWord's file, and read again at each start.
//!
//! `embedding_model.onnx → (same bytes as were looked at? by SHA-256) → the convolutions' numbers → speech-embedding.f32`
//!
//! As the file is known to the byte, so is where in it the numbers lie, and no format has to be read.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::network::Network;

/// Name of the installed file, in the folder of wake words.
pub const FILE: &str = "speech-embedding.f32";
/// Of `openwakeword/resources/models/embedding_model.onnx` in openWakeWord 0.5.1.
const GIVEN_SHA256: &str = "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f";
/// Of [`FILE`].
pub(crate) const SHA256: &str = "9c974c1e0d9595ddcae2f085b8d802f75b100c53e2aa703eb13811727b5d0aed";
/// First byte and length in floats: weights and biases of each convolution, in order; the last has no biases.
#[rustfmt::skip]
const STRETCHES: [(usize, usize); 39] = [
    (1_325_403, 216), (1_326_311, 24), (1_318_295, 1728), (1_325_253, 24),
    (276_915, 1728), (283_873, 24), (262_796, 3456), (276_667, 48),
    (234_853, 6912), (262_548, 48), (206_908, 6912), (234_603, 48),
    (178_963, 6912), (206_658, 48), (137_098, 10_368), (178_617, 72),
    (74_497, 15_552), (136_752, 72), (11_896, 15_552), (74_151, 72),
    (1_255_695, 15_552), (1_317_951, 72), (1_172_260, 20_736), (1_255_252, 96),
    (1_061_177, 27_648), (1_171_817, 96), (950_094, 27_648), (1_060_734, 96),
    (839_011, 27_648), (949_651, 96), (727_928, 27_648), (838_568, 96),
    (616_845, 27_648), (727_485, 96), (505_762, 27_648), (616_402, 96),
    (394_679, 27_648), (505_319, 96), (284_028, 27_648),
];

/// Why the network that taught wake words need cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    #[error(
        "{} cannot be read: {source}; taught wake words need this file: fetch it with \
         `sotto-satellite teach --fetch`, or copy it from another satellite",
        path.display()
    )]
    Read { path: PathBuf, source: io::Error },
    #[error("{} cannot be written: {source}; make room or choose another folder", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "{} is not the network that taught wake words need (its SHA-256 is {got}); delete it and fetch it again with \
         `sotto-satellite teach --fetch`",
        path.display()
    )]
    Digest { path: PathBuf, got: String },
}

/// Cuts the numbers out of `given` (openWakeWord's `embedding_model.onnx`) into `folder`, and says where they are.
///
/// # Errors
/// Another file than that of version 0.5.1, or a folder that cannot be written.
pub fn install(given: &Path, folder: &Path) -> Result<PathBuf, NetworkError> {
    let bytes = checked(given, GIVEN_SHA256)?;
    let cut: Vec<u8> =
        STRETCHES.iter().flat_map(|(from, floats)| &bytes[*from..from + 4 * floats]).copied().collect();
    let target = folder.join(FILE);
    let unwritable = |source| NetworkError::Write { path: target.clone(), source };
    fs::create_dir_all(folder).map_err(unwritable)?;
    // Whole or not at all, whenever the power goes.
    let part = folder.join(format!("{FILE}.{}.part", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(&cut)?;
        file.sync_all()?;
        fs::rename(&part, &target)
    };
    write().map_err(unwritable)?;
    checked(&target, SHA256)?;
    Ok(target)
}

/// Reads the network installed in `folder`.
pub(crate) fn open(folder: &Path) -> Result<Arc<Network>, NetworkError> {
    let path = folder.join(FILE);
    let bytes = checked(&path, SHA256)?;
    let floats: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    let network = Network::new(&floats).map(Arc::new);
    network.ok_or_else(|| NetworkError::Digest { got: digest(&bytes), path })
}

fn checked(path: &Path, sha256: &str) -> Result<Vec<u8>, NetworkError> {
    let bytes = fs::read(path).map_err(|source| NetworkError::Read { path: path.to_owned(), source })?;
    match digest(&bytes) {
        got if got == sha256 => Ok(bytes),
        got => Err(NetworkError::Digest { path: path.to_owned(), got }),
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let given = folder.path().join("embedding_model.onnx");
        fs::write(&given, b"something else").unwrap();
        let error = install(&given, folder.path()).unwrap_err().to_string();
        assert!(error.contains("teach --fetch") && !folder.path().join(FILE).exists(), "{error}");
        let Err(missing) = open(folder.path()) else { panic!("a network out of nothing") };
        assert!(missing.to_string().contains("teach --fetch"), "{missing}");
        fs::copy(&given, folder.path().join(FILE)).unwrap();
        assert!(matches!(open(folder.path()), Err(NetworkError::Digest { .. })));
    }

    #[test]
    fn the_stretches_are_all_the_numbers() {
        let sizes: Vec<usize> =
            super::super::network::sizes().flat_map(|(w, b)| [w, b]).filter(|&n| n > 0).collect();
        assert!(STRETCHES.iter().map(|(_, floats)| *floats).eq(sizes));
    }
}
