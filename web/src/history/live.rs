//! A page is told that its list has changed, and nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use jiff::Timestamp;
use sotto_house::{PersonId, RecordingId};
use sotto_journal::{Filter, Person, Purpose};
use tokio::sync::broadcast::error::RecvError;

use super::PAGE;
use crate::Shared;
use crate::session::Session;
use crate::visitor::Member;

/// Recordings whose ids are compared to see whether a page has changed.
const WATCHED: usize = PAGE;

/// Tells a page that its list has changed, and nothing else: what is new comes as the page itself, through the same
/// door. Silent about what others have. Ends with the session.
pub async fn live(member: Member) -> Response {
    changes(member, false)
}

/// The same for a program; `by_token` ends with the token instead.
pub fn changes(member: Member, by_token: bool) -> Response {
    let changes = member.shared.journal.subscribe();
    let watch = Watch {
        shared: member.shared.clone(),
        person: member.session.id,
        handle: member.session.handle.clone(),
        by_token,
        changes,
        seen: None,
    };
    // The session itself is not held: a page left open must not keep a key open.
    drop(member);
    Sse::new(watch.events()).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))).into_response()
}

struct Watch {
    shared: Arc<Shared>,
    person: PersonId,
    handle: String,
    by_token: bool,
    changes: tokio::sync::broadcast::Receiver<sotto_journal::Change>,
    seen: Option<Vec<RecordingId>>,
}

impl Watch {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold(self, |mut watch| async move {
            if watch.seen.is_none() {
                watch.seen = Some(watch.look().await?);
                return Some((Ok(Event::default().comment("listening")), watch));
            }
            loop {
                match watch.changes.recv().await {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
                let now = watch.look().await?;
                if watch.seen.as_ref() != Some(&now) {
                    watch.seen = Some(now);
                    return Some((Ok(Event::default().event("changed").data("look")), watch));
                }
            }
        })
    }

    /// The newest recordings of this person, while they are signed in.
    async fn look(&self) -> Option<Vec<RecordingId>> {
        let session = self.session()?;
        let found = self
            .shared
            .ask(move |journal| {
                let now = Timestamp::now();
                journal.newest(&session.person, &Filter::default(), WATCHED, Purpose::Recall, now)
            })
            .await
            .ok()?;
        found.ok()
    }

    fn session(&self) -> Option<Arc<Session<Person>>> {
        let own = match self.by_token {
            true => self.shared.tokens.own(self.person).iter().map(|token| token.session.clone()).collect(),
            false => self.shared.sessions.own(self.person),
        };
        own.into_iter().find(|session| session.handle == self.handle)
    }
}
