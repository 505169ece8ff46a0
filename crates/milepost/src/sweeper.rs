//! Removes what nobody needs any more: jobs behind their retention, old
//! idempotency keys, sessions that are over, subscriptions whose credential has ended, documents and objects
//! that nothing names. Enters: the clock. Leaves: deletions through the journal. Never:
//! touches what is younger than its retention, or an object that may be on its way in.

use std::time::Duration;

use futures_util::StreamExt;
use milepost_core::{JobId, Snapshot, Timestamp};
use milepost_index::{Index as _, IndexError};

use crate::index::Indexing;
use crate::journal::Journal;
use crate::queue::Queue;
use crate::store::{Blobs, Deleted, Store, StoreError};

/// The longest time between two rounds; a short retention is kept more closely.
const EVERY: Duration = Duration::from_secs(60);
/// Rounds between two looks at all objects.
const OBJECTS_EVERY: u32 = 60;
/// How long an idempotency key is kept.
const KEYS: Duration = Duration::from_secs(24 * 3600);
/// How long the build of a job that has ended is kept.
const BUILDS: Duration = Duration::from_secs(24 * 3600);
/// An upload takes less than this.
const OBJECT_AGE: Duration = Duration::from_secs(24 * 3600);

/// What the sweeper works on.
pub struct Sweeper {
    /// Deletes jobs.
    pub journal: Journal,
    /// Gives up jobs that wait for too long.
    pub queue: Queue,
    /// Knows what is old.
    pub store: Store,
    /// Holds the objects.
    pub blobs: Blobs,
    /// Holds what jobs have staged.
    pub indexing: Indexing,
    /// How long finished jobs are kept.
    pub retention: Duration,
}

impl Sweeper {
    /// Sweeps until it is dropped.
    pub async fn run(self) {
        let every = self.retention.clamp(Duration::from_secs(1), EVERY);
        let mut tick = tokio::time::interval(every);
        for round in (0..OBJECTS_EVERY).cycle() {
            tick.tick().await;
            if let Err(error) = self.round().await {
                tracing::error!(%error, "sweeping failed");
            }
            if round == 0
                && let Err(error) = self.objects().await
            {
                tracing::error!(%error, "sweeping objects failed");
            }
        }
    }

    async fn round(&self) -> Result<(), StoreError> {
        self.queue.expire_waiting().await?;
        self.queue.note_silence().await?;
        self.store.forget_keys(self.before(KEYS)).await?;
        let now = self.journal.clock().now();
        self.store.forget_sessions(now).await?;
        self.store.forget_subscriptions(now, false).await?;
        let limit = self.before(self.retention);
        loop {
            let old = self.store.finished_before(limit).await?;
            for job in &old {
                let still_ended =
                    |job: &Snapshot| if job.status.is_terminal() { Ok(()) } else { Err(()) };
                if let Deleted::Done(objects) = self.journal.delete(*job, still_ended).await? {
                    self.blobs.remove_all(&objects).await;
                }
            }
            if old.is_empty() {
                break;
            }
        }
        if let Err(error) = self.builds().await {
            tracing::error!(%error, "builds could not be swept");
        }
        let objects = self.store.delete_unused_documents(limit).await?;
        self.blobs.remove_all(&objects).await;
        Ok(())
    }

    /// Drops what is staged for jobs that are gone, or have ended for so long that nobody is
    /// likely to retry them.
    async fn builds(&self) -> Result<(), IndexError> {
        let before = self.before(BUILDS);
        for token in self.indexing.collections.tokens().await? {
            let wanted = match self.store.snapshot(JobId::new(token)).await {
                Ok(Some((job, _))) => job.finished_at.is_none_or(|at| at >= before),
                Ok(None) => false,
                Err(error) => {
                    tracing::error!(%error, "a job of a build could not be read");
                    true
                }
            };
            if !wanted {
                self.indexing.collections.abandon(token).await?;
            }
        }
        Ok(())
    }

    async fn objects(&self) -> Result<(), StoreError> {
        let mut objects = self.blobs.older_than(OBJECT_AGE);
        while let Some(name) = objects.next().await {
            let name = name?;
            if !self.store.names_object(name.clone()).await? {
                self.blobs.remove(&name).await?;
            }
        }
        Ok(())
    }

    fn before(&self, age: Duration) -> Timestamp {
        let now = self.journal.clock().now();
        Timestamp::from_micros(now.as_micros() - age.as_micros() as i64)
    }
}
