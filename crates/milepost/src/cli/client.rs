//! The connection to a server. Enters: paths and bodies. Leaves: answers, or a
//! [`Trouble`] that says what to do. Never: puts the credential anywhere but
//! into the `Authorization` header of the server that the user named.
//!
//! The server may be one within this process, too; nobody who calls notices.

use std::time::Duration;

use futures_util::StreamExt as _;
use milepost_core::JobId;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::here::{self, Here};
use super::trouble::{Refusal, Thing, Trouble};
use super::wire::Snapshot;

const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For calls whose answer needs no work.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// No JSON answer is near this; it bounds what a wrong server can make us hold.
const MAX_JSON_BYTES: usize = 32 << 20;
const MAX_PROBLEM_BYTES: usize = 64 << 10;

/// Which server to talk to.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerArgs {
    /// The server [env: MILEPOST_SERVER] [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl ServerArgs {
    /// As `--server URL` says it.
    pub fn named(url: &str) -> Self {
        Self { server: Some(url.to_owned()) }
    }
}

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    /// What to call it.
    name: String,
    /// ` --server URL` where the command that we suggest needs it too.
    flag: String,
    /// The server within this process, where it is that.
    here: Option<Here>,
}

impl Client {
    /// Reads the environment; connects to nothing yet.
    pub fn new(args: &ServerArgs) -> Result<Self, Trouble> {
        let flag = args.server.as_ref().map(|url| format!(" --server {url}")).unwrap_or_default();
        let named = args.server.clone().or_else(|| variable("MILEPOST_SERVER"));
        let base = parse_base(named.as_deref().unwrap_or(DEFAULT_SERVER))?;
        let mut headers = HeaderMap::new();
        if let Some(token) = variable("MILEPOST_TOKEN") {
            headers.insert(header::AUTHORIZATION, authorization(&token)?);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("milepost/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A redirect could carry the credential and the document elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(Duration::from_secs(30));
        for certificate in authorities(variable("MILEPOST_CA").as_deref())? {
            builder = builder.add_root_certificate(certificate);
        }
        if is_loopback(&base) {
            // A company proxy knows nothing of this machine's own ports.
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Trouble::Usage(format!("No HTTP client could be made: {error}.")))?;
        let name = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http, base, name, flag, here: None })
    }

    /// A client of the server within this process, which asks nobody who they are;
    /// `flag` leads other commands to the same data, as ` --data-dir DIR` does.
    pub fn here(here: Here, flag: String) -> Self {
        let base = Url::parse(here::BASE).expect("it is a URL");
        let (http, name) = (reqwest::Client::new(), "this machine".to_owned());
        Self { http, base, name, flag, here: Some(here) }
    }

    /// Whether the server ends with this process.
    pub const fn is_here(&self) -> bool {
        self.here.is_some()
    }

    /// The server's address, for messages.
    pub fn server(&self) -> &str {
        &self.name
    }

    /// What has to be added to a suggested command so that it reaches this server.
    pub fn flag(&self) -> &str {
        &self.flag
    }

    /// A request to `/v1/` and these segments.
    pub fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        self.http.request(method, url)
    }

    /// A GET of one job's part.
    pub fn get_job(&self, job: JobId, rest: &[&str]) -> RequestBuilder {
        self.request(Method::GET, &[&["jobs", &job.to_string()], rest].concat())
    }

    /// Sends it, without a limit on the whole; `about` is what a 404 says is not there.
    pub async fn send(&self, request: RequestBuilder, about: Thing) -> Result<Response, Trouble> {
        let response = match &self.here {
            Some(here) => here.answer(request).await,
            None => request.send().await,
        };
        let response = response.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        Err(self.refusal(response, about).await)
    }

    /// Sends it and reads the JSON of the answer.
    pub async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        about: Thing,
    ) -> Result<T, Trouble> {
        let response = self.send(request.timeout(CALL_TIMEOUT), about).await?;
        let body = self.body(response).await?;
        serde_json::from_str(&body).map_err(|error| self.foreign(&error))
    }

    /// Sends it and takes the answer for a snapshot.
    pub async fn snapshot(
        &self,
        request: RequestBuilder,
        about: Thing,
    ) -> Result<Snapshot, Trouble> {
        let response = self.send(request, about).await?;
        let body = self.body(response).await?;
        Snapshot::parse(&body).map_err(|error| self.foreign(&error))
    }

    /// A job as it is now.
    pub async fn job(&self, job: JobId) -> Result<Snapshot, Trouble> {
        let request = self.get_job(job, &[]).timeout(CALL_TIMEOUT);
        self.snapshot(request, Thing::Job(job)).await
    }

    /// An order to a job that is answered with its snapshot or with nothing.
    pub async fn order(&self, method: Method, job: JobId, order: &[&str]) -> Result<(), Trouble> {
        let id = job.to_string();
        let request = self.request(method, &[&["jobs", &id], order].concat()).timeout(CALL_TIMEOUT);
        self.send(request, Thing::Job(job)).await.map(drop)
    }

    /// The trouble behind an error of the HTTP library.
    pub fn broken(&self, error: &reqwest::Error) -> Trouble {
        Trouble::from_request(self.server(), error)
    }

    /// The whole text of a JSON answer.
    pub async fn body(&self, response: Response) -> Result<String, Trouble> {
        let bytes = self.read(response, MAX_JSON_BYTES).await?;
        String::from_utf8(bytes).map_err(|error| self.foreign(&error))
    }

    /// An answer that is not of this protocol.
    pub fn foreign(&self, what: &impl std::fmt::Display) -> Trouble {
        Trouble::Foreign { server: self.server().to_owned(), what: what.to_string() }
    }

    async fn read(&self, response: Response, limit: usize) -> Result<Vec<u8>, Trouble> {
        let mut chunks = response.bytes_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.broken(&error))?;
            if bytes.len() + chunk.len() > limit {
                return Err(self.foreign(&"the answer is far too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    async fn refusal(&self, response: Response, about: Thing) -> Trouble {
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        let is_problem = header(header::CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
        let seconds = header(header::RETRY_AFTER).and_then(|value| value.parse().ok());
        let location = header(header::LOCATION).map(str::to_owned);
        // The status says enough where the body breaks off.
        let body = self.read(response, MAX_PROBLEM_BYTES).await.unwrap_or_default();
        let problem = is_problem.then(|| serde_json::from_slice(&body).ok()).flatten();
        if status == StatusCode::NOT_FOUND {
            return match problem {
                Some(Refusal { .. }) => Trouble::NotFound(about),
                None => self.foreign(&"it answers 404 without the protocol's problem details"),
            };
        }
        let mut refusal = problem.unwrap_or_default();
        refusal.status = status.as_u16();
        refusal.here = self.is_here();
        refusal.retry_after = seconds.map(Duration::from_secs);
        if refusal.title.is_none() {
            refusal.title = status.canonical_reason().map(str::to_owned);
        }
        if let (true, None, Some(to)) = (status.is_redirection(), &refusal.detail, location) {
            refusal.detail = Some(format!("it points to {to}"));
        }
        Trouble::Refused(refusal)
    }
}

/// An environment variable that is there and says something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The certificates of authorities that are trusted besides the public ones.
fn authorities(file: Option<&str>) -> Result<Vec<reqwest::Certificate>, Trouble> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let usage = |why: &str| Trouble::Usage(format!("MILEPOST_CA names {file}, which {why}."));
    let pem = std::fs::read(file).map_err(|error| usage(&format!("cannot be read: {error}")))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        return Err(usage("holds no certificate; it must be PEM"));
    }
    Ok(found)
}

fn parse_base(text: &str) -> Result<Url, Trouble> {
    let usage = |why: &str| Trouble::Usage(format!("The server's address {why}."));
    // The text is not repeated, since it may hold a password all the same.
    let url = Url::parse(text)
        .map_err(|error| usage(&format!("is no URL ({error}); write http://HOST:PORT")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(usage("must begin with http:// or https://"));
    }
    // What stands in a URL ends up in logs and in the list of processes.
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(usage("must hold no credential; put it into MILEPOST_TOKEN"));
    }
    Ok(url)
}

fn authorization(token: &str) -> Result<HeaderValue, Trouble> {
    // The message must not repeat the token, so the cause is left out.
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        Trouble::Usage("MILEPOST_TOKEN holds characters that no credential has.".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_address_must_be_plain() {
        for bad in
            ["localhost:8080", "ftp://host", "http://", "http://a:b@host", "http://h/?token=x"]
        {
            let trouble = parse_base(bad).unwrap_err();
            assert!(matches!(trouble, Trouble::Usage(_)), "{bad}: {trouble}");
        }
        assert!(parse_base("https://host/behind/a/proxy/").is_ok());
    }

    #[test]
    fn paths_go_below_the_address_and_cannot_leave_it() {
        let client = Client::new(&ServerArgs::named("http://[::1]:9/base/")).unwrap();
        assert_eq!(client.server(), "http://[::1]:9/base");
        let request = client.request(Method::GET, &["jobs", "../x?y"]).build().unwrap();
        assert_eq!(request.url().as_str(), "http://[::1]:9/base/v1/jobs/..%2Fx%3Fy");
    }

    #[test]
    fn a_bad_token_is_refused_without_being_repeated() {
        let trouble = authorization("sec\nret").unwrap_err().to_string();
        assert!(!trouble.contains("sec"), "{trouble}");
        assert!(authorization("secret").unwrap().is_sensitive());
    }

    #[test]
    fn knows_this_machine() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.9", true),
            ("http://[::1]:8", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
