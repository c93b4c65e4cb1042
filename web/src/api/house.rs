//! Satellites: seen by everybody; paired, changed and revoked by administrators.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use crate::house;
use crate::port::{self, PairingState};
use crate::tokens::Scope;

#[derive(Serialize, ToSchema)]
pub struct Satellite {
    pub id: String,
    pub name: String,
    pub area: Option<String>,
    /// `ready`, `listening`, `speaking`, `muted_by_hand`, `muted_here` or `away`.
    pub state: String,
    pub volume: u8,
    pub sensitivity: u8,
    /// Bytes of audio that left its room today.
    pub bytes_today: u64,
    pub false_wakes_today: u32,
    pub version: String,
    /// A program that the hub has for it and that it does not run yet.
    pub update: Option<String>,
    /// When it last heard its wake word.
    pub last_heard: Option<String>,
}

impl From<&port::Satellite> for Satellite {
    fn from(one: &port::Satellite) -> Satellite {
        let state = match one.state {
            port::SatelliteState::Ready => "ready",
            port::SatelliteState::Listening => "listening",
            port::SatelliteState::Speaking => "speaking",
            port::SatelliteState::MutedByHand => "muted_by_hand",
            port::SatelliteState::MutedHere => "muted_here",
            port::SatelliteState::Away => "away",
        };
        Satellite {
            id: one.id.as_str().to_owned(),
            name: one.name.clone(),
            area: one.area.as_ref().map(|area| area.as_str().to_owned()),
            state: state.to_owned(),
            volume: one.volume,
            sensitivity: one.sensitivity,
            bytes_today: one.bytes_today,
            false_wakes_today: one.false_wakes_today,
            version: one.version.clone(),
            update: one.update.clone(),
            last_heard: one.last_heard.and_then(|at| Timestamp::try_from(at).ok()).map(|at| at.to_string()),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/satellites", security(("token" = ["house"])),
    responses((status = 200, body = Vec<Satellite>)))]
pub async fn satellites(caller: Caller) -> Result<Json<Vec<Satellite>>, ApiError> {
    let member = caller.may(Scope::House)?;
    Ok(Json(member.shared.port.satellites().iter().map(Satellite::from).collect()))
}

/// What is given is changed, the rest stays.
#[derive(Deserialize, ToSchema)]
pub struct SatelliteChange {
    #[schema(min_length = 1, max_length = 60)]
    pub name: Option<String>,
    #[schema(min_length = 1, max_length = 60)]
    pub area: Option<String>,
    #[schema(minimum = 0, maximum = 100)]
    pub volume: Option<u32>,
    #[schema(minimum = 0, maximum = 100)]
    pub sensitivity: Option<u32>,
    pub muted: Option<bool>,
}

/// Renames, mutes, sets volume or sensitivity; for administrators.
#[utoipa::path(patch, path = "/api/v1/satellites/{satellite}", security(("token" = ["house"])),
    params(("satellite" = String, Path)), request_body = SatelliteChange, responses((status = 204)))]
pub async fn change(
    caller: Caller,
    Path(satellite): Path<String>,
    change: Result<Json<SatelliteChange>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    member.administrator()?;
    let change = body(change)?;
    let wanted = house::Change {
        name: change.name.as_deref(),
        area: change.area.as_deref(),
        volume: change.volume,
        sensitivity: change.sensitivity,
        muted: change.muted,
    };
    house::alter(&member, &satellite, wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Never trusted again, at once; for administrators.
#[utoipa::path(delete, path = "/api/v1/satellites/{satellite}", security(("token" = ["house"])),
    params(("satellite" = String, Path)), responses((status = 204)))]
pub async fn revoke(caller: Caller, Path(satellite): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    house::banish(&member, &satellite).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a satellite fetch the program that the hub has for it; for administrators.
#[utoipa::path(post, path = "/api/v1/satellites/{satellite}/update", security(("token" = ["house"])),
    params(("satellite" = String, Path)), responses((status = 204)))]
pub async fn update(caller: Caller, Path(satellite): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    house::renew(&member, &satellite).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How loud it is at each satellite, 0 to 100; for administrators. Asking makes them tell it for three seconds.
#[utoipa::path(get, path = "/api/v1/satellites/levels", security(("token" = ["house"])),
    responses((status = 200, body = BTreeMap<String, u8>)))]
pub async fn levels(caller: Caller) -> Result<Json<BTreeMap<String, u8>>, ApiError> {
    Ok(Json(house::loudness(&caller.may(Scope::House)?)?))
}

/// A satellite that belongs to no hub yet.
#[derive(Serialize, ToSchema)]
pub struct Found {
    pub id: String,
    pub name: String,
    pub version: String,
}

#[derive(Serialize, ToSchema)]
pub struct Pairing {
    /// `none`, `waiting`, `paired` or `burnt`.
    pub state: String,
    /// To be typed at the satellite, while it waits.
    pub code: Option<String>,
    pub expires: Option<String>,
    /// The satellite that came.
    pub satellite: Option<String>,
    /// Satellites that say they belong to no hub yet.
    pub found: Vec<Found>,
}

fn pairing_of(pairing: Option<port::Pairing>, found: Vec<port::FoundSatellite>) -> Pairing {
    let one = |one: port::FoundSatellite| Found {
        id: one.id.as_str().to_owned(),
        name: one.name,
        version: one.version,
    };
    let found = found.into_iter().map(one).collect();
    let Some(pairing) = pairing else {
        return Pairing { state: "none".to_owned(), code: None, expires: None, satellite: None, found };
    };
    let waiting = pairing.state == PairingState::Waiting;
    let (state, satellite) = match pairing.state {
        PairingState::Waiting => ("waiting", None),
        PairingState::Paired(id) => ("paired", Some(id.as_str().to_owned())),
        PairingState::Burnt => ("burnt", None),
    };
    let expires = Timestamp::try_from(pairing.expires).ok().map(|at| at.to_string());
    Pairing {
        state: state.to_owned(),
        code: waiting.then_some(pairing.code),
        expires: expires.filter(|_| waiting),
        satellite,
        found,
    }
}

/// The pairing under way, and what could be paired; for administrators.
#[utoipa::path(get, path = "/api/v1/pairing", security(("token" = ["house"])), responses((status = 200, body = Pairing)))]
pub async fn pairing(caller: Caller) -> Result<Json<Pairing>, ApiError> {
    let member = caller.may(Scope::House)?;
    member.administrator()?;
    let port = &member.shared.port;
    Ok(Json(pairing_of(port.pairing(), port.found())))
}

/// Makes a one-time code to be typed at a satellite; for administrators. A code that was out is burnt.
#[utoipa::path(post, path = "/api/v1/pairing", security(("token" = ["house"])), responses((status = 200, body = Pairing)))]
pub async fn begin_pairing(caller: Caller) -> Result<Json<Pairing>, ApiError> {
    let member = caller.may(Scope::House)?;
    let begun = house::administer(&member, |port| port.begin_pairing()).await?;
    Ok(Json(pairing_of(Some(begun), member.shared.port.found())))
}

#[utoipa::path(delete, path = "/api/v1/pairing", security(("token" = ["house"])), responses((status = 204)))]
pub async fn cancel_pairing(caller: Caller) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    house::administer(&member, |port| port.cancel_pairing()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct PairFound {
    /// Of those that were found.
    pub satellite: String,
    /// The code that it showed, spoke or printed.
    #[schema(max_length = 64)]
    pub code: String,
}

/// Pairs with a satellite that was found; for administrators.
#[utoipa::path(post, path = "/api/v1/pairing/found", security(("token" = ["house"])), request_body = PairFound,
    responses((status = 204), (status = 404, body = super::caller::Problem)))]
pub async fn pair_found(
    caller: Caller,
    request: Result<Json<PairFound>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    member.administrator()?;
    let request = body(request)?;
    house::pair(&member, &request.satellite, &request.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
