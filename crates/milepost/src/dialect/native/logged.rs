//! How an event of a job's log looks, for readers of the description. The log is shown
//! as it is stored; a test holds that this says the same. Never: made or read.
#![expect(dead_code, reason = "describes `milepost_core::Event` to readers of the API")]

use serde_json::Value;
use utoipa::ToSchema;

use super::message::{AgentState, Document, JobError, PipelineName};

/// One change of a job.
#[derive(ToSchema)]
#[schema(as = JobEvent)]
pub struct Logged {
    /// 1 for `submitted`, then rising by one.
    #[schema(minimum = 1)]
    seq: u64,
    /// When it was recorded.
    #[schema(format = DateTime)]
    at: String,
    #[serde(flatten)]
    change: Change,
}

/// What changed.
#[derive(ToSchema)]
#[schema(as = JobChange)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Change {
    /// The job exists.
    Submitted {
        owner: String,
        pipeline: PipelineName,
        /// Its stages, with what they weigh in `progress`.
        plan: Vec<Step>,
        #[schema(required)]
        document: Option<Document<'static>>,
        /// As sent, without secrets.
        options: Value,
        #[schema(required)]
        metadata: Option<Value>,
        #[schema(required, format = Uuid)]
        batch: Option<String>,
        priority: i32,
        max_attempts: u32,
        hold: bool,
        #[serde(default)]
        force: bool,
        #[schema(nullable = false)]
        collection: Option<String>,
        /// How many documents it has, where it has several.
        #[schema(nullable = false)]
        documents: Option<u64>,
    },
    /// A held job may run.
    Confirmed {
        #[schema(required)]
        document: Option<Document<'static>>,
        options: Option<Value>,
        #[schema(nullable = false)]
        plan: Option<Vec<Step>>,
    },
    /// A worker began with an attempt.
    Started { worker: String },
    /// A stage begins.
    Stage {
        stage: String,
        #[schema(required)]
        unit: Option<String>,
        #[schema(required)]
        total: Option<u64>,
        #[schema(nullable = false)]
        document: Option<News>,
    },
    /// One page is converted and stored.
    Page {
        /// Its number in the document, from 1.
        page: u32,
        /// The length of its Markdown.
        bytes: u64,
        /// Why there is only a placeholder for it.
        #[schema(nullable = false)]
        error: Option<String>,
    },
    /// The stage under way moved on. What is absent stays as it was.
    Advanced {
        #[schema(nullable = false)]
        done: Option<u64>,
        #[schema(nullable = false)]
        total: Option<u64>,
        #[schema(nullable = false)]
        unit: Option<String>,
        /// Documents that are done, of a job with several.
        #[schema(nullable = false)]
        documents: Option<u64>,
        #[schema(nullable = false)]
        message: Option<String>,
        /// Nothing was reported for long.
        #[serde(default)]
        stalled: bool,
    },
    /// The parties that work on the job.
    Reported { agents: Vec<AgentState<'static>> },
    /// The attempt ended early and the next one waits.
    Requeued {
        /// `null` where the worker itself went away.
        #[schema(required)]
        failure: Option<JobError<'static>>,
        /// Whether it uses up one of the automatic retries.
        counted: bool,
        /// The earliest start of the next attempt.
        #[schema(format = DateTime)]
        not_before: String,
    },
    /// The owner asked for another attempt.
    Retried {
        max_attempts: u32,
        /// Pages that are tried again.
        #[serde(default)]
        again: Vec<u32>,
    },
    /// The whole result is stored.
    Completed {
        formats: Vec<String>,
        #[schema(nullable = false)]
        reused: Option<Reused>,
    },
    /// No automatic retry is left.
    Failed { failure: JobError<'static> },
    /// The owner stopped it.
    Cancelled,
}

#[derive(ToSchema)]
#[schema(as = PlannedStage)]
struct Step {
    name: String,
    weight: u32,
}

/// What becomes known of a document: all of it, once it was fetched, or what the
/// conversion found.
#[derive(ToSchema)]
#[schema(as = DocumentNews)]
#[serde(untagged)]
enum News {
    Stored(Document<'static>),
    Found(Facts),
}

#[derive(ToSchema)]
#[schema(as = DocumentFacts)]
struct Facts {
    media_type: String,
    #[schema(required)]
    pages: Option<u32>,
}

/// The result of an earlier job over the same document.
#[derive(ToSchema)]
struct Reused {
    #[schema(format = Uuid)]
    job: String,
    document: Facts,
}
