//! A whole server without a port and without converters. Enters: requests,
//! messages. Leaves: checked answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use crate::app::{Core, Outside};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Config;
use crate::dialect::{self, native};
use crate::http::router;
use crate::index::Indexing;
use crate::store::{Blobs, Store};

/// How refusals are said: by ourselves, and by the protocols of other systems.
const REFUSALS: [&str; 3] = ["application/problem+json", "application/json", "text/plain"];

/// No answer to a request that finds next to nothing stored is larger.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Streams and long-polls do not end by themselves.
const PATIENCE: Duration = Duration::from_millis(20);
/// What has to be there is waited for, however busy the machine is.
const START: Duration = Duration::from_secs(30);

pub struct Ground {
    runtime: tokio::runtime::Runtime,
    core: Core,
    router: Router,
    /// A job that there is.
    pub job: String,
}

thread_local! {
    static GROUND: Ground = Ground::new().expect("a server can be built");
}

/// Runs it on this thread's server.
pub fn with_ground(run: impl FnOnce(&Ground)) {
    GROUND.with(run);
}

impl Ground {
    fn new() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let folder = std::env::temp_dir().join(format!("milepost-fuzz-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let mut config = Config { data_dir: folder.clone(), ..Config::default() };
        // All is read and checked before the queue is found to be full, and the
        // database stays as it is.
        config.queue.max_waiting = 0;
        let core = runtime.block_on(async {
            let (committed, announcements) = mpsc::unbounded_channel();
            let outside = Outside {
                clock: Clock::system(),
                store: Store::open(&folder, committed)?,
                announcements,
                blobs: Blobs::in_memory(),
                bus: Bus::new(),
                start: Arc::new(|| Err(std::io::Error::other("there are none here"))),
                indexing: Indexing::open(&config, &folder.join("index"))?,
            };
            Core::start(config, outside).await
        })?;
        let router = router(core.services.clone(), dialect::routes(&core.services.config.dialects));
        let mut ground = Self { runtime, core, router, job: String::new() };
        let body = Body::from(r#"{"pipeline": "external"}"#);
        let request = Request::post("/v1/jobs")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)?;
        let answer = ground.answer_within(START, request).unwrap_or_default();
        let job: serde_json::Value = serde_json::from_slice(&answer)?;
        ground.job = job["id"].as_str().unwrap_or_default().to_owned();
        assert!(!ground.job.is_empty(), "the first job is taken: {job}");
        Ok(ground)
    }

    /// Has the request answered.
    pub fn answer(&self, request: Request<Body>) {
        self.answer_within(PATIENCE, request);
    }

    /// Has the request answered; the body, where it ends within `patience`.
    fn answer_within(&self, patience: Duration, request: Request<Body>) -> Option<Vec<u8>> {
        self.runtime.block_on(async {
            let answering = self.router.clone().oneshot(request);
            let response = tokio::time::timeout(patience, answering).await.ok()?;
            let response = response.unwrap_or_else(|never| match never {});
            let status = response.status();
            // What is not there yet says so.
            let fault = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
            assert!(!fault, "answered with {status}");
            let refused = status.is_client_error();
            let kind = response.headers().get(header::CONTENT_TYPE).cloned();
            let body = Limited::new(response.into_body(), MAX_ANSWER);
            let body = tokio::time::timeout(patience, body.collect()).await.ok()?;
            let body = body.expect("an answer is bounded").to_bytes();
            if refused && !body.is_empty() {
                let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
                let said = REFUSALS.iter().any(|known| kind.starts_with(known));
                assert!(said, "a refusal is said in one of the forms: {status} {kind}");
            }
            Some(body.to_vec())
        })
    }

    /// Says each line on a socket of its own.
    pub fn talk(&self, text: &str) {
        self.runtime.block_on(native::fuzzing::talk(&self.core.services, text));
    }
}
