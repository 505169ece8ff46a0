//! Orders to a job, or to all of a batch, become events: cancel, retry, delete. They revoke whatever lease there is, so a worker that still reports is
//! refused. Never: waits for a worker.

mod collections;

use std::sync::Arc;

use milepost_core::{
    BatchId, Caller, Denied, DocumentId, EventKind, JobId, OwnerId, Scope, Snapshot, Status,
};

pub use collections::{CollectionError, Wanted};

use crate::config::QueueConfig;
use crate::index::Indexing;
use crate::journal::Journal;
use crate::store::{
    Appended, Blobs, Decision, Deleted, DocumentInUse, JobFilter, Place, Store, StoreError,
};

/// Jobs of a batch that take an order at a time; they share a commit.
const BATCH_STEP: u32 = 200;

/// Why an order was not carried out.
#[derive(Debug)]
pub enum CommandError {
    /// There is no such thing for this caller.
    NotFound,
    /// The caller sees it, and may not do that.
    Forbidden,
    /// The job's status does not allow it.
    Conflict(Box<Snapshot>),
    /// The document that a retry needs was removed.
    DocumentGone,
    /// A job over the document has not ended.
    DocumentInUse(JobId),
    /// The store failed.
    Store(StoreError),
}

impl From<Denied> for CommandError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Hidden => Self::NotFound,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Carries orders out; cheap to clone.
#[derive(Clone)]
pub struct Commands {
    journal: Journal,
    store: Store,
    blobs: Blobs,
    config: QueueConfig,
    indexing: Indexing,
}

/// Why a decision was negative, inside the transaction.
enum Refusal {
    Denied(Denied),
    Already(Box<Snapshot>),
    Status(Box<Snapshot>),
}

impl Commands {
    /// Orders go to `journal`, those to collections to `indexing`.
    pub const fn new(
        journal: Journal,
        store: Store,
        blobs: Blobs,
        indexing: Indexing,
        config: QueueConfig,
    ) -> Self {
        Self { journal, store, blobs, config, indexing }
    }

    /// Stops a job that has not ended. One that is cancelled already stays so,
    /// and that is no error.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn cancel(&self, caller: &Caller, job: JobId) -> Result<Arc<Snapshot>, CommandError> {
        self.order(caller, Scope::Cancel, job, |job| match job.status {
            Status::Cancelled => Err(Refusal::Already(Box::new(job.clone()))),
            status if status.is_terminal() => Err(Refusal::Status(Box::new(job.clone()))),
            _ => Ok(EventKind::Cancelled),
        })
        .await
    }

    /// Queues the next attempt of a job that has ended; it goes on behind the
    /// finished pages, and tries those again that are only placeholders.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn retry(&self, caller: &Caller, job: JobId) -> Result<Arc<Snapshot>, CommandError> {
        let found = self.store.snapshot(job).await?;
        let (snapshot, _) = found.ok_or(CommandError::NotFound)?;
        caller.check(Scope::Submit, &snapshot.owner, Some(job))?;
        if let Some(document) = &snapshot.document
            && self.store.document(document.id).await?.is_none()
        {
            return Err(CommandError::DocumentGone);
        }
        // Nothing changes them before the retry: the job has ended.
        let again = self.store.placeholder_pages(job).await?;
        let retries = self.config.retries;
        self.order(caller, Scope::Submit, job, move |job| {
            // A job that was cancelled before it had a document has nothing to
            // go on with.
            let has = job.document.is_some() || job.documents.is_some();
            let lacks = !has && job.needs_worker() && !job.fetches();
            if !job.status.is_terminal() || lacks {
                return Err(Refusal::Status(Box::new(job.clone())));
            }
            Ok(EventKind::Retried { max_attempts: job.attempt + 1 + retries, again })
        })
        .await
    }

    /// Stops every job of a batch that has not ended. Returns how many those were.
    ///
    /// # Errors
    /// Where the store fails; then some may have been stopped.
    pub async fn cancel_batch(&self, caller: &Caller, batch: BatchId) -> Result<u64, CommandError> {
        let owner = self.batch_owner(caller, Scope::Cancel, batch).await?;
        let status = vec![Status::Awaiting, Status::Queued, Status::Running];
        let jobs = JobFilter { batch: Some(batch), status, ..JobFilter::of(owner) };
        self.each(jobs, |job| self.cancel(caller, job)).await
    }

    /// Queues the next attempt of every job of a batch that ended as `ends` says.
    /// One whose document is gone stays as it is. Returns how many are queued.
    ///
    /// # Errors
    /// Where the store fails; then some may have been queued.
    pub async fn retry_batch(
        &self,
        caller: &Caller,
        batch: BatchId,
        ends: Vec<Status>,
    ) -> Result<u64, CommandError> {
        let owner = self.batch_owner(caller, Scope::Submit, batch).await?;
        let jobs = JobFilter { batch: Some(batch), status: ends, ..JobFilter::of(owner) };
        self.each(jobs, |job| self.retry(caller, job)).await
    }

    /// Whose a batch is, of which the caller may do that.
    async fn batch_owner(
        &self,
        caller: &Caller,
        scope: Scope,
        batch: BatchId,
    ) -> Result<OwnerId, CommandError> {
        let owner = self.store.batch_owner(batch).await?.ok_or(CommandError::NotFound)?;
        caller.check(scope, &owner, None)?;
        Ok(owner)
    }

    /// Gives an order to each job that `jobs` lets through. What is in the way of
    /// one of them is its own affair. The newest come first: while they are
    /// cancelled, no worker takes up one that is about to be.
    async fn each<F>(
        &self,
        mut jobs: JobFilter,
        order: impl Fn(JobId) -> F,
    ) -> Result<u64, CommandError>
    where
        F: Future<Output = Result<Arc<Snapshot>, CommandError>>,
    {
        jobs.limit = BATCH_STEP;
        let mut obeyed = 0;
        loop {
            let found = self.store.list(jobs.clone()).await?;
            let Some((last, _)) = found.last() else { return Ok(obeyed) };
            jobs.before = Some(last.id);
            let orders = found.iter().map(|(job, _)| order(job.id));
            for outcome in futures_util::future::join_all(orders).await {
                match outcome {
                    Ok(_) => obeyed += 1,
                    Err(CommandError::Store(error)) => return Err(error.into()),
                    Err(_) => {}
                }
            }
        }
    }

    /// Removes a job that has ended, with its log, pages and result.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn delete(&self, caller: &Caller, job: JobId) -> Result<(), CommandError> {
        let caller = caller.clone();
        let allow = move |job: &Snapshot| {
            caller.check(Scope::Cancel, &job.owner, Some(job.id)).map_err(Refusal::Denied)?;
            if job.status.is_terminal() {
                Ok(())
            } else {
                Err(Refusal::Status(Box::new(job.clone())))
            }
        };
        match self.journal.delete(job, allow).await? {
            Deleted::Done(objects) => {
                self.blobs.remove_all(&objects).await;
                Ok(())
            }
            Deleted::NotFound => Err(CommandError::NotFound),
            Deleted::Refused(Refusal::Denied(denied)) => Err(denied.into()),
            Deleted::Refused(Refusal::Status(job) | Refusal::Already(job)) => {
                Err(CommandError::Conflict(job))
            }
        }
    }

    /// Makes every token of a job void. Returns the epoch of those that are made from
    /// now on.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn revoke_tokens(&self, caller: &Caller, job: JobId) -> Result<u64, CommandError> {
        let caller = caller.clone();
        let allow = move |owner: &OwnerId| caller.check(Scope::Submit, owner, Some(job));
        let revoked = self.journal.revoke_tokens(job, allow).await?;
        Ok(revoked.ok_or(CommandError::NotFound)??)
    }

    /// Removes a document that no unfinished job needs.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn delete_document(
        &self,
        caller: &Caller,
        document: DocumentId,
    ) -> Result<(), CommandError> {
        let row = self.store.document(document).await?.ok_or(CommandError::NotFound)?;
        caller.check(Scope::Cancel, &row.owner, None)?;
        match self.store.delete_document(document).await? {
            Some(Ok(())) => {
                if let Place::Object(name) = row.content.place {
                    self.blobs.remove_all(&[name]).await;
                }
                Ok(())
            }
            Some(Err(DocumentInUse::ByJob(job))) => Err(CommandError::DocumentInUse(job)),
            None => Err(CommandError::NotFound),
        }
    }

    /// Removes all of the caller's documents of a name, or none.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn delete_named_documents(
        &self,
        caller: &Caller,
        filename: &str,
    ) -> Result<(), CommandError> {
        let (owner, filename) = (caller.owner.clone(), filename.to_owned());
        match self.store.delete_named_documents(owner, filename).await? {
            Some(Ok(objects)) => {
                self.blobs.remove_all(&objects).await;
                Ok(())
            }
            Some(Err(DocumentInUse::ByJob(job))) => Err(CommandError::DocumentInUse(job)),
            None => Err(CommandError::NotFound),
        }
    }

    async fn order(
        &self,
        caller: &Caller,
        scope: Scope,
        job: JobId,
        decide: impl FnOnce(&Snapshot) -> Result<EventKind, Refusal> + Send + 'static,
    ) -> Result<Arc<Snapshot>, CommandError> {
        let caller = caller.clone();
        let appended = self
            .journal
            .append(job, move |job| {
                caller.check(scope, &job.owner, Some(job.id)).map_err(Refusal::Denied)?;
                decide(job).map(Decision::event)
            })
            .await?;
        match appended {
            Appended::Done(snapshot) => Ok(snapshot),
            Appended::Refused(Refusal::Already(snapshot)) => Ok(Arc::new(*snapshot)),
            Appended::Refused(Refusal::Status(snapshot)) => Err(CommandError::Conflict(snapshot)),
            Appended::Refused(Refusal::Denied(denied)) => Err(denied.into()),
            Appended::NotFound => Err(CommandError::NotFound),
        }
    }
}
