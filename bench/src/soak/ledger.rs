//! What the clients of a soak were promised, and where a promise was broken.
//! Enters: submissions, ends, deletions. Leaves: which jobs must be there, and
//! the faults. Never: asks the server.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Faults that are kept; the rest are only counted.
const MAX_FAULTS: usize = 50;

/// Shared by all clients.
pub struct Ledger {
    inner: Mutex<Inner>,
    /// For how long the server keeps what has ended.
    pub retention: Duration,
}

#[derive(Default)]
struct Inner {
    jobs: HashMap<String, Entry>,
    /// Ends that each stream of all jobs has shown, and when.
    shown: Vec<HashMap<String, (u64, Instant)>>,
    counts: BTreeMap<&'static str, u64>,
    faults: Vec<String>,
}

struct Entry {
    submitted: Instant,
    ended: Option<Instant>,
}

impl Ledger {
    /// An empty one, beside so many streams of all jobs.
    pub fn new(retention: Duration, streams: usize) -> Self {
        let inner = Inner { shown: vec![HashMap::new(); streams], ..Inner::default() };
        Self { inner: Mutex::new(inner), retention }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server has promised this job.
    pub fn submitted(&self, job: &str) {
        let entry = Entry { submitted: Instant::now(), ended: None };
        self.lock().jobs.insert(job.to_owned(), entry);
        self.count("submitted");
    }

    /// It has ended, for now.
    pub fn ended(&self, job: &str) {
        if let Some(entry) = self.lock().jobs.get_mut(job) {
            entry.ended = Some(Instant::now());
        }
    }

    /// It begins again.
    pub fn again(&self, job: &str) {
        if let Some(entry) = self.lock().jobs.get_mut(job) {
            entry.ended = None;
        }
        self.count("retried");
    }

    /// Its owner deletes it.
    pub fn deleted(&self, job: &str) {
        self.lock().jobs.remove(job);
        self.count("deleted");
    }

    /// A stream of all jobs showed an end.
    pub fn shown(&self, stream: usize, job: &str, seq: u64) {
        self.lock().shown[stream].insert(job.to_owned(), (seq, Instant::now()));
    }

    /// The streams that have not shown the end of `job` at `seq`.
    pub fn unshown(&self, job: &str, seq: u64) -> Vec<usize> {
        let inner = self.lock();
        let has = |shown: &HashMap<String, (u64, Instant)>| {
            shown.get(job).is_some_and(|(shown, _)| *shown >= seq)
        };
        inner.shown.iter().enumerate().filter(|(_, s)| !has(s)).map(|(n, _)| n).collect()
    }

    /// Jobs that must be there: they were submitted before `then`, and have not
    /// ended or only lately.
    pub fn expected(&self, then: Instant) -> Vec<String> {
        let lately = |ended: Instant| ended.elapsed() < self.retention / 2;
        let inner = self.lock();
        let there = inner
            .jobs
            .iter()
            .filter(|(_, entry)| entry.submitted < then && entry.ended.is_none_or(lately));
        there.map(|(job, _)| job.clone()).collect()
    }

    /// Whether a job must be there still.
    pub fn must_be_there(&self, job: &str) -> bool {
        let lately =
            |entry: &Entry| entry.ended.is_none_or(|ended| ended.elapsed() < self.retention / 2);
        self.lock().jobs.get(job).is_some_and(lately)
    }

    /// A job that has not ended, by chance.
    pub fn any(&self) -> Option<String> {
        let inner = self.lock();
        let live: Vec<_> = inner.jobs.iter().filter(|(_, e)| e.ended.is_none()).collect();
        fastrand::choice(live).map(|(job, _)| job.clone())
    }

    /// Forgets what the server has long deleted.
    pub fn forget(&self) {
        let long = self.retention * 4;
        let mut inner = self.lock();
        inner.jobs.retain(|_, entry| entry.ended.is_none_or(|ended| ended.elapsed() < long));
        for shown in &mut inner.shown {
            shown.retain(|_, (_, at)| at.elapsed() < long);
        }
    }

    /// Counts something that went as it should.
    pub fn count(&self, what: &'static str) {
        *self.lock().counts.entry(what).or_default() += 1;
    }

    /// A promise was broken.
    pub fn fault(&self, what: String) {
        let mut inner = self.lock();
        *inner.counts.entry("faults").or_default() += 1;
        if inner.faults.len() < MAX_FAULTS {
            eprintln!("fault: {what}");
            inner.faults.push(what);
        }
    }

    /// All counts.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().counts.clone()
    }

    /// The faults so far.
    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }
}
