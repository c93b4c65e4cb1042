//! One sentence file's tree → blocks, lists, rules and actions, with a [`Problem`] for each that is wrong.

use std::borrow::Cow;
use std::sync::Arc;

use crate::numbers::Range;
use crate::problem::Problem;
use crate::sentences::{Action, Block, List, ListValue, Requirement, Rule, Sentence};
use crate::template::{self, Expression, Place};
use crate::tree::{Node, Tree};
use crate::value::Value;

/// The entries of the map under a key; none where there is no such map.
pub(crate) fn entries<'t>(tree: &'t Tree, key: &str) -> impl Iterator<Item = (Cow<'t, str>, &'t Tree)> {
    tree.get(key).into_iter().flat_map(Tree::entries)
}

/// Reads one file.
pub(crate) struct Reader {
    pub file: Arc<str>,
    pub problems: Vec<Problem>,
}

impl Reader {
    pub fn complain(&mut self, at: &Tree, what: impl Into<String>, instead: &str) {
        self.problems.push(at.problem(&self.file, what).instead(instead));
    }

    fn template(&mut self, tree: &Tree, what: &str) -> Option<(Expression, String)> {
        let Some(text) = tree.text() else {
            self.complain(tree, format!("{what} is not a text"), "write it as text, in quotes");
            return None;
        };
        match template::parse(&text, Place { file: &self.file, line: tree.line, column: tree.column }) {
            Ok(expression) => Some((expression, text.into_owned())),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    pub fn block(&mut self, tree: &Tree, own: bool) -> Block {
        let mut block = Block { own, ..Block::default() };
        let sentences = tree.get("sentences");
        if !sentences.is_some_and(|s| matches!(s.node, Node::List(_))) {
            self.complain(tree, "this block has no sentences", "write: sentences: [\"turn on {name}\"]");
        }
        for sentence in sentences.map(Tree::items).unwrap_or_default() {
            if let Some((expression, text)) = self.template(sentence, "this sentence") {
                let (text, file) = (Arc::from(text), Arc::clone(&self.file));
                block.sentences.push(Sentence {
                    text,
                    file,
                    line: sentence.line,
                    column: sentence.column,
                    expression,
                });
            }
        }
        block.slots = entries(tree, "slots").map(|(k, v)| (k.into_owned(), v.value())).collect();
        for (key, wanted) in entries(tree, "requires_context") {
            let (value, slot) = match wanted.node {
                Node::Map(_) => {
                    let slot = wanted.get("slot").and_then(|s| match s.as_bool() {
                        Some(true) => Some(key.clone().into_owned()),
                        Some(false) => None,
                        None => s.text().map(|t| t.into_owned()),
                    });
                    (wanted.get("value").map_or(Value::Null, Tree::value), slot)
                }
                _ => (wanted.value(), None),
            };
            block.requires.push((key.into_owned(), Requirement { value, slot }));
        }
        for (key, unwanted) in entries(tree, "excludes_context") {
            let value = match unwanted.node {
                Node::Map(_) => unwanted.get("value").map_or(Value::Null, Tree::value),
                _ => unwanted.value(),
            };
            block.excludes.push((key.into_owned(), value));
        }
        for (name, rule) in entries(tree, "expansion_rules") {
            if let Some(rule) = self.rule(&name, rule) {
                block.rules.insert(name.into_owned(), rule);
            }
        }
        for (name, list) in entries(tree, "lists") {
            if let Some(list) = self.list(&name, list) {
                block.lists.insert(name.into_owned(), list);
            }
        }
        block.response = tree.get("response").and_then(Tree::text).map(|r| r.into_owned());
        block.keywords = tree.get("required_keywords").filter(|k| !k.is_null()).map(|keywords| {
            keywords
                .items()
                .iter()
                .filter_map(Tree::text)
                .map(|w| crate::folding::fold_text(&template::tidy(&w)))
                .collect()
        });
        block.metadata = entries(tree, "metadata").map(|(k, v)| (k.into_owned(), v.value())).collect();
        block
    }

    pub fn rule(&mut self, name: &str, tree: &Tree) -> Option<Rule> {
        let (expression, _) = self.template(tree, &format!("the rule <{name}>"))?;
        Some(Rule { expression, file: Arc::clone(&self.file), line: tree.line })
    }

    pub fn list(&mut self, name: &str, tree: &Tree) -> Option<List> {
        if let Some(values) = tree.get("values") {
            return Some(List::Values(
                values.items().iter().filter_map(|v| self.list_value(name, v)).collect(),
            ));
        }
        if let Some(range) = tree.get("range") {
            return match Range::read(range) {
                Ok(range) => Some(List::Range(range)),
                Err((what, instead)) => {
                    self.complain(range, format!("the list {{{name}}}: {what}"), instead);
                    None
                }
            };
        }
        if tree.get("wildcard").and_then(Tree::as_bool) == Some(true) {
            return Some(List::Wildcard);
        }
        self.complain(
            tree,
            format!("the list {{{name}}} has neither values nor a range, and is no wildcard"),
            "write: values: [\"one\", \"two\"], or range: {from: 0, to: 100}, or wildcard: true",
        );
        None
    }

    fn list_value(&mut self, name: &str, tree: &Tree) -> Option<ListValue> {
        let (says, out) = match &tree.node {
            Node::Map(_) => {
                let Some(says) = tree.get("in") else {
                    self.complain(
                        tree,
                        format!("a value of {{{name}}} has no \"in\""),
                        "write: {in: \"what is said\", out: \"what it means\"}",
                    );
                    return None;
                };
                (says, tree.get("out").filter(|o| !o.is_null()).map(Tree::value))
            }
            // A template stands for itself as it was spoken; plain text means what it says.
            _ => {
                (tree, tree.text().filter(|t| !template::is_template(t)).map(|t| Value::Text(t.into_owned())))
            }
        };
        let text = says.text();
        let expression = match text {
            Some(text) if !template::is_template(&text) => Expression::Text(template::tidy(&text)),
            _ => self.template(says, &format!("a value of {{{name}}}"))?.0,
        };
        let context = entries(tree, "context").map(|(k, v)| (k.into_owned(), v.value())).collect();
        Some(ListValue { says: expression, out, context })
    }

    pub fn action(&mut self, intent: &str, tree: &Tree) -> Option<Action> {
        let text = |key: &str| tree.get(key).and_then(Tree::text).map(|t| t.into_owned());
        let (Some(topic), payload) = (text("topic"), text("payload")) else {
            self.complain(
                tree,
                format!("the action of {intent} has no topic"),
                "write: {topic: \"house/bell\", payload: \"ring\"}",
            );
            return None;
        };
        if topic.contains(['#', '+', '\0']) {
            self.complain(
                tree,
                format!("the topic of {intent} holds # or +"),
                "name one topic to publish to",
            );
            return None;
        }
        let retain = tree.get("retain").and_then(Tree::as_bool).unwrap_or(false);
        Some(Action { topic, payload: payload.unwrap_or_default(), retain })
    }
}
