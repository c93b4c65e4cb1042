//! Sentence files → the sentences of one language, with the lists, rules and responses that go with them.
//!
//! Reads Home Assistant's format as it is: its own language folders (`*.yaml`, merged in the order of their
//! names), the packaged languages of `home-assistant-intents` (one `.json` each), and a household's own folder.
//! A file that is no YAML is an error; one bad sentence in it is a [`Problem`], and the others still work.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::files::{find_files, language_of, read};
use crate::numbers::Range;
use crate::problem::{LoadError, Problem};
use crate::reader::{Reader, entries};
use crate::template::{self, Expression};
use crate::tree::{Node, Tree};
use crate::value::Value;

/// The sentences of one language.
#[derive(Debug, Clone, Default)]
pub struct Sentences {
    pub(crate) language: String,
    /// True for languages that are written without blanks between words.
    pub(crate) ignore_whitespace: bool,
    pub(crate) intents: Vec<Intent>,
    pub(crate) lists: HashMap<String, List>,
    pub(crate) rules: HashMap<String, Rule>,
    pub(crate) skip_words: Vec<String>,
    /// Intent → response key → template.
    pub(crate) responses: BTreeMap<String, BTreeMap<String, String>>,
    /// Error key (`no_intent`, `no_area` …) → template.
    pub(crate) errors: BTreeMap<String, String>,
    /// Intents that the household's own files answer.
    pub(crate) own_answers: HashSet<String>,
    pub(crate) actions: BTreeMap<String, Action>,
    pub(crate) problems: Vec<Problem>,
}

#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub name: String,
    pub blocks: Vec<Block>,
}

/// A block of sentences that share slots and conditions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    pub sentences: Vec<Sentence>,
    pub slots: Vec<(String, Value)>,
    pub requires: Vec<(String, Requirement)>,
    pub excludes: Vec<(String, Value)>,
    pub rules: HashMap<String, Rule>,
    pub lists: HashMap<String, List>,
    pub response: Option<String>,
    pub keywords: Option<HashSet<String>>,
    pub metadata: Vec<(String, Value)>,
    /// Written by the household: wins over what came with a language.
    pub own: bool,
}

/// What a context item must be: `value` (any, where `Null`), and the slot it fills if any.
#[derive(Debug, Clone)]
pub(crate) struct Requirement {
    pub value: Value,
    pub slot: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Sentence {
    pub text: Arc<str>,
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
    pub expression: Expression,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub expression: Expression,
    pub file: Arc<str>,
    pub line: u32,
}

#[derive(Debug, Clone)]
pub(crate) enum List {
    Values(Vec<ListValue>),
    Range(Range),
    Wildcard,
}

#[derive(Debug, Clone)]
pub(crate) struct ListValue {
    pub says: Expression,
    /// The spoken text itself where `None`.
    pub out: Option<Value>,
    pub context: Vec<(String, Value)>,
}

/// What an intent of the household's own does: one MQTT message. Topic and payload are templates that know the
/// slots: `{{ slots.name }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub topic: String,
    pub payload: String,
    pub retain: bool,
}

impl Sentences {
    /// Reads files and folders (folders with all that is below them) of one language.
    ///
    /// Fails on a file that cannot be read, is no YAML or JSON, or is of another language than the rest. What is
    /// wrong with single sentences is in [`Sentences::problems`], and those sentences are left out.
    pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Sentences, LoadError> {
        let mut all = Sentences::load_languages(paths, false)?;
        match all.len() {
            1 => Ok(all.pop_first().map(|(_, s)| s).unwrap_or_default()),
            0 => {
                let shown = paths.first().map(|p| p.as_ref().display().to_string()).unwrap_or_default();
                Err(Problem::new(&shown, 0, 0, "no sentence files here")
                    .instead("name a folder with .yaml files, or a packaged language's .json")
                    .into())
            }
            _ => {
                let names: Vec<String> = all.into_keys().collect();
                let shown = paths.first().map(|p| p.as_ref().display().to_string()).unwrap_or_default();
                Err(Problem::new(
                    &shown,
                    0,
                    0,
                    format!("these files are of several languages: {}", names.join(", ")),
                )
                .instead("name the folder of one language")
                .into())
            }
        }
    }

    /// As [`Sentences::load`], of one of the languages that lie there. Files of others are passed over.
    pub fn load_language<P: AsRef<Path>>(
        paths: &[P],
        language: Option<&str>,
    ) -> Result<Sentences, LoadError> {
        let Some(language) = language else { return Sentences::load(paths) };
        let mut all = Sentences::load_languages(paths, false)?;
        let key = all.keys().find(|k| k.eq_ignore_ascii_case(language)).cloned();
        match key.and_then(|key| all.remove(&key)) {
            Some(sentences) => Ok(sentences),
            None => {
                let shown = paths.first().map(|p| p.as_ref().display().to_string()).unwrap_or_default();
                let there: Vec<String> = all.into_keys().collect();
                Err(Problem::new(
                    &shown,
                    0,
                    0,
                    format!("no sentences of language {language:?} here, but of {there:?}"),
                )
                .instead("name one of those, or add the language")
                .into())
            }
        }
    }

    /// Reads files and folders of any number of languages: language → its sentences. `own` marks them as the
    /// household's, which win over a language's where both understand.
    pub fn load_languages<P: AsRef<Path>>(
        paths: &[P],
        own: bool,
    ) -> Result<BTreeMap<String, Sentences>, LoadError> {
        let (all, broken) = Sentences::load_readable(paths, own);
        broken.into_iter().next().map_or(Ok(all), Err)
    }

    /// As [`Sentences::load_languages`], of what can be read, with what is wrong with the rest.
    pub fn load_readable<P: AsRef<Path>>(
        paths: &[P],
        own: bool,
    ) -> (BTreeMap<String, Sentences>, Vec<LoadError>) {
        let mut files = Vec::new();
        let mut broken: Vec<LoadError> =
            paths.iter().filter_map(|path| find_files(path.as_ref(), 0, &mut files).err()).collect();
        let mut all: BTreeMap<String, Sentences> = BTreeMap::new();
        for path in files {
            let file = path.display().to_string();
            let tree = match read(&path, &file) {
                Ok(tree) => tree,
                Err(problem) => {
                    broken.push(problem.into());
                    continue;
                }
            };
            // Folders of tests and responses may lie next to sentences; a file without any is passed over.
            if tree.get("language").is_none() && tree.get("intents").is_none() {
                continue;
            }
            let language = language_of(&tree, &path);
            all.entry(language.clone())
                .or_insert_with(|| Sentences { language, ..Sentences::default() })
                .take(&file, &tree, own);
        }
        for sentences in all.values_mut() {
            sentences.order();
        }
        (all, broken)
    }

    /// The sentences of one YAML text, as if it were a file of that name. For packs that are part of the program.
    pub fn from_yaml(file: &str, text: &str) -> Result<Sentences, LoadError> {
        let tree = Tree::parse_yaml(file, text)?;
        let language = language_of(&tree, Path::new(file));
        let mut sentences = Sentences { language, ..Sentences::default() };
        sentences.take(file, &tree, false);
        sentences.order();
        Ok(sentences)
    }

    /// Puts `more` (of the same language) on top: its rules, lists and responses replace those of the same name,
    /// its sentences come after ours.
    pub fn merge(&mut self, more: Sentences) {
        for intent in more.intents {
            for block in intent.blocks {
                self.block(&intent.name, block);
            }
        }
        self.ignore_whitespace |= more.ignore_whitespace;
        self.lists.extend(more.lists);
        self.rules.extend(more.rules);
        self.skip_words.extend(more.skip_words);
        for (intent, responses) in more.responses {
            self.responses.entry(intent).or_default().extend(responses);
        }
        self.own_answers.extend(more.own_answers);
        self.errors.extend(more.errors);
        self.actions.extend(more.actions);
        self.problems.extend(more.problems);
    }

    /// Puts a pack on top whose rules and lists mean something only in its own sentences: they move into its blocks,
    /// so that packs need not know of each other's names.
    pub fn merge_pack(&mut self, mut pack: Sentences) {
        let (rules, lists) = (std::mem::take(&mut pack.rules), std::mem::take(&mut pack.lists));
        for block in pack.intents.iter_mut().flat_map(|i| &mut i.blocks) {
            for (name, rule) in &rules {
                block.rules.entry(name.clone()).or_insert_with(|| rule.clone());
            }
            for (name, list) in &lists {
                block.lists.entry(name.clone()).or_insert_with(|| list.clone());
            }
        }
        self.merge(pack);
        for (name, list) in lists {
            self.lists.entry(name).or_insert(list);
        }
    }

    /// A number that changes whenever a file below these paths does: its name, size or time. For noticing that the
    /// household changed its sentences.
    pub fn fingerprint<P: AsRef<Path>>(paths: &[P]) -> Result<u64, LoadError> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut files = Vec::new();
        for path in paths {
            find_files(path.as_ref(), 0, &mut files)?;
        }
        let mut hasher = DefaultHasher::new();
        for file in files {
            let about = fs::metadata(&file).ok();
            let time = about.as_ref().and_then(|a| a.modified().ok());
            (file, about.map(|a| a.len()), time).hash(&mut hasher);
        }
        Ok(hasher.finish())
    }

    /// As the files say it: `en`, `de`, `pt-BR`.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// What is wrong with single sentences, rules and lists; all else works.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The MQTT message that an intent of the household's own sends.
    pub fn action(&self, intent: &str) -> Option<&Action> {
        self.actions.get(intent)
    }

    /// All of them, by intent.
    pub fn actions(&self) -> impl Iterator<Item = (&str, &Action)> {
        self.actions.iter().map(|(intent, action)| (intent.as_str(), action))
    }

    /// Whether the household wrote down what is said to this intent.
    pub fn is_answered_by_own(&self, intent: &str) -> bool {
        self.own_answers.contains(intent)
    }

    /// The names of all intents, in the order of the files.
    pub fn intents(&self) -> impl Iterator<Item = &str> {
        self.intents.iter().map(|i| i.name.as_str())
    }

    /// The plain texts of a list: `conjunctions`, for one.
    pub(crate) fn plain_values(&self, list: &str) -> Vec<&str> {
        let values = match self.lists.get(list) {
            Some(List::Values(values)) => values.as_slice(),
            _ => &[],
        };
        values
            .iter()
            .filter_map(|v| match &v.says {
                Expression::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    fn block(&mut self, intent: &str, block: Block) {
        match self.intents.iter_mut().find(|i| i.name == intent) {
            Some(found) => found.blocks.push(block),
            None => self.intents.push(Intent { name: intent.to_owned(), blocks: vec![block] }),
        }
    }

    /// Within a block, sentences with wildcards are tried in the order of how much text they hold, most first.
    fn order(&mut self) {
        let lists = &self.lists;
        let is_wildcard = |name: &str| matches!(lists.get(name), Some(List::Wildcard));
        for block in self.intents.iter_mut().flat_map(|i| &mut i.blocks) {
            block.sentences.sort_by_cached_key(|s| {
                if template::names_list(&s.expression, &is_wildcard) {
                    std::cmp::Reverse(template::text_count(&s.expression))
                } else {
                    std::cmp::Reverse(0)
                }
            });
        }
    }

    fn take(&mut self, file: &str, tree: &Tree, own: bool) {
        let mut reader = Reader { file: Arc::from(file), problems: Vec::new() };
        if let Some(settings) = tree.get("settings") {
            self.ignore_whitespace |=
                settings.get("ignore_whitespace").and_then(Tree::as_bool).unwrap_or(false);
        }
        for (name, intent) in entries(tree, "intents") {
            let data = intent.get("data").unwrap_or(intent);
            if !matches!(data.node, Node::List(_)) {
                reader.complain(
                    data,
                    format!("the intent {name} has no list of sentences"),
                    "write: data: [{sentences: [\"turn on {name}\"]}]",
                );
            }
            for block in data.items() {
                let block = reader.block(block, own);
                self.block(&name, block);
            }
        }
        for (name, list) in entries(tree, "lists") {
            match (reader.list(&name, list), self.lists.get_mut(&*name)) {
                // A list may go on in another file.
                (Some(List::Values(more)), Some(List::Values(values))) => values.extend(more),
                (Some(list), _) => drop(self.lists.insert(name.into_owned(), list)),
                (None, _) => {}
            }
        }
        for (name, rule) in entries(tree, "expansion_rules") {
            if let Some(rule) = reader.rule(&name, rule) {
                self.rules.insert(name.into_owned(), rule);
            }
        }
        for word in tree.get("skip_words").map(Tree::items).unwrap_or_default() {
            self.skip_words.extend(word.text().map(|w| template::tidy(w.trim())).filter(|w| !w.is_empty()));
        }
        if let Some(responses) = tree.get("responses") {
            for (intent, keys) in entries(responses, "intents") {
                if own {
                    self.own_answers.insert(intent.clone().into_owned());
                }
                let known = self.responses.entry(intent.into_owned()).or_default();
                known.extend(
                    keys.entries().filter_map(|(k, v)| Some((k.into_owned(), v.text()?.into_owned()))),
                );
            }
            let errors = entries(responses, "errors");
            self.errors.extend(errors.filter_map(|(k, v)| Some((k.into_owned(), v.text()?.into_owned()))));
        }
        for (intent, action) in entries(tree, "actions") {
            if let Some(action) = reader.action(&intent, action) {
                self.actions.insert(intent.into_owned(), action);
            }
        }
        self.problems.extend(reader.problems);
    }
}
