//! Home Assistant's own tests of a language: sentences with the intent and slots they must give, and the house
//! (`_fixtures.yaml`) in which they are said.

use std::path::{Path, PathBuf};

use crate::files::read;
use crate::home::{Area, Entity, Floor, Home};
use crate::matcher::{Context, Matcher};
use crate::outcome::Match;
use crate::problem::{LoadError, Problem};
use crate::respond::Responder;
use crate::sentences::Sentences;
use crate::template::{self, Place};
use crate::tree::Tree;
use crate::value::Value;

/// Most names that one fixture's template may stand for.
const NAMES_LIMIT: usize = 1_000;

/// How a language did in its tests.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    pub passed: usize,
    pub failures: Vec<Failure>,
    /// Sentences that were understood, but are answered otherwise than their test wants. Only where the language's
    /// responses were loaded too; answers about timers and media, which a test house cannot have, are not tried.
    pub answered_otherwise: Vec<Failure>,
    /// What is wrong with the sentence files.
    pub problems: Vec<Problem>,
}

/// A sentence that was not understood as its test wants.
#[derive(Debug, Clone)]
pub struct Failure {
    pub sentence: String,
    pub file: String,
    pub line: u32,
    /// What was wrong, in words.
    pub why: String,
}

/// One sentence of a test file.
struct Case<'t> {
    sentence: String,
    line: u32,
    intent: &'t str,
    slots: Vec<(String, Value)>,
    context: Context,
    /// Any of these may be answered.
    answers: Vec<String>,
}

impl Trial {
    /// Runs all test files of a folder against sentences. `each` is told of every sentence with its time.
    pub fn run(sentences: &Sentences, tests: &Path) -> Result<Trial, LoadError> {
        let (home, files) = open(tests)?;
        let matcher = Matcher::new(sentences, &home);
        let responder = Responder::new(sentences);
        let mut trial = Trial { problems: matcher.problems().cloned().collect(), ..Trial::default() };
        for (file, tree) in &files {
            for case in cases(file, tree)? {
                let found = matcher.exact(&case.sentence, &case.context);
                let failure = |why| Failure {
                    sentence: case.sentence.clone(),
                    file: file.clone(),
                    line: case.line,
                    why,
                };
                match check(&case, found.as_ref()) {
                    Ok(()) => {
                        trial.passed += 1;
                        let why = found.and_then(|found| check_answer(&case, &found, &responder, &home));
                        trial.answered_otherwise.extend(why.map(failure));
                    }
                    Err(why) => trial.failures.push(failure(why)),
                }
            }
        }
        Ok(trial)
    }

    /// The test house of a folder and every sentence with its context, for benches.
    pub fn texts(tests: &Path) -> Result<(Home, Vec<(String, Context)>), LoadError> {
        let (home, files) = open(tests)?;
        let mut texts = Vec::new();
        for (file, tree) in &files {
            texts.extend(cases(file, tree)?.into_iter().map(|c| (c.sentence, c.context)));
        }
        Ok((home, texts))
    }
}

fn open(tests: &Path) -> Result<(Home, Vec<(String, Tree)>), LoadError> {
    let shown = tests.display().to_string();
    let failed = |e: std::io::Error| Problem::new(&shown, 0, 0, format!("cannot be read: {e}"));
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(tests).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.retain(|p| p.extension().is_some_and(|e| e == "yaml"));
    paths.sort();
    let mut home = None;
    let mut files = Vec::new();
    for path in paths {
        let file = path.display().to_string();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let tree = read(&path, &file)?;
        match name.as_str() {
            "_fixtures.yaml" => home = Some(home_from_fixtures(&file, &tree)?),
            // Sentences that hassil is known to fail on; here they count like all others.
            name if name.starts_with('_') => {}
            _ => files.push((file, tree)),
        }
    }
    let home = home.ok_or_else(|| {
        Problem::new(&shown, 0, 0, "there is no _fixtures.yaml with the test house here")
            .instead("name a folder of tests")
    })?;
    Ok((home, files))
}

fn cases<'t>(file: &str, tree: &'t Tree) -> Result<Vec<Case<'t>>, Problem> {
    let mut cases = Vec::new();
    for test in tree.get("tests").map(Tree::items).unwrap_or_default() {
        let intent = test.get("intent").ok_or_else(|| test.problem(file, "this test has no intent"))?;
        let name = match &intent.get("name").map(|n| &n.node) {
            Some(crate::tree::Node::Scalar(Value::Text(name))) => name.as_str(),
            _ => return Err(intent.problem(file, "this intent has no name")),
        };
        let map = |key: &str| -> Vec<(String, Value)> {
            intent
                .get(key)
                .into_iter()
                .flat_map(Tree::entries)
                .map(|(k, v)| (k.into_owned(), v.value()))
                .collect()
        };
        let context = Context { items: map("context").into_iter().collect(), ..Context::default() };
        let tidy = |text: &Tree| text.text().map(|t| t.split_whitespace().collect::<Vec<_>>().join(" "));
        let answers: Vec<String> = match test.get("response") {
            Some(list) if !list.items().is_empty() => list.items().iter().filter_map(tidy).collect(),
            Some(one) => tidy(one).into_iter().collect(),
            None => Vec::new(),
        };
        for sentence in test.get("sentences").map(Tree::items).unwrap_or_default() {
            let Some(text) = sentence.text() else {
                return Err(sentence.problem(file, "this sentence is no text"));
            };
            cases.push(Case {
                sentence: text.into_owned(),
                line: sentence.line,
                intent: name,
                slots: map("slots"),
                context: context.clone(),
                answers: answers.clone(),
            });
        }
    }
    Ok(cases)
}

/// What is wrong with the answer, if anything.
fn check_answer(case: &Case<'_>, found: &Match, responder: &Responder, home: &Home) -> Option<String> {
    let cannot = found.intent.contains("Timer") || found.intent == "HassMediaSearchAndPlay";
    if case.answers.is_empty() || cannot {
        return None;
    }
    // The moment at which all tests are said.
    let number = |n: i64| Value::Int(n);
    let date = [("year", 2013), ("month", 9), ("day", 17)].map(|(k, n)| (k.to_owned(), number(n)));
    let time = [("hour", 1), ("minute", 2)].map(|(k, n)| (k.to_owned(), number(n)));
    let more = [("date", date.to_vec()), ("time", time.to_vec())].map(|(k, v)| (k.to_owned(), Value::Map(v)));
    match responder.respond(found, home, &more.into_iter().collect()) {
        Ok(None) => None,
        Ok(Some(answer)) if case.answers.contains(&answer) => None,
        Ok(Some(answer)) => Some(format!("answered {answer:?} instead of {:?}", case.answers)),
        Err(error) => Some(error.to_string()),
    }
}

fn check(case: &Case<'_>, found: Option<&Match>) -> Result<(), String> {
    let Some(found) = found else { return Err("not understood".to_owned()) };
    if found.intent != case.intent {
        return Err(format!("{} instead of {}", found.intent, case.intent));
    }
    for slot in &found.slots {
        let Some((_, wanted)) = case.slots.iter().find(|(name, _)| *name == slot.name) else {
            return Err(format!("an unwanted slot {} = {}", slot.name, slot.value));
        };
        let right = match (wanted, &slot.value) {
            (Value::List(wanted), Value::List(values)) => wanted.iter().all(|w| values.contains(w)),
            (wanted, Value::List(values)) => values.contains(wanted),
            (wanted, value) => value.is_or_is_in(wanted),
        };
        if !right {
            return Err(format!("{} = {} instead of {wanted}", slot.name, slot.value));
        }
    }
    match case.slots.iter().find(|(name, _)| found.slot(name).is_none()) {
        Some((name, value)) => Err(format!("no slot {name} = {value}")),
        None => Ok(()),
    }
}

impl Home {
    /// Reads a house from a file in the format of Home Assistant's test houses (`_fixtures.yaml`).
    pub fn read(path: &Path) -> Result<Home, LoadError> {
        let file = path.display().to_string();
        Ok(home_from_fixtures(&file, &read(path, &file)?)?)
    }
}

/// The house of a `_fixtures.yaml`. A name may be a template; each of its spellings is then a name of its own.
pub(crate) fn home_from_fixtures(file: &str, tree: &Tree) -> Result<Home, Problem> {
    let mut home = Home::default();
    let items = |key: &str| tree.get(key).map(Tree::items).unwrap_or_default();
    let text = |item: &Tree, key: &str| item.get(key).and_then(Tree::text).map(|t| t.into_owned());
    for floor in items("floors") {
        let id = text(floor, "id").unwrap_or_default();
        for name in names(file, floor)? {
            home.floors.push(Floor { id: id.clone(), name, aliases: Vec::new() });
        }
    }
    for area in items("areas") {
        let id = text(area, "id").unwrap_or_default();
        for name in names(file, area)? {
            home.areas.push(Area { id: id.clone(), name, aliases: Vec::new(), floor: text(area, "floor") });
        }
    }
    for entity in items("entities") {
        let id = text(entity, "id")
            .ok_or_else(|| entity.problem(file, "this entity has no id").instead("write: id: light.desk"))?;
        let state = entity.get("state");
        let shown = state.and_then(|s| s.get("in")).and_then(Tree::text).map(|s| s.into_owned());
        let state = state.and_then(|s| s.get("out").or(Some(s))).and_then(Tree::text).map(|s| s.into_owned());
        let attributes = entity.get("attributes").into_iter().flat_map(Tree::entries);
        let attributes: std::collections::BTreeMap<String, Value> =
            attributes.map(|(k, v)| (k.into_owned(), v.value())).collect();
        for name in names(file, entity)? {
            home.entities.push(Entity {
                id: id.clone(),
                name,
                aliases: Vec::new(),
                area: text(entity, "area"),
                state: state.clone(),
                shown: shown.clone(),
                attributes: attributes.clone(),
            });
        }
    }
    Ok(home)
}

fn names(file: &str, item: &Tree) -> Result<Vec<String>, Problem> {
    let Some(name) = item.get("name") else {
        return Err(item.problem(file, "this has no name").instead("write: name: \"Desk lamp\""));
    };
    let text = name.text().unwrap_or_default();
    if !template::is_template(&text) {
        return Ok(vec![text.trim().to_owned()]);
    }
    let expression = template::parse(&text, Place { file, line: name.line, column: name.column })?;
    let spellings = template::spellings(&expression, NAMES_LIMIT).ok_or_else(|| {
        name.problem(
            file,
            format!("this name has more than {NAMES_LIMIT} spellings, or lists or rules in it"),
        )
        .instead("write the names out")
    })?;
    Ok(spellings.into_iter().map(|s| template::tidy(s.trim())).collect())
}
