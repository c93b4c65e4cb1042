//! Style, script and pictures, built into the program.

use std::io::Write;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// Addresses of assets change with their content, so what a browser has, it may keep.
pub const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// The address of the style sheet, with its digest, so that browsers keep it for good and an update shows at
/// once.
pub fn style() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address("style.css"))
}

pub fn script() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address("sotto.js"))
}

fn address(name: &str) -> String {
    let digest = Files::get(name).map(|file| crate::session::hex(&file.metadata.sha256_hash()[..8]));
    format!("/assets/{name}?{}", digest.unwrap_or_default())
}

/// An asset as most browsers take it (RFC 1952). Pages themselves are not compressed: in them what somebody sends
/// could stand beside the token of their session, and the length would tell of it (BREACH).
fn small(name: &str) -> Option<&'static [u8]> {
    static SMALL: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    let all = SMALL.get_or_init(|| {
        let compressed = |name: &str| -> Option<Vec<u8>> {
            let mut to = GzEncoder::new(Vec::new(), Compression::best());
            to.write_all(&Files::get(name)?.data).ok()?;
            to.finish().ok()
        };
        Files::iter().filter_map(|name| Some((name.to_string(), compressed(&name)?))).collect()
    });
    all.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.as_slice())
}

pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = Files::get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    };
    let about =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_GOOD), (header::VARY, "accept-encoding")];
    let takes =
        headers.get(header::ACCEPT_ENCODING).and_then(|takes| takes.to_str().ok()).unwrap_or_default();
    let gzip = takes.split(',').any(|one| one.trim() == "gzip");
    match small(&name).filter(|_| gzip) {
        Some(small) => (about, [(header::CONTENT_ENCODING, "gzip")], small).into_response(),
        None => (about, file.data).into_response(),
    }
}
