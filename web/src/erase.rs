//! Erasing: say plainly what goes, ask once, and give a receipt.

use std::fmt::Write;

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sotto_house::RecordingId;
use sotto_journal::{EraseError, Purpose, ReadError, Receipt, Selection, What, Whose};

use crate::answer::{go, page};
use crate::frame::Frame;
use crate::history::{Wish, read_trouble};
use crate::session::hex;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Form, Member};

/// Recordings erased by one filter at most; more are erased by doing it again, or by "everything".
const MOST: usize = 100_000;
/// Receipts kept in sight.
const RECEIPTS: usize = 1_000;

/// A question before something that cannot be undone; a dialog where there is JavaScript, a page where there is not.
#[derive(Template)]
#[template(path = "ask.html")]
pub struct AskPage {
    pub frame: Frame,
    pub title: String,
    pub lines: Vec<String>,
    pub action: &'static str,
    pub hidden: Vec<(String, String)>,
    pub button: String,
    pub keep: &'static str,
    pub back: &'static str,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Frame,
    title: String,
    number: u64,
    facts: Vec<(&'static str, String, bool)>,
}

/// What a form chooses: ticked recordings, else the filter.
enum Chosen {
    Ticked(Vec<RecordingId>),
    Wished(Wish),
}

impl Chosen {
    fn of(form: &Form) -> Chosen {
        if form.has("id") {
            return Chosen::Ticked(form.all("id").filter_map(|id| id.parse().ok()).collect());
        }
        Chosen::Wished(Wish::parse(form))
    }

    /// The ids of what is there and the person's to erase.
    async fn ids(&self, member: &Member) -> Result<Vec<RecordingId>, Trouble> {
        let session = member.session.clone();
        let found = match self {
            Chosen::Ticked(ids) => {
                {
                    let ids = ids.clone();
                    member.shared.ask(move |journal| -> Result<Vec<_>, ReadError> {
                        let mut theirs = Vec::new();
                        for id in ids {
                            if journal.opens(id, &session.person)? {
                                theirs.push(id);
                            }
                        }
                        Ok(theirs)
                    })
                }
                .await?
            }
            Chosen::Wished(wish) => {
                let filter = wish.filter(Timestamp::now(), member.zone());
                member
                    .shared
                    .ask(move |journal| {
                        journal.newest(&session.person, &filter, MOST, Purpose::Request, Timestamp::now())
                    })
                    .await?
            }
        };
        found.map_err(|error| read_trouble(member.lang, error))
    }
}

pub async fn ask(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let lang = member.lang;
    let chosen = Chosen::of(&form);
    let count = chosen.ids(&member).await?.len() as u64;
    if count == 0 {
        return Err(Trouble::Refused(lang, lang.say("erase.nothing").to_owned()));
    }
    let what = match &chosen {
        Chosen::Ticked(_) => None,
        Chosen::Wished(wish) => {
            Some(wish.describe(lang).unwrap_or_else(|| lang.say("erase.everything").to_owned()))
        }
    };
    let mut lines = Vec::new();
    lines.extend(what.map(|what| lang.fill("erase.what", &[("filter", &what)])));
    lines.extend(["erase.gone", "erase.stays", "erase.undo"].map(|key| lang.say(key).to_owned()));
    let hidden = form.0.iter().filter(|(name, _)| name != "csrf").cloned().collect();
    Ok(page(&AskPage {
        frame: member.frame("erase.question"),
        title: lang.count("erase.title", count),
        lines,
        action: "/erase",
        hidden,
        button: lang.count("erase.picked", count),
        keep: lang.say("erase.keep"),
        back: "/history",
    }))
}

pub async fn erase(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let lang = member.lang;
    let chosen = Chosen::of(&form);
    let selection = match &chosen {
        // Everything is everything, however much that is.
        Chosen::Wished(wish) if wish.is_everything() => {
            Selection { whose: Whose::Both, what: What::Everything }
        }
        chosen => Selection { whose: Whose::Both, what: What::These(chosen.ids(&member).await?) },
    };
    if matches!(&selection.what, What::These(ids) if ids.is_empty()) {
        return Err(Trouble::Refused(lang, lang.say("erase.nothing").to_owned()));
    }
    let session = member.session.clone();
    let erased = member
        .shared
        .ask(move |journal| journal.erase(&selection, &session.person, Timestamp::now()))
        .await?;
    *crate::session::locked(&member.session.playing) = None;
    match erased {
        Ok(receipt) => Ok(go(&format!("/receipts/{}", receipt.erasure))),
        Err(EraseError::Store(error)) => Err(Trouble::Broken(lang, error.to_string())),
        Err(_) => Err(Trouble::SignIn("/".into())),
    }
}

async fn receipt(member: &Member, number: &str) -> Result<Receipt, Trouble> {
    let lang = member.lang;
    let Ok(number) = number.parse::<u64>() else { return Err(Trouble::NotHere(lang)) };
    let session = member.session.clone();
    let receipts = member.shared.ask(move |journal| journal.receipts(&session.person, RECEIPTS)).await?;
    let receipts = receipts.map_err(|e| Trouble::Broken(lang, e.to_string()))?;
    receipts.into_iter().find(|receipt| receipt.erasure == number).ok_or(Trouble::NotHere(lang))
}

pub async fn receipt_page(member: Member, Path(number): Path<String>) -> Result<Response, Trouble> {
    let receipt = receipt(&member, &number).await?;
    let lang = member.lang;
    let facts = vec![
        (lang.say("receipt.number"), receipt.erasure.to_string(), false),
        (lang.say("receipt.when"), lang.moment(receipt.at, member.zone(), member.today()), false),
        (lang.say("receipt.who"), member.person().name().to_owned(), false),
        (lang.say("receipt.count"), lang.number(receipt.count), false),
        (lang.say("receipt.signature"), hex(&receipt.signature), true),
    ];
    Ok(page(&ReceiptPage {
        frame: member.frame("receipt.list"),
        title: lang.count("receipt.title", receipt.count),
        number: receipt.erasure,
        facts,
    }))
}

/// The receipt as a text that can be kept, with what is needed to check it.
pub async fn receipt_file(member: Member, Path(number): Path<String>) -> Result<Response, Trouble> {
    let receipt = receipt(&member, &number).await?;
    let mut text = String::from("Sotto: receipt of an erasure\n\n");
    for (name, value) in [
        ("erasure", receipt.erasure.to_string()),
        ("at", receipt.at.to_string()),
        ("by", member.session.id.to_string()),
        ("asked", format!("{:?}", receipt.asked).to_lowercase()),
        ("recordings", receipt.count.to_string()),
        ("signature", hex(&receipt.signature)),
        ("hub-key", hex(&member.shared.journal.verifying_key())),
    ] {
        let _ = writeln!(text, "{name}: {value}");
    }
    text.push_str("\nEd25519; `sotto-hub verify` checks every receipt of its hub.\n");
    let name = format!("attachment; filename=\"sotto-receipt-{}.txt\"", receipt.erasure);
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], text).into_response())
}
