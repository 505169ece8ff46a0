//! A job that fills a collection. Enters: a lease, a converter. Leaves: its documents'
//! texts, then their chunks, stored with the job; then, without a converter, the collection.
//! Never: does again what is stored, or lets one bad document of several fail the others.

mod chunk;
mod elements;
mod entries;
mod extract;
mod fill;
mod several;
mod talk;

use milepost_convert::{Chunker, Options, Tokenizer};
use milepost_core::{DocumentId, EventKind, Failure, FailureCode};
use milepost_index::{Collection, EmbedError, Embedder, Index as _, IndexError};
use tokio_util::sync::CancellationToken;

use super::converter::Converter;
use super::run::{Outcome, Runner, Stop, gone_document};
use crate::pipeline::CHUNKS;
use crate::store::{Lease, SourceRow, StoreError, TextRow};

/// A document of the job.
pub(super) struct Part {
    /// Its place in the request, from 0.
    place: u32,
    /// Which.
    document: DocumentId,
    /// What its owner says of it.
    about: Option<SourceRow>,
}

impl Runner {
    /// Does what takes a converter: reads the documents, and cuts their texts.
    pub(super) async fn prepare(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
    ) -> Result<Outcome, Stop> {
        let options = options(lease)?;
        // What cannot be indexed in the end is not read first.
        let (chunker, tokenizer) = self.chunker(lease, &options).await?;
        let parts = self.parts(lease).await?;
        let read = match lease.snapshot.documents {
            None => self.extract(lease, converter, draining, &options).await?,
            Some(_) => self.extract_all(lease, converter, draining, &options, &parts).await?,
        };
        match read {
            None => self.chunk(lease, converter, draining, &parts, &chunker, tokenizer).await,
            Some(outcome) => Ok(outcome),
        }
    }

    /// Whether nothing is left to do for a converter.
    pub(super) async fn is_prepared(&self, lease: &Lease) -> Result<bool, StoreError> {
        Ok(self.made(lease, 0, CHUNKS).await?.is_some())
    }

    /// What is stored already.
    async fn made(
        &self,
        lease: &Lease,
        place: u32,
        format: &str,
    ) -> Result<Option<TextRow>, StoreError> {
        self.store.text(lease.snapshot.id, place, format.to_owned()).await
    }

    /// The documents of the job, in order.
    async fn parts(&self, lease: &Lease) -> Result<Vec<Part>, Stop> {
        let rows = self.store.sources(lease.snapshot.id).await?;
        if lease.snapshot.documents.is_none() {
            let document = lease.snapshot.document.as_ref();
            let document = document.ok_or_else(|| gone_document(StoreError::Closed))?.id;
            return Ok(vec![Part { place: 0, document, about: rows.into_iter().next() }]);
        }
        let part = |row: SourceRow| {
            let document = row.document.ok_or_else(|| gone_document(StoreError::Closed))?;
            Ok(Part { place: row.place, document, about: Some(row) })
        };
        rows.into_iter().map(part).collect()
    }

    /// The collection as it is, if it is there.
    async fn collection(&self, lease: &Lease) -> Result<Option<Collection>, Stop> {
        let name = lease.snapshot.collection.as_ref().ok_or_else(no_collection)?;
        Ok(self.indexing.collections.get(&lease.snapshot.owner, name).await?)
    }

    /// What cuts the texts, with the tokenizer that it needs.
    async fn chunker(
        &self,
        lease: &Lease,
        options: &Options,
    ) -> Result<(Chunker, Option<std::sync::Arc<[u8]>>), Stop> {
        let present = self.collection(lease).await?;
        let embedder = self.embedder(lease, options, present.as_ref())?;
        let kept =
            present.and_then(|present| serde_json::from_value(present.settings.chunker).ok());
        let chunker = options.chunker.clone().or(kept).unwrap_or_default();
        let tokenizer = match chunker.tokenizer {
            Some(Tokenizer::Embedder) => embedder.and_then(|embedder| embedder.tokenizer()),
            _ => None,
        };
        if tokenizer.as_ref().is_some_and(|tokenizer| tokenizer.len() > MAX_TOKENIZER) {
            let detail = "The embedder's tokenizer is too large; set `chunker.tokenizer` to \
                          `cl100k_base`.";
            return Err(Stop::Failed(Failure::permanent(FailureCode::EmbedderUnavailable, detail)));
        }
        Ok((chunker, tokenizer))
    }

    /// The embedder that makes the collection's vectors; `None` where it has none.
    fn embedder(
        &self,
        lease: &Lease,
        options: &Options,
        present: Option<&Collection>,
    ) -> Result<Option<Embedder>, Stop> {
        let has = present.map(|present| present.settings.embedder.as_ref().map(|id| &id.name));
        let wanted = match (&options.embedder, has) {
            (Some(wanted), Some(has)) if !options.force_recreate && has != Some(wanted) => {
                return Err(refused(other_embedder(lease, wanted, has)));
            }
            (Some(wanted), _) => Some(wanted.as_str()),
            (None, Some(has)) => has.map(String::as_str),
            (None, None) => self.indexing.default_embedder.as_deref(),
        };
        let Some(wanted) = wanted else { return Ok(None) };
        match self.indexing.embedders.get(wanted) {
            Some(embedder) => Ok(Some(embedder)),
            None => Err(Stop::Failed(Failure::permanent(
                FailureCode::EmbedderUnavailable,
                format!(
                    "The collection wants the embedder `{wanted}`, which this server has not; ask \
                     the operator, or make the collection anew with `force_recreate`."
                ),
            ))),
        }
    }
}

/// What a converter is given of a tokenizer, in bytes.
const MAX_TOKENIZER: usize = 20 * 1024 * 1024;

fn other_embedder(lease: &Lease, wanted: &str, has: Option<&String>) -> String {
    let name = lease.snapshot.collection.as_ref().map_or("", |name| name.as_str());
    let has = has.map_or("has no embedder".to_owned(), |has| format!("wants the embedder `{has}`"));
    format!(
        "The collection `{name}` {has}, not `{wanted}`; leave `embedder` out, or make it anew with \
         `force_recreate`."
    )
}

fn options(lease: &Lease) -> Result<Options, Stop> {
    let mut options: Options = serde_json::from_value(lease.snapshot.options.clone())
        .map_err(|error| Stop::Store(error.into()))?;
    options.password.clone_from(&lease.password);
    Ok(options)
}

fn no_collection() -> Stop {
    Stop::Store(StoreError::Damaged("a job has no collection".into()))
}

fn refused(detail: String) -> Stop {
    Stop::Failed(Failure::permanent(FailureCode::CollectionRefused, detail))
}

/// So many units of the stage are done, and so many of the job's documents.
fn advanced(done: u64, documents: Option<u64>) -> EventKind {
    EventKind::Advanced {
        done: Some(done),
        total: None,
        unit: None,
        documents,
        message: None,
        stalled: false,
    }
}

impl From<IndexError> for Stop {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::NoCollection(name) => refused(format!(
                "The collection `{name}` was deleted while the job filled it; submit the documents \
                 again to make it anew."
            )),
            error @ (IndexError::OtherEmbedder { .. }
            | IndexError::TooMany { .. }
            | IndexError::Fixed(_)
            | IndexError::Replaced(_)) => refused(error.to_string()),
            error @ (IndexError::NoEmbedder(_)
            | IndexError::WrongDimensions { .. }
            | IndexError::BadVector { .. }
            | IndexError::UnknownField { .. }) => Self::Failed(Failure::permanent(
                FailureCode::EmbedderUnavailable,
                error.to_string(),
            )),
            // Its files; another attempt may find them as they should be.
            error @ (IndexError::Unavailable(_) | IndexError::Damaged(_)) => {
                Self::Store(StoreError::File(std::io::Error::other(error.to_string())))
            }
        }
    }
}

impl From<EmbedError> for Stop {
    fn from(error: EmbedError) -> Self {
        tracing::warn!(cause = %error.cause, "an embedder did not make vectors");
        let retryable = error.is_temporary();
        let code = FailureCode::EmbedderUnavailable;
        Self::Failed(Failure { code, message: error.message, retryable })
    }
}
