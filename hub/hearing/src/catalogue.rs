//! The Whisper models that can be pulled: OpenAI's, in the ggml form of whisper.cpp, from their publisher.
//!
//! Sizes and digests are those of the pinned revision, so what arrives is what was looked at here. Deliberately
//! absent: the medium and the full large models, which no household machine without a GPU runs in time.

/// One model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// As people name it: `base.en`.
    pub name: &'static str,
    pub purpose: &'static str,
    /// `true`: English and 98 more; `false`: English only.
    pub multilingual: bool,
    /// In bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: &'static str,
    /// What a command of 3 s takes, in thousands of millions of multiplications and additions of floats: from what whisper.cpp
    /// took on a machine of known speed with weights of true size, and for the large ones from their number of weights.
    pub work: u32,
}

pub const LICENCE: &str = "MIT";

/// Where the publisher keeps them, at one revision for all time.
pub const PUBLISHER: &str =
    "https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1";

impl Model {
    pub fn file(&self) -> String {
        format!("ggml-{}.bin", self.name)
    }

    pub fn address(&self) -> String {
        format!("{PUBLISHER}/{}", self.file())
    }

    pub fn languages(&self) -> &'static str {
        if self.multilingual { "99 languages" } else { "English" }
    }
}

pub fn find(name: &str) -> Option<&'static Model> {
    CATALOGUE.iter().find(|model| model.name == name || model.file() == name)
}

/// From the end of a command of 3 s to its words, the longest that people do not notice.
const IN_TIME: f32 = 0.45;

/// The best for a house of that language (BCP 47) that is in time on a machine of that [`speed`](crate::speed); the
/// quickest, if none is.
pub fn suits(language: &str, speed: f32) -> &'static str {
    let english = language.split(['-', '_']).next().is_some_and(|base| base.eq_ignore_ascii_case("en"));
    let fits = |model: &&Model| model.multilingual != english && model.work as f32 / speed <= IN_TIME;
    let of_language = |model: &&Model| model.multilingual != english;
    let best = CATALOGUE.iter().rfind(fits);
    best.or(CATALOGUE.iter().find(of_language)).map_or("base", |model| model.name)
}

/// From the quickest to the best.
pub const CATALOGUE: &[Model] = &[
    Model {
        name: "tiny.en-q8_0",
        purpose: "the quickest; one old core",
        multilingual: false,
        size: 43_550_795,
        sha256: "5bc2b3860aa151a4c6e7bb095e1fcce7cf12c7b020ca08dcec0c6d018bb7dd94",
        work: 8,
    },
    Model {
        name: "tiny.en",
        purpose: "quick; one core",
        multilingual: false,
        size: 77_704_715,
        sha256: "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f",
        work: 9,
    },
    Model {
        name: "tiny",
        purpose: "quick, other languages than English with many errors",
        multilingual: true,
        size: 77_691_713,
        sha256: "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21",
        work: 9,
    },
    Model {
        name: "base.en-q8_0",
        purpose: "good for commands; half the memory",
        multilingual: false,
        size: 81_781_811,
        sha256: "a4d4a0768075e13cfd7e19df3ae2dbc4a68d37d36a7dad45e8410c9a34f8c87e",
        work: 16,
    },
    Model {
        name: "base.en",
        purpose: "good for commands; two cores",
        multilingual: false,
        size: 147_964_211,
        sha256: "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002",
        work: 18,
    },
    Model {
        name: "base",
        purpose: "commands in many languages; two cores",
        multilingual: true,
        size: 147_951_465,
        sha256: "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe",
        work: 18,
    },
    Model {
        name: "small.en",
        purpose: "very good; four quick cores",
        multilingual: false,
        size: 487_614_201,
        sha256: "c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d",
        work: 60,
    },
    Model {
        name: "small",
        purpose: "very good in many languages; four quick cores",
        multilingual: true,
        size: 487_601_967,
        sha256: "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b",
        work: 60,
    },
    Model {
        name: "large-v3-turbo-q5_0",
        purpose: "the best that fits in 2 GB; eight quick cores",
        multilingual: true,
        size: 574_041_195,
        sha256: "394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2",
        work: 180,
    },
    Model {
        name: "large-v3-turbo",
        purpose: "the best; eight quick cores",
        multilingual: true,
        size: 1_624_555_275,
        sha256: "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69",
        work: 200,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quicker_machine_is_offered_a_better_model() {
        for (speed, english, others) in [
            (10.0, "tiny.en-q8_0", "tiny"),
            (25.0, "tiny.en", "tiny"),
            (80.0, "base.en", "base"),
            (200.0, "small.en", "small"),
            (500.0, "small.en", "large-v3-turbo"),
        ] {
            assert_eq!((suits("en-GB", speed), suits("de", speed)), (english, others), "{speed}");
        }
    }

    #[test]
    fn every_model_is_described_once_and_fully() {
        for (index, model) in CATALOGUE.iter().enumerate() {
            assert_eq!(find(model.name), Some(model));
            assert_eq!(find(&model.file()), Some(model));
            assert_eq!(model.multilingual, !model.name.contains(".en"), "{}", model.name);
            assert!(model.sha256.len() == 64 && model.sha256.bytes().all(|b| b.is_ascii_hexdigit()));
            for (language, english) in [("en", true), ("en-GB", true), ("de", false)] {
                for speed in [0.0, 1.0, 20.0, 160.0, 2000.0] {
                    assert_eq!(find(suits(language, speed)).map(|model| !model.multilingual), Some(english));
                }
            }
            assert!(CATALOGUE[index + 1..].iter().all(|other| other.sha256 != model.sha256));
        }
    }
}
