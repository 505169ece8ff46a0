//! Rerankers: models that look at a query and a text together. Enters: a query, texts.
//! Leaves: the places of the best of them with their scores. Never: a place that there
//! is not, or one twice.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::RerankerConfig;
use super::endpoint::{Endpoint, NoAnswer, Target};
use super::error::{EmbedError, EmbedErrorKind};

/// How many requests there are at a time.
const CONCURRENCY: usize = 8;
/// What an answer may have for each text, in bytes: some send the texts back.
const MAX_AROUND: usize = 64 << 10;
/// So many times its length a text may come back, with what JSON makes of it.
const MAX_ECHO: usize = 7;

/// All rerankers that the operator configured, by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Rerankers(Arc<BTreeMap<String, Reranker>>);

/// One of them. Cheap to clone.
#[derive(Clone)]
pub struct Reranker(Arc<Inner>);

struct Inner {
    name: String,
    model: String,
    endpoint: Endpoint,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    query: &'a str,
    documents: &'a [String],
    top_n: usize,
    return_documents: bool,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    #[serde(alias = "score")]
    relevance_score: f64,
}

impl Rerankers {
    /// Checks the settings; calls nobody.
    ///
    /// # Errors
    /// Where a setting is out of its range, or a URL is none.
    pub fn open(config: BTreeMap<String, RerankerConfig>) -> Result<Self, EmbedError> {
        let opened = config.into_iter().map(|(name, config)| {
            config.check(&name)?;
            let endpoint = Endpoint::open(Target {
                what: "reranker",
                name: name.clone(),
                url: config.url,
                path: None,
                key: config.key,
                timeout: config.timeout,
                retries: config.retries,
                concurrency: CONCURRENCY,
            })?;
            let inner = Inner { name: name.clone(), model: config.model, endpoint };
            Ok((name, Reranker(Arc::new(inner))))
        });
        Ok(Self(Arc::new(opened.collect::<Result<_, EmbedError>>()?)))
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<Reranker> {
        self.0.get(name).cloned()
    }

    /// All names, in their order.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Reranker {
    /// What the operator calls it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The places of the `top` texts that answer `query` best, the best first, each with
    /// its score, whose scale is the model's own.
    ///
    /// # Errors
    /// Where the endpoint gives no answer that can be used.
    pub async fn rerank(
        &self,
        query: &str,
        texts: &[String],
        top: usize,
    ) -> Result<Vec<(usize, f64)>, EmbedError> {
        let top = top.min(texts.len());
        if top == 0 {
            return Ok(Vec::new());
        }
        let Inner { model, endpoint, .. } = &*self.0;
        let request =
            Request { model, query, documents: texts, top_n: top, return_documents: false };
        let body = serde_json::to_vec(&request).expect("it is made of texts and numbers");
        let most = MAX_AROUND + body.len() * MAX_ECHO;
        let answer = match endpoint.call(body, most, true).await {
            Ok(answer) => answer,
            Err(NoAnswer::Other(error)) => return Err(error),
            Err(NoAnswer::Input(status, said)) => {
                let title = endpoint.title();
                let message = format!(
                    "{title} refuses with {} (“{said}”); the operator has to check its settings.",
                    status.as_u16()
                );
                return Err(EmbedError::new(EmbedErrorKind::Refused, message, said));
            }
        };
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|_| endpoint.unusable("not a list of scores as JSON"))?;
        let mut seen = HashSet::new();
        let mut ranked = Vec::new();
        for Item { index, relevance_score } in answer.results {
            if index >= texts.len() || !seen.insert(index) || !relevance_score.is_finite() {
                return Err(endpoint.unusable("scores whose places are wrong"));
            }
            ranked.push((index, relevance_score));
        }
        if ranked.is_empty() {
            return Err(endpoint.unusable("no scores"));
        }
        ranked.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal));
        ranked.truncate(top);
        Ok(ranked)
    }
}
