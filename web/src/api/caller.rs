//! Which program asks, for whom, and what it may; and how a refusal is told.
//!
//! `Authorization: Bearer TOKEN`, or the cookie of a signed-in browser (which sends `X-Csrf` with what changes something).

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::rejection::JsonRejection;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::Shared;
use crate::session;
use crate::tokens::Scope;
use crate::trouble::{Told, Trouble};
use crate::visitor::{self, Member};

/// What went wrong and what to do.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    pub error: String,
}

/// Why a request was not done: the status and a text with the remedy.
pub struct ApiError {
    status: StatusCode,
    error: String,
    wait: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, error: impl Into<String>) -> ApiError {
        ApiError { status, error: error.into(), wait: None }
    }

    /// Understood, and cannot be done.
    pub fn refused(why: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, why)
    }

    fn unauthorised() -> ApiError {
        Trouble::SignIn(String::new()).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let ApiError { status, error, wait } = self;
        let mut response = (status, Json(Problem { error })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait.into());
        }
        response
    }
}

/// The same trouble that a page would show.
impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> ApiError {
        let Told { status, what, remedy, wait } = trouble.told();
        let end = if what.ends_with(['.', '!', '?']) { "" } else { "." };
        ApiError { status, error: format!("{what}{end} {remedy}"), wait }
    }
}

/// Somebody, by token or by cookie, and what they may use.
pub struct Caller {
    member: Member,
    /// `None` for a browser: all that its person may.
    scopes: Option<Vec<Scope>>,
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Caller, ApiError> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let member = |session| Member {
            shared: shared.clone(),
            lang: visitor::language(&parts.headers),
            session,
            path: String::new(),
        };
        if let Some(bearer) = header("authorization") {
            let token = bearer.strip_prefix("Bearer ").and_then(|token| shared.tokens.of(token.trim()));
            let token = token.ok_or_else(ApiError::unauthorised)?;
            return Ok(Caller { member: member(token.session.clone()), scopes: Some(token.scopes.clone()) });
        }
        let session = visitor::cookie(&parts.headers, session::COOKIE).and_then(|it| shared.sessions.of(it));
        let session = session.ok_or_else(ApiError::unauthorised)?;
        let ours = matches!(header("sec-fetch-site"), None | Some("same-origin" | "none"));
        let signed =
            parts.method == Method::GET || session::same(header("x-csrf").unwrap_or_default(), &session.csrf);
        if !ours || !signed {
            let why = "a browser sends the token of its page in x-csrf";
            return Err(ApiError::new(StatusCode::FORBIDDEN, why));
        }
        Ok(Caller { member: member(session), scopes: None })
    }
}

impl Caller {
    /// Who asks, if what they carry is good for this.
    pub fn may(self, scope: Scope) -> Result<Member, ApiError> {
        match self.has(scope) {
            true => Ok(self.member),
            false => {
                let why = format!("this token lacks the scope {}; make one that has it", scope.name());
                Err(ApiError::new(StatusCode::FORBIDDEN, why))
            }
        }
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Whether it is a token's caller, whose session may be over while the token lives on.
    pub fn by_token(&self) -> bool {
        self.scopes.is_some()
    }
}

/// A part of a body that is an object. Without this, a list would do for one too, and be taken for an empty filter.
pub fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let fields = serde_json::Map::deserialize(deserializer)?;
    serde_json::from_value(fields.into()).map_err(D::Error::custom)
}

/// A body that is JSON of the shape that is described.
pub fn body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, ApiError> {
    body.map(|Json(body)| body).map_err(|error| ApiError::new(error.status(), error.body_text()))
}
