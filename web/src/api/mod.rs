//! `/api/v1`: what the pages can do, for programs, under the same rules.
//!
//! ```text
//! caller (whose token, which scopes) → one file per subject → what the page does → JSON
//! ```
//!
//! Each wish is one function beside its page, with two faces: a form and a page there, JSON here. Described in OpenAPI at
//! `/api/v1/openapi.json`. Words that are searched for come in a body, never in an address. Deliberately absent: joining,
//! signing in and recovering, which need the person and not a program; adding a passkey, which needs a browser; making a
//! token, so that none outlives what its person gave it; and anything that a page of the same person would not show.

pub mod account;
mod caller;
pub mod children;
pub mod erase;
pub mod house;
pub mod hub;
pub mod log;
pub mod models;
pub mod people;
pub mod recordings;
pub mod review;
pub mod settings;
pub mod voice;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sotto",
        description = "What the privacy hub's pages can do, for programs of one's own.",
        version = "1"
    ),
    components(schemas(caller::Problem)),
    paths(
        account::me,
        account::passphrase,
        account::sessions,
        account::close_session,
        account::close_all,
        account::passkeys,
        account::remove_passkey,
        account::tokens,
        account::end_token,
        recordings::recordings,
        recordings::search,
        recordings::changes,
        recordings::recording,
        recordings::audio,
        recordings::claim,
        recordings::dispute,
        recordings::hand_over,
        erase::one,
        erase::chosen,
        erase::count,
        erase::receipts,
        erase::receipt,
        log::access_records,
        log::verdict,
        log::export,
        log::export_progress,
        settings::own,
        settings::set_own,
        settings::house,
        settings::set_house,
        settings::set_area,
        voice::state,
        voice::learn,
        voice::learn_recording,
        voice::choose,
        voice::forget,
        review::next,
        review::sound,
        review::mark,
        people::people,
        people::change,
        people::remove,
        people::admit,
        people::add_guardian,
        people::remove_guardian,
        people::invite,
        children::children,
        children::erase,
        house::satellites,
        house::change,
        house::revoke,
        house::update,
        house::levels,
        house::pairing,
        house::begin_pairing,
        house::cancel_pairing,
        house::pair_found,
        models::models,
        models::pull,
        models::cancel,
        models::remove,
        hub::neighbours,
        hub::health,
        hub::explain,
        hub::hear
    )
)]
struct Description;

/// The description itself.
pub async fn openapi() -> Response {
    let mut description = serde_json::to_value(Description::openapi()).unwrap_or_default();
    description["components"]["securitySchemes"]["token"] = json!({ "type": "http", "scheme": "bearer" });
    let paths = description["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut()) {
        may_be_refused(operation);
    }
    Json(description).into_response()
}

/// Why any request of its kind may be refused, each with a [`caller::Problem`].
fn may_be_refused(operation: &mut Value) {
    let always = [
        ("401", "no token, or one that has ended"),
        ("403", "the token lacks the scope, or its person may not do that"),
        ("422", "understood, and cannot be done; `error` says why and what to do"),
        ("429", "too often; `Retry-After` says how long to wait"),
        ("507", "the hub's disk is full"),
    ];
    let with_path = [("404", "nothing by that name that is this person's to know of")];
    let with_body = [
        ("400", "the body cannot be read"),
        ("413", "the body is too long"),
        ("415", "the body is of another kind"),
    ];
    let in_path = |parameter: &Value| parameter["in"] == "path";
    let has_path = operation["parameters"].as_array().is_some_and(|all| all.iter().any(in_path));
    let mut refusals = always.to_vec();
    refusals.extend(with_path.into_iter().filter(|_| has_path));
    refusals.extend(with_body.into_iter().filter(|_| operation.get("requestBody").is_some()));
    for (status, why) in refusals {
        let answer = &mut operation["responses"][status];
        if answer.is_null() {
            *answer = json!({
                "description": why,
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            });
        }
    }
}
