//! `models pull speaker --from FILE.onnx --others FOLDER`: an encoder of the household's own takes the place of Sotto's.
//!
//! `open it, confined → hear other people through it → would the house decide well by it? → install`. One that would take
//! strangers for members is refused, and nothing is changed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use sotto_hearing::speaker::{Brought, FEWEST, Measured, Trial};
use sotto_house::{Candidate, PersonId, Recognition, Speaker, Voice};

use super::{Place, evaluate};

/// Most files that are heard: more say nothing new.
const MOST: usize = 200;
/// Most of strangers' utterances that may be taken for somebody's, and that may be obeyed as theirs.
const CLAIMED: f32 = 0.01;
const OBEYED: f32 = 0.001;
/// Least of somebody's own utterances that must be known as theirs: with fewer it is of no use.
const KNOWN: f32 = 0.5;

pub fn run(place: &Place, folder: &Path, file: &Path, others: Option<&Path>) -> anyhow::Result<ExitCode> {
    place.data()?;
    let Some(others) = others else {
        bail!(
            "how near two strangers come with an encoder must be measured before it decides anything: add \
             --others FOLDER with recordings of {FEWEST} people or more who do not live here, one FLAC file of each"
        );
    };
    let brought = Brought::open(file, &std::env::current_exe()?)?;
    let people = recordings(others)?;
    let measured = brought.measure(&people).context("the encoder was not installed")?;
    let rates = Rates::of(&measured);
    let table = [
        ("numbers of a voiceprint", brought.size().to_string()),
        ("people heard", measured.people.to_string()),
        ("milliseconds for 3 s", measured.time.as_millis().to_string()),
        ("their own utterances known as theirs", percent(rates.known)),
        ("strangers' taken for theirs", percent(rates.claimed)),
        ("strangers' obeyed as theirs", percent(rates.obeyed)),
    ];
    if !place.json {
        for (what, number) in &table {
            println!("{what:<40} {number:>8}");
        }
    }
    if rates.claimed > CLAIMED || rates.obeyed > OBEYED || rates.known < KNOWN {
        eprintln!(
            "the encoder was not installed: it would give {} of strangers' utterances to somebody (at most {} may be), \
             obey {} (at most {}), and know {} of people's own (at least {}); nothing was changed",
            percent(rates.claimed),
            percent(CLAIMED),
            percent(rates.obeyed),
            percent(OBEYED),
            percent(rates.known),
            percent(KNOWN)
        );
        return Ok(ExitCode::from(1));
    }
    let installed = brought.install(&measured, folder)?;
    match place.json {
        true => println!(
            "{}",
            serde_json::json!({
                "installed": crate::brought::SPEAKER,
                "file": installed,
                "numbers": brought.size(),
                "people": measured.people,
                "milliseconds": measured.time.as_millis() as u64,
                "known": rates.known,
                "claimed": rates.claimed,
                "obeyed": rates.obeyed,
            })
        ),
        false => println!(
            "installed as {}; the hub uses it within seconds, and whoever had taught it their voice is asked to on their \
             page once more",
            installed.display()
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// What the house would make of those who were heard, as shares.
struct Rates {
    known: f32,
    claimed: f32,
    obeyed: f32,
}

impl Rates {
    fn of(measured: &Measured) -> Rates {
        let recognition = Recognition::default();
        let share = |same: bool, certain_only: bool| {
            let trials: Vec<&Trial> = measured.trials.iter().filter(|trial| trial.same == same).collect();
            let taken = trials.iter().filter(|trial| {
                let person = PersonId::from_bytes([0; 16]);
                let candidate = Candidate { person, score: trial.score, trusted: false };
                let voice = Voice {
                    candidates: vec![candidate],
                    speech: trial.sound.speech,
                    above_noise: trial.sound.above_noise,
                    satellite_owner: None,
                };
                matches!(recognition.decide(&voice), Speaker::This { certain, .. } if certain || !certain_only)
            });
            taken.count() as f32 / trials.len().max(1) as f32
        };
        Rates { known: share(true, false), claimed: share(false, false), obeyed: share(false, true) }
    }
}

fn percent(share: f32) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// The recordings in `folder`, in the order of their names.
fn recordings(folder: &Path) -> anyhow::Result<Vec<Vec<i16>>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let flac =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("flac"));
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(flac).collect();
    files.sort();
    files.truncate(MOST);
    if files.len() < FEWEST {
        bail!(
            "{} holds {} FLAC files; it takes recordings of {FEWEST} people or more, one file of each",
            folder.display(),
            files.len()
        );
    }
    files.iter().map(|file| evaluate::samples(file)).collect()
}
