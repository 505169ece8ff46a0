//! The node's converters and the jobs on them. Enters: leases from the queue.
//! Leaves: finished attempts. Never: runs more at a time than there are slots,
//! or shares a converter between owners.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use milepost_core::{Change, JobId, OwnerId, Snapshot, Status};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::converter::{Converter, Start};
use super::fetch::Slot;
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
    slot_count: usize,
    lease: Duration,
    grace: Duration,
    shared: Arc<Shared>,
}

type Running = BTreeMap<(JobId, u64), CancellationToken>;

#[derive(Default)]
struct Shared {
    idle: Mutex<Vec<Converter>>,
    /// What is being worked on, by job and fence: the job of an attempt that was
    /// revoked a moment ago may be leased again before that one has ended.
    running: Mutex<Running>,
    wake: Notify,
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
        let runner = self.runner.clone();
        let recycle_after = self.runner.config.recycle_after;
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
            let mut converter = shared.take(&lease.snapshot.owner, &runner.start);
            let outcome = match &mut converter {
                Err(error) => {
                    tracing::error!(%error, "a converter could not be started");
                    Outcome::Broken(crate::store::StoreError::Closed)
                }
                Ok(converter) => {
                    let mut fresh = converter.jobs == 0;
                    let (outcome, reusable) = loop {
                        let run = runner.run(&lease, converter, &revoked, &draining);
                        let ended = tokio::select! {
                            biased;
                            ended = run => ended,
                            () = killed.cancelled() => (Outcome::GivenBack, false),
                        };
                        // Lost before it said a word: it may have been so while
                        // it waited. Only a fresh one's end is the document's.
                        let unheard = !converter.reported && matches!(ended.0, Outcome::Failed(_));
                        if fresh || !unheard {
                            break ended;
                        }
                        let Ok(new) = (runner.start)() else { break ended };
                        fresh = true;
                        let owner = converter.owner.take();
                        std::mem::replace(converter, new).bury().await;
                        converter.owner = owner;
                    };
                    if !reusable {
                        converter.jobs = u32::MAX;
                    }
                    outcome
                }
            };
            shared.running().remove(&(job, fence));
            if let Ok(converter) = converter {
                if converter.jobs < recycle_after && !draining.is_cancelled() {
                    shared.idle().push(converter);
                } else {
                    let ended = converter.bury().await;
                    tracing::info!(%job, %ended, "a converter was replaced");
                    if !draining.is_cancelled()
                        && let Ok(fresh) = (runner.start)()
                    {
                        shared.idle().push(fresh);
                    }
                }
            }
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
        Outcome::Completed | Outcome::Revoked => Ok(()),
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

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Converter>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, snapshot: &Snapshot) {
        if snapshot.status == Status::Queued {
            self.wake.notify_one();
        }
        let attempts = (snapshot.id, 0)..=(snapshot.id, snapshot.fence);
        for ((_, fence), revoked) in self.running().range(attempts) {
            let current = snapshot.fence == *fence;
            let held = current && snapshot.status == Status::Running;
            // Our own reports end the status too; the job's task has then returned
            // already or is about to.
            let done = current && snapshot.status == Status::Completed;
            if !held && !done {
                revoked.cancel();
            }
        }
    }

    /// A converter that has seen nobody else's documents.
    fn take(&self, owner: &OwnerId, start: &Start) -> std::io::Result<Converter> {
        let found = {
            let mut idle = self.idle();
            idle.retain_mut(Converter::is_alive);
            let mine = idle.iter().position(|c| c.owner.as_ref().is_none_or(|seen| seen == owner));
            match mine {
                Some(index) => Some(idle.swap_remove(index)),
                None => {
                    // Somebody else's makes room.
                    idle.pop();
                    None
                }
            }
        };
        let mut converter = found.map_or_else(|| start(), Ok)?;
        converter.owner = Some(owner.clone());
        Ok(converter)
    }
}

#[cfg(test)]
mod tests {
    use milepost_core::{Event, EventKind, Pipeline, Plan, Submitted, Timestamp};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_order_ends_the_attempt_that_it_is_about() {
        let job = JobId::new(Uuid::from_u128(1));
        let at = Timestamp::from_micros(0);
        let submitted = EventKind::Submitted(Box::new(Submitted {
            owner: OwnerId::local(),
            pipeline: Pipeline::Convert,
            plan: Plan::new([("converting", 1)]),
            document: None,
            options: serde_json::json!({}),
            metadata: None,
            batch: None,
            priority: 0,
            max_attempts: 1,
            hold: false,
            force: false,
            collection: None,
            documents: None,
        }));
        let event = |state: Option<&Snapshot>, kind| {
            let seq = state.map_or(milepost_core::Seq(1), |state| state.seq.next());
            Event { seq, at, kind }
        };
        let mut state = Snapshot::begin(job, &event(None, submitted)).unwrap();
        let started = || EventKind::Started { worker: String::new() };
        let retried = EventKind::Retried { max_attempts: 2, again: Vec::new() };
        let shared = Shared::default();
        let tokens = [1, 2].map(|fence| {
            let token = CancellationToken::new();
            shared.running().insert((job, fence), token.clone());
            token
        });
        // Leased again before anybody heard of the cancellation.
        for kind in [started(), EventKind::Cancelled, retried, started()] {
            state.apply(&event(Some(&state), kind)).unwrap();
            shared.heard(&state);
        }
        assert_eq!(tokens.map(|token| token.is_cancelled()), [true, false]);
    }
}
