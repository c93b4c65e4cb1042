//! What a person said → the characters that are compared.
//!
//! As Home Assistant folds text (hassil 3.0.1), so that its sentences match what they were tested on: punctuation
//! at the edges of words goes, skip words go, white space is one blank, Unicode is NFC, case does not count. On top
//! of that, curly apostrophes are straight ones.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::template::tidy;

/// Longest text that is looked at, in characters; longer ones are not understood. A minute of speech is 900.
pub const TEXT_LIMIT: usize = 1_000;

/// One character without its case, one to one.
///
/// The extra pairs are those that Python's case-insensitive matching treats as equal besides lower case.
pub(crate) fn fold(c: char) -> char {
    match c {
        'a'..='z' | ' ' | '0'..='9' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        'ı' | 'İ' => 'i',
        'ſ' => 's',
        'ς' => 'σ',
        'ϐ' => 'β',
        'ϑ' => 'θ',
        'ϕ' => 'φ',
        'ϖ' => 'π',
        'ϰ' => 'κ',
        'ϱ' => 'ρ',
        'ϵ' => 'ε',
        'µ' => 'μ',
        '’' | '‘' | 'ʼ' | '`' | '´' => '\'',
        _ if c.is_ascii() => c,
        _ => {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        }
    }
}

pub(crate) fn fold_text(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// A character of a word: a letter, a number or `_`. Marks are not, as in Python's `\w`, which decides where
/// Devanagari or Thai words begin for skip words and wildcards.
pub(crate) fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    use GeneralCategory::*;
    matches!(
        c.general_category(),
        UppercaseLetter
            | LowercaseLetter
            | TitlecaseLetter
            | ModifierLetter
            | OtherLetter
            | DecimalNumber
            | LetterNumber
            | OtherNumber
    )
}

pub(crate) fn is_punctuation(c: char) -> bool {
    matches!(
        c,
        '.' | '。' | ',' | '，' | '?' | '¿' | '？' | '؟' | '!' | '¡' | '！' | ';' | '；' | ':' | '：' | '’'
    )
}

/// Takes punctuation from the start and end of the text and of each word.
pub(crate) fn remove_punctuation(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let lead = chars.iter().take_while(|c| is_punctuation(**c)).count();
    chars.drain(..lead);
    if !is_initialism(&chars) {
        while chars.last().is_some_and(|c| is_punctuation(*c)) {
            chars.pop();
        }
    }
    chars = remove_runs(&chars, |before| !is_word(before), is_word);
    chars = remove_runs(&chars, is_word, |after| !is_word(after));
    chars = remove_runs(&chars, |before| !is_word(before), |after| !is_word(after));
    chars.into_iter().collect()
}

/// `A.C.`: its last dot is part of the word.
fn is_initialism(chars: &[char]) -> bool {
    chars.len() >= 4
        && chars.len().is_multiple_of(2)
        && chars.chunks(2).all(|pair| is_word(pair[0]) && pair[1] == '.')
}

/// Removes the longest runs of punctuation that stand after and before characters of these kinds; the edges of the
/// text are neither.
fn remove_runs(chars: &[char], before: impl Fn(char) -> bool, after: impl Fn(char) -> bool) -> Vec<char> {
    let mut out = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| is_punctuation(**c)).count();
        let preceded = at > 0 && before(chars[at - 1]);
        let taken = if preceded {
            (1..=run).rev().find(|n| chars.get(at + n).is_some_and(|c| after(*c)))
        } else {
            None
        };
        match taken {
            Some(n) => at += n,
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

/// Skip words of a language, folded, longest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkipWords {
    words: Vec<Vec<char>>,
    /// Anywhere, for languages without blanks.
    anywhere: bool,
}

impl SkipWords {
    pub fn new<'a>(words: impl Iterator<Item = &'a str>, anywhere: bool) -> Self {
        let mut words: Vec<Vec<char>> = words.map(|w| w.chars().map(fold).collect()).collect();
        words.sort_by_key(|w| std::cmp::Reverse(w.len()));
        words.dedup();
        SkipWords { words, anywhere }
    }

    fn remove(&self, text: &str) -> String {
        if self.words.is_empty() {
            return text.to_owned();
        }
        let chars: Vec<char> = std::iter::once(' ').chain(text.chars()).chain([' ']).collect();
        let folded: Vec<char> = chars.iter().map(|c| fold(*c)).collect();
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < chars.len() {
            let free = self.anywhere || (at > 0 && !is_word(folded[at - 1]));
            let found = if free { self.words.iter().find(|w| self.fits(w, &folded, at)) } else { None };
            match found {
                Some(word) => {
                    if !self.anywhere {
                        out.push(' ');
                    }
                    at += word.len();
                }
                None => {
                    out.push(chars[at]);
                    at += 1;
                }
            }
        }
        tidy(out.trim())
    }

    fn fits(&self, word: &[char], text: &[char], at: usize) -> bool {
        text[at..].starts_with(word)
            && (self.anywhere || text.get(at + word.len()).is_some_and(|c| !is_word(*c)))
    }
}

/// A text made ready for matching. All three have one character per position.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// As said, for slot values; ends in a blank where the language has blanks.
    pub original: Vec<char>,
    pub folded: Vec<char>,
    /// With blanks for `-` and `_`, where there are any.
    pub broken: Option<Vec<char>>,
}

impl Heard {
    /// `None` where the text is longer than [`TEXT_LIMIT`].
    pub fn new(text: &str, skip: &SkipWords, ignore_whitespace: bool) -> Option<Heard> {
        if text.chars().take(TEXT_LIMIT + 1).count() > TEXT_LIMIT {
            return None;
        }
        let text = skip.remove(tidy(&remove_punctuation(text)).trim());
        let mut original: Vec<char> =
            text.chars().filter(|c| !(ignore_whitespace && c.is_whitespace())).collect();
        if !ignore_whitespace {
            original.push(' ');
        }
        let folded: Vec<char> = original.iter().map(|c| fold(*c)).collect();
        let breaks = |c: char| matches!(c, '-' | '_');
        let broken = (!ignore_whitespace && folded.iter().any(|c| breaks(*c)))
            .then(|| folded.iter().map(|c| if breaks(*c) { ' ' } else { *c }).collect());
        Some(Heard { original, folded, broken })
    }

    pub fn spoken(&self, start: usize, end: usize) -> String {
        let text: String = self.original[start.min(end)..end.min(self.original.len())].iter().collect();
        text.trim().to_owned()
    }

    /// The words as compared.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let text: String = self.folded.iter().collect();
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
    }
}
