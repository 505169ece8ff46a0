//! Where a job and each of its stages stand. Enters: what the fold decides.
//! Leaves: words for clients, shares of the work.

use serde::{Deserialize, Serialize};

use crate::plan::{Stage, Unit};
use crate::time::Timestamp;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Held: needs a confirmation or a document.
    Awaiting,
    /// Ready for a worker.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Ended with its whole result.
    Completed,
    /// Ended without a result.
    Failed,
    /// Ended by its owner.
    Cancelled,
}

impl Status {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 6] = [
        Self::Awaiting,
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether only an explicit retry leads on from here.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The word that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Awaiting => "awaiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// Not begun in this attempt.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Completed,
    /// Under way when the job failed.
    Failed,
    /// Under way when the job was cancelled.
    Cancelled,
}

/// One stage in this attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageState {
    /// Its name in the plan.
    pub name: String,
    /// Its share of the whole.
    pub weight: u32,
    /// Where it stands.
    pub status: StageStatus,
    /// What it counts.
    pub unit: Option<Unit>,
    /// Units done, those of earlier attempts included.
    pub done: Option<u64>,
    /// Units in all.
    pub total: Option<u64>,
    /// Units that were done when this attempt began; they say nothing about its
    /// rate.
    pub taken_over: u64,
    /// When it began in this attempt.
    pub started_at: Option<Timestamp>,
    /// When a unit was last finished.
    pub advanced_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl StageState {
    /// The share of this stage that is done, 0 to 1.
    pub(crate) fn fraction(&self) -> f64 {
        match (self.status, self.done, self.total) {
            (StageStatus::Completed, ..) => 1.0,
            (_, Some(done), Some(total)) if total > 0 => (done as f64 / total as f64).min(1.0),
            _ => 0.0,
        }
    }

    /// A stage of the plan that nobody has begun.
    pub(crate) fn pending(stage: &Stage) -> Self {
        Self {
            name: stage.name.clone(),
            weight: stage.weight,
            status: StageStatus::Pending,
            unit: None,
            done: None,
            total: None,
            taken_over: 0,
            started_at: None,
            advanced_at: None,
            finished_at: None,
        }
    }

    /// Back to the start for the next attempt; finished units stay finished.
    pub(crate) fn reset(&mut self) {
        self.status = StageStatus::Pending;
        self.taken_over = self.done.unwrap_or(0);
        self.started_at = None;
        self.advanced_at = None;
        self.finished_at = None;
    }

    /// Back to the start, and nothing of it was kept.
    pub(crate) fn forget(&mut self) {
        self.reset();
        self.unit = None;
        self.done = None;
        self.total = None;
        self.taken_over = 0;
    }

    pub(crate) fn end(&mut self, status: StageStatus, at: Timestamp) {
        self.status = status;
        self.finished_at = Some(at);
    }
}
