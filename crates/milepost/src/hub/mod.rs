//! This node's watchers. Enters: announcements from the bus, subscriptions.
//! Leaves: for each connection a stream that begins with the present state and
//! never goes back in `seq`. Never: shapes a message, or makes the journal wait
//! for a reader.

mod again;
mod connection;
mod frame;
mod mailbox;
#[cfg(test)]
mod mailbox_tests;
mod roll;
mod shown;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use milepost_core::{Announcement, BatchId, Change, DocumentId, JobId, OwnerId, Snapshot, Status};
use tokio::sync::Notify;

pub use connection::{Connection, TooSlow, WatchError};
pub use frame::{Encoding, Frame, QueuePlace};
pub use mailbox::{Delivery, Mode};

use crate::bus::{Lagged, Subscriber};
use crate::clock::Clock;
use crate::store::{JobFilter, Store};
use again::Why;
use mailbox::Mailbox;
use shown::Shown;

/// How often watchers of a waiting job are told that it moved up.
const QUEUE_NEWS: Duration = Duration::from_secs(2);
/// Waiting jobs whose place is looked up in one round.
const QUEUE_NEWS_JOBS: usize = 200;

/// What a connection can watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// One job.
    Job(JobId),
    /// All jobs of an owner.
    Owner(OwnerId),
    /// All jobs over a document.
    Document(DocumentId),
    /// All jobs of a batch.
    Batch(BatchId),
    /// No job: an owner's connections of one kind, which are counted by it.
    Roll(OwnerId),
}

impl Topic {
    /// Whether a job belongs to it.
    fn covers(&self, job: &Snapshot) -> bool {
        match self {
            Self::Job(id) => *id == job.id,
            Self::Owner(owner) => *owner == job.owner,
            Self::Document(id) => job.document.as_ref().is_some_and(|info| info.id == *id),
            Self::Batch(id) => job.batch == Some(*id),
            Self::Roll(_) => false,
        }
    }
}

/// All watchers of this node; cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    topics: Mutex<Topics>,
    /// Watched jobs that wait in the queue, and what their watchers know.
    waiting: Mutex<Waiting>,
    shown: Mutex<Shown>,
    next_id: AtomicU64,
    connections: AtomicU64,
    /// Every change up to this position was passed on.
    published: AtomicU64,
}

// Ordered, so that who is told first follows from what happened and not from
// chance: a run can be repeated.
type Topics = BTreeMap<Topic, BTreeMap<u64, Member>>;
type Waiting = BTreeMap<JobId, (Arc<Snapshot>, Option<QueuePlace>)>;

#[derive(Clone)]
struct Member {
    slot: Arc<Slot>,
    /// What it watches, where that is not one job.
    group: Option<Arc<Group>>,
}

struct Group {
    mode: Mode,
    jobs: JobFilter,
    /// It is followed from here on. What was committed up to this position is not
    /// news, however late it is announced.
    from: u64,
}

#[derive(Default)]
struct Slot {
    mailbox: Mutex<Mailbox>,
    wake: Notify,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// A hub that reads from `store`, where the last change was at `position`.
    pub fn new(store: Store, clock: Clock, position: u64) -> Self {
        Self(Arc::new(Shared {
            store,
            clock,
            topics: Mutex::default(),
            waiting: Mutex::default(),
            shown: Mutex::default(),
            next_id: AtomicU64::new(1),
            connections: AtomicU64::new(0),
            published: AtomicU64::new(position),
        }))
    }

    /// Passes announcements on until the bus is gone. Where none comes, it looks every
    /// `look` whether one was missed.
    pub async fn run(self, mut bus: Subscriber, look: Duration) {
        let mut news = tokio::time::interval(QUEUE_NEWS);
        news.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut look = tokio::time::interval(look);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heard = self.0.published.load(Ordering::Relaxed);
        loop {
            tokio::select! {
                biased;
                _ = news.tick() => self.0.tell_places().await,
                announcement = bus.next() => match announcement {
                    Some(Ok(announcement)) => self.0.publish(announcement).await,
                    Some(Err(Lagged)) => self.0.look_again(Why::Lagged).await,
                    None => return,
                },
                // Last, so that what was announced is passed on first.
                _ = look.tick() => heard = self.0.look(heard).await,
            }
        }
    }

    /// A new watcher that watches nothing yet.
    pub fn connect(&self) -> Connection {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        Connection {
            shared: self.0.clone(),
            id: self.0.next_id.fetch_add(1, Ordering::Relaxed),
            slot: Arc::default(),
            topics: HashSet::new(),
        }
    }

    /// How many watchers there are, and how many subscriptions they hold.
    pub fn load(&self) -> (u64, u64) {
        let subscriptions = self.0.topics().values().map(BTreeMap::len).sum::<usize>();
        (self.0.connections.load(Ordering::Relaxed), subscriptions as u64)
    }

    /// How many watchers there are.
    pub fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// A snapshot as a frame, for an answer outside any subscription.
    pub async fn frame(&self, snapshot: Snapshot, position: u64) -> Frame {
        self.0.frame(Arc::new(snapshot), position).await
    }
}

impl Shared {
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, topic: &Topic, id: u64) {
        let mut topics = self.topics();
        if let Some(members) = topics.get_mut(topic) {
            members.remove(&id);
            if members.is_empty() {
                topics.remove(topic);
            }
        }
    }

    /// Passes a change on, all before it having been.
    async fn publish(&self, announcement: Announcement) {
        let position = announcement.position;
        // Whoever watches has looked at the store since.
        if position <= self.published.load(Ordering::Relaxed) {
            return;
        }
        match announcement.change {
            Change::Reached(snapshot) => self.reached(snapshot, position, true).await,
            Change::Removed { job, owner, document, batch } => {
                self.waiting().remove(&job);
                let members = self.members(job, &owner, document, batch);
                tell_removed(job, members, None);
            }
            Change::Revoked { job, epoch } => {
                // Only who watches this one job may do so by a token of it.
                let topics = self.topics();
                for member in topics.get(&Topic::Job(job)).into_iter().flat_map(BTreeMap::values) {
                    member.slot.lock().notice(Delivery::Revoked(job, epoch));
                    member.slot.wake.notify_one();
                }
            }
        }
        self.published.store(position, Ordering::Relaxed);
    }

    /// Passes a state on. `in_order` says that every change before it was.
    async fn reached(&self, snapshot: Arc<Snapshot>, position: u64, in_order: bool) {
        let document = snapshot.document.as_ref().map(|document| document.id);
        let members = self.members(snapshot.id, &snapshot.owner, document, snapshot.batch);
        if members.is_empty() {
            self.waiting().remove(&snapshot.id);
            return;
        }
        let frame = Arc::new(self.frame(snapshot.clone(), position).await);
        self.note_waiting(&snapshot, frame.queue);
        for member in members {
            let group = member.group.as_ref().filter(|group| position > group.from);
            let mode = group.map(|group| group.mode);
            let mut mailbox = member.slot.lock();
            if in_order {
                mailbox.push(&frame, mode);
                mailbox.passed(position);
            } else {
                mailbox.push_missed(&frame, mode);
            }
            drop(mailbox);
            member.slot.wake.notify_one();
        }
    }

    /// Tells watchers of waiting jobs where these stand now.
    async fn tell_places(&self) {
        let waiting: Vec<_> = self.waiting().values().take(QUEUE_NEWS_JOBS).cloned().collect();
        for (snapshot, told) in waiting {
            let Ok(Some((position, length))) = self.store.queue_place(snapshot.id).await else {
                continue;
            };
            let place = QueuePlace { position, length };
            let document = snapshot.document.as_ref().map(|document| document.id);
            let members = self.members(snapshot.id, &snapshot.owner, document, snapshot.batch);
            if members.is_empty() {
                self.waiting().remove(&snapshot.id);
            } else if told != Some(place) {
                self.note_waiting(&snapshot, Some(place));
                for member in members {
                    member.slot.lock().notice(Delivery::Queue(snapshot.id, place));
                    member.slot.wake.notify_one();
                }
            }
        }
    }

    fn note_waiting(&self, snapshot: &Arc<Snapshot>, place: Option<QueuePlace>) {
        if snapshot.status == Status::Queued && snapshot.needs_worker() {
            self.waiting().insert(snapshot.id, (snapshot.clone(), place));
        } else {
            self.waiting().remove(&snapshot.id);
        }
    }

    fn members(
        &self,
        job: JobId,
        owner: &OwnerId,
        document: Option<DocumentId>,
        batch: Option<BatchId>,
    ) -> Vec<Member> {
        let topics = self.topics();
        let keys = [
            Some(Topic::Job(job)),
            Some(Topic::Owner(owner.clone())),
            document.map(Topic::Document),
            batch.map(Topic::Batch),
        ];
        let of = |topic| topics.get(&topic).into_iter().flat_map(BTreeMap::values).cloned();
        keys.into_iter().flatten().flat_map(of).collect()
    }

    /// The frame of a state for somebody who begins to watch.
    async fn present(&self, snapshot: Snapshot, position: u64) -> Arc<Frame> {
        let shown = || self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = shown().get(&snapshot, self.clock.now()) {
            return frame;
        }
        let frame = Arc::new(self.frame(Arc::new(snapshot), position).await);
        shown().put(&frame);
        frame
    }

    /// Never fails: where the store does not say the place in the queue, the state
    /// goes out without it, and the place follows with the next news.
    async fn frame(&self, snapshot: Arc<Snapshot>, position: u64) -> Frame {
        let place = match snapshot.status {
            Status::Queued if snapshot.needs_worker() => {
                match self.store.queue_place(snapshot.id).await {
                    // A worker may have taken it since: it was at the head then.
                    Ok(place) => Some(place.unwrap_or((1, 1))),
                    Err(error) => {
                        tracing::warn!(%error, "a place in the queue could not be read");
                        None
                    }
                }
            }
            _ => None,
        };
        let queue = place.map(|(position, length)| QueuePlace { position, length });
        Frame::new(snapshot, position, queue, self.clock.now())
    }
}

/// Tells whoever watches the job, and whoever watches a group that it was in. Where
/// it was only found missing, `gone_by` is a position behind its removal, and what
/// is announced of it up to there is no news.
fn tell_removed(job: JobId, members: Vec<Member>, gone_by: Option<u64>) {
    for member in members {
        let mut mailbox = member.slot.lock();
        if mailbox.watches(job) || (gone_by.is_none() && member.group.is_some()) {
            mailbox.notice(Delivery::Removed(job));
            if let Some(position) = gone_by {
                mailbox.gone_by(job, position);
            }
        }
        drop(mailbox);
        member.slot.wake.notify_one();
    }
}
