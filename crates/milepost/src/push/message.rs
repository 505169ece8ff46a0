//! What a browser is told. Enters: a job that has ended, or its batch. Leaves: a short
//! JSON text. Never: what a document says, or more than a push service carries.

use milepost_core::{Batch, Snapshot, Status};
use serde::Serialize;

/// No name takes more bytes; services carry 4 KiB, encrypted.
const MAX_NAME_BYTES: usize = 255;

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    job: Job<'a>,
    batch: Option<Counts>,
    /// Where the app shows it.
    url: String,
}

#[derive(Serialize)]
struct Job<'a> {
    id: String,
    status: Status,
    filename: Option<&'a str>,
    error_code: Option<&'static str>,
}

#[derive(Serialize)]
struct Counts {
    id: String,
    total: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
}

/// The message about `job`, or about its batch with it.
pub(super) fn message(job: &Snapshot, batch: Option<&Batch>) -> Vec<u8> {
    let url = match batch {
        Some(batch) => format!("/app/?batch={}", batch.id),
        None => format!("/app/jobs/{}", job.id),
    };
    let message = Message {
        kind: "job",
        job: Job {
            id: job.id.to_string(),
            status: job.status,
            filename: job.document.as_ref().map(|document| short(&document.filename)),
            error_code: job.failure.as_ref().map(|failure| failure.code.as_str()),
        },
        batch: batch.map(counts),
        url,
    };
    serde_json::to_vec(&message).expect("texts and numbers are JSON")
}

fn counts(batch: &Batch) -> Counts {
    let of = |wanted| batch.by_status.iter().find(|(status, _)| *status == wanted);
    let of = |wanted| of(wanted).map_or(0, |(_, jobs)| *jobs);
    Counts {
        id: batch.id.to_string(),
        total: batch.total,
        completed: of(Status::Completed),
        failed: of(Status::Failed),
        cancelled: of(Status::Cancelled),
    }
}

fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAME_BYTES)]
}
