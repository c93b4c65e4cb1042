//! What the pages say, in the reader's language.
//!
//! One TOML file a language in `locales/`, built in; adding one adds a language. `{name}` in a text is filled
//! in; a text with a number in it has the two forms `.one` and `.other` (CLDR's, for the languages here). A
//! test checks that every file has the same keys, that each key is used, and that each key used is there.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// English first: it is what is left when the browser asks for none that is here.
const FILES: [(&str, &str); 2] =
    [("en", include_str!("../locales/en.toml")), ("de", include_str!("../locales/de.toml"))];

/// One language, ready to speak.
pub struct Language {
    /// As in `<html lang>`.
    pub code: &'static str,
    texts: HashMap<String, String>,
    months: Vec<String>,
    weekdays: Vec<String>,
}

/// Every language that is built in.
pub fn all() -> &'static [Language] {
    static ALL: OnceLock<Vec<Language>> = OnceLock::new();
    ALL.get_or_init(|| FILES.iter().map(|(code, file)| Language::read(code, file)).collect())
}

/// The language of this code (`de`, `de-AT`), when it is here.
pub fn of(code: &str) -> Option<&'static Language> {
    let code = code.trim().split(['-', '_']).next().unwrap_or_default();
    all().iter().find(|words| words.code.eq_ignore_ascii_case(code))
}

/// The best language for an `Accept-Language` header (RFC 9110, section 12.5.4).
pub fn accepted(header: Option<&str>) -> &'static Language {
    let mut wishes: Vec<(f32, &'static Language)> = header
        .unwrap_or_default()
        .split(',')
        .take(20)
        .filter_map(|wish| {
            let (tag, weight) = wish.split_once(";q=").unwrap_or((wish, "1"));
            Some((weight.trim().parse::<f32>().ok().filter(|q| *q > 0.0)?, of(tag)?))
        })
        .collect();
    wishes.sort_by(|a, b| b.0.total_cmp(&a.0));
    wishes.first().map_or(&all()[0], |(_, words)| words)
}

impl Language {
    fn read(code: &'static str, file: &str) -> Language {
        let mut texts = HashMap::new();
        // The files are built in and a test reads each; a broken one would show keys, not stop the hub.
        if let Ok(table) = file.parse::<toml::Table>() {
            flatten("", &table, &mut texts);
        }
        let list = |key: &str| -> Vec<String> {
            texts.get(key).map(|names| names.split(' ').map(str::to_owned).collect()).unwrap_or_default()
        };
        Language { code, months: list("date.months"), weekdays: list("date.weekdays"), texts }
    }

    /// The text of a key; the key itself when there is none, so that a gap is seen and breaks nothing.
    pub fn say<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).map_or(key, String::as_str)
    }

    /// The same for a key that was put together; what there is no text for is empty.
    pub fn say_static(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    /// A text with `{name}`s filled in.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let text = self.say(key);
        let mut filled = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(values.iter().find(|(key, _)| *key == name).map_or(name, |(_, value)| value));
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// A text about `n` things, `{n}` filled in.
    pub fn count(&self, key: &str, n: u64) -> String {
        self.count_with(key, n, &[])
    }

    /// The same with more to fill in.
    pub fn count_with(&self, key: &str, n: u64, values: &[(&str, &str)]) -> String {
        let form = if n == 1 { "one" } else { "other" };
        let number = self.number(n);
        let mut all = vec![("n", number.as_str())];
        all.extend_from_slice(values);
        self.fill(&format!("{key}.{form}"), &all)
    }

    /// `12,345` or `12.345`.
    pub fn number(&self, n: u64) -> String {
        let digits = n.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push_str(self.say("number.thousands"));
            }
            text.push(digit);
        }
        text
    }

    /// One digit after the decimal mark.
    pub fn decimal(&self, n: f64) -> String {
        format!("{n:.1}").replace('.', self.say("number.decimal"))
    }

    /// `340 B`, `12.5 kB`, `3.1 MB`: powers of ten, as storage is sold.
    pub fn bytes(&self, n: u64) -> String {
        match n {
            0..1_000 => format!("{n} B"),
            1_000..1_000_000 => format!("{} kB", self.decimal(n as f64 / 1e3)),
            1_000_000..1_000_000_000 => format!("{} MB", self.decimal(n as f64 / 1e6)),
            _ => format!("{} GB", self.decimal(n as f64 / 1e9)),
        }
    }

    /// `Tuesday, 24 November 2026`; of the running and the last day just that.
    pub fn day(&self, day: Date, today: Date) -> String {
        if day == today {
            return self.say("date.today").to_owned();
        }
        if today.yesterday().is_ok_and(|yesterday| yesterday == day) {
            return self.say("date.yesterday").to_owned();
        }
        let weekday = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
        let weekday = self.weekdays.get(weekday).map_or("", String::as_str);
        self.fill("date.long", &[("weekday", weekday), ("date", &self.date(day))])
    }

    /// `24 November 2026` or `24. November 2026`.
    pub fn date(&self, day: Date) -> String {
        let month = usize::from(day.month().unsigned_abs()).wrapping_sub(1);
        let month = self.months.get(month).map_or("", String::as_str);
        let (year, number) = (day.year().to_string(), day.day().to_string());
        self.fill("date.medium", &[("day", &number), ("month", month), ("year", &year)])
    }

    /// `23:07`, in the time zone of the house.
    pub fn clock(&self, at: Timestamp, zone: &TimeZone) -> String {
        let local = at.to_zoned_datetime(zone.clone());
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// Day and time.
    pub fn moment(&self, at: Timestamp, zone: &TimeZone, today: Date) -> String {
        let day = self.day(at.to_zoned_datetime(zone.clone()).date(), today);
        self.fill("date.moment", &[("day", &day), ("clock", &self.clock(at, zone))])
    }
}

fn flatten(prefix: &str, table: &toml::Table, texts: &mut HashMap<String, String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::String(text) => drop(texts.insert(key, text.clone())),
            toml::Value::Table(table) => flatten(&key, table, texts),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn keys(words: &Language) -> BTreeSet<&str> {
        words.texts.keys().map(String::as_str).collect()
    }

    #[test]
    fn every_language_says_everything() {
        for (code, file) in FILES {
            file.parse::<toml::Table>().unwrap_or_else(|e| panic!("locales/{code}.toml: {e}"));
        }
        let english = &all()[0];
        for words in all() {
            let (here, there) = (keys(words), keys(english));
            let differ: Vec<_> = here.symmetric_difference(&there).collect();
            assert!(differ.is_empty(), "{} and en differ in {differ:?}", words.code);
            assert_eq!((words.months.len(), words.weekdays.len()), (12, 7), "{}", words.code);
            for (key, text) in &words.texts {
                let holes = |text: &str| -> BTreeSet<String> {
                    let after = text.split('{').skip(1);
                    after.map(|part| part.split('}').next().unwrap_or_default().to_owned()).collect()
                };
                assert_eq!(holes(text), holes(english.say(key)), "{}: {key}", words.code);
                assert!(
                    !text.trim().is_empty() || key.starts_with("number."),
                    "{}: {key} is empty",
                    words.code
                );
            }
        }
    }

    /// Reads this crate's templates and sources: what they say is there, and what is there is said somewhere.
    #[test]
    fn every_key_used_is_there_and_the_other_way_round() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = String::new();
        let mut folders = vec![root.join("src"), root.join("templates")];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("language.rs") {
                    sources.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let english = keys(&all()[0]);
        let mut missing = BTreeSet::new();
        for call in [".say(\"", ".fill(\"", ".count(\"", ".count_with(\""] {
            for part in sources.split(call).skip(1) {
                let key = part.split('"').next().unwrap_or_default();
                let counted = call.starts_with(".count");
                let there = if counted {
                    english.contains(format!("{key}.one").as_str())
                } else {
                    english.contains(key)
                };
                if !there && !key.contains('{') {
                    missing.insert(key.to_owned());
                }
            }
        }
        assert!(missing.is_empty(), "used but not in locales/en.toml: {missing:?}");
        let unused: Vec<_> = english
            .iter()
            .filter(|key| {
                let stem = key.trim_end_matches(".one").trim_end_matches(".other");
                let group = stem.split_once('.').map_or("", |(group, _)| group);
                // Keys such as `outcome.done` are made of a group and a name.
                !sources.contains(stem)
                    && !sources.contains(&format!("\"{group}.{{"))
                    && !["date", "number"].contains(&group)
            })
            .collect();
        assert!(unused.is_empty(), "in the locale files but said nowhere: {unused:?}");
    }

    #[test]
    fn the_browser_is_asked_for_its_language() {
        let check =
            |header: Option<&str>, expect: &str| assert_eq!(accepted(header).code, expect, "{header:?}");
        check(None, "en");
        check(Some("de-AT,de;q=0.9,en;q=0.8"), "de");
        check(Some("fr, en;q=0.2, de;q=0.5"), "de");
        check(Some("de;q=0, en"), "en");
        check(Some("*;;q=x,,"), "en");
    }

    #[test]
    fn numbers_and_days_are_written_as_people_write_them() {
        let (en, de) = (of("en").unwrap(), of("de").unwrap());
        assert_eq!((en.number(1_234_567), de.number(1_234_567)), ("1,234,567".into(), "1.234.567".into()));
        assert_eq!((en.number(999), de.bytes(12_340)), ("999".into(), "12,3 kB".into()));
        let today = jiff::civil::date(2026, 11, 24);
        assert_eq!(en.day(today, today), "Today");
        assert_eq!(de.day(jiff::civil::date(2026, 11, 23), today), "Gestern");
        assert_eq!(en.day(jiff::civil::date(2026, 11, 9), today), "Monday, 9 November 2026");
        assert_eq!(de.day(jiff::civil::date(2026, 11, 9), today), "Montag, 9. November 2026");
    }

    #[test]
    fn holes_are_filled_once_and_never_twice() {
        let words = Language {
            code: "xx",
            texts: [("k".to_owned(), "a {x} b {y} {".to_owned())].into(),
            months: Vec::new(),
            weekdays: Vec::new(),
        };
        assert_eq!(words.fill("k", &[("x", "{y}"), ("y", "2")]), "a {y} b 2 ");
    }
}
