//! What a socket's client is told. Enters: updates, answers, refusals. Leaves: messages,
//! framed.

use axum::body::Bytes;
use milepost_core::JobId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::message::Job;
use crate::http::problem::{Code, Problem};
use crate::hub::QueuePlace;
use crate::transport::ws;

/// What a client marked its own message with: any JSON, 256 bytes at most.
pub type Ref = Option<Value>;

/// A message of the server on the WebSocket. `ref` is that of the client's message that
/// it answers.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a message is encoded where it is made, not kept")]
pub enum ServerMessage<'a> {
    /// The complete present state of a job.
    Snapshot { job: Job<'a> },
    /// A waiting job's new place.
    Queue {
        #[schema(value_type = String, format = Uuid)]
        job: JobId,
        /// From 1.
        #[schema(minimum = 1)]
        position: u64,
        /// Jobs that wait in all.
        length: u64,
    },
    /// The job was deleted, or what was watched let it go.
    Removed {
        #[schema(value_type = String, format = Uuid)]
        job: JobId,
    },
    /// To a `subscribe`: these are watched now; an `error` says of each other why not.
    Subscribed {
        #[schema(value_type = Vec<String>)]
        jobs: &'a [JobId],
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Value>)]
        reference: Ref,
    },
    /// It is done.
    Ok {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Value>)]
        reference: Ref,
    },
    /// To a `ping`.
    Pong {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Value>)]
        reference: Ref,
    },
    /// Something was not done, and why. The socket stays open.
    Error {
        code: Code,
        /// For a person.
        message: &'a str,
        /// The job that it was about, as the client named it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        job: Option<&'a str>,
        /// The field at fault.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        field: Option<&'a str>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Value>)]
        reference: Ref,
    },
    /// The server is about to stop.
    Draining {
        /// Milliseconds after which to connect again.
        retry_after_ms: u64,
    },
}

impl ServerMessage<'_> {
    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a message has only string keys")
    }

    /// Ready for the socket.
    pub fn framed(&self) -> Bytes {
        ws::text(&self.json())
    }
}

/// What was wished is done.
pub fn ok(reference: Ref) -> Bytes {
    ServerMessage::Ok { reference }.framed()
}

/// A waiting job's new place.
pub fn queue(job: JobId, place: QueuePlace) -> Bytes {
    let QueuePlace { position, length } = place;
    ServerMessage::Queue { job, position, length }.framed()
}

/// Why something was not done; the socket stays open.
pub fn refusal(problem: &Problem, job: Option<&str>, reference: Option<&Value>) -> Bytes {
    let Problem { code, detail: message, field, .. } = problem;
    let (field, reference) = (field.as_deref(), reference.cloned());
    ServerMessage::Error { code: *code, message, job, field, reference }.framed()
}
