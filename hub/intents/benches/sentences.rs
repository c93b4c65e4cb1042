//! How fast sentences are understood, beside hassil from PyPI in the same run: `cargo bench -p sotto-intents`.
//!
//! The German sentences of Home Assistant with their whole test house, each timed alone; the same in houses of 50
//! and 2,000 things; loading and compiling; what is not word for word a sentence. Hassil 3.0.1 is installed into a
//! folder below `target` on first use; without Python or PyPI it is left out, and the run says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sotto_intents::{Context, Home, Matcher, Sentences, Trial};

#[path = "peer/mod.rs"]
mod peer;

fn main() {
    let root = std::env::var_os("SOTTO_TEST_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let root = root.join("ha-intents");
    if !root.exists() {
        println!("SKIPPED: no sentences at {}; set SOTTO_TEST_DATA", root.display());
        return;
    }
    println!("{:<34} {:>12} {:>12} {:>12}", "", "median", "p99", "slowest");
    for language in ["en", "de"] {
        let sentences = root.join("sentences").join(language);
        let (home, texts) = Trial::texts(&root.join("tests").join(language)).expect("the test house");
        let load = spread(
            (0..20).map(|_| time(|| drop(Sentences::load(&[&sentences]).expect("sentences")))).collect(),
        );
        row(&format!("{language}: load"), load);
        let loaded = Sentences::load(&[&sentences]).expect("sentences");
        row(
            &format!("{language}: compile"),
            spread((0..20).map(|_| time(|| drop(Matcher::new(&loaded, &home)))).collect()),
        );
        row(&format!("{language}: understand"), understand(&Matcher::new(&loaded, &home), &texts));
        for things in [50, 2_000] {
            let house = house(&home, things);
            let matcher = Matcher::new(&loaded, &house);
            row(&format!("{language}: understand, {things} things"), understand(&matcher, &texts));
        }
        near(language, &Matcher::new(&loaded, &home), &texts);
        beside_hassil(&root, language);
    }
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn understand(matcher: &Matcher, texts: &[(String, Context)]) -> [Duration; 3] {
    // Once to warm up, then each sentence's best of three: the machine is shared.
    let once = |(text, context): &(String, Context)| time(|| drop(matcher.exact(text, context)));
    for text in texts {
        once(text);
    }
    spread(texts.iter().map(|t| (0..3).map(|_| once(t)).min().unwrap_or_default()).collect())
}

/// Every twentieth sentence with a letter of its longest word taken away.
fn near(language: &str, matcher: &Matcher, texts: &[(String, Context)]) {
    let mut understood = 0;
    let misheard = texts.iter().step_by(20).map(|(text, context)| {
        let longest = text.split_whitespace().max_by_key(|w| w.chars().count()).unwrap_or_default();
        let short: String = longest.chars().enumerate().filter(|(i, _)| *i != 1).map(|(_, c)| c).collect();
        (text.replacen(longest, &short, 1), context)
    });
    let misheard: Vec<(String, &Context)> = misheard.collect();
    let first = time(|| drop(matcher.understand(&["what nobody says"], &Context::default())));
    let times = misheard.iter().map(|(text, context)| {
        time(|| understood += usize::from(matcher.understand(&[text], context).is_ok()))
    });
    let times = spread(times.collect());
    row(&format!("{language}: misheard, {understood} of {} taken", misheard.len()), times);
    println!("{:<34} {first:>12.1?}", format!("{language}: first misheard"));
}

/// The test house with things added up to a number, in its areas and of its domains.
fn house(home: &Home, things: usize) -> Home {
    let mut house = home.clone();
    house.entities.truncate(things);
    let original = home.entities.clone();
    for i in house.entities.len()..things {
        let mut thing = original[i % original.len()].clone();
        thing.id = format!("{}_{i}", thing.id);
        thing.name = format!("{} {}", thing.name, i);
        house.entities.push(thing);
    }
    house
}

fn spread(mut times: Vec<Duration>) -> [Duration; 3] {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    [at(0.5), at(0.99), at(1.0)]
}

fn row(what: &str, [median, p99, slowest]: [Duration; 3]) {
    println!("{what:<34} {median:>12.1?} {p99:>12.1?} {slowest:>12.1?}");
}

/// Every tenth sentence by hassil.
fn beside_hassil(root: &Path, language: &str) {
    let Some(python) = peer::python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer/hassil_times.py");
    let output = Command::new(python).arg(script).arg(root).arg(language).arg("10").output();
    match output {
        Ok(output) if output.status.success() => print!("{}", String::from_utf8_lossy(&output.stdout)),
        Ok(output) => println!("SKIPPED: hassil failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => println!("SKIPPED: hassil could not be run: {error}"),
    }
}
