//! How the hub is, what is around it, and the test bench.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sotto_house::Area;
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use super::recordings::Slot;
use crate::tokens::Scope;
use crate::{bench, port};

/// Is somebody there.
#[derive(Serialize, ToSchema)]
pub struct Neighbour {
    /// The MQTT broker, Home Assistant.
    pub name: String,
    /// `null`: it has never been seen, and need not be there.
    pub reachable: Option<bool>,
    pub note: String,
}

#[utoipa::path(get, path = "/api/v1/neighbours", security(("token" = ["house"])),
    responses((status = 200, body = Vec<Neighbour>)))]
pub async fn neighbours(caller: Caller) -> Result<Json<Vec<Neighbour>>, ApiError> {
    let member = caller.may(Scope::House)?;
    let one = |one: port::Neighbour| Neighbour { name: one.name, reachable: one.reachable, note: one.note };
    Ok(Json(member.shared.port.neighbours().into_iter().map(one).collect()))
}

/// How long a stage took over the last day.
#[derive(Serialize, ToSchema)]
pub struct StageLatency {
    pub stage: String,
    pub sessions: u64,
    /// Milliseconds.
    pub median: f64,
    pub p95: f64,
}

impl StageLatency {
    fn of(stage: port::StageLatency) -> Option<StageLatency> {
        let mut took: Vec<Duration> = stage.samples.iter().map(|(_, took)| *took).collect();
        took.sort_unstable();
        let at = |part: usize| Some(took.get((took.len().checked_sub(1)?) * part / 100)?.as_secs_f64() * 1e3);
        Some(StageLatency { sessions: took.len() as u64, median: at(50)?, p95: at(95)?, stage: stage.stage })
    }
}

/// Something that went wrong, and what to do.
#[derive(Serialize, ToSchema)]
pub struct Trouble {
    pub at: String,
    pub what: String,
    pub remedy: String,
}

#[derive(Serialize, ToSchema)]
pub struct Health {
    pub version: String,
    pub started: Option<String>,
    pub stages: Vec<StageLatency>,
    /// Per hour of the last 24, oldest first.
    pub false_wakes: Vec<u32>,
    pub troubles: Vec<Trouble>,
}

/// How the hub is.
#[utoipa::path(get, path = "/api/v1/health", security(("token" = ["house"])), responses((status = 200, body = Health)))]
pub async fn health(caller: Caller) -> Result<Json<Health>, ApiError> {
    let health = caller.may(Scope::House)?.shared.port.health();
    let moment = |at| Timestamp::try_from(at).unwrap_or_default().to_string();
    let trouble = |one: port::Trouble| Trouble { at: moment(one.when), what: one.what, remedy: one.remedy };
    Ok(Json(Health {
        version: health.version,
        started: health.started.map(moment),
        stages: health.stages.into_iter().filter_map(StageLatency::of).collect(),
        false_wakes: health.false_wakes,
        troubles: health.troubles.into_iter().map(trouble).collect(),
    }))
}

#[derive(Deserialize, ToSchema)]
pub struct Explain {
    #[schema(max_length = 500)]
    pub text: String,
    #[schema(min_length = 1, max_length = 60)]
    pub area: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Explanation {
    pub text: String,
    pub intent: Option<String>,
    pub slots: Vec<Slot>,
    pub sentence: Option<String>,
    pub alternatives: Vec<String>,
}

impl From<port::Explanation> for Explanation {
    fn from(it: port::Explanation) -> Explanation {
        Explanation {
            text: it.text,
            intent: it.intent,
            slots: it.slots.into_iter().map(|(name, value)| Slot { name, value }).collect(),
            sentence: it.sentence,
            alternatives: it.alternatives.into_iter().map(|(sentence, _)| sentence).collect(),
        }
    }
}

/// What the house would make of a sentence; nothing is carried out.
#[utoipa::path(post, path = "/api/v1/explain", security(("token" = ["house"])), request_body = Explain,
    responses((status = 200, body = Explanation)))]
pub async fn explain(
    caller: Caller,
    request: Result<Json<Explain>, JsonRejection>,
) -> Result<Json<Explanation>, ApiError> {
    let member = caller.may(Scope::House)?;
    let request = body(request)?;
    if request.text.chars().count() > bench::SENTENCE {
        return Err(ApiError::refused(format!("a sentence has at most {} characters", bench::SENTENCE)));
    }
    let area = request.area.as_ref().map(|area| Area::new(area)).transpose();
    let area = area.map_err(|error| ApiError::refused(error.to_string()))?;
    Ok(Json(bench::tried(&member, &request.text, area).await?.into()))
}

#[derive(Serialize, ToSchema)]
pub struct Heard {
    pub text: String,
}

/// What the house hears in a sound: 16-bit little-endian samples, mono, 16 kHz, at most twelve seconds. Kept nowhere.
#[utoipa::path(post, path = "/api/v1/hear", security(("token" = ["house"])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = Heard)))]
pub async fn hear(caller: Caller, sound: Body) -> Result<Json<Heard>, ApiError> {
    let member = caller.may(Scope::House)?;
    Ok(Json(Heard { text: bench::heard(&member, sound).await? }))
}
