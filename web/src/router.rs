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
    account, answer, api, assets, audio, bench, children, erase, health, history, house, listened, passkey,
    people, recording,
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
    Administrator post "/house/pull" house::pull;

    Anyone get "/api/v1/openapi.json" api::openapi;
    Token get "/api/v1/me" api::me;
    Token get "/api/v1/recordings" api::recordings;
    Token post "/api/v1/search" api::search;
    Token get "/api/v1/recordings/{id}" api::recording;
    Token delete "/api/v1/recordings/{id}" api::erase_one;
    Token get "/api/v1/recordings/{id}/audio" api::audio;
    Token post "/api/v1/recordings/{id}/claim" api::claim;
    Token post "/api/v1/recordings/{id}/dispute" api::dispute;
    Token post "/api/v1/recordings/{id}/hand-over" api::hand_over;
    Token post "/api/v1/erase" api::erase;
    Token get "/api/v1/receipts" api::receipts;
    Token get "/api/v1/access-records" api::access_records;
    Token get "/api/v1/settings" api::settings;
    Token put "/api/v1/settings" api::set_settings;
    Token get "/api/v1/people" api::people;
    Token get "/api/v1/satellites" api::satellites;
    Token patch "/api/v1/satellites/{satellite}" api::change_satellite;
    Token delete "/api/v1/satellites/{satellite}" api::revoke_satellite;
    Token post "/api/v1/explain" api::explain;

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
