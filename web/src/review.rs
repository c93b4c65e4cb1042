//! Review: nameless clips of those who let the household's reviewers listen; one at a time, by keyboard alone.
//!
//! Deliberately absent: a name, an area, a satellite or a time. A clip that its owner takes back while it is open
//! cannot be heard or judged any more.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sotto_journal::{Clip, ClipId, Judged, ReviewError, Verdict};

use crate::answer::{go, page};
use crate::frame::Frame;
use crate::history::readable;
use crate::language::Language;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    frame: Frame,
    clip: Option<OneClip>,
    left: String,
}

struct OneClip {
    id: String,
    words: String,
    did: Option<String>,
}

fn trouble(lang: &'static Language, error: ReviewError) -> Trouble {
    match error {
        ReviewError::NotReviewer => Trouble::Refused(lang, lang.say("review.not_reviewer").to_owned()),
        ReviewError::NotFound => Trouble::Refused(lang, lang.say("review.taken_back").to_owned()),
        ReviewError::TooLong => Trouble::TooMuch(lang),
        ReviewError::Store(error) => Trouble::store(lang, &error),
        error => Trouble::Refused(lang, error.to_string()),
    }
}

/// The next clip of the queue, and how many are left with it.
pub async fn next(member: &Member) -> Result<(Option<Clip>, u64), Trouble> {
    let found = member.ask(|journal, who| -> Result<_, ReviewError> {
        let queue = journal.review_queue(who)?;
        for clip in &queue {
            // One that is taken back between the two lines is passed over.
            match journal.review(*clip, who, Timestamp::now()) {
                Ok(clip) => return Ok((Some(clip), queue.len() as u64)),
                Err(ReviewError::NotFound | ReviewError::Damaged) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((None, 0))
    });
    found.await?.map_err(|error| trouble(member.lang, error))
}

pub async fn review_page(member: Member) -> Result<Response, Trouble> {
    let lang = member.lang;
    let (clip, left) = next(&member).await?;
    let clip = clip.map(|clip| OneClip {
        id: clip.clip.to_string(),
        words: clip.words.transcript.as_ref().map(|words| words.to_string()).unwrap_or_default(),
        did: clip.words.intent.as_deref().map(readable),
    });
    let left = lang.count("review.left", left);
    Ok(page(&ReviewPage { frame: member.frame("review.title"), clip, left }))
}

pub async fn clip_sound(member: Member, Path(id): Path<String>) -> Result<Response, Trouble> {
    let lang = member.lang;
    let Ok(clip) = id.parse::<ClipId>() else { return Err(Trouble::NotHere(lang)) };
    let opened = member.ask(move |journal, who| journal.review(clip, who, Timestamp::now())).await?;
    let clip = opened.map_err(|error| trouble(lang, error))?;
    let kind = HeaderValue::from_static("audio/ogg; codecs=opus");
    let pre_roll = clip.sound.pre_roll().as_millis().to_string();
    let mut response =
        ([(header::CONTENT_TYPE, kind)], Body::from(clip.sound.ogg_opus().to_vec())).into_response();
    if let Ok(pre_roll) = HeaderValue::from_str(&pre_roll) {
        response.headers_mut().insert("sotto-pre-roll", pre_roll);
    }
    Ok(response)
}

/// How a verdict is named.
pub const JUDGED: [(Judged, &str); 3] =
    [(Judged::Right, "right"), (Judged::Wrong, "wrong"), (Judged::NotMeant, "not_meant")];

pub async fn judge(Path(id): Path<String>, deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let lang = member.lang;
    let Some((judged, _)) = JUDGED.iter().find(|(_, name)| *name == form.get("judged")) else {
        return Err(Trouble::Refused(lang, lang.say("trouble.refused.remedy").to_owned()));
    };
    let (words, before) = (form.get("words").to_owned(), form.get("before").to_owned());
    let transcript = (words != before).then(|| words.into());
    mark(&member, &id, Verdict { transcript, judged: *judged }).await?;
    Ok(go("/review"))
}

/// Says what the reviewer thinks of a clip, which leaves the queue.
pub async fn mark(member: &Member, id: &str, verdict: Verdict) -> Result<(), Trouble> {
    let lang = member.lang;
    let Ok(clip) = id.parse::<ClipId>() else { return Err(Trouble::NotHere(lang)) };
    let judged = member.ask(move |journal, who| journal.judge(clip, who, &verdict, Timestamp::now()));
    judged.await?.map_err(|error| trouble(lang, error))
}
