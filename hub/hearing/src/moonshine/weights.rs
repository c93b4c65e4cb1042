//! The network's numbers: cut out of its authors' package, and read again at each start.
//!
//! The package holds them in ONNX Runtime's own format, which is never read as such: a file that is known to the byte
//! needs no parser.

use std::path::{Path, PathBuf};

use sotto_weights::{Error, Keep, Package, Part, Pin};

use super::Model;
use super::network::Network;
use super::pieces::Pieces;
use super::stretches;

/// Name of the folder that it is installed in, in the folder of all models.
pub const FOLDER: &str = "moonshine-tiny-en";

pub static PACKAGE: Package = Package {
    name: "the speech model",
    requirement: "moonshine-voice==0.0.59",
    // The numbers are the same for every machine; the programs beside them are not run.
    platform: Some("manylinux_2_34_x86_64"),
    wheel: Pin {
        bytes: 88_425_812,
        sha256: "631f3fc4bc1ea98ed921a8387d916fa674b60649cfaf869d94d18f1393e192e6",
    },
    parts: &[ENCODER, DECODER, PIECES],
    command: "sotto-hub models pull moonshine",
    otherwise: "give --from a wheel of that version",
};

const ENCODER: Part = Part {
    member: "moonshine_voice/assets/tiny-en/encoder_model.ort",
    pin: Pin {
        bytes: 13_281_600,
        sha256: "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    },
    keep: Keep::Stretches(
        &stretches::ENCODER,
        Pin { bytes: 12_809_268, sha256: "2aa3fa8f57d5ef04f876c33f5882fa074499a24ab678b720a938e2d238116cce" },
    ),
    file: "encoder",
};

const DECODER: Part = Part {
    member: "moonshine_voice/assets/tiny-en/decoder_model_merged.ort",
    pin: Pin {
        bytes: 30_412_256,
        sha256: "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
    },
    keep: Keep::Stretches(
        &stretches::DECODER,
        Pin { bytes: 19_474_865, sha256: "16d9912ca8dbda397c7d25faa7f5190ea5503d284c690abee358799fbd292b8a" },
    ),
    file: "decoder",
};

const PIECES: Part = Part {
    member: "moonshine_voice/assets/tiny-en/tokenizer.bin",
    pin: Pin { bytes: 249_974, sha256: "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d" },
    keep: Keep::All,
    file: "pieces",
};

/// Where the model is in the folder of all models, if it is installed.
pub fn installed(models: &Path) -> Option<PathBuf> {
    let folder = models.join(FOLDER);
    PACKAGE.is_in(&folder).then_some(folder)
}

/// Reads the model that is installed in `folder`.
pub(super) fn open(folder: &Path) -> Result<Model, Error> {
    let [encoder, decoder, pieces] = [&ENCODER, &DECODER, &PIECES].map(|part| PACKAGE.read(part, folder));
    let network = Network::new(&[encoder?, decoder?].concat());
    let model = network.zip(Pieces::read(&pieces?)).map(|(network, pieces)| Model { network, pieces });
    model.ok_or_else(|| PACKAGE.another(folder, "of no use".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stretches_are_all_the_weights() {
        let sum = |stretches: &[(u64, u64)]| stretches.iter().map(|(_, bytes)| bytes).sum::<u64>();
        assert_eq!(sum(&stretches::ENCODER), ENCODER.installed().bytes);
        assert_eq!(sum(&stretches::DECODER), DECODER.installed().bytes);
        assert_eq!(
            sum(&stretches::ENCODER) + sum(&stretches::DECODER),
            u64::try_from(super::super::network::BYTES).unwrap()
        );
    }

    #[test]
    fn another_file_is_refused_with_what_to_do() {
        let models = tempfile::tempdir().unwrap();
        let given = models.path().join("some.whl");
        std::fs::write(&given, "PK").unwrap();
        for error in [PACKAGE.install(&given, models.path()).unwrap_err(), open(models.path()).err().unwrap()]
        {
            assert!(error.to_string().contains("models pull moonshine"), "{error}");
        }
        assert_eq!(installed(models.path()), None);
    }
}
