//! The job as clients of rooms read it: a pure function of a frame, and of the result
//! where there is one.

use std::borrow::Cow;

use axum::body::Bytes;
use milepost_core::{JobId, Pipeline, Snapshot, StageState, Status, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::hub::Frame;

/// What this protocol's jobs do.
pub const PIPELINE: Pipeline = Pipeline::Sentences;
/// What a document is called before it has come.
const UNNAMED: &str = "unknown.pdf";
/// A chunk that was worked on.
const SUCCESS: &str = "success";

/// What a job has made, as far as it is shown.
pub enum Made {
    /// Nothing, or nothing in chunks.
    Nothing,
    /// The chunks with their sentences, and the numbers of those that failed.
    Chunks(Box<RawValue>, Vec<u64>),
    /// More than is sent to everybody who watches; so many bytes.
    TooMuch(u64),
}

impl Made {
    /// Takes the chunks out of a result.
    pub fn of(result: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Whole {
            chunks: Box<RawValue>,
        }
        #[derive(Deserialize)]
        struct Chunk<'a> {
            chunk_id: u64,
            #[serde(borrow)]
            status: Cow<'a, str>,
        }
        let Ok(Whole { chunks }) = serde_json::from_slice(result) else { return Self::Nothing };
        let Ok(each) = serde_json::from_str::<Vec<Chunk<'_>>>(chunks.get()) else {
            return Self::Nothing;
        };
        let failed = each.iter().filter(|c| c.status != SUCCESS).map(|c| c.chunk_id).collect();
        Self::Chunks(chunks, failed)
    }
}

/// A job. What the system behind this protocol has and Milepost has not is null.
#[derive(Serialize)]
struct Job<'a> {
    id: JobId,
    user_id: &'a str,
    history_id: Option<()>,
    status: &'static str,
    original_filename: &'a str,
    model: Option<&'a Value>,
    estimated_tokens: Option<&'a Value>,
    actual_tokens: Option<()>,
    estimated_credits: Option<&'a Value>,
    actual_credits: Option<()>,
    pricing_version: Option<()>,
    pricing_rate: Option<()>,
    processing_settings: Option<&'a Value>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    error_message: Option<&'a str>,
    error_code: Option<&'static str>,
    celery_task_id: Option<()>,
    progress_percent: u64,
    current_step: Cow<'a, str>,
    total_chunks: Option<u64>,
    processed_chunks: u64,
    chunk_results: Option<&'a RawValue>,
    failed_chunks: Option<&'a [u64]>,
    retry_count: u32,
    max_retries: u32,
    is_cancelled: bool,
    cancelled_at: Option<Timestamp>,
    cancelled_by: Option<()>,
    processing_time_seconds: Option<u64>,
    gemini_api_calls: Option<()>,
    gemini_tokens_used: Option<()>,
}

/// A frame as the job that clients read, with what it has made.
pub fn message(frame: &Frame, made: &Made) -> Bytes {
    let snapshot = &*frame.snapshot;
    let (chunk_results, failed_chunks) = match made {
        Made::Chunks(chunks, failed) => (Some(&**chunks), Some(&**failed)),
        Made::Nothing | Made::TooMuch(_) => (None, None),
    };
    let counted = counted(snapshot);
    let (ended, failed) = (snapshot.finished_at, snapshot.failure.as_ref());
    let cancelled = snapshot.status == Status::Cancelled;
    let took = |end: Timestamp| end.seconds_since(snapshot.started_at?).max(0.0).into();
    let told = |key: &str| snapshot.metadata.as_ref()?.get(key);
    let settings = told("processing_settings");
    let job = Job {
        id: snapshot.id,
        user_id: snapshot.owner.as_str(),
        history_id: None,
        status: status(snapshot.status),
        original_filename: filename(snapshot, settings),
        model: told("model_preference"),
        estimated_tokens: settings.and_then(|settings| settings.get("estimated_tokens")),
        actual_tokens: None,
        estimated_credits: told("estimated_credits"),
        actual_credits: None,
        pricing_version: None,
        pricing_rate: None,
        processing_settings: settings,
        created_at: snapshot.created_at,
        started_at: snapshot.started_at,
        completed_at: ended.filter(|_| !cancelled),
        error_message: failed.map(|failure| &*failure.message),
        error_code: failed.map(|failure| failure.code.as_str()),
        celery_task_id: None,
        progress_percent: snapshot.progress.percent() as u64,
        current_step: step(snapshot, made),
        total_chunks: counted.and_then(|stage| stage.total),
        processed_chunks: counted.and_then(|stage| stage.done).unwrap_or(0),
        chunk_results,
        failed_chunks,
        retry_count: snapshot.attempt.saturating_sub(1),
        max_retries: snapshot.max_attempts.saturating_sub(1),
        is_cancelled: cancelled,
        cancelled_at: ended.filter(|_| cancelled),
        cancelled_by: None,
        processing_time_seconds: ended.and_then(took).map(|seconds: f64| seconds as u64),
        gemini_api_calls: None,
        gemini_tokens_used: None,
    };
    serde_json::to_vec(&job).unwrap_or_default().into()
}

/// The word for a status.
pub const fn status(status: Status) -> &'static str {
    match status {
        Status::Awaiting | Status::Queued => "pending",
        Status::Running => "processing",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Cancelled => "cancelled",
    }
}

fn filename<'a>(snapshot: &'a Snapshot, settings: Option<&'a Value>) -> &'a str {
    let announced = || settings?.get("original_filename")?.as_str();
    let brought = snapshot.document.as_ref().map(|document| &*document.filename);
    brought.or_else(announced).unwrap_or(UNNAMED)
}

/// The stage whose parts are counted: chunks, and in other pipelines what they have.
fn counted(snapshot: &Snapshot) -> Option<&StageState> {
    let parts = |stage: &&StageState| match &stage.unit {
        Some(unit) if snapshot.pipeline == PIPELINE => *unit == Unit::new("chunk"),
        unit => *unit != Some(Unit::byte()),
    };
    snapshot.stages.iter().rfind(|stage| stage.total.is_some() && parts(stage))
}

/// What it is doing, in the words of this protocol's own pipeline; of others in theirs.
fn step<'a>(snapshot: &'a Snapshot, made: &Made) -> Cow<'a, str> {
    let counted = counted(snapshot);
    let total = counted.and_then(|stage| stage.total);
    match snapshot.status {
        Status::Completed => match made {
            Made::TooMuch(bytes) => format!(
                "Completed; the result has {bytes} bytes, too many to be shown here: get it from \
                 /v1/jobs/{}/result",
                snapshot.id
            )
            .into(),
            Made::Nothing | Made::Chunks(..) => "Completed".into(),
        },
        Status::Failed => "Failed".into(),
        Status::Cancelled => "Cancelled".into(),
        Status::Awaiting | Status::Queued => Cow::from(&*snapshot.message),
        Status::Running if snapshot.pipeline != PIPELINE => Cow::from(&*snapshot.message),
        Status::Running => match (snapshot.stage().map(|stage| &*stage.name), total) {
            (Some("analyzing"), _) => "Analyzing PDF".into(),
            (Some("splitting"), Some(total)) => format!("Splitting into {total} chunks").into(),
            (Some("splitting"), None) => "Splitting into chunks".into(),
            (Some("processing"), Some(total)) => {
                match counted.and_then(|stage| stage.done).unwrap_or(0) {
                    0 => "Processing chunks".into(),
                    done => format!("Processing chunks ({done}/{total})").into(),
                }
            }
            (Some("processing"), None) => "Processing chunks".into(),
            (Some("merging"), _) => "Merging results".into(),
            _ => Cow::from(&*snapshot.message),
        },
    }
}
