//! Each command in the manual is run, in a household of its own, or marked as done by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use sotto_tests::household::Household;
use sotto_tests::programs::{answer, program};

/// The pages for people who live with Sotto.
const PAGES: &[&str] =
    &["install", "home-assistant", "new-hardware", "bad-wifi", "several-hubs", "gpu-box", "troubleshooting"];

/// What a line says when it needs root, a sound card or another machine.
const BY_HAND: &str = "# by hand";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
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
    for page in PAGES {
        let text = std::fs::read_to_string(root().join(format!("docs/{page}.md"))).unwrap();
        for line in commands(&text) {
            if line.contains(BY_HAND) {
                continue;
            }
            let mut shell = Command::new("sh");
            shell
                .current_dir(root())
                .args(["-c", &line])
                .env("PATH", &path)
                .env("SOTTO_DATA", household.data());
            shell.env("SOTTO_CONFIG", household.config()).env_remove("SOTTO_LOG");
            let (out, err, code) = answer(&mut shell, "");
            // 1 is an answer too: doctor finds something here, a sentence is not understood.
            assert!(code == 0 || code == 1, "docs/{page}.md: {line}\nexit {code}\n{out}{err}");
            assert!(!(out + &err).is_empty(), "docs/{page}.md: {line} says nothing");
            ran += 1;
        }
    }
    assert!(ran >= 20, "the manual has {ran} commands that can be tried; was a page renamed?");
}

#[test]
fn pages_link_to_what_is_there() {
    for page in PAGES {
        let file = root().join(format!("docs/{page}.md"));
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            assert!(file.parent().unwrap().join(link).exists(), "docs/{page}.md links to {link}");
        }
    }
}

/// The doctor says of each part what is right or what to do, and its exit code says whether something is broken.
#[test]
fn the_doctor_looks_at_every_part() {
    let mut household = Household::start("");
    let doctor = |household: &Household| {
        let mut command = program("sotto-hub");
        command.args(["--json", "--data"]).arg(household.data()).arg("--config").arg(household.config());
        let (out, err, code) = answer(command.args(["doctor", "--patience", "1"]), "");
        let facts: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        (facts, code)
    };
    // A hub that is ready may still be on its way to its broker.
    let until = std::time::Instant::now() + sotto_tests::programs::PATIENCE;
    let parts = loop {
        let (facts, _) = doctor(&household);
        let parts = facts["parts"].as_array().unwrap().clone();
        let broker = parts.iter().find(|part| part["part"] == "broker").unwrap();
        if broker["state"] == "fine" || std::time::Instant::now() > until {
            break parts;
        }
    };
    let state = |part: &str| {
        let found = parts.iter().find(|found| found["part"] == part).unwrap_or_else(|| panic!("no {part}"));
        (found["state"].as_str().unwrap().to_owned(), found["advice"].as_str().unwrap().is_empty())
    };
    for (part, expect) in
        [("hub", "fine"), ("data", "fine"), ("broker", "fine"), ("page", "fine"), ("satellites", "beware")]
    {
        let (state, no_advice) = state(part);
        assert_eq!(state, expect, "{part}");
        assert_eq!(no_advice, state == "fine", "{part}: advice where something is wrong, and only there");
    }
    for part in ["clock", "disk", "voice", "models"] {
        state(part);
    }
    household.hub.signal("TERM");
    household.hub.wait();
    let (facts, code) = doctor(&household);
    assert_eq!((code, facts["ok"].as_bool()), (1, Some(false)));
    assert!(facts["parts"][0]["advice"].as_str().unwrap().contains("systemctl start"));
}
