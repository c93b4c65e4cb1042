//! Oneself: who one is, the passphrase, where one is signed in, passkeys and tokens.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use super::people::role;
use crate::tokens::Scope;
use crate::trouble::Trouble;
use crate::{account, passkey};

/// Who asks.
#[derive(Serialize, ToSchema)]
pub struct Me {
    pub id: String,
    pub name: String,
    /// `adult`, `child` or `guest`.
    pub role: String,
    pub administrator: bool,
}

#[utoipa::path(get, path = "/api/v1/me", security(("token" = ["read"])), responses((status = 200, body = Me)))]
pub async fn me(caller: Caller) -> Result<Json<Me>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let person = member.person();
    Ok(Json(Me {
        id: person.id().to_string(),
        name: person.name().to_owned(),
        role: role(person.role()).to_owned(),
        administrator: person.is_administrator(),
    }))
}

#[derive(Deserialize, ToSchema)]
pub struct Passphrase {
    pub old: String,
    /// At least ten characters, not one that many people use.
    #[schema(min_length = 10, max_length = 1000)]
    pub new: String,
}

/// Another passphrase. Other browsers are signed out, and every token ends, the one of this request too.
#[utoipa::path(put, path = "/api/v1/me/passphrase", security(("token" = ["account"])), request_body = Passphrase,
    responses((status = 204)))]
pub async fn passphrase(
    caller: Caller,
    request: Result<Json<Passphrase>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Account)?;
    let request = body(request)?;
    account::change_passphrase(&member, &request.old, &request.new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One browser in which the caller is signed in.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Names it here; of no use for signing in.
    pub id: String,
    /// What the browser calls itself.
    pub browser: String,
    pub since: String,
}

#[utoipa::path(get, path = "/api/v1/sessions", security(("token" = ["account"])),
    responses((status = 200, body = Vec<Session>)))]
pub async fn sessions(caller: Caller) -> Result<Json<Vec<Session>>, ApiError> {
    let member = caller.may(Scope::Account)?;
    let one = |session: &std::sync::Arc<crate::session::Session<_>>| Session {
        id: session.handle.clone(),
        browser: session.browser.clone(),
        since: moment(session.since),
    };
    Ok(Json(member.shared.sessions.own(member.session.id).iter().map(one).collect()))
}

fn moment(at: std::time::SystemTime) -> String {
    jiff::Timestamp::try_from(at).unwrap_or_default().to_string()
}

/// Signs one browser out.
#[utoipa::path(delete, path = "/api/v1/sessions/{session}", security(("token" = ["account"])),
    params(("session" = String, Path)), responses((status = 204)))]
pub async fn close_session(caller: Caller, Path(session): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Account)?;
    match member.shared.sessions.close_one(member.session.id, &session) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Trouble::NotHere(member.lang).into()),
    }
}

/// Signs out everywhere; every token ends too.
#[utoipa::path(delete, path = "/api/v1/sessions", security(("token" = ["account"])), responses((status = 204)))]
pub async fn close_all(caller: Caller) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Account)?;
    member.shared.sign_out(member.session.id, None);
    Ok(StatusCode::NO_CONTENT)
}

/// One passkey of the caller's. Adding one needs a browser.
#[derive(Serialize, ToSchema)]
pub struct Passkey {
    /// The credential, base64url.
    pub id: String,
    pub name: String,
    /// The name of the hub by which it was made, and alone works.
    pub host: String,
    pub made: String,
    pub used: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/passkeys", security(("token" = ["account"])),
    responses((status = 200, body = Vec<Passkey>)))]
pub async fn passkeys(caller: Caller) -> Result<Json<Vec<Passkey>>, ApiError> {
    let member = caller.may(Scope::Account)?;
    let one = |one: sotto_journal::Passkey| Passkey {
        id: passkey::in_text(&one.credential),
        name: one.name,
        host: one.host,
        made: one.made.to_string(),
        used: one.used.map(|at| at.to_string()),
    };
    Ok(Json(account::passkeys(&member).await?.into_iter().map(one).collect()))
}

#[utoipa::path(delete, path = "/api/v1/passkeys/{passkey}", security(("token" = ["account"])),
    params(("passkey" = String, Path)), responses((status = 204)))]
pub async fn remove_passkey(caller: Caller, Path(credential): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Account)?;
    passkey::forget(&member, &credential).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One token of the caller's.
#[derive(Serialize, ToSchema)]
pub struct Token {
    /// Names it here; of no use as a token.
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    pub since: String,
}

#[utoipa::path(get, path = "/api/v1/tokens", security(("token" = ["account"])),
    responses((status = 200, body = Vec<Token>)))]
pub async fn tokens(caller: Caller) -> Result<Json<Vec<Token>>, ApiError> {
    let member = caller.may(Scope::Account)?;
    let own = member.shared.tokens.own(member.session.id);
    let one = |token: &std::sync::Arc<crate::tokens::Token<_>>| Token {
        id: token.handle.clone(),
        name: token.name.clone(),
        scopes: token.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        since: moment(token.since),
    };
    Ok(Json(own.iter().map(one).collect()))
}

#[utoipa::path(delete, path = "/api/v1/tokens/{token}", security(("token" = ["account"])),
    params(("token" = String, Path)), responses((status = 204)))]
pub async fn end_token(caller: Caller, Path(token): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::Account)?;
    match member.shared.tokens.end_one(member.session.id, &token) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Trouble::NotHere(member.lang).into()),
    }
}
