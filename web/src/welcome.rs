//! Coming in: the first person by the set-up address, others by invitation, everybody by name and passphrase.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sotto_journal::{MemberError, RecoverError, RecoveryCode, SignInError};

use crate::Shared;
use crate::answer::{go, onward, page};
use crate::certificate::Authority;
use crate::frame::Frame;
use crate::language::Language;
use crate::session::{COOKIE, locked};
use crate::trouble::Trouble;
use crate::visitor::{self, Deed, Member, Visitor};

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    next: String,
    name: String,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "join.html")]
struct JoinPage {
    frame: Frame,
    first: bool,
    token: String,
    name: String,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    frame: Frame,
    code: String,
    /// For the paper: name, day, and where it is good.
    whose: String,
    onward: &'static str,
}

#[derive(Template)]
#[template(path = "recover.html")]
struct RecoverPage {
    frame: Frame,
    name: String,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "more.html")]
struct MorePage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "trust.html")]
struct TrustPage {
    frame: Frame,
    authority: Option<Authority>,
}

impl TrustPage {
    fn system(&self, system: &str, part: &str) -> String {
        self.frame.w.say(&format!("trust.{system}_{part}")).to_owned()
    }
}

/// `/`: to where one belongs.
pub async fn start(visitor: Visitor) -> Result<Response, Trouble> {
    if visitor.session.is_some() {
        return Ok(go("/history"));
    }
    if nobody_yet(&visitor.shared, visitor.lang).await? {
        return Ok(page(&WelcomePage { frame: visitor.frame("welcome.title") }));
    }
    Ok(go("/sign-in"))
}

async fn nobody_yet(shared: &Arc<Shared>, lang: &'static Language) -> Result<bool, Trouble> {
    if !*locked(&shared.set_up) {
        return Ok(false);
    }
    let members = shared.ask(|journal| journal.members()).await?;
    let none = members.map_err(|error| Trouble::store(lang, &error))?.is_empty();
    *locked(&shared.set_up) = none;
    Ok(none)
}

pub async fn sign_in_page(visitor: Visitor) -> Response {
    let query = visitor.path.split_once('?').map_or("", |(_, query)| query);
    let next = visitor::Form::parse(query.as_bytes()).get("next").to_owned();
    page(&SignInPage { frame: visitor.frame("sign_in.title"), next, name: String::new(), wrong: false })
}

pub async fn sign_in(visitor: Visitor, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let form = visitor::form(&headers, body, visitor.lang).await?;
    visitor.try_again_later()?;
    let (name, passphrase) = (form.get("name").to_owned(), form.raw("passphrase").to_owned());
    let shared = &visitor.shared;
    let _seat = shared.hard.acquire().await;
    let signed_in = shared.ask(move |journal| journal.sign_in(&name, &passphrase, Timestamp::now())).await?;
    match signed_in {
        Ok(person) => {
            shared.tries.forgive(&visitor.address);
            visitor.open_session(person, onward(form.get("next"))).await
        }
        Err(SignInError::Wait { until }) => Err(visitor.wait(until)),
        Err(SignInError::NotRight) => {
            let frame = visitor.frame("sign_in.title");
            let (next, name) = (form.get("next").to_owned(), form.get("name").to_owned());
            Ok(page(&SignInPage { frame, next, name, wrong: true }))
        }
        Err(SignInError::Store(error)) => Err(Trouble::store(visitor.lang, &error)),
        Err(error) => Err(Trouble::Broken(visitor.lang, error.to_string())),
    }
}

pub async fn sign_out(headers: HeaderMap, deed: Deed) -> Response {
    if let Some(cookie) = visitor::cookie(&headers, COOKIE) {
        deed.member.shared.sessions.close(cookie);
    }
    let mut response = go("/sign-in");
    set_cookie(&mut response, COOKIE, "", 0);
    response
}

pub async fn join_page(visitor: Visitor, Path(token): Path<String>) -> Result<Response, Trouble> {
    let first = nobody_yet(&visitor.shared, visitor.lang).await?;
    let token = token.chars().filter(char::is_ascii_hexdigit).take(64).collect();
    Ok(page(&JoinPage {
        frame: visitor.frame("join.title"),
        first,
        token,
        name: String::new(),
        trouble: None,
    }))
}

pub async fn join(visitor: Visitor, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let form = visitor::form(&headers, body, visitor.lang).await?;
    visitor.try_again_later()?;
    let first = nobody_yet(&visitor.shared, visitor.lang).await?;
    let lang = visitor.lang;
    let again = |trouble: String| {
        Ok(page(&JoinPage {
            frame: visitor.frame("join.title"),
            first,
            token: form.get("token").to_owned(),
            name: form.get("name").to_owned(),
            trouble: Some(trouble),
        }))
    };
    let (name, passphrase) = (form.get("name").to_owned(), form.raw("passphrase").to_owned());
    if passphrase != form.raw("again") {
        return again(lang.say("join.differ").to_owned());
    }
    if let Some(weak) = weak(&passphrase, &name) {
        return again(lang.say(weak).to_owned());
    }
    let Ok(token) = form.get("token").parse::<sotto_journal::InviteToken>() else {
        return again(lang.say("member.invitation").to_owned());
    };
    let shared = &visitor.shared;
    let _seat = shared.hard.acquire().await;
    let joined = shared
        .ask(move |journal| -> Result<_, MemberError> {
            let now = Timestamp::now();
            let (_, code) = journal.join(&token, &name, &passphrase, now)?;
            let person = journal.sign_in(&name, &passphrase, now).map_err(|error| match error {
                SignInError::Store(error) => MemberError::Store(error),
                _ => MemberError::Unknown,
            })?;
            Ok((person, code))
        })
        .await?;
    match joined {
        Ok((person, code)) => {
            *locked(&shared.set_up) = false;
            visitor.open_with_code(person, &code, "/first").await
        }
        Err(MemberError::Store(error)) => Err(Trouble::store(lang, &error)),
        Err(error) => again(member_error(lang, &error)),
    }
}

pub async fn recover_page(visitor: Visitor) -> Response {
    page(&RecoverPage { frame: visitor.frame("recover.title"), name: String::new(), trouble: None })
}

pub async fn recover(visitor: Visitor, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let form = visitor::form(&headers, body, visitor.lang).await?;
    visitor.try_again_later()?;
    let lang = visitor.lang;
    let again = |trouble: &str| {
        let (name, trouble) = (form.get("name").to_owned(), Some(trouble.to_owned()));
        Ok(page(&RecoverPage { frame: visitor.frame("recover.title"), name, trouble }))
    };
    let (name, passphrase) = (form.get("name").to_owned(), form.raw("passphrase").to_owned());
    if let Some(weak) = weak(&passphrase, &name) {
        return again(lang.say(weak));
    }
    let Ok(code) = form.get("code").parse::<RecoveryCode>() else { return again(lang.say("recover.wrong")) };
    let shared = &visitor.shared;
    let _seat = shared.hard.acquire().await;
    let recovered =
        shared.ask(move |journal| journal.recover(&name, &code, &passphrase, Timestamp::now())).await?;
    match recovered {
        Ok((person, code)) => visitor.open_with_code(person, &code, "/history").await,
        Err(RecoverError::SignIn(SignInError::Wait { until })) => Err(visitor.wait(until)),
        Err(RecoverError::SignIn(SignInError::NotRight)) => again(lang.say("recover.wrong")),
        Err(
            RecoverError::SignIn(SignInError::Store(error)) | RecoverError::Member(MemberError::Store(error)),
        ) => Err(Trouble::store(lang, &error)),
        Err(RecoverError::Member(error)) => again(&member_error(lang, &error)),
        Err(error) => Err(Trouble::Broken(lang, error.to_string())),
    }
}

pub async fn language(visitor: Visitor, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let form = visitor::form(&headers, body, visitor.lang).await?;
    let mut response = go(onward(form.get("back")));
    if let Some(lang) = crate::language::of(form.get("language")) {
        set_cookie(&mut response, "__Host-language", lang.code, 365 * 24 * 60 * 60);
    }
    Ok(response)
}

pub async fn more(member: Member) -> Response {
    page(&MorePage { frame: member.frame("nav.more") })
}

pub async fn trust(visitor: Visitor) -> Response {
    let authority = visitor.shared.authority.clone();
    page(&TrustPage { frame: visitor.frame("trust.title"), authority })
}

/// The authority as a file: `.crt` (DER) is what phones install, `.pem` what programs read.
pub async fn trust_file(State(shared): State<Arc<Shared>>, Path(file): Path<String>) -> Response {
    let download = |bytes: Vec<u8>, kind: &'static str| {
        let name = HeaderValue::from_static("attachment");
        ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, name)], bytes)
            .into_response()
    };
    match (file.as_str(), &shared.authority) {
        ("sotto-ca.crt", Some(authority)) => download(authority.der.clone(), "application/x-x509-ca-cert"),
        ("sotto-ca.pem", Some(authority)) => {
            download(authority.pem.clone().into_bytes(), "application/x-pem-file")
        }
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    }
}

/// What a member error says, in the reader's language.
pub fn member_error(lang: &Language, error: &MemberError) -> String {
    let key = match error {
        MemberError::Name => "member.name",
        MemberError::NameTaken => "member.name_taken",
        MemberError::PassphraseShort => "member.passphrase_short",
        MemberError::Invitation => "member.invitation",
        MemberError::WrongPassphrase => "member.wrong_passphrase",
        MemberError::NotAdministrator => "member.not_administrator",
        MemberError::NotAdult => "member.not_adult",
        MemberError::NotChild => "member.not_child",
        MemberError::NotGuardian => "member.not_guardian",
        MemberError::Unknown => "member.unknown",
        MemberError::LastAdministrator => "member.last_administrator",
        MemberError::Passkey => "member.passkey",
        error => return error.to_string(),
    };
    lang.say(key).to_owned()
}

/// Why a passphrase is too easy, if it is: the key of a text. The journal has its own least length.
pub fn weak(passphrase: &str, name: &str) -> Option<&'static str> {
    /// What people type when asked for a passphrase.
    const WORN: [&str; 14] = [
        "password",
        "passwort",
        "passphrase",
        "letmein",
        "qwertyuiop",
        "qwertzuiop",
        "1234567890",
        "0123456789",
        "abcdefghij",
        "iloveyou",
        "ichliebedich",
        "administrator",
        "welcome",
        "willkommen",
    ];
    let folded: String = passphrase.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let mut distinct: Vec<char> = folded.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if passphrase.chars().count() < 10 || distinct.len() < 5 {
        return Some("member.passphrase_short");
    }
    let bare = folded.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = name.to_lowercase();
    let worn = WORN.contains(&folded.as_str()) || WORN.contains(&bare) || (bare == name && !name.is_empty());
    worn.then_some("member.passphrase_worn")
}

impl Visitor {
    /// Takes one try of this address.
    pub fn try_again_later(&self) -> Result<(), Trouble> {
        self.shared.tries.take(&self.address).map_err(|wait| Trouble::TooOften(self.lang, wait.as_secs() + 1))
    }

    fn wait(&self, until: Timestamp) -> Trouble {
        let seconds = until.duration_since(Timestamp::now()).as_secs();
        Trouble::TooOften(self.lang, seconds.max(0).unsigned_abs() + 1)
    }

    /// Signs in: a new session, never one that the browser brought.
    pub async fn open_session(&self, person: sotto_journal::Person, next: &str) -> Result<Response, Trouble> {
        let id = person.id();
        let cookie = self.shared.sessions.open(person, id, &self.browser);
        let cookie = cookie.map_err(|error| Trouble::Broken(self.lang, error.to_string()))?;
        self.shared.prepare_search(&cookie);
        let members = self.shared.ask(|journal| journal.members()).await?;
        let me = members.ok().and_then(|members| members.into_iter().find(|one| one.id == id));
        self.shared.sessions.set_reviewer(id, me.is_some_and(|me| me.reviewer));
        let mut response = go(next);
        set_cookie(&mut response, COOKIE, &cookie, crate::session::ABSOLUTE.as_secs());
        Ok(response)
    }

    /// Signs in and shows a recovery code, this once.
    async fn open_with_code(
        &self,
        person: sotto_journal::Person,
        code: &RecoveryCode,
        onward: &'static str,
    ) -> Result<Response, Trouble> {
        let day = Timestamp::now().to_zoned_datetime(self.shared.zone.clone()).date();
        let whose = self.lang.fill("code.whose", &[("name", person.name()), ("day", &self.lang.date(day))]);
        let signed_in = self.open_session(person, "/").await?;
        let code = code.reveal().to_string();
        let frame = Frame::new(self.lang, "code.title", None, "/");
        let mut response = page(&CodePage { frame, code, whose, onward });
        if let Some(cookie) = signed_in.headers().get(header::SET_COOKIE) {
            response.headers_mut().insert(header::SET_COOKIE, cookie.clone());
        }
        Ok(response)
    }
}

fn set_cookie(response: &mut Response, name: &str, value: &str, seconds: u64) {
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easy_passphrases_are_refused() {
        let check = |passphrase: &str, easy: bool| {
            assert_eq!(weak(passphrase, "Ada Lovelace").is_some(), easy, "{passphrase}");
        };
        check("four quiet herons wait", false);
        check("Zwölf Boxkämpfer!", false);
        for easy in
            ["short", "aaaaaaaaaaaaaaa", "Password123456", "1234567890", "ababababab", "Passwort 2026"]
        {
            check(easy, true);
        }
    }
}
