//! The node's idle converters, and what is being worked on. Enters: leases that are to be
//! converted, news of jobs. Leaves: ends of conversions, attempts that are stopped. Never:
//! shares a converter between owners.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use milepost_core::{JobId, OwnerId, Snapshot, Status};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::converter::{Converter, Start};
use super::run::{Outcome, Runner};
use crate::store::{Lease, StoreError};

pub(super) type Running = BTreeMap<(JobId, u64), CancellationToken>;

#[derive(Default)]
pub(super) struct Shared {
    idle: Mutex<Vec<Converter>>,
    /// What is being worked on, by job and fence: the job of an attempt that was
    /// revoked a moment ago may be leased again before that one has ended.
    running: Mutex<Running>,
    pub wake: Notify,
}

impl Shared {
    pub fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Converter>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn heard(&self, snapshot: &Snapshot) {
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

    /// Does what takes a converter.
    pub async fn convert(
        &self,
        runner: &Runner,
        lease: &Lease,
        revoked: &CancellationToken,
        draining: &CancellationToken,
        killed: &CancellationToken,
    ) -> Outcome {
        let mut converter = match self.take(&lease.snapshot.owner, &runner.start) {
            Ok(converter) => converter,
            Err(error) => {
                tracing::error!(%error, "a converter could not be started");
                return Outcome::Broken(StoreError::Closed);
            }
        };
        let mut fresh = converter.jobs == 0;
        let (outcome, reusable) = loop {
            let run = runner.run(lease, &mut converter, revoked, draining);
            let ended = tokio::select! {
                biased;
                ended = run => ended,
                () = killed.cancelled() => (Outcome::GivenBack, false),
            };
            // Lost before it said a word: it may have been so while it waited. Only a
            // fresh one's end is the document's.
            let unheard = !converter.reported && matches!(ended.0, Outcome::Failed(_));
            if fresh || !unheard {
                break ended;
            }
            let Ok(new) = (runner.start)() else { break ended };
            fresh = true;
            let owner = converter.owner.take();
            std::mem::replace(&mut converter, new).bury().await;
            converter.owner = owner;
        };
        if reusable && converter.jobs < runner.config.recycle_after && !draining.is_cancelled() {
            self.idle().push(converter);
        } else {
            let ended = converter.bury().await;
            tracing::info!(job = %lease.snapshot.id, %ended, "a converter was replaced");
            if !draining.is_cancelled()
                && let Ok(fresh) = (runner.start)()
            {
                self.idle().push(fresh);
            }
        }
        outcome
    }

    /// A converter that has seen nobody else's documents.
    pub fn take(&self, owner: &OwnerId, start: &Start) -> std::io::Result<Converter> {
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
