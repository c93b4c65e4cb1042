//! YAML and JSON as a tree that remembers where everything stood, so that every complaint has a line.
//!
//! Built from the parser's events rather than from a ready-made document: sentence files out there repeat keys
//! (the last one counts, as in Home Assistant's reader), and nesting and size need bounds of our own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::problem::Problem;
use crate::value::Value;

/// Deepest nesting of lists and maps. Sentence files need about eight.
const DEPTH_LIMIT: usize = 64;
/// Most nodes of one file, aliases counted each time they are used. The largest language has 30,000.
const NODE_LIMIT: usize = 500_000;
/// Largest file read, in bytes. The largest language is 0.4 MB in one file.
pub(crate) const FILE_LIMIT: u64 = 16 << 20;

/// One piece of a file: 1-based line and column, and what stands there.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub line: u32,
    pub column: u32,
    pub node: Node,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Scalar(Value),
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
}

impl Tree {
    pub fn parse_yaml(file: &str, text: &str) -> Result<Tree, Problem> {
        let mut builder = Builder { file, ..Builder::default() };
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|e| {
                Problem::new(file, e.marker().line() as u32, e.marker().col() as u32 + 1, e.info().to_owned())
                    .instead("check the indentation, colons and quotes there; it must be valid YAML")
            })?;
            builder.take(event, span)?;
        }
        Ok(builder.root.unwrap_or(Tree { line: 1, column: 1, node: Node::Map(Vec::new()) }))
    }

    /// JSON carries no positions through serde; the packaged languages are one line a file anyway.
    pub fn parse_json(file: &str, text: &str) -> Result<Tree, Problem> {
        serde_json::from_str(text).map_err(|e| {
            Problem::new(file, e.line() as u32, e.column() as u32, e.to_string())
                .instead("the file must be valid JSON; install the language again")
        })
    }

    pub fn get(&self, key: &str) -> Option<&Tree> {
        let Node::Map(items) = &self.node else { return None };
        items
            .iter()
            .rev()
            .find(|(k, _)| matches!(&k.node, Node::Scalar(Value::Text(t)) if t == key))
            .map(|(_, v)| v)
    }

    /// The entries of a map, keys as text; of anything else, none.
    pub fn entries(&self) -> impl Iterator<Item = (Cow<'_, str>, &Tree)> {
        let items: &[(Tree, Tree)] = match &self.node {
            Node::Map(items) => items,
            _ => &[],
        };
        items.iter().filter_map(|(k, v)| k.text().map(|k| (k, v)))
    }

    pub fn items(&self) -> &[Tree] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.node, Node::Scalar(Value::Null))
    }

    /// A scalar as text: `10` and `true` are what they look like.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match &self.node {
            Node::Scalar(Value::Text(text)) => Some(Cow::Borrowed(text)),
            Node::Scalar(Value::Null) | Node::List(_) | Node::Map(_) => None,
            Node::Scalar(value) => Some(Cow::Owned(value.to_string())),
        }
    }

    /// `true`, `yes` and `on` are true, as in YAML 1.1, which Home Assistant reads.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.node {
            Node::Scalar(Value::Bool(b)) => Some(*b),
            Node::Scalar(Value::Text(t)) => match t.to_ascii_lowercase().as_str() {
                "yes" | "on" => Some(true),
                "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match &self.node {
            Node::Scalar(value) => value.as_number(),
            _ => None,
        }
    }

    pub fn value(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => Value::List(items.iter().map(Tree::value).collect()),
            Node::Map(_) => Value::Map(self.entries().map(|(k, v)| (k.into_owned(), v.value())).collect()),
        }
    }

    pub fn problem(&self, file: &str, what: impl Into<String>) -> Problem {
        Problem::new(file, self.line, self.column, what.into())
    }
}

#[derive(Default)]
struct Builder<'a> {
    file: &'a str,
    root: Option<Tree>,
    /// Open lists and maps, outermost first, each with its anchor (0 for none) and a key that waits for a value.
    open: Vec<(Tree, usize, Option<Tree>)>,
    anchors: HashMap<usize, Tree>,
    nodes: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let (line, column) = (span.start.line() as u32, span.start.col() as u32 + 1);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // A quoted scalar's words begin after the quote.
                let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                // `!!int "5"` is a number, `!!str 5` is not.
                let is_text = match tag.as_ref().map(|tag| tag.suffix.as_str()) {
                    Some("int" | "float" | "bool" | "null") => false,
                    Some("str") => true,
                    _ => style != ScalarStyle::Plain,
                };
                let value = if is_text { Value::Text(text.into_owned()) } else { plain(&text) };
                self.put(Tree { line, column: column + u32::from(quoted), node: Node::Scalar(value) }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.enter(Tree { line, column, node: Node::List(Vec::new()) }, anchor)
            }
            Event::MappingStart(anchor, _) => {
                self.enter(Tree { line, column, node: Node::Map(Vec::new()) }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((tree, anchor, _)) => self.put(tree, anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some(tree) = self.anchors.get(&anchor) else {
                    let problem =
                        Problem::new(self.file, line, column, "this alias refers to nothing before it");
                    return Err(problem.instead("write the value itself"));
                };
                // Counted before it is copied.
                self.nodes += size(tree);
                let tree = (self.nodes <= NODE_LIMIT).then(|| tree.clone());
                let tree = tree.unwrap_or(Tree { line, column, node: Node::List(Vec::new()) });
                self.put(tree, 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn enter(&mut self, tree: Tree, anchor: usize) -> Result<(), Problem> {
        if self.open.len() >= DEPTH_LIMIT {
            return Err(tree
                .problem(self.file, format!("lists and maps are nested more than {DEPTH_LIMIT} deep"))
                .instead("write it flatter"));
        }
        self.open.push((tree, anchor, None));
        Ok(())
    }

    fn put(&mut self, tree: Tree, anchor: usize) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            return Err(tree
                .problem(self.file, format!("the file holds more than {NODE_LIMIT} values"))
                .instead("split it into several files, and do without aliases that repeat large parts"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, tree.clone());
        }
        match self.open.last_mut() {
            None => {
                // Only the first document of a file counts.
                self.root.get_or_insert(tree);
            }
            Some((Tree { node: Node::List(items), .. }, ..)) => items.push(tree),
            Some((Tree { node: Node::Map(items), .. }, _, key)) => match key.take() {
                None => *key = Some(tree),
                Some(key) => items.push((key, tree)),
            },
            Some(_) => {}
        }
        Ok(())
    }
}

fn size(tree: &Tree) -> usize {
    1 + match &tree.node {
        Node::Scalar(_) => 0,
        Node::List(items) => items.iter().map(size).sum(),
        Node::Map(items) => items.iter().map(|(k, v)| size(k) + size(v)).sum(),
    }
}

/// A scalar without quotes, by the core schema of YAML 1.2 (section 10.3), whole numbers in decimal only.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+'))
    {
        if let Ok(n) = text.parse::<i64>() {
            return Value::Int(n);
        }
        if let Ok(n) = text.parse::<f64>()
            && n.is_finite()
        {
            return Value::Float(n);
        }
    }
    Value::Text(text.to_owned())
}

/// Keeps the order of keys, which is the order in which intents are tried.
struct JsonVisitor;

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        let node = deserializer.deserialize_any(JsonVisitor)?;
        Ok(Tree { line: 1, column: 1, node })
    }
}

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, b: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(b)))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Int(n)))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::from_number(n as f64)))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Float(n)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::from(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Node::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_entry()? {
            all.push(item);
        }
        Ok(Node::Map(all))
    }
}
