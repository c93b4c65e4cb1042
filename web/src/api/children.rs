//! What a guardian sees of a child and may erase. No words and no sound.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use crate::children;
use crate::history::outcome;
use crate::tokens::Scope;
use crate::visitor::Form;

/// That there is a recording, and no more.
#[derive(Serialize, ToSchema)]
pub struct Outline {
    pub id: String,
    pub at: String,
    pub area: Option<String>,
    pub satellite: String,
    pub outcome: String,
    pub seconds: f64,
}

/// A child whom the caller looks after.
#[derive(Serialize, ToSchema)]
pub struct Child {
    pub id: String,
    pub name: String,
    /// How many there are in all.
    pub count: u64,
    /// The newest fifty.
    pub recordings: Vec<Outline>,
}

/// The children whom the caller looks after; not found where there are none.
#[utoipa::path(get, path = "/api/v1/children", security(("token" = ["read"])),
    responses((status = 200, body = Vec<Child>), (status = 404, body = super::caller::Problem)))]
pub async fn children(caller: Caller) -> Result<Json<Vec<Child>>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let outline = |(id, one): (sotto_house::RecordingId, sotto_journal::Outline)| Outline {
        id: id.to_string(),
        at: one.at.to_string(),
        area: one.area.map(|area| area.as_str().to_owned()),
        satellite: one.satellite.as_str().to_owned(),
        outcome: outcome(one.outcome).0.to_owned(),
        seconds: one.length.as_secs_f64(),
    };
    let child = |(ward, seen): (sotto_journal::Ward, sotto_journal::Outlines)| Child {
        id: ward.child.to_string(),
        name: ward.name,
        count: ward.recordings,
        recordings: seen.into_iter().map(outline).collect(),
    };
    Ok(Json(children::wards(&member).await?.into_iter().map(child).collect()))
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Today,
    Week,
    All,
}

/// Of one child: these recordings, or a span of time.
#[derive(Deserialize, ToSchema)]
pub struct EraseOfChild {
    #[serde(default)]
    pub ids: Vec<String>,
    pub what: Option<Span>,
}

#[derive(Serialize, ToSchema)]
pub struct ErasedOfChild {
    /// The number of the receipt.
    pub number: u64,
    pub recordings: u64,
}

/// Erases of a child's for good; the child sees who did.
#[utoipa::path(post, path = "/api/v1/children/{child}/erase", security(("token" = ["erase"])),
    params(("child" = String, Path)), request_body = EraseOfChild, responses((status = 200, body = ErasedOfChild)))]
pub async fn erase(
    caller: Caller,
    Path(child): Path<String>,
    request: Result<Json<EraseOfChild>, JsonRejection>,
) -> Result<Json<ErasedOfChild>, ApiError> {
    let member = caller.may(Scope::Erase)?;
    let EraseOfChild { ids, what } = body(request)?;
    let what = match what {
        Some(Span::Today) => "today",
        Some(Span::Week) => "week",
        Some(Span::All) => "all",
        None => "ticked",
    };
    let mut form = Form::default();
    form.0.push(("child".to_owned(), child));
    form.0.push(("what".to_owned(), what.to_owned()));
    form.0.extend(ids.into_iter().map(|id| ("id".to_owned(), id)));
    let receipt = children::erase_what(&member, &form).await?;
    Ok(Json(ErasedOfChild { number: receipt.erasure, recordings: receipt.count }))
}
