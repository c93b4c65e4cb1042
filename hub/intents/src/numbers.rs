//! Ranges of numbers, and numbers as each language says them.
//!
//! Number words come from Unicode's CLDR spell-out rules (`numbers/spellout.txt`), read by a small interpreter of
//! ICU's rule-based number format (UTS #35 part 3, and the ICU class RuleBasedNumberFormat). Each language says a
//! number in several ways (gender, case); all of them are understood. Languages without rules know digits only.

use std::collections::HashMap;

use crate::tree::Tree;

const RULES: &str = include_str!("../numbers/spellout.txt");
/// Most numbers of one range; more have no use in a voice command.
const RANGE_LIMIT: i64 = 100_000;
/// Most numbers of one range that are understood in words; above, digits only.
pub(crate) const WORDS_LIMIT: usize = 4_000;

/// A list that stands for numbers, as in `range: {from: 0, to: 100, step: 5, fractions: halves}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Range {
    pub from: i64,
    pub to: i64,
    pub step: i64,
    /// Parts of one that may follow each whole number: none, 2 (halves) or 10 (tenths).
    pub fractions: u32,
    pub multiplier: Option<f64>,
    pub digits: bool,
    pub words: bool,
    pub words_language: Option<String>,
}

impl Range {
    pub fn read(tree: &Tree) -> Result<Range, (String, &'static str)> {
        let whole = |key: &str| match tree.get(key) {
            None => Ok(None),
            Some(value) => match value.number().or_else(|| value.text()?.trim().parse().ok()) {
                Some(n) => Ok(Some(n.trunc() as i64)),
                None => Err((format!("{key} is not a number"), "write a whole number")),
            },
        };
        let flag = |key: &str| tree.get(key).and_then(Tree::as_bool).unwrap_or(true);
        let missing = |key: &str| (format!("the range has no {key}"), "write: range: {from: 0, to: 100}");
        let from = whole("from")?.ok_or_else(|| missing("from"))?;
        let to = whole("to")?.ok_or_else(|| missing("to"))?;
        let step = whole("step")?.unwrap_or(1);
        if from > to {
            return Err((format!("from ({from}) is greater than to ({to})"), "swap them"));
        }
        if step < 1 {
            return Err((format!("the step is {step}"), "write a step of 1 or more"));
        }
        if from.unsigned_abs().max(to.unsigned_abs()) > 1_000_000_000 || (to - from) / step > RANGE_LIMIT {
            return Err((
                format!("the range holds more than {RANGE_LIMIT} numbers"),
                "make it smaller, or its step greater",
            ));
        }
        let fractions = match tree.get("fractions").and_then(Tree::text).as_deref() {
            None => 0,
            Some("halves") => 2,
            Some("tenths") => 10,
            Some(_) => return Err(("fractions are of an unknown kind".to_owned(), "write halves or tenths")),
        };
        let (digits, words) = (flag("digits"), flag("words"));
        if !digits && !words {
            return Err(("neither digits nor words are allowed".to_owned(), "allow one of them"));
        }
        let multiplier = tree.get("multiplier").and_then(Tree::number);
        let words_language = tree.get("words_language").and_then(Tree::text).map(|l| l.into_owned());
        Ok(Range { from, to, step, fractions, multiplier, digits, words, words_language })
    }

    /// What the slot holds for a number of the range, or `None` for one outside it.
    pub fn value(&self, number: f64) -> Option<f64> {
        let whole = number.floor();
        let part = (number - whole) * f64::from(self.fractions.max(1));
        let whole = whole as i64;
        let inside = (self.from..=self.to).contains(&whole)
            && (whole - self.from) % self.step == 0
            && (part - part.round()).abs() < 1e-6;
        // A step of one without fractions means every whole number; 100.5 of "0 to 100 in halves" counts too.
        inside.then(|| number * self.multiplier.unwrap_or(1.0))
    }

    /// All numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        let parts = self.fractions.max(1);
        (self.from..=self.to)
            .step_by(self.step as usize)
            .flat_map(move |n| (0..parts).map(move |part| n as f64 + f64::from(part) / f64::from(parts)))
    }

    /// How the numbers are said: words → slot value. Empty for a language without rules.
    pub fn spoken(&self, language: &str) -> Vec<(String, f64)> {
        let language = self.words_language.as_deref().unwrap_or(language);
        let Some(speller) = Speller::new(language).filter(|_| self.words) else { return Vec::new() };
        let mut all = Vec::new();
        for number in self.numbers().take(WORDS_LIMIT) {
            let value = number * self.multiplier.unwrap_or(1.0);
            all.extend(speller.spell(number).into_iter().map(|words| (words, value)));
        }
        all
    }
}

/// Says numbers in one language.
pub(crate) struct Speller {
    rules: HashMap<&'static str, Vec<Rule>>,
    public: Vec<&'static str>,
    language: String,
}

/// From which number on a rule holds, and what it says.
struct Rule {
    base: Base,
    /// What quotient and remainder are taken by: the largest power of the radix not above the base.
    divisor: i64,
    parts: Vec<Part>,
}

#[derive(PartialEq)]
enum Base {
    Number(i64),
    Negative,
    Fraction,
}

enum Part {
    Text(String),
    /// `←rules←` or `→rules→` with what stands around it in its brackets.
    Piece {
        quotient: bool,
        optional: bool,
        before: String,
        after: String,
        rules: Option<String>,
    },
    /// `=rules=`: the same number by other rules.
    Same(String),
    /// `$(cardinal,one{…}other{…})$`: category → form.
    Plural(Vec<(String, String)>),
}

impl Speller {
    pub fn new(language: &str) -> Option<Speller> {
        let section = section(language)?;
        let mut speller =
            Speller { rules: HashMap::new(), public: Vec::new(), language: language.to_lowercase() };
        let mut name = "";
        for line in section.lines() {
            if let Some(set) = line.strip_prefix('%') {
                name = set.trim_start_matches('%').trim_end_matches(':');
                if !set.starts_with('%') {
                    speller.public.push(name);
                }
            } else if let Some((base, text)) = line.split_once(':')
                && let Some(rule) = Rule::parse(base, text.strip_prefix(' ').unwrap_or(text))
            {
                speller.rules.entry(name).or_default().push(rule);
            }
        }
        Some(speller)
    }

    /// Every way to say a number, each once.
    pub fn spell(&self, number: f64) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for set in &self.public {
            let mut text = String::new();
            if self.say(number, set, &mut text, 0).is_some() {
                // Soft hyphens only show where a word may be split.
                let text = text.replace('\u{ad}', "").trim().to_owned();
                let apart = text.replace(['-', '_'], " ");
                for text in [text, apart] {
                    if !text.is_empty() && !text.contains('#') && !all.contains(&text) {
                        all.push(text);
                    }
                }
            }
        }
        all
    }

    fn say(&self, number: f64, set: &str, out: &mut String, depth: usize) -> Option<()> {
        let rules = self.rules.get(set).filter(|_| depth < 20)?;
        let special = |base: &Base| rules.iter().find(|r| r.base == *base);
        let whole = number.abs().floor() as i64;
        let rule = if number < 0.0 {
            special(&Base::Negative)
        } else if number.fract() != 0.0 {
            special(&Base::Fraction)
        } else {
            rules.iter().rfind(|r| matches!(r.base, Base::Number(n) if n <= whole))
        };
        // A set that only points elsewhere has its special rules there too.
        let Some(rule) = rule else {
            let zero = rules.iter().find(|r| r.base == Base::Number(0))?;
            let [Part::Same(other)] = zero.parts.as_slice() else { return None };
            return self.say(number, other, out, depth + 1);
        };
        let digits: Vec<i64> = match rule.base {
            Base::Fraction => {
                let text = format!("{number:.3}");
                let part = text.split_once('.').map_or("", |(_, part)| part).trim_end_matches('0');
                part.bytes().map(|b| i64::from(b - b'0')).collect()
            }
            _ => Vec::new(),
        };
        let (quotient, remainder) = match rule.base {
            Base::Number(_) => (whole / rule.divisor, whole % rule.divisor),
            Base::Negative => (0, whole),
            Base::Fraction => (whole, 0),
        };
        for part in &rule.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Same(other) => self.say(number, other, out, depth + 1)?,
                Part::Plural(forms) => out.push_str(self.form(forms, quotient)),
                Part::Piece { quotient: is_quotient, optional, before, after, rules } => {
                    let n = if *is_quotient { quotient } else { remainder };
                    if n == 0 && digits.is_empty() && (*optional || rules.is_none()) {
                        continue;
                    }
                    let set = rules.as_deref().unwrap_or(set);
                    let all = if *is_quotient || digits.is_empty() { &[n][..] } else { &digits };
                    for n in all {
                        out.push_str(before);
                        self.say(*n as f64, set, out, depth + 1)?;
                        out.push_str(after);
                    }
                }
            }
        }
        Some(())
    }

    /// The plural form for `n`, by CLDR's plural rules for the Slavic languages that use it below a million.
    fn form<'f>(&self, forms: &'f [(String, String)], n: i64) -> &'f str {
        let (ones, tens) = (n % 10, n % 100);
        let few = (2..=4).contains(&ones) && !(12..=14).contains(&tens);
        let category = match self.language.as_str() {
            "cs" | "sk" => match n {
                1 => "one",
                2..=4 => "few",
                _ => "other",
            },
            "pl" if n == 1 => "one",
            "pl" if few => "few",
            "pl" => "many",
            _ if ones == 1 && tens != 11 => "one",
            _ if few => "few",
            "ru" | "uk" | "be" => "many",
            _ => "other",
        };
        let find = |wanted: &str| forms.iter().find(|(c, _)| c == wanted).map(|(_, form)| form.as_str());
        find(category).or_else(|| find("other")).unwrap_or("")
    }
}

impl Rule {
    fn parse(base: &str, text: &str) -> Option<Rule> {
        let (base, radix) = base.split_once('/').unwrap_or((base, "10"));
        let radix: i64 = radix.parse().ok().filter(|r| *r > 1)?;
        let base = match base {
            "-x" => Base::Negative,
            "x.x" | "x,x" => Base::Fraction,
            number => Base::Number(number.parse().ok()?),
        };
        let mut divisor = 1;
        if let Base::Number(n) = base {
            while divisor * radix <= n {
                divisor *= radix;
            }
        }
        Some(Rule { base, divisor, parts: parse_parts(text)? })
    }
}

fn parse_parts(text: &str) -> Option<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    let mut text = String::new();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\'' => {}
            '[' => {
                let (inside, after) = rest.split_once(']')?;
                rest = after;
                flush(&mut text, &mut parts);
                let (at, arrow) = inside.char_indices().find(|(_, c)| matches!(c, '→' | '←' | '>' | '<'))?;
                let mut end = &inside[at + arrow.len_utf8()..];
                let mut piece = piece(arrow, &mut end, true)?;
                if let Part::Piece { before, after, .. } = &mut piece {
                    *before = inside[..at].replace('\'', "");
                    *after = end.replace('\'', "");
                }
                parts.push(piece);
            }
            '→' | '←' | '>' | '<' => {
                let mut piece = piece(c, &mut rest, false)?;
                // White space before a remainder belongs to it: it parts the digits of a fraction.
                if let Part::Piece { quotient: false, before, .. } = &mut piece {
                    let kept = text.trim_end().len();
                    *before = text.split_off(kept);
                }
                flush(&mut text, &mut parts);
                parts.push(piece);
            }
            '=' => {
                let (name, after) = rest.split_once('=')?;
                rest = after;
                flush(&mut text, &mut parts);
                parts.push(Part::Same(name.trim_start_matches('%').to_owned()));
            }
            '$' => {
                let (inside, after) = rest.strip_prefix('(')?.split_once(")$")?;
                rest = after;
                flush(&mut text, &mut parts);
                let forms = inside.split_once(',')?.1.split_terminator('}').filter_map(|f| f.split_once('{'));
                parts.push(Part::Plural(forms.map(|(c, f)| (c.to_owned(), f.to_owned())).collect()));
            }
            c => text.push(c),
        }
    }
    flush(&mut text, &mut parts);
    Some(parts)
}

fn flush(text: &mut String, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text)));
    }
}

/// One substitution; `rest` begins behind its first arrow and is moved behind its last.
fn piece(arrow: char, rest: &mut &str, optional: bool) -> Option<Part> {
    let quotient = matches!(arrow, '←' | '<');
    let (name, after) = rest.split_once(arrow)?;
    let name = name.trim_start_matches('%');
    let rules = (!name.is_empty()).then(|| name.to_owned());
    // A third arrow asks for digits one by one, which fractions are anyway.
    *rest = after.strip_prefix(arrow).unwrap_or(after);
    Some(Part::Piece { quotient, optional, before: String::new(), after: String::new(), rules })
}

/// A language's part of the rules: exactly, by the names that CLDR and Home Assistant use differently, or without
/// its region.
fn section(language: &str) -> Option<&'static str> {
    let find = |name: &str| {
        RULES.split("\n@").skip(1).find_map(|part| {
            let (header, rules) = part.split_once('\n')?;
            header.eq_ignore_ascii_case(name).then_some(rules)
        })
    };
    let tidy = language.replace('-', "_");
    let base = tidy.split('_').next().unwrap_or_default().to_lowercase();
    let other = match tidy.to_lowercase().as_str() {
        "zh_hk" => "yue",
        "zh_tw" => "zh_Hant",
        "nb" | "nn" => "no",
        _ => base.as_str(),
    };
    find(&tidy).or_else(|| find(other))
}
