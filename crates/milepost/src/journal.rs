//! The only way in which a job changes: append to the store, then announce on
//! the bus. Enters: decisions about one job. Leaves: its new snapshot, durable.
//! Never: decides anything itself, or announces what is not committed.

use std::sync::Arc;

use milepost_core::{Announcement, JobId, OwnerId, Snapshot, Status};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bus::{Bus, Subscriber};
use crate::clock::Clock;
use crate::store::{
    Appended, Decision, Deleted, Lease, NewDocument, NewJobs, NodeId, Store, StoreError, Submitted,
};

/// The write path; cheap to clone.
#[derive(Clone)]
pub struct Journal {
    store: Store,
    bus: Bus,
    clock: Clock,
}

/// The lease is not (or no longer) the current one.
#[derive(Debug, PartialEq, Eq)]
pub struct LeaseLost;

impl Journal {
    /// Joins the store to the bus. `committed` is the other end of what the
    /// store was opened with. The task ends when the store is gone.
    pub fn start(
        store: Store,
        bus: Bus,
        clock: Clock,
        mut committed: mpsc::UnboundedReceiver<Announcement>,
    ) -> (Self, JoinHandle<()>) {
        let outgoing = bus.clone();
        let announcer = tokio::spawn(async move {
            while let Some(announcement) = committed.recv().await {
                outgoing.announce(announcement);
            }
        });
        (Self { store, bus, clock }, announcer)
    }

    /// The clock that stamps the events.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Hears of every committed change from now on.
    pub fn subscribe(&self) -> Subscriber {
        self.bus.subscribe()
    }

    /// Makes the jobs of one request, all or none.
    ///
    /// # Errors
    /// Where the store fails; then nothing is stored.
    pub async fn submit(&self, new: NewJobs) -> Result<Submitted, StoreError> {
        self.store.submit(new).await
    }

    /// Keeps a document without a job.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn add_document(&self, new: NewDocument) -> Result<(), StoreError> {
        self.store.add_document(new).await
    }

    /// Shows the job to `decide` and stores what it decides, as one.
    ///
    /// # Errors
    /// Where the store fails; then nothing is stored.
    pub async fn append<R: Send + 'static>(
        &self,
        job: JobId,
        decide: impl FnOnce(&Snapshot) -> Result<Decision, R> + Send + 'static,
    ) -> Result<Appended<R>, StoreError> {
        self.store.append(job, self.clock.now(), decide).await
    }

    /// Records work that was done under `lease`, if that is still the current
    /// one.
    ///
    /// # Errors
    /// Where the store fails; then nothing is stored.
    pub async fn report(
        &self,
        lease: &Lease,
        decision: Decision,
    ) -> Result<Result<Arc<Snapshot>, LeaseLost>, StoreError> {
        let fence = lease.snapshot.fence;
        let appended = self
            .append(lease.snapshot.id, move |job| {
                let held = job.status == Status::Running && job.fence == fence;
                if held { Ok(decision) } else { Err(LeaseLost) }
            })
            .await?;
        Ok(match appended {
            Appended::Done(snapshot) => Ok(snapshot),
            Appended::Refused(LeaseLost) | Appended::NotFound => Err(LeaseLost),
        })
    }

    /// Completes the job under `lease` with the result of an earlier one that `key`
    /// names. `None` where there is none, or the lease is lost.
    ///
    /// # Errors
    /// Where the store fails; then nothing is stored.
    pub async fn reuse(
        &self,
        lease: &Lease,
        key: String,
    ) -> Result<Option<Arc<Snapshot>>, StoreError> {
        let (job, fence) = (lease.snapshot.id, lease.snapshot.fence);
        self.store.reuse(job, fence, key, self.clock.now()).await
    }

    /// Leases the queue's next jobs, each with a `started` event.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn claim(
        &self,
        node: NodeId,
        lease: std::time::Duration,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        let now = self.clock.now();
        self.store.claim(node, now, now.plus(lease), limit).await
    }

    /// Makes every token of a job void where `allow` lets it. Returns the new epoch.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn revoke_tokens<R: Send + 'static>(
        &self,
        job: JobId,
        allow: impl FnOnce(&OwnerId) -> Result<(), R> + Send + 'static,
    ) -> Result<Option<Result<u64, R>>, StoreError> {
        self.store.revoke_tokens(job, allow).await
    }

    /// Removes a job where `allow` lets it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn delete<R: Send + 'static>(
        &self,
        job: JobId,
        allow: impl FnOnce(&Snapshot) -> Result<(), R> + Send + 'static,
    ) -> Result<Deleted<R>, StoreError> {
        self.store.delete_job(job, allow).await
    }
}
