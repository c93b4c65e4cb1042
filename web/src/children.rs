//! What a guardian sees of a child: that there are recordings, and a way to erase them. No words and no sound come here;
//! those open to the child alone.

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sotto_house::{PersonId, RecordingId};
use sotto_journal::{EraseError, Filter, Outline, Outlines, ReadError, Receipt, Ward, What};

use crate::answer::{go, page};
use crate::erase::AskPage;
use crate::frame::Frame;
use crate::history::outcome;
use crate::language::Language;
use crate::settings::refused;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Form, Member};

/// The newest of each child that are shown; older ones go by "everything".
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "children.html")]
struct ChildrenPage {
    frame: Frame,
    children: Vec<Child>,
}

struct Child {
    id: String,
    name: String,
    count: String,
    rows: Vec<Row>,
    erase_all: String,
}

struct Row {
    id: String,
    machine_time: String,
    when: String,
    about: String,
}

pub async fn children_page(member: Member) -> Result<Response, Trouble> {
    let lang = member.lang;
    let found = wards(&member).await?;
    let child = |(ward, seen): (Ward, Outlines)| Child {
        id: ward.child.to_string(),
        count: lang.count("children.count", ward.recordings),
        erase_all: lang.count_with("children.erase_all", ward.recordings, &[("name", &ward.name)]),
        name: ward.name,
        rows: seen.iter().map(|(id, outline)| row(&member, *id, outline)).collect(),
    };
    let children = found.into_iter().map(child).collect();
    Ok(page(&ChildrenPage { frame: member.frame("children.title"), children }))
}

/// The children whom this person looks after, each with its newest recordings; not found where there are none.
pub async fn wards(member: &Member) -> Result<Vec<(Ward, Outlines)>, Trouble> {
    let found = member.ask(|journal, who| -> Result<_, ReadError> {
        let look = |ward: Ward| -> Result<_, ReadError> {
            let (seen, _) = journal.ward_history(ward.child, who, &Filter::default(), None, SHOWN)?;
            Ok((ward, seen))
        };
        journal.wards(who)?.into_iter().map(look).collect::<Result<Vec<_>, _>>()
    });
    let found = found.await?.map_err(|error| crate::history::read_trouble(member.lang, error))?;
    if found.is_empty() { Err(Trouble::NotHere(member.lang)) } else { Ok(found) }
}

fn row(member: &Member, id: RecordingId, outline: &Outline) -> Row {
    let lang = member.lang;
    let mut about = vec![lang.say_static(&format!("outcome.{}", outcome(outline.outcome).0)).to_owned()];
    about.push(match &outline.area {
        Some(area) => area.as_str().to_owned(),
        None => outline.satellite.as_str().to_owned(),
    });
    about.push(format!("{} s", lang.decimal(outline.length.as_secs_f64())));
    Row {
        id: id.to_string(),
        machine_time: outline.at.to_string(),
        when: lang.moment(outline.at, member.zone(), member.today()),
        about: about.join(" · "),
    }
}

/// What a form chooses of one child.
struct Chosen {
    child: PersonId,
    what: What,
    /// A key of the locale files; ticked ones have none.
    period: Option<&'static str>,
}

impl Chosen {
    fn of(form: &Form, zone: &TimeZone, lang: &'static Language) -> Result<Chosen, Trouble> {
        let child = form.get("child").parse().map_err(|_| Trouble::NotHere(lang))?;
        let today = Timestamp::now().to_zoned_datetime(zone.clone()).date();
        let since = |days: i64| {
            let day = today.checked_sub(jiff::Span::new().days(days)).ok()?;
            zone.to_zoned_datetime(day.at(0, 0, 0, 0)).map(|day| day.timestamp()).ok()
        };
        let between = |from: Option<Timestamp>| What::Between {
            from: from.unwrap_or(Timestamp::MAX),
            to: Timestamp::MAX,
        };
        let (what, period) = match form.get("what") {
            "today" => (between(since(0)), Some("children.today")),
            "week" => (between(since(6)), Some("children.week")),
            "all" => (What::Everything, Some("children.everything")),
            _ => (What::These(form.all("id").filter_map(|id| id.parse().ok()).collect()), None),
        };
        Ok(Chosen { child, what, period })
    }

    /// How many there are of it.
    async fn count(&self, member: &Member) -> Result<u64, Trouble> {
        let from = match &self.what {
            What::These(ids) => return Ok(ids.len() as u64),
            What::Between { from, .. } => Some(*from),
            _ => None,
        };
        let (child, session) = (self.child, member.session.clone());
        let count = member.shared.ask(move |journal| -> Result<u64, ReadError> {
            let filter = Filter { from, ..Filter::default() };
            let (mut count, mut after) = (0, None);
            loop {
                let (seen, next) = journal.ward_history(child, &session.person, &filter, after, 500)?;
                count += seen.len() as u64;
                if next.is_none() {
                    return Ok(count);
                }
                after = next;
            }
        });
        count.await?.map_err(|error| crate::history::read_trouble(member.lang, error))
    }
}

pub async fn ask(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let lang = member.lang;
    let chosen = Chosen::of(&form, member.zone(), lang)?;
    let session = member.session.clone();
    let wards = member.shared.ask(move |journal| journal.wards(&session.person)).await?;
    let wards = wards.map_err(|error| refused(lang, &error))?;
    let Some(ward) = wards.into_iter().find(|ward| ward.child == chosen.child) else {
        return Err(Trouble::NotHere(lang));
    };
    let count = chosen.count(&member).await?;
    if count == 0 {
        return Err(Trouble::Refused(lang, lang.say("children.nothing").to_owned()));
    }
    let mut lines = vec![lang.fill("children.whose", &[("name", &ward.name)])];
    lines.extend(chosen.period.map(|key| lang.fill("erase.what", &[("filter", lang.say(key))])));
    lines.extend(["erase.gone", "children.told", "erase.undo"].map(|key| lang.say(key).to_owned()));
    Ok(page(&AskPage {
        frame: member.frame("erase.question"),
        title: lang.count("erase.title", count),
        lines,
        action: "/children/erase",
        hidden: form.0.iter().filter(|(name, _)| name != "csrf").cloned().collect(),
        button: lang.count("erase.picked", count),
        keep: lang.count("erase.keep", count),
        back: "/children",
    }))
}

pub async fn erase(deed: Deed) -> Result<Response, Trouble> {
    let receipt = erase_what(&deed.member, &deed.form).await?;
    Ok(go(&format!("/receipts/{}", receipt.erasure)))
}

/// Erases what the form chooses of one child.
pub async fn erase_what(member: &Member, form: &Form) -> Result<Receipt, Trouble> {
    let lang = member.lang;
    let Chosen { child, what, .. } = Chosen::of(form, member.zone(), lang)?;
    let erased =
        member.ask(move |journal, who| journal.erase_of_ward(child, &what, who, Timestamp::now())).await?;
    erased.map_err(|error| match error {
        EraseError::Store(error) => Trouble::store(lang, &error),
        _ => Trouble::NotHere(lang),
    })
}
