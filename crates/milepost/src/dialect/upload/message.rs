//! The states of `upload`. Enters: snapshots of any pipeline. Leaves: messages, one for
//! each state. Never: a state that the job has not reached.

use axum::body::Bytes;
use milepost_core::{JobId, Snapshot, StageState, Status, Timestamp, Unit};
use serde::Serialize;

use crate::hub::{Encoding, Frame};
use crate::transport::ws;

/// A state, exactly as clients read it.
#[derive(Serialize)]
struct Message {
    upload_id: JobId,
    status: &'static str,
    progress_percent: f64,
    current_chunk: u64,
    total_chunks: u64,
    message: String,
    timestamp: String,
}

/// The states of the work, in order, each with what it is about.
const WORK: [(&str, &str); 4] = [
    ("extracting", "Extracting text from documents..."),
    ("chunking", "Chunking documents..."),
    ("enriching", "Extracting metadata..."),
    ("indexing", "Indexing chunks..."),
];
const RECEIVED: &str = "Upload received, queued for processing";

/// Which of [`WORK`] a stage of any pipeline is.
fn place(stage: &str) -> usize {
    match stage {
        "chunking" | "splitting" => 1,
        "enriching" | "processing" => 2,
        "indexing" | "merging" | "assembling" => 3,
        // What is fetched, detected, converted or analyzed is still on its way to text.
        _ => 0,
    }
}

/// The present state.
fn message(job: &Snapshot) -> Message {
    let (status, message) = match job.status {
        Status::Awaiting | Status::Queued => ("received", RECEIVED.to_owned()),
        Status::Running => {
            let stage = job.stage().map_or("", |stage| &stage.name);
            let (status, message) = WORK[place(stage)];
            (status, message.to_owned())
        }
        Status::Completed => ("completed", "Processing completed successfully".to_owned()),
        Status::Failed => {
            let why = job.failure.as_ref().map_or("", |failure| &failure.message);
            ("failed", format!("Processing failed: {why}"))
        }
        Status::Cancelled => ("failed", "cancelled".to_owned()),
    };
    let (current, total) = chunks(job, job.stage());
    let message = Message {
        upload_id: job.id,
        status,
        progress_percent: job.progress.percent(),
        current_chunk: current,
        total_chunks: total,
        message,
        timestamp: time(job.updated_at),
    };
    if job.status == Status::Completed {
        return Message { current_chunk: total, ..message };
    }
    message
}

/// The states that were passed before the present one, in order.
fn passed(job: &Snapshot) -> Vec<Message> {
    if job.status != Status::Running {
        return Vec::new();
    }
    let state = |status, message: &str, percent, (current, total), at| Message {
        upload_id: job.id,
        status,
        progress_percent: percent,
        current_chunk: current,
        total_chunks: total,
        message: message.to_owned(),
        timestamp: time(at),
    };
    let mut passed = vec![state("received", RECEIVED, 0.0, (0, 0), job.created_at)];
    let present = job.stage().map_or(0, |stage| place(&stage.name));
    let whole: u32 = job.stages.iter().map(|stage| stage.weight).sum();
    let mut before = 0;
    let mut next = 0;
    for stage in &job.stages {
        let place = place(&stage.name);
        // Several stages may be one state, which is entered with the first of them.
        if place >= next && place < present {
            let (status, message) = WORK[place];
            let tenths = f64::from(before) * 1000.0 / f64::from(whole.max(1));
            let at = stage.started_at.unwrap_or(job.created_at);
            let chunks = chunks(job, Some(stage));
            passed.push(state(status, message, tenths.round() / 10.0, (0, chunks.1), at));
            next = place + 1;
        }
        before += stage.weight;
    }
    passed
}

/// How many chunks are done in a stage, and how many there are as far as that is known.
fn chunks(job: &Snapshot, stage: Option<&StageState>) -> (u64, u64) {
    let counts = |stage: &&StageState| stage.unit == Some(Unit::chunk());
    let known = job.stages.iter().filter(counts).filter_map(|stage| stage.total).max();
    let done = stage.filter(counts).and_then(|stage| stage.done).unwrap_or(0);
    (done, known.unwrap_or(0).max(done))
}

/// With an offset, as the original writes it.
fn time(at: Timestamp) -> String {
    at.to_string().replace('Z', "+00:00")
}

fn json(message: &Message) -> String {
    serde_json::to_string(message).expect("a message has only string keys")
}

/// The present state as a message, framed.
pub fn say(frame: &Frame) -> Bytes {
    frame.encoded(Encoding::UPLOAD, |frame| ws::text(&json(&message(&frame.snapshot))))
}

/// What a new watcher is told: each state that was passed already, then the present one;
/// after the end that alone.
pub fn begin(frame: &Frame) -> Bytes {
    let mut frames = Vec::new();
    for message in passed(&frame.snapshot) {
        frames.extend_from_slice(&ws::text(&json(&message)));
    }
    frames.extend_from_slice(&say(frame));
    frames.into()
}
