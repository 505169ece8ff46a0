//! Brings documents from the web. Enters: a URL that a client sent. Leaves: what
//! is there as a stream, bounded in size and time, or why it is not; for others, a
//! client that reaches no more. Never: connects to an address that was not checked,
//! sends a credential, or shows a URL to anyone: its query may be the key to the
//! document.

mod download;
mod error;
mod name;
mod reach;
mod remote;

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, LOCATION};
use reqwest::{Client, ClientBuilder, Response};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::config::Config;
pub use download::Download;
pub use error::FetchError;
pub use reach::Reach;
pub use remote::Remote;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence of a server after which it is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Fetches documents; cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    /// Absent where the operator wants nothing fetched.
    client: Option<Client>,
    reach: Reach,
    limits: Limits,
    redirects: u32,
}

/// What one document may use.
#[derive(Clone, Copy)]
struct Limits {
    bytes: u64,
    time: Duration,
}

impl Fetcher {
    /// A client as `config` wants it.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(config: &Config) -> Result<Self, reqwest::Error> {
        let reach = Reach::new(&config.fetch.allow);
        let client = client(&reach).read_timeout(SILENCE);
        Ok(Self {
            client: config.fetch.enabled.then(|| client.build()).transpose()?,
            reach,
            limits: Limits { bytes: config.max_fetched(), time: config.fetch.timeout },
            redirects: config.fetch.redirects,
        })
    }

    /// Begins a download. The time that it may take begins, too.
    ///
    /// # Errors
    /// Where it leads to what may not be fetched, or to nothing that can be.
    pub async fn get(&self, remote: &Remote) -> Result<Download, FetchError> {
        let client = self.client.as_ref().ok_or_else(error::switched_off)?;
        let deadline = Instant::now() + self.limits.time;
        let mut url = remote.url().clone();
        for _ in 0..=self.redirects {
            self.check(&url)?;
            // Compressed bytes are not the document, and unpack to any size.
            let request = client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
            let sent = timeout_at(deadline, request.header(ACCEPT, "*/*").send());
            let response = match sent.await {
                Err(_elapsed) => return Err(error::too_slow(host(&url), self.limits.time)),
                Ok(Err(cause)) => return Err(error::broken(host(&url), cause)),
                Ok(Ok(response)) => response,
            };
            match next(&url, &response)? {
                Some(further) => url = further,
                None => return Download::begin(&url, response, self.limits, deadline),
            }
        }
        Err(error::too_many_redirects(host(remote.url()), self.redirects))
    }

    /// Whether the address may be called: by its form, and, where it is a number
    /// and no name, by that. A name is decided by what it resolves to.
    fn check(&self, url: &Url) -> Result<(), FetchError> {
        remote::check(url).map_err(|why| error::wrong_url(host(url), why))?;
        match url.host() {
            Some(named) if self.reach.may_try(&named) => Ok(()),
            _ => Err(error::forbidden(host(url))),
        }
    }
}

/// A client that is led nowhere: it connects to what `reach` permits, and follows
/// nothing. An address in the place of a name has to be checked before.
pub fn client(reach: &Reach) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("milepost/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(reach.clone().into())
        // A proxy would resolve names itself, past the check.
        .no_proxy()
        // Each address on the way is checked before it is followed.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        // Another request's connection was opened for another check.
        .pool_max_idle_per_host(0)
}

/// Where a redirect leads; `None` where the answer is none.
fn next(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let further = location.and_then(|text| url.join(text).ok());
    let further = further.ok_or_else(|| error::lost(host(url)))?;
    if url.scheme() == "https" && further.scheme() == "http" {
        return Err(error::downgraded(host(url)));
    }
    Ok(Some(further))
}

/// All of a URL that messages and the log may show.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("The address")
}

#[cfg(test)]
mod tests {
    use axum::http;
    use milepost_core::FailureCode;

    use super::*;

    fn followed(from: &str, status: u16, location: &str) -> Result<Option<String>, FailureCode> {
        let answer = http::Response::builder().status(status).header(LOCATION, location);
        let answer = Response::from(answer.body("").unwrap());
        let further = next(&Url::parse(from).unwrap(), &answer);
        further.map(|url| url.map(String::from)).map_err(|error| error.failure.code)
    }

    #[test]
    fn a_redirect_never_leaves_an_encrypted_connection() {
        let lost = Err(FailureCode::FetchRefused);
        assert_eq!(followed("https://a.example/x", 301, "http://a.example/y"), lost);
        for (from, to) in [
            ("https://a.example/x", "https://a.example/y"),
            ("http://a.example/x", "https://a.example/y"),
            ("http://a.example/x", "http://b.example/y"),
        ] {
            assert_eq!(followed(from, 301, to), Ok(Some(to.to_owned())));
        }
        let relative = Ok(Some("https://a.example/y".to_owned()));
        assert_eq!(followed("https://a.example/x", 302, "y"), relative);
        assert_eq!(followed("https://a.example/x", 200, "y"), Ok(None));
        assert_eq!(followed("https://a.example/x", 302, "http://"), Err(FailureCode::FetchFailed));
    }

    #[tokio::test]
    async fn a_job_from_before_it_was_switched_off_is_refused() {
        let fetcher = Fetcher::new(&Config::default()).unwrap();
        let remote = Remote::parse("https://host.example/", None).unwrap();
        let refused = fetcher.get(&remote).await.err().unwrap();
        assert_eq!(refused.failure.code, FailureCode::FetchRefused);
    }
}
