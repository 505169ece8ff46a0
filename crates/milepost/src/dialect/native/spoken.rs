//! What a socket's client is told, but for the jobs themselves. Enters: answers and
//! refusals. Leaves: framed messages.

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::http::problem::Problem;
use crate::transport::ws;

/// What was wished is done.
pub fn ok(reference: Option<Value>) -> Bytes {
    with_ref(json!({"type": "ok"}), reference)
}

/// `message` with what the client marked its own with.
pub fn with_ref(mut message: Value, reference: Option<Value>) -> Bytes {
    if let (Some(object), Some(reference)) = (message.as_object_mut(), reference) {
        object.insert("ref".to_owned(), reference);
    }
    framed(&message)
}

/// A message, ready for the socket.
pub fn framed(message: &Value) -> Bytes {
    ws::text(&message.to_string())
}

/// Why something was not done; the socket stays open.
pub fn error_message(problem: &Problem, job: Option<&str>, reference: Option<&Value>) -> Bytes {
    let mut message = json!({
        "type": "error", "code": problem.code, "message": problem.detail,
    });
    if let Some(object) = message.as_object_mut() {
        if let Some(job) = job {
            object.insert("job".to_owned(), job.into());
        }
        if let Some(field) = &problem.field {
            object.insert("field".to_owned(), field.as_str().into());
        }
    }
    with_ref(message, reference.cloned())
}
