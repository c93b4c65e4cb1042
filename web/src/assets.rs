//! Style, script and pictures, built into the program.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
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

pub async fn asset(Path(name): Path<String>) -> Response {
    let Some(file) = Files::get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_GOOD)], file.data).into_response()
}
