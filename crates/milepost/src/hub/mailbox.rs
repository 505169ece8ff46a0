//! What one connection has still to be sent. Enters: frames, as fast as they
//! come. Leaves: frames, as fast as the reader takes them. Never: grows with the
//! slowness of the reader. Pure: time is passed in, nothing waits here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use milepost_core::{JobId, Seq, Snapshot};
use tokio::time::Instant;

use super::frame::{Frame, QueuePlace};

/// Frames that may wait for one job: in `latest` these are boundaries only, so
/// that a job would have to change its stage so often while nobody reads.
const MAX_PENDING: usize = 256;

/// Ended jobs that are remembered before the ones behind us are forgotten.
const MAX_ENDED: usize = 64;

/// What a watcher wants of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The newest state, and every boundary.
    Latest {
        /// The least time between two frames that are no boundaries.
        interval: Duration,
    },
    /// Every event's state.
    All,
}

/// One thing to send.
pub enum Delivery {
    /// An update.
    Frame(Arc<Frame>),
    /// A waiting job moved up.
    Queue(JobId, QueuePlace),
    /// A job is gone.
    Removed(JobId),
    /// The job's tokens of an earlier epoch than this are void.
    Revoked(JobId, u64),
}

impl Delivery {
    /// The job that a notice is about.
    const fn job(&self) -> Option<JobId> {
        match self {
            Self::Frame(_) => None,
            Self::Queue(job, _) | Self::Removed(job) | Self::Revoked(job, _) => Some(*job),
        }
    }
}

/// What there is to do for a connection.
pub(super) enum Next {
    Deliver(Delivery),
    /// The log must be read for this job, behind the given snapshot.
    Replay(JobId, Seq, Option<Arc<Snapshot>>),
    /// Nothing may be sent before then.
    NotBefore(Instant),
    Nothing,
    TooSlow,
}

#[derive(Default)]
pub(super) struct Mailbox {
    jobs: HashMap<JobId, Watched>,
    /// Jobs with something to send, each at most once.
    ready: VecDeque<JobId>,
    notices: VecDeque<Delivery>,
    /// Jobs of a group whose end was sent, with its seq and position. What the
    /// first look at the store showed may still be announced behind it.
    ended: HashMap<JobId, (Seq, u64)>,
    /// The client of a resumed stream has everything up to this position.
    since: u64,
    too_slow: bool,
}

struct Watched {
    mode: Mode,
    /// Whether the connection named this job, rather than a group it is in.
    named: bool,
    /// The newest frame that was queued or sent.
    last: Option<Arc<Frame>>,
    /// The seq of that frame, or what the client said it had.
    seq: Seq,
    pending: VecDeque<Pending>,
    last_sent: Option<Instant>,
    in_ready: bool,
    /// Only in `all`: live frames are left to the log until it was read up to
    /// them.
    replaying: bool,
    /// The highest seq that was left to the log. A reading of the log that began
    /// before that event was committed does not have it.
    left_to_log: Seq,
}

struct Pending {
    frame: Arc<Frame>,
    boundary: bool,
}

impl Mailbox {
    /// Begins to watch a job, named by the client, of which it has `after`
    /// already. In `all` the log is read first. A second subscription replaces
    /// the first.
    pub(super) fn watch(&mut self, job: JobId, mode: Mode, after: Seq) {
        let replaying = mode == Mode::All;
        self.insert(job, mode, true, after, replaying);
        if replaying {
            self.make_ready(job);
        }
    }

    fn insert(&mut self, job: JobId, mode: Mode, named: bool, after: Seq, replaying: bool) {
        let watched = Watched {
            mode,
            named,
            last: None,
            seq: after,
            pending: VecDeque::new(),
            last_sent: None,
            in_ready: false,
            replaying,
            left_to_log: Seq(0),
        };
        self.ready.retain(|other| *other != job);
        self.jobs.insert(job, watched);
    }

    /// Begins to watch a job of a group in [`Mode::All`], behind `after`.
    pub(super) fn watch_in_group(&mut self, job: JobId, mode: Mode, after: Seq) {
        if self.jobs.get(&job).is_none_or(|watched| !watched.named) {
            self.insert(job, mode, false, after, true);
            self.make_ready(job);
        }
    }

    pub(super) fn unwatch(&mut self, job: JobId) {
        self.jobs.remove(&job);
        self.ready.retain(|other| *other != job);
        // Else whoever was refused would hear what happened while that was found out.
        self.notices.retain(|notice| notice.job() != Some(job));
    }

    /// Forgets the jobs that the client did not name, but for those of other groups.
    pub(super) fn unwatch_groups(&mut self, other: impl Fn(&Snapshot) -> bool) {
        self.jobs.retain(|_, w| w.named || w.last.as_ref().is_some_and(|f| other(&f.snapshot)));
        self.ended.clear();
        let jobs = &self.jobs;
        self.ready.retain(|job| jobs.contains_key(job));
    }

    pub(super) fn watches(&self, job: JobId) -> bool {
        self.jobs.contains_key(&job)
    }

    /// Takes an update; `group` is the mode for a job that only belongs to a
    /// watched group and is not known here yet.
    pub(super) fn push(&mut self, frame: &Arc<Frame>, group: Option<Mode>) {
        let job = frame.snapshot.id;
        if !self.jobs.contains_key(&job) {
            let Some(mode) = group else { return };
            if self.ended.get(&job).is_some_and(|(seq, _)| frame.seq() <= *seq) {
                return;
            }
            self.ended.remove(&job);
            // A group is followed from now on: what came before this event is
            // not replayed.
            self.insert(job, mode, false, Seq(frame.seq().0 - 1), false);
        }
        let Some(watched) = self.jobs.get_mut(&job) else { return };
        if frame.seq() <= watched.seq {
            return;
        }
        match watched.mode {
            Mode::Latest { .. } => watched.push_latest(frame),
            Mode::All if !watched.replaying && frame.seq() == watched.seq.next() => {
                watched.push_boundary(frame);
            }
            // A gap, or a reading under way: the log has what is missing.
            Mode::All => {
                watched.replaying = true;
                watched.left_to_log = watched.left_to_log.max(frame.seq());
            }
        }
        self.too_slow |= watched.pending.len() > MAX_PENDING;
        self.make_ready(job);
    }

    /// Takes what the first look at the store has shown. Where an announcement was
    /// faster, all that follow it come that way, and each boundary between.
    pub(super) fn begin(&mut self, frame: &Arc<Frame>, group: Option<Mode>) {
        if self.jobs.get(&frame.snapshot.id).is_none_or(|watched| watched.last.is_none()) {
            self.push(frame, group);
        }
    }

    /// As [`Mailbox::push`], where the announcements before this one were missed:
    /// of a job that is not known here yet, `all` is in the log.
    pub(super) fn push_missed(&mut self, frame: &Arc<Frame>, group: Option<Mode>) {
        let job = frame.snapshot.id;
        if group == Some(Mode::All) && !self.jobs.contains_key(&job) {
            let ended = self.ended.get(&job).map_or(Seq(0), |(seq, _)| *seq);
            if frame.seq() > ended {
                self.watch_in_group(job, Mode::All, ended);
            }
            return;
        }
        self.push(frame, group);
    }

    /// The job was removed before `position`, and announcements of it may follow.
    pub(super) fn gone_by(&mut self, job: JobId, position: u64) {
        self.ended.insert(job, (Seq(u64::MAX), position));
    }

    /// The jobs that are watched, each with the seq that the client has, or will have.
    pub(super) fn jobs(&self) -> impl Iterator<Item = (JobId, Seq)> {
        self.jobs.iter().map(|(job, watched)| (*job, watched.seq))
    }

    /// Every change up to `position` was announced, and is in here, so none of an older
    /// end is still to come.
    pub(super) fn passed(&mut self, position: u64) {
        // The hub says so of all only once it has told the others, too.
        self.since = self.since.max(position);
        if self.ended.len() > MAX_ENDED {
            self.ended.retain(|_, (_, ended)| *ended >= position);
        }
    }

    /// Drops what is queued for a job and was so at `position` already.
    pub(super) fn forget_until(&mut self, job: JobId, position: u64) {
        if let Some(watched) = self.jobs.get_mut(&job) {
            watched.pending.retain(|pending| pending.frame.position > position);
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.notices.is_empty()
            && self
                .ready
                .iter()
                .all(|job| self.jobs.get(job).is_none_or(|w| w.pending.is_empty() && !w.replaying))
    }

    /// Takes frames from the log, which follow what was queued. `behind` says
    /// whether the log has more.
    pub(super) fn replayed(&mut self, job: JobId, frames: Vec<Arc<Frame>>, behind: bool) {
        let Some(watched) = self.jobs.get_mut(&job) else { return };
        for frame in frames {
            if frame.seq() == watched.seq.next() {
                watched.push_boundary(&frame);
            }
        }
        watched.replaying = behind || watched.left_to_log > watched.seq;
        if watched.replaying || !watched.pending.is_empty() {
            self.make_ready(job);
        }
    }

    /// Puts a notice before the frames; at most one of a kind for a job.
    pub(super) fn notice(&mut self, notice: Delivery) {
        let same = |other: &Delivery| match (other, &notice) {
            (Delivery::Queue(a, _), Delivery::Queue(b, _))
            | (Delivery::Removed(a), Delivery::Removed(b))
            | (Delivery::Revoked(a, _), Delivery::Revoked(b, _)) => a == b,
            _ => false,
        };
        self.notices.retain(|other| !same(other));
        if let Delivery::Removed(job) = notice {
            self.unwatch(job);
        }
        self.notices.push_back(notice);
    }

    /// The client has everything up to `position`.
    pub(super) fn resume_from(&mut self, position: u64) {
        self.since = position;
    }

    /// What was collected goes out oldest change first: the position then moves
    /// with every frame, and a client whose connections are short gets on all the
    /// same.
    pub(super) fn sort(&mut self) {
        let jobs = &self.jobs;
        let newest =
            |job: &JobId| jobs.get(job).and_then(|w| w.pending.back()).map(|p| p.frame.position);
        self.ready.make_contiguous().sort_by_key(newest);
    }

    /// A position such that every watched job's changes up to it were sent. All up
    /// to `published` were put in here, so what is not pending was.
    pub(super) fn position(&self, published: u64) -> u64 {
        let newest = |job: &JobId| self.jobs.get(job)?.pending.back().map(|p| p.frame.position);
        let pending = self.ready.iter().filter_map(newest).min();
        let sent = published.max(self.since);
        pending.map_or(sent, |pending| sent.min(pending.saturating_sub(1)))
    }

    /// The next thing to do at `now`.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        if self.too_slow {
            return Next::TooSlow;
        }
        if let Some(notice) = self.notices.pop_front() {
            return Next::Deliver(notice);
        }
        let mut earliest: Option<Instant> = None;
        for _ in 0..self.ready.len() {
            let Some(job) = self.ready.pop_front() else { break };
            let Some(watched) = self.jobs.get_mut(&job) else { continue };
            let Some(head) = watched.pending.front() else {
                watched.in_ready = false;
                if watched.replaying {
                    let base = watched.last.as_ref().map(|frame| frame.snapshot.clone());
                    let seq = watched.seq;
                    // Stays ready: the reading may be given up half way.
                    self.make_ready(job);
                    return Next::Replay(job, seq, base);
                }
                continue;
            };
            if let (false, Some(due)) = (head.boundary, watched.due())
                && due > now
            {
                // A boundary behind it is not for holding back, and its time is
                // over then.
                if watched.pending.len() == 1 {
                    earliest = Some(earliest.map_or(due, |other| other.min(due)));
                    self.ready.push_back(job);
                    continue;
                }
                watched.pending.pop_front();
            }
            return self.send(job, now);
        }
        earliest.map_or(Next::Nothing, Next::NotBefore)
    }

    fn send(&mut self, job: JobId, now: Instant) -> Next {
        let watched = self.jobs.get_mut(&job).expect("next() found it there");
        let sent = watched.pending.pop_front().expect("next() found it there");
        watched.last_sent = Some(now);
        let more = !watched.pending.is_empty() || watched.replaying;
        watched.in_ready = more;
        if more {
            self.ready.push_back(job);
        } else if sent.frame.snapshot.status.is_terminal() && !watched.named {
            // Of a group, only what moves is kept.
            self.jobs.remove(&job);
            self.ended.insert(job, (sent.frame.seq(), sent.frame.position));
        }
        Next::Deliver(Delivery::Frame(sent.frame))
    }

    fn make_ready(&mut self, job: JobId) {
        if let Some(watched) = self.jobs.get_mut(&job)
            && !watched.in_ready
        {
            watched.in_ready = true;
            self.ready.push_back(job);
        }
    }
}

impl Watched {
    fn push_latest(&mut self, frame: &Arc<Frame>) {
        let boundary =
            self.last.as_ref().is_none_or(|l| frame.snapshot.is_boundary_after(&l.snapshot));
        match self.pending.back_mut() {
            Some(tail) if !boundary => tail.frame = frame.clone(),
            _ => self.pending.push_back(Pending { frame: frame.clone(), boundary }),
        }
        self.took(frame);
    }

    fn push_boundary(&mut self, frame: &Arc<Frame>) {
        self.pending.push_back(Pending { frame: frame.clone(), boundary: true });
        self.took(frame);
    }

    fn took(&mut self, frame: &Arc<Frame>) {
        self.seq = frame.seq();
        self.last = Some(frame.clone());
    }

    /// When a frame that is no boundary may go out.
    fn due(&self) -> Option<Instant> {
        match self.mode {
            Mode::Latest { interval } => self.last_sent.map(|sent| sent + interval),
            Mode::All => None,
        }
    }
}
