//! The history: what was heard, newest first, by day; filtered, searched, and live.
//!
//! Words that are searched for travel in the body of a form, never in an address: addresses stay in a browser's
//! history, and what somebody said should not.

mod live;
mod wish;

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sotto_house::{Area, Outcome, PersonId, RecordingId};
use sotto_journal::{Entry, Owner, Progress, Purpose, ReadError};

pub use live::{changes, live};
pub use wish::{OUTCOMES, Wish, outcome};

use wish::Period;

use crate::answer::{go, page};
use crate::frame::Frame;
use crate::language::Language;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Form, Member};

/// Recordings on one page.
const PAGE: usize = 25;
/// What goes within this time says so in the list.
const SOON: SignedDuration = SignedDuration::from_hours(48);

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
        ReadError::Store(error) | ReadError::NotRecorded(error) => Trouble::store(lang, &error),
        ReadError::NotMember => Trouble::SignIn("/".into()),
        _ => Trouble::NotHere(lang),
    }
}

/// How many recordings are this person's own.
pub async fn count_own(member: &Member) -> Result<u64, Trouble> {
    let me = Owner::Person(member.session.id);
    let counts = member.shared.ask(|journal| journal.counts()).await?;
    let counts = counts.map_err(|error| Trouble::store(member.lang, &error))?;
    Ok(counts.into_iter().find(|(owner, _)| *owner == me).map_or(0, |(_, count)| count))
}

/// Whether a recording is there and opens to this person.
pub async fn still_mine(member: &Member, recording: RecordingId) -> Result<bool, Trouble> {
    let session = member.session.clone();
    let opens = member.shared.ask(move |journal| journal.opens(recording, &session.person)).await?;
    opens.map_err(|error| read_trouble(member.lang, error))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::http::{Request, header};
    use sotto_house::{Retention, UtteranceId};
    use sotto_journal::{Finished, Hardness, Heard, Journal, Options, Words};
    use tower::ServiceExt;

    use super::*;
    use crate::port::nobody::Nobody;
    use crate::{Pages, session};

    /// More words than are opened while somebody waits.
    const MANY: u64 = 1_100;

    /// While a first search's words are being opened, the page says how far that is, asks again by itself, and is a form
    /// to be sent again where there is no script; the words stay in its body. Then there is what was searched for.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_first_search_says_how_far_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };
        let journal = Journal::open(folder.path(), options, Timestamp::now()).unwrap();
        let ada = journal.add_member(
            "Ada",
            sotto_house::Role::Adult,
            true,
            "four quiet herons wait",
            Timestamp::now(),
        );
        let speaker = Some(ada.unwrap().0);
        for n in 0..MANY {
            let mut utterance = [0; 16];
            utterance[..8].copy_from_slice(&n.to_le_bytes());
            let recorder = journal.record(
                Heard {
                    utterance: UtteranceId::from_bytes(utterance),
                    satellite: sotto_house::SatelliteId::new("kitchen").unwrap(),
                    area: None,
                    at: Timestamp::now(),
                    pre_roll: Duration::ZERO,
                },
                Retention::UntilErased,
            );
            recorder.push(vec![1; 20]).unwrap();
            let transcript = if n == 7 { "where is the kettle" } else { "turn on the light" };
            let words = Words { transcript: Some(transcript.to_owned().into()), ..Words::default() };
            let outcome = Outcome::NotUnderstood;
            recorder.finish(Finished { speaker, outcome, words }, Timestamp::now()).unwrap();
        }
        let pages = Pages::new(Arc::new(journal.clone()), Arc::new(Nobody));
        let person = journal.sign_in("Ada", "four quiet herons wait", Timestamp::now()).unwrap();
        let (id, shared) = (person.id(), pages.0.clone());
        let cookie = shared.sessions.open(person, id, "a browser").unwrap();
        let session = shared.sessions.of(&cookie).unwrap();
        let (let_go, gate) = mpsc::channel::<()>();
        let (at_gate, arrived) = mpsc::channel();
        let opening = session.clone();
        let prepared = std::thread::spawn(move || {
            // Waits at each step until somebody lets it go; once the other end is gone, it runs through.
            let go_on = || {
                let _ = at_gate.send(());
                let _ = gate.recv();
                true
            };
            journal.prepare_search(&opening.person, Timestamp::now(), &go_on)
        });
        arrived.recv_timeout(Duration::from_secs(60)).expect("the words are being opened");
        let search = async || {
            let body = format!("csrf={}&words=kettle", session.csrf);
            let request = Request::post("/history")
                .header(header::COOKIE, format!("{}={cookie}", session::COOKIE))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            let answer = pages.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
            String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
        };
        let page = search().await;
        assert!(page.contains("<progress") && page.contains("max=\"1100\""), "{page}");
        assert!(page.contains("1,100") && page.contains("data-again"), "{page}");
        assert!(page.contains("name=\"words\" value=\"kettle\"") && !page.contains("?words"), "{page}");
        drop(let_go);
        prepared.join().unwrap().unwrap();
        let page = search().await;
        assert!(page.contains("where is the kettle") && !page.contains("<progress"), "{page}");
    }

    #[test]
    fn intents_are_readable() {
        for (intent, expect) in
            [("HassTurnOn", "Turn on"), ("orderCoffee", "order coffee"), ("a_b", "a b"), ("", "")]
        {
            assert_eq!(readable(intent), expect);
        }
    }
}
