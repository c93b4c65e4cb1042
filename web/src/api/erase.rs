//! Erasing for good, and the receipts of it.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use serde::{Deserialize, Serialize};
use sotto_house::RecordingId;
use sotto_journal::{self as journal, What};
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body, object};
use super::recordings::{Filter, wish};
use crate::erase::{self, Chosen};
use crate::history::still_mine;
use crate::session::hex;
use crate::tokens::Scope;
use crate::trouble::Trouble;
use crate::visitor::Member;

/// Recordings that one request names at most.
const NAMED: usize = 100_000;

/// What is to be erased.
#[derive(Deserialize, ToSchema)]
pub struct Erase {
    /// These recordings; without it, all that fit the filter.
    pub ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "object")]
    pub filter: Filter,
    /// Must be true for an empty filter.
    #[serde(default)]
    pub everything: bool,
}

impl Erase {
    /// What is chosen; everything only where it is said twice.
    fn chosen(&self) -> Result<Chosen, ApiError> {
        let wish = wish(&self.filter.form())?;
        match &self.ids {
            Some(ids) => {
                let ids: Vec<RecordingId> = ids.iter().take(NAMED).filter_map(|id| id.parse().ok()).collect();
                Ok(Chosen::Ticked(ids))
            }
            None if wish.is_everything() && !self.everything => {
                Err(ApiError::refused("the filter is empty; to erase everything, say \"everything\": true"))
            }
            None => Ok(Chosen::Wished(wish)),
        }
    }
}

/// Proof of an erasure.
#[derive(Serialize, ToSchema)]
pub struct Receipt {
    pub number: u64,
    pub at: String,
    pub recordings: u64,
    /// `page` or how else it was asked.
    pub asked: String,
    /// Ed25519 by the hub, hexadecimal.
    pub signature: String,
    /// The hub's verifying key, hexadecimal.
    pub hub_key: String,
}

fn proof(member: &Member, receipt: &journal::Receipt) -> Receipt {
    Receipt {
        number: receipt.erasure,
        at: receipt.at.to_string(),
        recordings: receipt.count,
        asked: format!("{:?}", receipt.asked).to_lowercase(),
        signature: hex(&receipt.signature),
        hub_key: hex(&member.shared.journal.verifying_key()),
    }
}

/// Erases one recording for good.
#[utoipa::path(delete, path = "/api/v1/recordings/{id}", security(("token" = ["erase"])), params(("id" = String, Path)),
    responses((status = 200, body = Receipt)))]
pub async fn one(caller: Caller, Path(id): Path<String>) -> Result<Json<Receipt>, ApiError> {
    let member = caller.may(Scope::Erase)?;
    let id = id.parse().map_err(|_| Trouble::NotHere(member.lang))?;
    if !still_mine(&member, id).await? {
        return Err(Trouble::NotHere(member.lang).into());
    }
    let receipt = erase::erase_what(&member, What::These(vec![id])).await?;
    Ok(Json(proof(&member, &receipt)))
}

/// Erases the recordings that are named, else everything that fits the filter; an empty filter only with
/// `"everything": true`.
#[utoipa::path(post, path = "/api/v1/erase", security(("token" = ["erase"])), request_body = Erase,
    responses((status = 200, body = Receipt)))]
pub async fn chosen(
    caller: Caller,
    request: Result<Json<Erase>, JsonRejection>,
) -> Result<Json<Receipt>, ApiError> {
    let member = caller.may(Scope::Erase)?;
    let what = match body(request)?.chosen()? {
        Chosen::Wished(wish) if wish.is_everything() => What::Everything,
        chosen => What::These(chosen.ids(&member).await?),
    };
    let receipt = erase::erase_what(&member, what).await?;
    Ok(Json(proof(&member, &receipt)))
}

#[derive(Serialize, ToSchema)]
pub struct Count {
    pub recordings: u64,
}

/// How many recordings the same request would erase; erases nothing.
#[utoipa::path(post, path = "/api/v1/erase/count", security(("token" = ["erase"])), request_body = Erase,
    responses((status = 200, body = Count)))]
pub async fn count(
    caller: Caller,
    request: Result<Json<Erase>, JsonRejection>,
) -> Result<Json<Count>, ApiError> {
    let member = caller.may(Scope::Erase)?;
    let recordings = body(request)?.chosen()?.ids(&member).await?.len() as u64;
    Ok(Json(Count { recordings }))
}

/// Of what the caller erased, and of what the hub erased for them; the newest first.
#[utoipa::path(get, path = "/api/v1/receipts", security(("token" = ["read"])),
    responses((status = 200, body = Vec<Receipt>)))]
pub async fn receipts(caller: Caller) -> Result<Json<Vec<Receipt>>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let receipts = erase::receipts(&member).await?;
    Ok(Json(receipts.iter().map(|receipt| proof(&member, receipt)).collect()))
}

#[utoipa::path(get, path = "/api/v1/receipts/{number}", security(("token" = ["read"])), params(("number" = String, Path)),
    responses((status = 200, body = Receipt)))]
pub async fn receipt(caller: Caller, Path(number): Path<String>) -> Result<Json<Receipt>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let receipt = erase::receipt(&member, &number).await?;
    Ok(Json(proof(&member, &receipt)))
}
