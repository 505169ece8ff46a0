//! The node's converters and the jobs on them. Enters: leases from the queue.
//! Leaves: finished attempts. Never: runs more at a time than there are slots,
//! or shares a converter between owners.

use std::sync::Arc;
use std::time::Duration;

use milepost_core::{Change, Pipeline};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::crew::Shared;
use super::fetch::Slot;
use super::places::Places;
use super::run::{Outcome, Runner};
use crate::bus::Lagged;
use crate::queue::{Loss, Queue};
use crate::store::Lease;

/// The longest time between two looks at the queue, for what no announcement
/// told of.
const LOOK: Duration = Duration::from_secs(5);
/// How long a slot rests after the server itself failed a job.
const REST: Duration = Duration::from_secs(1);

/// Runs jobs until it is told to stop.
pub struct Pool {
    queue: Queue,
    runner: Runner,
    slots: Arc<Semaphore>,
    /// Downloads that take no slot from a conversion.
    fetches: Arc<Semaphore>,
    /// Jobs that are past their converter.
    places: Arc<Places>,
    slot_count: usize,
    lease: Duration,
    grace: Duration,
    shared: Arc<Shared>,
}

impl Pool {
    /// A pool of `slots` converters; `fetches` documents are fetched beside them.
    pub fn new(
        queue: Queue,
        runner: Runner,
        slots: usize,
        fetches: usize,
        lease: Duration,
        grace: Duration,
    ) -> Self {
        Self {
            queue,
            runner,
            slots: Arc::new(Semaphore::new(slots)),
            fetches: Arc::new(Semaphore::new(fetches)),
            places: Arc::default(),
            slot_count: slots,
            lease,
            grace,
            shared: Arc::default(),
        }
    }

    /// Works until `draining`; then gives running jobs back at the end of their
    /// page, or after the grace period wherever they are.
    pub async fn run(self, draining: CancellationToken) {
        let killed = CancellationToken::new();
        let listener = tokio::spawn(self.listen());
        let keeper = tokio::spawn(self.keep_leases());
        self.warm();
        let mut jobs = JoinSet::new();
        while !draining.is_cancelled() {
            // Taken before the claim: a document that was fetched meanwhile may
            // want the slot as well.
            let free = || self.slots.clone().try_acquire_owned().ok();
            let permits: Vec<_> = std::iter::from_fn(free).collect();
            let claimed = match permits.len() {
                0 => Vec::new(),
                free => self.queue.claim(free).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "the queue could not be read");
                    Vec::new()
                }),
            };
            let idle = claimed.is_empty();
            for (lease, permit) in claimed.into_iter().zip(permits) {
                let one = self.one(lease, permit, draining.clone(), killed.clone());
                jobs.spawn(one);
            }
            if idle {
                self.wait(&draining).await;
            }
            while jobs.try_join_next().is_some() {}
        }
        let finish = async { while jobs.join_next().await.is_some() {} };
        if tokio::time::timeout(self.grace, finish).await.is_err() {
            killed.cancel();
            while jobs.join_next().await.is_some() {}
        }
        keeper.abort();
        listener.abort();
    }

    /// Until there may be something to claim.
    async fn wait(&self, draining: &CancellationToken) {
        let due = match self.queue.next_due_in().await {
            Ok(Some(due)) => due.min(LOOK),
            _ => LOOK,
        };
        tokio::select! {
            biased;
            () = self.shared.wake.notified() => {}
            () = tokio::time::sleep(due) => {}
            () = draining.cancelled() => {}
        }
    }

    /// Starts the processes ahead of the first documents.
    fn warm(&self) {
        let mut idle = self.shared.idle();
        for _ in 0..self.slot_count {
            match (self.runner.start)() {
                Ok(converter) => idle.push(converter),
                Err(error) => tracing::error!(%error, "a converter could not be started"),
            }
        }
    }

    /// Wakes the pool for queued jobs and revokes leases that are no longer the
    /// current ones.
    fn listen(&self) -> impl Future<Output = ()> + Send + 'static {
        let (shared, store) = (self.shared.clone(), self.runner.store.clone());
        let mut bus = self.runner.journal.subscribe();
        async move {
            while let Some(heard) = bus.next().await {
                match heard.map(|announcement| announcement.change) {
                    Ok(Change::Reached(snapshot)) => shared.heard(&snapshot),
                    Ok(Change::Removed { .. } | Change::Revoked { .. }) => {}
                    Err(Lagged) => {
                        let running: Vec<_> = shared.running().keys().copied().collect();
                        for (job, _) in running {
                            if let Ok(Some((snapshot, _))) = store.snapshot(job).await {
                                shared.heard(&snapshot);
                            }
                        }
                        shared.wake.notify_one();
                    }
                }
            }
        }
    }

    /// Keeps this node's leases, and takes up what other nodes lost.
    fn keep_leases(&self) -> impl Future<Output = ()> + Send + 'static {
        let (queue, lease, shared) = (self.queue.clone(), self.lease, self.shared.clone());
        async move {
            let mut tick = tokio::time::interval(lease / 3);
            loop {
                tick.tick().await;
                let held = shared.running().keys().map(|(job, _)| *job).collect();
                if let Err(error) = queue.extend(held).await {
                    tracing::error!(%error, "leases could not be extended");
                }
                match queue.rescue(false).await {
                    Ok(0) => {}
                    Ok(_) => shared.wake.notify_one(),
                    Err(error) => tracing::error!(%error, "lost jobs could not be rescued"),
                }
            }
        }
    }

    fn one(
        &self,
        lease: Lease,
        permit: OwnedSemaphorePermit,
        draining: CancellationToken,
        killed: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (shared, queue) = (self.shared.clone(), self.queue.clone());
        let (slots, fetches) = (self.slots.clone(), self.fetches.clone());
        let places = self.places.clone();
        let runner = self.runner.clone();
        let revoked = CancellationToken::new();
        let (job, fence) = (lease.snapshot.id, lease.snapshot.fence);
        shared.running().insert((job, fence), revoked.clone());
        async move {
            // An order that came between the claim and the line above was heard
            // by nobody.
            if let Ok(Some((snapshot, _))) = runner.store.snapshot(job).await {
                shared.heard(&snapshot);
            }
            let mut slot = Slot { permit: Some(permit), slots, fetches };
            let fetched = tokio::select! {
                biased;
                () = revoked.cancelled() => Err(Outcome::Revoked),
                // What has come so far is of no use to the next start.
                () = draining.cancelled(), if lease.snapshot.fetches() => Err(Outcome::GivenBack),
                fetched = slot.fetch(&runner, &lease, &shared.wake) => fetched,
            };
            let lease = match fetched {
                Ok(lease) => lease,
                Err(outcome) => {
                    shared.running().remove(&(job, fence));
                    end(&queue, &lease, outcome).await;
                    drop(slot);
                    shared.wake.notify_one();
                    return;
                }
            };
            let prepared = lease.snapshot.pipeline == Pipeline::Ingest
                && runner.is_prepared(&lease).await.unwrap_or(false);
            let mut outcome = match prepared {
                true => Outcome::Prepared,
                // Boxed, as many may wait behind it.
                false => {
                    Box::pin(shared.convert(&runner, &lease, &revoked, &draining, &killed)).await
                }
            };
            if matches!(outcome, Outcome::Prepared) {
                // Before it waits for anything: an embedder that hangs keeps no converter idle.
                slot.leave(&shared.wake);
                let filled = async {
                    let need = match runner.need(&lease).await {
                        Ok(need) => need,
                        Err(outcome) => return outcome,
                    };
                    let place = tokio::select! {
                        biased;
                        () = draining.cancelled() => return Outcome::GivenBack,
                        place = places.take(need, &lease.snapshot.owner) => place,
                    };
                    let filled = Box::pin(runner.fill(&lease, &revoked, &draining)).await;
                    drop(place);
                    filled
                };
                outcome = tokio::select! {
                    biased;
                    () = revoked.cancelled() => Outcome::Revoked,
                    filled = filled => filled,
                    () = killed.cancelled() => Outcome::GivenBack,
                };
            }
            shared.running().remove(&(job, fence));
            end(&queue, &lease, outcome).await;
            drop(slot);
            shared.wake.notify_one();
        }
    }
}

/// Records how an attempt ended.
async fn end(queue: &Queue, lease: &Lease, outcome: Outcome) {
    let job = lease.snapshot.id;
    let broken = matches!(outcome, Outcome::Broken(_));
    let recorded = match outcome {
        Outcome::Completed | Outcome::Prepared | Outcome::Revoked => Ok(()),
        Outcome::Failed(failure) => queue.give_back(lease, Loss::Failed(failure)).await,
        Outcome::GivenBack => queue.give_back(lease, Loss::Abandoned).await,
        Outcome::Broken(error) => {
            tracing::error!(%job, %error, "a job met a fault of the server");
            queue.give_back(lease, Loss::Broken).await
        }
    };
    if let Err(error) = recorded {
        // Its lease runs out, and it is rescued then.
        tracing::error!(%job, %error, "the end of an attempt could not be recorded");
    }
    if broken {
        tokio::time::sleep(REST).await;
    }
}
