//! Who listened, whether that log is whole, and one's archive to take away.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sotto_journal as journal;
use utoipa::ToSchema;

use super::caller::{ApiError, Caller};
use crate::session::locked;
use crate::tokens::Scope;
use crate::visitor::Form;
use crate::{listened, takeaway};

/// Access records in one answer.
const PAGE: usize = 500;

#[derive(Serialize, ToSchema)]
pub struct AccessRecord {
    pub number: u64,
    pub at: String,
    pub who: String,
    pub act: String,
    pub why: String,
    /// `mine` or `house`.
    pub of: String,
    pub count: u64,
    /// Which, when they are few.
    pub recordings: Vec<String>,
}

impl AccessRecord {
    pub fn new(record: &journal::AccessRecord, who: String, act: &str, why: &str) -> AccessRecord {
        AccessRecord {
            number: record.seq,
            at: record.at.to_string(),
            who,
            act: act.to_owned(),
            why: why.to_owned(),
            of: if record.subject == journal::Owner::House { "house" } else { "mine" }.to_owned(),
            count: record.count,
            recordings: record.recordings.iter().map(|id| id.to_string()).collect(),
        }
    }
}

/// Who did what with one's recordings, newest first; `before` is the number of the last one seen.
#[utoipa::path(get, path = "/api/v1/access-records", security(("token" = ["read"])),
    params(("before" = Option<u64>, Query, minimum = 0, maximum = 9223372036854775807_f64)),
    responses((status = 200, body = Vec<AccessRecord>)))]
pub async fn access_records(caller: Caller, uri: Uri) -> Result<Json<Vec<AccessRecord>>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let number = |text: &str| text.parse().ok().filter(|n| *n <= i64::MAX as u64);
    let before = match Form::parse(uri.query().unwrap_or_default().as_bytes()).get("before") {
        "" => None,
        text => {
            Some(number(text).ok_or_else(|| ApiError::refused("before is a number of an access record"))?)
        }
    };
    let (records, names) = listened::records(&member, before, PAGE).await?;
    let record = |record| {
        let (who, act, why) = listened::in_words(member.lang, record, &names, member.session.id);
        AccessRecord::new(record, who, act, why)
    };
    Ok(Json(records.iter().map(record).collect()))
}

#[derive(Serialize, ToSchema)]
pub struct Verdict {
    /// Whether the chain of access records holds; read whole every ten minutes at most.
    pub intact: bool,
}

/// Whether anything was taken out of the access log or changed in it.
#[utoipa::path(get, path = "/api/v1/access-records/verdict", security(("token" = ["read"])),
    responses((status = 200, body = Verdict)))]
pub async fn verdict(caller: Caller) -> Result<Json<Verdict>, ApiError> {
    let member = caller.may(Scope::Read)?;
    Ok(Json(Verdict { intact: member.shared.intact().await? }))
}

/// All that is the caller's own, as a zip: sound, words, access records, and a page to read them with.
#[utoipa::path(post, path = "/api/v1/export", security(("token" = ["listen"])),
    responses((status = 200, content_type = "application/zip")))]
pub async fn export(caller: Caller) -> Result<Response, ApiError> {
    Ok(takeaway::archive(caller.may(Scope::Listen)?).await?)
}

#[derive(Serialize, ToSchema)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// How far the archive is that is being made, if one is.
#[utoipa::path(get, path = "/api/v1/export/progress", security(("token" = ["listen"])),
    responses((status = 200, body = Progress), (status = 204, description = "none is being made")))]
pub async fn export_progress(caller: Caller) -> Result<Response, ApiError> {
    let member = caller.may(Scope::Listen)?;
    let taking = *locked(&member.session.taking);
    Ok(match taking {
        Some(at) => Json(Progress { done: at.done, total: at.total }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}
