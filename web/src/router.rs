//! Every address of the pages, who may use it, and what answers: one table, so that none can be added without saying
//! who may.
//!
//! The router is built from the same lines as [`ROUTES`]; a test in `tests/` tries each with every kind of person.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;

use crate::Shared;
use crate::visitor::Visitor;
use crate::{
    account, answer, api, assets, audio, bench, children, erase, health, history, house, listened, models,
    passkey, people, recording,
};
use crate::{review, settings, takeaway, trouble, voice, welcome};

/// Who may use an address. What each then sees is still their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Anyone,
    Member,
    Administrator,
    /// A program with a token, or a member's browser.
    Token,
}

/// One address.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

macro_rules! routes {
    ($($access:ident $method:ident $path:literal $handler:path;)*) => {
        /// Every address of the pages.
        pub const ROUTES: &[Route] = &[
            $(Route { method: stringify!($method), path: $path, access: Access::$access },)*
        ];

        fn table() -> Router<Arc<Shared>> {
            Router::new()$(.route($path, axum::routing::$method($handler)))*
        }
    };
}

routes! {
    Anyone get "/" welcome::start;
    Anyone get "/assets/{name}" assets::asset;
    Anyone post "/language" welcome::language;
    Anyone get "/trust" welcome::trust;
    Anyone get "/trust/{file}" welcome::trust_file;
    Anyone get "/join/{token}" welcome::join_page;
    Anyone post "/join" welcome::join;
    Anyone get "/sign-in" welcome::sign_in_page;
    Anyone post "/sign-in" welcome::sign_in;
    Anyone post "/passkey/question" passkey::question;
    Anyone post "/passkey" passkey::sign_in;
    Anyone get "/recover" welcome::recover_page;
    Anyone post "/recover" welcome::recover;
    Member post "/sign-out" welcome::sign_out;
    Member get "/more" welcome::more;

    Member get "/history" history::history_page;
    Member post "/history" history::filtered;
    Member get "/history/live" history::live;
    Member get "/recordings/{id}" recording::recording_page;
    Member get "/recordings/{id}/audio" audio::audio;
    Member post "/recordings/{id}/claim" recording::claim;
    Member post "/recordings/{id}/dispute" recording::dispute;
    Member post "/recordings/{id}/hand-over" recording::hand_over;
    Member post "/recordings/{id}/learn" voice::from_recording;
    Member post "/erase/ask" erase::ask;
    Member post "/erase" erase::erase;
    Member get "/receipts/{number}" erase::receipt_page;
    Member get "/receipts/{number}/file" erase::receipt_file;

    Member get "/children" children::children_page;
    Member post "/children/erase/ask" children::ask;
    Member post "/children/erase" children::erase;

    Member get "/first" settings::first_page;
    Member post "/first" settings::first;
    Member get "/settings" settings::settings_page;
    Member post "/settings" settings::settings;
    Member post "/settings/area" settings::area;
    Member post "/settings/house" settings::house;
    Member get "/voice" voice::voice_page;
    Member post "/voice/take" voice::take;
    Member post "/voice/choices" voice::choose;
    Member post "/voice/erase" voice::erase;
    Member get "/account" account::account_page;
    Member post "/account/passphrase" account::passphrase;
    Member post "/account/passkeys" passkey::add;
    Member post "/account/passkeys/remove" passkey::remove;
    Member post "/account/tokens" account::make_token;
    Member post "/account/tokens/end" account::end_token;
    Member post "/account/sessions/close" account::close_session;
    Member post "/account/sessions/close-all" account::close_all;
    Member get "/listened" listened::listened_page;

    Member get "/export" takeaway::export_page;
    Member post "/export" takeaway::export;
    Member get "/export/progress" takeaway::progress;
    Member get "/review" review::review_page;
    Member get "/review/{clip}/sound" review::clip_sound;
    Member post "/review/{clip}" review::judge;

    Member get "/people" people::people_page;
    Administrator post "/people/invite" people::invite;
    Administrator post "/people/administrator" people::administrator;
    Administrator post "/people/reviewer" people::reviewer;
    Administrator post "/people/guardian" people::guardian;
    Member post "/people/admit" people::admit;
    Member post "/people/leave/ask" people::ask_leave;
    Member post "/people/leave" people::leave;

    Member get "/house" house::house_page;
    Administrator get "/house/levels" house::levels;
    Administrator post "/house/pair" house::begin_pairing;
    Administrator post "/house/pair-found" house::pair_found;
    Administrator post "/house/pair-cancel" house::cancel_pairing;
    Administrator post "/house/satellite" house::change;
    Administrator post "/house/revoke/ask" house::ask_revoke;
    Administrator post "/house/revoke" house::revoke;
    Administrator post "/house/update" house::update;
    Administrator post "/house/models/fetch" models::fetch;
    Administrator post "/house/models/cancel" models::cancel;
    Administrator post "/house/models/remove/ask" models::ask_remove;
    Administrator post "/house/models/remove" models::remove;
    Member get "/house/models" models::models_page;

    Anyone get "/api/v1/openapi.json" api::openapi;
    Token get "/api/v1/me" api::account::me;
    Token put "/api/v1/me/passphrase" api::account::passphrase;
    Token get "/api/v1/sessions" api::account::sessions;
    Token delete "/api/v1/sessions" api::account::close_all;
    Token delete "/api/v1/sessions/{session}" api::account::close_session;
    Token get "/api/v1/passkeys" api::account::passkeys;
    Token delete "/api/v1/passkeys/{passkey}" api::account::remove_passkey;
    Token get "/api/v1/tokens" api::account::tokens;
    Token delete "/api/v1/tokens/{token}" api::account::end_token;
    Token get "/api/v1/recordings" api::recordings::recordings;
    Token post "/api/v1/search" api::recordings::search;
    Token get "/api/v1/changes" api::recordings::changes;
    Token get "/api/v1/recordings/{id}" api::recordings::recording;
    Token get "/api/v1/recordings/{id}/audio" api::recordings::audio;
    Token post "/api/v1/recordings/{id}/claim" api::recordings::claim;
    Token post "/api/v1/recordings/{id}/dispute" api::recordings::dispute;
    Token post "/api/v1/recordings/{id}/hand-over" api::recordings::hand_over;
    Token delete "/api/v1/recordings/{id}" api::erase::one;
    Token post "/api/v1/erase" api::erase::chosen;
    Token post "/api/v1/erase/count" api::erase::count;
    Token get "/api/v1/receipts" api::erase::receipts;
    Token get "/api/v1/receipts/{number}" api::erase::receipt;
    Token get "/api/v1/access-records" api::log::access_records;
    Token get "/api/v1/access-records/verdict" api::log::verdict;
    Token post "/api/v1/export" api::log::export;
    Token get "/api/v1/export/progress" api::log::export_progress;
    Token get "/api/v1/settings" api::settings::own;
    Token put "/api/v1/settings" api::settings::set_own;
    Token get "/api/v1/settings/house" api::settings::house;
    Token put "/api/v1/settings/house" api::settings::set_house;
    Token put "/api/v1/settings/areas" api::settings::set_area;
    Token get "/api/v1/voice" api::voice::state;
    Token post "/api/v1/voice/clips" api::voice::learn;
    Token post "/api/v1/recordings/{id}/learn" api::voice::learn_recording;
    Token put "/api/v1/voice/choices" api::voice::choose;
    Token delete "/api/v1/voice" api::voice::forget;
    Token get "/api/v1/review" api::review::next;
    Token get "/api/v1/review/{clip}/audio" api::review::sound;
    Token post "/api/v1/review/{clip}" api::review::mark;
    Token get "/api/v1/people" api::people::people;
    Token patch "/api/v1/people/{person}" api::people::change;
    Token delete "/api/v1/people/{person}" api::people::remove;
    Token post "/api/v1/people/{person}/admit" api::people::admit;
    Token put "/api/v1/people/{person}/guardians/{guardian}" api::people::add_guardian;
    Token delete "/api/v1/people/{person}/guardians/{guardian}" api::people::remove_guardian;
    Token post "/api/v1/invitations" api::people::invite;
    Token get "/api/v1/children" api::children::children;
    Token post "/api/v1/children/{child}/erase" api::children::erase;
    Token get "/api/v1/satellites" api::house::satellites;
    Token patch "/api/v1/satellites/{satellite}" api::house::change;
    Token delete "/api/v1/satellites/{satellite}" api::house::revoke;
    Token post "/api/v1/satellites/{satellite}/update" api::house::update;
    Token get "/api/v1/satellites/levels" api::house::levels;
    Token get "/api/v1/pairing" api::house::pairing;
    Token post "/api/v1/pairing" api::house::begin_pairing;
    Token delete "/api/v1/pairing" api::house::cancel_pairing;
    Token post "/api/v1/pairing/found" api::house::pair_found;
    Token get "/api/v1/models" api::models::models;
    Token post "/api/v1/models/{model}/fetch" api::models::pull;
    Token delete "/api/v1/models/{model}/fetch" api::models::cancel;
    Token delete "/api/v1/models/{model}" api::models::remove;
    Token get "/api/v1/neighbours" api::hub::neighbours;
    Token get "/api/v1/health" api::hub::health;
    Token post "/api/v1/explain" api::hub::explain;
    Token post "/api/v1/hear" api::hub::hear;

    Member get "/bench" bench::bench_page;
    Member post "/bench" bench::explain;
    Member post "/bench/hear" bench::hear;
    Member get "/health" health::health_page;
}

pub fn router(shared: Arc<Shared>) -> Router {
    table()
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(bench::SOUND))
        .layer(middleware::from_fn(answer::guarded))
        .with_state(shared)
}

async fn nothing(visitor: Visitor) -> trouble::Trouble {
    trouble::Trouble::NotHere(visitor.lang)
}
