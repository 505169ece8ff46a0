//! The only reader of environment and configuration files. Enters: a TOML file,
//! `MILEPOST_*` variables, flags, in this order, later ones winning. Leaves: one
//! checked tree. Never: accepts a key that it does not know.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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
            auth: Auth::None,
            origins: Vec::new(),
            grace: Duration::from_secs(10),
            retention: Duration::from_secs(30 * 24 * 3600),
            worker: WorkerConfig::default(),
            queue: QueueConfig::default(),
            limits: Limits::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            slots: 0,
            silence: Duration::from_secs(30),
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
            socket_message: ByteSize::kib(64),
            connections: 20_000,
            subscriptions: 1000,
            send: Duration::from_secs(60),
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

/// Variables with our prefix that are no configuration keys: they belong to the
/// command line's client side, or name the file itself.
const OTHER_VARIABLES: &[&str] = &["MILEPOST_CONFIG", "MILEPOST_SERVER", "MILEPOST_TOKEN"];

impl Config {
    /// Reads `file` and then `variables`.
    ///
    /// # Errors
    /// Names the place and what is wrong there.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut tree = toml::Table::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| ConfigError::File { path: path.to_owned(), cause })?;
            let place = path.display().to_string();
            // Checked on its own, so that a mistake is reported at its place.
            toml::from_str::<Self>(&text).map_err(|e| wrong(place.clone(), e.to_string()))?;
            tree = toml::from_str(&text).map_err(|e| wrong(place, e.to_string()))?;
        }
        let defaults = toml::Table::try_from(Self::default())
            .map_err(|error| wrong("defaults".to_owned(), error.to_string()))?;
        let mut known = Vec::new();
        collect_keys(&defaults, &mut Vec::new(), &mut known);
        for (name, value) in variables {
            if !name.starts_with("MILEPOST_") || OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let Some((path, example)) = known.iter().find(|(path, _)| variable_name(path) == name)
            else {
                let message = "there is no such setting; `milepost config` lists them all";
                return Err(wrong(name, message.to_owned()));
            };
            let value = parse_like(example, &value).map_err(|m| wrong(name.clone(), m))?;
            set(&mut tree, path, value);
            // Checked one by one, so that the message names the variable.
            tree.clone().try_into::<Self>().map_err(|e| wrong(name, e.message().to_owned()))?;
        }
        tree.try_into().map_err(|e| wrong("configuration".to_owned(), e.to_string()))
    }

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

fn wrong(place: String, message: String) -> ConfigError {
    ConfigError::Wrong { place, message }
}

/// `worker.max_pages` is `MILEPOST_WORKER_MAX_PAGES`.
fn variable_name(path: &[String]) -> String {
    format!("MILEPOST_{}", path.join("_").to_uppercase())
}

fn collect_keys(
    table: &toml::Table,
    path: &mut Vec<String>,
    known: &mut Vec<(Vec<String>, toml::Value)>,
) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            toml::Value::Table(inner) => collect_keys(inner, path, known),
            leaf => known.push((path.clone(), leaf.clone())),
        }
        path.pop();
    }
}

/// A variable's text as the type that its setting has.
fn parse_like(example: &toml::Value, text: &str) -> Result<toml::Value, String> {
    match example {
        toml::Value::Integer(_) => text
            .parse()
            .map(toml::Value::Integer)
            .map_err(|_| format!("`{text}` is not a whole number")),
        toml::Value::Boolean(_) => text
            .parse()
            .map(toml::Value::Boolean)
            .map_err(|_| format!("`{text}` is neither `true` nor `false`")),
        toml::Value::Array(_) => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| toml::Value::String(part.to_owned()))
            .collect::<Vec<_>>()
            .into()),
        _ => Ok(toml::Value::String(text.to_owned())),
    }
}

fn set(tree: &mut toml::Table, path: &[String], value: toml::Value) {
    match path {
        [] => {}
        [key] => {
            tree.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = tree.entry(key).or_insert_with(|| toml::Table::new().into());
            if let toml::Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let owned = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(None, owned)
    }

    #[test]
    fn variables_reach_every_kind_of_setting() {
        let config = load(&[
            ("MILEPOST_LISTEN", "127.0.0.1:1"),
            ("MILEPOST_WORKER_SILENCE", "5s"),
            ("MILEPOST_LIMITS_BODY", "50MB"),
            ("MILEPOST_LOG_JSON", "true"),
            ("MILEPOST_ORIGINS", "https://a.example, https://b.example"),
            ("MILEPOST_SERVER", "http://elsewhere"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.worker.silence, Duration::from_secs(5));
        assert_eq!(config.limits.body, ByteSize::mb(50));
        assert!(config.log.json);
        assert_eq!(config.origins.len(), 2);
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let unknown = load(&[("MILEPOST_LISTENN", "x")]).unwrap_err().to_string();
        assert!(unknown.starts_with("MILEPOST_LISTENN: there is no such setting"), "{unknown}");
        let wrong = load(&[("MILEPOST_GRACE", "soon")]).unwrap_err().to_string();
        assert!(wrong.starts_with("MILEPOST_GRACE: "), "{wrong}");
    }

    #[test]
    fn the_open_network_is_refused_without_authentication() {
        let config = load(&[("MILEPOST_LISTEN", "0.0.0.0:8080")]).unwrap();
        assert!(matches!(config.check(), Err(ConfigError::Exposed(_))));
        assert!(load(&[("MILEPOST_LISTEN", "[::1]:8080")]).unwrap().check().is_ok());
    }

    #[test]
    fn what_is_printed_reads_back() {
        let text = toml::to_string(&Config::default()).unwrap();
        let read = toml::from_str::<Config>(&text).unwrap();
        assert_eq!(toml::to_string(&read).unwrap(), text);
        assert_eq!(read.limits.body, Limits::default().body);
        assert!(text.contains("body = \"200MB\""), "{text}");
    }
}
