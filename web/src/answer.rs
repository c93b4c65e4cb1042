//! How pages are sent: never stored, never framed, nothing from elsewhere, no script but our own file.

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::assets;
use crate::trouble::Trouble;
use crate::visitor::language;

/// Strict: what is not named is not allowed. `blob:` is the recording that the script has fetched and plays.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types sotto";

/// A template as a page.
pub fn page<T: Template>(template: &T) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// After a form: go and look.
pub fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A path of ours to go on to, or `/`: never another site, whatever the link says.
pub fn onward(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && next.len() <= 2_000
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours { next } else { "/" }
}

/// Whether another site sent this. Browsers say so themselves (`Sec-Fetch-Site`); older ones name the origin.
fn from_elsewhere(request: &Request) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (header("sec-fetch-site"), header("origin"), header("host")) {
        (Some(site), ..) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin.strip_prefix("https://") != Some(host),
        _ => false,
    }
}

/// Refuses forms from elsewhere, before anything reads them: signing in has no session yet whose token could be
/// asked for. Puts the security headers on every answer, and `no-store` on all but the assets.
///
/// Deliberately absent: `Strict-Transport-Security`. A hub that is set up anew has a new authority, and the header
/// would lock every browser of the house out of it for months. Cookies are `Secure`, plain HTTP only redirects.
pub async fn guarded(request: Request, next: Next) -> Response {
    let mut response =
        match !matches!(*request.method(), Method::GET | Method::HEAD) && from_elsewhere(&request) {
            true => Trouble::Elsewhere(language(request.headers())).into_response(),
            false => next.run(request).await,
        };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if headers.get(header::CACHE_CONTROL).is_none_or(|value| value != assets::FOR_GOOD) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onward_is_always_ours() {
        let check = |next: &str, expect: &str| assert_eq!(onward(next), expect, "{next}");
        check("/history?period=today", "/history?period=today");
        for bad in ["", "https://evil.example", "//evil.example", "/\\evil", "/a\r\nb", "history", "/ü"] {
            check(bad, "/");
        }
    }
}
