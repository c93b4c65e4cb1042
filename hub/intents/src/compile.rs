//! Sentences and names → the automaton: every distinct piece of a template becomes one node.

use std::collections::HashMap;

use crate::automaton::{Automaton, First, Fork, Id, Lexicon, Listed, Node, Position, bucket};
use crate::folding::{SkipWords, fold};
use crate::home::{Home, OWN_ROOM};
use crate::problem::Problem;
use crate::sentences::{Block, List, ListValue, Rule, Sentence, Sentences};
use crate::template::{Expression, tidy};
use crate::trie::Trie;
use crate::value::Value;

/// Deepest nesting of nodes, rules put in. Languages out there need 30.
const DEPTH_LIMIT: u32 = 300;
/// Most nodes that one sentence may stand for with all rules put in. Languages out there need 5,000.
const SIZE_LIMIT: u64 = 2_000_000;
/// List values with more spellings than this are matched as templates, not by their spellings.
const SPELLINGS_LIMIT: usize = 64;

impl Automaton {
    pub fn new(sentences: &Sentences, home: &Home) -> Automaton {
        let automaton = Automaton {
            nodes: Vec::new(),
            first: Vec::new(),
            lexicons: Vec::new(),
            values: Vec::new(),
            slots: Vec::new(),
            forks: vec![Fork::default()],
            positions: Vec::new(),
            skip: SkipWords::new(
                sentences.skip_words.iter().map(String::as_str),
                sentences.ignore_whitespace,
            ),
            ignore_whitespace: sentences.ignore_whitespace,
            problems: Vec::new(),
        };
        let home = home_lists(home, &sentences.plain_values(OWN_ROOM));
        let mut compiler = Compiler {
            automaton,
            sentences,
            home: &home,
            known: HashMap::new(),
            slots: HashMap::new(),
            rules: HashMap::new(),
            lists: HashMap::new(),
        };
        compiler.run();
        compiler.automaton
    }
}

/// `{area}`, `{floor}` and `{name}` of a house, with the ids of what they name. `own_room` is what speakers call theirs.
fn home_lists(home: &Home, own_room: &[&str]) -> HashMap<&'static str, Vec<(String, Listed)>> {
    let mut lists: HashMap<&str, Vec<(String, Listed)>> = HashMap::new();
    let mut put = |list, name: &str, aliases: &[String], id: &str, (context, area)| {
        let listed = Listed { out: Some(Value::from(name)), context, id: Some(id.to_owned()), area };
        let names = std::iter::once(name).chain(aliases.iter().map(String::as_str));
        lists.entry(list).or_default().extend(names.map(|n| (tidy(n.trim()), listed.clone())));
    };
    for floor in &home.floors {
        put("floor", &floor.name, &floor.aliases, &floor.id, (Vec::new(), None));
    }
    for area in &home.areas {
        put("area", &area.name, &area.aliases, &area.id, (Vec::new(), None));
    }
    if let ([name, ..], true) = (own_room, home.own_rooms) {
        let words: Vec<String> = own_room.iter().map(|words| (*words).to_owned()).collect();
        put("area", name, &words, OWN_ROOM, (Vec::new(), None));
    }
    for entity in &home.entities {
        let area = home.areas.iter().find(|a| entity.area.as_ref() == Some(&a.id)).map(|a| a.name.clone());
        put("name", &entity.name, &entity.aliases, &entity.id, (entity.context(), area));
    }
    for list in ["floor", "area", "name"] {
        lists.entry(list).or_default();
    }
    lists
}

struct Compiler<'a> {
    automaton: Automaton,
    sentences: &'a Sentences,
    home: &'a HashMap<&'static str, Vec<(String, Listed)>>,
    known: HashMap<Node, Id>,
    slots: HashMap<String, u32>,
    /// (rule, scope) → its node, or what is wrong with it; `None` while it is being compiled.
    rules: HashMap<(String, u32), Option<Result<Id, String>>>,
    lists: HashMap<(String, u32), Result<u32, String>>,
}

/// Where names are looked up: a block's own rules and lists first. Scope 0 has none.
#[derive(Clone, Copy)]
struct Scope<'a> {
    number: u32,
    block: Option<&'a Block>,
}

impl<'a> Compiler<'a> {
    fn run(&mut self) {
        let mut scopes = 0;
        for (i, intent) in self.sentences.intents.iter().enumerate() {
            for (b, block) in intent.blocks.iter().enumerate() {
                let own = !block.rules.is_empty() || !block.lists.is_empty();
                scopes += u32::from(own);
                let scope = if own {
                    Scope { number: scopes, block: Some(block) }
                } else {
                    Scope { number: 0, block: None }
                };
                for (s, sentence) in block.sentences.iter().enumerate() {
                    let position = Position { intent: i as u32, block: b as u32, sentence: s as u32 };
                    if let Err(what) = self.sentence(sentence, scope, position) {
                        let instead = "the sentence is left out until that is put right";
                        let problem = Problem::new(&sentence.file, sentence.line, sentence.column, what)
                            .instead(instead);
                        self.automaton.problems.push(problem);
                    }
                }
            }
        }
    }

    fn sentence(&mut self, sentence: &Sentence, scope: Scope<'a>, position: Position) -> Result<(), String> {
        let top = self.compile(&sentence.expression, scope)?;
        let First { depth, size, .. } = self.automaton.first[top as usize];
        if depth > DEPTH_LIMIT {
            return Err(format!(
                "with its rules put in, the sentence is nested more than {DEPTH_LIMIT} deep"
            ));
        }
        if size > SIZE_LIMIT {
            return Err(format!("with its rules put in, the sentence has more than {SIZE_LIMIT} parts"));
        }
        let path: Vec<Id> = match &self.automaton.nodes[top as usize] {
            Node::Sequence(items) => items.to_vec(),
            Node::Never => return Ok(()),
            _ => vec![top],
        };
        let number = self.automaton.positions.len() as u32;
        self.automaton.positions.push(position);
        let mut fork = 0;
        for node in path {
            let found = self.automaton.forks[fork]
                .branches
                .iter()
                .find(|(other, _)| *other == node)
                .map(|(_, next)| *next);
            fork = match found {
                Some(next) => next as usize,
                None => {
                    let next = self.automaton.forks.len();
                    self.automaton.forks.push(Fork::default());
                    self.automaton.forks[fork].branches.push((node, next as u32));
                    next
                }
            };
        }
        self.automaton.forks[fork].ends.push(number);
        Ok(())
    }

    fn compile(&mut self, expression: &Expression, scope: Scope<'a>) -> Result<Id, String> {
        match expression {
            Expression::Text(text) => Ok(self.text(text)),
            Expression::Sequence(items) => {
                let mut ids = Vec::with_capacity(items.len());
                for item in items {
                    let id = self.compile(item, scope)?;
                    match (&self.automaton.nodes[id as usize], item) {
                        // Brackets around a sequence in a sequence say nothing.
                        (Node::Sequence(inner), Expression::Sequence(_)) => ids.extend(inner.iter().copied()),
                        _ => ids.push(id),
                    }
                }
                Ok(self.sequence(ids))
            }
            Expression::Alternative(items) => {
                let ids: Result<Vec<Id>, String> =
                    items.iter().map(|item| self.compile(item, scope)).collect();
                Ok(self.alternative(ids?))
            }
            Expression::Permutation(items) => {
                let ids: Result<Vec<Id>, String> =
                    items.iter().map(|item| self.compile(item, scope)).collect();
                Ok(self.permutation(&ids?))
            }
            Expression::List { list, slot, end_of_word } => {
                let slot = self.slot(slot);
                let end_of_word = *end_of_word && !self.automaton.ignore_whitespace;
                let list = self.list(list, scope)?;
                Ok(self.node(Node::List { list, slot, end_of_word }))
            }
            Expression::Rule(name) => self.rule(name, scope),
        }
    }

    fn slot(&mut self, name: &str) -> u32 {
        let slots = &mut self.automaton.slots;
        *self.slots.entry(name.to_owned()).or_insert_with(|| {
            slots.push(name.to_owned());
            slots.len() as u32 - 1
        })
    }

    fn text(&mut self, text: &str) -> Id {
        let blanks = !self.automaton.ignore_whitespace;
        let core: Box<[char]> =
            text.trim().chars().filter(|c| blanks || !c.is_whitespace()).map(fold).collect();
        let (lead, trail) = (blanks && text.starts_with(' '), blanks && text.ends_with(' '));
        self.node(if core.is_empty() && !lead { Node::Empty } else { Node::Text { core, lead, trail } })
    }

    fn sequence(&mut self, items: Vec<Id>) -> Id {
        match items.as_slice() {
            [] => self.node(Node::Never),
            [one] => *one,
            _ => self.node(Node::Sequence(items.into())),
        }
    }

    fn alternative(&mut self, mut items: Vec<Id>) -> Id {
        let mut seen = std::collections::HashSet::new();
        items.retain(|id| self.automaton.nodes[*id as usize] != Node::Never && seen.insert(*id));
        match items.as_slice() {
            [] => self.node(Node::Never),
            [one] => *one,
            _ => self.node(Node::Alternative(items.into())),
        }
    }

    /// Each part first, then the others in any order; what is left over is shared between the ways to get there.
    fn permutation(&mut self, items: &[Id]) -> Id {
        if let [one] = items {
            return *one;
        }
        let ways = (0..items.len())
            .map(|first| {
                let rest: Vec<Id> =
                    items.iter().enumerate().filter(|(i, _)| *i != first).map(|(_, id)| *id).collect();
                let rest = self.permutation(&rest);
                self.sequence(vec![items[first], rest])
            })
            .collect();
        self.alternative(ways)
    }

    fn rule(&mut self, name: &str, scope: Scope<'a>) -> Result<Id, String> {
        let key = (name.to_owned(), scope.number);
        match self.rules.get(&key) {
            Some(Some(done)) => return done.clone(),
            Some(None) => return Err(format!("the rule <{name}> uses itself")),
            None => {}
        }
        let sentences = self.sentences;
        let local = scope.block.and_then(|b| b.rules.get(name));
        let Some(rule) = local.or_else(|| sentences.rules.get(name)) else {
            let names = sentences.rules.keys().chain(scope.block.iter().flat_map(|b| b.rules.keys()));
            return Err(format!("there is no rule <{name}>{}", did_you_mean(name, names, '<', '>')));
        };
        self.rules.insert(key.clone(), None);
        let done = if self.rules.values().filter(|r| r.is_none()).count() > 60 {
            Err("rules use each other more than 60 deep".to_owned())
        } else {
            let Rule { expression, file, line } = rule;
            self.compile(expression, scope)
                .map_err(|e| if e.contains(" (") { e } else { format!("{e} (in <{name}>, {file}:{line})") })
        };
        self.rules.insert(key, Some(done.clone()));
        done
    }

    fn list(&mut self, name: &str, scope: Scope<'a>) -> Result<u32, String> {
        let number = if scope.block.is_some_and(|b| b.lists.contains_key(name)) { scope.number } else { 0 };
        let key = (name.to_owned(), number);
        if let Some(done) = self.lists.get(&key) {
            return done.clone();
        }
        // A value that names its own list finds this here.
        self.lists.insert(key.clone(), Err(format!("the list {{{name}}} uses itself")));
        let sentences = self.sentences;
        let local = scope.block.and_then(|b| b.lists.get(name));
        let from_home = self.home.get(name);
        let lexicon = match (local, from_home, sentences.lists.get(name)) {
            // The house's own names come before what a file says of {name}, as in Home Assistant.
            (None, Some(values), _) => {
                let mut words = Trie::default();
                for (text, listed) in values {
                    words.insert(&self.unspaced(text), self.automaton.values.len() as u32);
                    self.automaton.values.push(listed.clone());
                }
                Ok(Lexicon::Values { words, templates: Vec::new() })
            }
            (Some(list), _, _) | (None, None, Some(list)) => self.lexicon(list, scope),
            (None, None, None) => {
                let names = sentences.lists.keys().map(String::as_str).chain(self.home.keys().copied());
                let names: Vec<String> = names.map(str::to_owned).collect();
                Err(format!("there is no list {{{name}}}{}", did_you_mean(name, names.iter(), '{', '}')))
            }
        };
        let done = lexicon.map(|lexicon| {
            self.automaton.lexicons.push(lexicon);
            self.automaton.lexicons.len() as u32 - 1
        });
        self.lists.insert(key, done.clone());
        done
    }

    /// A spelling as it is compared: without blanks in languages that are written without.
    fn unspaced(&self, text: &str) -> String {
        if self.automaton.ignore_whitespace { text.replace(' ', "") } else { text.to_owned() }
    }

    fn lexicon(&mut self, list: &'a List, scope: Scope<'a>) -> Result<Lexicon, String> {
        match list {
            List::Wildcard => Ok(Lexicon::Wildcard),
            List::Range(range) => {
                let mut words = Trie::default();
                let mut spoken = Vec::new();
                for (text, value) in range.spoken(&self.sentences.language) {
                    words.insert(&self.unspaced(&text), spoken.len() as u32);
                    spoken.push(value);
                }
                Ok(Lexicon::Range { range: range.clone(), words, spoken })
            }
            List::Values(values) => {
                let mut words = Trie::default();
                let mut templates = Vec::new();
                for ListValue { says, out, context } in values {
                    let value = self.automaton.values.len() as u32;
                    self.automaton.values.push(Listed {
                        out: out.clone(),
                        context: context.clone(),
                        id: None,
                        area: None,
                    });
                    match self.spellings(says, scope, 0) {
                        Some(spellings) => {
                            for text in spellings {
                                let text = if self.automaton.ignore_whitespace {
                                    text.replace(' ', "")
                                } else {
                                    tidy(&text)
                                };
                                words.insert(&text, value);
                            }
                        }
                        None => templates.push((self.compile(says, scope)?, value)),
                    }
                }
                Ok(Lexicon::Values { words, templates })
            }
        }
    }

    /// All spellings of a list value, where it has few and no lists in it.
    fn spellings(&self, expression: &Expression, scope: Scope<'a>, depth: u32) -> Option<Vec<String>> {
        let one = |item: &Expression| self.spellings(item, scope, depth + 1);
        let all = match expression {
            Expression::Text(text) => vec![text.clone()],
            Expression::Sequence(items) if !items.is_empty() => {
                let mut all = vec![String::new()];
                for item in items {
                    let ends = one(item)?;
                    if all.len() * ends.len() > SPELLINGS_LIMIT {
                        return None;
                    }
                    all = all
                        .iter()
                        .flat_map(|start| ends.iter().map(move |end| format!("{start}{end}")))
                        .collect();
                }
                all
            }
            Expression::Sequence(_) => Vec::new(),
            Expression::Alternative(items) => {
                let ways: Option<Vec<Vec<String>>> = items.iter().map(one).collect();
                ways?.concat()
            }
            Expression::Rule(name) if depth < 20 => {
                let local = scope.block.and_then(|b| b.rules.get(name));
                one(&local.or_else(|| self.sentences.rules.get(name))?.expression)?
            }
            Expression::Permutation(_) | Expression::List { .. } | Expression::Rule(_) => return None,
        };
        (all.len() <= SPELLINGS_LIMIT).then_some(all)
    }

    fn node(&mut self, node: Node) -> Id {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let first = self.first(&node);
        let id = self.automaton.nodes.len() as Id;
        self.automaton.nodes.push(node.clone());
        self.automaton.first.push(first);
        self.known.insert(node, id);
        id
    }

    fn first(&self, node: &Node) -> First {
        let of = |id: &Id| self.automaton.first[*id as usize];
        let leaf = |mask, nullable| First { mask, nullable, depth: 1, size: 1 };
        match node {
            Node::Never => leaf(0, false),
            Node::Empty => leaf(0, true),
            Node::Text { core, lead, .. } => match core.first() {
                None => leaf(bucket(' '), true),
                Some(c) => leaf(bucket(*c) | if *lead { bucket(' ') } else { 0 }, false),
            },
            Node::Sequence(items) => {
                let mut first = First { nullable: true, depth: 1, size: 1, mask: 0 };
                for item in items.iter().map(of) {
                    if first.nullable {
                        first.mask |= item.mask;
                        first.nullable = item.nullable;
                    }
                    first.depth = first.depth.max(item.depth + 1);
                    first.size = first.size.saturating_add(item.size);
                }
                first
            }
            Node::Alternative(items) => items.iter().map(of).fold(leaf(0, false), |a, b| First {
                mask: a.mask | b.mask,
                nullable: a.nullable || b.nullable,
                depth: a.depth.max(b.depth + 1),
                size: a.size.saturating_add(b.size),
            }),
            Node::List { list, .. } => match &self.automaton.lexicons[*list as usize] {
                Lexicon::Wildcard => leaf(u64::MAX, false),
                Lexicon::Range { words, .. } => {
                    let digits = ('0'..='9').chain(['-', ' ']).map(bucket).fold(0, |a, b| a | b);
                    leaf(digits | words.first(), false)
                }
                Lexicon::Values { words, templates } => {
                    let start = leaf(words.first() | bucket(' '), false);
                    templates.iter().map(|(id, _)| of(id)).fold(start, |a, b| First {
                        mask: a.mask | b.mask,
                        nullable: a.nullable || b.nullable,
                        depth: a.depth.max(b.depth + 1),
                        size: a.size.saturating_add(b.size),
                    })
                }
            },
        }
    }
}

/// `; did you mean <turn>?`, where something known is close.
fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n String>, open: char, close: char) -> String {
    let wanted: Vec<char> = name.chars().collect();
    let near = known
        .map(|other| (crate::distance::edits(&wanted, &other.chars().collect::<Vec<_>>()), other))
        .filter(|(edits, _)| *edits <= 1 + wanted.len() / 4)
        .min();
    near.map(|(_, other)| format!(", did you mean {open}{other}{close}?")).unwrap_or_default()
}
