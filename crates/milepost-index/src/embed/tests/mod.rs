//! What the tests of embedders and rerankers call: a real server that answers as it is
//! told, and remembers what it was sent.

mod folders;
mod local;
mod openai;
mod openai_refusals;
mod rerank;
mod tiny;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// One request that came.
#[derive(Clone, Debug)]
struct Seen {
    path: String,
    authorization: Option<String>,
    body: Value,
    at: Instant,
}

impl Seen {
    fn texts(&self) -> Vec<String> {
        serde_json::from_value(self.body["input"].clone()).unwrap()
    }
}

/// A server.
struct Fake {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Answers the nth request, from 0, as `answer` says.
    async fn start<F>(answer: impl Fn(usize, Value) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler = {
            let seen = Arc::clone(&seen);
            move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
                let body: Value = serde_json::from_slice(&body).unwrap();
                let authorization = headers.get("authorization");
                let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
                let (path, at) = (uri.to_string(), Instant::now());
                let request = Seen { path, authorization, body: body.clone(), at };
                let place = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(request);
                    seen.len() - 1
                };
                answer(place, body).await
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// An embedder that calls it, with what `change` makes of the settings.
    fn embedder(&self, change: impl FnOnce(&mut EmbedderConfig)) -> Embedder {
        let mut config = EmbedderConfig::open_ai(&self.url, Some(Key::new("k-secret-key")), "m");
        change(&mut config);
        open(config).unwrap()
    }
}

fn open(config: EmbedderConfig) -> Result<Embedder, EmbedError> {
    let embedders = Embedders::open(BTreeMap::from([("test".to_owned(), config)]))?;
    Ok(embedders.get("test").unwrap())
}

/// What a text's vector is there: nothing but its length and its first character.
fn vector(text: &str) -> [f32; 3] {
    let first = text.chars().next().map_or(0, u32::from);
    [text.len() as f32, first as f32 / 8.0, 1.0]
}

/// What an endpoint answers that does as it should.
fn good(request: &Value) -> Response {
    let texts = request["input"].as_array().unwrap();
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"index": index, "embedding": vector(text.as_str().unwrap())}))
        // Nobody promises an order.
        .rev()
        .collect();
    axum::Json(json!({"object": "list", "data": data, "model": "m"})).into_response()
}

fn status(code: u16, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
    response
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// The folder of a real model: the one that the environment names, or where
/// `scripts/minilm` puts it.
fn minilm() -> PathBuf {
    let named = std::env::var_os("MILEPOST_TEST_MODEL").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/minilm");
        let output = Command::new(script).arg("--where").output().expect("the script runs");
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    });
    assert!(folder.is_dir(), "This test needs a model: run `scripts/minilm`, which gets it.");
    folder
}

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}
