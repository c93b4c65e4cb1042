//! Who lives here: members, what they may, invitations.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sotto_house::{PersonId, Role};
use utoipa::ToSchema;

use super::caller::{ApiError, Caller, body};
use crate::people;
use crate::tokens::Scope;
use crate::trouble::Trouble;
use crate::visitor::Member;

/// A member of the household.
#[derive(Serialize, ToSchema)]
pub struct Person {
    pub id: String,
    pub name: String,
    /// `adult`, `child` or `guest`.
    pub role: String,
    pub administrator: bool,
    /// Hears nameless clips of those who opted in.
    pub reviewer: bool,
    /// Whether the recordings open to them that are nobody's in particular; an adult who was added at the console waits
    /// to be admitted.
    pub opens_house: bool,
    pub joined: String,
    /// The ids of the adults who look after this child.
    pub guardians: Vec<String>,
}

pub fn role(role: Role) -> &'static str {
    match role {
        Role::Adult => "adult",
        Role::Child => "child",
        Role::Guest => "guest",
    }
}

#[utoipa::path(get, path = "/api/v1/people", security(("token" = ["read"])), responses((status = 200, body = Vec<Person>)))]
pub async fn people(caller: Caller) -> Result<Json<Vec<Person>>, ApiError> {
    let member = caller.may(Scope::Read)?;
    let (members, guardians) = people::everybody(&member).await?;
    let person = |one: sotto_journal::Member| Person {
        guardians: guardians
            .iter()
            .filter(|(child, _)| *child == one.id)
            .map(|(_, adult)| adult.to_string())
            .collect(),
        id: one.id.to_string(),
        name: one.name,
        role: role(one.role).to_owned(),
        administrator: one.administrator,
        reviewer: one.reviewer,
        opens_house: one.opens_house,
        joined: one.joined.to_string(),
    };
    Ok(Json(members.into_iter().map(person).collect()))
}

fn person(member: &Member, id: &str) -> Result<PersonId, ApiError> {
    id.parse().map_err(|_| Trouble::NotHere(member.lang).into())
}

/// What is given is changed, the rest stays.
#[derive(Deserialize, ToSchema)]
pub struct PersonChange {
    pub administrator: Option<bool>,
    pub reviewer: Option<bool>,
}

/// Makes somebody administrator or reviewer, or no longer; for administrators. Who becomes or stops being administrator
/// signs in anew.
#[utoipa::path(patch, path = "/api/v1/people/{person}", security(("token" = ["people"])),
    params(("person" = String, Path)), request_body = PersonChange, responses((status = 204)))]
pub async fn change(
    caller: Caller,
    Path(who): Path<String>,
    change: Result<Json<PersonChange>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::People)?;
    member.administrator()?;
    let (who, change) = (person(&member, &who)?, body(change)?);
    if let Some(on) = change.reviewer {
        people::set_reviewer(&member, who, on).await?;
    }
    if let Some(on) = change.administrator {
        people::set_administrator(&member, who, on).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody leaves, by themselves or by an administrator: their key goes, and all that was theirs with it.
#[utoipa::path(delete, path = "/api/v1/people/{person}", security(("token" = ["people"])),
    params(("person" = String, Path)), responses((status = 204)))]
pub async fn remove(caller: Caller, Path(who): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::People)?;
    people::remove(&member, person(&member, &who)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets an adult who was added at the console into the recordings of the house; for adults who open them.
#[utoipa::path(post, path = "/api/v1/people/{person}/admit", security(("token" = ["people"])),
    params(("person" = String, Path)), responses((status = 204)))]
pub async fn admit(caller: Caller, Path(who): Path<String>) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::People)?;
    people::admit_one(&member, person(&member, &who)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that an adult looks after a child; for administrators.
#[utoipa::path(put, path = "/api/v1/people/{person}/guardians/{guardian}", security(("token" = ["people"])),
    params(("person" = String, Path), ("guardian" = String, Path)), responses((status = 204)))]
pub async fn add_guardian(caller: Caller, pair: Path<(String, String)>) -> Result<StatusCode, ApiError> {
    set_guardian(caller, pair, true).await
}

/// And no longer.
#[utoipa::path(delete, path = "/api/v1/people/{person}/guardians/{guardian}", security(("token" = ["people"])),
    params(("person" = String, Path), ("guardian" = String, Path)), responses((status = 204)))]
pub async fn remove_guardian(caller: Caller, pair: Path<(String, String)>) -> Result<StatusCode, ApiError> {
    set_guardian(caller, pair, false).await
}

async fn set_guardian(
    caller: Caller,
    Path((child, adult)): Path<(String, String)>,
    on: bool,
) -> Result<StatusCode, ApiError> {
    let member = caller.may(Scope::People)?;
    member.administrator()?;
    let (child, adult) = (person(&member, &child)?, person(&member, &adult)?);
    people::set_guardian(&member, child, adult, on).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewRole {
    Adult,
    Child,
    Guest,
}

#[derive(Deserialize, ToSchema)]
pub struct Invite {
    pub role: NewRole,
    /// For adults only.
    #[serde(default)]
    pub administrator: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Invitation {
    /// Opened once by whom it is for; shown this once.
    pub address: String,
}

/// Makes a one-time address for somebody new; for administrators.
#[utoipa::path(post, path = "/api/v1/invitations", security(("token" = ["people"])), request_body = Invite,
    responses((status = 200, body = Invitation)))]
pub async fn invite(
    caller: Caller,
    headers: HeaderMap,
    request: Result<Json<Invite>, JsonRejection>,
) -> Result<Json<Invitation>, ApiError> {
    let member = caller.may(Scope::People)?;
    member.administrator()?;
    let Invite { role, administrator } = body(request)?;
    let role = match role {
        NewRole::Adult => Role::Adult,
        NewRole::Child => Role::Child,
        NewRole::Guest => Role::Guest,
    };
    Ok(Json(Invitation { address: people::invitation(&member, &headers, role, administrator).await? }))
}
