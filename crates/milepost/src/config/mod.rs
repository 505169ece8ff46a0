//! The only reader of environment and configuration files. Enters: a TOML file,
//! `MILEPOST_*` variables, flags, in this order, later ones winning. Leaves: one
//! checked tree. Never: accepts a key that it does not know.

mod allow;
mod audit;
mod auth;
mod cookie;
mod dialects;
mod embedders;
mod index;
mod jwt;
mod limits;
mod load;
mod proxy;
mod push;
mod rate;
mod secret;
mod size;
mod tls;
mod tokens;
mod web;
mod worker;

pub use allow::Allowed;
pub use audit::AuditConfig;
pub use auth::{Auth, Mode};
pub use cookie::{CookieConfig, LOGIN_COOKIES};
pub use dialects::Dialects;
pub use embedders::{EmbedderConfig, Engines, RerankerConfig, read_key};
pub use index::IndexConfig;
pub use jwt::JwtConfig;
pub use limits::Limits;
pub use proxy::Proxy;
pub use push::PushConfig;
pub use rate::{Quota, Rate};
pub use secret::Secret;
pub use tls::TlsConfig;
pub use tokens::TokensConfig;
pub use web::WebConfig;
pub use worker::{Isolation, WorkerConfig};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use size::exact_size;

/// Everything that can be set, with the defaults in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where database and files are.
    pub data_dir: PathBuf,
    /// How people are known; `none`: everybody is one local user.
    pub auth: Auth,
    /// Origins of web pages, besides our own, that may call the API.
    pub origins: Vec<String>,
    /// Proxies before this server, which say whose request they pass on.
    pub proxies: Vec<Proxy>,
    /// Encryption of connections.
    pub tls: TlsConfig,
    /// How long a shutdown waits for running pages.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// How long a finished job is kept.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// Who did what.
    pub audit: AuditConfig,
    /// Tokens that read one job.
    pub tokens: TokensConfig,
    /// The converters.
    pub worker: WorkerConfig,
    /// The queue.
    pub queue: QueueConfig,
    /// What a request or a connection may use.
    pub limits: Limits,
    /// Documents that are submitted by their URL.
    pub fetch: FetchConfig,
    /// Browsers that are told of a job's end.
    pub push: PushConfig,
    /// Collections and their search.
    pub index: IndexConfig,
    /// What makes vectors, by name.
    pub embedders: BTreeMap<String, EmbedderConfig>,
    /// What orders hits anew, by name.
    pub rerankers: BTreeMap<String, RerankerConfig>,
    /// Other systems' protocols.
    pub dialects: Dialects,
    /// JSON Web Tokens.
    pub jwt: JwtConfig,
    /// Session cookies.
    pub cookie: CookieConfig,
    /// The web app.
    pub web: WebConfig,
    /// The log.
    pub log: LogConfig,
}

/// The queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueConfig {
    /// Jobs that may wait; one more is answered with 429.
    pub max_waiting: u64,
    /// How long a job may wait before it fails.
    #[serde(with = "humantime_serde")]
    pub max_wait: Duration,
    /// Automatic retries of retryable failures.
    pub retries: u32,
    /// How long a lease lasts that its worker does not extend.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
}

/// Documents that are submitted by their URL.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FetchConfig {
    /// Whether any is fetched. Whoever may submit can then make the server call
    /// others.
    pub enabled: bool,
    /// Host names, addresses and ranges that may be reached though they are not
    /// on the public Internet.
    pub allow: Vec<Allowed>,
    /// How long a whole download may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How large a document may be; 0 for as large as an upload.
    #[serde(serialize_with = "exact_size")]
    pub max_bytes: ByteSize,
    /// Redirects that are followed, one after the other.
    pub redirects: u32,
    /// Downloads at a time that take no converter's slot.
    pub slots: usize,
}

/// The log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged, in the syntax of `tracing`'s filters.
    pub level: String,
    /// One JSON object for each line, for machines.
    pub json: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: default_data_dir(),
            auth: Auth::default(),
            origins: Vec::new(),
            proxies: Vec::new(),
            tls: TlsConfig::default(),
            grace: Duration::from_secs(10),
            retention: Duration::from_secs(30 * 24 * 3600),
            audit: AuditConfig::default(),
            tokens: TokensConfig::default(),
            worker: WorkerConfig::default(),
            queue: QueueConfig::default(),
            limits: Limits::default(),
            fetch: FetchConfig::default(),
            push: PushConfig::default(),
            index: IndexConfig::default(),
            embedders: BTreeMap::new(),
            rerankers: BTreeMap::new(),
            dialects: Dialects::default(),
            jwt: JwtConfig::default(),
            cookie: CookieConfig::default(),
            web: WebConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            max_waiting: 10_000,
            max_wait: Duration::from_secs(24 * 3600),
            retries: 3,
            lease: Duration::from_secs(30),
        }
    }
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            allow: Vec::new(),
            timeout: Duration::from_secs(300),
            max_bytes: ByteSize::b(0),
            redirects: 5,
            slots: 8,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

/// What is wrong with a configuration, for the person who wrote it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read the configuration file {}: {cause}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// A key or a value is wrong.
    #[error("{place}: {message}")]
    Wrong {
        /// The file or the variable.
        place: String,
        /// What is wrong there.
        message: String,
    },
    /// The server would be open to the network without authentication.
    #[error(
        "refusing to listen on {0}: without authentication whoever reaches that address could \
         read every document and start jobs. Set `auth` (for example `api-keys`), or listen on a \
         loopback address (127.0.0.1 or [::1])."
    )]
    Exposed(SocketAddr),
    /// A certificate without its key, or the other way round.
    #[error("{0} is not set: a certificate and its key go together (--tls-cert, --tls-key)")]
    HalfTls(&'static str),
}

impl Config {
    /// Refuses what would not be safe.
    ///
    /// # Errors
    /// [`ConfigError::Exposed`], [`ConfigError::HalfTls`], or a setting that cannot be
    /// used.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.auth.is_none() && !self.listen.ip().is_loopback() {
            return Err(ConfigError::Exposed(self.listen));
        }
        if let Some(name) = self.tls.missing() {
            return Err(ConfigError::HalfTls(name));
        }
        self.jwt.check(self.auth.has(Mode::Jwt))?;
        self.cookie.check(self.auth.has(Mode::Cookie), &self.jwt)?;
        self.dialects.check()?;
        self.push.check()?;
        self.engines().check()?;
        self.index.check(&self.engines())?;
        self.tokens.check()
    }

    /// What makes vectors, and what orders hits anew.
    pub const fn engines(&self) -> Engines<'_> {
        Engines { embedders: &self.embedders, rerankers: &self.rerankers }
    }

    /// Whether owners are told apart.
    pub fn has_owners(&self) -> bool {
        !self.auth.is_none()
    }

    /// Conversions at a time.
    pub fn slots(&self) -> usize {
        match self.worker.slots {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            slots => slots,
        }
    }

    /// How large a fetched document may be, in bytes.
    pub fn max_fetched(&self) -> u64 {
        match self.fetch.max_bytes.as_u64() {
            0 => self.limits.body.as_u64(),
            bytes => bytes,
        }
    }
}

fn default_data_dir() -> PathBuf {
    use etcetera::BaseStrategy;
    etcetera::choose_base_strategy()
        .map_or_else(|_| PathBuf::from("milepost-data"), |dirs| dirs.data_dir().join("milepost"))
}
