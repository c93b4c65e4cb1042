//! `/api/v1`: what the pages can do, for programs, under the same rules.
//!
//! `Authorization: Bearer TOKEN`, or the cookie of a signed-in browser (which sends `X-Csrf` with what changes
//! something). Described in OpenAPI at `/api/v1/openapi.json`. Words that are searched for come in a body, never in an
//! address. Deliberately absent: anything that a page of the same person would not show.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sotto_house::{Area, PersonId, RecordingId, SatelliteId};
use sotto_journal::{
    BelongError, EraseError, Journal, MemberError, Person, Purpose, ReadError, Selection, StoreError, What,
    Whose,
};
use utoipa::OpenApi;

use crate::Shared;
use crate::api_types as t;
use crate::history::Wish;
use crate::listened::{self, Names};
use crate::port::{PortError, SatelliteChange};
use crate::session::{self, Session};
use crate::tokens::Scope;
use crate::visitor::{self, Form, Member};

/// Recordings on one page, and access records.
const PAGE: usize = 50;
const PAGE_LIMIT: usize = 500;
/// Recordings one request erases by a filter at most.
const ERASED: usize = 100_000;
/// The longest sentence that is explained, in characters.
const SENTENCE: usize = 500;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sotto",
        description = "What the privacy hub's pages can do, for programs of one's own.",
        version = "1"
    ),
    paths(
        me,
        recordings,
        search,
        recording,
        audio,
        erase_one,
        claim,
        dispute,
        hand_over,
        erase,
        receipts,
        access_records,
        settings,
        set_settings,
        people,
        satellites,
        change_satellite,
        revoke_satellite,
        explain
    )
)]
struct Description;

/// The description itself.
pub async fn openapi() -> Response {
    let mut description = serde_json::to_value(Description::openapi()).unwrap_or_default();
    description["components"]["securitySchemes"]["token"] =
        serde_json::json!({ "type": "http", "scheme": "bearer" });
    description["security"] = serde_json::json!([{ "token": [] }]);
    Json(description).into_response()
}

/// Why a request was not done: the status and a text with the remedy.
pub struct ApiError(StatusCode, String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let ApiError(status, error) = self;
        let mut response = (status, Json(t::Problem { error })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn broken(error: impl std::fmt::Display) -> ApiError {
    tracing::error!(%error, "a request failed");
    ApiError(StatusCode::INTERNAL_SERVER_ERROR, "the hub has failed at this; try again".into())
}

fn not_here() -> ApiError {
    ApiError(StatusCode::NOT_FOUND, "there is nothing of yours by that id; it may have been erased".into())
}

fn wrong(why: &str) -> ApiError {
    ApiError(StatusCode::UNPROCESSABLE_ENTITY, why.to_owned())
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        broken(error)
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) | ReadError::NotRecorded(error) => broken(error),
            ReadError::NotMember => unauthorised(),
            error => wrong(&error.to_string()),
        }
    }
}

impl From<MemberError> for ApiError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Store(error) => broken(error),
            MemberError::NotAdministrator | MemberError::NotAdult => {
                ApiError(StatusCode::FORBIDDEN, error.to_string())
            }
            error => wrong(&error.to_string()),
        }
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::NoSuchSatellite => ApiError(StatusCode::NOT_FOUND, error.to_string()),
            error => wrong(&error.to_string()),
        }
    }
}

fn unauthorised() -> ApiError {
    ApiError(StatusCode::UNAUTHORIZED, "send a token of yours; make one under My account".into())
}

/// Somebody, by token or by cookie, and what they may use.
pub struct Caller {
    shared: Arc<Shared>,
    session: Arc<Session<Person>>,
    /// `None` for a browser: all that its person may.
    scopes: Option<Vec<Scope>>,
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Caller, ApiError> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(bearer) = header("authorization") {
            let token = bearer.strip_prefix("Bearer ").and_then(|token| shared.tokens.of(token.trim()));
            let token = token.ok_or_else(unauthorised)?;
            let (session, scopes) = (token.session.clone(), Some(token.scopes.clone()));
            return Ok(Caller { shared: shared.clone(), session, scopes });
        }
        let session = visitor::cookie(&parts.headers, session::COOKIE).and_then(|it| shared.sessions.of(it));
        let session = session.ok_or_else(unauthorised)?;
        let ours = matches!(header("sec-fetch-site"), None | Some("same-origin" | "none"));
        let signed =
            parts.method == Method::GET || session::same(header("x-csrf").unwrap_or_default(), &session.csrf);
        if !ours || !signed {
            return Err(ApiError(
                StatusCode::FORBIDDEN,
                "a browser sends the token of its page in x-csrf".into(),
            ));
        }
        Ok(Caller { shared: shared.clone(), session, scopes: None })
    }
}

impl Caller {
    fn may(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope)) {
            return Ok(());
        }
        let name = Scope::ALL.iter().find(|(known, _)| *known == scope).map_or("", |(_, name)| name);
        Err(ApiError(
            StatusCode::FORBIDDEN,
            format!("this token lacks the scope {name}; make one that has it"),
        ))
    }

    fn administrator(&self) -> Result<(), ApiError> {
        match self.session.person.is_administrator() {
            true => Ok(()),
            false => {
                Err(ApiError(StatusCode::FORBIDDEN, "only an administrator may do that; ask one".into()))
            }
        }
    }

    async fn ask<T, F>(&self, question: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Journal, &Person) -> T + Send + 'static,
    {
        let session = self.session.clone();
        let answer = self.shared.ask(move |journal| question(journal, &session.person)).await;
        answer.map_err(|_| broken("a task was stopped"))
    }
}

fn id(text: &str) -> Result<RecordingId, ApiError> {
    text.parse().map_err(|_| not_here())
}

fn body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, ApiError> {
    body.map(|Json(body)| body).map_err(|error| ApiError(error.status(), error.body_text()))
}

#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = t::Me), (status = 401, body = t::Problem)))]
pub async fn me(caller: Caller) -> Result<Json<t::Me>, ApiError> {
    caller.may(Scope::Read)?;
    let person = &caller.session.person;
    Ok(Json(t::Me {
        id: person.id().to_string(),
        name: person.name().to_owned(),
        role: t::role(person.role()).to_owned(),
        administrator: person.is_administrator(),
    }))
}

/// A filter of which every part is understood: one that was left out would choose more than was asked for, and what is
/// chosen may be erased.
fn wish(form: &Form) -> Result<Wish, ApiError> {
    let wish = Wish::parse(form);
    let understood = wish.fields();
    for (name, value) in &form.0 {
        let page = matches!(name.as_str(), "after" | "limit") || (name == "period" && value == "all");
        if !page && !value.trim().is_empty() && !understood.iter().any(|(known, _)| known == name) {
            let name: String =
                name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(20).collect();
            return Err(wrong(&format!(
                "{name:?} is not understood like that; /api/v1/openapi.json says how"
            )));
        }
    }
    Ok(wish)
}

async fn page(caller: &Caller, form: &Form) -> Result<Json<t::Recordings>, ApiError> {
    let wish = wish(form)?;
    let filter = wish.filter(Timestamp::now(), &caller.shared.zone);
    let after = match form.get("after") {
        "" => None,
        after => Some(after.parse().map_err(|error: ReadError| wrong(&error.to_string()))?),
    };
    let limit = match form.get("limit") {
        "" => PAGE,
        limit => limit
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_LIMIT).contains(limit))
            .ok_or_else(|| wrong(&format!("a limit is a number from 1 to {PAGE_LIMIT}")))?,
    };
    let page = caller
        .ask(move |journal, who| {
            journal.history(who, &filter, after, limit, Purpose::Recall, Timestamp::now())
        })
        .await??;
    let recordings = page.entries.iter().map(t::Recording::from).collect();
    Ok(Json(t::Recordings { recordings, next: page.next.map(|next| next.to_string()) }))
}

/// Newest first; everything that is given must fit.
#[utoipa::path(get, path = "/api/v1/recordings", params(t::Filter),
    responses((status = 200, body = t::Recordings), (status = 401, body = t::Problem), (status = 403, body = t::Problem),
        (status = 422, body = t::Problem)))]
pub async fn recordings(caller: Caller, uri: axum::http::Uri) -> Result<Json<t::Recordings>, ApiError> {
    caller.may(Scope::Read)?;
    let mut form = Form::parse(uri.query().unwrap_or_default().as_bytes());
    form.0.retain(|(name, _)| name != "words");
    page(&caller, &form).await
}

/// The same, with words to search for.
#[utoipa::path(post, path = "/api/v1/search", request_body = t::Search,
    responses((status = 200, body = t::Recordings), (status = 400, body = t::Problem), (status = 401, body = t::Problem),
        (status = 403, body = t::Problem), (status = 415, body = t::Problem), (status = 422, body = t::Problem)))]
pub async fn search(
    caller: Caller,
    search: Result<Json<t::Search>, JsonRejection>,
) -> Result<Json<t::Recordings>, ApiError> {
    caller.may(Scope::Read)?;
    page(&caller, &body(search)?.form()).await
}

#[utoipa::path(get, path = "/api/v1/recordings/{id}", params(("id" = String, Path)),
    responses((status = 200, body = t::Recording), (status = 401, body = t::Problem), (status = 403, body = t::Problem),
        (status = 404, body = t::Problem)))]
pub async fn recording(caller: Caller, Path(text): Path<String>) -> Result<Json<t::Recording>, ApiError> {
    caller.may(Scope::Read)?;
    let id = id(&text)?;
    let entry =
        caller.ask(move |journal, who| journal.entry(id, who, Purpose::Recall, Timestamp::now())).await??;
    entry.as_ref().map(|entry| Json(entry.into())).ok_or_else(not_here)
}

/// Ogg Opus; with range requests. Listening is written to the access log first.
#[utoipa::path(get, path = "/api/v1/recordings/{id}/audio", params(("id" = String, Path)),
    responses((status = 200, content_type = "audio/ogg"), (status = 206, content_type = "audio/ogg"),
        (status = 401, body = t::Problem), (status = 403, body = t::Problem), (status = 404, body = t::Problem)))]
pub async fn audio(
    caller: Caller,
    path: Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    caller.may(Scope::Listen)?;
    let lang = visitor::language(&headers);
    let member = Member { shared: caller.shared, lang, session: caller.session, path: String::new() };
    crate::audio::audio(member, path, headers).await.map_err(|_| not_here())
}

async fn erased(caller: &Caller, what: What) -> Result<Json<t::Receipt>, ApiError> {
    let selection = Selection { whose: Whose::Both, what };
    let receipt = caller.ask(move |journal, who| journal.erase(&selection, who, Timestamp::now())).await?;
    match receipt {
        Ok(receipt) => Ok(Json((&receipt).into())),
        Err(EraseError::Store(error)) => Err(broken(error)),
        Err(_) => Err(unauthorised()),
    }
}

/// Erases one recording for good.
#[utoipa::path(delete, path = "/api/v1/recordings/{id}", params(("id" = String, Path)),
    responses((status = 200, body = t::Receipt), (status = 401, body = t::Problem), (status = 403, body = t::Problem),
        (status = 404, body = t::Problem)))]
pub async fn erase_one(caller: Caller, Path(text): Path<String>) -> Result<Json<t::Receipt>, ApiError> {
    caller.may(Scope::Erase)?;
    let id = id(&text)?;
    if !caller.ask(move |journal, who| journal.opens(id, who)).await?? {
        return Err(not_here());
    }
    erased(&caller, What::These(vec![id])).await
}

/// Erases the recordings that are named, else everything that fits the filter; an empty filter only with
/// `"everything": true`.
#[utoipa::path(post, path = "/api/v1/erase", request_body = t::Erase,
    responses((status = 200, body = t::Receipt), (status = 400, body = t::Problem), (status = 401, body = t::Problem),
        (status = 403, body = t::Problem), (status = 415, body = t::Problem), (status = 422, body = t::Problem)))]
pub async fn erase(
    caller: Caller,
    request: Result<Json<t::Erase>, JsonRejection>,
) -> Result<Json<t::Receipt>, ApiError> {
    caller.may(Scope::Erase)?;
    let request = body(request)?;
    let wish = wish(&request.filter.form())?;
    let what = match (&request.ids, wish.is_everything()) {
        (Some(ids), _) => What::These(ids.iter().take(ERASED).filter_map(|id| id.parse().ok()).collect()),
        (None, true) if request.everything => What::Everything,
        (None, true) => {
            return Err(wrong("the filter is empty; to erase everything, say \"everything\": true"));
        }
        (None, false) => {
            let filter = wish.filter(Timestamp::now(), &caller.shared.zone);
            let chosen = caller.ask(move |journal, who| {
                journal.newest(who, &filter, ERASED, Purpose::Request, Timestamp::now())
            });
            What::These(chosen.await??)
        }
    };
    erased(&caller, what).await
}

async fn change_hands<F>(caller: Caller, text: &str, change: F) -> Result<StatusCode, ApiError>
where
    F: FnOnce(&Journal, RecordingId, &Person) -> Result<(), BelongError> + Send + 'static,
{
    caller.may(Scope::Change)?;
    let id = id(text)?;
    match caller.ask(move |journal, who| change(journal, id, who)).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(BelongError::Store(error)) => Err(broken(error)),
        Err(error @ (BelongError::NotTaken | BelongError::NotClaimed)) => Err(wrong(&error.to_string())),
        Err(_) => Err(not_here()),
    }
}

/// "This was me."
#[utoipa::path(post, path = "/api/v1/recordings/{id}/claim", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = t::Problem), (status = 403, body = t::Problem),
        (status = 404, body = t::Problem), (status = 422, body = t::Problem)))]
pub async fn claim(caller: Caller, Path(text): Path<String>) -> Result<StatusCode, ApiError> {
    change_hands(caller, &text, |journal, id, who| journal.claim(id, who, Timestamp::now())).await
}

/// "This was not me."
#[utoipa::path(post, path = "/api/v1/recordings/{id}/dispute", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = t::Problem), (status = 403, body = t::Problem), (status = 404, body = t::Problem)))]
pub async fn dispute(caller: Caller, Path(text): Path<String>) -> Result<StatusCode, ApiError> {
    change_hands(caller, &text, |journal, id, who| journal.dispute(id, who, Timestamp::now())).await
}

/// "This was her."
#[utoipa::path(post, path = "/api/v1/recordings/{id}/hand-over", params(("id" = String, Path)), request_body = t::HandOver,
    responses((status = 204), (status = 400, body = t::Problem), (status = 401, body = t::Problem),
        (status = 403, body = t::Problem), (status = 404, body = t::Problem), (status = 415, body = t::Problem),
        (status = 422, body = t::Problem)))]
pub async fn hand_over(
    caller: Caller,
    Path(text): Path<String>,
    request: Result<Json<t::HandOver>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let to: PersonId = body(request)?.to.parse().map_err(|_| not_here())?;
    change_hands(caller, &text, move |journal, id, who| journal.hand_over(id, who, to, Timestamp::now()))
        .await
}

#[utoipa::path(get, path = "/api/v1/receipts",
    responses((status = 200, body = Vec<t::Receipt>), (status = 401, body = t::Problem), (status = 403, body = t::Problem)))]
pub async fn receipts(caller: Caller) -> Result<Json<Vec<t::Receipt>>, ApiError> {
    caller.may(Scope::Read)?;
    let receipts = caller.ask(|journal, who| journal.receipts(who, PAGE_LIMIT)).await??;
    Ok(Json(receipts.iter().map(t::Receipt::from).collect()))
}

/// Who did what with one's recordings, newest first; `before` is the number of the last one seen.
#[utoipa::path(get, path = "/api/v1/access-records", params(("before" = Option<u64>, Query)),
    responses((status = 200, body = Vec<t::AccessRecord>), (status = 401, body = t::Problem), (status = 403, body = t::Problem),
        (status = 422, body = t::Problem)))]
pub async fn access_records(
    caller: Caller,
    uri: axum::http::Uri,
) -> Result<Json<Vec<t::AccessRecord>>, ApiError> {
    caller.may(Scope::Read)?;
    let before = Form::parse(uri.query().unwrap_or_default().as_bytes()).get("before").to_owned();
    let before = match before.as_str() {
        "" => None,
        number => Some(
            number
                .parse()
                .ok()
                .filter(|n| *n <= i64::MAX as u64)
                .ok_or_else(|| wrong("before is a number of an access record"))?,
        ),
    };
    let (records, names) = caller
        .ask(move |journal, who| -> Result<_, StoreError> {
            let records = journal.access_records(who, before, PAGE_LIMIT)?;
            let names = Names::of(journal, &records)?;
            Ok((records, names))
        })
        .await??;
    let english = &crate::language::all()[0];
    let record = |record| {
        let (who, act, why) = listened::in_words(english, record, &names, caller.session.id);
        t::AccessRecord::new(record, who, act, why)
    };
    Ok(Json(records.iter().map(record).collect()))
}

#[utoipa::path(get, path = "/api/v1/settings",
    responses((status = 200, body = t::Settings), (status = 401, body = t::Problem), (status = 403, body = t::Problem)))]
pub async fn settings(caller: Caller) -> Result<Json<t::Settings>, ApiError> {
    caller.may(Scope::Read)?;
    let settings = caller.ask(|journal, who| journal.settings(who)).await??;
    Ok(Json(settings.into()))
}

#[utoipa::path(put, path = "/api/v1/settings", request_body = t::Settings,
    responses((status = 200, body = t::Settings), (status = 400, body = t::Problem), (status = 401, body = t::Problem),
        (status = 403, body = t::Problem), (status = 415, body = t::Problem), (status = 422, body = t::Problem)))]
pub async fn set_settings(
    caller: Caller,
    settings: Result<Json<t::Settings>, JsonRejection>,
) -> Result<Json<t::Settings>, ApiError> {
    caller.may(Scope::Change)?;
    let settings = body(settings)?;
    let set = move |journal: &Journal, who: &Person| -> Result<t::Settings, MemberError> {
        let chosen = settings.chosen(journal.settings(who)?);
        journal.set_settings(who, chosen, Timestamp::now())?;
        Ok(chosen.into())
    };
    Ok(Json(caller.ask(set).await??))
}

#[utoipa::path(get, path = "/api/v1/people",
    responses((status = 200, body = Vec<t::Me>), (status = 401, body = t::Problem), (status = 403, body = t::Problem)))]
pub async fn people(caller: Caller) -> Result<Json<Vec<t::Me>>, ApiError> {
    caller.may(Scope::Read)?;
    let members = caller.ask(|journal, _| journal.members()).await??;
    Ok(Json(members.iter().map(t::Me::from).collect()))
}

#[utoipa::path(get, path = "/api/v1/satellites",
    responses((status = 200, body = Vec<t::Satellite>), (status = 401, body = t::Problem), (status = 403, body = t::Problem)))]
pub async fn satellites(caller: Caller) -> Result<Json<Vec<t::Satellite>>, ApiError> {
    caller.may(Scope::House)?;
    Ok(Json(caller.shared.port.satellites().iter().map(t::Satellite::from).collect()))
}

fn satellite(text: &str) -> Result<SatelliteId, ApiError> {
    SatelliteId::new(text).map_err(|_| PortError::NoSuchSatellite.into())
}

/// Changes what is given and leaves the rest; for administrators.
#[utoipa::path(patch, path = "/api/v1/satellites/{satellite}", params(("satellite" = String, Path)),
    request_body = t::SatelliteChange,
    responses((status = 204), (status = 400, body = t::Problem), (status = 401, body = t::Problem),
        (status = 403, body = t::Problem), (status = 404, body = t::Problem), (status = 415, body = t::Problem),
        (status = 422, body = t::Problem)))]
pub async fn change_satellite(
    caller: Caller,
    Path(text): Path<String>,
    change: Result<Json<t::SatelliteChange>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    caller.may(Scope::House)?;
    caller.administrator()?;
    let (satellite, change) = (satellite(&text)?, body(change)?);
    let name = |text: &String| Area::new(text).map_err(|error| wrong(&error.to_string()));
    if change.volume.into_iter().chain(change.sensitivity).any(|part| part > 100) {
        return Err(wrong("volume and sensitivity go from 0 to 100"));
    }
    let change = SatelliteChange {
        name: change.name.as_ref().map(name).transpose()?.map(|name| name.as_str().to_owned()),
        area: change.area.as_ref().map(name).transpose()?,
        volume: change.volume,
        sensitivity: change.sensitivity,
        muted: change.muted,
    };
    caller.shared.port.change(satellite, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Never trusted again, at once; for administrators.
#[utoipa::path(delete, path = "/api/v1/satellites/{satellite}", params(("satellite" = String, Path)),
    responses((status = 204), (status = 401, body = t::Problem), (status = 403, body = t::Problem),
        (status = 404, body = t::Problem), (status = 422, body = t::Problem)))]
pub async fn revoke_satellite(caller: Caller, Path(text): Path<String>) -> Result<StatusCode, ApiError> {
    caller.may(Scope::House)?;
    caller.administrator()?;
    caller.shared.port.revoke(satellite(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the house would make of a sentence; nothing is carried out.
#[utoipa::path(post, path = "/api/v1/explain", request_body = t::Explain,
    responses((status = 200, body = t::Explanation), (status = 400, body = t::Problem), (status = 401, body = t::Problem),
        (status = 403, body = t::Problem), (status = 415, body = t::Problem), (status = 422, body = t::Problem),
        (status = 429, body = t::Problem)))]
pub async fn explain(
    caller: Caller,
    request: Result<Json<t::Explain>, JsonRejection>,
) -> Result<Json<t::Explanation>, ApiError> {
    caller.may(Scope::House)?;
    let request = body(request)?;
    caller.shared.heavy.take(&caller.session.id).map_err(|wait| {
        ApiError(StatusCode::TOO_MANY_REQUESTS, format!("wait {} s, then try again", wait.as_secs() + 1))
    })?;
    let text: String = request.text.chars().filter(|c| !c.is_control()).take(SENTENCE).collect();
    let area = request.area.as_ref().map(|area| Area::new(area)).transpose();
    let area = area.map_err(|error| wrong(&error.to_string()))?;
    let explained = caller.shared.port.explain(text, area).await?;
    Ok(Json(explained.into()))
}
