//! The JSON interface: it says what it does, wants the scope that it says, and does what the pages can do.

mod common;

use std::collections::BTreeSet;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use common::{PASSPHRASE, Said, World};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sotto_web::ROUTES;
use tower::ServiceExt;

const SCOPES: [&str; 7] = ["read", "listen", "change", "erase", "house", "people", "account"];

/// A program with a token of somebody's.
struct Program<'a> {
    world: &'a World,
    token: String,
}

/// Somebody at a browser: the cookie, and the token of their forms.
async fn sign_in(world: &World, name: &str) -> (String, String) {
    let form = format!("name={name}&passphrase={}", PASSPHRASE.replace(' ', "+"));
    let request = Request::post("/sign-in").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = world.pages.router().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = Request::get("/more").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let page = text(world.pages.router().oneshot(page).await.unwrap().into_body()).await;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    (cookie, csrf)
}

async fn text(body: Body) -> String {
    String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned()
}

impl<'a> Program<'a> {
    async fn of(world: &'a World, name: &str, scopes: &[&str]) -> Program<'a> {
        let at = sign_in(world, name).await;
        Program::by(world, &at, scopes).await
    }

    async fn by(world: &'a World, (cookie, csrf): &(String, String), scopes: &[&str]) -> Program<'a> {
        let scopes: String = scopes.iter().map(|scope| format!("&scope={scope}")).collect();
        let form = format!("csrf={csrf}&name=program{scopes}");
        let request = Request::post("/account/tokens")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header(header::COOKIE, cookie).body(Body::from(form)).unwrap();
        let page = text(world.pages.router().oneshot(request).await.unwrap().into_body()).await;
        let token = page.split("id=\"token\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        Program { world, token }
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let request = request
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, kind)
            .header(header::HOST, "sotto.local");
        let answer =
            self.world.pages.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        (answer.status(), answer.into_body().collect().await.unwrap().to_bytes())
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (status, answer) = self.send(method, path, "application/json", body.to_string().into()).await;
        (status.as_u16(), serde_json::from_slice(&answer).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn done(&self, method: &str, path: &str, body: Value) {
        let (status, answer) = self.call(method, path, body).await;
        assert!(matches!(status, 200 | 202 | 204), "{method} {path}: {status} {answer}");
    }

    async fn refused(&self, method: &str, path: &str, body: Value, status: u16) -> String {
        let (answered, answer) = self.call(method, path, body).await;
        assert_eq!(answered, status, "{method} {path}: {answer}");
        answer["error"].as_str().expect("a refusal says why").to_owned()
    }
}

async fn description(world: &World) -> Value {
    let request = Request::get("/api/v1/openapi.json").body(Body::empty()).unwrap();
    let answer = world.pages.router().oneshot(request).await.unwrap();
    serde_json::from_str(&text(answer.into_body()).await).unwrap()
}

/// Every operation is described, and no other; a token with every scope but the one that is described gets nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_described_and_wants_its_scope() {
    let world = World::unserved().with_family();
    let description = description(&world).await;
    let described: BTreeSet<(String, String)> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |m| (m.clone(), path.clone()))
        })
        .collect();
    let api = ROUTES.iter().filter(|route| route.path.starts_with("/api/") && !route.path.ends_with(".json"));
    let routes: BTreeSet<_> = api.map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(described, routes);
    let ada = sign_in(&world, "Ada").await;
    for scope in SCOPES {
        let others: Vec<&str> = SCOPES.into_iter().filter(|other| *other != scope).collect();
        let program = Program::by(&world, &ada, &others).await;
        for (method, path) in &routes {
            let wanted = description["paths"][path][method]["security"][0]["token"][0].as_str().unwrap();
            if wanted != scope {
                continue;
            }
            let path = path.trim_start_matches("/api/v1").replace(['{', '}'], "");
            let (method, empty) = (method.to_uppercase(), json!({}));
            let why = program.refused(&method, &path, empty, 403).await;
            assert!(why.contains(&format!("scope {scope}")), "{method} {path}: {why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_invited_changed_and_looked_after() {
    let world = World::unserved().with_family();
    let (ada, ben) = (Program::of(&world, "Ada", &SCOPES).await, Program::of(&world, "Ben", &SCOPES).await);
    let (_, invited) = ada.call("POST", "/invitations", json!({ "role": "child" })).await;
    let address = invited["address"].as_str().unwrap();
    assert!(address.starts_with("https://sotto.local/join/"), "{address}");
    let why = ben.refused("POST", "/invitations", json!({ "role": "child" }), 403).await;
    assert!(why.contains("administrator"), "{why}");

    let people = ada.get("/people").await;
    let id = |name: &str| {
        let one = people.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
        one["id"].as_str().unwrap().to_owned()
    };
    let (cleo, bens) = (id("Cleo"), id("Ben"));
    let guardian = format!("/people/{cleo}/guardians/{bens}");
    world.say(Some("Cleo"), "Kitchen", SignedDuration::ZERO, Said::not_understood("quokka")).unwrap();
    ben.refused("GET", "/children", Value::Null, 404).await;
    ada.done("PUT", &guardian, Value::Null).await;
    let children = ben.get("/children").await;
    assert_eq!((&children[0]["name"], &children[0]["count"]), (&json!("Cleo"), &json!(1)));
    assert!(!children.to_string().contains("quokka"), "a guardian is told no words");
    let (_, erased) = ben.call("POST", &format!("/children/{cleo}/erase"), json!({ "what": "all" })).await;
    assert_eq!(erased["recordings"], 1);
    ada.done("DELETE", &guardian, Value::Null).await;
    ben.refused("GET", "/children", Value::Null, 404).await;

    ada.done("PATCH", &format!("/people/{bens}"), json!({ "administrator": true })).await;
    ben.refused("GET", "/me", Value::Null, 401).await;
    let ben = Program::of(&world, "Ben", &SCOPES).await;
    assert_eq!(ben.get("/me").await["administrator"], true, "signed in anew, he is");
    let gil = id("Gil");
    ben.done("DELETE", &format!("/people/{gil}"), Value::Null).await;
    assert_eq!(ada.get("/people").await.as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn satellites_and_models_are_looked_after() {
    let world = World::unserved().with_family();
    let ada = Program::of(&world, "Ada", &SCOPES).await;
    let ben = Program::of(&world, "Ben", &SCOPES).await;
    assert_eq!(ada.get("/pairing").await["state"], "none");
    let (_, begun) = ada.call("POST", "/pairing", Value::Null).await;
    assert_eq!((&begun["state"], &begun["code"]), (&json!("waiting"), &json!("48213-77")));
    ben.refused("GET", "/pairing", Value::Null, 403).await;
    let wrong = json!({ "satellite": "sotto-7f3a", "code": "1" });
    let why = ada.refused("POST", "/pairing/found", wrong, 422).await;
    assert!(why.contains("tries are left"), "{why}");
    ada.done("POST", "/pairing/found", json!({ "satellite": "sotto-7f3a", "code": "1234-5678" })).await;
    ada.done("DELETE", "/pairing", Value::Null).await;
    let change = json!({ "name": "Hall", "area": "Hall", "volume": 20, "muted": true });
    ada.done("PATCH", "/satellites/sotto-7f3a", change).await;
    let satellites = ada.get("/satellites").await;
    let hall = satellites.as_array().unwrap().iter().find(|one| one["id"] == "sotto-7f3a").unwrap();
    assert_eq!(
        (&hall["name"], &hall["volume"], &hall["state"]),
        (&json!("Hall"), &json!(20), &json!("muted_here"))
    );
    ada.refused("PATCH", "/satellites/sotto-7f3a", json!({ "volume": 101 }), 422).await;
    assert!(ada.get("/satellites/levels").await["kitchen"].is_number());
    ada.done("DELETE", "/satellites/sotto-7f3a", Value::Null).await;
    assert_eq!(ada.get("/satellites").await.as_array().unwrap().len(), 3);

    let state = async || {
        let models = ada.get("/models").await;
        let base =
            models.as_array().unwrap().iter().find(|one| one["name"] == "base.en-q8_0").unwrap().clone();
        base["state"].as_str().unwrap().to_owned()
    };
    ada.done("POST", "/models/base.en-q8_0/fetch", Value::Null).await;
    assert_eq!(state().await, "being_fetched");
    ada.done("DELETE", "/models/base.en-q8_0/fetch", Value::Null).await;
    assert_eq!(state().await, "not_installed");
    ada.done("DELETE", "/models/tiny.en", Value::Null).await;
    ada.refused("POST", "/models/nonesuch/fetch", Value::Null, 404).await;
    assert_eq!(ada.get("/health").await["stages"][0]["sessions"], 300);
    assert_eq!(ada.get("/neighbours").await[0]["reachable"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_is_taught_chosen_and_forgotten() {
    let world = World::unserved().with_family();
    let ben = Program::of(&world, "Ben", &SCOPES).await;
    let clip = async |bytes: usize| {
        ben.send("POST", "/voice/clips", "application/octet-stream", vec![1; bytes]).await
    };
    let (status, why) = clip(100).await;
    assert_eq!(status, 422, "too short: {why:?}");
    for _ in 0..10 {
        assert_eq!(clip(20_000).await.0, 200);
    }
    let voice = ben.get("/voice").await;
    assert_eq!((&voice["sentences"], &voice["quality"]), (&json!(10), &json!("good")));
    ben.done("PUT", "/voice/choices", json!({ "named": true, "language": "de" })).await;
    ben.refused("PUT", "/voice/choices", json!({ "named": true, "language": "tlh" }), 422).await;
    assert_eq!(ben.get("/voice").await["language"], "de");
    ben.done("DELETE", "/voice", Value::Null).await;
    assert_eq!(ben.get("/voice").await["made"], Value::Null);
    let his = world.say(Some("Ben"), "Kitchen", SignedDuration::ZERO, Said::nothing()).unwrap();
    ben.done("POST", &format!("/recordings/{his}/learn"), Value::Null).await;
    assert_eq!(ben.get("/voice").await["sentences"], 1);
    // The house has another speaker model since: what it learned counts no longer.
    let person = world.journal.sign_in("Ben", PASSPHRASE, Timestamp::now()).unwrap();
    world.journal.set_voice(&person, &[common::LEARNED_BY_ANOTHER; 8], Timestamp::now()).unwrap();
    let voice = ben.get("/voice").await;
    assert_eq!((&voice["sentences"], &voice["quality"]), (&json!(0), &json!("again")));
    assert_eq!(clip(20_000).await.0, 200);
    assert_eq!(ben.get("/voice").await["quality"], "unfinished");
}

#[tokio::test(flavor = "multi_thread")]
async fn clips_are_reviewed_namelessly() {
    let world = World::unserved().with_family();
    let ada = world.journal.sign_in("Ada", PASSPHRASE, Timestamp::now()).unwrap();
    world.journal.set_reviewer(&ada, ada.id(), true, Timestamp::now()).unwrap();
    let (ada, ben) = (Program::of(&world, "Ada", &SCOPES).await, Program::of(&world, "Ben", &SCOPES).await);
    let mut settings = ben.get("/settings").await;
    settings["review"] = true.into();
    ben.done("PUT", "/settings", settings.clone()).await;
    ben.refused("GET", "/review", Value::Null, 422).await;
    world
        .say(Some("Ben"), "Kitchen", SignedDuration::ZERO, Said::not_understood("where is the dog"))
        .unwrap();
    let queue = ada.get("/review").await;
    let clip = queue["clip"]["id"].as_str().unwrap();
    assert_eq!(queue["clip"]["transcript"], "where is the dog");
    assert!(!queue.to_string().contains("Ben") && !queue.to_string().contains("itchen"));
    let (status, sound) = ada.send("GET", &format!("/review/{clip}/audio"), "", Vec::new()).await;
    assert!(status == 200 && sound.starts_with(b"OggS"));
    let verdict = json!({ "judged": "wrong", "transcript": "where is the clock" });
    ada.done("POST", &format!("/review/{clip}"), verdict).await;
    assert_eq!(ada.get("/review").await["left"], 0);
    // Who takes it back is not there, for what is queued too.
    world
        .say(Some("Ben"), "Kitchen", SignedDuration::ZERO, Said::not_understood("where is the cat"))
        .unwrap();
    settings["review"] = false.into();
    ben.done("PUT", "/settings", settings).await;
    assert_eq!(ada.get("/review").await["clip"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_decides_takes_away_and_erases() {
    let world = World::unserved().with_family();
    let ada = Program::of(&world, "Ada", &SCOPES).await;
    ada.done(
        "PUT",
        "/settings/house",
        json!({ "keep": "week", "false_wakes": "not_at_all", "claims": false }),
    )
    .await;
    ada.done("PUT", "/settings/areas", json!({ "area": "Bedroom", "keep": "day" })).await;
    let house = ada.get("/settings/house").await;
    let expected = json!({ "keep": "week", "false_wakes": "not_at_all", "claims": false,
                           "areas": [{ "area": "Bedroom", "keep": "day" }] });
    assert_eq!(house, expected);
    for minutes in 0..3 {
        world
            .say(Some("Ada"), "Kitchen", SignedDuration::from_mins(minutes), Said::not_understood("hm"))
            .unwrap();
    }
    let (status, zip) = ada.send("POST", "/export", "", Vec::new()).await;
    assert!(status == 200 && zip.starts_with(b"PK"), "{status}");
    let kitchen = json!({ "filter": { "area": "Kitchen" } });
    assert_eq!(ada.call("POST", "/erase/count", kitchen.clone()).await.1["recordings"], 3);
    let (_, erased) = ada.call("POST", "/erase", kitchen).await;
    let receipt = ada.get(&format!("/receipts/{}", erased["number"])).await;
    assert_eq!((&receipt, &receipt["recordings"]), (&erased, &json!(3)));
    assert_eq!(ada.get("/access-records/verdict").await["intact"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_in_are_listed_and_closed() {
    let world = World::unserved().with_family();
    let ada = Program::of(&world, "Ada", &SCOPES).await;
    let other = Program::of(&world, "Ada", &["read"]).await;
    let sessions = ada.get("/sessions").await;
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let tokens = ada.get("/tokens").await;
    assert!(!tokens.to_string().contains("sotto_"), "a token is shown once, when it is made");
    let readers = tokens.as_array().unwrap().iter().find(|one| one["scopes"] == json!(["read"])).unwrap();
    ada.done("DELETE", &format!("/tokens/{}", readers["id"].as_str().unwrap()), Value::Null).await;
    other.refused("GET", "/me", Value::Null, 401).await;
    assert_eq!(ada.get("/passkeys").await, json!([]));
    let new = "seven grey owls agree";
    let why = ada.refused("PUT", "/me/passphrase", json!({ "old": "x", "new": new }), 422).await;
    assert!(why.contains("not your passphrase"), "{why}");
    ada.refused("PUT", "/me/passphrase", json!({ "old": PASSPHRASE, "new": "password123" }), 422).await;
    ada.done("PUT", "/me/passphrase", json!({ "old": PASSPHRASE, "new": new })).await;
    ada.refused("GET", "/me", Value::Null, 401).await;
    assert!(world.journal.sign_in("Ada", new, Timestamp::now()).is_ok());
}
