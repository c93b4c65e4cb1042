//! What the house keeps of the caller, and what is decided for everybody.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sotto_house::{FalseWakes as KeepFalseWakes, Retention};
use sotto_journal as journal;
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use crate::settings::{self, FALSE_WAKES, OfHouse, RETENTIONS, refused};
use crate::tokens::Scope;

/// How long recordings are kept.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    NotAtAll,
    Day,
    Week,
    Month,
    ThreeMonths,
    EighteenMonths,
    UntilErased,
}

impl Keep {
    /// In the order of [`RETENTIONS`].
    const ALL: [Keep; 7] = [
        Keep::NotAtAll,
        Keep::Day,
        Keep::Week,
        Keep::Month,
        Keep::ThreeMonths,
        Keep::EighteenMonths,
        Keep::UntilErased,
    ];

    fn of(retention: Retention) -> Keep {
        Keep::ALL[RETENTIONS.iter().position(|(known, _)| *known == retention).unwrap_or(0)]
    }

    fn retention(self) -> Retention {
        RETENTIONS[self as usize].0
    }
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct Settings {
    pub keep: Keep,
    pub transcripts: bool,
    pub review: bool,
    pub training: bool,
    pub voice_erasure: bool,
    /// Whether the voice is recognised. This and what follows stays as it is where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognise: Option<bool>,
    /// Whether words go out over MQTT when the voice was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_out: Option<bool>,
    /// Whether others may hand recordings over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<bool>,
}

impl From<journal::Settings> for Settings {
    fn from(settings: journal::Settings) -> Settings {
        Settings {
            keep: Keep::of(settings.keep),
            transcripts: settings.transcripts,
            review: settings.review,
            training: settings.training,
            voice_erasure: settings.voice_erasure,
            recognise: Some(settings.recognise),
            words_out: Some(settings.words_out),
            given: Some(settings.given),
        }
    }
}

impl Settings {
    /// What was chosen, over what holds `now`.
    pub fn chosen(&self, now: journal::Settings) -> journal::Settings {
        journal::Settings {
            keep: self.keep.retention(),
            transcripts: self.transcripts,
            review: self.review,
            training: self.training,
            voice_erasure: self.voice_erasure,
            recognise: self.recognise.unwrap_or(now.recognise),
            words_out: self.words_out.unwrap_or(now.words_out),
            given: self.given.unwrap_or(now.given),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/settings", security(("token" = ["read"])), responses((status = 200, body = Settings)))]
pub async fn own(caller: Caller) -> Result<Json<Settings>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let settings = member.ask(|journal, who| journal.settings(who)).await?;
    Ok(Json(settings.map_err(|error| refused(member.lang, &error))?.into()))
}

/// Takes effect at once, for what is kept already too.
#[utoipa::path(put, path = "/api/v1/settings", security(("token" = ["change"])), request_body = Settings,
    responses((status = 200, body = Settings)))]
pub async fn set_own(
    caller: Caller,
    settings: Result<Json<Settings>, JsonRejection>,
) -> Result<Json<Settings>, ApiError> {
    let member = caller.may(Scope::Change)?;
    let settings = body(settings)?;
    let set = member.ask(move |journal, who| -> Result<Settings, journal::MemberError> {
        let chosen = settings.chosen(journal.settings(who)?);
        journal.set_settings(who, chosen, Timestamp::now())?;
        Ok(chosen.into())
    });
    Ok(Json(set.await?.map_err(|error| refused(member.lang, &error))?))
}

/// How long what woke a satellite by mistake is kept.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FalseWakes {
    NotAtAll,
    Minutes,
    Day,
}

impl FalseWakes {
    /// In the order of [`FALSE_WAKES`].
    const ALL: [FalseWakes; 3] = [FalseWakes::NotAtAll, FalseWakes::Minutes, FalseWakes::Day];

    fn of(keep: KeepFalseWakes) -> FalseWakes {
        FalseWakes::ALL[FALSE_WAKES.iter().position(|(known, _)| *known == keep).unwrap_or(0)]
    }
}

#[derive(Serialize, ToSchema)]
pub struct AreaKeep {
    pub area: String,
    pub keep: Keep,
}

/// What is decided for everybody.
#[derive(Serialize, ToSchema)]
pub struct HouseSettings {
    /// How long recordings stay that are nobody's in particular.
    pub keep: Keep,
    pub false_wakes: FalseWakes,
    /// Whether those may be claimed.
    pub claims: bool,
    /// Areas that keep for a shorter time.
    pub areas: Vec<AreaKeep>,
}

#[derive(Deserialize, ToSchema)]
pub struct SetHouse {
    pub keep: Keep,
    pub false_wakes: FalseWakes,
    pub claims: bool,
}

#[utoipa::path(get, path = "/api/v1/settings/house", security(("token" = ["read"])),
    responses((status = 200, body = HouseSettings)))]
pub async fn house(caller: Caller) -> Result<Json<HouseSettings>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let (OfHouse { keep, false_wakes, claims }, areas) = settings::of_house(&member).await?;
    let area = |(area, keep): (sotto_house::Area, Retention)| AreaKeep {
        area: area.as_str().to_owned(),
        keep: Keep::of(keep),
    };
    Ok(Json(HouseSettings {
        keep: Keep::of(keep),
        false_wakes: FalseWakes::of(false_wakes),
        claims,
        areas: areas.into_iter().map(area).collect(),
    }))
}

/// For adults.
#[utoipa::path(put, path = "/api/v1/settings/house", security(("token" = ["change"])), request_body = SetHouse,
    responses((status = 204)))]
pub async fn set_house(
    caller: Caller,
    request: Result<Json<SetHouse>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    let SetHouse { keep, false_wakes, claims } = body(request)?;
    let (false_wakes, _) = FALSE_WAKES[false_wakes as usize];
    settings::set_house(&member, OfHouse { keep: keep.retention(), false_wakes, claims }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct SetArea {
    #[schema(min_length = 1, max_length = 60)]
    pub area: String,
    /// `until_erased` takes the limit away.
    pub keep: Keep,
}

/// How long an area keeps at most, whoever spoke; for adults.
#[utoipa::path(put, path = "/api/v1/settings/areas", security(("token" = ["change"])), request_body = SetArea,
    responses((status = 204)))]
pub async fn set_area(
    caller: Caller,
    request: Result<Json<SetArea>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    let SetArea { area, keep } = body(request)?;
    settings::set_area(&member, &area, keep.retention()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::retention;

    #[test]
    fn every_retention_is_spelled_as_on_the_page() {
        for (keep, (chosen, name)) in Keep::ALL.iter().zip(RETENTIONS) {
            assert_eq!(serde_json::to_value(keep).unwrap(), name);
            assert_eq!(retention(name), Some(chosen));
        }
        for (keep, (chosen, name)) in FalseWakes::ALL.iter().zip(FALSE_WAKES) {
            assert_eq!(serde_json::to_value(keep).unwrap(), name);
            assert_eq!(FALSE_WAKES[*keep as usize].0, chosen);
        }
    }
}
