//! Speech engines and models: what there is, fetching one, stopping that, removing one.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{ApiError, Caller};
use crate::house::administer;
use crate::models::known;
use crate::port::{self, ModelState};
use crate::tokens::Scope;

#[derive(Serialize, ToSchema)]
pub struct Model {
    pub name: String,
    /// `speech` or `voices`.
    pub kind: String,
    pub purpose: String,
    /// Understands more than English, or does not care.
    pub multilingual: bool,
    pub licence: String,
    /// In bytes.
    pub size: Option<u64>,
    /// What suits this house and this machine.
    pub recommended: bool,
    /// `in_use`, `installed`, `being_fetched`, `not_installed` or `failed`.
    pub state: String,
    /// While it is being fetched, from 0 to 1 where that is known.
    pub progress: Option<f32>,
    /// Why it failed, and what to do.
    pub error: Option<String>,
}

impl From<port::Model> for Model {
    fn from(model: port::Model) -> Model {
        let (state, progress, error) = match model.state {
            ModelState::InUse => ("in_use", None, None),
            ModelState::Installed => ("installed", None, None),
            ModelState::Pulling(part) => ("being_fetched", part, None),
            ModelState::NotInstalled => ("not_installed", None, None),
            ModelState::Failed(why) => ("failed", None, Some(why)),
        };
        Model {
            name: model.name,
            kind: model.kind.name().to_owned(),
            purpose: model.purpose,
            multilingual: model.multilingual,
            licence: model.licence,
            size: model.bytes,
            recommended: model.recommended,
            state: state.to_owned(),
            progress,
            error,
        }
    }
}

#[utoipa::path(get, path = "/api/v1/models", security(("token" = ["house"])), responses((status = 200, body = Vec<Model>)))]
pub async fn models(caller: Caller) -> Result<Json<Vec<Model>>, ApiError> {
    let member = caller.may(Scope::House)?;
    Ok(Json(member.shared.port.models().into_iter().map(Model::from).collect()))
}

/// Begins to fetch a model from its publisher, or goes on where it broke off; `/api/v1/models` says how far it is. For
/// administrators.
#[utoipa::path(post, path = "/api/v1/models/{model}/fetch", security(("token" = ["house"])),
    params(("model" = String, Path)), responses((status = 202, description = "it has begun")))]
pub async fn pull(caller: Caller, Path(model): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    let model = known(&member, &model)?;
    administer(&member, |port| port.pull(model)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Stops fetching; what has arrived is kept. For administrators.
#[utoipa::path(delete, path = "/api/v1/models/{model}/fetch", security(("token" = ["house"])),
    params(("model" = String, Path)), responses((status = 204)))]
pub async fn cancel(caller: Caller, Path(model): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    let model = known(&member, &model)?;
    administer(&member, |port| port.cancel_pull(model)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Throws an installed model away; for administrators.
#[utoipa::path(delete, path = "/api/v1/models/{model}", security(("token" = ["house"])),
    params(("model" = String, Path)), responses((status = 204)))]
pub async fn remove(caller: Caller, Path(model): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::House)?;
    let model = known(&member, &model)?;
    administer(&member, |port| port.remove_model(model)).await?;
    Ok(StatusCode::NO_CONTENT)
}
