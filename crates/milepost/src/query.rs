//! What is read and never written: jobs, logs, pages, results, documents,
//! counts. Enters: who asks for what. Leaves: only what that owner may see;
//! anything else is as if it did not exist.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use milepost_core::{Batch, BatchId, DocumentId, Event, JobId, OwnerId, Seq, Snapshot, Timestamp};

use crate::store::{
    Blobs, Content, DocumentRow, FinishedRow, JobFilter, PageRow, Store, StoreError, TextRow, Usage,
};

/// Reads for owners; cheap to clone.
#[derive(Clone)]
pub struct Query {
    store: Store,
    blobs: Blobs,
}

impl Query {
    /// Reads from `store`, and content from `blobs`.
    pub const fn new(store: Store, blobs: Blobs) -> Self {
        Self { store, blobs }
    }

    /// A job with the position of its last change.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn job(
        &self,
        owner: &OwnerId,
        job: JobId,
    ) -> Result<Option<(Snapshot, u64)>, StoreError> {
        let found = self.store.snapshot(job).await?;
        Ok(found.filter(|(snapshot, _)| snapshot.owner == *owner))
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn jobs(&self, filter: JobFilter) -> Result<Vec<(Snapshot, u64)>, StoreError> {
        self.store.list(filter).await
    }

    /// Several jobs as one.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn batch(&self, owner: OwnerId, batch: BatchId) -> Result<Option<Batch>, StoreError> {
        self.store.batch(owner, batch).await
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

    /// A document.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn document(
        &self,
        owner: &OwnerId,
        document: DocumentId,
    ) -> Result<Option<DocumentRow>, StoreError> {
        let found = self.store.document(document).await?;
        Ok(found.filter(|row| row.owner == *owner))
    }

    /// Documents, newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn documents(
        &self,
        owner: OwnerId,
        before: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<DocumentRow>, StoreError> {
        self.store.documents(owner, before, limit).await
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
