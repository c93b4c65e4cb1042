//! Announcements: what is to be spoken where, and when it must be quiet. Pure.

use serde_json::Value;
use sotto_house::{Area, SatelliteId};

use super::known::fold;

/// Longest announcement, in characters; some minutes of speech.
const LONGEST: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    Everywhere,
    Area(Area),
    Satellite(SatelliteId),
}

/// Something to be spoken.
#[derive(Clone, PartialEq)]
pub struct Announcement {
    pub text: String,
    pub place: Where,
    /// A short sound before it.
    pub chime: bool,
    /// Per cent; `None` is the satellite's own.
    pub volume: Option<u8>,
    /// Spoken in quiet hours too.
    pub urgent: bool,
    /// Two-letter code; `None` is the house's.
    pub language: Option<String>,
}

impl std::fmt::Debug for Announcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Announcement({:?}, {} bytes)", self.place, self.text.len())
    }
}

impl Announcement {
    /// Plain text, or an object with `message` and perhaps `chime`, `volume`, `urgent`, `language` and `area`.
    pub fn read(payload: &[u8], place: Where) -> Option<Announcement> {
        let text = std::str::from_utf8(payload).ok()?.trim();
        let object = match text.starts_with('{') {
            true => serde_json::from_str::<Value>(text).ok()?,
            false => Value::Null,
        };
        let said = match object.is_object() {
            true => object.get("message").or_else(|| object.get("text"))?.as_str()?.trim(),
            false => text,
        };
        let speakable = said.chars().any(char::is_alphanumeric) && said.chars().count() <= LONGEST;
        let place = match object.get("area").and_then(Value::as_str) {
            Some(area) if place == Where::Everywhere => Where::Area(Area::new(&fold(area)).ok()?),
            _ => place,
        };
        let language = object.get("language").and_then(Value::as_str);
        let known = |code: &&str| {
            (2..=12).contains(&code.len()) && code.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let volume = object.get("volume").and_then(Value::as_f64).filter(|v| (0.0..=100.0).contains(v));
        speakable.then(|| Announcement {
            text: said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            place,
            chime: object.get("chime").and_then(Value::as_bool).unwrap_or(true),
            volume: volume.map(|v| v.round() as u8),
            urgent: object.get("urgent").and_then(Value::as_bool).unwrap_or(false),
            language: language.filter(known).map(str::to_owned),
        })
    }

    /// Whether it may be spoken at `minute` of the day.
    pub fn may_be_spoken(&self, quiet: Option<&QuietHours>, minute: u16) -> bool {
        self.urgent || !quiet.is_some_and(|quiet| quiet.covers(minute))
    }

    /// Whether it is meant for a satellite in `area`.
    pub fn reaches(&self, satellite: &SatelliteId, area: Option<&Area>) -> bool {
        match &self.place {
            Where::Everywhere => true,
            Where::Satellite(id) => id == satellite,
            Where::Area(named) => area.is_some_and(|area| fold(area.as_str()) == fold(named.as_str())),
        }
    }
}

/// From one minute of the day to another, midnight between them or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: u16,
    to: u16,
}

impl QuietHours {
    /// Reads `22:00-07:00`.
    pub fn parse(text: &str) -> Option<QuietHours> {
        let minute = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-')?;
        Some(QuietHours { from: minute(from)?, to: minute(to)? })
    }

    pub fn covers(&self, minute: u16) -> bool {
        match self.from <= self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_a_text_or_says_more() {
        let check = |payload: &str, expect: Option<(&str, bool, Option<u8>, bool)>| {
            let read = Announcement::read(payload.as_bytes(), Where::Everywhere);
            let got = read.as_ref().map(|a| (a.text.as_str(), a.chime, a.volume, a.urgent));
            assert_eq!(got, expect, "{payload}");
        };
        check("Dinner is ready", Some(("Dinner is ready", true, None, false)));
        check(
            r#"{"message": "Fire", "chime": false, "volume": 100, "urgent": true}"#,
            Some(("Fire", false, Some(100), true)),
        );
        check(r#"{"message": "x", "volume": 900}"#, Some(("x", true, None, false)));
        check(r#"{"volume": 9}"#, None);
        check("{nope", None);
        check("  ", None);
        check("...", None);
        check(&"a".repeat(1001), None);
        check("two\nlines", Some(("two lines", true, None, false)));
        assert_eq!(Announcement::read(&[0xff], Where::Everywhere), None);
    }

    #[test]
    fn it_is_heard_where_it_belongs() {
        let kitchen = SatelliteId::new("kitchen").unwrap();
        let area = Area::new("Living Room").unwrap();
        let read = |payload: &str| Announcement::read(payload.as_bytes(), Where::Everywhere).unwrap();
        assert!(read("x").reaches(&kitchen, None));
        let there = read(r#"{"message": "x", "area": "living_room"}"#);
        assert!(there.reaches(&kitchen, Some(&area)));
        assert!(!there.reaches(&kitchen, None));
    }

    #[test]
    fn quiet_hours_may_cross_midnight() {
        let check = |text: &str, minute: u16, expect: bool| {
            assert_eq!(QuietHours::parse(text).unwrap().covers(minute), expect, "{text} {minute}");
        };
        check("22:00-07:00", 23 * 60, true);
        check("22:00-07:00", 6 * 60 + 59, true);
        check("22:00-07:00", 7 * 60, false);
        check("13:00-15:30", 14 * 60, true);
        check("13:00-15:30", 22 * 60, false);
        check("08:00-08:00", 8 * 60, false);
        for wrong in ["", "22-7", "24:00-07:00", "22:60-07:00", "22:00"] {
            assert_eq!(QuietHours::parse(wrong), None, "{wrong}");
        }
        let urgent = Announcement::read(br#"{"message": "x", "urgent": true}"#, Where::Everywhere).unwrap();
        let quiet = QuietHours::parse("22:00-07:00");
        assert!(urgent.may_be_spoken(quiet.as_ref(), 0));
        assert!(!Announcement { urgent: false, ..urgent }.may_be_spoken(quiet.as_ref(), 0));
    }
}
