//! The test bench: a sentence, typed or spoken into the browser, and every stage of what the house would make of it.
//! Nothing is carried out and nothing is kept.

use askama::Template;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use sotto_house::Area;

use crate::answer::page;
use crate::frame::Frame;
use crate::house::port_trouble;
use crate::port::Explanation;
use crate::session;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};
use crate::voice::samples;

/// Ten seconds of 16 kHz samples and a little over.
pub const SOUND: usize = 400 * 1024;
/// The longest sentence anybody tries, in characters.
pub const SENTENCE: usize = 500;

#[derive(Template)]
#[template(path = "bench.html")]
struct BenchPage {
    frame: Frame,
    text: String,
    areas: Vec<(String, bool)>,
    result: Option<Tried>,
}

struct Tried {
    explanation: Explanation,
    understood: bool,
    stages: Vec<(String, String)>,
    alternatives: Vec<(String, String)>,
}

pub async fn bench_page(member: Member) -> Response {
    show(&member, String::new(), None, None)
}

fn show(member: &Member, text: String, area: Option<&Area>, tried: Option<Explanation>) -> Response {
    let lang = member.lang;
    let mut areas: Vec<Area> =
        member.shared.port.satellites().into_iter().filter_map(|one| one.area).collect();
    areas.sort();
    areas.dedup();
    let result = tried.map(|explanation| Tried {
        understood: explanation.intent.is_some(),
        stages: explanation
            .stages
            .iter()
            .map(|(stage, took)| {
                let micros = took.as_secs_f64() * 1e3;
                let key = format!("stage.{stage}");
                let known = lang.say(&key);
                let name = if known == key { stage.clone() } else { known.to_owned() };
                (name, lang.fill("recording.milliseconds", &[("n", &lang.decimal(micros))]))
            })
            .collect(),
        alternatives: explanation
            .alternatives
            .iter()
            .map(|(sentence, far)| {
                (sentence.clone(), format!("{:.0} %", (1.0 - far.clamp(0.0, 1.0)) * 100.0))
            })
            .collect(),
        explanation,
    });
    page(&BenchPage {
        frame: member.frame("bench.title"),
        text,
        areas: areas.into_iter().map(|one| (one.as_str().to_owned(), area == Some(&one))).collect(),
        result,
    })
}

pub async fn explain(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let (text, area) = (form.get("sentence"), Area::new(form.get("area")).ok());
    if text.is_empty() {
        return Ok(show(&member, String::new(), area.as_ref(), None));
    }
    let explained = tried(&member, text, area.clone()).await?;
    Ok(show(&member, text.to_owned(), area.as_ref(), Some(explained)))
}

/// How a sentence, said in an area, would be understood.
pub async fn tried(member: &Member, text: &str, area: Option<Area>) -> Result<Explanation, Trouble> {
    member.try_heavy()?;
    let text = text.chars().filter(|c| !c.is_control()).take(SENTENCE).collect();
    let explained = member.shared.port.explain(text, area).await;
    explained.map_err(|error| port_trouble(member.lang, &error))
}

/// Samples from the browser's microphone to the words heard in them.
pub async fn hear(member: Member, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let token = headers.get("x-csrf").and_then(|token| token.to_str().ok()).unwrap_or_default();
    if !session::same(token, &member.session.csrf) {
        return Err(Trouble::Elsewhere(member.lang));
    }
    Ok(heard(&member, body).await?.into_response())
}

/// What the house hears in a sound; see [`samples`] for its form.
pub async fn heard(member: &Member, body: Body) -> Result<String, Trouble> {
    member.try_heavy()?;
    let samples = samples(body, member.lang).await?;
    if samples.is_empty() {
        return Err(Trouble::Refused(member.lang, member.lang.say("voice.too_short").to_owned()));
    }
    let words = member.shared.port.hear(samples).await;
    words.map_err(|error| port_trouble(member.lang, &error))
}
