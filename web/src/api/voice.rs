//! One's own voice: what is known of it, teaching it by clips, choices, forgetting it.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use crate::port::VoiceQuality;
use crate::tokens::Scope;
use crate::visitor::Member;
use crate::voice;

#[derive(Serialize, ToSchema)]
pub struct Voice {
    /// Whether this hub can tell voices apart.
    pub possible: bool,
    /// When the profile was made; without one, none is kept.
    pub made: Option<String>,
    /// Sentences that were learned, and how many it takes.
    pub sentences: u64,
    pub needed: u64,
    /// `unfinished`, `poor`, `fair` or `good`; `again` where it must be taught anew, as the house has another speaker
    /// model since.
    pub quality: String,
    /// Whether it may be said over MQTT who spoke.
    pub named: bool,
    /// The language in which they are understood; `null`: that of the satellite.
    pub language: Option<String>,
    /// Those there are.
    pub languages: Vec<String>,
}

async fn told(member: &Member) -> Result<Json<Voice>, ApiError> {
    let voice::Known { made, voice, choices } = voice::known(member).await?;
    let quality = match voice.quality {
        VoiceQuality::Unfinished => "unfinished",
        VoiceQuality::Poor => "poor",
        VoiceQuality::Fair => "fair",
        VoiceQuality::Good => "good",
        VoiceQuality::Again => "again",
    };
    Ok(Json(Voice {
        possible: member.shared.port.tells_voices(),
        made: made.map(|at| at.to_string()),
        sentences: voice.sentences as u64,
        needed: voice.needed as u64,
        quality: quality.to_owned(),
        named: choices.named,
        language: choices.language,
        languages: member.shared.port.languages(),
    }))
}

#[utoipa::path(get, path = "/api/v1/voice", security(("token" = ["read"])), responses((status = 200, body = Voice)))]
pub async fn state(caller: Caller) -> Result<Json<Voice>, ApiError> {
    told(&caller.may(Scope::Read)?).await
}

/// Learns one more sentence: 16-bit little-endian samples, mono, 16 kHz, at most twelve seconds. The sound is looked at
/// and let go.
#[utoipa::path(post, path = "/api/v1/voice/clips", security(("token" = ["change"])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = Voice)))]
pub async fn learn(caller: Caller, sound: Body) -> Result<Json<Voice>, ApiError> {
    let member = caller.may(Scope::Change)?;
    let samples = voice::samples(sound, member.lang).await?;
    match voice::learn(&member, samples).await? {
        None => told(&member).await,
        Some(problem) => Err(ApiError::refused(problem)),
    }
}

/// Learns from one of one's own recordings.
#[utoipa::path(post, path = "/api/v1/recordings/{id}/learn", security(("token" = ["change"])),
    params(("id" = String, Path)), responses((status = 200, body = Voice)))]
pub async fn learn_recording(caller: Caller, Path(id): Path<String>) -> Result<Json<Voice>, ApiError> {
    let member = caller.may(Scope::Change)?;
    match voice::learn_recording(&member, &id).await? {
        None => told(&member).await,
        Some(problem) => Err(ApiError::refused(problem)),
    }
}

#[derive(Deserialize, ToSchema)]
pub struct VoiceChoices {
    pub named: bool,
    /// One of those there are; without it, that of the satellite.
    pub language: Option<String>,
}

/// What counts where the voice is recognised.
#[utoipa::path(put, path = "/api/v1/voice/choices", security(("token" = ["change"])), request_body = VoiceChoices,
    responses((status = 204)))]
pub async fn choose(
    caller: Caller,
    request: Result<Json<VoiceChoices>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    let VoiceChoices { named, language } = body(request)?;
    voice::set_choices(&member, named, language.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets the voice.
#[utoipa::path(delete, path = "/api/v1/voice", security(("token" = ["change"])), responses((status = 204)))]
pub async fn forget(caller: Caller) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    voice::forget(&member).await?;
    Ok(StatusCode::NO_CONTENT)
}
