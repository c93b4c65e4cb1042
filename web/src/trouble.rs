//! What goes wrong on a page, said in plain lang with what to do next.
//!
//! One page for all of them. Deliberately absent: a difference between "is not yours" and "is not there"; both
//! are [`Trouble::NotHere`], so that nobody can find out what others have.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::answer::page;
use crate::frame::Frame;
use crate::language::Language;

pub enum Trouble {
    /// Not signed in; where to go afterwards.
    SignIn(String),
    /// Nothing by that name, or nothing that this person may know of.
    NotHere(&'static Language),
    /// For administrators.
    NotYours(&'static Language),
    /// A form or request that did not come from one of our pages, or from one that is too old.
    Elsewhere(&'static Language),
    /// Longer than anything the pages send.
    TooMuch(&'static Language),
    /// Not a form.
    Unreadable(&'static Language),
    /// Tried too often; seconds to wait.
    TooOften(&'static Language, u64),
    /// What was asked cannot be done, and why: a text that is already in the reader's language or the hub's.
    Refused(&'static Language, String),
    /// Our fault; the text goes to the log and not to the page.
    Broken(&'static Language, String),
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    what: String,
    remedy: String,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, lang, key, detail) = match self {
            Trouble::SignIn(next) => {
                let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
                return Redirect::to(&format!("/sign-in?next={next}")).into_response();
            }
            Trouble::NotHere(lang) => (StatusCode::NOT_FOUND, lang, "not_here", None),
            Trouble::NotYours(lang) => (StatusCode::FORBIDDEN, lang, "not_yours", None),
            Trouble::Elsewhere(lang) => (StatusCode::FORBIDDEN, lang, "elsewhere", None),
            Trouble::TooMuch(lang) => (StatusCode::PAYLOAD_TOO_LARGE, lang, "too_much", None),
            Trouble::Unreadable(lang) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, lang, "unreadable", None),
            Trouble::TooOften(lang, wait) => {
                let wait = wait.max(1);
                let said = lang.count("trouble.too_often_wait", wait);
                let mut response = trouble(lang, StatusCode::TOO_MANY_REQUESTS, "too_often", Some(said));
                response.headers_mut().insert(header::RETRY_AFTER, wait.into());
                return response;
            }
            Trouble::Refused(lang, why) => (StatusCode::UNPROCESSABLE_ENTITY, lang, "refused", Some(why)),
            Trouble::Broken(lang, why) => {
                tracing::error!(error = %why, "a page failed");
                (StatusCode::INTERNAL_SERVER_ERROR, lang, "broken", None)
            }
        };
        trouble(lang, status, key, detail)
    }
}

fn trouble(lang: &'static Language, status: StatusCode, key: &str, detail: Option<String>) -> Response {
    let what = lang.say(&format!("trouble.{key}.what")).to_owned();
    let remedy = detail.unwrap_or_else(|| lang.say(&format!("trouble.{key}.remedy")).to_owned());
    let frame = Frame::new(lang, "trouble.title", None, "/");
    let mut response = page(&TroublePage { frame, what, remedy });
    *response.status_mut() = status;
    response
}
