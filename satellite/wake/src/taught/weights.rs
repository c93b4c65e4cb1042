//! The numbers of the speech embedding: cut out of openWakeWord's package, and read again at each start.
//!
//! openWakeWord's own wake words, whose licence forbids commercial use, are thrown away with the rest of it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sotto_weights::{Error, Keep, Package, Part, Pin};

use super::network::Network;

/// Name of the installed file, in the folder of wake words.
pub const FILE: &str = "speech-embedding.f32";

static PACKAGE: Package = Package {
    name: "the network that taught wake words need",
    requirement: "openwakeword==0.5.1",
    platform: None,
    wheel: Pin {
        bytes: 16_669_337,
        sha256: "015467e49f08b0ef8efa433690ce70566abb72f7c36501a6fa893762b4ddc559",
    },
    parts: &[PART],
    command: "sotto-satellite teach --fetch",
    otherwise: "copy speech-embedding.f32 from another satellite",
};

const PART: Part = Part {
    member: "openwakeword/resources/models/embedding_model.onnx",
    pin: Pin { bytes: 1_326_578, sha256: "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f" },
    keep: Keep::Stretches(&STRETCHES, Pin { bytes: BYTES, sha256: SHA256 }),
    file: FILE,
};

/// Of [`FILE`].
pub(crate) const SHA256: &str = "9c974c1e0d9595ddcae2f085b8d802f75b100c53e2aa703eb13811727b5d0aed";
const BYTES: u64 = 1_312_512;
/// First byte and length: weights and biases of each convolution, in order; the last has no biases.
#[rustfmt::skip]
const STRETCHES: [(u64, u64); 39] = [
    (1_325_403, 864), (1_326_311, 96), (1_318_295, 6_912), (1_325_253, 96),
    (276_915, 6_912), (283_873, 96), (262_796, 13_824), (276_667, 192),
    (234_853, 27_648), (262_548, 192), (206_908, 27_648), (234_603, 192),
    (178_963, 27_648), (206_658, 192), (137_098, 41_472), (178_617, 288),
    (74_497, 62_208), (136_752, 288), (11_896, 62_208), (74_151, 288),
    (1_255_695, 62_208), (1_317_951, 288), (1_172_260, 82_944), (1_255_252, 384),
    (1_061_177, 110_592), (1_171_817, 384), (950_094, 110_592), (1_060_734, 384),
    (839_011, 110_592), (949_651, 384), (727_928, 110_592), (838_568, 384),
    (616_845, 110_592), (727_485, 384), (505_762, 110_592), (616_402, 384),
    (394_679, 110_592), (505_319, 384), (284_028, 110_592),
];

/// Fetches the network into `folder`, unless it is there, and says where it is.
///
/// # Errors
/// No pip, no package, or a folder that cannot be written.
pub fn fetch(folder: &Path) -> Result<PathBuf, Error> {
    PACKAGE.fetch(folder, |_| ControlFlow::Continue(()))?;
    Ok(folder.join(FILE))
}

/// Reads the network installed in `folder`.
pub(crate) fn open(folder: &Path) -> Result<Arc<Network>, Error> {
    let bytes = PACKAGE.read(&PART, folder)?;
    let floats: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    let network = Network::new(&floats).map(Arc::new);
    network.ok_or_else(|| PACKAGE.another(&folder.join(FILE), SHA256.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let Err(missing) = open(folder.path()) else { panic!("a network out of nothing") };
        assert!(missing.to_string().contains("teach --fetch"), "{missing}");
        std::fs::write(folder.path().join(FILE), b"something else").unwrap();
        let Err(another) = open(folder.path()) else { panic!("a network out of something else") };
        assert!(another.to_string().contains("teach --fetch"), "{another}");
    }

    #[test]
    fn the_stretches_are_all_the_numbers() {
        let sizes: Vec<u64> = super::super::network::sizes()
            .flat_map(|(weights, biases)| [weights, biases])
            .filter(|&floats| floats > 0)
            .map(|floats| 4 * floats as u64)
            .collect();
        assert!(STRETCHES.iter().map(|(_, bytes)| *bytes).eq(sizes.iter().copied()));
        assert_eq!(sizes.iter().sum::<u64>(), BYTES);
    }
}
