//! Every address of the pages, tried by everybody: a stranger, a guest, a child, an adult and an administrator.
//!
//! `EXPECTED` has a row for each route; a route without one, or a row without a route, fails.

mod common;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use common::{PASSPHRASE, World};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use sotto_house::{PersonId, RecordingId};
use sotto_web::{Access, ROUTES};
use tower::ServiceExt;

/// Stranger, guest, child, adult, administrator: what each is answered. `S` the page to sign in, `Y` yes (a page, a
/// file, or on to the next page), `N` not for you, `0` nothing here (or: not yours, which looks the same), `U` asked
/// for something that cannot be done, `T` asked for a token.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("get", "/", "YYYYY"),
    ("get", "/assets/{name}", "YYYYY"),
    ("post", "/language", "YYYYY"),
    ("get", "/trust", "YYYYY"),
    ("get", "/trust/{file}", "YYYYY"),
    ("get", "/join/{token}", "YYYYY"),
    ("post", "/join", "YYYYY"),
    ("get", "/sign-in", "YYYYY"),
    ("post", "/sign-in", "YYYYY"),
    ("post", "/passkey/question", "YYYYY"),
    ("post", "/passkey", "UUUUU"),
    ("get", "/recover", "YYYYY"),
    ("post", "/recover", "YYYYY"),
    ("post", "/sign-out", "SYYYY"),
    ("get", "/more", "SYYYY"),
    ("get", "/history", "SYYYY"),
    ("post", "/history", "SYYYY"),
    ("get", "/history/live", "SYYYY"),
    ("get", "/recordings/{id}", "S000Y"),
    ("get", "/recordings/{id}/audio", "S000Y"),
    ("post", "/recordings/{id}/claim", "S0000"),
    ("post", "/recordings/{id}/dispute", "S000Y"),
    ("post", "/recordings/{id}/hand-over", "S000Y"),
    ("post", "/recordings/{id}/learn", "S000Y"),
    ("post", "/erase/ask", "SUUUY"),
    ("post", "/erase", "SUUUY"),
    ("get", "/receipts/{number}", "S0000"),
    ("get", "/receipts/{number}/file", "S0000"),
    // Nobody here looks after Cleo yet: the children's page has tests of its own.
    ("get", "/children", "S0000"),
    ("post", "/children/erase/ask", "S0000"),
    ("post", "/children/erase", "S0000"),
    ("get", "/first", "SYYYY"),
    ("post", "/first", "SYYYY"),
    ("get", "/settings", "SYYYY"),
    ("post", "/settings", "SYYYY"),
    ("post", "/settings/area", "SUUYY"),
    ("post", "/settings/house", "SUUYY"),
    ("get", "/voice", "SYYYY"),
    ("post", "/voice/take", "SUUUU"),
    ("post", "/voice/choices", "SYYYY"),
    ("post", "/voice/erase", "SYYYY"),
    ("get", "/account", "SYYYY"),
    ("post", "/account/passphrase", "SYYYY"),
    ("post", "/account/passkeys", "SUUUU"),
    ("post", "/account/passkeys/remove", "S0000"),
    ("post", "/account/tokens", "SYYYY"),
    ("post", "/account/tokens/end", "S0000"),
    ("post", "/account/sessions/close", "S0000"),
    ("post", "/account/sessions/close-all", "SYYYY"),
    ("get", "/listened", "SYYYY"),
    ("get", "/export", "SYYYY"),
    ("post", "/export", "SYYYY"),
    ("get", "/export/progress", "SYYYY"),
    ("get", "/review", "SUUUU"),
    ("get", "/review/{clip}/sound", "SUUUU"),
    ("post", "/review/{clip}", "SUUUU"),
    ("get", "/people", "SYYYY"),
    ("post", "/people/invite", "SNNNY"),
    ("post", "/people/administrator", "SNNNY"),
    ("post", "/people/reviewer", "SNNNY"),
    ("post", "/people/guardian", "SNNNY"),
    ("post", "/people/admit", "SUUUU"),
    ("post", "/people/leave/ask", "SYYYY"),
    ("post", "/people/leave", "SNYNU"),
    ("get", "/house", "SYYYY"),
    ("get", "/house/levels", "SNNNY"),
    ("post", "/house/pair", "SNNNY"),
    ("post", "/house/pair-found", "SNNNU"),
    ("post", "/house/pair-cancel", "SNNNY"),
    ("post", "/house/satellite", "SNNNY"),
    ("post", "/house/revoke/ask", "SNNNY"),
    ("post", "/house/revoke", "SNNNY"),
    ("post", "/house/update", "SNNNY"),
    ("get", "/house/models", "SYYYY"),
    ("post", "/house/models/fetch", "SNNNY"),
    ("post", "/house/models/cancel", "SNNNY"),
    ("post", "/house/models/remove/ask", "SNNNY"),
    ("post", "/house/models/remove", "SNNNY"),
    ("get", "/api/v1/openapi.json", "YYYYY"),
    ("get", "/api/v1/me", "TYYYY"),
    ("put", "/api/v1/me/passphrase", "TUUUU"),
    ("get", "/api/v1/sessions", "TYYYY"),
    ("delete", "/api/v1/sessions", "TYYYY"),
    ("delete", "/api/v1/sessions/{session}", "T0000"),
    ("get", "/api/v1/passkeys", "TYYYY"),
    ("delete", "/api/v1/passkeys/{passkey}", "T0000"),
    ("get", "/api/v1/tokens", "TYYYY"),
    ("delete", "/api/v1/tokens/{token}", "T0000"),
    ("get", "/api/v1/recordings", "TYYYY"),
    ("post", "/api/v1/search", "TYYYY"),
    ("get", "/api/v1/changes", "TYYYY"),
    ("get", "/api/v1/recordings/{id}", "T000Y"),
    ("delete", "/api/v1/recordings/{id}", "T000Y"),
    ("get", "/api/v1/recordings/{id}/audio", "T000Y"),
    ("post", "/api/v1/recordings/{id}/claim", "T0000"),
    ("post", "/api/v1/recordings/{id}/dispute", "T000Y"),
    ("post", "/api/v1/recordings/{id}/hand-over", "T000Y"),
    ("post", "/api/v1/recordings/{id}/learn", "T000Y"),
    ("post", "/api/v1/erase", "TYYYY"),
    ("post", "/api/v1/erase/count", "TYYYY"),
    ("get", "/api/v1/receipts", "TYYYY"),
    ("get", "/api/v1/receipts/{number}", "T0000"),
    ("get", "/api/v1/access-records", "TYYYY"),
    ("get", "/api/v1/access-records/verdict", "TYYYY"),
    ("post", "/api/v1/export", "TYYYY"),
    ("get", "/api/v1/export/progress", "TYYYY"),
    ("get", "/api/v1/settings", "TYYYY"),
    ("put", "/api/v1/settings", "TYYYY"),
    ("get", "/api/v1/settings/house", "TYYYY"),
    ("put", "/api/v1/settings/house", "TUUYY"),
    ("put", "/api/v1/settings/areas", "TUUYY"),
    ("get", "/api/v1/voice", "TYYYY"),
    ("post", "/api/v1/voice/clips", "TUUUU"),
    ("put", "/api/v1/voice/choices", "TYYYY"),
    ("delete", "/api/v1/voice", "TYYYY"),
    ("get", "/api/v1/review", "TUUUU"),
    ("get", "/api/v1/review/{clip}/audio", "TUUUU"),
    ("post", "/api/v1/review/{clip}", "TUUUU"),
    ("get", "/api/v1/people", "TYYYY"),
    ("patch", "/api/v1/people/{person}", "TNNNY"),
    // Cleo leaves; then she is not there to be removed.
    ("delete", "/api/v1/people/{person}", "TNYNU"),
    ("post", "/api/v1/people/{person}/admit", "TUUUU"),
    ("put", "/api/v1/people/{person}/guardians/{guardian}", "TNNNY"),
    ("delete", "/api/v1/people/{person}/guardians/{guardian}", "TNNNY"),
    ("post", "/api/v1/invitations", "TNNNY"),
    ("get", "/api/v1/children", "T0000"),
    ("post", "/api/v1/children/{child}/erase", "T0000"),
    ("get", "/api/v1/satellites", "TYYYY"),
    ("patch", "/api/v1/satellites/{satellite}", "TNNNY"),
    ("delete", "/api/v1/satellites/{satellite}", "TNNNY"),
    ("post", "/api/v1/satellites/{satellite}/update", "TNNNY"),
    ("get", "/api/v1/satellites/levels", "TNNNY"),
    ("get", "/api/v1/pairing", "TNNNY"),
    ("post", "/api/v1/pairing", "TNNNY"),
    ("delete", "/api/v1/pairing", "TNNNY"),
    ("post", "/api/v1/pairing/found", "TNNNU"),
    ("get", "/api/v1/models", "TYYYY"),
    ("post", "/api/v1/models/{model}/fetch", "TNNNY"),
    ("delete", "/api/v1/models/{model}/fetch", "TNNNY"),
    ("delete", "/api/v1/models/{model}", "TNNNY"),
    ("get", "/api/v1/neighbours", "TYYYY"),
    ("get", "/api/v1/health", "TYYYY"),
    ("post", "/api/v1/explain", "TYYYY"),
    ("post", "/api/v1/hear", "TYYYY"),
    ("get", "/bench", "SYYYY"),
    ("post", "/bench", "SYYYY"),
    ("post", "/bench/hear", "SYYYY"),
    ("get", "/health", "SYYYY"),
];

const EVERYBODY: [Option<&str>; 5] = [None, Some("Gil"), Some("Cleo"), Some("Ben"), Some("Ada")];

/// Somebody at a browser.
#[derive(Default, Clone)]
struct Browser {
    cookie: String,
    csrf: String,
}

async fn send(world: &World, request: Request<Body>) -> Response<Body> {
    world.pages.router().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned()
}

fn get(browser: &Browser, path: &str) -> Request<Body> {
    Request::get(path).header(header::COOKIE, &browser.cookie).body(Body::empty()).unwrap()
}

fn post(browser: &Browser, path: &str, fields: &str) -> Request<Body> {
    let csrf = &browser.csrf;
    Request::post(path)
        .header(header::COOKIE, &browser.cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-csrf", csrf)
        .body(Body::from(format!("csrf={csrf}&{fields}")))
        .unwrap()
}

async fn sign_in(world: &World, name: &str) -> Browser {
    let fields = format!("name={name}&passphrase={}", PASSPHRASE.replace(' ', "+"));
    let response = send(world, post(&Browser::default(), "/sign-in", &fields)).await;
    let cookie =
        response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut browser = Browser { cookie, csrf: String::new() };
    let page = text(send(world, get(&browser, "/more")).await).await;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
    browser.csrf = csrf.split('"').next().unwrap().to_owned();
    browser
}

fn mark(response: &Response<Body>) -> char {
    let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
    match response.status() {
        StatusCode::SEE_OTHER if to.starts_with("/sign-in?next=") => 'S',
        StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT | StatusCode::SEE_OTHER => 'Y',
        StatusCode::UNAUTHORIZED => 'T',
        StatusCode::FORBIDDEN => 'N',
        StatusCode::NOT_FOUND => '0',
        StatusCode::UNPROCESSABLE_ENTITY => 'U',
        _ => '?',
    }
}

/// A house with one recording of Ada's, and everybody at a browser.
struct Morning {
    world: World,
    hers: RecordingId,
    cleo: PersonId,
    ada: PersonId,
    browsers: Vec<Browser>,
}

async fn morning() -> Morning {
    let world = World::unserved().with_family();
    let hers =
        world.say(Some("Ada"), "Kitchen", SignedDuration::from_mins(1), common::Said::nothing()).unwrap();
    let mut browsers = Vec::new();
    for who in EVERYBODY {
        browsers.push(match who {
            Some(name) => sign_in(&world, name).await,
            None => Browser::default(),
        });
    }
    Morning { cleo: world.person("Cleo"), ada: world.person("Ada"), world, hers, browsers }
}

async fn tried(
    Morning { world, hers: id, cleo, ada, .. }: &Morning,
    method: &str,
    path: &str,
    browser: &Browser,
) -> char {
    let path = path
        .replace("{id}", &id.to_string())
        .replace("{number}", "1")
        .replace("{token}", &"0".repeat(64))
        .replace("{file}", "sotto-ca.pem")
        .replace("{name}", "style.css")
        .replace("{clip}", "0000000000000001")
        .replace("{satellite}", "kitchen")
        .replace("{session}", &"0".repeat(64))
        .replace("{passkey}", "AQ")
        .replace("{model}", "speaker")
        .replace("{person}", &cleo.to_string())
        .replace("{child}", &cleo.to_string())
        .replace("{guardian}", &ada.to_string());
    let fields = format!(
        "id={id}&keep=week&area=Kitchen&language=de&role=guest&person={cleo}&to={cleo}&on=no&satellite=kitchen&code=0000&\
         sentence=hello&house_keep=week&false_wakes=day&child={cleo}&what=all&guardian={ada}&model=speaker&scope=read&judged=right&old=a&new=b&name=x&passphrase=y"
    );
    let request = match (method, path.as_str()) {
        ("get", _) => get(browser, &path),
        (_, "/api/v1/hear" | "/api/v1/voice/clips") => Request::post(&path)
            .header(header::COOKIE, &browser.cookie)
            .header("x-csrf", &browser.csrf)
            .body(Body::from(vec![1; 64]))
            .unwrap(),
        (_, api) if api.starts_with("/api/") => Request::builder()
            .method(method.to_uppercase().as_str())
            .uri(&path)
            .header(header::COOKIE, &browser.cookie)
            .header("x-csrf", &browser.csrf)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(format!(
                r#"{{"words":"x","ids":["{id}"],"to":"{cleo}","text":"hello","keep":"week","transcripts":true,
                    "review":false,"training":false,"voice_erasure":false,"volume":7,"old":"a","new":"four words go well",
                    "false_wakes":"day","claims":true,"area":"Kitchen","named":true,"judged":"right","role":"guest",
                    "administrator":false,"satellite":"kitchen","code":"0000"}}"#
            )))
            .unwrap(),
        ("post", "/bench/hear") => Request::post(&path)
            .header(header::COOKIE, &browser.cookie)
            .header("x-csrf", &browser.csrf)
            .body(Body::from(vec![1; 64]))
            .unwrap(),
        _ => post(browser, &path, &fields),
    };
    let response = send(world, request).await;
    for name in ["content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"] {
        assert!(response.headers().contains_key(name), "{method} {path}: no {name}");
    }
    let stored = path.starts_with("/assets/");
    assert_eq!(response.headers()["cache-control"] == "no-store", !stored, "{method} {path}");
    mark(&response)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_is_tried_by_everybody() {
    let mut wrong = Vec::new();
    let looked_at = morning().await;
    for route in ROUTES {
        let Some((.., expected)) = EXPECTED.iter().find(|(m, p, _)| (*m, *p) == (route.method, route.path))
        else {
            wrong.push(format!("{} {} has no row in EXPECTED", route.method, route.path));
            continue;
        };
        let mut got = String::new();
        // What changes something is tried in a house of its own; strangers first, the one who may do most last.
        let changes = route.method != "get" && expected.contains('Y');
        let fresh = if changes { Some(morning().await) } else { None };
        let house = fresh.as_ref().unwrap_or(&looked_at);
        for browser in &house.browsers {
            got.push(tried(house, route.method, route.path, browser).await);
        }
        if got != *expected {
            wrong.push(format!("{} {}: {got}, expected {expected}", route.method, route.path));
        }
        let by_table = match route.access {
            Access::Anyone => expected.chars().all(|mark| mark == expected.chars().next().unwrap_or('Y')),
            Access::Member => expected.starts_with('S'),
            Access::Administrator => expected.starts_with("SNNN"),
            Access::Token => expected.starts_with('T'),
        };
        assert!(by_table, "{} {}: the router says {:?}", route.method, route.path, route.access);
    }
    for (method, path, _) in EXPECTED {
        if !ROUTES.iter().any(|route| (route.method, route.path) == (*method, *path)) {
            wrong.push(format!("{method} {path} has a row and is no route"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What Ada has cannot be told from what nobody has: the same status, headers and page.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_yours_looks_like_nothing() {
    let world = World::unserved().with_family();
    let hers =
        world.say(Some("Ada"), "Kitchen", SignedDuration::from_mins(1), common::Said::nothing()).unwrap();
    let nobodys = "0123456789abcdef0123456789abcdef";
    for who in ["Ben", "Cleo", "Gil"] {
        let browser = sign_in(&world, who).await;
        for part in ["", "/audio"] {
            let mut answers = Vec::new();
            for id in [hers.to_string(), nobodys.to_owned(), "x".to_owned()] {
                let response = send(&world, get(&browser, &format!("/recordings/{id}{part}"))).await;
                answers.push((response.status(), format!("{:?}", response.headers()), text(response).await));
            }
            assert_eq!(answers[0], answers[1], "{who} {part}");
            assert_eq!(answers[1], answers[2], "{who} {part}");
        }
        let page = text(send(&world, get(&browser, "/history")).await).await;
        assert!(!page.contains(&hers.to_string()), "{who}");
        // Ticking it by hand erases nothing.
        let asked = send(&world, post(&browser, "/erase", &format!("id={hers}"))).await;
        assert_eq!(mark(&asked), 'U', "{who}");
    }
    let ada = sign_in(&world, "Ada").await;
    assert_eq!(send(&world, get(&ada, &format!("/recordings/{hers}"))).await.status(), StatusCode::OK);
}

/// A guardian is told that there are recordings of a child, and may erase them; not a word reaches the page.
#[tokio::test(flavor = "multi_thread")]
async fn a_guardian_erases_and_reads_nothing() {
    let world = World::unserved().with_family();
    let (ada, cleo, ben) = (sign_in(&world, "Ada").await, world.person("Cleo"), world.person("Ben"));
    let appointed = post(&ada, "/people/guardian", &format!("person={cleo}&guardian={ben}&on=yes"));
    assert_eq!(mark(&send(&world, appointed).await), 'Y');
    let said = common::Said::not_understood("play the song about the bear");
    let hers = world.say(Some("Cleo"), "Kitchen", SignedDuration::from_mins(1), said).unwrap();
    let adas =
        world.say(Some("Ada"), "Kitchen", SignedDuration::from_mins(1), common::Said::nothing()).unwrap();
    let ben = sign_in(&world, "Ben").await;
    let page = text(send(&world, get(&ben, "/children")).await).await;
    assert!(page.contains("Cleo") && page.contains(&hers.to_string()));
    assert!(!page.contains("bear") && !page.contains(&adas.to_string()));
    assert!(text(send(&world, get(&ben, "/people")).await).await.contains("href=\"/children\""));
    for part in ["", "/audio"] {
        assert_eq!(mark(&send(&world, get(&ben, &format!("/recordings/{hers}{part}"))).await), '0');
    }
    // Ada administrates and is no guardian; Cleo is her own.
    for who in ["Ada", "Cleo"] {
        let browser = sign_in(&world, who).await;
        assert_eq!(mark(&send(&world, get(&browser, "/children")).await), '0', "{who}");
        let erased = post(&browser, "/children/erase", &format!("child={cleo}&what=all"));
        assert_eq!(mark(&send(&world, erased).await), '0', "{who}");
    }
    let asked =
        text(send(&world, post(&ben, "/children/erase/ask", &format!("child={cleo}&what=all"))).await).await;
    assert!(asked.contains("Erase 1 recording?") && asked.contains("They belong to Cleo"), "{asked}");
    let erased =
        send(&world, post(&ben, "/children/erase", &format!("child={cleo}&what=ticked&id={adas}&id={hers}")))
            .await;
    assert!(erased.headers()[header::LOCATION].to_str().unwrap().starts_with("/receipts/"));
    let cleo = sign_in(&world, "Cleo").await;
    assert_eq!(mark(&send(&world, get(&cleo, &format!("/recordings/{hers}"))).await), '0');
    assert_eq!(mark(&send(&world, get(&ada, &format!("/recordings/{adas}"))).await), 'Y');
    let told = text(send(&world, get(&cleo, "/listened")).await).await;
    assert!(told.contains("Ben"), "the child sees who erased it");
}

/// A choice says beforehand how much it would erase.
#[tokio::test(flavor = "multi_thread")]
async fn settings_say_what_they_touch() {
    let world = World::unserved().with_family();
    for days in [0, 3, 10] {
        world.say(
            Some("Ben"),
            "Kitchen",
            SignedDuration::from_hours(24 * days),
            common::Said::not_understood("hm"),
        );
    }
    let ben = sign_in(&world, "Ben").await;
    let page = text(send(&world, get(&ben, "/settings")).await).await;
    for (value, touched) in
        [("day", "A day (2 are older"), ("week", "A week (1 is older"), ("month", "A month</label>")]
    {
        let radio = page.split(&format!("name=\"keep\" value=\"{value}\"")).nth(1).unwrap();
        assert!(radio.split_once("</label>").unwrap().0.len() < 200);
        assert!(format!("{}</label>", radio.split_once("</label>").unwrap().0).contains(touched), "{value}");
    }
    let saved = send(&world, post(&ben, "/settings/house", "house_keep=week&false_wakes=not_at_all")).await;
    assert_eq!(mark(&saved), 'Y');
    assert_eq!(world.journal.house_keep().unwrap(), sotto_house::Retention::Week);
    assert_eq!(world.journal.false_wakes().unwrap(), sotto_house::FalseWakes::NotAtAll);
    let odd = send(&world, post(&ben, "/settings/house", "house_keep=week&false_wakes=year")).await;
    assert_eq!(mark(&odd), 'U');
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_from_elsewhere_change_nothing() {
    let world = World::unserved().with_family();
    let ada = sign_in(&world, "Ada").await;
    let forged = Browser { csrf: "0".repeat(64), ..ada.clone() };
    assert_eq!(mark(&send(&world, post(&forged, "/people/invite", "role=adult")).await), 'N');
    let mut request = post(&ada, "/people/invite", "role=adult");
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(mark(&send(&world, request).await), 'N');
    // Signing somebody in from elsewhere is a way to make them speak into another's account.
    let fields = format!("name=Ben&passphrase={}", PASSPHRASE.replace(' ', "+"));
    let mut request = post(&Browser::default(), "/sign-in", &fields);
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    let response = send(&world, request).await;
    assert_eq!(mark(&response), 'N');
    assert!(!response.headers().contains_key(header::SET_COOKIE));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_refused_and_breaks_nothing() {
    let world = World::unserved().with_family();
    let ada = sign_in(&world, "Ada").await;
    let long = "x".repeat(100_000);
    let big = send(&world, post(&ada, "/bench", &format!("sentence={long}"))).await;
    assert_eq!(big.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for query in ["period=%00&after=9999999999999999999999.1", "from=0000-99-99&area=%F0%9F", "after=-1.-1"] {
        let response = send(&world, get(&ada, &format!("/history?{query}"))).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
    }
    for path in
        ["/receipts/99999999999999999999", "/receipts/-1", "/recordings/%ff/audio", "/assets/..%2fCargo.toml"]
    {
        let response = send(&world, get(&ada, path)).await;
        assert!(response.status().is_client_error(), "{path}: {}", response.status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down() {
    let world = World::unserved().with_family();
    let mut refused = false;
    for n in 0..30 {
        let response =
            send(&world, post(&Browser::default(), "/sign-in", &format!("name=n{n}&passphrase=x"))).await;
        refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
        if refused {
            assert!(response.headers().contains_key(header::RETRY_AFTER));
            break;
        }
        assert!(!response.headers().contains_key(header::SET_COOKIE));
    }
    assert!(refused, "thirty names were tried from one address without a pause");
}

/// What `Authorization: Bearer TOKEN` may do is what its scopes say, for as long as its person wants.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_it_may_and_ends() {
    let Morning { world, hers, browsers, .. } = morning().await;
    let ada = &browsers[4];
    let page =
        text(send(&world, post(ada, "/account/tokens", "name=lamp&scope=read&scope=erase")).await).await;
    let token = page.split("sotto_").nth(1).unwrap()[..64].to_owned();
    let call = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer sotto_{token}"));
        send(&world, request.body(Body::empty()).unwrap()).await
    };
    let shown = text(call("GET", &format!("/api/v1/recordings/{hers}")).await).await;
    assert!(shown.contains(&hers.to_string()), "{shown}");
    assert_eq!(
        mark(&call("GET", &format!("/api/v1/recordings/{hers}/audio")).await),
        'N',
        "no scope to listen"
    );
    assert_eq!(mark(&call("GET", "/api/v1/satellites").await), 'N');
    let receipt = text(call("DELETE", &format!("/api/v1/recordings/{hers}")).await).await;
    assert!(receipt.contains(r#""recordings":1"#), "{receipt}");
    assert_eq!(mark(&call("GET", &format!("/api/v1/recordings/{hers}")).await), '0');
    // The page of tokens does not show it again, and signing out everywhere ends it.
    assert!(!text(send(&world, get(ada, "/account")).await).await.contains(&token));
    send(&world, post(ada, "/account/sessions/close-all", "")).await;
    assert_eq!(mark(&call("GET", "/api/v1/me").await), 'T');
}

/// A filter that is not understood would choose more than was asked for; nothing is erased by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_with_a_slip_erases_nothing() {
    let Morning { world, hers, browsers, .. } = morning().await;
    let ada = &browsers[4];
    let send_json = |method: &'static str, path: &'static str, json: &str| {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, &ada.cookie);
        let request = request.header("x-csrf", &ada.csrf).header(header::CONTENT_TYPE, "application/json");
        send(&world, request.body(Body::from(json.to_owned())).unwrap())
    };
    let list = send_json("POST", "/api/v1/erase", r#"{"filter":[],"everything":true}"#).await;
    assert_eq!(mark(&list), 'U', "a list is no filter");
    for filter in [
        r#"{"area":"Kitchen","period":"last week"}"#,
        r#"{"area":"Kitchen","outcome":"Done"}"#,
        r#"{"area":"Kitchen","from":"24.11.2026"}"#,
        r#"{"area":"Kitchen","person":"Ada"}"#,
        r#"{"area":"Kitchen","satellite":"the one by the stove"}"#,
    ] {
        let answer = send_json("POST", "/api/v1/erase", &format!(r#"{{"filter":{filter}}}"#)).await;
        assert_eq!(mark(&answer), 'U', "{filter}");
        assert!(text(answer).await.contains("is not understood"), "{filter}");
    }
    for query in ["period=last+week", "limit=0", "limit=x", "to=yesterday", "person=Ben"] {
        let path: &'static str = format!("/api/v1/recordings?{query}").leak();
        assert_eq!(mark(&send_json("GET", path, "").await), 'U', "{query}");
    }
    assert_eq!(mark(&send(&world, get(ada, &format!("/api/v1/recordings/{hers}"))).await), 'Y');
    let kitchen = send_json("POST", "/api/v1/erase", r#"{"filter":{"area":"Kitchen","period":"all"}}"#).await;
    assert!(text(kitchen).await.contains(r#""recordings":1"#));
}
