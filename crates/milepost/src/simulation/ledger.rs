//! What was committed, and whether it may be so. Enters: each committed group, in
//! order. Leaves: the history of each job, for those who check what they are
//! shown. It is the model that the server is held against.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use milepost_core::{
    Announcement, Change, FailureCode, JobId, OwnerId, Seq, Snapshot, Status, Timestamp,
};

use super::weather::Weather;

/// Everything that was committed.
pub struct Ledger {
    /// The last place in the order of all changes.
    pub position: u64,
    /// Every job that there ever was.
    pub jobs: BTreeMap<JobId, Record>,
    /// How often each wish was sent.
    pub sent: BTreeMap<u64, u32>,
    /// When each owner last got a worker.
    served: BTreeMap<OwnerId, Timestamp>,
    retention: Duration,
    max_wait: Duration,
}

/// One job.
pub struct Record {
    /// Its states, by seq from 1.
    pub states: Vec<State>,
    /// Deleted.
    pub removed: bool,
    /// What its owner has asked for.
    pub asked: Asked,
}

/// Orders that were sent, whether or not they were heard.
#[derive(Default)]
pub struct Asked {
    /// To cancel it.
    pub cancel: u32,
    /// To retry it.
    pub retry: u32,
    /// To delete it.
    pub delete: u32,
}

/// One state of a job.
pub struct State {
    /// It.
    pub snapshot: Arc<Snapshot>,
    /// Its place in the order of all changes.
    pub position: u64,
    /// When it was committed.
    pub committed: Duration,
    /// States without a boundary between them have the same number.
    pub segment: u32,
}

impl Record {
    /// The present state.
    pub fn last(&self) -> &State {
        self.states.last().expect("a job has a first state")
    }

    /// The state with that seq.
    pub fn state(&self, seq: u64) -> Option<&State> {
        self.states.get(usize::try_from(seq).ok()?.checked_sub(1)?)
    }

    /// Whether there is nothing more to come.
    pub fn ended(&self) -> bool {
        self.removed || self.last().snapshot.status.is_terminal()
    }

    /// Whose it is.
    pub fn owner(&self) -> &OwnerId {
        &self.states[0].snapshot.owner
    }

    /// The wish that it came from.
    pub fn intent(&self) -> Option<u64> {
        self.states[0].snapshot.metadata.as_ref()?.get("intent")?.as_u64()
    }

    fn count(&self, status: Status) -> u32 {
        self.states.iter().filter(|state| state.snapshot.status == status).count() as u32
    }
}

impl Ledger {
    /// An empty one.
    pub fn new(weather: &Weather) -> Self {
        Self {
            position: 0,
            jobs: BTreeMap::new(),
            sent: BTreeMap::new(),
            served: BTreeMap::new(),
            retention: weather.config.retention,
            max_wait: weather.config.queue.max_wait,
        }
    }

    /// An owner's jobs that are there.
    pub fn of(&self, owner: &OwnerId) -> Vec<JobId> {
        let there = |(_, record): &(&JobId, &Record)| !record.removed && record.owner() == owner;
        self.jobs.iter().filter(there).map(|(id, _)| *id).collect()
    }

    /// Takes a committed group.
    ///
    /// # Errors
    /// What must not be so.
    pub fn committed(
        &mut self,
        group: &[Announcement],
        at: Duration,
        now: Timestamp,
        takes_leases: bool,
    ) -> Result<(), String> {
        for Announcement { position, change } in group {
            if *position != self.position + 1 {
                return Err(format!("position {position} follows {}", self.position));
            }
            self.position = *position;
            match change {
                Change::Reached(snapshot) => self.reached(snapshot, *position, at, takes_leases)?,
                Change::Removed { job, .. } => self.removed(*job, now)?,
                Change::Revoked { .. } => {}
            }
        }
        Ok(())
    }

    /// The lease under which a document of that name is worked on, if there is but
    /// one.
    pub fn lease_on(&self, filename: &str) -> Option<(JobId, u64)> {
        let present = self.jobs.values().map(|record| &record.last().snapshot);
        let mut runs = present.filter(|job| {
            let named = job.document.as_ref().is_some_and(|found| found.filename == filename);
            named && job.status == Status::Running && job.needs_worker()
        });
        let only = runs.next().map(|job| (job.id, job.fence));
        only.filter(|_| runs.next().is_none())
    }

    /// Whether a converter should still be at work under that lease.
    ///
    /// # Errors
    /// Since when not.
    pub fn is_wanted(&self, job: JobId, fence: u64, now: Duration) -> Result<(), String> {
        let Some(record) = self.jobs.get(&job) else { return Ok(()) };
        let held = |state: &State| {
            state.snapshot.status == Status::Running && state.snapshot.fence == fence
        };
        let over = record.states.iter().rposition(held).and_then(|at| record.states.get(at + 1));
        match over {
            Some(over) if now > over.committed + Duration::from_secs(1) => Err(format!(
                "a converter works on {job} under lease {fence}, which ended at {:?}",
                over.committed
            )),
            _ => Ok(()),
        }
    }

    fn removed(&mut self, job: JobId, now: Timestamp) -> Result<(), String> {
        let retention = self.retention;
        let record = self.jobs.get_mut(&job).ok_or("a job that never was is removed")?;
        let finished = record.last().snapshot.finished_at;
        let old = finished.is_some_and(|finished| finished.plus(retention) <= now);
        if record.removed || !record.last().snapshot.status.is_terminal() {
            return Err(format!("{job} is removed before its end"));
        }
        if record.asked.delete == 0 && !old {
            return Err(format!("{job} is removed, and nobody wanted that"));
        }
        record.removed = true;
        Ok(())
    }

    fn reached(
        &mut self,
        snapshot: &Arc<Snapshot>,
        position: u64,
        committed: Duration,
        takes_leases: bool,
    ) -> Result<(), String> {
        let job = snapshot.id;
        let state = |segment| State { snapshot: snapshot.clone(), position, committed, segment };
        let Some(record) = self.jobs.get(&job) else {
            if snapshot.seq != Seq(1) {
                return Err(format!("{job} begins at seq {}", snapshot.seq));
            }
            let record = Record { states: vec![state(0)], removed: false, asked: Asked::default() };
            let wished = self.was_wished(&record);
            self.jobs.insert(job, record);
            return wished;
        };
        let before = &record.last().snapshot;
        if snapshot.seq != before.seq.next() || record.removed {
            return Err(format!("{job} goes from seq {} to {}", before.seq, snapshot.seq));
        }
        self.may_follow(record, snapshot, takes_leases)
            .map_err(|what| format!("{job} at seq {}: {what}", snapshot.seq))?;
        if snapshot.fence > before.fence && snapshot.needs_worker() {
            self.is_next(snapshot).map_err(|what| format!("{job} was leased: {what}"))?;
            self.served.insert(snapshot.owner.clone(), snapshot.updated_at);
        }
        let record = self.jobs.get_mut(&job).expect("it was there before");
        let boundary = snapshot.is_boundary_after(&record.last().snapshot);
        let segment = record.last().segment + u32::from(boundary);
        record.states.push(state(segment));
        Ok(())
    }

    /// One wish with a key makes one job; without a key, one for each time that it
    /// was sent.
    fn was_wished(&self, new: &Record) -> Result<(), String> {
        let intent = new.intent().ok_or("a job that nobody wished for")?;
        let same = || self.jobs.values().filter(|record| record.intent() == Some(intent));
        let keyed = new.last().snapshot.metadata.as_ref().is_some_and(|m| m["keyed"] == true);
        if keyed && same().any(|record| !record.removed) {
            return Err(format!("wish {intent} has a key, and a second job"));
        }
        let sent = self.sent.get(&intent).copied().unwrap_or(0);
        if same().count() as u32 >= sent {
            return Err(format!("wish {intent} was sent {sent} times and made one job more"));
        }
        Ok(())
    }

    /// Whether the job may go on to this state.
    fn may_follow(
        &self,
        record: &Record,
        after: &Snapshot,
        takes_leases: bool,
    ) -> Result<(), String> {
        let before = &record.last().snapshot;
        let say = |fine: bool, what: &str| if fine { Ok(()) } else { Err(what.to_owned()) };
        say(after.updated_at >= before.updated_at, "time runs backwards")?;
        if after.attempt == before.attempt {
            say(after.progress >= before.progress, "progress goes backwards")?;
            say(!before.status.is_terminal(), "an attempt ends twice")?;
        } else {
            say(after.attempt == before.attempt + 1, "an attempt is skipped")?;
            say(after.status == Status::Queued, "an attempt begins without a queue")?;
        }
        match (before.status, after.status) {
            (Status::Running, Status::Queued) => {
                let counted = after.max_attempts == before.max_attempts;
                say(counted || takes_leases, "a lease was lost, and nothing went wrong")?;
            }
            (from, Status::Queued) if from.is_terminal() => {
                let retried = after.attempt - 1 - record.count_requeued();
                say(retried <= record.asked.retry, "a retry that nobody asked for")?;
            }
            (Status::Queued | Status::Awaiting, Status::Failed) => {
                let code = after.failure.as_ref().map(|failure| failure.code);
                say(code == Some(FailureCode::QueueTimeout), "it failed before it began")?;
                let waited = after.updated_at >= before.updated_at.plus(self.max_wait);
                say(waited, "it was given up before its time")?;
            }
            (Status::Queued | Status::Running, Status::Completed) => {
                self.may_reuse(before, after)?;
            }
            (_, Status::Cancelled) => {
                let orders = record.asked.cancel;
                let done = record.count(Status::Cancelled);
                say(done < orders, "a cancellation that nobody asked for")?;
            }
            _ => {}
        }
        let begins = before.status == Status::Queued && after.status == Status::Running;
        say(after.fence == before.fence + u64::from(begins), "the fence moves at a wrong time")
    }

    /// Whether it has the result of another job by right.
    fn may_reuse(&self, before: &Snapshot, after: &Snapshot) -> Result<(), String> {
        let Some(other) = after.reused else {
            let begun = before.status == Status::Running;
            return if begun { Ok(()) } else { Err("it was completed by nobody".to_owned()) };
        };
        let name = |job: &Snapshot| job.document.as_ref().map(|document| document.filename.clone());
        let made = self.jobs.get(&other).is_some_and(|record| {
            let completed = |state: &State| state.snapshot.status == Status::Completed;
            *record.owner() == after.owner
                && record.states.iter().any(|s| completed(s) && name(&s.snapshot) == name(after))
        });
        if made && !after.force { Ok(()) } else { Err(format!("it has the result of {other}")) }
    }

    /// Whether the queue was right to lease this job, and no other, now.
    fn is_next(&self, chosen: &Snapshot) -> Result<(), String> {
        let now = chosen.updated_at;
        let present = || {
            let there = self.jobs.values().filter(|record| !record.removed);
            there.map(|record| &record.last().snapshot)
        };
        let running = |owner: &OwnerId| {
            present().filter(|job| job.status == Status::Running && job.owner == *owner).count()
        };
        let turn = |owner: &OwnerId| {
            let served = self.served.get(owner).copied().unwrap_or_default();
            (running(owner), served)
        };
        let waits = |job: &&Arc<Snapshot>| {
            job.status == Status::Queued && job.needs_worker() && job.not_before <= now
        };
        let own = turn(&chosen.owner);
        for other in present().filter(waits) {
            if other.owner == chosen.owner {
                let first = |job: &Snapshot| (-job.priority, job.id);
                if first(other) < first(chosen) {
                    return Err(format!("{} was before it", other.id));
                }
            } else if turn(&other.owner) < own {
                return Err(format!("it was the turn of {}", other.owner.as_str()));
            }
        }
        let waited = self.jobs.get(&chosen.id).map(|record| record.last().snapshot.not_before);
        if waited.is_none_or(|due| due > now) { Err("before its time".into()) } else { Ok(()) }
    }
}

impl Record {
    /// Attempts that ended early and began the next one.
    fn count_requeued(&self) -> u32 {
        let pairs = self.states.windows(2);
        pairs
            .filter(|pair| {
                let (from, to) = (pair[0].snapshot.status, pair[1].snapshot.status);
                from == Status::Running && to == Status::Queued
            })
            .count() as u32
    }
}
