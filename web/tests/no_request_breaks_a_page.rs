//! Every address, asked with whatever a broken program or somebody ill-meaning may send: forms, JSON, paths, queries and
//! headers of all sorts, by strangers, a guest, a child and adults.
//!
//! No answer is the hub's own fault (5xx), a stranger gets nowhere, and what only Ada may read reaches nobody else. With
//! `SOTTO_ROUNDS` it goes on for longer.

mod common;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use common::{PASSPHRASE, Said, World};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sotto_web::{Access, ROUTES, Route};
use tower::ServiceExt;

/// Said by Ada; whoever else sees it has broken in.
const CANARY: &str = "quokka marzipan";
/// How often each address is tried.
const ROUNDS: usize = 12;

const FIELDS: [&str; 44] = [
    "csrf",
    "id",
    "name",
    "passphrase",
    "again",
    "token",
    "code",
    "next",
    "back",
    "language",
    "period",
    "from",
    "to",
    "person",
    "area",
    "satellite",
    "outcome",
    "words",
    "after",
    "limit",
    "keep",
    "transcripts",
    "given",
    "house_keep",
    "false_wakes",
    "claims",
    "old",
    "new",
    "scope",
    "session",
    "what",
    "child",
    "guardian",
    "on",
    "role",
    "sentence",
    "model",
    "judged",
    "volume",
    "sensitivity",
    "credential",
    "client",
    "data",
    "prf",
];

struct Dice(StdRng);

impl Dice {
    fn up_to(&mut self, most: usize) -> usize {
        self.0.next_u64() as usize % most.max(1)
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.up_to(of.len())]
    }

    fn text(&mut self, known: &[String]) -> String {
        match self.up_to(16) {
            0 => String::new(),
            1 => "0".repeat(64),
            2 => "x".repeat(self.up_to(70_000)),
            3 => "\0\r\n\t<script>'\"--;%00".into(),
            4 => "Zwölf Boxkämpfer 🦘 \u{202e}".into(),
            5 => (self.0.next_u64() as i64).to_string(),
            6 => "-1".into(),
            7 => "2026-13-40".into(),
            8 => "9999-12-31".into(),
            9 => "../../etc/passwd".into(),
            10 => "18446744073709551616".into(),
            11 => self
                .one(&[
                    "on", "yes", "week", "all", "ticked", "adult", "Kitchen", "kitchen", "done", "read",
                    "mine",
                ])
                .into(),
            _ if known.is_empty() => "?".into(),
            _ => known[self.up_to(known.len())].clone(),
        }
    }

    fn json(&mut self, known: &[String], depth: usize) -> serde_json::Value {
        match self.up_to(if depth > 3 { 5 } else { 8 }) {
            0 => serde_json::Value::Null,
            1 => (self.up_to(2) == 0).into(),
            2 => (self.0.next_u64() as i64).into(),
            3 => f64::from_bits(self.0.next_u64()).into(),
            4 => self.text(known).into(),
            5 => (0..self.up_to(4)).map(|_| self.json(known, depth + 1)).collect(),
            _ => {
                let keys = body_that_fits_all(known);
                let keys: Vec<&str> =
                    keys.as_object().expect("an object").keys().map(String::as_str).collect();
                let fields =
                    (0..self.up_to(10)).map(|_| (self.one(&keys).to_owned(), self.json(known, depth + 1)));
                serde_json::Value::Object(fields.collect())
            }
        }
    }

    /// What a program sends that is right but for a field or two.
    fn nearly_right(&mut self, known: &[String]) -> serde_json::Value {
        let mut body = body_that_fits_all(known);
        let fields = body.as_object_mut().expect("an object");
        let keys: Vec<String> = fields.keys().cloned().collect();
        for _ in 0..self.up_to(3) {
            let key = keys[self.up_to(keys.len())].clone();
            match self.up_to(3) {
                0 => drop(fields.remove(&key)),
                1 => drop(fields.insert(key, self.text(known).into())),
                _ => drop(fields.insert(key, self.json(known, 2))),
            }
        }
        body
    }
}

/// The fields of every body that the interface takes, each as it takes it.
fn body_that_fits_all(known: &[String]) -> serde_json::Value {
    serde_json::json!({
        "words": "kettle", "filter": { "area": "Kitchen", "period": "today" }, "everything": true,
        "ids": known, "to": known.last(), "text": "turn on the light", "area": "Kitchen", "keep": "week",
        "transcripts": true, "review": true, "training": false, "voice_erasure": true, "recognise": true,
        "words_out": false, "given": true, "volume": 7, "sensitivity": 70, "muted": true, "name": "By the stove",
        "old": PASSPHRASE, "new": "four words go well together", "false_wakes": "day", "claims": true, "named": true,
        "language": "de", "judged": "not_meant", "transcript": "the kettle", "role": "child", "administrator": false,
        "reviewer": true, "satellite": "sotto-7f3a", "code": "1234-5678", "what": "all",
    })
}

struct Browser {
    who: Option<&'static str>,
    cookie: String,
    csrf: String,
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn request(dice: &mut Dice, route: &Route, browser: &Browser, known: &[String]) -> Request<Body> {
    let mut path = String::new();
    for part in route.path.split('/').skip(1) {
        path.push('/');
        match part.starts_with('{') {
            true => path.push_str(&encoded(&dice.text(known).chars().take(200).collect::<String>())),
            false => path.push_str(part),
        }
    }
    let mut form = || -> String {
        let fields = (0..dice.up_to(12)).map(|_| {
            let value = dice.text(known);
            (dice.one(&FIELDS), value)
        });
        fields.map(|(name, value)| format!("{name}={}&", encoded(&value))).collect()
    };
    let fields = form();
    let method = route.method.to_uppercase();
    let mut request = Request::builder().method(method.as_str());
    request = request.header(header::COOKIE, &browser.cookie).header(header::HOST, "localhost:8443");
    let body = match (route.method, dice.up_to(8)) {
        ("get", 0..=2) => {
            let query: String = fields.chars().take(8_000).collect();
            path = format!("{path}?{}", query.trim_end_matches('%'));
            Body::empty()
        }
        ("get", _) => Body::empty(),
        (_, 0) => {
            request = request.header(header::CONTENT_TYPE, "text/plain");
            let mut noise = vec![0; dice.up_to(2_000)];
            dice.0.fill_bytes(&mut noise);
            Body::from(noise)
        }
        _ if route.path.starts_with("/api/") => {
            request =
                request.header("x-csrf", &browser.csrf).header(header::CONTENT_TYPE, "application/json");
            let json = if dice.up_to(2) == 0 { dice.json(known, 0) } else { dice.nearly_right(known) };
            Body::from(json.to_string())
        }
        _ => {
            request = request.header("x-csrf", &browser.csrf);
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            Body::from(format!("csrf={}&{fields}", browser.csrf))
        }
    };
    if dice.up_to(6) == 0 {
        request = request
            .header(header::RANGE, dice.one(&["bytes=0-", "bytes=9-1", "bytes=-0", "bytes=x", "lines=1"]));
    }
    if dice.up_to(6) == 0 {
        request = request.header(header::AUTHORIZATION, format!("Bearer sotto_{:x}", dice.0.next_u64()));
    }
    request.uri(path).body(body).expect("a request")
}

async fn sign_in(world: &World, who: Option<&'static str>) -> Browser {
    let Some(name) = who else { return Browser { who, cookie: String::new(), csrf: String::new() } };
    let body = format!("name={name}&passphrase={}", PASSPHRASE.replace(' ', "+"));
    let kind = "application/x-www-form-urlencoded";
    let request =
        Request::post("/sign-in").header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
    let answer = world.pages.router().oneshot(request).await.unwrap();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let request = Request::get("/more").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let page = world.pages.router().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    let page = String::from_utf8(page.to_bytes().to_vec()).unwrap();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    Browser { who, cookie, csrf }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_a_page() {
    let rounds = std::env::var("SOTTO_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).unwrap();
    println!("seed {seed:?}");
    let mut dice = Dice(StdRng::from_seed(seed));
    let mut asked = 0;
    for _ in 0..rounds {
        // Somebody may erase themselves, or sign out everywhere.
        let world = World::unserved().with_family();
        let hers =
            world.say(Some("Ada"), "Kitchen", SignedDuration::from_mins(1), Said::not_understood(CANARY));
        let house =
            world.say(None, "Kitchen", SignedDuration::from_mins(1), Said::not_understood("a kettle"));
        let mut known: Vec<String> = [hers, house].iter().flatten().map(ToString::to_string).collect();
        known.extend(["Ada", "Ben", "Cleo", "Gil"].map(|name| world.person(name).to_string()));
        let mut browsers = Vec::new();
        for who in [None, Some("Gil"), Some("Cleo"), Some("Ben"), Some("Ada")] {
            browsers.push(sign_in(&world, who).await);
        }
        for route in ROUTES {
            // Ada herself may give hers away; then others rightly read it.
            let gives = route.path.ends_with("/dispute") || route.path.ends_with("/hand-over");
            let browser = &browsers[dice.up_to(browsers.len() - usize::from(gives))];
            let request = request(&mut dice, route, browser, &known);
            let about = format!("{} {} by {:?}", route.method, request.uri().path(), browser.who);
            let answer = world.pages.router().oneshot(request).await.unwrap();
            let status = answer.status();
            assert!(!status.is_server_error(), "{about}: {status}");
            let to =
                answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            let turned_away = status.is_client_error() || to.starts_with("/sign-in");
            let stranger = browser.who.is_none() && route.access != Access::Anyone;
            assert!(!stranger || turned_away, "{about}: {status} {to}");
            let small = browser.who != Some("Ada") && route.access == Access::Administrator;
            assert!(!small || turned_away, "{about}: {status} {to}");
            asked += 1;
            // A live stream has no end.
            if matches!(route.path, "/history/live" | "/api/v1/changes") && status == StatusCode::OK {
                continue;
            }
            let body = answer.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let told = body.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
            assert!(!told || browser.who == Some("Ada"), "{about} was told Ada's words");
        }
    }
    println!("{asked} requests, none of them broke anything");
}
