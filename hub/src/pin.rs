//! The household's PIN, which opens doors to a voice that is not known: read once, compared, never shown.
//!
//! Deliberately absent: `Debug` or `Display` of one, and what may be done with it.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

/// Fewest digits: of four, one guess in two thousand tries is right, and five may be tried in five minutes.
const FEWEST: usize = 4;
const MOST: usize = 8;

/// Four to eight digits.
pub struct Pin(String);

impl Pin {
    /// From a file of one line; `None` where no file is named.
    pub fn read(file: &Path) -> anyhow::Result<Option<Pin>> {
        if file.as_os_str().is_empty() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}, which is pin_file in [voices]", file.display()))?;
        let pin = text.trim();
        if !(FEWEST..=MOST).contains(&pin.len()) || !pin.bytes().all(|byte| byte.is_ascii_digit()) {
            bail!("{} must hold {FEWEST} to {MOST} digits and nothing else", file.display());
        }
        Ok(Some(Pin(pin.to_owned())))
    }

    /// Whether this was spoken; takes as long whatever was.
    pub fn is(&self, spoken: &str) -> bool {
        let differs =
            self.0.bytes().zip(spoken.bytes().chain(std::iter::repeat(0))).fold(0, |d, (a, b)| d | (a ^ b));
        differs == 0 && self.0.len() == spoken.len()
    }
}

/// The digits of a spoken PIN, from its slots in their order of name: `d1`, `d2` …, each one digit or more.
pub fn spoken(slots: &Map<String, Value>) -> String {
    let mut digits: Vec<(&String, &Value)> = slots.iter().filter(|(name, _)| name.starts_with('d')).collect();
    digits.sort_by_key(|(name, _)| *name);
    digits
        .into_iter()
        .flat_map(|(_, value)| {
            match value {
                Value::String(text) => in_digits(text),
                value => value.to_string(),
            }
            .into_bytes()
        })
        .map(char::from)
        .collect()
}

/// What an engine wrote of a spoken PIN: digits as they are, digits' words as digits, anything else as what is wrong.
fn in_digits(text: &str) -> String {
    const WORDS: [[&str; 3]; 10] = [
        ["zero", "oh", "null"],
        ["one", "eins", "ein"],
        ["two", "zwei", "zwo"],
        ["three", "drei", ""],
        ["four", "vier", ""],
        ["five", "fünf", ""],
        ["six", "sechs", ""],
        ["seven", "sieben", ""],
        ["eight", "acht", ""],
        ["nine", "neun", ""],
    ];
    let text = text.to_lowercase();
    let words =
        text.split(|c: char| c.is_whitespace() || matches!(c, '-' | ',' | '.')).filter(|w| !w.is_empty());
    words
        .map(|word| match WORDS.iter().position(|names| names.contains(&word)) {
            Some(digit) => digit.to_string(),
            None if word.bytes().all(|byte| byte.is_ascii_digit()) => word.to_owned(),
            None => "?".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_whole_pin_is_the_pin() {
        let pin = Pin("1470".into());
        assert!(pin.is("1470"));
        for wrong in ["", "147", "14700", "1471", "2470", "147\u{0}"] {
            assert!(!pin.is(wrong), "{wrong:?}");
        }
        let slots = json!({"d2": "4", "d1": 1, "d4": "0", "d3": 7, "name": "x"});
        assert_eq!(spoken(slots.as_object().unwrap()), "1470");
    }

    #[test]
    fn a_pin_is_read_as_engines_write_it() {
        for (text, expect) in [
            ("1470", "1470"),
            ("1 4 7 0.", "1470"),
            ("1-4-7-0", "1470"),
            ("one four seven oh", "1470"),
            ("eins vier sieben null", "1470"),
            ("one potato 7", "1?7"),
            ("", ""),
        ] {
            assert_eq!(in_digits(text), expect, "{text}");
        }
    }

    #[test]
    fn a_pin_file_holds_digits() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pin");
        let check = |text: &str, fits: bool| {
            std::fs::write(&file, text).unwrap();
            assert_eq!(Pin::read(&file).is_ok(), fits, "{text:?}");
        };
        check("1470\n", true);
        check("12345678", true);
        check("147", false);
        check("123456789", false);
        check("14a0", false);
        assert!(Pin::read(Path::new("")).unwrap().is_none());
        assert!(Pin::read(&folder.path().join("none")).is_err());
    }
}
