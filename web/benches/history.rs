//! The server's time for a page of history, as a browser asks for it, over a journal that is there already.
//!
//! `cargo bench -p sotto-web --bench history -- DIR`, where DIR is what `cargo bench -p sotto-journal --bench million --
//! 1000000 DIR` has left. From the request to the last byte of the page, TLS and network apart. Each time is printed with
//! and without what its threads stood in line for a processor that others had.

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use common::MadeUp;
use http_body_util::BodyExt;
use jiff::Timestamp;
use sotto_journal::{Hardness, Journal, Options};
use sotto_web::Pages;
use tower::ServiceExt;

/// As the journal's bench sets it.
const PASSPHRASE: &str = "four+words+are+good";
const PAGES: usize = 400;

#[tokio::main]
async fn main() {
    let Some(dir) = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).map(PathBuf::from) else {
        return println!("SKIPPED: name the directory that the journal's bench `million` has left");
    };
    let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };
    let journal = Journal::open(&dir, options, Timestamp::now()).expect("the journal");
    let recordings: u64 = journal.counts().expect("counts").iter().map(|(_, count)| count).sum();
    let pages = Pages::new(Arc::new(journal), Arc::new(MadeUp::default()));
    let form = format!("name=Bert&passphrase={PASSPHRASE}");
    let sign_in = Request::post("/sign-in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .expect("a request");
    let answer = ask(&pages, sign_in).await;
    let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("text").split(';').next();
    let cookie = cookie.expect("a cookie").to_owned();

    let mut times = Vec::new();
    let mut bytes = 0;
    for round in 0..PAGES {
        let mut query = Vec::new();
        query.extend((round % 2 == 1).then_some("area=kitchen"));
        query.extend((round % 3 == 1).then_some("outcome=refused"));
        query.extend((round % 5 == 1).then_some("satellite=satellite-7"));
        query.extend((round % 7 == 1).then_some("period=month"));
        let path = format!("/history?{}", query.join("&"));
        let request = Request::get(path).header(header::COOKIE, &cookie).body(Body::empty());
        let (start, before) = (Instant::now(), queued());
        let answer = ask(&pages, request.expect("a request")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        bytes = bytes.max(answer.into_body().collect().await.expect("a page").to_bytes().len());
        let wall = start.elapsed();
        times.push((wall.saturating_sub(queued().saturating_sub(before)), wall));
    }
    let percentile = |of: fn(&(Duration, Duration)) -> Duration, part: f64| {
        let mut all: Vec<_> = times.iter().map(of).collect();
        all.sort();
        all[((all.len() - 1) as f64 * part) as usize]
    };
    println!(
        "history page among {recordings}, filtered, at most {bytes} bytes: p50 {:?}, p99 {:?} \
         (with the wait for a processor: p50 {:?}, p99 {:?})",
        percentile(|time| time.0, 0.5),
        percentile(|time| time.0, 0.99),
        percentile(|time| time.1, 0.5),
        percentile(|time| time.1, 0.99),
    );
}

async fn ask(pages: &Pages, request: Request<Body>) -> Response<Body> {
    pages.router().oneshot(request).await.expect("an answer")
}

/// Time that this process's threads were ready to run and did not (the second number of Linux's schedstat).
fn queued() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let waited = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').nth(1)?.parse::<u64>().ok()
    });
    Duration::from_nanos(waited.sum())
}
