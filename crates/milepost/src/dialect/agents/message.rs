//! The flat state of `agents`. Enters: snapshots of any pipeline. Leaves: messages. Never:
//! the keys `type` and `data`, by which later clients know messages of another shape.

use axum::body::Bytes;
use milepost_core::{Agent, JobId, Pipeline, Snapshot, Status, Timestamp};
use serde::Serialize;

use crate::hub::{Encoding, Frame};
use crate::transport::ws;

/// The state of a job, whole.
#[derive(Serialize)]
pub struct Message<'a> {
    job_id: JobId,
    status: &'static str,
    progress: u8,
    message: &'a str,
    stage: &'static str,
    estimated_time_remaining: Option<u64>,
    result_url: Option<String>,
    error: Option<&'a str>,
    created_at: Timestamp,
    /// Of work that is reported, always: a client keeps the last ones that it was told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    agents: Option<Vec<AgentState<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_agent: Option<&'a str>,
}

#[derive(Serialize)]
struct AgentState<'a> {
    name: &'a str,
    status: &'static str,
    progress: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// The state in `frame`.
    pub fn new(frame: &'a Frame) -> Self {
        let job: &Snapshot = &frame.snapshot;
        let reported = job.pipeline == Pipeline::External || !job.agents.is_empty();
        let running = |agent: &&Agent| agent_status(&agent.status) == "running";
        let current = job.agents.iter().find(running).filter(|_| job.status == Status::Running);
        Self {
            job_id: job.id,
            status: status(job.status),
            progress: whole(job.progress.percent()),
            message: if job.status == Status::Cancelled { "cancelled" } else { &job.message },
            stage: stage(job),
            estimated_time_remaining: job.eta_seconds(frame.at),
            result_url: result_url(job),
            error: job.failure.as_ref().map(|failure| failure.message.as_str()),
            created_at: job.created_at,
            agents: reported.then(|| job.agents.iter().map(AgentState::new).collect()),
            current_agent: current.map(|agent| agent.name.as_str()),
        }
    }
}

impl<'a> AgentState<'a> {
    fn new(agent: &'a Agent) -> Self {
        let status = agent_status(&agent.status);
        let done = if status == "completed" { 100 } else { 0 };
        Self {
            name: &agent.name,
            status,
            progress: agent.progress.map_or(done, whole),
            message: agent.message.as_deref(),
        }
    }
}

/// The word for a status.
pub const fn status(status: Status) -> &'static str {
    match status {
        Status::Awaiting | Status::Queued => "queued",
        Status::Running => "processing",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Cancelled => "cancelled",
    }
}

/// The statuses that a word means.
pub fn statuses(word: &str) -> Option<Vec<Status>> {
    let all = Status::ALL.into_iter().filter(|known| status(*known) == word);
    let all: Vec<_> = all.collect();
    (!all.is_empty()).then_some(all)
}

/// One of the three steps that clients show.
fn stage(job: &Snapshot) -> &'static str {
    match job.status {
        Status::Completed => "Completed",
        Status::Awaiting | Status::Queued => "Queued",
        Status::Running => "Processing",
        Status::Failed | Status::Cancelled if job.started_at.is_some() => "Processing",
        Status::Failed | Status::Cancelled => "Queued",
    }
}

/// Where the result is, once there is one.
pub fn result_url(job: &Snapshot) -> Option<String> {
    let there = job.status == Status::Completed && !job.formats.is_empty();
    there.then(|| format!("/api/v1/conversions/{}/download", job.id))
}

/// A worker's own word for what its agent does, as one of the four that clients know.
fn agent_status(word: &str) -> &'static str {
    match word.trim().to_ascii_lowercase().as_str() {
        "pending" | "queued" | "waiting" | "idle" => "pending",
        "completed" | "complete" | "done" | "finished" | "success" | "succeeded" => "completed",
        "failed" | "error" | "cancelled" => "failed",
        _ => "running",
    }
}

/// Never 100 before it is done.
fn whole(percent: f64) -> u8 {
    if percent >= 100.0 { 100 } else { (percent.round() as u8).min(99) }
}

/// The state as a message, framed.
pub fn say(frame: &Frame) -> Bytes {
    frame.encoded(Encoding::AGENTS, |frame| {
        let message = Message::new(frame);
        ws::text(&serde_json::to_string(&message).expect("a message has only string keys"))
    })
}
