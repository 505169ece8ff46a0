//! What can happen to a job, as its log keeps it. Enters: decisions that were
//! taken. Leaves: events. Never: a secret (a document's password is kept beside
//! the log, since its owner may read the log).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::id::{BatchId, CollectionName, DocumentId, JobId, OwnerId, Seq};
use crate::plan::{Pipeline, Plan, Unit};
use crate::time::Timestamp;

/// One change of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1 for `submitted`, then rising by one.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// What changed.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// The job exists.
    Submitted(Box<Submitted>),
    /// A held job may run, perhaps with the document that it waited for.
    Confirmed {
        /// The document, where the submission brought none.
        document: Option<DocumentInfo>,
        /// Options in the place of the submitted ones, without secrets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        options: Option<Value>,
        /// The steps, where another source came than was submitted and needs
        /// others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Plan>,
    },
    /// A worker holds the lease and begins with the first stage. Each one
    /// raises the fence.
    Started {
        /// The node that works.
        worker: String,
    },
    /// A stage begins, and the one before it is complete.
    Stage {
        /// Its name in the plan.
        stage: String,
        /// What it counts, if anything.
        unit: Option<Unit>,
        /// How many units it has.
        total: Option<u64>,
        /// What is now known of the document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<DocumentNews>,
    },
    /// One page is converted and stored.
    Page {
        /// Its number in the document, from 1.
        page: u32,
        /// The length of its Markdown.
        bytes: u64,
        /// Why there is only a placeholder for it, for a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The stage under way moved on, as its worker reports. What is absent
    /// stays as it was.
    Advanced {
        /// Units done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done: Option<u64>,
        /// Units in all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// What is counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<Unit>,
        /// Documents of the job that are done, where it has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        documents: Option<u64>,
        /// For a person, in the place of the derived message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The server notes that nothing was reported for long.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stalled: bool,
    },
    /// The parties that work on the job, as its worker reports them.
    Reported {
        /// All of them.
        agents: Vec<Agent>,
    },
    /// The attempt ended early and the next one waits.
    Requeued {
        /// What ended it; absent where the worker itself went away.
        failure: Option<Failure>,
        /// Whether it uses up one of the automatic retries.
        counted: bool,
        /// The earliest start of the next attempt.
        not_before: Timestamp,
    },
    /// The owner asked for another attempt.
    Retried {
        /// How many attempts the job now has in all, automatic ones included.
        max_attempts: u32,
        /// Pages of which there is only a placeholder; they are tried again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<u32>,
    },
    /// The whole result is stored.
    Completed {
        /// The formats in which it can be read.
        formats: Vec<String>,
        /// Where it was there already: nothing was converted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reused: Option<Reused>,
    },
    /// No automatic retry is left.
    Failed {
        /// The reason.
        failure: Failure,
    },
    /// The owner stopped it.
    Cancelled,
}

/// The result of an earlier job over the same document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reused {
    /// The job that made it, which may be gone since.
    pub job: JobId,
    /// What that job found out about the document.
    pub document: DocumentFacts,
}

/// One party of several that work on a job, an AI agent for example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Unique among the job's agents.
    pub name: String,
    /// The worker's own word.
    pub status: String,
    /// Percent, 0 to 100.
    pub progress: Option<f64>,
    /// For a person.
    pub message: Option<String>,
}

/// What becomes known of a job's document while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DocumentNews {
    /// It was fetched and is stored.
    Stored(DocumentInfo),
    /// What the conversion found out about it.
    Found(DocumentFacts),
}

/// What the conversion found out about the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFacts {
    /// By content, not by name.
    pub media_type: String,
    /// How many pages the document has; absent for kinds without pages.
    pub pages: Option<u32>,
}

/// The document that a job works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentInfo {
    /// The stored file.
    pub id: DocumentId,
    /// The name that the submitter gave it, without folders.
    pub filename: String,
    /// As declared, then as found.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// How many pages it has, once known.
    pub pages: Option<u32>,
}

impl DocumentInfo {
    /// Takes in what a conversion found out.
    pub(crate) fn learn(&mut self, facts: &DocumentFacts) {
        self.media_type.clone_from(&facts.media_type);
        self.pages = facts.pages;
    }
}

/// Everything that a submission fixes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submitted {
    /// Whose job it is.
    pub owner: OwnerId,
    /// What it does.
    pub pipeline: Pipeline,
    /// Its steps.
    pub plan: Plan,
    /// The document; a held job may still wait for it.
    pub document: Option<DocumentInfo>,
    /// The options as sent, without secrets.
    pub options: Value,
    /// What the submitter attached.
    pub metadata: Option<Value>,
    /// The batch it belongs to.
    pub batch: Option<BatchId>,
    /// Higher goes first among the owner's own jobs.
    pub priority: i32,
    /// Attempts in all, the automatic retries included.
    pub max_attempts: u32,
    /// Whether it waits for a confirmation.
    pub hold: bool,
    /// Whether it is to be converted even where that was done before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// The collection that it fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionName>,
    /// How many documents it has, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}
