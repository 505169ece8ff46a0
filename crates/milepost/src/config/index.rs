//! Collections and their search: limits, and which engines are taken where nobody names
//! one. Enters: a table of the configuration. Leaves: checked values. Never: the engines
//! themselves, which are beside it.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::embedders::Engines;
use super::jwt::wrong;
use super::size::exact_size;

/// Collections and their search.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// Of collections that name no embedder; empty for none, so that they are searched
    /// by words alone.
    pub embedder: String,
    /// What orders hits anew where that is asked for; empty for nothing.
    pub reranker: String,
    /// Collections of one owner.
    pub max_collections: u64,
    /// A query, as UTF-8.
    #[serde(serialize_with = "exact_size")]
    pub max_query: ByteSize,
    /// Hits of one search.
    pub max_k: usize,
    /// Collections that one search covers.
    pub max_searched: usize,
    /// Searches of one collection at a time, of all owners; 0 for two for each
    /// processor. Others wait.
    pub searches: usize,
    /// How long a search may take, waiting included.
    #[serde(with = "humantime_serde")]
    pub search_timeout: Duration,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            embedder: String::new(),
            reranker: String::new(),
            max_collections: 1000,
            max_query: ByteSize::kib(8),
            max_k: 100,
            max_searched: 50,
            searches: 0,
            search_timeout: Duration::from_secs(20),
        }
    }
}

impl IndexConfig {
    /// Refuses limits that let nothing through, and engines that are not there.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn check(&self, engines: &Engines<'_>) -> Result<(), ConfigError> {
        let known = |place, what, name: &str, there: bool, all: Vec<&String>| {
            if name.is_empty() || there {
                return Ok(());
            }
            let all: Vec<_> = all.into_iter().map(|name| format!("`{name}`")).collect();
            let there = match all.len() {
                0 => "none is configured".to_owned(),
                _ => format!("there are {}", all.join(", ")),
            };
            Err(wrong(place, &format!("there is no {what} `{name}`; {there}")))
        };
        let (name, all) = (&self.embedder, &engines.embedders);
        let there = all.contains_key(name);
        known("index.embedder", "embedder", name, there, all.keys().collect())?;
        let (name, all) = (&self.reranker, &engines.rerankers);
        let there = all.contains_key(name);
        known("index.reranker", "reranker", name, there, all.keys().collect())?;
        for (place, least, value) in [
            ("index.max_collections", 1, self.max_collections),
            ("index.max_query", 1, self.max_query.as_u64()),
            ("index.max_k", 1, self.max_k as u64),
            ("index.max_searched", 1, self.max_searched as u64),
        ] {
            if value < least {
                return Err(wrong(place, "it must be greater than 0"));
            }
        }
        if self.max_k > MOST_HITS {
            return Err(wrong("index.max_k", &format!("it is {MOST_HITS} at most")));
        }
        if self.search_timeout.is_zero() {
            return Err(wrong("index.search_timeout", "it must be longer than nothing"));
        }
        Ok(())
    }

    /// The embedder of collections that name none.
    pub fn embedder(&self) -> Option<&str> {
        Some(self.embedder.as_str()).filter(|name| !name.is_empty())
    }

    /// What orders hits anew.
    pub fn reranker(&self) -> Option<&str> {
        Some(self.reranker.as_str()).filter(|name| !name.is_empty())
    }
}

/// An answer is built in memory.
const MOST_HITS: usize = 1000;
