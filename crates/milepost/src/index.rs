//! What makes documents findable: the collections, and the engines that the operator has
//! named. Enters: a configuration. Leaves: all of them, opened, and counts of the calls
//! to engines. Never: decides who may see what.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use milepost_index::{
    EmbedError, EmbedErrorKind, Embedder, EmbedderConfig as Described, Embedders, IndexError, Key,
    Limits, Reranker, RerankerConfig as DescribedReranker, Rerankers,
};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::config::{Config, ConfigError, EmbedderConfig, RerankerConfig, Secret, read_key};

/// The index in use.
pub type Collections = milepost_index::Embedded;

/// Collections and engines; cheap to clone.
#[derive(Clone)]
pub struct Indexing {
    /// The collections of all owners.
    pub collections: Collections,
    /// What makes vectors, by name.
    pub embedders: Embedders,
    /// What orders hits anew, by name.
    pub rerankers: Rerankers,
    /// Of collections that name none.
    pub default_embedder: Option<Arc<str>>,
    /// What orders hits anew where that is asked for.
    pub default_reranker: Option<Arc<str>>,
    /// How calls to engines ended.
    pub calls: Calls,
}

impl Indexing {
    /// Opens what is configured, with the collections in `folder`. Calls nobody.
    ///
    /// # Errors
    /// Where the collections or a model's folder cannot be read; the setting is named.
    pub fn open(config: &Config, folder: &Path) -> anyhow::Result<Self> {
        Self::over(config, folder, Collections::open)
    }

    /// The same for reading alone, perhaps beside a server that has it open.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn beside(config: &Config, folder: &Path) -> anyhow::Result<Self> {
        Self::over(config, folder, Collections::open_beside)
    }

    fn over(
        config: &Config,
        folder: &Path,
        open: impl FnOnce(&Path, Limits) -> Result<Collections, IndexError>,
    ) -> anyhow::Result<Self> {
        let limits = Limits {
            max_collections: config.index.max_collections,
            // The simulation happens in one thread.
            in_line: cfg!(test),
            ..Limits::default()
        };
        let collections = open(folder, limits)
            .with_context(|| format!("cannot open the collections in {}", folder.display()))?;
        let described = |(name, embedder): (&String, &EmbedderConfig)| {
            embedder_of(name, embedder).map(|embedder| (name.clone(), embedder))
        };
        let embedders = config.embedders.iter().map(described);
        let embedders = embedders.collect::<Result<BTreeMap<_, _>, _>>()?;
        let described = |(name, reranker): (&String, &RerankerConfig)| {
            reranker_of(name, reranker).map(|reranker| (name.clone(), reranker))
        };
        let rerankers = config.rerankers.iter().map(described);
        let rerankers = rerankers.collect::<Result<BTreeMap<_, _>, _>>()?;
        Ok(Self {
            collections,
            embedders: Embedders::open(embedders).map_err(|error| unusable(&error))?,
            rerankers: Rerankers::open(rerankers).map_err(|error| unusable(&error))?,
            default_embedder: config.index.embedder().map(Into::into),
            default_reranker: config.index.reranker().map(Into::into),
            calls: Calls::default(),
        })
    }

    /// What orders hits anew, where there is such a thing.
    pub fn reranker(&self) -> Option<Reranker> {
        self.default_reranker.as_ref().and_then(|name| self.rerankers.get(name))
    }

    /// The vector of a query.
    ///
    /// # Errors
    /// The embedder's.
    pub async fn embed_query(
        &self,
        embedder: &Embedder,
        text: &str,
    ) -> Result<Vec<f32>, EmbedError> {
        self.calls.count(embedder.name(), "query", embedder.query(text).await)
    }

    /// The vectors of parts of documents.
    ///
    /// # Errors
    /// The embedder's.
    #[allow(dead_code, reason = "whoever indexes calls it")]
    pub async fn embed_documents(
        &self,
        embedder: &Embedder,
        texts: &[String],
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.calls.count(embedder.name(), "documents", embedder.documents(texts).await)
    }

    /// The order of texts for a query: places in `texts`, each with how well it fits.
    ///
    /// # Errors
    /// The reranker's.
    pub async fn rerank(
        &self,
        reranker: &Reranker,
        query: &str,
        texts: &[String],
        top: usize,
    ) -> Result<Vec<(usize, f64)>, EmbedError> {
        self.calls.count(reranker.name(), "rerank", reranker.rerank(query, texts, top).await)
    }
}

fn unusable(error: &EmbedError) -> anyhow::Error {
    // The message says no more than strangers may know; the operator may know all.
    match error.message.contains(&error.cause) {
        true => anyhow::anyhow!("{}", error.message),
        false => anyhow::anyhow!("{} ({})", error.message, error.cause),
    }
}

fn key(place: &str, key: &Secret, file: &Path) -> Result<Option<Key>, ConfigError> {
    Ok(read_key(place, key, file)?.map(|key| Key::new(key.reveal())))
}

fn embedder_of(name: &str, embedder: &EmbedderConfig) -> Result<Described, ConfigError> {
    Ok(match embedder {
        EmbedderConfig::Local(local) => Described::Local {
            folder: local.folder.clone(),
            threads: local.threads,
            batch: local.batch,
            document_prefix: local.document_prefix.clone(),
            query_prefix: local.query_prefix.clone(),
        },
        EmbedderConfig::OpenAi(far) => Described::OpenAi {
            url: far.url.clone(),
            key: key(&format!("embedders.{name}"), &far.key, &far.key_file)?,
            model: far.model.clone(),
            dimensions: (far.dimensions > 0).then_some(far.dimensions),
            batch: far.batch,
            concurrency: far.concurrency,
            timeout: far.timeout,
            retries: far.retries,
            document_prefix: far.document_prefix.clone(),
            query_prefix: far.query_prefix.clone(),
        },
    })
}

fn reranker_of(name: &str, far: &RerankerConfig) -> Result<DescribedReranker, ConfigError> {
    Ok(DescribedReranker {
        url: far.url.clone(),
        key: key(&format!("rerankers.{name}"), &far.key, &far.key_file)?,
        model: far.model.clone(),
        timeout: far.timeout,
        retries: far.retries,
    })
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    engine: String,
    call: &'static str,
    outcome: &'static str,
}

/// How calls to engines ended, by the names that the operator gave them; cheap to clone.
#[derive(Clone, Default)]
pub struct Calls(Family<CallLabels, Counter>);

impl Calls {
    /// Counts how a call of this kind to an engine ended.
    ///
    /// # Errors
    /// That of the call.
    pub fn count<T>(
        &self,
        engine: &str,
        call: &'static str,
        result: Result<T, EmbedError>,
    ) -> Result<T, EmbedError> {
        let outcome = match result.as_ref().map_err(|error| error.kind) {
            Ok(_) => "answered",
            Err(EmbedErrorKind::Unavailable) => "unavailable",
            Err(EmbedErrorKind::Limited) => "limited",
            Err(EmbedErrorKind::Refused) => "refused",
            Err(EmbedErrorKind::WrongDimensions | EmbedErrorKind::Unusable) => "unusable",
        };
        self.0.get_or_create(&CallLabels { engine: engine.to_owned(), call, outcome }).inc();
        result
    }

    /// The counters, for whoever shows them.
    pub fn counters(&self) -> impl prometheus_client::registry::Metric + use<> {
        self.0.clone()
    }
}
