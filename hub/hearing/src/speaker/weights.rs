//! The network's numbers: cut out of the file that PyTorch wrote, and read again at each start.
//!
//! `pretrained.pt → (same bytes as were looked at? by SHA-256) → three stretches of it → speaker-ge2e.f32`
//!
//! A `.pt` file is a Python pickle, which may run any program when it is read. So it is never read as one: as the file
//! is known to the byte, so is where in it the numbers lie.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::network::{Network, WEIGHTS};

/// Name of the installed file.
pub const FILE: &str = "speaker-ge2e.f32";
/// Of `resemblyzer/pretrained.pt` in Resemblyzer 0.1.4.
const GIVEN_SHA256: &str = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e";
/// Of [`FILE`].
pub const SHA256: &str = "dc70d31f87b286c86b5ded441bd377dca4d991ff2f31be1feb189430dd1d68ff";
/// Bytes of [`FILE`].
pub const BYTES: u64 = 4 * WEIGHTS as u64;
/// First byte and length in floats: the LSTM (all layers in one stretch), the linear layer's matrix, its bias.
const STRETCHES: [(usize, usize); 3] = [(269_883, 1_357_824), (7_731, 65_536), (6_699, 256)];

/// Why the speaker model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("{} cannot be read: {source}; install it with `sotto-hub models pull speaker`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} cannot be written: {source}; make room or choose another folder with --data", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is not the speaker model (its SHA-256 is {got}); install it again with `sotto-hub models pull speaker`", path.display())]
    Digest { path: PathBuf, got: String },
}

/// Cuts the numbers out of `given` (Resemblyzer's `pretrained.pt`) into `folder`, and says where they are.
pub fn install(given: &Path, folder: &Path) -> Result<PathBuf, ModelError> {
    let bytes = checked(given, GIVEN_SHA256)?;
    let cut: Vec<u8> =
        STRETCHES.iter().flat_map(|(from, floats)| &bytes[*from..from + 4 * floats]).copied().collect();
    let target = folder.join(FILE);
    let unwritable = |source| ModelError::Write { path: target.clone(), source };
    fs::create_dir_all(folder).map_err(unwritable)?;
    // Whole or not at all, whenever the power goes.
    let part = folder.join(format!("{FILE}.part"));
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

pub(super) fn open(path: &Path) -> Result<Network, ModelError> {
    let bytes = checked(path, SHA256)?;
    let weights: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    let broken = || ModelError::Digest { path: path.to_owned(), got: digest(&bytes) };
    Network::new(&weights).ok_or_else(broken)
}

fn checked(path: &Path, sha256: &str) -> Result<Vec<u8>, ModelError> {
    let bytes = fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
    match digest(&bytes) {
        got if got == sha256 => Ok(bytes),
        got => Err(ModelError::Digest { path: path.to_owned(), got }),
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
        let given = folder.path().join("pretrained.pt");
        fs::write(&given, b"cos\nsystem\n(S'echo no'\ntR.").unwrap();
        let error = install(&given, folder.path()).unwrap_err().to_string();
        assert!(error.contains("models pull speaker"), "{error}");
        assert!(!folder.path().join(FILE).exists());
        assert!(matches!(open(&given), Err(ModelError::Digest { .. })));
        assert!(matches!(open(&folder.path().join("nothing")), Err(ModelError::Read { .. })));
    }

    #[test]
    fn the_stretches_are_all_the_weights() {
        assert_eq!(STRETCHES.iter().map(|(_, floats)| floats).sum::<usize>(), WEIGHTS);
    }
}
