//! `intents`: what a sentence would mean, whether a language passes its tests, and more languages.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use sotto_intents::{
    Alternative, Context, Conversation, Home, Match, Matcher, Sentences, Slot, Trial, Unsure,
};

use super::Place;
use crate::sentences::Files;
use crate::understanding;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Intents,
}

#[derive(clap::Subcommand)]
enum Intents {
    /// Say what a sentence would mean. Exit code 1 where it is not understood
    Parse(Parse),
    /// Run a language's tests, in Home Assistant's format. Exit code 1 where one fails
    Test(Test),
    /// Install the sentences of languages, from the PyPI package home-assistant-intents
    Add(Add),
}

#[derive(clap::Args)]
struct Parse {
    /// What was said; several are hypotheses of a speech engine, the likeliest first
    #[arg(required = true, value_name = "TEXT")]
    texts: Vec<String>,
    /// The area where it was said
    #[arg(long, value_name = "AREA")]
    area: Option<String>,
    /// Files or folders of sentences instead of the household's
    #[arg(long, value_name = "DIR")]
    sentences: Vec<PathBuf>,
    /// Names of the house from a _fixtures.yaml instead of the configuration's
    #[arg(long, value_name = "FILE")]
    home: Option<PathBuf>,
    /// Language, where there are several
    #[arg(long, value_name = "LANG")]
    language: Option<String>,
    /// Say why: which sentence of which file, where each slot came from, and what came second
    #[arg(long)]
    explain: bool,
}

#[derive(clap::Args)]
struct Test {
    /// Files or folders of sentences of one language
    #[arg(long, required = true, value_name = "DIR")]
    sentences: Vec<PathBuf>,
    /// Folder of test files with the test house in _fixtures.yaml
    #[arg(long, value_name = "DIR")]
    tests: PathBuf,
}

#[derive(clap::Args)]
struct Add {
    /// Language codes: de, pt-BR, zh-CN
    #[arg(required = true, value_name = "LANG")]
    languages: Vec<String>,
}

impl Args {
    /// Whether it touches no household.
    pub fn only_reads_what_it_is_given(&self) -> bool {
        match &self.command {
            Intents::Parse(parse) => !parse.sentences.is_empty(),
            Intents::Test(_) => true,
            Intents::Add(_) => false,
        }
    }
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    match args.command {
        Intents::Parse(args) => parse(args, place),
        Intents::Test(args) => test(args, place),
        Intents::Add(args) => add(args, place),
    }
}

fn parse(args: Parse, place: &Place) -> anyhow::Result<ExitCode> {
    let config = place.load()?;
    let mut home = match &args.home {
        Some(file) => Home::read(file)?,
        None => understanding::home(&config.home),
    };
    // An area that is named here is one, whatever the configuration says.
    if let Some(area) = args.area.as_deref().filter(|area| home.find_area(area).is_none()) {
        home = home.area(area, area);
    }
    let language = args.language.as_deref();
    let sentences = match args.sentences.as_slice() {
        [] => Files::of(&config, &place.data()?).read_all(language.unwrap_or(&config.hub.language))?,
        paths => Sentences::load_language(paths, language)?,
    };
    let matcher = Matcher::new(&sentences, &home);
    for problem in matcher.problems() {
        eprintln!("{problem}");
    }
    let context = args.area.as_deref().map_or_else(Context::default, Context::in_area);
    let texts: Vec<&str> = args.texts.iter().map(String::as_str).collect();
    let understood = Conversation::default().understand(&matcher, &texts, &context, "", Instant::now());
    let found = understood.as_ref().ok().and_then(|commands| commands.first());
    if place.json {
        let mut facts = json!({
            "intent": found.map(|found| &found.intent),
            "slots": found.map_or_else(Map::new, |found| slots(&found.slots)),
            "sentence": found.map(|found| &*found.sentence.template),
            "alternatives": match &understood {
                Ok(_) => found.iter().flat_map(|f| &f.alternatives).map(alternative).collect::<Vec<_>>(),
                Err(unsure) => unsure.nearest.iter().map(alternative).collect(),
            },
        });
        let then: Vec<Value> = understood.iter().flatten().skip(1).map(command).collect();
        if !then.is_empty() {
            facts["then"] = then.into();
        }
        if args.explain {
            facts["why"] = explanation(&understood).into();
        }
        println!("{facts}");
    } else {
        match &understood {
            Ok(commands) if !args.explain => commands.iter().for_each(|found| println!("{}", line(found))),
            _ => println!("{}", explanation(&understood)),
        }
    }
    Ok(if understood.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn explanation(understood: &Result<Vec<Match>, Unsure>) -> String {
    match understood {
        Ok(commands) => commands.iter().map(Match::explain).collect::<Vec<_>>().join("\n"),
        Err(unsure) => unsure.explain(),
    }
}

fn command(found: &Match) -> Value {
    json!({ "intent": found.intent, "slots": slots(&found.slots), "sentence": &*found.sentence.template })
}

fn line(found: &Match) -> String {
    let slots: Vec<String> = found.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
    format!("{} {}", found.intent, slots.join(" ")).trim_end().to_owned()
}

fn slots(slots: &[Slot]) -> Map<String, Value> {
    slots.iter().map(|slot| (slot.name.clone(), slot.value.to_json())).collect()
}

fn alternative(other: &Alternative) -> Value {
    json!({
        "intent": other.intent,
        "slots": slots(&other.slots),
        "sentence": &*other.sentence.template,
        "confidence": other.confidence,
    })
}

fn test(args: Test, place: &Place) -> anyhow::Result<ExitCode> {
    let sentences = Sentences::load(&args.sentences)?;
    let trial = Trial::run(&sentences, &args.tests)?;
    for problem in trial.problems.iter() {
        eprintln!("{problem}");
    }
    if place.json {
        let failures: Vec<Value> = trial
            .failures
            .iter()
            .map(|f| json!({ "sentence": f.sentence, "file": f.file, "line": f.line, "why": f.why }))
            .collect();
        println!("{}", json!({ "passed": trial.passed, "failed": failures.len(), "failures": failures }));
    } else {
        for failure in &trial.failures {
            println!("{}:{}: {:?}: {}", failure.file, failure.line, failure.sentence, failure.why);
        }
        println!("{} passed, {} failed", trial.passed, trial.failures.len());
    }
    Ok(if trial.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where pip puts the package for a moment, and what it holds.
const PACKAGE: &str = "home-assistant-intents";

fn add(args: Add, place: &Place) -> anyhow::Result<ExitCode> {
    let folder = place.data()?.join("sentences");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let unpacked = folder.join(".unpacked");
    let fetched = fetch(&unpacked).and_then(|()| install(&args.languages, &unpacked, &folder));
    // Half a package is of no use to anyone, whatever went wrong.
    let cleared = std::fs::remove_dir_all(&unpacked);
    let installed = fetched?;
    cleared.with_context(|| format!("cannot clear {}", unpacked.display()))?;
    if place.json {
        let facts: Vec<Value> =
            installed.iter().map(|(language, file)| json!({ "language": language, "file": file })).collect();
        println!("{}", json!({ "installed": facts }));
    } else {
        for (language, file) in &installed {
            println!("{language}: {}", file.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn fetch(unpacked: &Path) -> anyhow::Result<()> {
    eprintln!("fetching {PACKAGE} from PyPI");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--upgrade",
        "--target",
    ]);
    let output = pip
        .arg(unpacked)
        .arg(PACKAGE)
        .output()
        .context("python3 with pip is needed: apt install python3-pip")?;
    if !output.status.success() {
        bail!("pip could not fetch {PACKAGE}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn install(languages: &[String], unpacked: &Path, folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let data = unpacked.join("home_assistant_intents/data");
    let mut available: Vec<String> = std::fs::read_dir(&data)
        .with_context(|| format!("the package holds no {}", data.display()))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .collect();
    available.sort();
    let mut installed = Vec::new();
    for wanted in languages {
        let wanted = wanted.replace('_', "-");
        let Some(language) = available.iter().find(|known| known.eq_ignore_ascii_case(&wanted)) else {
            bail!("there are no sentences for {wanted:?}; there are for {}", available.join(" "));
        };
        let file = format!("{language}.json");
        // What cannot be read is better noticed now than at the next start.
        Sentences::load(&[data.join(&file)])?;
        let target = folder.join(&file);
        std::fs::copy(data.join(&file), &target)
            .with_context(|| format!("cannot write {}", target.display()))?;
        installed.push((language.clone(), target));
    }
    Ok(installed)
}
