//! The history: what was heard, newest first, by day; filtered, searched, and live.
//!
//! Words that are searched for travel in the body of a form, never in an address: addresses stay in a browser's
//! history, and what somebody said should not.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sotto_house::{Area, Outcome, PersonId, RecordingId, SatelliteId};
use sotto_journal::{Cursor, Entry, Filter, Owner, Progress, Purpose, ReadError, StoreError, Whose};
use tokio::sync::broadcast::error::RecvError;

use crate::Shared;
use crate::answer::{go, page};
use crate::frame::Frame;
use crate::language::Language;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Form, Member};

/// Recordings on one page.
const PAGE: usize = 25;
/// What goes within this time says so in the list.
const SOON: SignedDuration = SignedDuration::from_hours(48);
/// Recordings whose ids are compared to see whether a page has changed.
const WATCHED: usize = PAGE;

#[derive(Template)]
#[template(path = "opening.html")]
struct OpeningPage {
    frame: Frame,
    line: String,
    done: u64,
    total: u64,
    hidden: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    total: Option<String>,
    chips: Vec<Chip>,
    filtered: bool,
    period: &'static str,
    words: String,
    from: String,
    to: String,
    picks: Vec<Pick>,
    /// Where the list is fetched anew from; empty when it is not live.
    live: String,
    days: Vec<Day>,
    older: Option<Vec<(&'static str, String)>>,
    erase_all: Option<String>,
    erase_hidden: Vec<(&'static str, String)>,
}

struct Chip {
    path: String,
    label: String,
    here: bool,
}

struct Pick {
    name: &'static str,
    label: String,
    options: Vec<(String, String, bool)>,
}

struct Day {
    name: String,
    rows: Vec<Row>,
}

/// One recording as a line of the list.
pub struct Row {
    pub id: String,
    pub machine_time: String,
    pub clock: String,
    pub heard: Option<String>,
    pub no_words: &'static str,
    pub did: Option<String>,
    pub outcome: &'static str,
    pub tone: &'static str,
    pub area: Option<String>,
    pub person: String,
    pub until: String,
    /// It goes within two days, so the list says when.
    pub soon: bool,
    pub play: String,
    pub pick: String,
}

/// What somebody wants to see, as the form says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    period: Period,
    from: Option<Date>,
    to: Option<Date>,
    whose: Option<Whose>,
    area: Option<Area>,
    satellite: Option<SatelliteId>,
    outcome: Option<Outcome>,
    pub words: Option<String>,
    after: Option<Cursor>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Period {
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
    const ALL: [(Period, &'static str); 7] = [
        (Period::All, "all"),
        (Period::Ten, "ten"),
        (Period::Hour, "hour"),
        (Period::Today, "today"),
        (Period::Yesterday, "yesterday"),
        (Period::Week, "week"),
        (Period::Month, "month"),
    ];

    fn name(self) -> &'static str {
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

    fn whose_name(&self) -> Option<&'static str> {
        match self.whose {
            Some(Whose::Mine) => Some("mine"),
            Some(Whose::House) => Some("house"),
            _ => None,
        }
    }

    /// Anything but the period.
    fn is_filtered(&self) -> bool {
        *self != Wish { period: self.period, after: self.after, ..Wish::default() }
    }

    pub fn is_everything(&self) -> bool {
        self.fields().is_empty()
    }

    /// The address of this wish; words are never in it.
    fn path(&self) -> String {
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

pub async fn history_page(member: Member) -> Result<Response, Trouble> {
    let query = member.path.split_once('?').map_or("", |(_, query)| query);
    let mut wish = Wish::parse(&Form::parse(query.as_bytes()));
    wish.words = None;
    show(member, wish).await
}

/// The filter's form: words stay here, everything else becomes an address that can be kept.
pub async fn filtered(deed: Deed) -> Result<Response, Trouble> {
    let wish = Wish::parse(&deed.form);
    match wish.words {
        None => Ok(go(&wish.path())),
        Some(_) => match deed.member.person().opening() {
            None => show(deed.member, wish).await,
            Some(opening) => Ok(still_opening(&deed.member, &wish, opening)),
        },
    }
}

/// After the first sign-in for long, what was said is opened for searching, which may take a minute. The page tells how
/// far that is, and asks again by itself where it can.
fn still_opening(member: &Member, wish: &Wish, opening: Progress) -> Response {
    let lang = member.lang;
    let (done, total) = (lang.number(opening.done), lang.number(opening.total));
    page(&OpeningPage {
        frame: member.frame("opening.title"),
        line: lang.fill("opening.line", &[("done", &done), ("total", &total)]),
        done: opening.done,
        total: opening.total.max(1),
        hidden: wish.fields(),
    })
}

async fn show(member: Member, wish: Wish) -> Result<Response, Trouble> {
    let lang = member.lang;
    let now = Timestamp::now();
    let filter = wish.filter(now, member.zone());
    let (session, after) = (member.session.clone(), wish.after);
    let found = member
        .shared
        .ask(move |journal| -> Result<_, ReadError> {
            let page = journal.history(&session.person, &filter, after, PAGE, Purpose::Recall, now)?;
            let names = journal.members()?.into_iter().map(|one| (one.id, one.name)).collect();
            Ok((page, names))
        })
        .await?;
    let (found, names) = found.map_err(|error| read_trouble(lang, error))?;
    let names: HashMap<PersonId, String> = names;
    let today = member.today();
    let whole = wish.after.is_none() && found.next.is_none();
    let count = found.entries.len() as u64;
    let mut days: Vec<Day> = Vec::new();
    for entry in &found.entries {
        let name = lang.day(entry.at.to_zoned_datetime(member.zone().clone()).date(), today);
        let row = row(&member, entry, &names, today);
        match days.last_mut() {
            Some(day) if day.name == name => day.rows.push(row),
            _ => days.push(Day { name, rows: vec![row] }),
        }
    }
    let chips = Period::ALL.map(|(period, name)| Chip {
        path: Wish { period, words: None, after: None, ..wish.clone() }.path(),
        label: lang.say(&format!("period.{name}")).to_owned(),
        here: period == wish.period,
    });
    let described = wish.describe(lang).unwrap_or_else(|| lang.say("erase.everything").to_owned());
    let erase_all = (count > 0).then(|| match whole {
        true => lang.count_with("erase.shown", count, &[("filter", &described)]),
        false => lang.fill("erase.shown_many", &[("filter", &described)]),
    });
    let older = found.next.map(|next| {
        let mut fields = wish.fields();
        fields.push(("after", next.to_string()));
        fields
    });
    let live = wish.words.is_none() && wish.after.is_none();
    Ok(page(&HistoryPage {
        frame: member.frame("history.title"),
        total: whole.then(|| lang.count("history.total", count)),
        chips: chips.into(),
        filtered: wish.is_filtered(),
        period: wish.period.name(),
        words: wish.words.clone().unwrap_or_default(),
        from: wish.from.map(|day| day.to_string()).unwrap_or_default(),
        to: wish.to.map(|day| day.to_string()).unwrap_or_default(),
        picks: picks(&member, &wish),
        live: if live { wish.path() } else { String::new() },
        days,
        older,
        erase_all,
        erase_hidden: wish.fields(),
    }))
}

fn picks(member: &Member, wish: &Wish) -> Vec<Pick> {
    let lang = member.lang;
    let satellites = member.shared.port.satellites();
    let mut areas: Vec<&Area> = satellites.iter().filter_map(|one| one.area.as_ref()).collect();
    areas.extend(&wish.area);
    areas.sort();
    areas.dedup();
    let mut ids: Vec<(&str, &str)> =
        satellites.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect();
    ids.extend(wish.satellite.as_ref().map(|id| (id.as_str(), id.as_str())));
    ids.sort();
    ids.dedup_by_key(|(id, _)| *id);
    let option = |value: &str, label: &str, here: bool| (value.to_owned(), label.to_owned(), here);
    let outcomes = OUTCOMES
        .iter()
        .map(|(it, name, _)| option(name, lang.say(&format!("outcome.{name}")), wish.outcome == Some(*it)));
    let pick = |name, key: &str, options| Pick { name, label: lang.say(key).to_owned(), options };
    let mut picks = vec![
        pick(
            "area",
            "history.area",
            areas.iter().map(|it| option(it.as_str(), it.as_str(), wish.area.as_ref() == Some(it))).collect(),
        ),
        pick(
            "satellite",
            "history.satellite",
            ids.iter()
                .map(|(id, name)| {
                    option(id, name, wish.satellite.as_ref().is_some_and(|it| it.as_str() == *id))
                })
                .collect(),
        ),
        pick("outcome", "history.outcome", outcomes.collect()),
    ];
    if member.person().opens_house() {
        let whose = wish.whose_name();
        let options = vec![
            option("mine", lang.say("history.mine"), whose == Some("mine")),
            option("house", lang.say("history.of_house"), whose == Some("house")),
        ];
        picks.insert(0, pick("person", "history.person", options));
    }
    picks
}

/// One recording as the list and its own page show it.
pub fn row(member: &Member, entry: &Entry, names: &HashMap<PersonId, String>, today: Date) -> Row {
    let lang = member.lang;
    let (name, tone) = outcome(entry.outcome);
    let transcript = entry.words.as_ref().and_then(|words| words.transcript.as_deref());
    let heard = transcript.filter(|heard| !heard.trim().is_empty()).cloned();
    let clock = lang.clock(entry.at, member.zone());
    let no_words = match (&entry.words, entry.outcome) {
        (_, Outcome::NothingSaid | Outcome::FalseWake | Outcome::NotHeard) => "history.no_words_none",
        (None, _) => "history.no_words_damaged",
        _ => "history.no_words",
    };
    let until = match entry.expires {
        None => lang.say("history.until_erased").to_owned(),
        Some(at) => {
            let day = at.to_zoned_datetime(member.zone().clone()).date();
            let day = if day == today { lang.clock(at, member.zone()) } else { lang.date(day) };
            lang.fill("history.until", &[("day", &day)])
        }
    };
    Row {
        id: entry.recording.to_string(),
        machine_time: entry.at.to_string(),
        pick: lang.fill("history.pick", &[("what", heard.as_deref().unwrap_or(&clock))]),
        play: match &heard {
            Some(heard) => lang.fill("play.listen", &[("words", heard)]),
            None => lang.fill("play.listen_plain", &[("clock", &clock)]),
        },
        clock,
        heard,
        no_words: lang.say(no_words),
        did: entry.words.as_ref().and_then(did),
        outcome: lang.say_static(&format!("outcome.{name}")),
        tone,
        area: entry.area.as_ref().map(|area| area.as_str().to_owned()),
        person: match entry.owner {
            Owner::House => lang.say("history.of_house").to_owned(),
            Owner::Person(id) if id == member.session.id => lang.say("history.me").to_owned(),
            Owner::Person(id) => names.get(&id).cloned().unwrap_or_default(),
        },
        until,
        soon: entry.expires.is_some_and(|at| at < Timestamp::now() + SOON),
    }
}

/// `Turn on: lamp, kitchen` from `HassTurnOn {name: lamp, area: kitchen}`; a value that says little alone keeps the
/// name of its slot: `Start timer: minutes 5`.
fn did(words: &sotto_journal::Words) -> Option<String> {
    const PLAIN: [&str; 3] = ["name", "area", "floor"];
    let intent = readable(words.intent.as_deref()?);
    let values: Vec<String> = words
        .slots
        .iter()
        .map(|(slot, value)| match PLAIN.contains(&slot.as_str()) {
            true => value.to_string(),
            false => format!("{} {}", slot.replace('_', " "), value.as_str()),
        })
        .collect();
    Some(if values.is_empty() { intent } else { format!("{intent}: {}", values.join(", ")) })
}

/// `HassLightSet` → `Light set`: Home Assistant's names for people.
pub fn readable(intent: &str) -> String {
    let mut text = String::new();
    for c in intent.strip_prefix("Hass").unwrap_or(intent).chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
            text.extend(c.to_lowercase());
        } else {
            text.push(if matches!(c, '_' | '-') { ' ' } else { c });
        }
    }
    text
}

pub fn read_trouble(lang: &'static Language, error: ReadError) -> Trouble {
    match error {
        ReadError::Store(error) | ReadError::NotRecorded(error) => Trouble::Broken(lang, error.to_string()),
        ReadError::NotMember => Trouble::SignIn("/".into()),
        _ => Trouble::NotHere(lang),
    }
}

/// How many recordings are this person's own.
pub async fn count_own(member: &Member) -> Result<u64, Trouble> {
    let me = Owner::Person(member.session.id);
    let counts = member.shared.ask(|journal| journal.counts()).await?;
    let counts = counts.map_err(|e: StoreError| Trouble::Broken(member.lang, e.to_string()))?;
    Ok(counts.into_iter().find(|(owner, _)| *owner == me).map_or(0, |(_, count)| count))
}

/// Whether a recording is there and opens to this person.
pub async fn still_mine(member: &Member, recording: RecordingId) -> Result<bool, Trouble> {
    let session = member.session.clone();
    let opens = member.shared.ask(move |journal| journal.opens(recording, &session.person)).await?;
    opens.map_err(|error| read_trouble(member.lang, error))
}

/// Tells a page that its list has changed, and nothing else: what is new comes as the page itself, through the same
/// door. Silent about what others have. Ends with the session.
pub async fn live(member: Member) -> Response {
    let changes = member.shared.journal.subscribe();
    let watch = Watch {
        shared: member.shared.clone(),
        person: member.session.id,
        handle: member.session.handle.clone(),
        changes,
        seen: None,
    };
    // The session itself is not held: a page left open must not keep a key open.
    drop(member);
    Sse::new(watch.events()).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))).into_response()
}

struct Watch {
    shared: Arc<Shared>,
    person: PersonId,
    handle: String,
    changes: tokio::sync::broadcast::Receiver<sotto_journal::Change>,
    seen: Option<Vec<RecordingId>>,
}

impl Watch {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold(self, |mut watch| async move {
            if watch.seen.is_none() {
                watch.seen = Some(watch.look().await?);
                return Some((Ok(Event::default().comment("listening")), watch));
            }
            loop {
                match watch.changes.recv().await {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
                let now = watch.look().await?;
                if watch.seen.as_ref() != Some(&now) {
                    watch.seen = Some(now);
                    return Some((Ok(Event::default().event("changed").data("look")), watch));
                }
            }
        })
    }

    /// The newest recordings of this person, while they are signed in.
    async fn look(&self) -> Option<Vec<RecordingId>> {
        let own = self.shared.sessions.own(self.person);
        let session = own.into_iter().find(|session| session.handle == self.handle)?;
        let found = self
            .shared
            .ask(move |journal| {
                let now = Timestamp::now();
                journal.newest(&session.person, &Filter::default(), WATCHED, Purpose::Recall, now)
            })
            .await
            .ok()?;
        found.ok()
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
    fn intents_are_readable() {
        for (intent, expect) in
            [("HassTurnOn", "Turn on"), ("orderCoffee", "order coffee"), ("a_b", "a b"), ("", "")]
        {
            assert_eq!(readable(intent), expect);
        }
    }

    #[test]
    fn every_outcome_has_a_word() {
        for it in Outcome::ALL {
            assert!(OUTCOMES.iter().any(|(known, ..)| *known == it), "{it:?}");
        }
    }
}
