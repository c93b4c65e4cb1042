//! A sentence template: its text → what it may say.
//!
//! `[optional]` · `(one|other)` · `(in;any;order)` · `{list}` and `{list:slot}` · `<rule>` · `\` before a character
//! takes it as it is. White space counts: `light[s]` is one word, `light [s]` two. Groups keep the quirks of Home
//! Assistant's own reader, on which 62 languages were tested: an alternative with nothing in it never matches
//! (write `[one]` for "one or nothing"), and every part of a permutation stands apart from its neighbours.

use unicode_normalization::UnicodeNormalization;

use crate::problem::Problem;

/// Deepest nesting of groups in one template. Languages out there need up to eight.
const DEPTH_LIMIT: usize = 40;
/// Longest template, in characters.
const LENGTH_LIMIT: usize = 20_000;
/// Most parts of one permutation: each part doubles the ways to go on.
const PERMUTATION_LIMIT: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Expression {
    /// Text with its white space, each run of it one blank.
    Text(String),
    Sequence(Vec<Expression>),
    Alternative(Vec<Expression>),
    Permutation(Vec<Expression>),
    List {
        list: String,
        slot: String,
        end_of_word: bool,
    },
    Rule(String),
}

/// Whether a text holds template syntax; names and list values without it are plain text.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains(['(', ')', '{', '}', '<', '>', '[', ']', '|'])
}

/// NFC, and every run of white space one blank.
pub(crate) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for c in text.nfc() {
        if c.is_whitespace() {
            if !blank {
                out.push(' ');
            }
            blank = true;
        } else {
            blank = false;
            out.push(c);
        }
    }
    out
}

/// Where a template stands, for what is said about it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub file: &'a str,
    pub line: u32,
    pub column: u32,
}

pub(crate) fn parse(text: &str, place: Place<'_>) -> Result<Expression, Problem> {
    let lead = text.chars().take_while(|c| c.is_whitespace()).count();
    let characters: Vec<char> = text.trim().chars().collect();
    let mut reader = Reader { characters, at: 0, place, lead };
    if reader.characters.len() > LENGTH_LIMIT {
        return Err(reader
            .problem(0, format!("the sentence is longer than {LENGTH_LIMIT} characters"))
            .instead("split it into several sentences"));
    }
    reader.group(None, 0)
}

struct Reader<'a> {
    characters: Vec<char>,
    at: usize,
    place: Place<'a>,
    lead: usize,
}

impl Reader<'_> {
    fn problem(&self, at: usize, what: impl Into<String>) -> Problem {
        let Place { file, line, column } = self.place;
        Problem::new(file, line, column + (self.lead + at) as u32, what)
    }

    /// Reads up to `close` (the end of the text where `None`) and takes it.
    fn group(&mut self, close: Option<char>, depth: usize) -> Result<Expression, Problem> {
        let start = self.at;
        if depth > DEPTH_LIMIT {
            return Err(self
                .problem(start, format!("brackets are nested more than {DEPTH_LIMIT} deep"))
                .instead("move parts of it into expansion_rules"));
        }
        let mut branches: Vec<Vec<Expression>> = vec![Vec::new()];
        let mut separator: Option<char> = None;
        loop {
            let Some(&c) = self.characters.get(self.at) else {
                if let Some(close) = close {
                    let open = if close == ')' { '(' } else { '[' };
                    return Err(self
                        .problem(start.saturating_sub(1), format!("this {open} has no {close}"))
                        .instead(format!(
                            "close it with {close}, or write \\{open} where you mean the character"
                        )));
                }
                break;
            };
            match c {
                _ if Some(c) == close => {
                    self.at += 1;
                    break;
                }
                '(' | '[' => {
                    self.at += 1;
                    let end = if c == '(' { ')' } else { ']' };
                    let inner = self.group(Some(end), depth + 1)?;
                    push(&mut branches, if c == '[' { optional(inner) } else { inner });
                }
                '{' => {
                    let name = self.name('}')?;
                    let end_of_word = self.characters.get(self.at).is_some_and(|c| c.is_whitespace());
                    let (list, slot) = name.split_once(':').unwrap_or((&name, &name));
                    let (list, slot) = (list.to_owned(), slot.to_owned());
                    push(&mut branches, Expression::List { list, slot, end_of_word });
                }
                '<' => {
                    let name = self.name('>')?;
                    push(&mut branches, Expression::Rule(name));
                }
                '|' | ';' => {
                    if separator.is_some_and(|s| s != c) {
                        return Err(self
                            .problem(self.at, "| and ; stand in the same group")
                            .instead("put brackets around one of them: ((a|b);c)"));
                    }
                    separator = Some(c);
                    branches.push(Vec::new());
                    self.at += 1;
                }
                ')' | ']' | '}' | '>' => {
                    return Err(self
                        .problem(self.at, format!("this {c} closes nothing"))
                        .instead(format!("take it away, or write \\{c} where you mean the character")));
                }
                _ => {
                    let text = self.word();
                    push(&mut branches, Expression::Text(tidy(&text)));
                }
            }
        }
        if separator == Some(';') && branches.len() > PERMUTATION_LIMIT {
            return Err(self
                .problem(start, format!("more than {PERMUTATION_LIMIT} parts in any order"))
                .instead("put some of them in a fixed order"));
        }
        Ok(match separator {
            None => Expression::Sequence(branches.pop().unwrap_or_default()),
            Some('|') => Expression::Alternative(branches.into_iter().map(Expression::Sequence).collect()),
            Some(_) => Expression::Permutation(branches.into_iter().map(spaced).collect()),
        })
    }

    /// One word with the white space before and after it, up to syntax or to the next word.
    fn word(&mut self) -> String {
        let mut text = String::new();
        let mut seen_letter = false;
        let mut seen_blank = false;
        while let Some(&c) = self.characters.get(self.at) {
            match c {
                '|' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' => break,
                '\\' => {
                    if seen_blank && seen_letter {
                        break;
                    }
                    seen_letter = true;
                    // A backslash at the very end stands for itself.
                    text.push(self.characters.get(self.at + 1).copied().unwrap_or('\\'));
                    self.at += 2;
                    continue;
                }
                c if c.is_whitespace() => seen_blank = seen_letter,
                _ if seen_blank && seen_letter => break,
                _ => seen_letter = true,
            }
            text.push(c);
            self.at += 1;
        }
        self.at = self.at.min(self.characters.len());
        text
    }

    /// What stands between `{` or `<` and its end, which nests as brackets do.
    fn name(&mut self, close: char) -> Result<String, Problem> {
        let start = self.at;
        let length = self.characters[start..].iter().position(|&c| c == close);
        let Some(length) = length else {
            let open = self.characters[start];
            return Err(self
                .problem(start, format!("this {open} has no {close}"))
                .instead(format!("close it with {close}")));
        };
        let name: String = self.characters[start + 1..start + length].iter().collect();
        self.at = start + length + 1;
        if name.is_empty() || name.contains(['(', ')', '[', ']', '{', '<', '|', ';']) {
            let what =
                if close == '}' { "a list's name, as in {area}" } else { "a rule's name, as in <name>" };
            return Err(self.problem(start, format!("{name:?} is no name")).instead(format!("write {what}")));
        }
        Ok(name)
    }
}

fn push(branches: &mut [Vec<Expression>], item: Expression) {
    if let Some(last) = branches.last_mut() {
        last.push(item);
    }
}

/// `[a|b]` is `(a|b|)` with a true nothing at the end.
fn optional(inner: Expression) -> Expression {
    let mut branches = match inner {
        Expression::Alternative(branches) => branches,
        other => vec![other],
    };
    branches.push(Expression::Text(String::new()));
    Expression::Alternative(branches)
}

fn spaced(part: Vec<Expression>) -> Expression {
    let blank = || Expression::Text(" ".to_owned());
    Expression::Sequence([vec![blank()], part, vec![blank()]].concat())
}

/// How many pieces of text stand in a template, rules not counted: the order in which Home Assistant tries
/// sentences with wildcards.
pub(crate) fn text_count(expression: &Expression) -> usize {
    match expression {
        Expression::Text(_) => 1,
        Expression::Sequence(items) | Expression::Alternative(items) | Expression::Permutation(items) => {
            items.iter().map(text_count).sum()
        }
        Expression::List { .. } | Expression::Rule(_) => 0,
    }
}

/// Whether a template itself (rules not followed) names one of these lists.
pub(crate) fn names_list(expression: &Expression, is_wanted: &impl Fn(&str) -> bool) -> bool {
    match expression {
        Expression::Text(_) | Expression::Rule(_) => false,
        Expression::List { list, .. } => is_wanted(list),
        Expression::Sequence(items) | Expression::Alternative(items) | Expression::Permutation(items) => {
            items.iter().any(|item| names_list(item, is_wanted))
        }
    }
}

/// Every text that a template without lists and rules stands for, or `None` where it has those or too many.
pub(crate) fn spellings(expression: &Expression, limit: usize) -> Option<Vec<String>> {
    let all = match expression {
        Expression::Text(text) => vec![text.clone()],
        Expression::Sequence(items) => {
            let mut all = vec![String::new()];
            for item in items {
                let ends = spellings(item, limit)?;
                if all.len() * ends.len() > limit {
                    return None;
                }
                all = all
                    .iter()
                    .flat_map(|start| ends.iter().map(move |end| format!("{start}{end}")))
                    .collect();
            }
            all
        }
        Expression::Alternative(items) => {
            let ways: Option<Vec<Vec<String>>> = items.iter().map(|item| spellings(item, limit)).collect();
            ways?.concat()
        }
        Expression::Permutation(items) if items.len() <= 4 => {
            let ways: Option<Vec<Vec<String>>> = items.iter().map(|item| spellings(item, limit)).collect();
            let mut all: Vec<(Vec<usize>, String)> = vec![(Vec::new(), String::new())];
            for _ in items {
                let mut longer = Vec::new();
                for (used, start) in &all {
                    for (i, ends) in ways.iter().flatten().enumerate().filter(|(i, _)| !used.contains(i)) {
                        longer.extend(
                            ends.iter()
                                .map(|end| ([used.as_slice(), &[i]].concat(), format!("{start}{end}"))),
                        );
                    }
                }
                if longer.len() > limit {
                    return None;
                }
                all = longer;
            }
            ways?;
            all.into_iter().map(|(_, text)| text).collect()
        }
        Expression::Permutation(_) | Expression::List { .. } | Expression::Rule(_) => return None,
    };
    (all.len() <= limit).then_some(all)
}
