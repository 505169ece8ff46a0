//! The native form of a snapshot: a pure function of a frame.

use axum::body::Bytes;
use milepost_core::{
    Agent, BatchId, DocumentId, DocumentInfo, JobId, Pipeline, Seq, Snapshot, StageState,
    StageStatus, Status, Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::hub::{Encoding, Frame};
use crate::transport::ws;

/// The complete current state of a job.
#[derive(Serialize, ToSchema)]
pub struct Job<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: JobId,
    /// One more at every change.
    #[schema(value_type = u64, minimum = 1)]
    seq: Seq,
    #[schema(value_type = String, example = "convert")]
    pipeline: Pipeline,
    #[schema(value_type = StatusWord)]
    status: Status,
    #[schema(minimum = 1)]
    attempt: u32,
    /// The attempt after which no automatic retry is left.
    max_attempts: u32,
    /// Percent, with at most one decimal; 100 only when completed.
    #[schema(minimum = 0, maximum = 100)]
    progress: f64,
    /// The stage under way, or the one in which the job ended early.
    stage: Option<&'a str>,
    stages: Vec<Stage<'a>>,
    /// For a person.
    message: &'a str,
    /// Seconds until the end, from the rate measured so far.
    eta_seconds: Option<u64>,
    /// While the job waits in the queue.
    queue: Option<Queue>,
    document: Option<Document<'a>>,
    documents: Documents,
    #[schema(value_type = Option<String>, format = Uuid)]
    batch: Option<BatchId>,
    #[schema(value_type = Option<String>)]
    collection: Option<()>,
    /// Where the job's worker reports any.
    agents: Option<Vec<AgentState<'a>>>,
    result: Option<ResultLink<'a>>,
    error: Option<JobError<'a>>,
    #[schema(value_type = Option<Value>)]
    metadata: Option<&'a Value>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

/// Where a job stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words of `Status` to readers of the API")]
pub enum StatusWord {
    Awaiting,
    Queued,
    Running,
    Completed,
    Failed,
    Cancelled,
}

#[derive(Serialize, ToSchema)]
struct Stage<'a> {
    name: &'a str,
    /// `pending`, `running`, `completed`, or, where the job ended early in it,
    /// `failed` or `cancelled`.
    #[schema(value_type = String)]
    status: StageStatus,
    unit: Option<&'a str>,
    done: Option<u64>,
    total: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct Queue {
    /// From 1.
    position: u64,
    length: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = JobDocument)]
struct Document<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: DocumentId,
    filename: &'a str,
    media_type: &'a str,
    bytes: u64,
    /// Once known, and for kinds that have pages.
    pages: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct Documents {
    total: u64,
    done: u64,
}

#[derive(Serialize, ToSchema)]
struct AgentState<'a> {
    name: &'a str,
    status: &'a str,
    /// Percent.
    progress: Option<f64>,
    message: Option<&'a str>,
}

#[derive(Serialize, ToSchema)]
struct ResultLink<'a> {
    url: String,
    formats: &'a [String],
    /// The job that made it, where nothing was converted for this one; it may be
    /// gone since.
    #[schema(value_type = Option<String>, format = Uuid)]
    reused_from: Option<JobId>,
}

#[derive(Serialize, ToSchema)]
struct JobError<'a> {
    /// For a program.
    code: &'a str,
    /// For a person.
    message: &'a str,
    retryable: bool,
}

impl<'a> Job<'a> {
    /// The snapshot of a frame.
    pub fn new(frame: &'a Frame) -> Self {
        let job: &Snapshot = &frame.snapshot;
        let completed = job.status == Status::Completed;
        Self {
            id: job.id,
            seq: job.seq,
            pipeline: job.pipeline,
            status: job.status,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            progress: job.progress.percent(),
            stage: job.stage().map(|stage| stage.name.as_str()),
            stages: job.stages.iter().map(Stage::new).collect(),
            message: &job.message,
            eta_seconds: job.eta_seconds(frame.at),
            queue: frame
                .queue
                .map(|place| Queue { position: place.position, length: place.length }),
            document: job.document.as_ref().map(Document::new),
            documents: Documents {
                total: u64::from(job.document.is_some() || job.fetches()),
                done: u64::from(completed),
            },
            batch: job.batch,
            collection: None,
            agents: (!job.agents.is_empty())
                .then(|| job.agents.iter().map(AgentState::new).collect()),
            result: (completed && !job.formats.is_empty()).then(|| ResultLink {
                url: format!("/v1/jobs/{}/result", job.id),
                formats: &job.formats,
                reused_from: job.reused,
            }),
            error: job.failure.as_ref().map(|failure| JobError {
                code: failure.code.as_str(),
                message: &failure.message,
                retryable: failure.retryable,
            }),
            metadata: job.metadata.as_ref(),
            created_at: job.created_at,
            started_at: job.started_at,
            updated_at: job.updated_at,
            finished_at: job.finished_at,
        }
    }
}

impl<'a> Stage<'a> {
    fn new(stage: &'a StageState) -> Self {
        Self {
            name: &stage.name,
            status: stage.status,
            unit: stage.unit.as_ref().map(milepost_core::Unit::as_str),
            done: stage.done,
            total: stage.total,
            started_at: stage.started_at,
            finished_at: stage.finished_at,
        }
    }
}

impl<'a> AgentState<'a> {
    fn new(agent: &'a Agent) -> Self {
        Self {
            name: &agent.name,
            status: &agent.status,
            progress: agent.progress,
            message: agent.message.as_deref(),
        }
    }
}

impl<'a> Document<'a> {
    fn new(document: &'a DocumentInfo) -> Self {
        Self {
            id: document.id,
            filename: &document.filename,
            media_type: &document.media_type,
            bytes: document.bytes,
            pages: document.pages,
        }
    }
}

/// The snapshot as JSON.
pub fn json(frame: &Frame) -> String {
    serde_json::to_string(&Job::new(frame)).expect("a snapshot has only string keys")
}

/// The frame as a WebSocket message, encoded once for all who watch.
pub fn socket(frame: &Frame) -> Bytes {
    frame.encoded(Encoding::NATIVE_SOCKET, |frame| {
        ws::text(&format!(r#"{{"type":"snapshot","job":{}}}"#, json(frame)))
    })
}

/// The frame as an SSE event with its seq as id, encoded once for all who watch.
pub fn sse_of_job(frame: &Frame) -> Bytes {
    frame.encoded(Encoding::NATIVE_SSE_JOB, |frame| {
        format!("id: {}\nevent: snapshot\ndata: {}\n\n", frame.seq(), json(frame)).into()
    })
}

/// The frame as an SSE event without its id, encoded once for all who watch.
pub fn sse(frame: &Frame) -> Bytes {
    frame.encoded(Encoding::NATIVE_SSE, |frame| {
        format!("event: snapshot\ndata: {}\n\n", json(frame)).into()
    })
}
