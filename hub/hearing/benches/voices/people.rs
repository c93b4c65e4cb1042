//! Who speaks in the recordings, and what each teaches the house and says to it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sotto_hearing::speaker::{Encoder, Profile, TAKES, Take};

use super::road::flac;

/// Lengths that utterances are cut to, in seconds.
pub const LENGTHS: [f32; 4] = [1.5, 2.0, 3.0, 5.0];
const RATE: usize = 16_000;
/// Seconds of a sentence of an enrolment.
const SENTENCE: f32 = 2.5;
/// Fewest that are learned of somebody here: recordings are few, and a page asks for more.
const FEWEST: usize = 5;

/// How surely it is known who somebody is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By name: LibriSpeech's readers and one person at her own microphone.
    Named,
    /// By acoustic estimate, which has split some: they are not compared with each other.
    Estimated,
    /// Somebody of whom nothing is learned.
    Stranger,
}

pub struct Person {
    pub name: String,
    pub kind: Kind,
    /// Whether it is by estimate that these recordings are theirs.
    pub estimated: bool,
    pub profile: Option<Profile>,
    /// Recordings of which nothing was learned.
    pub says: Vec<Vec<i16>>,
}

/// Everybody in the folder of speech of whom there is enough; who is only sometimes a stranger is left out.
pub fn all(speech: &Path, encoder: &Encoder) -> Vec<Person> {
    let mut files: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(speech.join("manifest.jsonl")).expect("the manifest").lines() {
        let clip: Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |key: &str| clip[key].as_str().unwrap_or_default().to_owned();
        let who = match text("category").as_str() {
            "s2i" => text("speaker_cluster"),
            "neg/short_mycroft_en" | "neg/short_mycroft_es" => text("file"),
            _ => text("speaker"),
        };
        files.entry((text("category"), who)).or_default().push(text("file"));
    }
    let mut readers = 0;
    let mut people = Vec::new();
    for ((category, name), mut files) in files {
        files.sort();
        let read = |files: &[String]| files.iter().map(|file| flac(&speech.join(file))).collect::<Vec<_>>();
        let kind = match category.as_str() {
            "speakers/libri" | "asr/kathleen" => Kind::Named,
            "s2i" if files.len() >= 10 => Kind::Estimated,
            "s2i" | "neg/short_mycroft_en" | "neg/short_mycroft_es" | "asr/jfk" => Kind::Stranger,
            "neg/libri_1utt_per_speaker" => {
                readers += 1;
                // What is common to all voices was learned of every other one.
                if readers % 2 == 1 {
                    continue;
                }
                Kind::Stranger
            }
            _ => continue,
        };
        let estimated = category == "s2i";
        if kind == Kind::Stranger {
            people.push(Person { name, kind, estimated, profile: None, says: read(&files) });
            continue;
        }
        let (profile, left) = taught(encoder, &files, read);
        people.push(Person { name, kind, estimated, profile, says: read(left) });
    }
    people
}

/// A profile of the first half of `files`, at most, and those that are left.
fn taught<'a>(
    encoder: &Encoder,
    files: &'a [String],
    read: impl Fn(&[String]) -> Vec<Vec<i16>>,
) -> (Option<Profile>, &'a [String]) {
    let mut profile = encoder.profile();
    let half = if files.len() > 40 { 20 } else { files.len() / 2 };
    let (learned, left) = files.split_at(half);
    for clip in read(learned) {
        for sentence in cut(&clip, SENTENCE, 4) {
            if profile.len() < TAKES {
                let _ = Take::new(sentence, encoder).and_then(|take| profile.add(take));
            }
        }
    }
    ((profile.len() >= FEWEST).then_some(profile), left)
}

/// Three speakers of digits, which are said one after the other.
pub fn of_digits(speech: &Path, encoder: &Encoder) -> Vec<Person> {
    let mut files: BTreeMap<String, Vec<std::path::PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(speech.join("speakers/fsdd")).expect("digits").flatten() {
        let name = entry.file_name().to_string_lossy().split('_').nth(1).unwrap_or_default().to_owned();
        files.entry(name).or_default().push(entry.path());
    }
    let person = |(name, mut files): (String, Vec<std::path::PathBuf>)| {
        // No digit more often at the beginning than at the end.
        files.sort_by_key(|file| {
            let name = file.to_string_lossy().into_owned();
            name.bytes().fold(7_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211))
        });
        let rows: Vec<Vec<i16>> =
            files.chunks_exact(6).map(|six| six.iter().flat_map(|file| flac(file)).collect()).collect();
        let (learned, left) = rows.split_at(rows.len() / 2);
        let mut profile = encoder.profile();
        for row in learned {
            let _ = Take::new(row, encoder).and_then(|take| profile.add(take));
        }
        Person {
            name,
            kind: Kind::Named,
            estimated: false,
            profile: Some(profile),
            says: vec![left.concat()],
        }
    };
    files.into_iter().map(person).collect()
}

/// Pieces of `length` seconds of what somebody says, from where they begin to speak.
pub fn cut(clip: &[i16], length: f32, most: usize) -> Vec<&[i16]> {
    let peak = clip.iter().map(|s| s.unsigned_abs()).max().unwrap_or_default();
    let begin = clip.iter().position(|s| s.unsigned_abs() > peak / 20).unwrap_or_default();
    let samples = (length * RATE as f32) as usize;
    clip[begin..].chunks_exact(samples).take(most).collect()
}
