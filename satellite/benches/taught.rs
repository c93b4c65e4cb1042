//! Wake words that a household teaches: what they miss and wrongly hear, over many draws of who says them when.
//! `cargo xtask bench satellite`, or `cargo bench -p sotto-satellite --bench taught -- DRAWS WORD…`.
//!
//! Each draw teaches as `sotto-satellite teach` does, from takes in random order of which the unfit are asked for again.
//! All draws of a word are then listened for at once, by one ear with the voice network, in every recording that is not in
//! the statistics of other speech: with two seconds of the room before and one after, in quiet and in a kitchen.

#[path = "../src/commands/evaluate/decode.rs"]
mod decode;
#[allow(dead_code, unused_imports)]
#[path = "../src/commands/evaluate/mix.rs"]
mod mix;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sotto_wake::taught::{self, Take, Teacher};
use sotto_wake::{Ear, Heard, Model, WakeWord};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Heard before and after each recording, in samples; the first is not counted.
const BEFORE: usize = 32_000;
const AFTER: usize = 16_000;
/// What the statistics of other speech are made of.
const KNOWN: [&str; 3] = ["neg/libri_1utt_per_speaker", "neg/speech_commands", "speakers/libri"];
const DRAWS: usize = 10;

/// A wake word, and whether its takes are one person's.
struct Word {
    keyword: &'static str,
    by: By,
}

#[derive(Clone, Copy, PartialEq)]
enum By {
    /// All recordings are one person's.
    One,
    /// Five takes are one person's, ten two people's, and these are tested on what else they said.
    Each,
    /// Takes of many people, tested on all others.
    Many,
}

/// "alexa" was looked at when the method was chosen, the others were not.
const WORDS: [Word; 3] = [
    Word { keyword: "computer", by: By::Each },
    Word { keyword: "amelia", by: By::One },
    Word { keyword: "alexa", by: By::Many },
];

struct Recording {
    file: PathBuf,
    keyword: Option<String>,
    speaker: Option<String>,
    category: String,
}

/// What one draw of takes came to.
struct Draw {
    takes: usize,
    /// Numbers of the recordings that it is tested on.
    tested: Vec<usize>,
    estimated: f32,
    missed: usize,
    wakes: usize,
}

fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let draws = given.iter().find_map(|argument| argument.parse().ok()).unwrap_or(DRAWS);
    let wanted = |word: &&Word| {
        let names: Vec<_> = given.iter().filter(|argument| argument.parse::<usize>().is_err()).collect();
        names.is_empty() || names.iter().any(|name| *name == word.keyword)
    };
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("SOTTO_TEST_DATA").map_or_else(beside, PathBuf::from);
    let network = Path::new(env!("CARGO_TARGET_TMPDIR")).join("taught");
    if !shared.join("speech").is_dir() || !shared.join("models/wake").is_dir() {
        println!("SKIPPED: no recordings and models in {}; set SOTTO_TEST_DATA", shared.display());
        return Ok(());
    }
    if let Err(error) = taught::fetch(&network) {
        println!("SKIPPED: the network of taught words is not here: {error}");
        return Ok(());
    }
    let recordings = recordings(&shared.join("speech"))?;
    let voice = Model::open(&shared.join("models/wake/vad.json"))?;
    let kitchen = recordings.iter().find(|recording| recording.category == "noise/picovoice_kitchen");
    let kitchen = mix::Noise::new(&sound(&kitchen.ok_or("no kitchen")?.file)?, 10.0, mix::WAKE_WORD)?;
    println!("\ntaught words: mean of {draws} draws ± standard deviation; [least to most]");
    for word in WORDS.iter().filter(wanted) {
        let teacher = Teacher::open(&network)?;
        let (mut tried, models) = teach(word, &recordings, &teacher, draws, &network)?;
        for noise in [None, Some(&kitchen)] {
            let hours = listen(word, &recordings, &models, &voice, noise, &mut tried)?;
            for takes in [5, 10] {
                let tried: Vec<&Draw> = tried.iter().filter(|draw| draw.takes == takes).collect();
                row(word, takes, noise.is_some(), &tried, hours);
            }
        }
    }
    Ok(())
}

fn recordings(speech: &Path) -> Result<Vec<Recording>> {
    let manifest = std::fs::read_to_string(speech.join("manifest.jsonl"))?;
    let mut all = Vec::new();
    for line in manifest.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        all.push(Recording {
            file: speech.join(text("file").ok_or("a line without file")?),
            keyword: text("keyword"),
            speaker: text("speaker_cluster"),
            category: text("category").unwrap_or_default(),
        });
    }
    Ok(all)
}

fn sound(file: &Path) -> Result<Vec<i16>> {
    let mut samples = decode::file(file)?;
    mix::cut_padding(&mut samples);
    Ok(samples)
}

/// The draws of both sizes, and the words learned from them.
fn teach(
    word: &Word,
    recordings: &[Recording],
    teacher: &Teacher,
    draws: usize,
    network: &Path,
) -> Result<(Vec<Draw>, Vec<WakeWord>)> {
    let said = |(at, one): (usize, &Recording)| (one.keyword.as_deref() == Some(word.keyword)).then_some(at);
    let said: Vec<usize> = recordings.iter().enumerate().filter_map(said).collect();
    let mut people: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &at in &said {
        people.entry(recordings[at].speaker.as_deref().unwrap_or("")).or_default().push(at);
    }
    people.retain(|_, said| said.len() >= 9);
    let mut takes: BTreeMap<usize, Option<Take>> = BTreeMap::new();
    let mut dice = Dice(1);
    let (mut tried, mut models) = (Vec::new(), Vec::new());
    for wanted in [5, 10] {
        for draw in 0..draws {
            // Whose recordings are taught from, so many of each, and tested on.
            let mut groups: Vec<Vec<usize>> = match word.by {
                By::Each => people.values().cloned().collect(),
                By::One | By::Many => vec![said.clone()],
            };
            dice.shuffle(&mut groups);
            let each = if word.by == By::Each { 5 } else { wanted };
            groups.truncate(wanted / each);
            let mut taught: Vec<Take> = Vec::new();
            let mut from = Vec::new();
            for group in &mut groups {
                dice.shuffle(group);
                let enough = taught.len() + each;
                for &at in group.iter() {
                    if taught.len() == enough {
                        break;
                    }
                    if let Entry::Vacant(new) = takes.entry(at) {
                        new.insert(teacher.take(&sound(&recordings[at].file)?).ok());
                    }
                    let take = takes[&at].as_ref().filter(|take| teacher.is_alike(take, &taught).is_ok());
                    if let Some(take) = take {
                        taught.push(take.clone());
                        from.push(at);
                    }
                }
            }
            let lesson = teacher.learn(word.keyword, &taught)?;
            let name = format!("{}_{wanted}_{draw}", word.keyword);
            let path = network.join(&name).with_extension("json");
            std::fs::write(&path, &lesson.file)?;
            models.push(WakeWord::new(Model::open(&path)?));
            std::fs::remove_file(&path)?;
            let tested = groups.concat().into_iter().filter(|at| !from.contains(at)).collect();
            let estimated = lesson.miss_rate();
            tried.push(Draw { takes: wanted, tested, estimated, missed: 0, wakes: 0 });
        }
    }
    Ok((tried, models))
}

/// Lets an ear hear all recordings, and counts for each draw. Returns the hours of what is no word of its.
fn listen(
    word: &Word,
    recordings: &[Recording],
    models: &[WakeWord],
    voice: &Model,
    noise: Option<&mix::Noise>,
    tried: &mut [Draw],
) -> Result<f64> {
    let mut ear = Ear::new(models, Some(voice));
    let mut negative = 0;
    tried.iter_mut().for_each(|draw| (draw.missed, draw.wakes) = (0, 0));
    for (at, recording) in recordings.iter().enumerate() {
        let said = recording.keyword.as_deref() == Some(word.keyword);
        if KNOWN.contains(&recording.category.as_str()) {
            continue;
        }
        let mut samples = [&[0; BEFORE], &sound(&recording.file)?[..], &[0; AFTER]].concat();
        if let Some(noise) = noise {
            samples = noise.under(&samples, at as u64);
        }
        ear.reset();
        let mut wakes = vec![0; models.len()];
        for chunk in samples.chunks(320) {
            for heard in ear.push(chunk) {
                if let Heard::Wake { word, at, .. } = heard
                    && at > BEFORE as u64
                {
                    wakes[word] += 1;
                }
            }
        }
        negative += if said { 0 } else { samples.len() - BEFORE };
        for (draw, wakes) in tried.iter_mut().zip(wakes) {
            if !said {
                draw.wakes += wakes;
            } else if draw.tested.contains(&at) {
                draw.missed += usize::from(wakes == 0);
            }
        }
    }
    Ok(negative as f64 / 16_000.0 / 3_600.0)
}

fn row(word: &Word, takes: usize, noisy: bool, tried: &[&Draw], hours: f64) {
    let shares: Vec<f64> = tried.iter().map(|d| 100.0 * d.missed as f64 / d.tested.len() as f64).collect();
    let wakes: Vec<f64> = tried.iter().map(|draw| draw.wakes as f64 / hours).collect();
    let estimates: Vec<f64> = tried.iter().map(|draw| 100.0 * f64::from(draw.estimated)).collect();
    let tested = tried.iter().map(|draw| draw.tested.len()).sum::<usize>() / tried.len().max(1);
    println!(
        "  {:<9} {takes:>2} takes, {:<8} missed {} % of {tested} (estimated {} %), false wakes {} an hour, {hours:.2} h",
        word.keyword,
        if noisy { "kitchen" } else { "quiet" },
        spread(&shares),
        spread(&estimates),
        spread(&wakes),
    );
}

/// Mean, deviation and ends.
fn spread(numbers: &[f64]) -> String {
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let deviation = (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{mean:.1} ± {deviation:.1} [{least:.1} to {most:.1}]")
}

/// Splitmix64: the same draws each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
