//! Calls a service of the operator's choice. Enters: a body as JSON. Leaves: the body
//! of its answer, bounded in size and time, or why there is none, once trying again has
//! not helped. Never: follows a redirect, goes through a proxy of the environment, or
//! shows a URL or a key.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::Instant;

use super::config::Key;
use super::error::{EmbedError, EmbedErrorKind};
use super::gate::Gate;
use super::words::{is_about_money, words};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Before the first time that something is tried again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An endpoint that wants to be left alone for longer is not waited for here.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Somebody waits for the answer to a query.
const HURRIED_TIMEOUT: Duration = Duration::from_secs(15);
const HURRIED_RETRIES: u32 = 1;
const HURRIED_REST: Duration = Duration::from_secs(2);
/// How much of a refusal is read, in bytes.
const MAX_REFUSAL: usize = 64 << 10;

/// One service.
pub(super) struct Endpoint {
    /// What people know it by, such as "The embedder `x`".
    title: String,
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
    key: Option<Key>,
    timeout: Duration,
    retries: u32,
    gate: Gate,
    /// Until when it wants to be left alone.
    rest: Mutex<Option<Instant>>,
}

/// What an endpoint is opened with.
pub(super) struct Target {
    /// What kind of thing it is, for people.
    pub what: &'static str,
    /// What the operator calls it.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// What is added to that.
    pub path: Option<&'static str>,
    /// Sent as a bearer token.
    pub key: Option<Key>,
    /// For one request.
    pub timeout: Duration,
    /// How often a request is tried again.
    pub retries: u32,
    /// How many requests there are at a time.
    pub concurrency: usize,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// It refuses what was sent, in these words; something else it may take.
    Input(StatusCode, String),
    /// Anything else.
    Other(EmbedError),
}

/// One attempt's end.
enum Attempt {
    Answer(Vec<u8>),
    Final(NoAnswer),
    Again(EmbedError),
}

impl Endpoint {
    /// Checks the form of what is said of it; calls nobody.
    pub(super) fn open(target: Target) -> Result<Self, EmbedError> {
        let Target { what, name, key, timeout, retries, concurrency, .. } = target;
        let wrong = |why: String| EmbedError::setting(&name, why);
        let url = checked(&target.url, target.path).map_err(|why| wrong(why.to_owned()))?;
        let authorization = key.as_ref().map(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))
                .map_err(|_| wrong("its `key` holds what cannot be sent".to_owned()))?;
            value.set_sensitive(true);
            Ok::<_, EmbedError>(value)
        });
        let client = Client::builder()
            .user_agent(concat!("milepost/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Documents go where the operator said, and not past a stranger because of
            // a variable that was set for something else.
            .no_proxy()
            .build()
            .map_err(|error| wrong(format!("TLS cannot be set up ({})", error.without_url())))?;
        Ok(Self {
            title: format!("The {what} `{name}`"),
            client,
            url,
            authorization: authorization.transpose()?,
            key,
            timeout,
            retries,
            gate: Gate::new(concurrency),
            rest: Mutex::new(None),
        })
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Sends `body` and reads at most `most` bytes. A call in a hurry goes ahead of all
    /// others, and gives up earlier.
    pub(super) async fn call(
        &self,
        body: Vec<u8>,
        most: usize,
        hurry: bool,
    ) -> Result<Vec<u8>, NoAnswer> {
        let retries = if hurry { self.retries.min(HURRIED_RETRIES) } else { self.retries };
        let longest = if hurry { HURRIED_REST } else { LONGEST_REST };
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            if !hurry {
                self.rested().await;
            }
            let error = match self.attempt(body.clone(), most, hurry).await {
                Attempt::Answer(answer) => return Ok(answer),
                Attempt::Final(why) => return Err(why),
                Attempt::Again(error) => error,
            };
            tracing::debug!(endpoint = %self.title, attempt, cause = %error.cause, "no answer");
            let wanted = error.retry_after.unwrap_or_default();
            if attempt >= retries || wanted > longest {
                return Err(NoAnswer::Other(error));
            }
            // Less up to a half, so that those who failed together do not come together.
            let own = pause.mul_f64(1.0 - fastrand::f64() / 2.0);
            pause = (pause * 2).min(LONGEST_PAUSE);
            if !wanted.is_zero() {
                *self.rest.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Instant::now() + wanted);
            }
            tokio::time::sleep(own.max(wanted)).await;
        }
        unreachable!("the loop has no end")
    }

    /// Waits as long as the endpoint wants to be left alone.
    async fn rested(&self) {
        loop {
            let until = *self.rest.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    async fn attempt(&self, body: Vec<u8>, most: usize, hurry: bool) -> Attempt {
        let timeout = if hurry { self.timeout.min(HURRIED_TIMEOUT) } else { self.timeout };
        // Waiting for others who are in a hurry is waiting for the endpoint, too.
        let pass = self.gate.pass(hurry);
        let _pass = match hurry {
            false => pass.await,
            true => match tokio::time::timeout(timeout, pass).await {
                Ok(pass) => pass,
                Err(_elapsed) => return Attempt::Again(self.unavailable("all calls are taken")),
            },
        };
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, JSON);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let answer = async {
            let response = request.body(body).send().await?;
            let good = response.status().is_success();
            let head = (response.status(), retry_after(&response));
            let bytes = read(response, if good { most } else { MAX_REFUSAL }).await?;
            Ok::<_, reqwest::Error>((head, bytes))
        };
        match tokio::time::timeout(timeout, answer).await {
            Err(_elapsed) => Attempt::Again(self.unavailable("no answer in time")),
            Ok(Err(error)) => Attempt::Again(self.unavailable(&cause(error))),
            Ok(Ok(((status, _), Some(bytes)))) if status.is_success() => Attempt::Answer(bytes),
            Ok(Ok(((status, _), None))) if status.is_success() => {
                let why = format!("an answer of more than {most} bytes");
                Attempt::Final(NoAnswer::Other(self.unusable(&why)))
            }
            Ok(Ok(((status, wait), bytes))) => {
                self.refusal(status, wait, &bytes.unwrap_or_default())
            }
        }
    }

    fn refusal(&self, status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Attempt {
        let said = words(body, self.key.as_ref());
        let quoted = if said.is_empty() { String::new() } else { format!(" (“{said}”)") };
        let title = &self.title;
        let cause = format!("{status}{quoted}");
        match status.as_u16() {
            400 | 413 | 422 => Attempt::Final(NoAnswer::Input(status, said)),
            429 => {
                let message = format!("{title} takes no more for now{quoted}; try again later.");
                let mut error = EmbedError::new(EmbedErrorKind::Limited, message, cause);
                error.retry_after = wait;
                if is_about_money(body) {
                    return Attempt::Final(NoAnswer::Other(error));
                }
                Attempt::Again(error)
            }
            408 | 425 | 500 | 502..=599 => {
                let mut error = self.unavailable(&cause);
                error.retry_after = wait;
                Attempt::Again(error)
            }
            code => {
                let hint = match code {
                    300..=399 => {
                        "it redirects, which is not followed; the operator has to name \
                                  the right `url`"
                    }
                    401 | 403 => "the operator has to check its key",
                    404 | 405 | 410 => "the operator has to check its `url` and `model`",
                    _ => "the operator has to check its settings",
                };
                let message = format!("{title} refuses with {code}{quoted}: {hint}.");
                let error = EmbedError::new(EmbedErrorKind::Refused, message, cause);
                Attempt::Final(NoAnswer::Other(error))
            }
        }
    }

    fn unavailable(&self, cause: &str) -> EmbedError {
        let message = format!("{} does not answer at present; try again later.", self.title);
        EmbedError::new(EmbedErrorKind::Unavailable, message, cause)
    }

    /// It answered what makes no sense.
    pub(super) fn unusable(&self, why: &str) -> EmbedError {
        let message = format!(
            "{} answers with what cannot be used, {why}; the operator has to check its `url` and \
             `model`.",
            self.title
        );
        EmbedError::new(EmbedErrorKind::Unusable, message, why)
    }
}

const JSON: &str = "application/json";

/// The URL, with `path` behind it.
fn checked(url: &str, path: Option<&str>) -> Result<Url, &'static str> {
    let mut url = Url::parse(url).map_err(|_| "its `url` is none")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("its `url` must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its `url` holds a password; put that into `key`");
    }
    if url.fragment().is_some() {
        return Err("its `url` has a part behind `#`, which is never sent");
    }
    if let Some(path) = path {
        let mut segments = url.path_segments_mut().map_err(|()| "its `url` has no path")?;
        segments.pop_if_empty().push(path);
    }
    Ok(url)
}

/// `None` where there is more than `most`.
async fn read(mut response: Response, most: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > most {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// In seconds; a date is not understood, and waited for as if nothing were said.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds: f64 = value.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// All that went wrong, the innermost last, without the URL.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_checked_and_completed() {
        let made = |url| checked(url, Some("embeddings")).map(String::from);
        assert_eq!(made("https://h/v1").unwrap(), "https://h/v1/embeddings");
        assert_eq!(made("https://h/v1/").unwrap(), "https://h/v1/embeddings");
        assert_eq!(made("http://h?version=2").unwrap(), "http://h/embeddings?version=2");
        assert_eq!(checked("https://h/v1/rerank", None).unwrap().path(), "/v1/rerank");
        for wrong in ["", "h/v1", "ftp://h/", "file:///x", "https://a:b@h/", "https://h/#x"] {
            assert!(made(wrong).is_err(), "{wrong}");
        }
    }
}
