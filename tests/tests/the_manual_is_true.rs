//! Each command in the manual is run, in a household of its own, or marked as done by hand; and each that is named in the
//! text exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use sotto_tests::household::Household;
use sotto_tests::programs::{answer, program};

/// Where the pages are that people who live with Sotto read: a page that is added there is part of the manual.
const FOLDERS: &[&str] = &[".", "docs", "hardware", "deploy/home-assistant", "deploy/home-assistant/addon"];
/// For those who work on Sotto: what was measured, with which command, on which day.
const NOT_THE_MANUAL: &[&str] = &["ARCHITECTURE.md", "CHANGELOG.md", "measurements.md"];

/// What a line says when it needs root, a sound card or another machine.
const BY_HAND: &str = "# by hand";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Each page, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(root().join(folder)).expect(folder) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".md") && !NOT_THE_MANUAL.contains(&name.as_str()) {
                let text = std::fs::read_to_string(&path).unwrap();
                pages.push((path, text));
            }
        }
    }
    pages.sort();
    assert!(pages.len() >= 15, "{} pages; was a folder renamed?", pages.len());
    pages
}

/// The lines of each block of shell commands.
fn commands(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in page.lines().map(str::trim) {
        match line.strip_prefix("```") {
            Some(kind) => inside = kind == "sh",
            None if inside && !line.is_empty() => commands.push(line.to_owned()),
            None => {}
        }
    }
    commands
}

#[test]
fn every_command_in_the_manual_runs_or_says_that_it_does_not() {
    let household = Household::start("");
    let programs = program("sotto-hub").get_program().to_owned();
    let folder = Path::new(&programs).parent().unwrap().to_owned();
    let path = std::env::join_paths(
        std::iter::once(folder).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .unwrap();
    let mut ran = 0;
    for (page, text) in pages() {
        let page = page.display();
        for line in commands(&text) {
            if line.contains(BY_HAND) {
                continue;
            }
            // What acts for a package's service is run as the owner of this household.
            let line = line.replace("sudo ", "");
            let mut shell = Command::new("sh");
            shell
                .current_dir(root())
                .args(["-c", &line])
                .env("PATH", &path)
                .env("SOTTO_DATA", household.data());
            shell.env("SOTTO_CONFIG", household.config()).env_remove("SOTTO_LOG");
            let (out, err, code) = answer(&mut shell, "");
            // 1 is an answer too: doctor finds something here, a sentence is not understood.
            assert!(code == 0 || code == 1, "{page}: {line}\nexit {code}\n{out}{err}");
            assert!(!(out + &err).is_empty(), "{page}: {line} says nothing");
            ran += 1;
        }
    }
    assert!(ran >= 20, "the manual has {ran} commands that can be tried; was a page renamed?");
}

/// What stands between backticks in the text.
fn spans(page: &str) -> Vec<String> {
    let text: Vec<&str> = page
        .split("```")
        .enumerate()
        .filter(|(number, _)| number % 2 == 0)
        .flat_map(|(_, text)| text.split('`').skip(1).step_by(2))
        .collect();
    text.into_iter().map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// What the programs say of a command, asked once.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, Option<String>>);

impl Helps {
    /// The help of `program command…`, unless there is no such command.
    fn of(&mut self, words: &[String]) -> Option<String> {
        let ask = || {
            let (out, _, code) = answer(program(&words[0]).args(&words[1..]).arg("--help"), "");
            (code == 0).then_some(out)
        };
        self.0.entry(words.to_vec()).or_insert_with(ask).clone()
    }

    /// What is wrong with a command line of ours; nothing with any other.
    fn fault(&mut self, line: &str) -> Option<String> {
        let line = line.split('#').next().unwrap_or_default();
        let mut words =
            line.split_whitespace().skip_while(|word| !["sotto-hub", "sotto-satellite"].contains(word));
        let mut command = vec![words.next()?.to_owned()];
        let mut options = Vec::new();
        let mut growing = true;
        for word in words {
            if let Some(option) = word.strip_prefix("--") {
                options.push(option.split('=').next().unwrap_or_default().to_owned());
            } else if growing && word.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
                let longer = [&command[..], &[word.to_owned()]].concat();
                // The first must be a command; a later one may be what it is done to.
                match self.of(&longer) {
                    Some(_) => command = longer,
                    None if command.len() == 1 => return Some(format!("{line}: there is no {word}")),
                    None => growing = false,
                }
            } else if command.len() > 1 {
                growing = false;
            }
        }
        let help = self.of(&command).unwrap_or_default();
        let unknown = options.iter().find(|option| !help.contains(&format!("--{option}")))?;
        Some(format!("{line}: {command:?} knows no --{unknown}"))
    }
}

#[test]
fn every_command_that_the_text_names_exists() {
    let mut helps = Helps::default();
    let mut asked = 0;
    for (page, text) in pages() {
        for line in commands(&text).into_iter().chain(spans(&text)) {
            asked += usize::from(line.contains("sotto-"));
            assert_eq!(helps.fault(&line), None, "{}", page.display());
        }
    }
    assert!(asked >= 40, "{asked} commands; are they found?");
    assert!(helps.fault("sotto-hub brew tea").is_some(), "and what is not there is noticed");
    assert!(helps.fault("sotto-hub members add Grace --sugar").is_some());
}

#[test]
fn pages_link_to_what_is_there() {
    for (file, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.starts_with("https://") {
                continue;
            }
            let target = link.split('#').next().unwrap_or_default();
            assert!(file.parent().unwrap().join(target).exists(), "{} links to {link}", file.display());
        }
    }
}
