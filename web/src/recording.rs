//! One recording: what was heard, what was done and why, whose it is, and who listened.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use jiff::Timestamp;
use sotto_house::{PersonId, RecordingId};
use sotto_journal::{
    AccessRecord, Attribution, BelongError, Entry, Journal, Owner, Person, Purpose, ReadError,
};

use crate::answer::{go, page};
use crate::frame::Frame;
use crate::history::{self, Row, read_trouble, readable};
use crate::language::Language;
use crate::listened::{Names, sentence};
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};

/// Entries of the access log looked through for one recording.
const LOOKED_THROUGH: usize = 2_000;

#[derive(Template)]
#[template(path = "recording.html")]
struct RecordingPage {
    frame: Frame,
    when: String,
    row: Row,
    listen_note: &'static str,
    facts: Vec<(&'static str, String)>,
    stages: Vec<Stage>,
    whose: String,
    belongings: Vec<(&'static str, &'static str)>,
    others: Vec<(String, String)>,
    listened: Vec<String>,
}

struct Stage {
    name: String,
    /// In hundredths of the whole.
    from: String,
    width: String,
    took: String,
}

pub async fn recording_page(member: Member, Path(id): Path<String>) -> Result<Response, Trouble> {
    let lang = member.lang;
    let Ok(id) = id.parse::<RecordingId>() else { return Err(Trouble::NotHere(lang)) };
    let session = member.session.clone();
    let found = member
        .shared
        .ask(move |journal| -> Result<_, ReadError> {
            let Some(entry) = journal.entry(id, &session.person, Purpose::Recall, Timestamp::now())? else {
                return Ok(None);
            };
            let mut records = journal.access_records(&session.person, None, LOOKED_THROUGH)?;
            records.retain(|record| record.recordings.contains(&id));
            let names = Names::of(journal, &records)?;
            Ok(Some((entry, records, names, journal.members()?)))
        })
        .await?;
    let Some((entry, records, names, members)) = found.map_err(|error| read_trouble(lang, error))? else {
        return Err(Trouble::NotHere(lang));
    };
    let today = member.today();
    let everybody: HashMap<PersonId, String> = members.iter().map(|one| (one.id, one.name.clone())).collect();
    let row = history::row(&member, &entry, &everybody, today);
    let mine = entry.owner == Owner::Person(member.session.id);
    let listened = who_listened(&member, &records, &names);
    let others = members.iter().filter(|one| one.id != member.session.id);
    Ok(page(&RecordingPage {
        frame: member.frame("recording.title"),
        when: lang.moment(entry.at, member.zone(), today),
        listen_note: lang.say(if mine { "play.note_own" } else { "play.note_house" }),
        facts: facts(&member, &entry),
        stages: stages(lang, &entry),
        whose: whose(lang, &entry, mine),
        belongings: if mine {
            let learn = member.shared.port.tells_voices().then(|| ("learn", lang.say("voice.from_this")));
            [("dispute", lang.say("recording.dispute"))].into_iter().chain(learn).collect()
        } else {
            vec![("claim", lang.say("recording.claim"))]
        },
        others: others.map(|one| (one.id.to_string(), one.name.clone())).collect(),
        listened,
        row,
    }))
}

fn whose(lang: &Language, entry: &Entry, mine: bool) -> String {
    let whose = lang.say(if mine { "recording.whose_mine" } else { "recording.whose_house" });
    let why = match entry.attributed {
        Attribution::Unknown => return whose.to_owned(),
        Attribution::Voice => "recording.by_voice",
        Attribution::Satellite => "recording.by_satellite",
        Attribution::Claimed => "recording.by_claim",
        Attribution::HandedOver => "recording.by_hand_over",
        Attribution::Disputed => "recording.by_dispute",
    };
    format!("{whose} {}", lang.say(why))
}

/// "This was me."
pub async fn claim(Path(id): Path<String>, deed: Deed) -> Result<Response, Trouble> {
    change_hands(deed, &id, |journal, id, who, now| journal.claim(id, who, now)).await
}

/// "This was not me."
pub async fn dispute(Path(id): Path<String>, deed: Deed) -> Result<Response, Trouble> {
    change_hands(deed, &id, |journal, id, who, now| journal.dispute(id, who, now)).await
}

/// "This was her."
pub async fn hand_over(Path(id): Path<String>, deed: Deed) -> Result<Response, Trouble> {
    let Ok(to) = deed.form.get("to").parse::<PersonId>() else {
        return Err(Trouble::NotHere(deed.member.lang));
    };
    change_hands(deed, &id, move |journal, id, who, now| journal.hand_over(id, who, to, now)).await
}

/// Changes whose a recording is, and shows it again if it is still one's own to see.
async fn change_hands<F>(deed: Deed, id: &str, change: F) -> Result<Response, Trouble>
where
    F: FnOnce(&Journal, RecordingId, &Person, Timestamp) -> Result<(), BelongError> + Send + 'static,
{
    let id = hand(&deed.member, id, change).await?;
    match history::still_mine(&deed.member, id).await? {
        true => Ok(go(&format!("/recordings/{id}"))),
        false => Ok(go("/history")),
    }
}

/// Changes whose the recording with that id is.
pub async fn hand<F>(member: &Member, id: &str, change: F) -> Result<RecordingId, Trouble>
where
    F: FnOnce(&Journal, RecordingId, &Person, Timestamp) -> Result<(), BelongError> + Send + 'static,
{
    let lang = member.lang;
    let Ok(id) = id.parse::<RecordingId>() else { return Err(Trouble::NotHere(lang)) };
    match member.ask(move |journal, who| change(journal, id, who, Timestamp::now())).await? {
        Ok(()) => Ok(id),
        Err(BelongError::NotTaken) => Err(Trouble::Refused(lang, lang.say("recording.not_taken").to_owned())),
        Err(BelongError::NotClaimed) => {
            Err(Trouble::Refused(lang, lang.say("recording.not_claimed").to_owned()))
        }
        Err(BelongError::Store(error)) => Err(Trouble::store(lang, &error)),
        Err(_) => Err(Trouble::NotHere(lang)),
    }
}

/// Who did what with this recording: one line for each person and deed, the latest first.
fn who_listened(member: &Member, records: &[AccessRecord], names: &Names) -> Vec<String> {
    let lang = member.lang;
    let mut lines: Vec<(&AccessRecord, u64)> = Vec::new();
    for record in records {
        match lines.iter_mut().find(|(seen, _)| (seen.actor, seen.act) == (record.actor, record.act)) {
            Some((_, times)) => *times += 1,
            None => lines.push((record, 1)),
        }
    }
    let line = |(record, times): (&AccessRecord, u64)| {
        let one = AccessRecord { count: 1, ..record.clone() };
        let when = lang.moment(record.at, member.zone(), member.today());
        let what = sentence(lang, &one, names, member.session.id);
        lang.count_with("recording.access", times, &[("what", &what), ("when", &when)])
    };
    lines.into_iter().map(line).collect()
}

fn facts(member: &Member, entry: &Entry) -> Vec<(&'static str, String)> {
    let lang = member.lang;
    let mut facts = Vec::new();
    let mut add = |key, value: Option<String>| facts.extend(value.map(|value| (lang.say(key), value)));
    if let Some(words) = &entry.words {
        add("recording.intent", words.intent.as_deref().map(readable));
        let slots: Vec<String> =
            words.slots.iter().map(|(slot, value)| format!("{slot}: {}", value.as_str())).collect();
        add("recording.slots", Some(slots.join(", ")).filter(|slots| !slots.is_empty()));
        let why = Why::read(words.explanation.as_ref().map_or("", |text| text.as_str()));
        add("recording.sentence", why.sentence);
        add("recording.close", Some(why.close.join(" · ")).filter(|close| !close.is_empty()));
        let notes: Vec<&str> = why.notes.iter().map(|key| lang.say(key)).collect();
        add("recording.noted", Some(notes.join(" ")).filter(|notes| !notes.is_empty()));
    }
    add("recording.satellite", Some(entry.satellite.as_str().to_owned()));
    add("recording.area", entry.area.as_ref().map(|area| area.as_str().to_owned()));
    let seconds = lang.decimal(entry.length.as_secs_f64());
    add("recording.length", Some(lang.fill("recording.seconds", &[("n", &seconds)])));
    let kept = match entry.expires {
        None => lang.say("history.until_erased").to_owned(),
        Some(at) => {
            let when = lang.moment(at, member.zone(), member.today());
            lang.fill("history.to_day", &[("day", &when)])
        }
    };
    add("recording.kept", Some(kept));
    facts
}

/// What a person can be told of the hub's explanation. It is JSON of another crate's making, so whatever is not as
/// expected is left out.
#[derive(Debug, Default, PartialEq)]
struct Why {
    /// The sentence template that matched.
    sentence: Option<String>,
    /// What came second.
    close: Vec<String>,
    /// Keys of texts: what the house noted, such as which satellite answers and why.
    notes: Vec<&'static str>,
}

/// What the house notes, as `(field, value)` of its JSON, and the text that says it.
const NOTES: [(&str, Option<&str>, &str); 7] = [
    ("heard", Some("alone"), "note.heard_alone"),
    ("chosen", Some("surer"), "note.chosen_surer"),
    ("chosen", Some("louder"), "note.chosen_louder"),
    ("chosen", Some("first"), "note.chosen_first"),
    ("cut", None, "note.cut"),
    ("too_late_ms", None, "note.too_late"),
    ("unsure", None, "note.unsure"),
];

impl Why {
    fn read(explanation: &str) -> Why {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(explanation) else { return Why::default() };
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let list = |name: &str| json[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let said = |note: &serde_json::Value| {
            let fits = |(field, value, _): &&(&str, Option<&str>, &'static str)| {
                note.get(*field).is_some_and(|found| value.is_none_or(|value| found.as_str() == Some(value)))
            };
            NOTES.iter().find(fits).map(|(.., key)| *key)
        };
        Why {
            sentence: text(&json["sentence"]["template"]),
            close: list("alternatives").iter().take(3).filter_map(|one| text(&one["sentence"])).collect(),
            notes: list("notes").iter().filter_map(said).collect(),
        }
    }
}

/// The stages as a waterfall. The journal has the time since the trigger at which each was reached, so each lasts from
/// the one before it.
fn stages(lang: &Language, entry: &Entry) -> Vec<Stage> {
    let Some(words) = &entry.words else { return Vec::new() };
    let total = f64::from(words.stages.iter().map(|(_, ms)| *ms).max().unwrap_or(0).max(1));
    let mut before = 0;
    let stage = |(name, ms): &(String, u32)| {
        let took = ms.saturating_sub(before);
        let key = format!("stage.{name}");
        let known = lang.say(&key);
        let stage = Stage {
            name: if known == key { name.clone() } else { known.to_owned() },
            from: format!("{:.2}", f64::from(before.min(*ms)) / total * 100.0),
            width: format!("{:.2}", (f64::from(took) / total * 100.0).max(0.8)),
            took: lang.fill("recording.milliseconds", &[("n", &lang.number(u64::from(took)))]),
        };
        before = (*ms).max(before);
        stage
    };
    words.stages.iter().map(stage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_is_read_as_far_as_it_goes() {
        let why = Why::read(
            r#"{"sentence":{"template":"turn on {name}","line":3},
                "alternatives":[{"sentence":"turn off {name}"},"x",3],
                "notes":[{"chosen":"louder","over":[]},{"unheard":"of"},3]}"#,
        );
        assert_eq!(why.sentence.as_deref(), Some("turn on {name}"));
        assert_eq!(why.close, ["turn off {name}"]);
        assert_eq!(why.notes, ["note.chosen_louder"]);
        for odd in ["", "null", "[]", "{", r#"{"sentence":3,"alternatives":{},"notes":"x"}"#] {
            assert_eq!(Why::read(odd), Why::default(), "{odd}");
        }
    }
}
