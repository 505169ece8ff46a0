//! Follows jobs to their end over whatever gets through. Enters: jobs and what
//! is known of them. Leaves: updates, the terminal snapshot of each job last.
//! Never: shows an older state after a newer one, nor ends in silence.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use milepost_core::{BatchId, JobId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::Client;
use super::poll;
use super::stream::{Ended, Stream};
use super::trouble::Trouble;
use super::wire::{Queue, Snapshot};

/// More jobs than this on one stream make its URL longer than proxies allow.
const JOBS_PER_STREAM: usize = 50;
/// Streams in a row that brought nothing before another way is tried.
const MAX_EMPTY_STREAMS: u32 = 3;
/// A server that stays away for longer is not only restarting.
const PATIENCE: Duration = Duration::from_secs(300);
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// News of a job or of the connection.
#[derive(Debug)]
pub enum Update {
    /// A newer state.
    Snapshot(Box<Snapshot>),
    /// Another place in the queue.
    Queue(JobId, Queue),
    /// The job cannot be watched any more.
    Lost(JobId, Trouble),
    /// About the connection, for a person.
    Note(String),
}

/// Jobs that are followed; dropping it ends that.
pub struct Following {
    updates: mpsc::Receiver<Update>,
    _tasks: JoinSet<()>,
}

impl Following {
    /// Follows these jobs, of which a seq is known already. Jobs of a batch, where
    /// they are many, share its stream.
    pub fn start(client: &Client, jobs: BTreeMap<JobId, (u64, Option<BatchId>)>) -> Self {
        let (sender, updates) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        let outlet = Outlet { sender, lost: Arc::default(), server: client.server().into() };
        let total = jobs.len();
        let mut batches: BTreeMap<Option<BatchId>, BTreeMap<JobId, u64>> = BTreeMap::new();
        for (job, (seq, batch)) in jobs {
            batches.entry(batch).or_default().insert(job, seq);
        }
        for (batch, jobs) in batches {
            let batch = batch.filter(|_| jobs.len() > JOBS_PER_STREAM);
            let most = if batch.is_some() { usize::MAX } else { JOBS_PER_STREAM };
            let mut jobs = jobs.into_iter().peekable();
            while jobs.peek().is_some() {
                let pending = jobs.by_ref().take(most).collect();
                let (client, outlet) = (client.clone(), outlet.clone());
                tasks.spawn(Group { client, pending, batch, outlet, total }.run());
            }
        }
        Self { updates, _tasks: tasks }
    }

    /// The next update; `None` once every job has ended or is lost.
    pub async fn next(&mut self) -> Option<Update> {
        self.updates.recv().await
    }
}

/// Where the updates of all groups go.
#[derive(Clone)]
pub struct Outlet {
    sender: mpsc::Sender<Update>,
    /// Whether the user was told that the connection is gone.
    lost: Arc<AtomicBool>,
    server: Arc<str>,
}

impl Outlet {
    /// Hands it on. Where nobody listens any more, the task is about to be ended.
    pub async fn send(&self, update: Update) {
        let _ = self.sender.send(update).await;
    }

    /// Tells once that the connection is gone.
    pub async fn say_lost(&self, trouble: &Trouble) {
        if !self.lost.swap(true, Ordering::Relaxed) {
            let why = match trouble {
                Trouble::Unreachable { cause, .. } => cause.clone(),
                other => other.to_string(),
            };
            let text = format!("Lost the connection to {} ({why}); trying again.", self.server);
            self.send(Update::Note(text)).await;
        }
    }

    /// Tells once that it is back.
    pub async fn say_back(&self) {
        if self.lost.swap(false, Ordering::Relaxed) {
            self.send(Update::Note(format!("Connected to {} again.", self.server))).await;
        }
    }
}

/// Jobs that share a stream.
pub struct Group {
    pub client: Client,
    /// The jobs that have not ended, each with the newest seq that was handed on.
    pub pending: BTreeMap<JobId, u64>,
    /// The batch whose stream they share.
    pub batch: Option<BatchId>,
    pub outlet: Outlet,
    /// Jobs in all groups, so that polling keeps a measure.
    pub total: usize,
}

impl Group {
    async fn run(mut self) {
        let mut stream = Stream::default();
        let mut pause = Pause::default();
        let mut empty = 0;
        while !self.pending.is_empty() {
            match stream.read(&mut self, &mut pause).await {
                Ended::Useless(why) => {
                    let text = format!("Live events do not get through ({why}); asking instead.");
                    self.outlet.send(Update::Note(text)).await;
                    return poll::all(self).await;
                }
                Ended::Closed { heard: true } => empty = 0,
                Ended::Closed { heard: false } => {
                    empty += 1;
                    if empty >= MAX_EMPTY_STREAMS {
                        stream.give_up();
                    }
                }
                Ended::Broken(trouble) if trouble.is_passing() && !pause.is_over() => {
                    self.outlet.say_lost(&trouble).await;
                    pause.ask_for(trouble.retry_after());
                }
                Ended::Broken(trouble) => return self.lose_all(trouble).await,
            }
            if !self.pending.is_empty() {
                pause.wait(stream.retry()).await;
            }
        }
    }

    /// Hands on a snapshot unless it is old.
    pub async fn take(&mut self, snapshot: Snapshot) {
        let Some(known) = self.pending.get_mut(&snapshot.id) else { return };
        if snapshot.seq <= *known {
            return;
        }
        *known = snapshot.seq;
        if snapshot.status.is_terminal() {
            self.pending.remove(&snapshot.id);
        }
        self.outlet.send(Update::Snapshot(Box::new(snapshot))).await;
    }

    /// Gives up a job.
    pub async fn lose(&mut self, job: JobId, trouble: Trouble) {
        if self.pending.remove(&job).is_some() {
            self.outlet.send(Update::Lost(job, trouble)).await;
        }
    }

    /// Forgets what is known, so that the next answer counts whatever its seq.
    pub fn forget(&mut self) {
        self.pending.values_mut().for_each(|seq| *seq = 0);
    }

    /// Asks for each job by itself, where a stream did not say what became of it.
    pub async fn refresh(&mut self) -> Result<(), Trouble> {
        for job in self.pending.keys().copied().collect::<Vec<_>>() {
            match self.client.job(job).await {
                Ok(snapshot) => self.take(snapshot).await,
                Err(trouble @ Trouble::NotFound(_)) => self.lose(job, trouble).await,
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    async fn lose_all(mut self, trouble: Trouble) {
        for job in std::mem::take(&mut self.pending).into_keys() {
            self.outlet.send(Update::Lost(job, trouble.clone())).await;
        }
    }
}

/// The pauses between tries, and when they have been too many.
#[derive(Debug)]
pub struct Pause {
    next: Duration,
    asked: Option<Duration>,
    last_success: Instant,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: Duration::ZERO, asked: None, last_success: Instant::now() }
    }
}

impl Pause {
    /// The server is there. A wish of its own for a pause still counts.
    pub fn reset(&mut self) {
        self.next = Duration::ZERO;
        self.last_success = Instant::now();
    }

    /// The server named a time itself.
    pub fn ask_for(&mut self, pause: Option<Duration>) {
        self.asked = pause.map(|pause| pause.min(4 * MAX_PAUSE)).or(self.asked);
    }

    /// Whether it was gone for too long.
    pub fn is_over(&self) -> bool {
        self.last_success.elapsed() > PATIENCE
    }

    /// Waits, longer each time and never exactly as long as others do, so that
    /// the clients of a server that comes back do not all come at once.
    pub async fn wait(&mut self, at_least: Duration) {
        let base = self.next.max(at_least);
        self.next = (base * 2).clamp(Duration::from_millis(500), MAX_PAUSE);
        let pause = self.asked.take().unwrap_or(base.min(MAX_PAUSE));
        tokio::time::sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
    }
}
