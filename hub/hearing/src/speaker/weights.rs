//! The network's numbers: cut out of Resemblyzer's package, and read again at each start.
//!
//! `pretrained.pt` is a Python pickle, which may run any program when it is read. So it is never read as one.

use std::path::Path;

use sotto_weights::{Error, Keep, Package, Part, Pin};

use super::network::{Network, WEIGHTS};
use super::space::EncoderId;

/// Name of the installed file.
pub const FILE: &str = "speaker-ge2e.f32";
/// Of [`FILE`].
const SHA256: &str = "dc70d31f87b286c86b5ded441bd377dca4d991ff2f31be1feb189430dd1d68ff";
const BYTES: u64 = 4 * WEIGHTS as u64;

pub static PACKAGE: Package = Package {
    name: "the speaker model",
    requirement: "resemblyzer==0.1.4",
    platform: None,
    wheel: Pin {
        bytes: 15_747_704,
        sha256: "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
    },
    parts: &[PART],
    command: "sotto-hub models pull speaker",
    otherwise: "give --from a pretrained.pt of that version",
};

const PART: Part = Part {
    member: "resemblyzer/pretrained.pt",
    pin: Pin {
        bytes: 17_090_379,
        sha256: "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
    },
    keep: Keep::Stretches(&STRETCHES, Pin { bytes: BYTES, sha256: SHA256 }),
    file: FILE,
};

/// First byte and length: the LSTM (all layers in one stretch), the linear layer's matrix, its bias.
const STRETCHES: [(u64, u64); 3] = [(269_883, 5_431_296), (7_731, 262_144), (6_699, 1_024)];

pub(super) fn open(folder: &Path) -> Result<Network, Error> {
    let bytes = PACKAGE.read(&PART, folder)?;
    let weights: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    Network::new(&weights).ok_or_else(|| PACKAGE.another(&folder.join(FILE), SHA256.to_owned()))
}

/// The encoder that these numbers make, as profiles name it.
pub(super) fn encoder() -> EncoderId {
    let nibbles = SHA256.as_bytes().as_chunks::<2>().0;
    let value = |digit: u8| (digit as char).to_digit(16).unwrap_or_default() as u8;
    std::array::from_fn(|n| nibbles.get(n).map_or(0, |[high, low]| value(*high) << 4 | value(*low)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn another_file_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let given = folder.path().join("pretrained.pt");
        fs::write(&given, b"cos\nsystem\n(S'echo no'\ntR.").unwrap();
        let error = PACKAGE.install(&given, folder.path()).unwrap_err().to_string();
        assert!(error.contains("models pull speaker"), "{error}");
        assert!(matches!(open(folder.path()), Err(Error::Read { .. })));
        fs::rename(&given, folder.path().join(FILE)).unwrap();
        assert!(matches!(open(folder.path()), Err(Error::Digest { .. })));
    }

    #[test]
    fn the_stretches_are_all_the_weights() {
        assert_eq!(STRETCHES.iter().map(|(_, bytes)| bytes).sum::<u64>(), BYTES);
    }
}
