//! Keys that an issuer publishes (RFC 7517). Enters: a URL of the configuration.
//! Leaves: the keys that are there, as long as they are not too old. Never: follows
//! a redirect, asks a second time while the first answer is awaited, or asks as
//! often as strangers send it unknown keys.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use milepost_core::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::Refused;
use super::key::Key;
use crate::clock::Clock;
use crate::config::JwtConfig;

/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 1024 * 1024;
/// Each may be tried on a token, which anybody can send.
const MAX_KEYS: usize = 64;
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(10);

/// The published keys.
pub struct Jwks {
    shared: Arc<Shared>,
    /// Stopped when this is dropped. The receiver hears when it has ended.
    attempt: Mutex<Option<(AbortOnDropHandle<()>, watch::Receiver<()>)>>,
}

struct Shared {
    client: reqwest::Client,
    url: Url,
    clock: Clock,
    refresh: Duration,
    max_stale: Duration,
    known: Mutex<Known>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<[Key]>,
    fetched: Option<Timestamp>,
    tried: Option<Timestamp>,
    /// Whether the last attempt brought nothing.
    failed: bool,
}

impl Jwks {
    /// Fetches nothing yet.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(url: Url, config: &JwtConfig, clock: Clock) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("milepost/", env!("CARGO_PKG_VERSION")))
            // Neither a variable of the environment nor an answer may lead to
            // somebody else's keys.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        let known =
            Known { keys: Arc::from(Vec::new()), fetched: None, tried: None, failed: false };
        let shared = Shared {
            client,
            url,
            clock,
            refresh: config.jwks_refresh,
            max_stale: config.jwks_max_stale,
            known: Mutex::new(known),
        };
        Ok(Self { shared: Arc::new(shared), attempt: Mutex::new(None) })
    }

    /// The keys. What is stale is used while it is fetched anew; only where there
    /// is nothing to use is the answer awaited.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] where there is none, or only what is too old.
    pub async fn keys(&self) -> Result<Arc<[Key]>, Refused> {
        let known = self.shared.known();
        if self.shared.older(known.fetched, self.shared.refresh) {
            let ended = self.begin();
            if self.shared.usable(&known).is_none() {
                wait(ended).await;
            }
        }
        let known = self.shared.known();
        self.shared.usable(&known).ok_or(Refused::Unavailable)
    }

    /// The keys, if there are other ones than `seen` by now: for a token whose key
    /// is not among these.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] where the issuer could not be asked: the key may be
    /// a good one.
    pub async fn other_than(&self, seen: &Arc<[Key]>) -> Result<Option<Arc<[Key]>>, Refused> {
        let other =
            |known: &Known| self.shared.usable(known).filter(|keys| !Arc::ptr_eq(keys, seen));
        if let Some(keys) = other(&self.shared.known()) {
            return Ok(Some(keys));
        }
        wait(self.begin()).await;
        let known = self.shared.known();
        if known.failed { Err(Refused::Unavailable) } else { Ok(other(&known)) }
    }

    /// Begins to fetch, unless the last attempt was just now. Leaves what hears of
    /// the end of the attempt that is under way.
    pub fn begin(&self) -> Option<watch::Receiver<()>> {
        let mut attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ended)) = attempt.as_ref()
            // Its sender is gone when it has ended, in whichever way.
            && ended.has_changed().is_ok()
        {
            return Some(ended.clone());
        }
        if !self.shared.older(self.shared.known().tried, PAUSE) {
            return None;
        }
        self.shared.lock().tried = Some(self.shared.clock.now());
        let (running, ended) = watch::channel(());
        let shared = Arc::clone(&self.shared);
        // Not on the request's own time: whoever goes away must not take it along.
        let task = tokio::spawn(async move {
            shared.fetch().await;
            drop(running);
        });
        *attempt = Some((AbortOnDropHandle::new(task), ended.clone()));
        Some(ended)
    }
}

async fn wait(ended: Option<watch::Receiver<()>>) {
    if let Some(mut ended) = ended {
        // Nothing is ever sent: this is the end of the sender.
        let _ = ended.changed().await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Known {
        self.lock().clone()
    }

    /// Whether `time` was never, is longer ago than `age`, or lies in the future
    /// because the clock was set back.
    fn older(&self, time: Option<Timestamp>, age: Duration) -> bool {
        let Some(time) = time else { return true };
        let passed = self.clock.now().seconds_since(time);
        passed < 0.0 || passed >= age.as_secs_f64()
    }

    fn usable(&self, known: &Known) -> Option<Arc<[Key]>> {
        let passed = self.clock.now().seconds_since(known.fetched?);
        (passed < self.max_stale.as_secs_f64()).then(|| Arc::clone(&known.keys))
    }

    /// One attempt.
    async fn fetch(&self) {
        match self.answer().await {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!("the key set of jwt.jwks_url holds no key that can be used");
                }
                let mut known = self.lock();
                known.keys = keys.into();
                known.fetched = Some(self.clock.now());
                known.failed = false;
            }
            Err(cause) => {
                let mut known = self.lock();
                known.failed = true;
                let left = self.usable(&known).is_some();
                drop(known);
                tracing::warn!(
                    cause,
                    "cannot fetch the key set of jwt.jwks_url; {}",
                    if left {
                        "the keys that are known stay in use"
                    } else {
                        "no token can be verified"
                    }
                );
            }
        }
    }

    async fn answer(&self) -> Result<Vec<Key>, String> {
        // The address may hold a key of its own, in its query.
        let broken = |error: reqwest::Error| {
            let error = error.without_url();
            match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            }
        };
        let sent = self.client.get(self.url.clone()).header("accept", "application/json").send();
        let mut response = sent.await.map_err(broken)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("answered with {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(format!("the answer is larger than {MAX_ANSWER} bytes"));
            }
            body.extend_from_slice(&piece);
        }
        let set: Set = serde_json::from_slice(&body).map_err(|_| "this is no key set")?;
        Ok(set.keys.iter().filter_map(Key::from_jwk).take(MAX_KEYS).collect())
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}
