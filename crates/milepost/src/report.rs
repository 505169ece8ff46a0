//! What is reported of work that is done outside this server becomes events.
//! Enters: reports of a job of the pipeline `external`, by its owner. Leaves: the
//! job's new state. Never: leases a job, or takes a report for work that the
//! server does itself.

use std::sync::Arc;

use milepost_core::{
    Agent, Caller, Denied, EventKind, Failure, JobId, Pipeline, Scope, Snapshot, StageStatus,
    Status, Unit,
};

use crate::journal::Journal;
use crate::store::{Appended, Decision, StoreError, TextRow};

/// Stands in a log for a worker whose name is not known.
const WORKER: &str = "external";

/// What a worker says of its progress; what is absent stays as it was.
#[derive(Debug, Default)]
pub struct Report {
    /// The stage that is under way; without it the one that was, or the first.
    pub stage: Option<String>,
    /// Units done in it.
    pub done: Option<u64>,
    /// Units in all.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: Option<Unit>,
    /// For a person.
    pub message: Option<String>,
    /// All parties that work on it.
    pub agents: Option<Vec<Agent>>,
}

/// Why a report was not taken.
#[derive(Debug)]
pub enum ReportError {
    /// There is no such job for this caller.
    NotFound,
    /// The caller sees it, and may not report on it.
    Forbidden,
    /// The server works on this job itself.
    NotExternal,
    /// It has ended, or waits for its confirmation.
    Conflict(Box<Snapshot>),
    /// The plan has no such stage.
    UnknownStage,
    /// The work is in a later stage already.
    StageOver,
    /// The store failed.
    Store(StoreError),
}

impl From<Denied> for ReportError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Hidden => Self::NotFound,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}

impl From<StoreError> for ReportError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Takes reports; cheap to clone.
#[derive(Clone)]
pub struct Reports {
    journal: Journal,
}

impl Reports {
    /// Reports go to `journal`.
    pub const fn new(journal: Journal) -> Self {
        Self { journal }
    }

    /// Records progress. The first report makes the job `running`. Whoever
    /// reports on a cancelled job learns it from the snapshot.
    ///
    /// # Errors
    /// See [`ReportError`]; then nothing is stored.
    pub async fn progress(
        &self,
        caller: &Caller,
        job: JobId,
        report: Report,
    ) -> Result<Arc<Snapshot>, ReportError> {
        self.record(caller, job, move |job| {
            if job.status == Status::Cancelled {
                return Ok(Decision::default());
            }
            let mut events = begun(job)?;
            if let Some(stage) = next_stage(job, report.stage.as_deref())? {
                let (unit, total) = (report.unit.clone(), report.total);
                events.push(EventKind::Stage { stage, unit, total, document: None });
            }
            let Report { done, total, unit, message, .. } = report;
            // A report that says nothing is a sign of life, and recorded as such.
            let silent = report.agents.is_none() && events.is_empty();
            if done.is_some() || total.is_some() || message.is_some() || silent {
                events.push(EventKind::Advanced {
                    done,
                    total,
                    unit,
                    message,
                    stalled: false,
                    documents: None,
                });
            }
            events.extend(report.agents.map(|agents| EventKind::Reported { agents }));
            Ok(Decision { events, ..Decision::default() })
        })
        .await
    }

    /// Ends the job with its result.
    ///
    /// # Errors
    /// See [`ReportError`]; then nothing is stored.
    pub async fn complete(
        &self,
        caller: &Caller,
        job: JobId,
        result: Option<TextRow>,
    ) -> Result<Arc<Snapshot>, ReportError> {
        self.record(caller, job, move |job| {
            let mut events = begun(job)?;
            let texts: Vec<_> = result.into_iter().collect();
            let formats = texts.iter().map(|text| text.format.clone()).collect();
            events.push(EventKind::Completed { formats, reused: None });
            Ok(Decision { events, texts, ..Decision::default() })
        })
        .await
    }

    /// Ends the job without a result. Nobody retries it but its owner.
    ///
    /// # Errors
    /// See [`ReportError`]; then nothing is stored.
    pub async fn fail(
        &self,
        caller: &Caller,
        job: JobId,
        failure: Failure,
    ) -> Result<Arc<Snapshot>, ReportError> {
        self.record(caller, job, move |job| {
            let mut events = begun(job)?;
            events.push(EventKind::Failed { failure });
            Ok(Decision { events, ..Decision::default() })
        })
        .await
    }

    async fn record(
        &self,
        caller: &Caller,
        job: JobId,
        decide: impl FnOnce(&Snapshot) -> Result<Decision, ReportError> + Send + 'static,
    ) -> Result<Arc<Snapshot>, ReportError> {
        let caller = caller.clone();
        let appended = self
            .journal
            .append(job, move |job| {
                caller.check(Scope::Work, &job.owner, Some(job.id))?;
                if job.pipeline != Pipeline::External {
                    return Err(ReportError::NotExternal);
                }
                decide(job)
            })
            .await?;
        match appended {
            Appended::Done(snapshot) => Ok(snapshot),
            Appended::Refused(refusal) => Err(refusal),
            Appended::NotFound => Err(ReportError::NotFound),
        }
    }
}

/// What precedes a report: nothing, or the start of the attempt.
fn begun(job: &Snapshot) -> Result<Vec<EventKind>, ReportError> {
    match job.status {
        Status::Running => Ok(Vec::new()),
        Status::Queued => Ok(vec![EventKind::Started { worker: WORKER.to_owned() }]),
        _ => Err(ReportError::Conflict(Box::new(job.clone()))),
    }
}

/// The stage that begins with a report from `wanted`, if one does.
fn next_stage(job: &Snapshot, wanted: Option<&str>) -> Result<Option<String>, ReportError> {
    let Some(wanted) = wanted else { return Ok(None) };
    let at = job.stages.iter().position(|stage| stage.name == wanted);
    let at = at.ok_or(ReportError::UnknownStage)?;
    // With its start a job enters its first stage.
    let first = if job.status == Status::Queued { Some(0) } else { None };
    let running = job.stages.iter().position(|stage| stage.status == StageStatus::Running);
    match running.or(first) {
        Some(running) if at == running => Ok(None),
        Some(running) if at < running => Err(ReportError::StageOver),
        _ => Ok(Some(wanted.to_owned())),
    }
}
