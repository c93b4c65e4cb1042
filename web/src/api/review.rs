//! Review: nameless clips of those who opted in, for reviewers.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sotto_journal::Verdict;
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use crate::review::{self, JUDGED};
use crate::tokens::Scope;

/// A clip without a name, an area, a satellite or a time.
#[derive(Serialize, ToSchema)]
pub struct Clip {
    pub id: String,
    pub transcript: Option<String>,
    pub intent: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Queue {
    /// `null` when nothing is left.
    pub clip: Option<Clip>,
    pub left: u64,
}

/// The next clip; for reviewers.
#[utoipa::path(get, path = "/api/v1/review", security(("token" = ["listen"])), responses((status = 200, body = Queue)))]
pub async fn next(caller: Caller) -> Result<Json<Queue>, ApiError> {
    let (clip, left) = review::next(&caller.may(Scope::Listen)?).await?;
    let clip = clip.map(|clip| Clip {
        id: clip.clip.to_string(),
        transcript: clip.words.transcript.as_ref().map(|words| words.to_string()),
        intent: clip.words.intent,
    });
    Ok(Json(Queue { clip, left }))
}

/// Its sound, Ogg Opus; for reviewers.
#[utoipa::path(get, path = "/api/v1/review/{clip}/audio", security(("token" = ["listen"])),
    params(("clip" = String, Path)), responses((status = 200, content_type = "audio/ogg")))]
pub async fn sound(caller: Caller, clip: Path<String>) -> Result<Response, ApiError> {
    Ok(review::clip_sound(caller.may(Scope::Listen)?, clip).await?)
}

/// Whether the hub did right.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    Right,
    Wrong,
    NotMeant,
}

#[derive(Deserialize, ToSchema)]
pub struct Mark {
    pub judged: Judgement,
    /// What was really said, if the transcript is wrong.
    #[schema(max_length = 1000)]
    pub transcript: Option<String>,
}

/// Marks a clip, which leaves the queue; for reviewers.
#[utoipa::path(post, path = "/api/v1/review/{clip}", security(("token" = ["change"])),
    params(("clip" = String, Path)), request_body = Mark, responses((status = 204)))]
pub async fn mark(
    caller: Caller,
    Path(clip): Path<String>,
    request: Result<Json<Mark>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Change)?;
    let Mark { judged, transcript } = body(request)?;
    let (judged, _) = JUDGED[judged as usize];
    let verdict = Verdict { transcript: transcript.map(Into::into), judged };
    review::mark(&member, &clip, verdict).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_judgement_is_spelled_as_on_the_page() {
        for (at, (_, name)) in JUDGED.iter().enumerate() {
            let read: Judgement = serde_json::from_value((*name).into()).unwrap();
            assert_eq!(read as usize, at);
        }
    }
}
