//! The native form of a snapshot: a pure function of a frame.

use axum::body::Bytes;
use milepost_core::{
    Agent, BatchId, DocumentId, DocumentInfo, JobId, Pipeline, Seq, Snapshot, StageState,
    StageStatus, Status, Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::spoken::ServerMessage;
use crate::hub::{Encoding, Frame};

/// The complete current state of a job.
#[derive(Serialize, ToSchema)]
pub struct Job<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: JobId,
    /// One more at every change.
    #[schema(value_type = u64, minimum = 1)]
    seq: Seq,
    #[schema(value_type = PipelineName)]
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
    #[schema(required)]
    stage: Option<&'a str>,
    stages: Vec<Stage<'a>>,
    /// For a person.
    message: &'a str,
    /// Whether nothing was heard of the work for longer than is usual.
    stalled: bool,
    /// Seconds until the end, from the rate measured so far.
    #[schema(required)]
    eta_seconds: Option<u64>,
    /// While the job waits in the queue.
    #[schema(required)]
    queue: Option<Queue>,
    #[schema(required)]
    document: Option<Document<'a>>,
    documents: Documents,
    #[schema(required, value_type = Option<String>, format = Uuid)]
    batch: Option<BatchId>,
    /// The collection that it fills.
    #[schema(required, value_type = Option<String>)]
    collection: Option<&'a str>,
    /// Where the job's worker reports any.
    #[schema(required)]
    agents: Option<Vec<AgentState<'a>>>,
    #[schema(required)]
    result: Option<ResultLink<'a>>,
    #[schema(required)]
    error: Option<JobError<'a>>,
    #[schema(required, value_type = Option<Value>)]
    metadata: Option<&'a Value>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

/// Where a job stands.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words of `Status` to readers of the API")]
pub enum StatusWord {
    Awaiting,
    Queued,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// Where a stage stands.
#[derive(ToSchema)]
#[schema(as = StageStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words of `StageStatus` to readers of the API")]
enum StageStatusWord {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// What a job does.
#[derive(ToSchema)]
#[schema(as = Pipeline, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words of `Pipeline` to readers of the API")]
pub enum PipelineName {
    Convert,
    Sentences,
    Ingest,
    External,
}

#[derive(Serialize, ToSchema)]
struct Stage<'a> {
    name: &'a str,
    /// `failed` and `cancelled` where the job ended early in it.
    #[schema(value_type = StageStatusWord)]
    status: StageStatus,
    #[schema(required)]
    unit: Option<&'a str>,
    #[schema(required)]
    done: Option<u64>,
    #[schema(required)]
    total: Option<u64>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
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
pub struct Document<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: DocumentId,
    filename: &'a str,
    media_type: &'a str,
    bytes: u64,
    /// Once known, and for kinds that have pages.
    #[schema(required)]
    pages: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct Documents {
    total: u64,
    /// Of several those that can be found in the collection.
    done: u64,
}

#[derive(Serialize, ToSchema)]
pub struct AgentState<'a> {
    name: &'a str,
    status: &'a str,
    /// Percent.
    #[schema(required)]
    progress: Option<f64>,
    #[schema(required)]
    message: Option<&'a str>,
}

#[derive(Serialize, ToSchema)]
struct ResultLink<'a> {
    url: String,
    formats: &'a [String],
    /// The job that made it, where nothing was converted for this one; it may be
    /// gone since.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    reused_from: Option<JobId>,
}

/// Why a job failed.
#[derive(ToSchema)]
#[schema(as = JobErrorCode, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words of `FailureCode` to readers of the API")]
enum FailureWord {
    DocumentEncrypted,
    DocumentEmpty,
    DocumentDamaged,
    DocumentUnsupported,
    DocumentTooLarge,
    ConversionCrashed,
    ConversionTimeout,
    ConversionMemory,
    PageFailed,
    OcrUnavailable,
    FetchRefused,
    FetchFailed,
    EmbedderUnavailable,
    CollectionRefused,
    QueueTimeout,
    LostTooOften,
    WorkerFailed,
    Internal,
}

#[derive(Serialize, ToSchema)]
pub struct JobError<'a> {
    /// For a program.
    #[schema(value_type = FailureWord)]
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
            stalled: job.stalled,
            eta_seconds: job.eta_seconds(frame.at),
            queue: frame
                .queue
                .map(|place| Queue { position: place.position, length: place.length }),
            document: job.document.as_ref().map(Document::new),
            documents: job.documents.map_or_else(
                || Documents {
                    total: u64::from(job.document.is_some() || job.fetches()),
                    done: u64::from(completed),
                },
                |milepost_core::Documents { total, done }| Documents { total, done },
            ),
            batch: job.batch,
            collection: job.collection.as_ref().map(milepost_core::CollectionName::as_str),
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
        ServerMessage::Snapshot { job: Job::new(frame) }.framed()
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
