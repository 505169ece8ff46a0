//! By what a request is known again. Enters: requests. Leaves: one text for the same
//! ones. Never: what they hold, since that may be a password.

use milepost_core::BatchId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{About, Request, Source};

/// The same for the same request, of one job.
pub(super) fn of_one(request: &Request) -> String {
    hash(described(request))
}

/// The same for the same request, of several jobs or into the same batch.
pub(super) fn of_batch(requests: &[Request], joins: Option<BatchId>) -> String {
    let jobs: Vec<_> = requests.iter().map(described).collect();
    hash(json!({"batch": joins, "jobs": jobs}))
}

/// All that the client chose, by content.
fn described(request: &Request) -> Value {
    let mut whole = json!({
        "pipeline": request.pipeline,
        "plan": request.plan,
        "source": described_source(request.source.as_ref()),
        "options": serde_json::to_value(&request.options).unwrap_or_default(),
        "metadata": request.metadata,
        "hold": request.hold,
        "priority": request.priority,
    });
    // Left out where it is not set: a key of an earlier version still counts.
    if request.force {
        whole["force"] = true.into();
    }
    if let Some(collection) = &request.collection {
        whole["collection"] = collection.as_str().into();
    }
    if request.about != About::default() {
        whole["about"] = json!([request.about.key, request.about.metadata]);
    }
    if !request.sources.is_empty() {
        let one = |(source, about): &(Source, About)| {
            json!([described_source(Some(source)), about.key, about.metadata])
        };
        whole["sources"] = request.sources.iter().map(one).collect();
    }
    whole
}

fn described_source(source: Option<&Source>) -> Value {
    match source {
        None => Value::Null,
        Some(Source::Stored(info, _)) => json!({"document": info.id}),
        Some(Source::Uploaded(upload)) => {
            json!({"sha256": upload.content.sha256, "filename": upload.filename})
        }
        Some(Source::Remote(remote)) => json!({"remote": remote.to_stored()}),
    }
}

fn hash(whole: Value) -> String {
    Sha256::digest(sorted(whole).to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same for the same content, in whatever order the client wrote it.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
