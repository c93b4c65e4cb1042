//! `teach`: a household's own wake word, from saying it a few times.
//!
//! `microphone (or a folder of recordings) → is it fit, is it like the others? → learn → NAME.json among the wake words`
//!
//! The recordings are never written anywhere; what is kept of them is in `sotto_wake::taught`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use sotto_satellite::microphone::{Heard, Microphone, read_all};
use sotto_wake::taught::{self, LEAST, Lesson, MOST, Take, Teacher, Unfit};

use super::Place;

/// A take is over at the latest after so many frames of 20 ms: 4 s.
const PATIENCE: usize = 200;
/// How often it is looked whether the word has been said: 100 ms.
const LOOK: usize = 5;
/// Tries for one take before it is given up.
const TRIES: usize = 5;

#[derive(clap::Args)]
pub struct Args {
    /// What shall be said, such as "hello kitchen": three syllables or more, and nothing that is said anyway
    #[arg(required_unless_present = "fetch")]
    word: Option<String>,
    /// How often it is said; the more, and the more people and places in the room, the surer
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(LEAST as i64..=MOST as i64))]
    takes: u8,
    /// Learn from the recordings (.wav, .flac) in this folder, each of the word said once, instead of the microphone
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// microphone.device for this once
    #[arg(long, short, value_name = "DEVICE", conflicts_with = "from")]
    microphone: Option<String>,
    /// Folder of wake words to put it into [default: the satellite's own]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Take the place of a wake word of this name that is there
    #[arg(long)]
    replace: bool,
    /// Only fetch the network that taught words need (through pip; 1.3 MB are kept), which teaching does by itself
    #[arg(long, conflicts_with_all = ["word", "from", "microphone", "replace"])]
    fetch: bool,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<()> {
    let config = place.of_the_owner()?;
    let folder = args.models.clone().unwrap_or_else(|| config.wake_models());
    let Some(word) = &args.word else {
        let file = taught::fetch(&folder)?;
        super::print(place.json, &json!({ "installed": file }));
        return Ok(());
    };
    let name = name_of(word)?;
    let target = folder.join(&name).with_extension("json");
    if target.exists() && !args.replace {
        bail!(
            "there is a wake word {name} in {} already; give --replace, or call it otherwise",
            folder.display()
        );
    }
    let recordings = args.from.as_deref().map(recordings).transpose()?;
    if !folder.join(taught::FILE).is_file() {
        eprintln!("fetching the network that taught wake words need, through pip …");
        taught::fetch(&folder)?;
    }
    let teacher = Teacher::open(&folder)?;
    let takes = match &recordings {
        Some(files) => from_files(&teacher, files)?,
        None => {
            let device = args.microphone.as_ref().unwrap_or(&config.microphone.device);
            let microphone = Microphone::open(device, config.microphone.channel)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("the microphone cannot be listened to")?;
            // A recording waits while it is learned from; a person does not.
            let live = !device.starts_with("file:") && !matches!(device.as_str(), "stdin" | "-");
            runtime.block_on(from_microphone(&teacher, word, args.takes.into(), microphone, live))?
        }
    };
    eprintln!("learning from {} recordings …", takes.len());
    let lesson = teacher.learn(word, &takes)?;
    write(&target, &lesson.file).with_context(|| format!("cannot write {}", target.display()))?;
    tell(word, &name, &target, &lesson, place.json);
    Ok(())
}

/// The file's name, and the word's in `wake.words`: "Hello Kitchen" is `hello_kitchen`.
fn name_of(word: &str) -> anyhow::Result<String> {
    let plain = |c: char| if c.is_alphanumeric() { c.to_lowercase().collect() } else { String::from("_") };
    let name: String = word.trim().chars().map(plain).collect();
    ensure!(name.chars().any(char::is_alphanumeric), "a wake word needs letters; give what shall be said");
    ensure!(name.len() <= 64, "this is too much to say; choose a word or two");
    ensure!(name != "vad", "vad is the name of the voice network; choose another word");
    Ok(name)
}

/// The recordings in a folder, by name.
fn recordings(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "wav" || e == "flac"));
    files.sort();
    ensure!(
        (LEAST..=MOST).contains(&files.len()),
        "{} holds {} recordings (.wav or .flac); {LEAST} to {MOST} are needed",
        folder.display(),
        files.len()
    );
    Ok(files)
}

/// Those recordings that will do; what is wrong with the others is said.
fn from_files(teacher: &Teacher, files: &[PathBuf]) -> anyhow::Result<Vec<Take>> {
    let mut takes = Vec::new();
    for file in files {
        let frames = read_all(file, 1)?;
        let samples: Vec<i16> = frames.iter().flat_map(|frame| frame.samples()).copied().collect();
        match teacher.take(&samples) {
            Ok(take) => takes.push((file, take)),
            Err(unfit) => eprintln!("left out: {}: {unfit}", file.display()),
        }
    }
    // Each beside all others, so that it does not matter which comes first.
    let alike: Vec<bool> = (0..takes.len())
        .map(|at| {
            let others: Vec<Take> = takes
                .iter()
                .enumerate()
                .filter(|(n, _)| *n != at)
                .map(|(_, (_, take))| take.clone())
                .collect();
            teacher.is_alike(&takes[at].1, &others).is_ok()
        })
        .collect();
    let mut kept = Vec::new();
    for ((file, take), alike) in takes.into_iter().zip(alike) {
        if alike {
            kept.push(take);
        } else {
            eprintln!("left out: {}: {}", file.display(), Unfit::Different);
        }
    }
    Ok(kept)
}

/// Asks for the word as often as needed.
async fn from_microphone(
    teacher: &Teacher,
    word: &str,
    wanted: usize,
    mut microphone: Microphone,
    live: bool,
) -> anyhow::Result<Vec<Take>> {
    eprintln!("say \"{word}\" each time you are asked, as you will say it later: near, far, loudly, softly");
    let mut takes: Vec<Take> = Vec::new();
    while takes.len() < wanted {
        let mut tries = 0;
        loop {
            eprint!("{} of {wanted}: say \"{word}\" now … ", takes.len() + 1);
            io::stderr().flush()?;
            // What came before the question is not its answer.
            while live
                && let Ok(Some(Heard::Sound(_))) =
                    tokio::time::timeout(Duration::ZERO, microphone.next()).await
            {}
            let samples = listen(&mut microphone).await?;
            let take = teacher.take(&samples).and_then(|take| teacher.is_alike(&take, &takes).map(|()| take));
            match take {
                Ok(take) => {
                    eprintln!("good");
                    takes.push(take);
                    break;
                }
                Err(unfit) => eprintln!("{unfit}"),
            }
            tries += 1;
            if tries == TRIES {
                bail!(
                    "it did not work {TRIES} times in a row; watch the level with `sotto-satellite devices --level`"
                );
            }
        }
    }
    Ok(takes)
}

/// Sound from now until the word has been said, or nobody says it.
async fn listen(microphone: &mut Microphone) -> anyhow::Result<Vec<i16>> {
    let mut samples = Vec::new();
    for frame in 1..=PATIENCE {
        // A card that gives nothing must not hang the command.
        let heard = tokio::time::timeout(Duration::from_secs(5), microphone.next());
        match heard.await.context("the microphone gives no sound; is it muted, or used by the service?")? {
            Some(Heard::Sound(sound)) => samples.extend_from_slice(sound.samples()),
            Some(Heard::Returned) => {}
            Some(Heard::Lost(why) | Heard::Broken(why)) => bail!("the microphone is gone: {why}"),
            Some(Heard::Ended) | None => {
                bail!("the recording has ended before the word was said often enough")
            }
        }
        if frame % LOOK == 0 && taught::is_said(&samples) {
            break;
        }
    }
    Ok(samples)
}

/// Whole or not at all.
fn write(target: &Path, file: &str) -> io::Result<()> {
    let part = target.with_extension("json.part");
    let mut out = fs::File::create(&part)?;
    out.write_all(file.as_bytes())?;
    out.sync_all()?;
    fs::rename(&part, target)
}

/// Share of missed words from which on it is said that another would be better.
const POOR: f32 = 0.1;

fn tell(word: &str, name: &str, target: &Path, lesson: &Lesson, json: bool) {
    let (rate, count) = (lesson.miss_rate(), lesson.margins.len());
    if json {
        let facts = json!({
            "word": word, "name": name, "file": target, "recordings": count,
            "would_be_missed": lesson.missed(), "estimated_miss_rate": rate,
        });
        println!("{facts}");
    } else {
        println!("{name} is learned from {count} recordings: {}", target.display());
        println!(
            "estimate: {:.0} % of such calls will be missed where it is as quiet as now ({} of these {count} would have been)",
            100.0 * rate,
            lesson.missed()
        );
        println!("to use it, put \"{name}\" into wake.words, or choose it on the hub's page");
    }
    if rate > POOR {
        eprintln!(
            "warning: this is a poor wake word; say it more often (--takes 20), more clearly, or choose a longer one"
        );
    }
    eprintln!(
        "note: other talk can sound like a taught word, once or more in an hour of it; if it does, write \
         wake.sensitivity = {{ {name} = 0.3 }}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_becomes_a_name() {
        let check = |word: &str, expect: &str| assert_eq!(name_of(word).unwrap(), expect);
        check("Hello Kitchen", "hello_kitchen");
        check(" Hé, Küche! ", "hé__küche_");
        for refused in ["", " / ", "VAD", &"a".repeat(70)] {
            assert!(name_of(refused).is_err(), "{refused}");
        }
        assert!(!name_of("../../etc/passwd").unwrap().contains(['/', '.']));
    }
}
