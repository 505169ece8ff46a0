//! The only reader of environment and configuration files. Enters: a TOML file,
//! `MILEPOST_*` variables, flags, in this order, later ones winning. Leaves: one
//! checked tree. Never: accepts a key that it does not know.

mod allow;
mod load;

pub use allow::Allowed;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// Everything that can be set, with the defaults in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where database and files are.
    pub data_dir: PathBuf,
    /// Who may use the server. Only `none` so far: one local user.
    pub auth: Auth,
    /// Origins of web pages, besides our own, that may call the API.
    pub origins: Vec<String>,
    /// How long a shutdown waits for running pages.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// How long a finished job is kept.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// The converters.
    pub worker: WorkerConfig,
    /// The queue.
    pub queue: QueueConfig,
    /// What a request or a connection may use.
    pub limits: Limits,
    /// Documents that are submitted by their URL.
    pub fetch: FetchConfig,
    /// The log.
    pub log: LogConfig,
}

/// Who may use the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// Whoever reaches the port, which must be on loopback.
    None,
}

/// The converters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Conversions at a time; 0 for one for each processor.
    pub slots: usize,
    /// Silence of a converter, between two pages, after which it is given up.
    #[serde(with = "humantime_serde")]
    pub silence: Duration,
    /// Processor time of a converter, between two pages, after which it is
    /// stopped.
    #[serde(with = "humantime_serde")]
    pub page_cpu: Duration,
    /// Memory of a converter, above which it is stopped.
    #[serde(serialize_with = "exact_size")]
    pub memory: ByteSize,
    /// How much of the sandbox there must be.
    pub sandbox: Isolation,
    /// Jobs after which a converter process is replaced.
    pub recycle_after: u32,
    /// Pages that a document may have.
    pub max_pages: u32,
    /// What may be made of one document.
    #[serde(serialize_with = "exact_size")]
    pub max_output: ByteSize,
    /// What an archive, such as any Office file, may unpack to.
    #[serde(serialize_with = "exact_size")]
    pub max_unpacked: ByteSize,
}

/// How much of the converters' sandbox there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// What the system offers; what it does not is logged.
    Auto,
    /// All of it, or no converter runs and the server does not start.
    Require,
    /// None: for looking for a fault in it.
    Off,
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

/// What a request or a connection may use.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A request's body.
    #[serde(serialize_with = "exact_size")]
    pub body: ByteSize,
    /// A body that is JSON, and a form's fields other than the file.
    #[serde(serialize_with = "exact_size")]
    pub json_body: ByteSize,
    /// Jobs of one request: files of a form, submissions of a JSON array.
    pub request_jobs: usize,
    /// Jobs of one batch, over all the requests that add to it.
    pub batch_jobs: u64,
    /// One WebSocket message from a client.
    #[serde(serialize_with = "exact_size")]
    pub socket_message: ByteSize,
    /// Connections that watch, all together.
    pub connections: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// How long a reader may block a message before it is dropped.
    #[serde(with = "humantime_serde")]
    pub send: Duration,
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

impl Isolation {
    /// As it is written in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Require => "require",
            Self::Off => "off",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Auto, Self::Require, Self::Off].into_iter().find(|one| one.name() == name)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: default_data_dir(),
            auth: Auth::None,
            origins: Vec::new(),
            grace: Duration::from_secs(10),
            retention: Duration::from_secs(30 * 24 * 3600),
            worker: WorkerConfig::default(),
            queue: QueueConfig::default(),
            limits: Limits::default(),
            fetch: FetchConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            slots: 0,
            silence: Duration::from_secs(30),
            page_cpu: Duration::from_secs(60),
            memory: ByteSize::gib(1),
            sandbox: Isolation::Auto,
            recycle_after: 100,
            max_pages: 20_000,
            max_output: ByteSize::mib(512),
            max_unpacked: ByteSize::mib(512),
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: ByteSize::mb(200),
            json_body: ByteSize::mb(20),
            request_jobs: 500,
            batch_jobs: 5000,
            socket_message: ByteSize::kib(64),
            connections: 20_000,
            subscriptions: 1000,
            send: Duration::from_secs(60),
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
         read every document and start jobs. Listen on a loopback address (127.0.0.1 or [::1]) \
         and put an authenticating proxy before it."
    )]
    Exposed(SocketAddr),
}

impl Config {
    /// Refuses what would not be safe.
    ///
    /// # Errors
    /// [`ConfigError::Exposed`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.auth == Auth::None && !self.listen.ip().is_loopback() {
            return Err(ConfigError::Exposed(self.listen));
        }
        Ok(())
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

/// As the largest unit that says it exactly: what is printed must read back.
fn exact_size<S: serde::Serializer>(size: &ByteSize, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = size.as_u64();
    let units = [
        (1 << 30, "GiB"),
        (1_000_000_000, "GB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
    ];
    let exact = units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    let (unit, name) = exact.unwrap_or((1, "B"));
    serializer.collect_str(&format_args!("{}{name}", bytes / unit))
}

fn default_data_dir() -> PathBuf {
    use etcetera::BaseStrategy;
    etcetera::choose_base_strategy()
        .map_or_else(|_| PathBuf::from("milepost-data"), |dirs| dirs.data_dir().join("milepost"))
}
