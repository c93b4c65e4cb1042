//! What somebody wants to see of the history: read from a form, written into addresses (all but words) and into words.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sotto_house::{Area, Outcome, SatelliteId};
use sotto_journal::{Cursor, Filter, Whose};

use crate::language::Language;
use crate::visitor::Form;

/// What somebody wants to see, as the form says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    pub(super) period: Period,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
    pub(super) whose: Option<Whose>,
    pub(super) area: Option<Area>,
    pub(super) satellite: Option<SatelliteId>,
    pub(super) outcome: Option<Outcome>,
    pub words: Option<String>,
    pub(super) after: Option<Cursor>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Period {
    #[default]
    All,
    Ten,
    Hour,
    Today,
    Yesterday,
    Week,
    Month,
}

impl Period {
    pub(super) const ALL: [(Period, &'static str); 7] = [
        (Period::All, "all"),
        (Period::Ten, "ten"),
        (Period::Hour, "hour"),
        (Period::Today, "today"),
        (Period::Yesterday, "yesterday"),
        (Period::Week, "week"),
        (Period::Month, "month"),
    ];

    pub(super) fn name(self) -> &'static str {
        Period::ALL.iter().find(|(period, _)| *period == self).map_or("all", |(_, name)| name)
    }
}

pub const OUTCOMES: [(Outcome, &str, &str); 9] = [
    (Outcome::Done, "done", "good"),
    (Outcome::NotUnderstood, "not_understood", "warn"),
    (Outcome::FalseWake, "false_wake", ""),
    (Outcome::NothingSaid, "nothing_said", ""),
    (Outcome::AnsweredElsewhere, "answered_elsewhere", ""),
    (Outcome::Refused, "refused", "bad"),
    (Outcome::NotReached, "not_reached", "bad"),
    (Outcome::Interrupted, "interrupted", "warn"),
    (Outcome::NotHeard, "not_heard", "warn"),
];

/// The name of an outcome in the locale files, and its tone.
pub fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    OUTCOMES.iter().find(|(known, ..)| *known == outcome).map_or(("done", ""), |(_, name, tone)| (name, tone))
}

impl Wish {
    pub fn parse(form: &Form) -> Wish {
        let words: String = form.get("words").chars().filter(|c| !c.is_control()).take(200).collect();
        Wish {
            period: Period::ALL
                .iter()
                .find(|(_, name)| *name == form.get("period"))
                .map_or(Period::All, |(period, _)| *period),
            from: form.get("from").parse().ok(),
            to: form.get("to").parse().ok(),
            whose: match form.get("person") {
                "mine" => Some(Whose::Mine),
                "house" => Some(Whose::House),
                _ => None,
            },
            area: Area::new(form.get("area")).ok(),
            satellite: SatelliteId::new(form.get("satellite")).ok(),
            outcome: OUTCOMES.iter().find(|(_, name, _)| *name == form.get("outcome")).map(|(o, ..)| *o),
            words: Some(words.trim().to_owned()).filter(|words| !words.is_empty()),
            after: form.get("after").parse().ok(),
        }
    }

    /// The fields of the form that say this, without the place on the page.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        let mut add = |name, value: Option<String>| fields.extend(value.map(|value| (name, value)));
        add("period", Some(self.period.name().to_owned()).filter(|name| name != "all"));
        add("from", self.from.map(|day| day.to_string()));
        add("to", self.to.map(|day| day.to_string()));
        add("person", self.whose_name().map(str::to_owned));
        add("area", self.area.as_ref().map(|area| area.as_str().to_owned()));
        add("satellite", self.satellite.as_ref().map(|id| id.as_str().to_owned()));
        add("outcome", self.outcome.map(|it| outcome(it).0.to_owned()));
        add("words", self.words.clone());
        fields
    }

    pub(super) fn whose_name(&self) -> Option<&'static str> {
        match self.whose {
            Some(Whose::Mine) => Some("mine"),
            Some(Whose::House) => Some("house"),
            _ => None,
        }
    }

    /// Anything but the period.
    pub(super) fn is_filtered(&self) -> bool {
        *self != Wish { period: self.period, after: self.after, ..Wish::default() }
    }

    pub fn is_everything(&self) -> bool {
        self.fields().is_empty()
    }

    /// The address of this wish; words are never in it.
    pub(super) fn path(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields() {
            if name != "words" {
                query.append_pair(name, &value);
            }
        }
        if let Some(after) = self.after {
            query.append_pair("after", &after.to_string());
        }
        match query.finish() {
            query if query.is_empty() => "/history".to_owned(),
            query => format!("/history?{query}"),
        }
    }

    /// As the journal wants it. "Today" is the house's day.
    pub fn filter(&self, now: Timestamp, zone: &TimeZone) -> Filter {
        let today = now.to_zoned_datetime(zone.clone()).date();
        let start = |day: Date| zone.to_zoned_datetime(day.at(0, 0, 0, 0)).map(|day| day.timestamp()).ok();
        let days = |n: i64| today.checked_sub(jiff::Span::new().days(n)).ok();
        let ago = |minutes: i64| now.checked_sub(SignedDuration::from_mins(minutes)).ok();
        let (mut from, mut to) = match self.period {
            Period::All => (None, None),
            Period::Ten => (ago(10), None),
            Period::Hour => (ago(60), None),
            Period::Today => (start(today), None),
            Period::Yesterday => (days(1).and_then(start), start(today)),
            Period::Week => (days(today.weekday().to_monday_zero_offset().into()).and_then(start), None),
            Period::Month => (start(today.first_of_month()), None),
        };
        if let Some(day) = self.from {
            from = from.max(start(day));
        }
        if let Some(end) = self.to.and_then(|day| day.tomorrow().ok()).and_then(start) {
            to = Some(to.map_or(end, |to| to.min(end)));
        }
        Filter {
            whose: self.whose.unwrap_or(Whose::Both),
            from,
            to,
            area: self.area.clone(),
            satellite: self.satellite.clone(),
            outcome: self.outcome,
            words: self.words.clone(),
            ..Filter::default()
        }
    }

    /// In words: "this week, Kitchen, not understood". `None` for everything.
    pub fn describe(&self, lang: &Language) -> Option<String> {
        let mut parts = Vec::new();
        if self.period != Period::All {
            parts.push(lang.say(&format!("period.{}", self.period.name())).to_owned());
        }
        if let Some(from) = self.from {
            parts.push(lang.fill("history.from_day", &[("day", &lang.date(from))]));
        }
        if let Some(to) = self.to {
            parts.push(lang.fill("history.to_day", &[("day", &lang.date(to))]));
        }
        match self.whose {
            Some(Whose::Mine) => parts.push(lang.say("history.mine").to_owned()),
            Some(Whose::House) => parts.push(lang.say("history.of_house").to_owned()),
            _ => {}
        }
        parts.extend(self.area.as_ref().map(|area| area.as_str().to_owned()));
        parts.extend(self.satellite.as_ref().map(|id| id.as_str().to_owned()));
        parts.extend(self.outcome.map(|it| lang.say(&format!("outcome.{}", outcome(it).0)).to_owned()));
        parts.extend(self.words.as_ref().map(|words| format!("“{words}”")));
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(query: &str) -> Wish {
        Wish::parse(&Form::parse(query.as_bytes()))
    }

    #[test]
    fn a_wish_reads_back_and_never_puts_words_in_an_address() {
        let query =
            "period=week&person=mine&area=K%C3%BCche&satellite=kitchen-1&outcome=done&from=2026-11-01";
        assert_eq!(wish(wish(query).path().split_once('?').unwrap().1), wish(query));
        let searched = wish("words=where+is+the+cat&period=today");
        assert_eq!(searched.path(), "/history?period=today");
        assert!(searched.fields().contains(&("words", "where is the cat".to_owned())));
        for odd in ["period=never&outcome=x&area=&satellite=%00&from=2026-13-40&after=zz", "%%%", ""] {
            assert!(wish(odd).is_everything(), "{odd}");
        }
    }

    #[test]
    fn periods_are_the_houses_own_days() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // A Wednesday, 00:30 in Berlin, still Tuesday in UTC.
        let now: Timestamp = "2026-11-24T23:30:00Z".parse().unwrap();
        let check = |query: &str, from: Option<&str>, to: Option<&str>| {
            let filter = wish(query).filter(now, &zone);
            let parse = |text: &str| text.parse::<Timestamp>().unwrap();
            assert_eq!((filter.from, filter.to), (from.map(parse), to.map(parse)), "{query}");
        };
        check("", None, None);
        check("period=ten", Some("2026-11-24T23:20:00Z"), None);
        check("period=today", Some("2026-11-24T23:00:00Z"), None);
        check("period=yesterday", Some("2026-11-23T23:00:00Z"), Some("2026-11-24T23:00:00Z"));
        check("period=week", Some("2026-11-22T23:00:00Z"), None);
        check("period=month", Some("2026-10-31T23:00:00Z"), None);
        check("from=2026-11-02&to=2026-11-02", Some("2026-11-01T23:00:00Z"), Some("2026-11-02T23:00:00Z"));
        check("period=today&from=2026-11-02", Some("2026-11-24T23:00:00Z"), None);
    }

    #[test]
    fn every_outcome_has_a_word() {
        for it in Outcome::ALL {
            assert!(OUTCOMES.iter().any(|(known, ..)| *known == it), "{it:?}");
        }
    }
}
