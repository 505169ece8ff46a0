//! What makes vectors of texts, and what looks again at what was found. Enters: texts of
//! any length. Leaves: a vector for each, or why there is none. Never: knows collections,
//! or writes anything down.

mod config;
mod endpoint;
mod error;
mod gate;
mod local;
mod openai;
mod rerank;
#[cfg(test)]
mod tests;
mod turns;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::{EmbedderConfig, Key, RerankerConfig};
pub use error::{EmbedError, EmbedErrorKind};
pub use rerank::{Reranker, Rerankers};

use crate::collection::EmbedderId;
use local::Local;
use openai::OpenAi;

/// All embedders that the operator configured, by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Embedders(Arc<BTreeMap<String, Embedder>>);

/// One of them. Cheap to clone.
#[derive(Clone)]
pub struct Embedder(Arc<Inner>);

struct Inner {
    name: String,
    document_prefix: String,
    query_prefix: String,
    engine: Engine,
}

enum Engine {
    OpenAi(Arc<OpenAi>),
    Local(Local),
}

impl Embedders {
    /// Checks the settings, and reads of model folders what is small; calls nobody.
    ///
    /// # Errors
    /// Where a setting is out of its range, a URL is none, or a folder holds no model
    /// that can be run.
    pub fn open(config: BTreeMap<String, EmbedderConfig>) -> Result<Self, EmbedError> {
        let opened = config.into_iter().map(|(name, config)| {
            let embedder = Embedder::open(&name, config)?;
            Ok((name, embedder))
        });
        Ok(Self(Arc::new(opened.collect::<Result<_, EmbedError>>()?)))
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<Embedder> {
        self.0.get(name).cloned()
    }

    /// All names, in their order.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Embedder {
    fn open(name: &str, config: EmbedderConfig) -> Result<Self, EmbedError> {
        config.check(name)?;
        let (document_prefix, query_prefix) = config.prefixes();
        let (document_prefix, query_prefix) = (document_prefix.to_owned(), query_prefix.to_owned());
        let engine = match config {
            EmbedderConfig::OpenAi { .. } => Engine::OpenAi(Arc::new(OpenAi::open(name, config)?)),
            EmbedderConfig::Local { folder, threads, batch, .. } => {
                Engine::Local(Local::open(name, &folder, threads, batch)?)
            }
        };
        let name = name.to_owned();
        Ok(Self(Arc::new(Inner { name, document_prefix, query_prefix, engine })))
    }

    /// What the operator calls it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Which model makes its vectors. What is put before each text that is indexed is
    /// part of that: with another, vectors are others.
    ///
    /// # Errors
    /// Where an endpoint has to be asked and gives no answer, or weights cannot be read.
    pub async fn id(&self) -> Result<EmbedderId, EmbedError> {
        let (model, dimensions) = match &self.0.engine {
            Engine::OpenAi(endpoint) => (endpoint.model().to_owned(), endpoint.dimensions().await?),
            Engine::Local(local) => (local.model().await?, local.dimensions()),
        };
        let prefix = &self.0.document_prefix;
        let model = match prefix.is_empty() {
            true => model,
            false => format!("{model} after {prefix:?}"),
        };
        Ok(EmbedderId { name: self.0.name.clone(), model, dimensions })
    }

    /// How many texts one call should bring.
    pub fn batch(&self) -> usize {
        match &self.0.engine {
            Engine::OpenAi(endpoint) => endpoint.batch(),
            Engine::Local(local) => local.batch(),
        }
    }

    /// How many calls at a time make it no faster any more.
    pub fn concurrency(&self) -> usize {
        match &self.0.engine {
            Engine::OpenAi(endpoint) => endpoint.concurrency(),
            Engine::Local(_) => 1,
        }
    }

    /// Whether it runs here, so that nothing leaves the machine.
    pub fn is_local(&self) -> bool {
        matches!(self.0.engine, Engine::Local(_))
    }

    /// How much of a text it takes in, in tokens, where that is known; of a longer one,
    /// only the beginning counts.
    pub fn max_tokens(&self) -> Option<usize> {
        match &self.0.engine {
            Engine::OpenAi(_) => None,
            Engine::Local(local) => Some(local.max_tokens()),
        }
    }

    /// The `tokenizer.json` of a model that runs here, without what it says of length.
    pub fn tokenizer(&self) -> Option<Arc<[u8]>> {
        match &self.0.engine {
            Engine::OpenAi(_) => None,
            Engine::Local(local) => Some(local.tokenizer()),
        }
    }

    /// One vector for each text that is indexed. Dropped, it stops.
    ///
    /// # Errors
    /// Where there is not a vector for each.
    pub async fn documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let prefix = &self.0.document_prefix;
        self.embed(texts.iter().map(|text| format!("{prefix}{text}")).collect(), false).await
    }

    /// The vector of a query, ahead of most documents that wait; these have a share of
    /// their own.
    ///
    /// # Errors
    /// Where there is none, earlier than for documents: somebody waits.
    pub async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let text = format!("{}{text}", self.0.query_prefix);
        let mut vectors = self.embed(vec![text], true).await?;
        Ok(vectors.pop().expect("there is a vector for each text"))
    }

    async fn embed(&self, texts: Vec<String>, hurry: bool) -> Result<Vec<Vec<f32>>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        match &self.0.engine {
            Engine::OpenAi(endpoint) => endpoint.embed(texts, hurry).await,
            Engine::Local(local) => local.embed(texts, hurry).await,
        }
    }
}
