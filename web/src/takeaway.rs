//! Taking one's own archive away, as a zip that is written while it is read: sound, words, access records, and a page
//! to read them with. Erasing it here afterwards is a question of its own.

use std::io::{self, Write};

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::answer::page;
use crate::frame::Frame;
use crate::session::locked;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};

/// Parts of the archive that wait for a slow browser; each is at most [`PART`] bytes.
const WAITING: usize = 8;
const PART: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "export.html")]
struct ExportPage {
    frame: Frame,
    count: u64,
    holds: String,
}

pub async fn export_page(member: Member) -> Result<Response, Trouble> {
    let count = crate::history::count_own(&member).await?;
    let holds = member.lang.count("export.holds", count);
    Ok(page(&ExportPage { frame: member.frame("export.title"), count, holds }))
}

pub async fn export(deed: Deed) -> Result<Response, Trouble> {
    archive(deed.member).await
}

/// All that is the person's own, as a zip.
pub async fn archive(member: Member) -> Result<Response, Trouble> {
    member.try_heavy()?;
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(WAITING);
    let (shared, session) = (member.shared.clone(), member.session.clone());
    tokio::task::spawn_blocking(move || {
        let mut out = Out { sender: sender.clone(), part: Vec::with_capacity(PART) };
        let tell = |progress| *locked(&session.taking) = Some(progress);
        let written = shared
            .journal
            .export(&session.person, &mut out, Timestamp::now(), tell)
            .map_err(io::Error::other)
            .and_then(|_| out.flush());
        *locked(&session.taking) = None;
        if let Err(error) = written {
            // The browser sees a download that broke off, which is what it is.
            tracing::warn!(%error, "an archive was not finished");
            let _ = sender.blocking_send(Err(error));
        }
    });
    let parts = unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let day = member.today();
    let name = format!("attachment; filename=\"sotto-{day}.zip\"");
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/zip");
    let body = Body::from_stream(parts);
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// How far the archive is that is being made for this browser: `{"done":n,"total":n,"text":…}`, or nothing.
pub async fn progress(member: Member) -> Response {
    let Some(progress) = *locked(&member.session.taking) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let (done, total) = (member.lang.number(progress.done), member.lang.number(progress.total));
    let text = member.lang.fill("export.progress", &[("done", &done), ("total", &total)]);
    axum::Json(serde_json::json!({ "done": progress.done, "total": progress.total, "text": text }))
        .into_response()
}

/// Writes into the answer, in parts; waits when the browser is slower than the disk, and ends when it has gone.
struct Out {
    sender: mpsc::Sender<io::Result<Bytes>>,
    part: Vec<u8>,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = Bytes::from(std::mem::take(&mut self.part));
        self.sender.blocking_send(Ok(part)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
