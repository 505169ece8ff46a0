//! One watcher of the hub: what it subscribed to, and what it is to be sent.
//! Enters: subscriptions. Leaves: deliveries at the pace of whoever takes them.
//! Never: looks before it listens, since what happens in between would be lost.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use milepost_core::{Caller, Denied, JobId, OwnerId, Scope, Seq, Snapshot, Status};
use tokio::time::Instant;

use super::frame::Frame;
use super::mailbox::{Delivery, Mode, Next};
use super::{Group, Member, Shared, Slot, Topic};
use crate::store::{JobFilter, StoreError};

/// Why a job cannot be watched.
#[derive(Debug)]
pub enum WatchError {
    /// It is not there, or not this watcher's to see.
    NotFound,
    /// The watcher knows it, and may not read it.
    Forbidden,
    /// The watcher says it has more than there is.
    Ahead(Seq),
    /// The store failed.
    Store(StoreError),
}

impl From<Denied> for WatchError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Hidden => Self::NotFound,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}

impl From<StoreError> for WatchError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The reader was too slow; it must come back with what it has.
#[derive(Debug)]
pub struct TooSlow;

/// Jobs that a new watcher of a group is shown at once, newest first.
const GROUP_JOBS: u32 = 1000;
/// Events that one replay step reads.
const REPLAY_STEP: u32 = 128;
/// One watcher. Dropping it ends all its subscriptions.
pub struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) slot: Arc<Slot>,
    pub(super) topics: HashSet<Topic>,
}

impl Connection {
    /// Watches one job of which the client has `after`; 0 means nothing. In
    /// [`Mode::Latest`] the present state is sent unless `after` is current; in
    /// [`Mode::All`] the log behind `after`.
    ///
    /// # Errors
    /// See [`WatchError`]; the job is then not watched.
    pub async fn watch_job(
        &mut self,
        job: JobId,
        mode: Mode,
        after: Seq,
        caller: &Caller,
    ) -> Result<Arc<Snapshot>, WatchError> {
        let topic = Topic::Job(job);
        // First listen, then look: what happens in between is in the mailbox.
        // Nothing leaves it before the look says that this watcher may see it.
        self.slot.lock().watch(job, mode, after);
        self.join(topic.clone(), None);
        let looked = self.look(job, mode, after, caller).await;
        if looked.is_err() {
            self.unwatch(&topic);
        }
        looked
    }

    /// The second half of [`Connection::watch_job`].
    async fn look(
        &self,
        job: JobId,
        mode: Mode,
        after: Seq,
        caller: &Caller,
    ) -> Result<Arc<Snapshot>, WatchError> {
        let found = self.shared.store.snapshot(job).await?;
        let (snapshot, position) = found.ok_or(WatchError::NotFound)?;
        caller.check(Scope::Read, &snapshot.owner, Some(job))?;
        if after > snapshot.seq {
            return Err(WatchError::Ahead(snapshot.seq));
        }
        let frame = self.shared.present(snapshot, position).await;
        self.shared.note_waiting(&frame.snapshot, frame.queue);
        if matches!(mode, Mode::Latest { .. }) {
            self.slot.lock().begin(&frame, None);
        }
        self.slot.wake.notify_one();
        Ok(frame.snapshot.clone())
    }

    /// Watches a group. At once come the states of its jobs: of those that
    /// changed behind position `since`, or, without it, of the newest ones that
    /// `jobs` lets through, of a batch all; of each only what is behind its seq in
    /// `after`.
    /// Returns which these are, and those for which `after` is beyond the log.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn watch_group(
        &mut self,
        topic: Topic,
        mut jobs: JobFilter,
        mode: Mode,
        since: Option<u64>,
        after: &HashMap<JobId, Seq>,
    ) -> Result<(Vec<JobId>, Vec<(JobId, Seq)>), StoreError> {
        // Of a batch, which is bounded, whoever watches learns every end.
        let whole = since.is_some() || matches!(topic, Topic::Batch(_));
        let from = self.shared.store.position().await?;
        self.join(topic, Some(Arc::new(Group { mode, jobs: jobs.clone(), from })));
        jobs.since = since;
        jobs.limit = if whole { 200 } else { GROUP_JOBS };
        let (mut shown, mut ahead) = (Vec::new(), Vec::new());
        loop {
            let page = self.shared.store.list(jobs.clone()).await?;
            jobs.before = page.last().map(|(snapshot, _)| snapshot.id);
            let last = page.len() < jobs.limit as usize || !whole;
            for (snapshot, position) in page {
                let has = after.get(&snapshot.id).copied().unwrap_or(Seq(0));
                if has > snapshot.seq {
                    ahead.push((snapshot.id, snapshot.seq));
                    continue;
                }
                let frame = self.shared.present(snapshot, position).await;
                let snapshot = &frame.snapshot;
                self.shared.note_waiting(snapshot, frame.queue);
                shown.push(snapshot.id);
                let mut mailbox = self.slot.lock();
                match mode {
                    Mode::All => mailbox.watch_in_group(snapshot.id, mode, has),
                    Mode::Latest { .. } if has == snapshot.seq => {}
                    Mode::Latest { .. } => mailbox.begin(&frame, Some(mode)),
                }
            }
            if last {
                break;
            }
        }
        self.slot.wake.notify_one();
        Ok((shown, ahead))
    }

    /// As [`Connection::watch_job`] in [`Mode::Latest`], but the present state is
    /// only sent where the job changed behind position `since`.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub async fn watch_job_since(
        &mut self,
        job: JobId,
        mode: Mode,
        since: Option<u64>,
        caller: &Caller,
    ) -> Result<(), WatchError> {
        self.watch_job(job, mode, Seq(0), caller).await?;
        if let Some(since) = since {
            self.slot.lock().forget_until(job, since);
        }
        Ok(())
    }

    /// Whether nothing waits to be sent.
    pub fn is_idle(&self) -> bool {
        self.slot.lock().is_idle()
    }

    /// For a stream that is resumed: its client has everything up to `since`.
    pub fn resume_from(&self, since: u64) {
        self.slot.lock().resume_from(since);
    }

    /// Ends [`Connection::resume_from`]: all first states are in the mailbox.
    pub fn resumed(&self) {
        self.slot.lock().sort();
    }

    /// Stops watching.
    pub fn unwatch(&mut self, topic: &Topic) {
        self.leave(topic);
        match topic {
            Topic::Job(job) => self.slot.lock().unwatch(*job),
            _ => {
                let others = &self.topics;
                let other = |job: &Snapshot| others.iter().any(|topic| topic.covers(job));
                self.slot.lock().unwatch_groups(other);
            }
        }
    }

    /// Counts it among the connections of `owner`; see [`super::Hub::enrolled`].
    pub fn enroll(&mut self, owner: OwnerId) {
        self.join(Topic::Roll(owner), None);
    }

    /// How many subscriptions it holds.
    pub fn subscriptions(&self) -> usize {
        self.topics.len()
    }

    /// A position in the store from which this stream can be resumed.
    pub fn position(&self) -> u64 {
        let published = self.shared.published.load(Ordering::Relaxed);
        self.slot.lock().position(published)
    }

    /// The next thing to send. Safe to drop at any await: nothing is lost.
    ///
    /// # Errors
    /// [`TooSlow`] where more piled up than is kept.
    pub async fn next(&self) -> Result<Delivery, TooSlow> {
        loop {
            let next = self.slot.lock().next(Instant::now());
            match next {
                Next::Deliver(delivery) => return Ok(delivery),
                Next::TooSlow => return Err(TooSlow),
                Next::Nothing => self.slot.wake.notified().await,
                Next::NotBefore(due) => {
                    tokio::select! {
                        biased;
                        () = self.slot.wake.notified() => {}
                        () = tokio::time::sleep_until(due) => {}
                    }
                }
                Next::Replay(job, after, base) => {
                    // In a place of its own: it is large and rare.
                    if let Err(error) = Box::pin(self.replay(job, after, base)).await {
                        tracing::error!(%job, %error, "the log could not be read for a watcher");
                        return Err(TooSlow);
                    }
                }
            }
        }
    }

    /// Reads a step of the log into the mailbox.
    async fn replay(
        &self,
        job: JobId,
        after: Seq,
        base: Option<Arc<Snapshot>>,
    ) -> Result<(), StoreError> {
        let store = &self.shared.store;
        let mut state = base.filter(|base| base.seq == after).map(|base| (*base).clone());
        let mut read_from = state.as_ref().map_or(Seq(0), |state| state.seq);
        let damaged = |refused: milepost_core::Refused| StoreError::Damaged(refused.to_string());
        loop {
            let events = store.events(job, read_from, REPLAY_STEP).await?;
            let full = events.len() == REPLAY_STEP as usize;
            let mut frames = Vec::new();
            for event in &events {
                match &mut state {
                    Some(state) => state.apply(event).map_err(damaged)?,
                    None => state = Some(Snapshot::begin(job, event).map_err(damaged)?),
                }
                read_from = event.seq;
                if let (Some(state), true) = (&state, event.seq > after) {
                    // The position only matters to streams that are not replayed.
                    let at = event.at;
                    frames.push(Arc::new(Frame::new(Arc::new(state.clone()), 0, None, at)));
                }
            }
            // Steps that only lead up to what the client has are walked here.
            if frames.is_empty() && full {
                continue;
            }
            // What the job was has no place in the queue any more; what it is has.
            if let (Some(newest), false) = (frames.last_mut(), full)
                && newest.snapshot.status == Status::Queued
            {
                *newest = Arc::new(self.shared.frame(newest.snapshot.clone(), 0).await);
            }
            self.slot.lock().replayed(job, frames, full);
            return Ok(());
        }
    }

    fn join(&mut self, topic: Topic, group: Option<Arc<Group>>) {
        let member = Member { slot: self.slot.clone(), group };
        self.shared.topics().entry(topic.clone()).or_default().insert(self.id, member);
        self.topics.insert(topic);
    }

    fn leave(&mut self, topic: &Topic) {
        self.topics.remove(topic);
        self.shared.leave(topic, self.id);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for topic in std::mem::take(&mut self.topics) {
            self.shared.leave(&topic, self.id);
        }
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
