//! The complete state of a job: the fold of its events. `apply` holds every
//! transition there is, so whatever a job can become is read off in one match.
//! Enters: events in order. Leaves: snapshots. Never: skips or reorders one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Agent, DocumentInfo, DocumentNews, Event, EventKind, Submitted};
use crate::failure::Failure;
use crate::id::{BatchId, CollectionName, JobId, OwnerId, Seq};
use crate::plan::{FETCHING, Pipeline, Plan, Unit};
use crate::progress::{self, Progress};
use crate::status::{StageState, StageStatus, Status};
use crate::time::Timestamp;

/// The event does not fit the job's state; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its seq is not the next one.
    #[error("event {got} does not follow event {have}")]
    OutOfOrder {
        /// The seq of the snapshot.
        have: Seq,
        /// The seq of the event.
        got: Seq,
    },
    /// The job's status does not allow it.
    #[error("not possible while the job is {}", .0.as_str())]
    Status(Status),
    /// The job's plan has no such stage.
    #[error("the plan has no stage of that name")]
    UnknownStage,
    /// A log begins with `submitted` and has it once.
    #[error("a log has `submitted` first and only there")]
    NotFirst,
    /// The job has no document yet.
    #[error("the job has no document yet")]
    NoDocument,
}

/// The documents of a job that has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    /// How many there are.
    pub total: u64,
    /// How many of them can be found; what was done stays so until a retry of all.
    pub done: u64,
}

/// The complete current state of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which job.
    pub id: JobId,
    /// Whose.
    pub owner: OwnerId,
    /// The last event in it.
    pub seq: Seq,
    /// What the job does.
    pub pipeline: Pipeline,
    /// Where it stands.
    pub status: Status,
    /// From 1; the next one begins at `requeued` and `retried`.
    pub attempt: u32,
    /// The attempt after which no automatic retry is left.
    pub max_attempts: u32,
    /// Attempts that ended early, for whatever reason.
    pub losses: u32,
    /// How often a worker took the lease. A report under an older number is
    /// refused.
    pub fence: u64,
    /// Never goes down within an attempt.
    pub progress: Progress,
    /// The stages in order.
    pub stages: Vec<StageState>,
    /// What a person may read beside the progress bar.
    pub message: String,
    /// The parties that work on it, as the worker last reported them.
    #[serde(default)]
    pub agents: Vec<Agent>,
    /// Nothing was reported for longer than is usual.
    #[serde(default)]
    pub stalled: bool,
    /// The document.
    pub document: Option<DocumentInfo>,
    /// The batch it belongs to.
    pub batch: Option<BatchId>,
    /// The options as sent, without secrets.
    pub options: Value,
    /// What the submitter attached.
    pub metadata: Option<Value>,
    /// Higher goes first among the owner's own jobs.
    pub priority: i32,
    /// The formats of the result; empty before the end.
    pub formats: Vec<String>,
    /// The job that made the result, where it was not this one.
    #[serde(default)]
    pub reused: Option<JobId>,
    /// No earlier result will do.
    #[serde(default)]
    pub force: bool,
    /// The collection that it fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionName>,
    /// Its documents, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<Documents>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The earliest start of the attempt that waits.
    pub not_before: Timestamp,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When a worker first took it up, since the submission or the last retry.
    pub started_at: Option<Timestamp>,
    /// When the last event was recorded.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Snapshot {
    /// The state after a job's first event.
    ///
    /// # Errors
    /// Where that event is not `submitted` with seq 1.
    pub fn begin(id: JobId, event: &Event) -> Result<Self, Refused> {
        let EventKind::Submitted(submitted) = &event.kind else { return Err(Refused::NotFirst) };
        if event.seq != Seq(1) {
            return Err(Refused::OutOfOrder { have: Seq(0), got: event.seq });
        }
        Ok(Self::from_submission(id, submitted, event.at))
    }

    /// The state after all of a job's events; `None` for an empty log.
    ///
    /// # Errors
    /// Where an event does not follow from those before it.
    pub fn fold<'a>(
        id: JobId,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Option<Self>, Refused> {
        let mut events = events.into_iter();
        let Some(first) = events.next() else { return Ok(None) };
        let mut snapshot = Self::begin(id, first)?;
        for event in events {
            snapshot.apply(event)?;
        }
        Ok(Some(snapshot))
    }

    /// Moves on by one event.
    ///
    /// # Errors
    /// Where the event is out of order or does not fit the state; the snapshot
    /// is then as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), Refused> {
        if event.seq != self.seq.next() {
            return Err(Refused::OutOfOrder { have: self.seq, got: event.seq });
        }
        let at = event.at;
        match (&event.kind, self.status) {
            (EventKind::Submitted(_), _) => return Err(Refused::NotFirst),
            (EventKind::Confirmed { document, options, plan }, Status::Awaiting) => {
                let fetches = plan.as_ref().map_or_else(|| self.fetches(), Plan::fetches);
                let has = self.document.is_some() || self.documents.is_some();
                let brings = document.is_some() || has || fetches;
                // Whoever works on an external job may not need one.
                if !brings && self.needs_worker() {
                    return Err(Refused::NoDocument);
                }
                if let Some(plan) = plan {
                    self.stages = plan.stages().iter().map(StageState::pending).collect();
                    self.document = None;
                }
                if document.is_some() {
                    self.document.clone_from(document);
                }
                if let Some(options) = options {
                    self.options = options.clone();
                }
                self.status = Status::Queued;
                self.not_before = at;
                self.message = "Waiting for a worker".to_owned();
            }
            (EventKind::Started { .. }, Status::Queued) => {
                self.status = Status::Running;
                self.fence += 1;
                self.started_at.get_or_insert(at);
                // A document that was fetched before is not fetched again.
                let pending = |stage: &&mut StageState| stage.status == StageStatus::Pending;
                if let Some(first) = self.stages.iter_mut().find(pending) {
                    first.status = StageStatus::Running;
                    first.started_at = Some(at);
                }
                self.advance();
            }
            (EventKind::Stage { stage, unit, total, document }, Status::Running) => {
                let index = self.stages.iter().position(|s| s.name == *stage);
                let index = index.ok_or(Refused::UnknownStage)?;
                // What a worker passed over is over, too.
                for earlier in &mut self.stages[..index] {
                    if earlier.status != StageStatus::Completed {
                        earlier.end(StageStatus::Completed, at);
                    }
                }
                let entered = &mut self.stages[index];
                entered.status = StageStatus::Running;
                entered.started_at = Some(at);
                entered.unit.clone_from(unit);
                entered.total = *total;
                entered.done = total.map(|total| entered.taken_over.min(total));
                match (document, &mut self.document) {
                    (Some(DocumentNews::Stored(stored)), _) => {
                        self.document = Some(stored.clone());
                    }
                    (Some(DocumentNews::Found(facts)), Some(document)) => {
                        document.learn(facts);
                    }
                    _ => {}
                }
                self.advance();
            }
            (EventKind::Page { .. }, Status::Running) => {
                let stage = self.running_mut().ok_or(Refused::UnknownStage)?;
                stage.done = Some(stage.done.unwrap_or(0) + 1);
                stage.advanced_at = Some(at);
                self.advance();
            }
            (
                EventKind::Advanced { done, total, unit, documents, message, .. },
                Status::Running,
            ) => {
                let stage = self.running_mut().ok_or(Refused::UnknownStage)?;
                if unit.is_some() {
                    stage.unit.clone_from(unit);
                }
                stage.total = total.or(stage.total);
                if done.is_some() {
                    stage.done = *done;
                    stage.advanced_at = Some(at);
                }
                if let (Some(done), Some(all)) = (documents, &mut self.documents) {
                    all.done = all.done.max(*done).min(all.total);
                }
                self.advance();
                if let Some(message) = message {
                    self.message.clone_from(message);
                }
            }
            (EventKind::Reported { agents }, Status::Running) => {
                self.agents.clone_from(agents);
            }
            (EventKind::Requeued { failure, counted, not_before }, Status::Running) => {
                self.losses += 1;
                if !counted {
                    self.max_attempts += 1;
                }
                self.next_attempt(*not_before);
                self.message = match failure {
                    Some(failure) => format!("Waiting to try again: {}", failure.message),
                    None => "Waiting for a worker to go on".to_owned(),
                };
            }
            (EventKind::Retried { max_attempts, again }, status) if status.is_terminal() => {
                self.max_attempts = *max_attempts;
                self.losses = 0;
                self.failure = None;
                self.formats.clear();
                self.reused = None;
                self.started_at = None;
                self.finished_at = None;
                // Only pages are ever tried again, so only they are counted back.
                for stage in self.stages.iter_mut().filter(|s| s.unit == Some(Unit::page())) {
                    stage.done = stage.done.map(|done| done.saturating_sub(again.len() as u64));
                    if !again.is_empty() {
                        stage.status = StageStatus::Pending;
                    }
                }
                if let Some(all) = &mut self.documents {
                    all.done = 0;
                }
                self.next_attempt(at);
                if status == Status::Completed && self.pipeline == Pipeline::Ingest {
                    // What was read is kept, and all of it is done again.
                    self.forget_behind_pages();
                }
                self.message = "Waiting for a worker".to_owned();
            }
            // What is there already needs no worker.
            (EventKind::Completed { reused: None, .. }, Status::Queued) => {
                return Err(Refused::Status(Status::Queued));
            }
            (EventKind::Completed { reused: Some(_), .. }, Status::Running | Status::Queued)
                if self.document.is_none() =>
            {
                return Err(Refused::NoDocument);
            }
            (EventKind::Completed { formats, reused }, Status::Running | Status::Queued) => {
                for stage in &mut self.stages {
                    if stage.status != StageStatus::Completed {
                        stage.end(StageStatus::Completed, at);
                    }
                }
                self.formats.clone_from(formats);
                if let (Some(reused), Some(document)) = (reused, &mut self.document) {
                    document.learn(&reused.document);
                }
                self.reused = reused.as_ref().map(|reused| reused.job);
                let message = match (reused, self.documents) {
                    (Some(_), _) => "Completed, as it was converted before".to_owned(),
                    (None, Some(Documents { total, done })) if done < total => {
                        format!(
                            "Completed; {} of {total} documents could not be read",
                            total - done
                        )
                    }
                    (None, _) => "Completed".to_owned(),
                };
                self.finish(Status::Completed, at, &message);
                self.progress = Progress::DONE;
            }
            (
                EventKind::Failed { failure },
                Status::Awaiting | Status::Queued | Status::Running,
            ) => {
                self.end_running_stage(StageStatus::Failed, at);
                self.finish(Status::Failed, at, &failure.message);
                self.failure = Some(failure.clone());
            }
            (EventKind::Cancelled, Status::Awaiting | Status::Queued | Status::Running) => {
                self.end_running_stage(StageStatus::Cancelled, at);
                self.finish(Status::Cancelled, at, "Cancelled");
            }
            (
                EventKind::Confirmed { .. }
                | EventKind::Started { .. }
                | EventKind::Stage { .. }
                | EventKind::Page { .. }
                | EventKind::Advanced { .. }
                | EventKind::Reported { .. }
                | EventKind::Requeued { .. }
                | EventKind::Retried { .. }
                | EventKind::Completed { .. }
                | EventKind::Failed { .. }
                | EventKind::Cancelled,
                status,
            ) => return Err(Refused::Status(status)),
        }
        self.seq = event.seq;
        self.updated_at = at;
        self.stalled = matches!(event.kind, EventKind::Advanced { stalled: true, .. });
        Ok(())
    }

    /// The stage under way, or the one in which the job ended early.
    pub fn stage(&self) -> Option<&StageState> {
        self.stages
            .iter()
            .find(|stage| !matches!(stage.status, StageStatus::Pending | StageStatus::Completed))
    }

    /// Seconds until the end as measured rates tell at `now`; `None` while
    /// nothing was measured.
    pub fn eta_seconds(&self, now: Timestamp) -> Option<u64> {
        // The speed of a download says nothing about that of the work.
        let measured = self.status == Status::Running && !self.fetches();
        measured.then(|| progress::eta_seconds(&self.stages, now))?
    }

    /// Whether the document is yet to be fetched, by the server's own worker.
    pub fn fetches(&self) -> bool {
        let planned = self.stages.first().is_some_and(|stage| stage.name == FETCHING);
        planned && self.document.is_none() && self.needs_worker()
    }

    /// Whether the server's own workers take it from the queue. Whoever
    /// submitted an external job works on it, and waits for nobody.
    pub fn needs_worker(&self) -> bool {
        self.pipeline != Pipeline::External
    }

    /// Whether a watcher who is shown only the newest state must still see the
    /// step from `earlier` to this one.
    pub fn is_boundary_after(&self, earlier: &Self) -> bool {
        self.attempt != earlier.attempt
            || self.status != earlier.status
            || self.stage().map(|s| &s.name) != earlier.stage().map(|s| &s.name)
    }

    fn from_submission(id: JobId, submitted: &Submitted, at: Timestamp) -> Self {
        let stages = submitted.plan.stages().iter().map(StageState::pending);
        let held = submitted.hold;
        Self {
            id,
            owner: submitted.owner.clone(),
            seq: Seq(1),
            pipeline: submitted.pipeline,
            status: if held { Status::Awaiting } else { Status::Queued },
            attempt: 1,
            max_attempts: submitted.max_attempts,
            losses: 0,
            fence: 0,
            progress: Progress::default(),
            stages: stages.collect(),
            message: if held { "Waiting for its confirmation" } else { "Waiting for a worker" }
                .to_owned(),
            agents: Vec::new(),
            stalled: false,
            document: submitted.document.clone(),
            batch: submitted.batch,
            options: submitted.options.clone(),
            metadata: submitted.metadata.clone(),
            priority: submitted.priority,
            formats: Vec::new(),
            reused: None,
            force: submitted.force,
            collection: submitted.collection.clone(),
            documents: submitted.documents.map(|total| Documents { total, done: 0 }),
            failure: None,
            not_before: at,
            created_at: at,
            started_at: None,
            updated_at: at,
            finished_at: None,
        }
    }

    fn running_mut(&mut self) -> Option<&mut StageState> {
        self.stages.iter_mut().find(|stage| stage.status == StageStatus::Running)
    }

    fn end_running_stage(&mut self, status: StageStatus, at: Timestamp) {
        if let Some(stage) = self.running_mut() {
            stage.end(status, at);
        }
    }

    fn finish(&mut self, status: Status, at: Timestamp, message: &str) {
        self.status = status;
        self.finished_at = Some(at);
        message.clone_into(&mut self.message);
    }

    fn next_attempt(&mut self, not_before: Timestamp) {
        self.status = Status::Queued;
        self.attempt += 1;
        self.not_before = not_before;
        self.agents.clear();
        // What is fetched stays so; half of a document is of no use.
        let (fetches, ours) = (self.fetches(), self.needs_worker());
        for stage in &mut self.stages {
            match stage.name == FETCHING && ours {
                // What a pass has made is kept as a whole.
                false
                    if self.pipeline == Pipeline::Ingest
                        && stage.status == StageStatus::Completed => {}
                false if self.pipeline.goes_on() => stage.reset(),
                true if !fetches => {}
                _ => stage.forget(),
            }
        }
        self.progress = Progress::of(&self.stages);
    }

    fn forget_behind_pages(&mut self) {
        let counts = |stage: &&mut StageState| {
            stage.name != FETCHING && !matches!(&stage.unit, Some(unit) if *unit == Unit::page())
        };
        self.stages.iter_mut().filter(counts).for_each(StageState::forget);
        self.progress = Progress::of(&self.stages);
    }

    /// Derives progress and message from the stages.
    fn advance(&mut self) {
        self.progress = self.progress.max(Progress::of(&self.stages));
        if let Some(stage) = self.stage() {
            self.message = describe(stage);
        }
    }
}

/// `Converting page 13 of 40`, or `Converting` where there is nothing to count.
fn describe(stage: &StageState) -> String {
    let mut name = stage.name.replace('_', " ");
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match (&stage.unit, stage.done, stage.total) {
        (Some(unit), Some(done), Some(total)) if *unit == Unit::byte() => {
            format!("{name}, {} of {}", size(done), size(total))
        }
        (Some(unit), Some(done @ 1..), None) if *unit == Unit::byte() => {
            format!("{name}, {} so far", size(done))
        }
        (Some(unit), Some(done), Some(total)) if total > 1 => {
            format!("{name} {} {} of {total}", unit.as_str(), (done + 1).min(total))
        }
        _ => name,
    }
}

/// `12.3 MB`, in the units of storage and transfer, powers of 1000.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
