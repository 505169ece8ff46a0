//! An endpoint that makes vectors, as `/v1/embeddings` is: texts with the same words have
//! near vectors. It can be told to do otherwise, and remembers which texts it has made
//! vectors of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::Server;

/// How many numbers a vector has.
pub const DIMENSIONS: usize = 64;

/// What the endpoint knows the server by.
pub const KEY: &str = "sk-embeddings-7c2e5f0a91";

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mood {
    /// As it should.
    Good,
    /// With this status, and a message that shows the key, as some services do.
    Says(u16),
    /// 429 with so many seconds once, then as it should.
    Busy(u32),
    /// With 500 each second time.
    Shaky,
    /// Not at all.
    Silent,
    /// With vectors of so many numbers.
    Other(usize),
    /// With what is no JSON.
    Garbage,
    /// Without an end.
    Endless,
}

struct Kept {
    mood: Mood,
    /// After so many texts more it is down.
    left: Option<usize>,
    requests: usize,
    texts: BTreeMap<String, usize>,
}

type Shared = Arc<Mutex<Kept>>;

/// The endpoint.
pub struct Embeddings {
    url: String,
    kept: Shared,
    folder: TempDir,
}

impl Embeddings {
    pub async fn start() -> Self {
        let texts = BTreeMap::new();
        let kept = Kept { mood: Mood::Good, left: None, requests: 0, texts };
        let kept = Arc::new(Mutex::new(kept));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}/v1", listener.local_addr().expect("it has an address"));
        let router = Router::new()
            .route("/v1/embeddings", axum::routing::post(answer))
            .with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, kept, folder: tempfile::tempdir().expect("a folder can be made") }
    }

    /// From now on.
    pub fn is(&self, mood: Mood) {
        let mut kept = self.kept.lock().unwrap();
        (kept.mood, kept.left) = (mood, None);
    }

    /// Makes so many vectors more, then is down.
    pub fn fails_after(&self, texts: usize) {
        self.kept.lock().unwrap().left = Some(texts);
    }

    /// How often it was called.
    pub fn requests(&self) -> usize {
        self.kept.lock().unwrap().requests
    }

    /// The texts that it made vectors of, and how often.
    pub fn texts(&self) -> BTreeMap<String, usize> {
        self.kept.lock().unwrap().texts.clone()
    }

    /// How many vectors it has made.
    pub fn made(&self) -> usize {
        self.texts().values().sum()
    }

    /// The configuration of a server that calls it, with further lines for the embedder.
    pub fn config(&self, more: &str) -> String {
        let path = self.folder.path().join("milepost.toml");
        let text = format!(
            "[index]\nembedder = \"far\"\n\n[embedders.far]\nkind = \"openai\"\nurl = \"{}\"\n\
             key = \"{KEY}\"\nmodel = \"words\"\n{more}\n",
            self.url
        );
        std::fs::write(&path, text).expect("the file can be written");
        path.to_str().expect("it is Unicode").to_owned()
    }

    /// A server that calls it, and tries again itself as often as `more` says.
    pub fn server(&self, more: &str, settings: &[(&str, &str)]) -> Server {
        let config = self.config(more);
        let mut all = vec![("MILEPOST_CONFIG", config.as_str())];
        all.extend_from_slice(settings);
        Server::with(&all)
    }
}

async fn answer(
    State(kept): State<Shared>,
    headers: HeaderMap,
    axum::Json(request): axum::Json<Value>,
) -> Response<Body> {
    let key = headers.get("authorization").and_then(|value| value.to_str().ok());
    assert_eq!(key, Some(format!("Bearer {KEY}").as_str()));
    let texts: Vec<String> = serde_json::from_value(request["input"].clone()).expect("texts");
    let mood = {
        let mut kept = kept.lock().unwrap();
        kept.requests += 1;
        let enough = kept.left.is_some_and(|left| left < texts.len());
        let mood = if enough { Mood::Says(503) } else { kept.mood };
        if let (Some(left), false) = (&mut kept.left, enough) {
            *left -= texts.len();
        }
        if matches!(kept.mood, Mood::Busy(_)) {
            kept.mood = Mood::Good;
        }
        match mood {
            Mood::Shaky if kept.requests % 2 == 1 => Mood::Says(500),
            Mood::Shaky => Mood::Good,
            mood => mood,
        }
    };
    let dimensions = match mood {
        Mood::Good | Mood::Shaky => DIMENSIONS,
        Mood::Other(dimensions) => dimensions,
        Mood::Says(status) => return said(status, None),
        Mood::Busy(seconds) => return said(429, Some(seconds)),
        Mood::Silent => std::future::pending().await,
        Mood::Garbage => return Response::new(Body::from("<html>It works!</html>")),
        Mood::Endless => {
            let chunk = || Ok::<_, std::io::Error>(vec![b' '; 1 << 20]);
            let stream = futures_util::stream::repeat_with(chunk);
            return Response::new(Body::from_stream(stream));
        }
    };
    let vectors = texts.iter().enumerate().map(|(index, text)| {
        json!({"object": "embedding", "index": index, "embedding": vector(text, dimensions)})
    });
    let body = json!({"object": "list", "data": vectors.collect::<Vec<_>>(), "model": "words"});
    let mut kept = kept.lock().unwrap();
    for text in texts {
        *kept.texts.entry(text).or_default() += 1;
    }
    Response::new(Body::from(body.to_string()))
}

fn said(status: u16, seconds: Option<u32>) -> Response<Body> {
    let message = format!("It went wrong for the key {KEY}.");
    let body = json!({"error": {"message": message}}).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if let Some(seconds) = seconds {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

/// How often words stand in it whose letters have the same sum.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.01; dimensions];
    for word in text.split(|char: char| !char.is_alphanumeric()).filter(|word| word.len() > 3) {
        let sum: usize = word.to_lowercase().bytes().map(usize::from).sum();
        vector[sum % dimensions] += 1.0;
    }
    vector
}
