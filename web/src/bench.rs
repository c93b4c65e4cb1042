//! The test bench: a sentence, typed or spoken into the browser, and every stage of what the house would make of it.
//! Nothing is carried out and nothing is kept.

use askama::Template;
use axum::body::{Body, to_bytes};
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

/// Ten seconds of 16 kHz samples and a little over.
pub const SOUND: usize = 400 * 1024;
/// The longest sentence anybody tries, in characters.
const SENTENCE: usize = 500;

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
                (stage.clone(), lang.fill("recording.milliseconds", &[("n", &lang.decimal(micros))]))
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
    let lang = member.lang;
    let wait = member.shared.heavy.take(&member.session.id);
    wait.map_err(|wait| Trouble::TooOften(lang, wait.as_secs() + 1))?;
    let text: String = form.get("sentence").chars().filter(|c| !c.is_control()).take(SENTENCE).collect();
    let area = Area::new(form.get("area")).ok();
    if text.is_empty() {
        return Ok(show(&member, text, area.as_ref(), None));
    }
    let explained = member.shared.port.explain(text.clone(), area.clone()).await;
    let explained = explained.map_err(|error| port_trouble(lang, &error))?;
    Ok(show(&member, text, area.as_ref(), Some(explained)))
}

/// Samples from the browser's microphone (16-bit little-endian, mono, 16 kHz) to the words heard in them.
pub async fn hear(member: Member, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let lang = member.lang;
    let token = headers.get("x-csrf").and_then(|token| token.to_str().ok()).unwrap_or_default();
    if !session::same(token, &member.session.csrf) {
        return Err(Trouble::Elsewhere(lang));
    }
    let wait = member.shared.heavy.take(&member.session.id);
    wait.map_err(|wait| Trouble::TooOften(lang, wait.as_secs() + 1))?;
    let body = to_bytes(body, SOUND).await.map_err(|_| Trouble::TooMuch(lang))?;
    let samples: Vec<i16> = body.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    match member.shared.port.hear(samples).await {
        Ok(words) => Ok(words.into_response()),
        Err(error) => Err(port_trouble(lang, &error)),
    }
}
