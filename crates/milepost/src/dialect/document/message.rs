//! What `document` says: pure functions of frames, and the few messages that are about no
//! job. Enters: frames. Leaves: events and messages. Never: names the job.

use axum::body::Bytes;
use milepost_core::{DocumentId, Snapshot, Status, Timestamp, Unit};
use serde::Serialize;
use serde_json::{Value, json};

use crate::hub::{Encoding, Frame};
use crate::transport::ws;

/// What the original calls every failure.
const FAILED: &str = "CONVERSION_FAILED";

/// How far the conversion of a document is.
#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress<'a> {
    document_id: DocumentId,
    status: &'static str,
    stage: &'static str,
    /// Percent, as the job has it.
    progress: f64,
    message: &'a str,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_time_remaining: Option<u64>,
    total_pages: Option<u64>,
    processed_pages: u64,
    retry_count: u32,
}

impl<'a> Progress<'a> {
    /// That of a job over a document.
    pub fn of(document: DocumentId, frame: &'a Frame) -> Self {
        let job: &Snapshot = &frame.snapshot;
        let (status, stage) = words(job);
        let (processed_pages, total_pages) = pages(job);
        Self {
            document_id: document,
            status,
            stage,
            progress: job.progress.percent(),
            message: &job.message,
            estimated_time_remaining: job.eta_seconds(frame.at).map(|seconds| seconds * 1000),
            total_pages,
            processed_pages,
            retry_count: job.attempt - 1,
        }
    }
}

/// The words for every (pipeline, stage, status).
fn words(job: &Snapshot) -> (&'static str, &'static str) {
    match job.status {
        Status::Awaiting | Status::Queued => ("queued", "queued"),
        Status::Running => ("processing", running(job.stage().map(|stage| stage.name.as_str()))),
        Status::Completed => ("completed", "completed"),
        Status::Failed => ("failed", "failed"),
        // The original's stage for it, too.
        Status::Cancelled => ("cancelled", "failed"),
    }
}

/// Whoever reports the work of an external job may say it in the original's words.
fn running(stage: Option<&str>) -> &'static str {
    match stage.unwrap_or_default() {
        "fetching" | "detecting" | "analyzing" | "initializing" => "initializing",
        "extracting" | "extracting_pages" => "extracting_pages",
        "uploading_pages" => "uploading_pages",
        "assembling" | "merging" | "finalizing" => "finalizing",
        _ => "processing_pages",
    }
}

/// Pages done, and pages in all where that is known.
fn pages(job: &Snapshot) -> (u64, Option<u64>) {
    let counted = job.stages.iter().find(|stage| stage.unit.as_ref() == Some(&Unit::page()));
    let found = job.document.as_ref().and_then(|document| document.pages).map(u64::from);
    let total = counted.and_then(|stage| stage.total).or(found);
    let done = match job.status {
        Status::Completed => total,
        _ => counted.and_then(|stage| stage.done),
    };
    (done.unwrap_or(0), total)
}

/// Whether both say the same of a document.
pub fn same(document: DocumentId, one: &Frame, other: &Frame) -> bool {
    Progress::of(document, one) == Progress::of(document, other)
}

/// How a conversion ended. One that was cancelled has only its status.
enum End {
    Complete(Value),
    Error(Value, Value),
}

fn end(job: &Snapshot) -> Option<End> {
    match job.status {
        Status::Completed => Some(End::Complete(json!({
            "success": true,
            "totalPages": pages(job).1,
        }))),
        Status::Failed => {
            let failure = job.failure.as_ref();
            let message = failure.map_or(job.message.as_str(), |failure| &failure.message);
            let retryable = failure.is_some_and(|failure| failure.retryable);
            Some(End::Error(
                json!({"message": message, "code": FAILED, "retryable": retryable}),
                json!({"success": false, "error": message}),
            ))
        }
        Status::Awaiting | Status::Queued | Status::Running | Status::Cancelled => None,
    }
}

/// The events of a frame, but for the empty line behind the last of them: an id may
/// follow, and it stands for all of them.
pub fn sse(document: DocumentId, frame: &Frame) -> Bytes {
    frame.encoded(Encoding::DOCUMENT_SSE, |frame| {
        let about = About { document, at: frame.at };
        let progress = json!(Progress::of(document, frame));
        let progress = event(&about.say("progress", &[("progress", progress)]));
        let end = end(&frame.snapshot).map(|end| match end {
            End::Complete(result) => about.say("complete", &[("result", result)]),
            End::Error(error, result) => {
                about.say("error", &[("error", error), ("result", result)])
            }
        });
        let end = end.map_or_else(String::new, |end| format!("\n{}", event(&end)));
        format!("{progress}{end}").into()
    })
}

/// The messages of a frame for a socket.
pub fn socket(document: DocumentId, frame: &Frame) -> Bytes {
    frame.encoded(Encoding::DOCUMENT_SOCKET, |frame| {
        let about = About { document, at: frame.at };
        let progress = json!(Progress::of(document, frame));
        let mut messages =
            ws::text(&about.say("conversion_progress", &[("progress", progress)])).to_vec();
        let end = end(&frame.snapshot).map(|end| match end {
            End::Complete(result) => about.say("conversion_complete", &[("result", result)]),
            End::Error(error, _) => about.say("error", &[("error", error)]),
        });
        messages.extend(end.iter().flat_map(|end| ws::text(end)));
        messages.into()
    })
}

/// A stream's first event.
pub fn connected(document: DocumentId, at: Timestamp) -> String {
    event(&About { document, at }.say("connected", &[]))
}

/// A message about a document.
struct About {
    document: DocumentId,
    at: Timestamp,
}

impl About {
    fn say(&self, kind: &str, fields: &[(&str, Value)]) -> String {
        let mut message = json!({"type": kind, "documentId": self.document, "timestamp": self.at});
        fields.iter().for_each(|(name, value)| message[name] = value.clone());
        message.to_string()
    }
}

/// A message with a type, a time, and whatever else.
pub fn plain(kind: &str, at: Timestamp, fields: &[(&str, Value)]) -> String {
    let mut message = json!({"type": kind, "timestamp": at});
    fields.iter().for_each(|(name, value)| message[name] = value.clone());
    message.to_string()
}

/// As an event without a name, as yet without the empty line that ends it.
pub fn event(message: &str) -> String {
    format!("data: {message}\n")
}

#[cfg(test)]
mod tests {
    use super::running;

    #[test]
    fn every_stage_has_a_word() {
        for (ours, theirs) in [
            (Some("fetching"), "initializing"),
            (Some("detecting"), "initializing"),
            (Some("converting"), "processing_pages"),
            (Some("assembling"), "finalizing"),
            (Some("uploading_pages"), "uploading_pages"),
            (Some("extracting_pages"), "extracting_pages"),
            (Some("whatever"), "processing_pages"),
            (None, "processing_pages"),
        ] {
            assert_eq!(running(ours), theirs, "{ours:?}");
        }
    }
}
