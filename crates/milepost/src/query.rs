//! What is read and never written: jobs, logs, pages, results, documents, collections,
//! counts. Enters: who asks for what. Leaves: only what that caller may see;
//! anything else is as if it did not exist.

mod collections;
mod search;

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use milepost_core::{
    Batch, BatchId, Caller, Denied, DocumentId, Event, JobId, OwnerId, Scope, Seq, Snapshot,
    Timestamp,
};
use milepost_index::IndexError;
use uuid::Uuid;

pub use search::{Answer, SearchError, Wanted};

use search::Searching;

use crate::config::IndexConfig;
use crate::index::Indexing;
use crate::store::{
    Blobs, Content, DocumentRow, Ended, FinishedRow, JobFilter, KeyRow, NamedDocument, Names,
    PageRow, RecentEnds, Store, StoreError, TextRow, Usage,
};

/// Why something is not read.
#[derive(Debug)]
pub enum QueryError {
    /// It is not there, or the caller may not do that with it; and what it is.
    Denied(Denied, &'static str),
    /// The store failed.
    Store(StoreError),
    /// The index refused it, or failed.
    Index(IndexError),
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a client may name.
pub struct Engines {
    /// What makes vectors.
    pub embedders: Vec<String>,
    /// The one of collections that name none.
    pub embedder: Option<String>,
    /// What orders hits anew.
    pub rerankers: Vec<String>,
    /// The one that does where that is asked for.
    pub reranker: Option<String>,
}

fn hidden(what: &'static str) -> QueryError {
    QueryError::Denied(Denied::Hidden, what)
}

fn denied(what: &'static str) -> impl FnOnce(Denied) -> QueryError {
    move |denied| QueryError::Denied(denied, what)
}

/// Reads for callers; cheap to clone.
#[derive(Clone)]
pub struct Query {
    store: Store,
    blobs: Blobs,
    indexing: Indexing,
    searching: Searching,
}

impl Query {
    /// Reads from `store`, content from `blobs`, collections from `indexing`.
    pub fn new(store: Store, blobs: Blobs, indexing: Indexing, limits: &IndexConfig) -> Self {
        Self { store, blobs, indexing, searching: Searching::new(limits) }
    }

    /// The names of what makes vectors and of what orders hits anew, and of each the one
    /// that is taken where nobody names one.
    pub fn engines(&self) -> Engines {
        Engines {
            embedders: self.indexing.embedders.names(),
            embedder: self.indexing.default_embedder.as_deref().map(str::to_owned),
            rerankers: self.indexing.rerankers.names(),
            reranker: self.indexing.default_reranker.as_deref().map(str::to_owned),
        }
    }

    /// A job that the caller may read.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn job(&self, caller: &Caller, job: JobId) -> Result<Snapshot, QueryError> {
        self.job_for(caller, Scope::Read, job).await
    }

    /// A job with which the caller may do `scope`.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn job_for(
        &self,
        caller: &Caller,
        scope: Scope,
        job: JobId,
    ) -> Result<Snapshot, QueryError> {
        let (snapshot, _) = self.store.snapshot(job).await?.ok_or_else(|| hidden("job"))?;
        caller.check(scope, &snapshot.owner, Some(job)).map_err(denied("job"))?;
        Ok(snapshot)
    }

    /// The epoch of a job's tokens that are not void; of a job that is gone, any.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn token_epoch(&self, job: JobId) -> Result<u64, StoreError> {
        Ok(self.store.token_ground(job).await?.map_or(0, |ground| ground.epoch))
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn jobs(&self, filter: JobFilter) -> Result<Vec<(Snapshot, u64)>, StoreError> {
        self.store.list(filter).await
    }

    /// Whose a batch is that the caller may read.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn batch_owner(
        &self,
        caller: &Caller,
        batch: BatchId,
    ) -> Result<OwnerId, QueryError> {
        let owner = self.store.batch_owner(batch).await?.ok_or_else(|| hidden("batch"))?;
        caller.check(Scope::Read, &owner, None).map_err(denied("batch"))?;
        Ok(owner)
    }

    /// Several jobs as one.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn batch(&self, caller: &Caller, batch: BatchId) -> Result<Batch, QueryError> {
        let owner = self.batch_owner(caller, batch).await?;
        let found = self.store.batch(owner, batch).await?;
        found.ok_or_else(|| hidden("batch"))
    }

    /// An owner's batches, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn batches(
        &self,
        owner: OwnerId,
        before: Option<BatchId>,
        limit: u32,
    ) -> Result<Vec<Batch>, StoreError> {
        self.store.batches(owner, before, limit).await
    }

    /// A job's log behind `after`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn events(
        &self,
        job: JobId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        self.store.events(job, after, limit).await
    }

    /// A job's finished pages behind `after`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn pages(
        &self,
        job: JobId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<PageRow>, StoreError> {
        self.store.pages(job, after, limit).await
    }

    /// One page, or the whole (page 0), in one format.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn text(
        &self,
        job: JobId,
        page: u32,
        format: &str,
    ) -> Result<Option<TextRow>, StoreError> {
        self.store.text(job, page, format.to_owned()).await
    }

    /// A part of some content as a stream.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn open(
        &self,
        content: &Content,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        self.blobs.open(content, range).await
    }

    /// A document that the caller may read.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn document(
        &self,
        caller: &Caller,
        document: DocumentId,
    ) -> Result<DocumentRow, QueryError> {
        let row = self.store.document(document).await?.ok_or_else(|| hidden("document"))?;
        caller.check(Scope::Read, &row.owner, None).map_err(denied("document"))?;
        Ok(row)
    }

    /// API keys, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn keys(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<KeyRow>, StoreError> {
        self.store.keys(before, limit).await
    }

    /// Documents, newest first; with a `text`, those with it in the file's name.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn documents(
        &self,
        owner: OwnerId,
        text: Option<String>,
        before: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<DocumentRow>, StoreError> {
        self.store.documents(owner, text, before, limit).await
    }

    /// An owner's documents by name, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn named_documents(
        &self,
        owner: OwnerId,
        names: Names,
        limit: u32,
    ) -> Result<Vec<NamedDocument>, StoreError> {
        self.store.named_documents(owner, names, limit).await
    }

    /// How many of the owner's jobs have each status.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn count_by_status(&self, owner: OwnerId) -> Result<Vec<(String, u64)>, StoreError> {
        self.store.count_by_status(owner).await
    }

    /// Counts over the owner's jobs that ended since `since`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn finished_since(
        &self,
        owner: OwnerId,
        since: Timestamp,
    ) -> Result<Vec<FinishedRow>, StoreError> {
        self.store.finished_since(owner, since).await
    }

    /// How many of an owner's jobs ended in the time before `now`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn ended(&self, owner: OwnerId, now: Timestamp) -> Result<Ended, StoreError> {
        self.store.ended(owner, now).await
    }

    /// How the last of the owner's jobs ended, `most` at most.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn recent_ends(&self, owner: OwnerId, most: u32) -> Result<RecentEnds, StoreError> {
        self.store.recent_ends(owner, most).await
    }

    /// What the owner uses.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn usage(&self, owner: OwnerId) -> Result<Usage, StoreError> {
        self.store.usage(owner).await
    }

    /// The position of the last change in the store.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn position(&self) -> Result<u64, StoreError> {
        self.store.position().await
    }

    /// How many jobs wait and run, of all owners.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn load(&self) -> Result<(u64, u64), StoreError> {
        self.store.load().await
    }
}
