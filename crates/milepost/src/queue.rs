//! Which job runs next and what becomes of one that stopped early. Enters: the
//! state of the queue, ends of attempts. Leaves: leases, and the event that an
//! early end becomes. Policy only; never touches a document or a process.

use std::time::Duration;

use milepost_core::{EventKind, Failure, FailureCode, JobId, Snapshot, Status, Timestamp};

use crate::config::QueueConfig;
use crate::journal::Journal;
use crate::store::{Appended, Decision, Lease, NodeId, Store, StoreError};

/// Losses of any kind after which a job is given up.
const MAX_LOSSES: u32 = 20;
/// A job that nobody leases is shown as stalled after so long without a report.
const STALLED: Duration = Duration::from_secs(300);

/// The queue as one node sees it.
#[derive(Clone)]
pub struct Queue {
    journal: Journal,
    store: Store,
    node: NodeId,
    config: QueueConfig,
}

/// How an attempt ended without a result.
#[derive(Debug)]
pub enum Loss {
    /// The work itself failed.
    Failed(Failure),
    /// The worker went away; it is not the job's fault.
    Abandoned,
    /// The server could not read or store what it needed; not the job's fault
    /// either, but likely to happen again at once.
    Broken,
}

impl Queue {
    /// The queue in `store`, worked on by `node`.
    pub const fn new(journal: Journal, store: Store, node: NodeId, config: QueueConfig) -> Self {
        Self { journal, store, node, config }
    }

    /// Leases up to `limit` jobs, the next ones in order.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn claim(&self, limit: usize) -> Result<Vec<Lease>, StoreError> {
        self.journal.claim(self.node.clone(), self.config.lease, limit).await
    }

    /// Keeps this node's leases on `jobs` for another term.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn extend(&self, jobs: Vec<JobId>) -> Result<(), StoreError> {
        let until = self.journal.clock().now().plus(self.config.lease);
        self.store.extend_leases(self.node.clone(), jobs, until).await
    }

    /// How long until a job that waits for its time is due.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn next_due_in(&self) -> Result<Option<Duration>, StoreError> {
        let now = self.journal.clock().now();
        let due = self.store.next_due(now).await?;
        Ok(due.map(|due| Duration::from_secs_f64(due.seconds_since(now).max(0.0))))
    }

    /// Ends the attempt under `lease` early: the next one is queued, or the job
    /// has failed. Says nothing where the lease was lost meanwhile.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn give_back(&self, lease: &Lease, loss: Loss) -> Result<(), StoreError> {
        let fence = lease.snapshot.fence;
        let now = self.journal.clock().now();
        let _ = self
            .journal
            .append(lease.snapshot.id, move |job| {
                let held = job.status == Status::Running && job.fence == fence;
                if held { Ok(Decision::event(after_loss(job, loss, now))) } else { Err(()) }
            })
            .await?;
        Ok(())
    }

    /// Queues every job again whose lease ran out, or, with `all`, every running
    /// job: at its start a single server knows that nobody else works.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn rescue(&self, all: bool) -> Result<usize, StoreError> {
        let now = self.journal.clock().now();
        let limit = if all { Timestamp::from_micros(i64::MAX) } else { now };
        let expired = self.store.expired(limit).await?;
        let attempts = expired.into_iter().map(|job| async move {
            match self.rescue_one(job, now).await {
                Ok(Appended::Done(_)) => 1,
                Ok(Appended::Refused(()) | Appended::NotFound) => 0,
                // One damaged job must not keep all others from going on.
                Err(error) => {
                    tracing::error!(%job, %error, "a lost job could not be queued again");
                    0
                }
            }
        });
        Ok(futures_util::future::join_all(attempts).await.into_iter().sum())
    }

    /// Fails jobs that have waited for longer than is allowed.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn expire_waiting(&self) -> Result<(), StoreError> {
        let before = self.before(self.config.max_wait);
        for job in self.store.waiting_since(before).await? {
            let failure = Failure::retryable(
                FailureCode::QueueTimeout,
                "The job waited for too long, for a worker or for its confirmation, and was given \
                 up; retry it.",
            );
            let _ = self
                .journal
                .append(job, move |job| {
                    let waits = matches!(job.status, Status::Awaiting | Status::Queued)
                        && job.updated_at < before;
                    if waits { Ok(Decision::event(EventKind::Failed { failure })) } else { Err(()) }
                })
                .await?;
        }
        Ok(())
    }

    /// Marks jobs that are worked on outside and were not heard of for a while;
    /// fails those that stay silent for as long as a job may wait.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn note_silence(&self) -> Result<(), StoreError> {
        let stalled = EventKind::Advanced {
            done: None,
            total: None,
            unit: None,
            message: Some(format!(
                "Nothing was reported for {} minutes; the worker may be gone",
                STALLED.as_secs() / 60
            )),
            stalled: true,
            documents: None,
        };
        let failed = EventKind::Failed {
            failure: Failure::retryable(
                FailureCode::WorkerFailed,
                "The worker was not heard of for too long, and the job was given up; retry it.",
            ),
        };
        let rounds = [(STALLED, false, stalled), (self.config.max_wait, true, failed)];
        for (silence, marked, event) in rounds {
            let before = self.before(silence);
            for job in self.store.unheard(before, marked).await? {
                let event = event.clone();
                let _ = self
                    .journal
                    .append(job, move |job| {
                        let silent = job.status == Status::Running
                            && job.updated_at < before
                            && job.stalled == marked;
                        if silent { Ok(Decision::event(event)) } else { Err(()) }
                    })
                    .await?;
            }
        }
        Ok(())
    }

    fn before(&self, age: Duration) -> Timestamp {
        let now = self.journal.clock().now();
        Timestamp::from_micros(now.as_micros() - age.as_micros() as i64)
    }

    async fn rescue_one(&self, job: JobId, now: Timestamp) -> Result<Appended<()>, StoreError> {
        self.journal
            .append(job, move |job| {
                let running = job.status == Status::Running;
                let event = || Decision::event(after_loss(job, Loss::Abandoned, now));
                if running { Ok(event()) } else { Err(()) }
            })
            .await
    }
}

/// The event that an early end becomes. Pure, so that the whole retry policy can
/// be read here.
fn after_loss(job: &Snapshot, loss: Loss, now: Timestamp) -> EventKind {
    if job.losses + 1 >= MAX_LOSSES {
        let message = format!(
            "The job was begun {MAX_LOSSES} times and lost each time; retry it once the cause is found."
        );
        return EventKind::Failed {
            failure: Failure::permanent(FailureCode::LostTooOften, message),
        };
    }
    match loss {
        Loss::Abandoned => EventKind::Requeued { failure: None, counted: false, not_before: now },
        Loss::Broken => {
            let not_before = now.plus(backoff(job.losses));
            EventKind::Requeued { failure: None, counted: false, not_before }
        }
        Loss::Failed(failure) if failure.retryable && job.attempt < job.max_attempts => {
            let not_before = now.plus(backoff(job.losses));
            EventKind::Requeued { failure: Some(failure), counted: true, not_before }
        }
        Loss::Failed(failure) => EventKind::Failed { failure },
    }
}

/// 1 s, doubling to 30 s, less up to a fifth at random so that jobs that failed
/// together do not come back together.
fn backoff(losses: u32) -> Duration {
    let whole = Duration::from_secs(1 << losses.min(5)).min(Duration::from_secs(30));
    whole.mul_f64(1.0 - 0.2 * fastrand::f64())
}
