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
    pub keep: String,
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

/// What somebody chooses: ticked recordings, else the filter.
pub enum Chosen {
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
    pub async fn ids(&self, member: &Member) -> Result<Vec<RecordingId>, Trouble> {
        let found = match self {
            Chosen::Ticked(ids) => {
                let ids = ids.clone();
                let theirs = member.ask(move |journal, who| -> Result<Vec<_>, ReadError> {
                    let mut theirs = Vec::new();
                    for id in ids {
                        if journal.opens(id, who)? {
                            theirs.push(id);
                        }
                    }
                    Ok(theirs)
                });
                theirs.await?
            }
            Chosen::Wished(wish) => {
                let now = Timestamp::now();
                let filter = wish.filter(now, member.zone());
                let newest =
                    member.ask(move |journal, who| journal.newest(who, &filter, MOST, Purpose::Request, now));
                newest.await?
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
        keep: lang.count("erase.keep", count),
        back: "/history",
    }))
}

pub async fn erase(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let lang = member.lang;
    let what = match &Chosen::of(&form) {
        // Everything is everything, however much that is.
        Chosen::Wished(wish) if wish.is_everything() => What::Everything,
        chosen => What::These(chosen.ids(&member).await?),
    };
    if matches!(&what, What::These(ids) if ids.is_empty()) {
        return Err(Trouble::Refused(lang, lang.say("erase.nothing").to_owned()));
    }
    let receipt = erase_what(&member, what).await?;
    Ok(go(&format!("/receipts/{}", receipt.erasure)))
}

/// Erases what is the person's to erase of `what`.
pub async fn erase_what(member: &Member, what: What) -> Result<Receipt, Trouble> {
    let selection = Selection { whose: Whose::Both, what };
    let erased = member.ask(move |journal, who| journal.erase(&selection, who, Timestamp::now())).await?;
    *crate::session::locked(&member.session.playing) = None;
    match erased {
        Ok(receipt) => Ok(receipt),
        Err(EraseError::Store(error)) => Err(Trouble::store(member.lang, &error)),
        Err(_) => Err(Trouble::SignIn("/".into())),
    }
}

/// The newest receipts of what the person, or the hub for them, erased.
pub async fn receipts(member: &Member) -> Result<Vec<Receipt>, Trouble> {
    let receipts = member.ask(|journal, who| journal.receipts(who, RECEIPTS)).await?;
    receipts.map_err(|error| Trouble::store(member.lang, &error))
}

pub async fn receipt(member: &Member, number: &str) -> Result<Receipt, Trouble> {
    let Ok(number) = number.parse::<u64>() else { return Err(Trouble::NotHere(member.lang)) };
    let receipts = receipts(member).await?;
    receipts.into_iter().find(|receipt| receipt.erasure == number).ok_or(Trouble::NotHere(member.lang))
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
