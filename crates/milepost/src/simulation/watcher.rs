//! Somebody who watches, and what they have seen. Enters: what came over their
//! lines. Leaves: whether it was in order, whole, in time, and up to the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use milepost_core::{JobId, OwnerId};
use serde_json::Value;

use super::door::Door;
use super::ledger::{Ledger, Record};
use super::lines;
use super::shown::Shown;
use super::trace::short;
use super::user::owner;
use super::world::World;

/// A boundary reaches a reader who reads within this time.
const PROMPT: Duration = Duration::from_secs(4);

/// One of those who watch.
pub struct Watcher {
    /// For the trace.
    pub number: usize,
    /// Whose jobs they watch.
    pub owner: OwnerId,
    /// How.
    pub kind: Kind,
    state: Mutex<State>,
}

/// How somebody watches.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One job over SSE.
    Events {
        /// Every event.
        all: bool,
    },
    /// Many jobs over SSE.
    Stream {
        /// All of one's own; else those that are named.
        mine: bool,
    },
    /// One job by long-polling.
    Poll,
    /// A socket.
    Socket {
        /// Every event.
        all: bool,
        /// All of one's own; else those that are named.
        mine: bool,
        /// Snapshots in ten seconds.
        rate: u32,
    },
}

/// What they have, over all of their lines.
#[derive(Default)]
pub struct State {
    /// The jobs that they name.
    pub jobs: Vec<JobId>,
    /// The last state of each job that they have seen.
    pub seen: BTreeMap<JobId, u64>,
    /// The last id of a stream of many jobs.
    pub last_id: Option<u64>,
    /// All changes of a group behind this position must be learned.
    from: Option<u64>,
    /// The line that they have now.
    line: Option<Line>,
}

/// One line.
#[derive(Default)]
struct Line {
    /// Jobs that were named for it.
    named: Vec<JobId>,
    /// What the client said that it had.
    after: BTreeMap<JobId, u64>,
    /// What came over it.
    last: BTreeMap<JobId, u64>,
    /// Positions up to which a job that had ended may begin anywhere.
    admitted: u64,
    /// The last id.
    id: u64,
    /// Since when they wait for the next message.
    waits_since: Option<Duration>,
}

impl Kind {
    fn choose(world: &World) -> Self {
        let mine = world.chance(500);
        let all = world.chance(500);
        match world.below(4) {
            0 => Self::Events { all },
            1 => Self::Stream { mine },
            2 => Self::Poll,
            _ => {
                let rate = world.choose(&[1, 10, 200]).expect("there is a choice");
                Self::Socket { all, mine, rate }
            }
        }
    }

    const fn all(self) -> bool {
        matches!(self, Self::Events { all: true } | Self::Socket { all: true, .. })
    }

    /// Whether it is about all of one's own jobs.
    pub const fn mine(self) -> bool {
        matches!(self, Self::Stream { mine: true } | Self::Socket { mine: true, .. })
    }

    /// How many jobs are named at most.
    const fn names(self) -> usize {
        match self {
            Self::Events { .. } | Self::Poll => 1,
            Self::Stream { .. } | Self::Socket { .. } => 3,
        }
    }
}

impl Watcher {
    /// Somebody.
    pub fn new(world: &World, number: usize) -> Arc<Self> {
        let owner = owner(world.below(world.weather.owners as u64) as usize);
        let kind = Kind::choose(world);
        world.note(|| format!("watcher {number}: {} by {kind:?}", owner.as_str()));
        Arc::new(Self { number, owner, kind, state: Mutex::default() })
    }

    /// What they do while the server is there.
    pub async fn live(self: Arc<Self>, world: Arc<World>, door: Arc<Door>) {
        self.state.lock().unwrap().line = None;
        while door.is_open() {
            world.wait_up_to(if world.calm() { 500 } else { 3000 }).await;
            if self.choose_jobs(&world) {
                lines::connect(&self, &world, &door).await;
                self.state().line = None;
            }
        }
    }

    /// What they have.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Names jobs, where that is how they watch. `false`: there is nothing to ask
    /// for now.
    fn choose_jobs(&self, world: &World) -> bool {
        if self.kind.mine() {
            return true;
        }
        let there = world.ledger().of(&self.owner);
        let mut state = self.state();
        // Of a deleted job nothing more can be learned.
        state.jobs.retain(|job| there.contains(job));
        if state.jobs.is_empty() {
            for _ in 0..self.kind.names() {
                state.jobs.extend(world.choose(&there));
            }
            state.jobs.sort();
            state.jobs.dedup();
            // An id belongs to what was watched.
            state.last_id = None;
        }
        let ledger = world.ledger();
        let open = |job: &JobId| {
            let last = ledger.jobs[job].last().snapshot.seq.0;
            state.seen.get(job).is_none_or(|seen| *seen < last) || !ledger.jobs[job].ended()
        };
        state.jobs.iter().any(open)
    }

    /// A line begins. `named` are the jobs, `after` is what they have.
    pub fn begin(&self, named: Vec<JobId>, after: BTreeMap<JobId, u64>) {
        let mut state = self.state();
        let id = state.last_id.unwrap_or(0);
        state.line = Some(Line { named, after, id, ..Line::default() });
    }

    /// The server has admitted them.
    pub fn admitted(&self, world: &World) {
        let position = world.ledger().position;
        let mut state = self.state();
        let keeps = matches!(self.kind, Kind::Stream { .. });
        if !keeps || state.from.is_none() {
            state.from = Some(position);
        }
        if let Some(line) = &mut state.line {
            line.admitted = position;
        }
    }

    /// They wait for the next message, or do something else.
    pub fn waits(&self, since: Option<Duration>) {
        if let Some(line) = &mut self.state().line {
            line.waits_since = since;
        }
    }

    /// A stream's id came.
    pub fn took_id(&self, world: &World, id: u64) {
        let mut state = self.state();
        let Some(line) = &mut state.line else { return };
        let before = std::mem::replace(&mut line.id, id);
        state.last_id = Some(id);
        if id < before {
            world.wrong(format!("watcher {}: the id goes from {before} to {id}", self.number));
        }
    }

    /// A snapshot came.
    pub fn took(&self, world: &World, json: Value) {
        let shown = match Shown::check(world, json) {
            Ok(shown) => shown,
            Err(what) => return world.wrong(format!("watcher {}: {what}", self.number)),
        };
        let (job, seq) = (shown.id, shown.seq);
        world.note(|| format!("watcher {}: {} seq {seq}", self.number, short(job)));
        let ledger = world.ledger();
        let record = &ledger.jobs[&job];
        let fine = self.fits(world, record, job, seq);
        drop(ledger);
        let say = |what| format!("watcher {} ({:?}) of {job}: {what}", self.number, self.kind);
        world.check(fine.map_err(say));
        let mut state = self.state();
        state.seen.insert(job, seq);
        if let Some(line) = &mut state.line {
            line.last.insert(job, seq);
        }
    }

    fn fits(&self, world: &World, record: &Record, job: JobId, seq: u64) -> Result<(), String> {
        if *record.owner() != self.owner {
            return Err("it is somebody else's".to_owned());
        }
        let state = self.state();
        let Some(line) = &state.line else { return Ok(()) };
        let segment = |seq| record.state(seq).map_or(0, |state| state.segment);
        if let Some(last) = line.last.get(&job) {
            if seq <= *last {
                return Err(format!("seq {seq} comes behind {last}"));
            }
            if self.kind.all() && seq != last + 1 {
                return Err(format!("seq {seq} comes behind {last}, and what is between is lost"));
            }
            // Who missed announcements is shown the present state.
            if segment(seq) > segment(*last) + 1 && !world.weather.lags() {
                return Err(format!("a boundary is missing between {last} and {seq}"));
            }
            return Ok(());
        }
        let seen = state.seen.get(&job).copied().unwrap_or(0);
        // Of a group's job whose announcements were missed the whole log is shown.
        let named = line.named.contains(&job);
        let again = self.kind.all() && seq == 1 && !named && world.weather.lags();
        if seq < seen && !again {
            return Err(format!("seq {seq} comes, and {seen} was seen"));
        }
        let after = line.after.get(&job);
        let by_seq = !matches!(self.kind, Kind::Stream { .. });
        if by_seq && !again && after.is_some_and(|after| seq <= *after) {
            return Err(format!("seq {seq} comes again"));
        }
        // A group is followed from now on; what had ended before is not in it.
        let had_ended = || {
            let before = |state: &&super::ledger::State| state.position <= line.admitted;
            let mut states = record.states.iter().filter(before);
            states.any(|state| state.snapshot.status.is_terminal())
        };
        let begins_at = after.map_or(1, |after| after + 1);
        let follows = named || !had_ended();
        if self.kind.all() && seq != begins_at && follows && !again {
            return Err(format!("it begins at seq {seq} and not at {begins_at}"));
        }
        Ok(())
    }

    /// Whether a reader who reads has every boundary, once nothing holds it up.
    ///
    /// # Errors
    /// What they wait for.
    pub fn is_kept_up(&self, world: &World, calm_since: Duration) -> Result<(), String> {
        let ledger = world.ledger();
        let state = self.state();
        let Some(since) = state.line.as_ref().and_then(|line| line.waits_since) else {
            return Ok(());
        };
        let now = world.now();
        for (job, record) in self.wanted(&ledger, &state) {
            let segment = record.last().segment;
            let boundary = record.states.iter().find(|state| state.segment == segment);
            let boundary = boundary.expect("the last state has a segment");
            let seen = state.seen.get(&job).copied().unwrap_or(0);
            let due = boundary.committed.max(since).max(calm_since) + PROMPT;
            if now > due && seen < boundary.snapshot.seq.0 {
                return Err(format!(
                    "watcher {} ({:?}) reads, has {job} at {seen}, and is not told of {}",
                    self.number, self.kind, boundary.snapshot.seq
                ));
            }
        }
        Ok(())
    }

    /// What they have not learned.
    pub fn open(&self, world: &World) -> Option<String> {
        let ledger = world.ledger();
        let state = self.state();
        if self.kind.mine() && state.from.is_none() {
            return Some(format!("watcher {} was never admitted", self.number));
        }
        let mut wanted = self.wanted(&ledger, &state).into_iter();
        let open = wanted.find(|(job, record)| {
            state.seen.get(job).copied().unwrap_or(0) < record.last().snapshot.seq.0
        });
        open.map(|(job, _)| {
            format!("watcher {} ({:?}) never learns the end of {job}", self.number, self.kind)
        })
    }

    /// The jobs of which they must learn everything.
    fn wanted<'a>(&self, ledger: &'a Ledger, state: &State) -> Vec<(JobId, &'a Record)> {
        let named = |job: &JobId| {
            state.jobs.contains(job)
                || state.line.as_ref().is_some_and(|line| line.named.contains(job))
        };
        let grouped = |record: &Record| {
            let from = state.from.filter(|_| self.kind.mine());
            from.is_some_and(|from| record.last().position > from)
        };
        let jobs = ledger
            .jobs
            .iter()
            .filter(|(_, record)| !record.removed && *record.owner() == self.owner);
        let wanted = jobs.filter(|(job, record)| named(job) || grouped(record));
        wanted.map(|(job, record)| (*job, record)).collect()
    }

    /// Jobs of which they have not seen the end.
    pub fn unfinished(&self, world: &World) -> Vec<JobId> {
        let ledger = world.ledger();
        let state = self.state();
        let open = state.seen.iter().filter(|(job, seq)| {
            let seen = ledger.jobs[*job].state(**seq).expect("what was seen was stored");
            !seen.snapshot.status.is_terminal()
        });
        open.map(|(job, _)| *job).collect()
    }
}
