//! The protocol's JSON as a client reads it. Enters: text from a server, perhaps
//! a newer one. Leaves: the fields that are shown. Never: refuses what it does
//! not know.

use std::collections::BTreeMap;

use milepost_core::{BatchId, JobId, StageStatus, Status, Timestamp};
use serde::Deserialize;

/// A job's complete state, and the JSON that it came from.
#[derive(Clone, Debug, Deserialize)]
pub struct Snapshot {
    pub id: JobId,
    pub seq: u64,
    pub status: Status,
    #[serde(default = "first")]
    pub attempt: u32,
    #[serde(default)]
    pub progress: f64,
    #[serde(default)]
    pub stage: Option<String>,
    #[serde(default)]
    pub stages: Vec<Stage>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub eta_seconds: Option<u64>,
    #[serde(default)]
    pub queue: Option<Queue>,
    #[serde(default)]
    pub document: Option<Document>,
    /// How many it works on, where the server says so.
    #[serde(default)]
    pub documents: Option<Documents>,
    /// Where its documents go, where they go into one.
    #[serde(default)]
    pub collection: Option<String>,
    #[serde(default)]
    pub batch: Option<BatchId>,
    #[serde(default)]
    pub result: Option<JobResult>,
    #[serde(default)]
    pub error: Option<JobError>,
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// The JSON as the server wrote it, on one line.
    #[serde(skip)]
    pub json: String,
}

/// One step of the pipeline.
#[derive(Clone, Debug, Deserialize)]
pub struct Stage {
    pub name: String,
    pub status: StageStatus,
    #[serde(default)]
    pub unit: Option<String>,
    #[serde(default)]
    pub done: Option<u64>,
    #[serde(default)]
    pub total: Option<u64>,
    #[serde(default)]
    pub started_at: Option<Timestamp>,
}

/// A place among those that wait.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Queue {
    pub position: u64,
    pub length: u64,
}

/// What the job works on.
#[derive(Clone, Debug, Deserialize)]
pub struct Document {
    #[serde(default)]
    pub filename: Option<String>,
    #[serde(default)]
    pub pages: Option<u64>,
}

/// How many documents a job works on.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Documents {
    pub total: u64,
    #[serde(default)]
    pub done: u64,
}

/// What a job made.
#[derive(Clone, Debug, Deserialize)]
pub struct JobResult {
    #[serde(default)]
    pub reused_from: Option<JobId>,
}

/// Why a job failed.
#[derive(Clone, Debug, Deserialize)]
pub struct JobError {
    pub code: String,
    pub message: String,
    /// Whether the same may go better later.
    #[serde(default)]
    pub retryable: bool,
}

/// Several jobs as one.
#[derive(Debug, Deserialize)]
pub struct Batch {
    pub by_status: BTreeMap<String, u64>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub struct List<T> {
    pub items: Vec<T>,
    #[serde(default)]
    pub next: Option<String>,
}

/// A page that is converted already.
#[derive(Debug, Deserialize)]
pub struct PageInfo {
    pub page: u64,
}

/// What a stream says beside snapshots. The type is in the event's name, in the
/// JSON, or in both.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Notice {
    pub job: Option<JobId>,
    pub position: Option<u64>,
    pub length: Option<u64>,
    pub retry_after_ms: Option<u64>,
}

impl Snapshot {
    /// From the JSON of one snapshot.
    ///
    /// # Errors
    /// Where a field that identifies the job and its state is missing or wrong.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let mut snapshot: Self = serde_json::from_str(json)?;
        // A line feed in JSON can only be white space between its parts.
        snapshot.json = json.trim().replace(['\n', '\r'], " ");
        Ok(snapshot)
    }

    /// The stage under way, or the one in which the job ended early.
    pub fn current_stage(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| Some(&stage.name) == self.stage.as_ref())
    }
}

const fn first() -> u32 {
    1
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A running job with `done` of 40 pages, `seconds` after its start.
    pub fn running(done: u64, seconds: u32) -> Snapshot {
        let progress = 10.0 + done as f64 * 2.0;
        let json = format!(
            r#"{{"id":"01990000-0000-7000-8000-000000000001","seq":{},"status":"running",
            "attempt":1,"progress":{progress},"stage":"converting","stages":[
            {{"name":"detecting","status":"completed","unit":null,"done":null,"total":null}},
            {{"name":"converting","status":"running","unit":"page","done":{done},"total":40,
              "started_at":"2026-01-01T00:00:00.000000Z"}},
            {{"name":"assembling","status":"pending"}}],
            "message":"Converting page {} of 40","eta_seconds":18,"queue":null,
            "document":{{"filename":"paper.pdf","pages":40,"bytes":1}},"later_field":[1],
            "updated_at":"2026-01-01T00:00:{seconds:02}.000000Z"}}"#,
            done + 3,
            done + 1,
        );
        Snapshot::parse(&json).unwrap()
    }

    #[test]
    fn keeps_the_json_on_one_line_and_ignores_what_it_does_not_know() {
        let snapshot = running(12, 4);
        assert!(!snapshot.json.contains('\n'));
        assert_eq!(snapshot.current_stage().and_then(|stage| stage.total), Some(40));
        let again: serde_json::Value = serde_json::from_str(&snapshot.json).unwrap();
        assert_eq!(again["later_field"][0], 1);
    }

    #[test]
    fn needs_no_more_than_id_seq_and_status() {
        let json = r#"{"id":"01990000-0000-7000-8000-000000000001","seq":1,"status":"queued"}"#;
        let snapshot = Snapshot::parse(json).unwrap();
        assert_eq!((snapshot.attempt, snapshot.progress), (1, 0.0));
        assert!(snapshot.current_stage().is_none());
    }
}
