//! What the operator says of embedders and rerankers. Enters: their settings. Leaves:
//! the same, checked in their form. Never: calls anybody, or shows a key.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::error::EmbedError;

/// How long a prefix may be, in bytes.
const MAX_PREFIX: usize = 4096;
/// How many texts one request may bring.
const MAX_BATCH: usize = 2048;
/// How many requests there may be at a time.
const MAX_CONCURRENCY: usize = 256;
/// How long one request may take.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);
/// How often a request may be tried again.
const MAX_RETRIES: u32 = 20;
/// How many numbers a vector may have.
pub(super) const MAX_DIMENSIONS: u32 = 8192;

/// What an endpoint knows the operator by. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(hidden)")
    }
}

/// An embedder as the operator describes it.
#[derive(Clone, Debug)]
pub enum EmbedderConfig {
    /// An endpoint that speaks OpenAI's `/v1/embeddings`.
    OpenAi {
        /// All of its URL before `/embeddings`.
        url: String,
        /// Sent as a bearer token.
        key: Option<Key>,
        /// The model's name there.
        model: String,
        /// How many numbers a vector has. Asked for where it is set, which not every
        /// endpoint takes; found out where it is not.
        dimensions: Option<u32>,
        /// How many texts one request brings.
        batch: usize,
        /// How many requests there are at a time.
        concurrency: usize,
        /// For one request.
        timeout: Duration,
        /// How often a request is tried again.
        retries: u32,
        /// What some models want before each text that is indexed.
        document_prefix: String,
        /// What some models want before each query.
        query_prefix: String,
    },
    /// A model in a folder, as sentence-transformers lays it out.
    Local {
        /// The folder.
        folder: PathBuf,
        /// How many processors it may use; 0: half of those that there are.
        threads: usize,
        /// How many texts one call should bring.
        batch: usize,
        /// What some models want before each text that is indexed.
        document_prefix: String,
        /// What some models want before each query.
        query_prefix: String,
    },
}

impl EmbedderConfig {
    /// An endpoint with what is usual.
    pub fn open_ai(url: impl Into<String>, key: Option<Key>, model: impl Into<String>) -> Self {
        Self::OpenAi {
            url: url.into(),
            key,
            model: model.into(),
            dimensions: None,
            batch: 64,
            concurrency: 4,
            timeout: Duration::from_secs(60),
            retries: 5,
            document_prefix: String::new(),
            query_prefix: String::new(),
        }
    }

    /// A folder with what is usual.
    pub fn local(folder: impl Into<PathBuf>) -> Self {
        Self::Local {
            folder: folder.into(),
            threads: 0,
            batch: 16,
            document_prefix: String::new(),
            query_prefix: String::new(),
        }
    }

    /// What each text and each query begins with.
    pub(super) fn prefixes(&self) -> (&str, &str) {
        match self {
            Self::OpenAi { document_prefix, query_prefix, .. }
            | Self::Local { document_prefix, query_prefix, .. } => (document_prefix, query_prefix),
        }
    }

    pub(super) fn check(&self, name: &str) -> Result<(), EmbedError> {
        let (document, query) = self.prefixes();
        within(name, "document_prefix", document.len(), 0, MAX_PREFIX)?;
        within(name, "query_prefix", query.len(), 0, MAX_PREFIX)?;
        match self {
            Self::OpenAi { dimensions, batch, concurrency, timeout, retries, .. } => {
                let dimensions = dimensions.unwrap_or(1);
                within(name, "dimensions", dimensions as usize, 1, MAX_DIMENSIONS as usize)?;
                within(name, "batch", *batch, 1, MAX_BATCH)?;
                within(name, "concurrency", *concurrency, 1, MAX_CONCURRENCY)?;
                check_patience(name, *timeout, *retries)
            }
            Self::Local { batch, .. } => within(name, "batch", *batch, 1, MAX_BATCH),
        }
    }
}

/// A reranker as the operator describes it: an endpoint that speaks what Jina, Cohere
/// and others speak.
#[derive(Clone, Debug)]
pub struct RerankerConfig {
    /// The whole URL.
    pub url: String,
    /// Sent as a bearer token.
    pub key: Option<Key>,
    /// The model's name there.
    pub model: String,
    /// For one request.
    pub timeout: Duration,
    /// How often a request is tried again.
    pub retries: u32,
}

impl RerankerConfig {
    /// An endpoint with what is usual: somebody waits for the answer.
    pub fn new(url: impl Into<String>, key: Option<Key>, model: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            key,
            model: model.into(),
            timeout: Duration::from_secs(10),
            retries: 1,
        }
    }

    pub(super) fn check(&self, name: &str) -> Result<(), EmbedError> {
        check_patience(name, self.timeout, self.retries)
    }
}

fn check_patience(name: &str, timeout: Duration, retries: u32) -> Result<(), EmbedError> {
    if timeout.is_zero() || timeout > MAX_TIMEOUT {
        let most = MAX_TIMEOUT.as_secs();
        return Err(EmbedError::setting(
            name,
            format!("its `timeout` must be above 0 and at most {most} seconds"),
        ));
    }
    within(name, "retries", retries as usize, 0, MAX_RETRIES as usize)
}

fn within(
    name: &str,
    field: &str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), EmbedError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let what = if field.ends_with("prefix") { " bytes long" } else { "" };
    let why = format!("its `{field}` must be from {least} to {most}{what}, not {value}");
    Err(EmbedError::setting(name, why))
}
