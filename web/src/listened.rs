//! Who listened: the access log about one's own recordings (and the house's), and the receipts of erasures.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use sotto_house::PersonId;
use sotto_journal::{AccessRecord, Act, Actor, Journal, Owner, Purpose, StoreError};

use crate::answer::page;
use crate::frame::Frame;
use crate::language::Language;
use crate::trouble::Trouble;
use crate::visitor::{Form, Member};

/// Entries on one page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "listened.html")]
struct ListenedPage {
    frame: Frame,
    intact: bool,
    verdict: &'static str,
    days: Vec<Day>,
    older: Option<u64>,
    receipts: Vec<(u64, String)>,
}

struct Day {
    name: String,
    lines: Vec<Line>,
}

struct Line {
    text: String,
    why: String,
    clock: String,
    number: String,
}

/// The names of those who appear in the log, those who left included.
pub struct Names(HashMap<PersonId, String>);

impl Names {
    pub fn of(journal: &Journal, records: &[AccessRecord]) -> Result<Names, StoreError> {
        let mut names = HashMap::new();
        for record in records {
            if let Actor::Person(person) = record.actor
                && !names.contains_key(&person)
            {
                let name = journal.name_of(person)?;
                names.insert(person, name.unwrap_or_default());
            }
        }
        Ok(Names(names))
    }

    pub fn say(&self, lang: &Language, actor: Actor, me: PersonId) -> String {
        match actor {
            Actor::Hub => lang.say("listened.hub").to_owned(),
            Actor::Person(person) if person == me => lang.say("listened.you").to_owned(),
            Actor::Person(person) => match self.0.get(&person).map(String::as_str) {
                Some("") | None => lang.say("listened.somebody").to_owned(),
                Some(name) => name.to_owned(),
            },
        }
    }
}

/// One entry as a sentence: "Ben listened to 1 recording of the house".
pub fn sentence(lang: &Language, record: &AccessRecord, names: &Names, me: PersonId) -> String {
    let who = names.say(lang, record.actor, me);
    let mut what = lang.count("act.recordings", record.count);
    if record.subject == Owner::House {
        what = format!("{what} {}", lang.say("listened.about_house"));
    }
    lang.fill(&format!("act.{}", act(record.act)), &[("who", &who), ("what", &what)])
}

/// Who, and the names of what and why, for the API.
pub fn in_words(
    lang: &Language,
    record: &AccessRecord,
    names: &Names,
    me: PersonId,
) -> (String, &'static str, &'static str) {
    (names.say(lang, record.actor, me), act(record.act), why(record.why))
}

/// The access log about the person's own recordings and the house's, the newest first, from before `before`.
pub async fn records(
    member: &Member,
    before: Option<u64>,
    limit: usize,
) -> Result<(Vec<AccessRecord>, Names), Trouble> {
    let found = member.ask(move |journal, who| -> Result<_, StoreError> {
        let records = journal.access_records(who, before, limit)?;
        let names = Names::of(journal, &records)?;
        Ok((records, names))
    });
    found.await?.map_err(|error| Trouble::store(member.lang, &error))
}

pub async fn listened_page(member: Member) -> Result<Response, Trouble> {
    let lang = member.lang;
    let query = member.path.split_once('?').map_or("", |(_, query)| query);
    let before = Form::parse(query.as_bytes()).get("before").parse().ok();
    let (mut records, names) = records(&member, before, PAGE + 1).await?;
    let older = (records.len() > PAGE).then(|| {
        records.truncate(PAGE);
        records.last().map_or(0, |record| record.seq)
    });
    let receipts = crate::erase::receipts(&member).await?;
    let intact = member.shared.intact().await?;
    let today = member.today();
    let mut days: Vec<Day> = Vec::new();
    for record in &records {
        let name = lang.day(record.at.to_zoned_datetime(member.zone().clone()).date(), today);
        let line = Line {
            text: sentence(lang, record, &names, member.session.id),
            why: lang.say(&format!("why.{}", why(record.why))).to_owned(),
            clock: lang.clock(record.at, member.zone()),
            number: lang.fill("listened.number", &[("n", &lang.number(record.seq))]),
        };
        match days.last_mut() {
            Some(day) if day.name == name => day.lines.push(line),
            _ => days.push(Day { name, lines: vec![line] }),
        }
    }
    let receipts = receipts
        .iter()
        .take(PAGE)
        .map(|receipt| {
            let when = lang.moment(receipt.at, member.zone(), today);
            (receipt.erasure, lang.count_with("receipt.line", receipt.count, &[("when", &when)]))
        })
        .collect();
    Ok(page(&ListenedPage {
        frame: member.frame("listened.title"),
        intact,
        verdict: lang.say(if intact { "listened.intact" } else { "listened.broken" }),
        days,
        older,
        receipts,
    }))
}

fn act(act: Act) -> &'static str {
    match act {
        Act::Listened => "listened",
        Act::Read => "read",
        Act::Searched => "searched",
        Act::HeardLive => "heard_live",
        Act::Reviewed => "reviewed",
        Act::Exported => "exported",
        Act::Erased => "erased",
        Act::Claimed => "claimed",
        Act::Disputed => "disputed",
        Act::HandedOver => "handed_over",
        Act::Joined => "joined",
        Act::Left => "left",
        Act::Invited => "invited",
        Act::Admitted => "admitted",
        Act::PassphraseChanged => "passphrase_changed",
        Act::Recovered => "recovered",
        Act::SettingChanged => "setting_changed",
        Act::BackedUp => "backed_up",
        Act::Restored => "restored",
        Act::Corrected => "corrected",
        Act::VoiceLearned => "voice_learned",
        Act::VoiceForgotten => "voice_forgotten",
        Act::PasskeyAdded => "passkey_added",
        Act::PasskeyRemoved => "passkey_removed",
        _ => "other",
    }
}

fn why(why: Purpose) -> &'static str {
    match why {
        Purpose::Recall => "recall",
        Purpose::Belonging => "belonging",
        Purpose::Repair => "repair",
        Purpose::Transcribe => "transcribe",
        Purpose::Identify => "identify",
        Purpose::Review => "review",
        Purpose::Training => "training",
        Purpose::TakeAway => "take_away",
        Purpose::Retention => "retention",
        Purpose::Request => "request",
        Purpose::SpokenRequest => "spoken_request",
        Purpose::Upkeep => "upkeep",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_and_every_purpose_has_its_sentence() {
        for lang in crate::language::all() {
            for key in Act::ALL.map(|it| format!("act.{}", act(it))) {
                assert_ne!(lang.say(&key), key, "{}", lang.code);
            }
            for key in Purpose::ALL.map(|it| format!("why.{}", why(it))) {
                assert_ne!(lang.say(&key), key, "{}", lang.code);
            }
        }
    }
}
