//! What makes vectors, and what orders hits anew: by name, each a folder or an endpoint
//! of the operator's. Enters: tables of the configuration. Leaves: checked values.
//! Never: calls an endpoint, or shows a key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::jwt::wrong;
use super::{ConfigError, Secret};

/// A name is no longer.
const MAX_NAME: usize = 64;
/// A key is no longer.
const MAX_KEY: usize = 16 * 1024;
/// Texts of one call.
const MAX_BATCH: usize = 2048;
/// Numbers of one vector.
const MAX_DIMENSIONS: u32 = 8192;

/// All engines, by name.
#[derive(Clone, Copy)]
pub struct Engines<'a> {
    /// Those that make vectors.
    pub embedders: &'a BTreeMap<String, EmbedderConfig>,
    /// Those that order hits anew.
    pub rerankers: &'a BTreeMap<String, RerankerConfig>,
}

/// What makes vectors of texts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum EmbedderConfig {
    /// A model in a folder, run by this server.
    Local(LocalModel),
    /// An endpoint that speaks `/v1/embeddings` as OpenAI's does.
    #[serde(rename = "openai")]
    OpenAi(Endpoint),
}

/// A model in a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalModel {
    /// Where it is: a folder as of sentence-transformers.
    pub folder: PathBuf,
    /// Processors that it may use; 0 for half of them.
    pub threads: usize,
    /// Texts at a time.
    pub batch: usize,
    /// What stands before each text of a document.
    pub document_prefix: String,
    /// What stands before each query.
    pub query_prefix: String,
}

/// An endpoint that makes vectors.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// The part of its address before `/embeddings`.
    pub url: String,
    /// What it asks for as `Authorization: Bearer`.
    pub key: Secret,
    /// A file with the key, in the place of `key`.
    pub key_file: PathBuf,
    /// Its name for the model.
    pub model: String,
    /// How many numbers a vector is to have; 0 for as many as the model makes.
    pub dimensions: u32,
    /// Texts of one call.
    pub batch: usize,
    /// Calls at a time.
    pub concurrency: usize,
    /// How long one call may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How often a call is tried again.
    pub retries: u32,
    /// What stands before each text of a document.
    pub document_prefix: String,
    /// What stands before each query.
    pub query_prefix: String,
    /// What a million tokens cost, in US dollars; for estimates.
    pub price: f64,
}

/// What orders hits anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RerankerConfig {
    /// Its whole address.
    pub url: String,
    /// What it asks for as `Authorization: Bearer`.
    pub key: Secret,
    /// A file with the key, in the place of `key`.
    pub key_file: PathBuf,
    /// Its name for the model.
    pub model: String,
    /// How long one call may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How often a call is tried again.
    pub retries: u32,
}

impl Default for LocalModel {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            threads: 0,
            batch: 16,
            document_prefix: String::new(),
            query_prefix: String::new(),
        }
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            url: String::new(),
            key: Secret::default(),
            key_file: PathBuf::new(),
            model: String::new(),
            dimensions: 0,
            batch: 64,
            concurrency: 4,
            timeout: Duration::from_secs(60),
            retries: 5,
            document_prefix: String::new(),
            query_prefix: String::new(),
            price: 0.0,
        }
    }
}

impl Default for RerankerConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            key: Secret::default(),
            key_file: PathBuf::new(),
            model: String::new(),
            timeout: Duration::from_secs(10),
            retries: 1,
        }
    }
}

impl Engines<'_> {
    /// Refuses what cannot work. Reads no file, calls nobody.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (name, embedder) in self.embedders {
            let place = |field: &str| format!("embedders.{name}{field}");
            check_name(&place(""), name)?;
            match embedder {
                EmbedderConfig::Local(local) => {
                    if local.folder.as_os_str().is_empty() {
                        return Err(wrong(place(".folder"), "name the folder of a model"));
                    }
                    check_batch(place(".batch"), local.batch)?;
                }
                EmbedderConfig::OpenAi(endpoint) => endpoint.check(&place)?,
            }
        }
        for (name, reranker) in self.rerankers {
            let place = |field: &str| format!("rerankers.{name}{field}");
            check_name(&place(""), name)?;
            check_url(place(".url"), &reranker.url)?;
            check_key(&place, &reranker.key, &reranker.key_file)?;
            if reranker.model.is_empty() {
                return Err(wrong(place(".model"), "name the model"));
            }
            check_time(place(".timeout"), reranker.timeout)?;
        }
        Ok(())
    }
}

impl Endpoint {
    fn check(&self, place: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        check_url(place(".url"), &self.url)?;
        check_key(place, &self.key, &self.key_file)?;
        if self.model.is_empty() {
            return Err(wrong(place(".model"), "name the model"));
        }
        if self.dimensions > MAX_DIMENSIONS {
            let detail = format!("a vector has {MAX_DIMENSIONS} dimensions at most");
            return Err(wrong(place(".dimensions"), &detail));
        }
        check_batch(place(".batch"), self.batch)?;
        if !(1..=256).contains(&self.concurrency) {
            return Err(wrong(place(".concurrency"), "it is from 1 to 256"));
        }
        if !self.price.is_finite() || self.price < 0.0 {
            return Err(wrong(place(".price"), "a price is 0 or more"));
        }
        check_time(place(".timeout"), self.timeout)
    }
}

/// A name is part of a variable's name and of metrics.
fn check_name(place: &str, name: &str) -> Result<(), ConfigError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    let detail = format!(
        "a name has 1 to {MAX_NAME} characters, all of them small letters (a-z), digits, `-` or `_`"
    );
    Err(wrong(place, &detail))
}

fn check_batch(place: String, batch: usize) -> Result<(), ConfigError> {
    if (1..=MAX_BATCH).contains(&batch) {
        return Ok(());
    }
    Err(wrong(place, &format!("it is from 1 to {MAX_BATCH}")))
}

fn check_time(place: String, time: Duration) -> Result<(), ConfigError> {
    if time.is_zero() {
        return Err(wrong(place, "it must be longer than nothing"));
    }
    Ok(())
}

/// A URL is shown, so that it must not hold a secret.
fn check_url(place: String, text: &str) -> Result<(), ConfigError> {
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    let Some(url) = url.filter(Url::has_host) else {
        return Err(wrong(place, "write http:// or https:// and the address of the endpoint"));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(place, "a URL is shown; put the credential into `key` or `key_file`"));
    }
    Ok(())
}

fn check_key(
    place: &dyn Fn(&str) -> String,
    key: &Secret,
    file: &std::path::Path,
) -> Result<(), ConfigError> {
    let named = !file.as_os_str().is_empty();
    if key.is_set() && named {
        return Err(wrong(place(".key_file"), "either `key` or `key_file` is set, not both"));
    }
    check_characters(place(".key"), key.reveal())
}

fn check_characters(place: String, key: &str) -> Result<(), ConfigError> {
    // It is part of a header.
    if key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong(place, "a key consists of printable ASCII characters without spaces"));
    }
    Ok(())
}

/// The key that is set, or that is in the file that is named.
///
/// # Errors
/// Where the file cannot be read, or holds no key.
pub fn read_key(
    place: &str,
    key: &Secret,
    file: &std::path::Path,
) -> Result<Option<Secret>, ConfigError> {
    if file.as_os_str().is_empty() {
        return Ok(key.is_set().then(|| key.clone()));
    }
    let place = format!("{place}.key_file");
    let text = std::fs::read_to_string(file)
        .map_err(|cause| wrong(place.clone(), &format!("{}: {cause}", file.display())))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong(place, &format!("{}: there is no key in it", file.display())));
    }
    check_characters(place, text)?;
    Ok(Some(Secret::new(text)))
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn refusal(text: &str) -> String {
        let config = match toml::from_str::<Config>(text) {
            Ok(config) => config,
            Err(error) => return format!("toml: {error}"),
        };
        config.check().err().map_or_else(|| "fine".to_owned(), |error| error.to_string())
    }

    #[test]
    fn engines_are_checked_and_the_wrong_setting_is_named() {
        let local = "[embedders.mini]\nkind = \"local\"\nfolder = \"/models/mini\"\n";
        let openai =
            "[embedders.far]\nkind = \"openai\"\nmodel = \"m\"\nurl = \"https://a.example/v1\"\n";
        let reranker = "[rerankers.r]\nmodel = \"m\"\nurl = \"https://a.example/rerank\"\n";
        assert_eq!(refusal(""), "fine");
        let all =
            format!("[index]\nembedder = \"mini\"\nreranker = \"r\"\n{local}{openai}{reranker}");
        assert_eq!(refusal(&all), "fine");
        for (text, said) in [
            (
                "[index]\nembedder = \"mini\"\n".to_owned(),
                "index.embedder: there is no embedder `mini`; none",
            ),
            (format!("[index]\nembedder = \"x\"\n{local}"), "there are `mini`"),
            (format!("[index]\nreranker = \"x\"\n{reranker}"), "index.reranker: "),
            ("[index]\nmax_k = 0\n".to_owned(), "index.max_k: "),
            ("[index]\nmax_k = 5000\n".to_owned(), "index.max_k: it is 1000"),
            ("[index]\nmax_query = \"0B\"\n".to_owned(), "index.max_query: "),
            ("[index]\nsearch_timeout = \"0s\"\n".to_owned(), "index.search_timeout: "),
            ("[index]\ncolour = 1\n".to_owned(), "toml: "),
            (
                "[embedders.Mini]\nkind = \"local\"\nfolder = \"/m\"\n".to_owned(),
                "embedders.Mini: ",
            ),
            ("[embedders.mini]\nkind = \"local\"\n".to_owned(), "embedders.mini.folder: "),
            (format!("{local}url = \"x\"\n"), "toml: "),
            (format!("{local}batch = 0\n"), "embedders.mini.batch: "),
            ("[embedders.mini]\nfolder = \"/m\"\n".to_owned(), "toml: "),
            ("[embedders.a]\nkind = \"openai\"\nmodel = \"m\"\n".to_owned(), "embedders.a.url: "),
            (openai.replace("https", "ftp"), "embedders.far.url: "),
            (openai.replace("a.example", "me:pw@a.example"), "embedders.far.url: a URL is shown"),
            (openai.replace("\"m\"", "\"\""), "embedders.far.model: "),
            (format!("{openai}dimensions = 9999\n"), "embedders.far.dimensions: "),
            (format!("{openai}concurrency = 0\n"), "embedders.far.concurrency: "),
            (format!("{openai}price = -1.0\n"), "embedders.far.price: "),
            (format!("{openai}key = \"a b\"\n"), "embedders.far.key: "),
            (format!("{openai}key = \"a\"\nkey_file = \"/k\"\n"), "embedders.far.key_file: either"),
            (format!("{reranker}timeout = \"0s\"\n"), "rerankers.r.timeout: "),
        ] {
            let refused = refusal(&text);
            assert!(refused.contains(said), "{text}\n{refused}");
            assert!(!refused.contains("me:pw"), "{refused}");
        }
    }

    #[test]
    fn a_printed_engine_has_no_key_and_reads_back() {
        let text = "[embedders.far]\nkind = \"openai\"\nmodel = \"m\"\nurl = \"https://a.example/v1\"\nkey = \"sk-1\"\n";
        let config: Config = toml::from_str(text).unwrap();
        let printed = toml::to_string(&config).unwrap();
        assert!(!printed.contains("sk-1") && printed.contains("(hidden)"), "{printed}");
        assert!(!format!("{config:?}").contains("sk-1"));
        let read = printed.replace("key = \"(hidden)\"", "key = \"sk-1\"");
        assert_eq!(toml::to_string(&toml::from_str::<Config>(&read).unwrap()).unwrap(), printed);
    }

    #[test]
    fn a_key_comes_from_its_file() {
        use super::{Secret, read_key};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let read = || read_key("embedders.a", &Secret::default(), &file);
        assert!(read().unwrap_err().to_string().starts_with("embedders.a.key_file: "));
        std::fs::write(&file, "\n").unwrap();
        assert!(read().is_err());
        std::fs::write(&file, "sk-2\n").unwrap();
        assert_eq!(read().unwrap(), Some(Secret::new("sk-2")));
        let none = read_key("embedders.a", &Secret::default(), "".as_ref()).unwrap();
        assert_eq!(none, None);
    }
}
