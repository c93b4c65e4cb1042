//! Who asks: three extractors, and every page takes exactly one.
//!
//! [`Visitor`] is anybody; [`Member`] is signed in; [`Deed`] is signed in *and* has sent a form with the token
//! of that session, so a page that changes something cannot forget to check it. What is not allowed is answered
//! the same way here, once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, Request};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sotto_journal::{Journal, Person};

use crate::language::{self, Language};
use crate::session::{self, Session};
use crate::trouble::Trouble;
use crate::{Shared, frame::Frame};

/// The longest form: a selection of a few hundred recordings, or a long sentence.
const FORM: usize = 64 * 1024;
/// Fields in one form.
const FIELDS: usize = 2_000;

/// Anybody.
pub struct Visitor {
    pub shared: Arc<Shared>,
    pub lang: &'static Language,
    pub address: IpAddr,
    pub browser: String,
    /// The session, when there is one.
    pub session: Option<Arc<Session<Person>>>,
    /// The path and query asked for, to come back to after signing in.
    pub path: String,
}

/// Somebody who is signed in.
pub struct Member {
    pub shared: Arc<Shared>,
    pub lang: &'static Language,
    pub session: Arc<Session<Person>>,
    pub path: String,
}

/// Somebody who is signed in and has sent one of our forms.
pub struct Deed {
    pub member: Member,
    pub form: Form,
}

/// The fields of a form, in order; a name may come more than once.
#[derive(Default, Clone)]
pub struct Form(pub Vec<(String, String)>);

impl Form {
    pub fn parse(text: &[u8]) -> Form {
        Form(
            form_urlencoded::parse(text)
                .take(FIELDS)
                .map(|(k, v)| (k.into_owned(), v.into_owned()))
                .collect(),
        )
    }

    /// The first field of that name, blanks at its ends removed; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// The first field of that name as it was typed.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }
}

impl Visitor {
    pub fn frame(&self, title: &'static str) -> Frame {
        Frame::new(self.lang, title, self.session.as_deref(), &self.path)
    }
}

impl Member {
    pub fn frame(&self, title: &'static str) -> Frame {
        Frame::new(self.lang, title, Some(&self.session), &self.path)
    }

    pub fn person(&self) -> &Person {
        &self.session.person
    }

    /// Asks the journal as this person, where blocking is allowed.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: FnOnce(&Journal, &Person) -> T + Send + 'static,
    {
        let session = self.session.clone();
        self.shared.ask(move |journal| question(journal, &session.person)).await
    }

    /// Takes one of the few tries of what costs the machine much.
    pub fn try_heavy(&self) -> Result<(), Trouble> {
        let taken = self.shared.heavy.take(&self.session.id);
        taken.map_err(|wait| Trouble::TooOften(self.lang, wait.as_secs() + 1))
    }

    pub fn zone(&self) -> &TimeZone {
        &self.shared.zone
    }

    pub fn today(&self) -> Date {
        Timestamp::now().to_zoned_datetime(self.shared.zone.clone()).date()
    }

    /// Only for who looks after the machine.
    pub fn administrator(&self) -> Result<(), Trouble> {
        if self.session.person.is_administrator() { Ok(()) } else { Err(Trouble::NotYours(self.lang)) }
    }
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The language a browser has chosen here, else the one it asks for.
pub fn language(headers: &HeaderMap) -> &'static Language {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    cookie(headers, "__Host-language").and_then(language::of).unwrap_or_else(|| language::accepted(asked))
}

impl FromRequestParts<Arc<Shared>> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Visitor, Trouble> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Visitor {
            shared: shared.clone(),
            lang: language(&parts.headers),
            address: address.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip()),
            browser: agent.unwrap_or_default().to_owned(),
            session: cookie(&parts.headers, session::COOKIE).and_then(|cookie| shared.sessions.of(cookie)),
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

impl FromRequestParts<Arc<Shared>> for Member {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Member, Trouble> {
        let visitor = Visitor::from_request_parts(parts, shared).await?;
        // A page elsewhere may link to ours, but may not fetch from it, whatever cookies the browser sends.
        let site = parts.headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        let mode = parts.headers.get("sec-fetch-mode").and_then(|mode| mode.to_str().ok());
        if matches!(site, Some("cross-site" | "same-site")) && mode != Some("navigate") {
            return Err(Trouble::Elsewhere(visitor.lang));
        }
        match visitor.session {
            Some(session) => {
                Ok(Member { shared: visitor.shared, lang: visitor.lang, session, path: visitor.path })
            }
            None if parts.method == Method::GET => Err(Trouble::SignIn(visitor.path)),
            None => Err(Trouble::SignIn("/".into())),
        }
    }
}

impl FromRequest<Arc<Shared>> for Deed {
    type Rejection = Trouble;

    async fn from_request(request: Request<Body>, shared: &Arc<Shared>) -> Result<Deed, Trouble> {
        let (mut parts, body) = request.into_parts();
        let member = Member::from_request_parts(&mut parts, shared).await?;
        let form = form(&parts.headers, body, member.lang).await?;
        if !session::same(form.get("csrf"), &member.session.csrf) {
            return Err(Trouble::Elsewhere(member.lang));
        }
        Ok(Deed { member, form })
    }
}

/// Reads a form's body: `application/x-www-form-urlencoded`, bounded.
pub async fn form(headers: &HeaderMap, body: Body, lang: &'static Language) -> Result<Form, Trouble> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Trouble::Unreadable(lang));
    }
    match to_bytes(body, FORM).await {
        Ok(body) => Ok(Form::parse(&body)),
        Err(_) => Err(Trouble::TooMuch(lang)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; __Host-sotto=abc;b = 2".parse().unwrap());
        headers.append(header::COOKIE, "__Host-language=de".parse().unwrap());
        assert_eq!(cookie(&headers, "__Host-sotto"), Some("abc"));
        assert_eq!(cookie(&headers, "sotto"), None);
        assert_eq!(language(&headers).code, "de");
    }

    #[test]
    fn a_form_keeps_every_field_of_a_name() {
        let form = Form::parse("id=1&id=2&lang=licht%20an+!&lang=x".as_bytes());
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(form.get("lang"), "licht an !");
        assert_eq!(form.get("nothing"), "");
        let many = "a=1&".repeat(10_000);
        assert_eq!(Form::parse(many.as_bytes()).0.len(), FIELDS);
    }
}
