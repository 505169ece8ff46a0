//! From a file and from variables to one tree. Enters: TOML text, pairs of names
//! and texts. Leaves: a configuration, or the place that is wrong.

use std::path::Path;

use super::dialects::VARIABLES;
use super::{Config, ConfigError};

/// Variables with our prefix that are no configuration keys: they belong to the
/// command line's client side, or name the file itself.
const OTHER_VARIABLES: &[&str] =
    &["MILEPOST_CA", "MILEPOST_CONFIG", "MILEPOST_SERVER", "MILEPOST_TOKEN"];

impl Config {
    /// Reads `file` and then `variables`.
    ///
    /// # Errors
    /// Names the place and what is wrong there.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (mut tree, mut named) = (toml::Table::new(), Self::default());
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| ConfigError::File { path: path.to_owned(), cause })?;
            let place = path.display().to_string();
            // Checked on its own, so that a mistake is reported at its place.
            named = toml::from_str(&text).map_err(|e| wrong(place.clone(), e.to_string()))?;
            tree = toml::from_str(&text).map_err(|e| wrong(place, e.to_string()))?;
        }
        // A variable may set what a file has named, such as an embedder's key.
        let (embedders, rerankers) = (named.embedders, named.rerankers);
        let defaults = toml::Table::try_from(Self { embedders, rerankers, ..Self::default() })
            .map_err(|error| wrong("defaults".to_owned(), error.to_string()))?;
        let mut known = Vec::new();
        collect_keys(&defaults, &mut Vec::new(), &mut known);
        let mut own = Vec::new();
        for (name, value) in variables {
            let Some((_, key)) = VARIABLES.iter().find(|(known, _)| *known == name) else {
                own.push((name, value));
                continue;
            };
            let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let value = if plain { format!("{value}ms") } else { value };
            let path = ["dialects".to_owned(), (*key).to_owned()];
            apply(&mut tree, &known, &path, name, &value)?;
        }
        for (name, value) in own {
            if !name.starts_with("MILEPOST_") || OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let path = known.iter().map(|(path, _)| path).find(|path| variable_name(path) == name);
            let Some(path) = path else {
                let message = "there is no such setting; `milepost config` lists them all";
                return Err(wrong(name, message.to_owned()));
            };
            apply(&mut tree, &known, path, name, &value)?;
        }
        tree.try_into().map_err(|e| wrong("configuration".to_owned(), e.to_string()))
    }
}

/// Sets what the variable `name` says. Checked one by one, so that a message names the
/// variable.
fn apply(
    tree: &mut toml::Table,
    known: &[(Vec<String>, toml::Value)],
    path: &[String],
    name: String,
    value: &str,
) -> Result<(), ConfigError> {
    let example = known.iter().find(|(known, _)| known == path).map(|(_, example)| example);
    let example = example.expect("the path is a known one");
    let value = parse_like(example, value).map_err(|message| wrong(name.clone(), message))?;
    set(tree, path, value);
    let checked = tree.clone().try_into::<Config>();
    checked.map(|_| ()).map_err(|error| wrong(name, error.message().to_owned()))
}

fn wrong(place: String, message: String) -> ConfigError {
    ConfigError::Wrong { place, message }
}

/// `worker.max_pages` is `MILEPOST_WORKER_MAX_PAGES`.
fn variable_name(path: &[String]) -> String {
    format!("MILEPOST_{}", path.join("_").to_uppercase().replace('-', "_"))
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
        toml::Value::Float(_) => {
            text.parse().map(toml::Value::Float).map_err(|_| format!("`{text}` is not a number"))
        }
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
    use std::time::Duration;

    use bytesize::ByteSize;

    use super::*;
    use crate::config::{Limits, Rate};

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
            ("MILEPOST_FETCH_ALLOW", "10.0.0.0/8, wiki.example"),
            ("MILEPOST_PROXIES", "10.0.0.1, fd00::/8"),
            ("MILEPOST_LIMITS_OWNER_REQUESTS", "5/s"),
            ("MILEPOST_SERVER", "http://elsewhere"),
            ("SSE_POLL_INTERVAL", "2500"),
            ("SSE_PING_INTERVAL", "9000"),
            ("MILEPOST_DIALECTS_DOCUMENT_PING", "5s"),
            ("WEBSOCKET_ENABLED", "false"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.worker.silence, Duration::from_secs(5));
        assert_eq!(config.limits.body, ByteSize::mb(50));
        assert!(config.log.json);
        assert_eq!(config.origins.len(), 2);
        assert_eq!(config.fetch.allow.len(), 2);
        assert_eq!(config.proxies.len(), 2);
        assert_eq!(config.limits.owner_requests, Rate::per_second(5));
        // Those of another system come before our own, whose word counts.
        assert_eq!(config.dialects.document_poll, Duration::from_millis(2500));
        assert_eq!(config.dialects.document_ping, Duration::from_secs(5));
        assert!(!config.dialects.document_websocket);
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let unknown = load(&[("MILEPOST_LISTENN", "x")]).unwrap_err().to_string();
        assert!(unknown.starts_with("MILEPOST_LISTENN: there is no such setting"), "{unknown}");
        let wrong = load(&[("MILEPOST_GRACE", "soon")]).unwrap_err().to_string();
        assert!(wrong.starts_with("MILEPOST_GRACE: "), "{wrong}");
        let range = load(&[("MILEPOST_FETCH_ALLOW", "10.0.0.0/33")]).unwrap_err().to_string();
        assert!(range.starts_with("MILEPOST_FETCH_ALLOW: "), "{range}");
    }

    #[test]
    fn a_variable_sets_what_a_file_has_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("milepost.toml");
        let text =
            "[embedders.far-away]\nkind = \"openai\"\nmodel = \"m\"\nurl = \"https://a/v1\"\n";
        std::fs::write(&file, text).unwrap();
        let load = |name: &str, value: &str| {
            Config::load(Some(&file), [(name.to_owned(), value.to_owned())])
        };
        let config = load("MILEPOST_EMBEDDERS_FAR_AWAY_KEY", "sk-1").unwrap();
        let crate::config::EmbedderConfig::OpenAi(far) = &config.embedders["far-away"] else {
            panic!("{config:?}")
        };
        assert_eq!(far.key.reveal(), "sk-1");
        assert!(load("MILEPOST_EMBEDDERS_FAR_AWAY_PRICE", "0.02").is_ok());
        assert!(load("MILEPOST_EMBEDDERS_FAR_AWAY_PRICE", "cheap").is_err());
        assert!(load("MILEPOST_EMBEDDERS_NEAR_KEY", "sk-1").is_err());
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
