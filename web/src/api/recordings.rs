//! Recordings: found, read, heard, and whose they are.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sotto_house::PersonId;
use sotto_journal::{self as journal, Purpose, ReadError};
use utoipa::{IntoParams, ToSchema};
use zeroize::Zeroizing;

use super::caller::{ApiError, Caller, body, object};
use crate::history::{self, Wish, outcome, read_trouble};
use crate::recording::hand;
use crate::tokens::Scope;
use crate::trouble::Trouble;
use crate::visitor::{Form, Member};

/// Recordings on one page.
const PAGE: usize = 50;
const PAGE_LIMIT: usize = 500;

/// Which recordings: everything that is given must fit.
#[derive(Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// `ten` is the last ten minutes.
    #[param(pattern = "^(all|ten|hour|today|yesterday|week|month)$")]
    #[schema(pattern = "^(all|ten|hour|today|yesterday|week|month)$")]
    pub period: Option<String>,
    /// First day, as `2026-11-24`.
    #[param(format = Date)]
    #[schema(format = Date)]
    pub from: Option<String>,
    /// Last day.
    #[param(format = Date)]
    #[schema(format = Date)]
    pub to: Option<String>,
    #[param(pattern = "^(mine|house)$")]
    #[schema(pattern = "^(mine|house)$")]
    pub person: Option<String>,
    pub area: Option<String>,
    pub satellite: Option<String>,
    /// `done`, `not_understood`, `false_wake`, `nothing_said`, `answered_elsewhere`, `refused`, `not_reached`,
    /// `interrupted` or `not_heard`.
    pub outcome: Option<String>,
    /// Where the next page begins, from the page before.
    pub after: Option<String>,
    /// 1 to 500; 50 without it.
    #[param(minimum = 1, maximum = 500)]
    #[schema(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

impl Filter {
    pub fn form(&self) -> Form {
        let fields = [
            ("period", &self.period),
            ("from", &self.from),
            ("to", &self.to),
            ("person", &self.person),
            ("area", &self.area),
            ("satellite", &self.satellite),
            ("outcome", &self.outcome),
            ("after", &self.after),
        ];
        let mut form = Form::default();
        for (name, value) in fields {
            form.0.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        form.0.extend(self.limit.map(|limit| ("limit".to_owned(), limit.to_string())));
        form
    }
}

/// A filter with words, each of which is in transcript, intent or slots.
#[derive(Deserialize, ToSchema)]
pub struct Search {
    pub words: String,
    #[serde(default, deserialize_with = "object")]
    pub filter: Filter,
}

impl Search {
    pub fn form(&self) -> Form {
        let mut form = self.filter.form();
        form.0.push(("words".to_owned(), self.words.clone()));
        form
    }
}

#[derive(Deserialize, ToSchema)]
pub struct HandOver {
    /// The id of the person whose it is.
    pub to: String,
}

#[derive(Serialize, ToSchema)]
pub struct Slot {
    pub name: String,
    pub value: String,
}

#[derive(Serialize, ToSchema)]
pub struct Stage {
    pub stage: String,
    /// Milliseconds since the trigger at which it was reached.
    pub ms: u32,
}

/// One recording with its words.
#[derive(Serialize, ToSchema)]
pub struct Recording {
    pub id: String,
    /// When the wake word was heard, RFC 3339.
    pub at: String,
    /// `mine` or `house`.
    pub person: String,
    pub area: Option<String>,
    pub satellite: String,
    pub outcome: String,
    pub seconds: f64,
    /// When it goes by itself.
    pub expires: Option<String>,
    pub transcript: Option<String>,
    pub intent: Option<String>,
    pub slots: Vec<Slot>,
    pub stages: Vec<Stage>,
}

impl From<&journal::Entry> for Recording {
    fn from(entry: &journal::Entry) -> Recording {
        let words = entry.words.clone().unwrap_or_default();
        let slot = |(name, value): &(String, _)| Slot { name: name.clone(), value: text(value) };
        let stage = |(stage, ms): &(String, u32)| Stage { stage: stage.clone(), ms: *ms };
        Recording {
            id: entry.recording.to_string(),
            at: entry.at.to_string(),
            person: if entry.owner == journal::Owner::House { "house" } else { "mine" }.to_owned(),
            area: entry.area.as_ref().map(|area| area.as_str().to_owned()),
            satellite: entry.satellite.as_str().to_owned(),
            outcome: outcome(entry.outcome).0.to_owned(),
            seconds: entry.length.as_secs_f64(),
            expires: entry.expires.map(|at| at.to_string()),
            transcript: words.transcript.as_ref().map(text),
            intent: words.intent.clone(),
            slots: words.slots.iter().map(slot).collect(),
            stages: words.stages.iter().map(stage).collect(),
        }
    }
}

fn text(text: &Zeroizing<String>) -> String {
    text.to_string()
}

#[derive(Serialize, ToSchema)]
pub struct Recordings {
    pub recordings: Vec<Recording>,
    /// To be sent as `after` for the next page.
    pub next: Option<String>,
}

/// A filter of which every part is understood: one that was left out would choose more than was asked for, and what is
/// chosen may be erased.
pub fn wish(form: &Form) -> Result<Wish, ApiError> {
    let wish = Wish::parse(form);
    let understood = wish.fields();
    for (name, value) in &form.0 {
        let page = matches!(name.as_str(), "after" | "limit") || (name == "period" && value == "all");
        if !page && !value.trim().is_empty() && !understood.iter().any(|(known, _)| known == name) {
            let name: String =
                name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(20).collect();
            return Err(ApiError::refused(format!(
                "{name:?} is not understood like that; /api/v1/openapi.json says how"
            )));
        }
    }
    Ok(wish)
}

async fn page(member: &Member, form: &Form) -> Result<Json<Recordings>, ApiError> {
    let wish = wish(form)?;
    let filter = wish.filter(Timestamp::now(), member.zone());
    let after = match form.get("after") {
        "" => None,
        after => Some(after.parse().map_err(|error: ReadError| ApiError::refused(error.to_string()))?),
    };
    let limit = match form.get("limit") {
        "" => PAGE,
        limit => limit
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_LIMIT).contains(limit))
            .ok_or_else(|| ApiError::refused(format!("a limit is a number from 1 to {PAGE_LIMIT}")))?,
    };
    let page = member.ask(move |journal, who| {
        journal.history(who, &filter, after, limit, Purpose::Recall, Timestamp::now())
    });
    let page = page.await?.map_err(|error| read_trouble(member.lang, error))?;
    let recordings = page.entries.iter().map(Recording::from).collect();
    Ok(Json(Recordings { recordings, next: page.next.map(|next| next.to_string()) }))
}

/// Newest first; everything that is given must fit.
#[utoipa::path(get, path = "/api/v1/recordings", security(("token" = ["read"])), params(Filter),
    responses((status = 200, body = Recordings)))]
pub async fn recordings(caller: Caller, uri: Uri) -> Result<Json<Recordings>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let mut form = Form::parse(uri.query().unwrap_or_default().as_bytes());
    form.0.retain(|(name, _)| name != "words");
    page(&member, &form).await
}

/// The same, with words to search for.
#[utoipa::path(post, path = "/api/v1/search", security(("token" = ["read"])), request_body = Search,
    responses((status = 200, body = Recordings)))]
pub async fn search(
    caller: Caller,
    search: Result<Json<Search>, JsonRejection>,
) -> Result<Json<Recordings>, ApiError> {
    let member = caller.may(Scope::Read)?;
    page(&member, &body(search)?.form()).await
}

/// Server-sent events: `changed` whenever the newest recordings are others. Says no more than that.
#[utoipa::path(get, path = "/api/v1/changes", security(("token" = ["read"])),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub async fn changes(caller: Caller) -> Result<Response, ApiError> {
    let by_token = caller.by_token();
    Ok(history::changes(caller.may(Scope::Read)?, by_token))
}

#[utoipa::path(get, path = "/api/v1/recordings/{id}", security(("token" = ["read"])), params(("id" = String, Path)),
    responses((status = 200, body = Recording)))]
pub async fn recording(caller: Caller, Path(id): Path<String>) -> Result<Json<Recording>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let nothing = || Trouble::NotHere(member.lang);
    let id = id.parse().map_err(|_| nothing())?;
    let entry = member.ask(move |journal, who| journal.entry(id, who, Purpose::Recall, Timestamp::now()));
    let entry = entry.await?.map_err(|error| read_trouble(member.lang, error))?;
    Ok(Json((&entry.ok_or_else(nothing)?).into()))
}

/// Ogg Opus; with range requests. Listening is written to the access log first.
#[utoipa::path(get, path = "/api/v1/recordings/{id}/audio", security(("token" = ["listen"])),
    params(("id" = String, Path)),
    responses((status = 200, content_type = "audio/ogg"), (status = 206, content_type = "audio/ogg")))]
pub async fn audio(
    caller: Caller,
    path: Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    Ok(crate::audio::audio(caller.may(Scope::Listen)?, path, headers).await?)
}

/// "This was me."
#[utoipa::path(post, path = "/api/v1/recordings/{id}/claim", security(("token" = ["change"])),
    params(("id" = String, Path)), responses((status = 204)))]
pub async fn claim(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    hand(&member, &id, |journal, id, who, now| journal.claim(id, who, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// "This was not me."
#[utoipa::path(post, path = "/api/v1/recordings/{id}/dispute", security(("token" = ["change"])),
    params(("id" = String, Path)), responses((status = 204)))]
pub async fn dispute(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    hand(&member, &id, |journal, id, who, now| journal.dispute(id, who, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// "This was her."
#[utoipa::path(post, path = "/api/v1/recordings/{id}/hand-over", security(("token" = ["change"])),
    params(("id" = String, Path)), request_body = HandOver, responses((status = 204)))]
pub async fn hand_over(
    caller: Caller,
    Path(id): Path<String>,
    request: Result<Json<HandOver>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    let to: PersonId = body(request)?.to.parse().map_err(|_| Trouble::NotHere(member.lang))?;
    hand(&member, &id, move |journal, id, who, now| journal.hand_over(id, who, to, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}
