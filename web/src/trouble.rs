//! What goes wrong, said in plain words with what to do next: on a page, or to a program.
//!
//! One page for all of them. Deliberately absent: a difference between "is not yours" and "is not there"; both
//! are [`Trouble::NotHere`], so that nobody can find out what others have.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use sotto_journal::StoreError;

use crate::answer::page;
use crate::frame::Frame;
use crate::language::{self, Language};

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
    /// The hub's disk is full, so that nothing new can be written.
    Full(&'static Language),
    /// Our fault; the text goes to the log and not to the page.
    Broken(&'static Language, String),
}

/// What is told of a trouble, on a page or to a program.
pub struct Told {
    pub status: StatusCode,
    pub what: String,
    pub remedy: String,
    /// Seconds after which it is worth trying again.
    pub wait: Option<u64>,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    what: String,
    remedy: String,
}

impl Trouble {
    /// What the journal's own troubles are to a person.
    pub fn store(lang: &'static Language, error: &StoreError) -> Trouble {
        match error {
            StoreError::Full => Trouble::Full(lang),
            error => Trouble::Broken(lang, error.to_string()),
        }
    }

    /// In the reader's language; writes what is our fault to the log.
    pub fn told(self) -> Told {
        let (status, lang, key) = match &self {
            Trouble::SignIn(_) => (StatusCode::UNAUTHORIZED, &language::all()[0], "sign_in"),
            Trouble::NotHere(lang) => (StatusCode::NOT_FOUND, *lang, "not_here"),
            Trouble::NotYours(lang) => (StatusCode::FORBIDDEN, *lang, "not_yours"),
            Trouble::Elsewhere(lang) => (StatusCode::FORBIDDEN, *lang, "elsewhere"),
            Trouble::TooMuch(lang) => (StatusCode::PAYLOAD_TOO_LARGE, *lang, "too_much"),
            Trouble::Unreadable(lang) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, *lang, "unreadable"),
            Trouble::TooOften(lang, _) => (StatusCode::TOO_MANY_REQUESTS, *lang, "too_often"),
            Trouble::Refused(lang, _) => (StatusCode::UNPROCESSABLE_ENTITY, *lang, "refused"),
            Trouble::Full(lang) => (StatusCode::INSUFFICIENT_STORAGE, *lang, "full"),
            Trouble::Broken(lang, why) => {
                tracing::error!(error = %why, "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, *lang, "broken")
            }
        };
        let what = lang.say(&format!("trouble.{key}.what")).to_owned();
        let (remedy, wait) = match self {
            Trouble::TooOften(lang, wait) => {
                (lang.count("trouble.too_often_wait", wait.max(1)), Some(wait.max(1)))
            }
            Trouble::Refused(_, why) => (why, None),
            _ => (lang.say(&format!("trouble.{key}.remedy")).to_owned(), None),
        };
        Told { status, what, remedy, wait }
    }

    fn lang(&self) -> &'static Language {
        match self {
            Trouble::SignIn(_) => &language::all()[0],
            Trouble::NotHere(lang)
            | Trouble::NotYours(lang)
            | Trouble::Elsewhere(lang)
            | Trouble::TooMuch(lang)
            | Trouble::Unreadable(lang)
            | Trouble::TooOften(lang, _)
            | Trouble::Refused(lang, _)
            | Trouble::Full(lang)
            | Trouble::Broken(lang, _) => lang,
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        if let Trouble::SignIn(next) = self {
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            return Redirect::to(&format!("/sign-in?next={next}")).into_response();
        }
        let frame = Frame::new(self.lang(), "trouble.title", None, "/");
        let Told { status, what, remedy, wait } = self.told();
        let mut response = page(&TroublePage { frame, what, remedy });
        *response.status_mut() = status;
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait.into());
        }
        response
    }
}
