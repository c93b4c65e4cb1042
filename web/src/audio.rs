//! One recording's sound for the one who may hear it: Ogg Opus, range requests, never stored.
//!
//! The first request opens the recording through the journal's door, which writes the access record; ranges of the
//! same playing are served from memory for a moment, so that dragging the cursor is not "listened" ten times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use sotto_house::RecordingId;
use sotto_journal::{ListenError, Purpose};
use zeroize::Zeroizing;

use crate::session::locked;
use crate::trouble::Trouble;
use crate::visitor::Member;

/// How long a recording stays open for ranges.
const OPEN: Duration = Duration::from_secs(120);

/// A recording that is being played in one session.
#[derive(Clone)]
pub struct Playing {
    recording: RecordingId,
    sound: Arc<Sound>,
    until: Instant,
}

struct Sound {
    ogg: Zeroizing<Vec<u8>>,
    pre_roll: Duration,
}

pub async fn audio(
    member: Member,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Trouble> {
    let lang = member.lang;
    let Ok(recording) = id.parse::<RecordingId>() else { return Err(Trouble::NotHere(lang)) };
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let playing = locked(&member.session.playing).clone();
    let playing = playing.filter(|playing| playing.recording == recording && Instant::now() < playing.until);
    let sound = match playing {
        // Only for a later part of what is being played: from the beginning is listening again.
        Some(playing) if range.is_some_and(|range| !range.starts_with("bytes=0-")) => {
            // Erased in the meantime means gone, here too.
            if !crate::history::still_mine(&member, recording).await? {
                *locked(&member.session.playing) = None;
                return Err(Trouble::NotHere(lang));
            }
            playing.sound
        }
        _ => {
            let session = member.session.clone();
            let opened = member
                .shared
                .ask(move |journal| {
                    let listening =
                        journal.listen(recording, &session.person, Purpose::Recall, Timestamp::now())?;
                    Ok(Arc::new(Sound { ogg: listening.ogg_opus(), pre_roll: listening.pre_roll() }))
                })
                .await?;
            let sound = match opened {
                Ok(sound) => sound,
                Err(ListenError::Store(error) | ListenError::NotRecorded(error)) => {
                    return Err(Trouble::store(lang, &error));
                }
                Err(ListenError::Damaged) => {
                    return Err(Trouble::Refused(lang, lang.say("play.cannot").to_owned()));
                }
                Err(_) => return Err(Trouble::NotHere(lang)),
            };
            let until = Instant::now() + OPEN;
            *locked(&member.session.playing) = Some(Playing { recording, sound: sound.clone(), until });
            sound
        }
    };
    Ok(part(&sound, range))
}

fn part(sound: &Sound, range: Option<&str>) -> Response<Body> {
    let whole: &[u8] = &sound.ogg;
    let mut response = match range.and_then(|range| cut(range, whole.len())) {
        None => Response::new(Body::from(whole.to_vec())),
        Some(None) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", whole.len()));
            response
        }
        Some(Some((first, last))) => {
            let mut response = Response::new(Body::from(whole[first..=last].to_vec()));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", whole.len()));
            response
        }
    };
    set(&mut response, header::CONTENT_TYPE, "audio/ogg; codecs=opus");
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(
        &mut response,
        header::HeaderName::from_static("sotto-pre-roll"),
        &sound.pre_roll.as_millis().to_string(),
    );
    response
}

fn set(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The first and last byte of a range (RFC 9110, section 14.1.2): `None` for what is not one range of bytes and is
/// answered whole, `Some(None)` for one that lies outside.
fn cut(range: &str, length: usize) -> Option<Option<(usize, usize)>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    if last.contains(',') {
        return None;
    }
    let end = length.checked_sub(1);
    let (first, last) = match (first.trim(), last.trim()) {
        ("", last) => (length.saturating_sub(last.parse().ok()?), length.saturating_sub(1)),
        (first, "") => (first.parse().ok()?, length.saturating_sub(1)),
        (first, last) => (first.parse().ok()?, last.parse::<usize>().ok()?.min(length.saturating_sub(1))),
    };
    Some((end.is_some_and(|end| first <= end) && first <= last).then_some((first, last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_as_the_rfc_says() {
        let check = |range: &str, expect: Option<Option<(usize, usize)>>| {
            assert_eq!(cut(range, 100), expect, "{range}");
        };
        check("bytes=0-", Some(Some((0, 99))));
        check("bytes=10-19", Some(Some((10, 19))));
        check("bytes=90-900", Some(Some((90, 99))));
        check("bytes=-10", Some(Some((90, 99))));
        check("bytes=-900", Some(Some((0, 99))));
        check("bytes=100-", Some(None));
        check("bytes=20-10", Some(None));
        check("bytes=0-1,5-6", None);
        check("bytes=a-b", None);
        check("lines=0-1", None);
        check("bytes=99999999999999999999999-", None);
        assert_eq!(cut("bytes=0-", 0), Some(None));
    }
}
