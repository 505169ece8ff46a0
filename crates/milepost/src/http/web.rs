//! The web app, which is in the binary. Enters: paths of its files and of its views.
//! Leaves: files, compressed for those who take that. Never: reads the disk; looks who
//! asks, for the app has nothing of anybody in it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{LazyLock, OnceLock};

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::read::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::content::negotiate;
use super::form::{Asked, Body};
use super::problem::{Code, Problem};
use super::routes::{Routes, Rule};

/// What the app's pages may do: be ours, and talk to us.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data: blob:; connect-src 'self'; frame-src 'self' blob:; \
                      worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";
/// The page that all views are.
const PAGE: &str = "index.html";
/// Files whose names change with their content.
const HASHED: &str = "assets/";
/// Kinds of files that gain by compression.
const TEXTS: [&str; 4] =
    ["text/", "application/json", "application/manifest+json", "image/svg+xml"];

/// What `npm run build -w web` made.
#[derive(RustEmbed)]
#[folder = "web"]
struct Built;

/// A file of the app.
struct Asset {
    kind: &'static str,
    hashed: bool,
    /// By its content.
    tag: String,
    plain: Bytes,
    /// Made when it is first asked for; `None` where it would not be smaller.
    gzip: OnceLock<Option<Bytes>>,
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let named = Built::iter().filter_map(|name| Some((Built::get(&name)?, name.into_owned())));
    named.map(|(file, name)| (name.clone(), Asset::new(&name, file))).collect()
});

/// The routes. The worker of the app stands above it, as it is to see all requests.
pub fn routes() -> Routes {
    let on = |routes: Routes, path, handler| {
        routes.on(in_plain_words, Rule::Open, Method::GET, path, handler)
    };
    let routes = on(Routes::default(), "/app", get(page));
    let routes = on(routes, "/app/", get(page));
    let routes = on(routes, "/app/{*file}", get(file));
    on(routes, "/sw.js", get(worker))
}

/// The app's page.
pub async fn page(headers: HeaderMap) -> Response {
    answer(PAGE, &headers)
}

async fn worker(headers: HeaderMap) -> Response {
    answer("sw.js", &headers)
}

/// A file, or else the page, which knows its views by their paths. A file of an earlier
/// version of the app is gone: the page in its place would be no script.
async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let known = ASSETS.contains_key(&name) || name.starts_with(HASHED);
    answer(if known { &name } else { PAGE }, &headers)
}

/// People read it who have followed a link.
fn in_plain_words(problem: &Problem, _: &Asked) -> Body {
    Body { kind: "text/plain; charset=utf-8", text: problem.detail.clone(), status: None }
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.get(name) else {
        let detail = "The web app has no such file; load the page again.";
        return Problem::new(Code::NotFound, detail).into_response();
    };
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let encodings = text(header::ACCEPT_ENCODING).filter(|value| !value.is_empty());
    let gzip = encodings.filter(|value| negotiate(Some(value), &["gzip"]).is_some());
    let gzip = gzip.and_then(|_| asset.gzip());
    // The same file in another encoding is another thing to a cache.
    let tag = format!("\"{}{}\"", asset.tag, if gzip.is_some() { "-gzip" } else { "" });
    let cache = if asset.hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let always = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, cache),
        (header::VARY, "accept-encoding"),
        (header::ETAG, &tag),
    ];
    let held = text(header::IF_NONE_MATCH).unwrap_or_default();
    let same = |one: &str| ["*", &tag].contains(&one.trim().trim_start_matches("W/"));
    if held.split(',').any(same) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    let kind = [(header::CONTENT_TYPE, asset.kind)];
    match gzip {
        Some(bytes) => {
            (always, kind, [(header::CONTENT_ENCODING, "gzip")], bytes.clone()).into_response()
        }
        None => (always, kind, asset.plain.clone()).into_response(),
    }
}

impl Asset {
    fn new(name: &str, file: EmbeddedFile) -> Self {
        let hash = &file.metadata.sha256_hash()[..16];
        Self {
            kind: kind(name),
            hashed: name.starts_with(HASHED),
            tag: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            plain: match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            },
            gzip: OnceLock::new(),
        }
    }

    /// Compressed, once; some milliseconds for the largest file.
    fn gzip(&self) -> Option<&Bytes> {
        let made = self.gzip.get_or_init(|| {
            if !TEXTS.iter().any(|kind| self.kind.starts_with(kind)) {
                return None;
            }
            let mut packed = Vec::new();
            let mut encoder = GzEncoder::new(&*self.plain, Compression::best());
            encoder.read_to_end(&mut packed).ok()?;
            (packed.len() < self.plain.len()).then(|| packed.into())
        });
        made.as_ref()
    }
}

/// The media type of a file by its ending.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
