//! How the conversion of a document stands, for those who ask now and then, and orders:
//! start, retry, cancel.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use milepost_convert::Options;
use milepost_core::{Caller, DocumentId, Pipeline, Scope, Status};
use serde::Deserialize;
use serde_json::{Value, json};

use super::follow::newest;
use super::message::Progress;
use super::{find, wrong};
use crate::command::CommandError;
use crate::http::Services;
use crate::http::extract::{self, By, Id};
use crate::http::problem::Problem;
use crate::hub::Frame;
use crate::store::{DocumentRow, JobFilter};
use crate::submit::{self, Source, SubmitError};

/// Jobs over which the metrics are counted.
const RECENT: u32 = 100;
/// An order in bytes.
const MAX_ORDER: u64 = 64 * 1024;

/// What conversion there is.
pub async fn get(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<Response, Problem> {
    let row = find(&services, &caller, &id, Scope::Read).await?;
    let Some((frame, _)) = newest(&services, &row).await? else {
        return Ok(axum::Json(not_started(row.info.id)).into_response());
    };
    let ends = services.query.recent_ends(row.owner, RECENT).await?;
    let (depth, running) = services.query.load().await?;
    let mean = ends.mean_secs.map_or(0, |secs| (secs * 1000.0).round() as u64);
    let mut progress = Progress::of(row.info.id, &frame);
    if let (Some(place), true) = (frame.queue, mean > 0) {
        let rounds = place.position.div_ceil(services.config.slots() as u64);
        progress.estimated_time_remaining = Some(rounds.saturating_mul(mean));
    }
    let estimate = progress.estimated_time_remaining;
    let mut body = json!(progress);
    body["estimatedTimeRemaining"] = json!(estimate);
    body["estimatedTimeRemainingFormatted"] = json!(estimate.map(in_words));
    body["queuePosition"] = json!(frame.queue.map(|place| place.position));
    body["queueMetrics"] = json!({
        "queueDepth": depth,
        "activeJobs": running,
        "averageProcessingTime": mean,
        "successRate": success(ends.completed, ends.failed),
    });
    body["timestamp"] = json!(services.clock.now());
    Ok(axum::Json(body).into_response())
}

fn not_started(document: DocumentId) -> Value {
    json!({
        "documentId": document,
        "status": "not_started",
        "stage": "not_started",
        "progress": 0,
        "message": "No conversion job found",
        "totalPages": null,
        "processedPages": 0,
        "retryCount": 0,
        "estimatedTimeRemaining": null,
        "queuePosition": null,
    })
}

/// Percent with two decimals; 100 where nothing has ended.
fn success(completed: u64, failed: u64) -> f64 {
    if completed + failed == 0 {
        return 100.0;
    }
    (completed as f64 / (completed + failed) as f64 * 10_000.0).round() / 100.0
}

/// Milliseconds as people say them, the two largest units.
fn in_words(ms: u64) -> String {
    if ms < 1000 {
        return "Less than 1 second".to_owned();
    }
    let some = |count: u64, unit: &str| match count {
        0 => None,
        1 => Some(format!("1 {unit}")),
        _ => Some(format!("{count} {unit}s")),
    };
    let seconds = (ms + 500) / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let parts = match (hours, minutes) {
        (0, 0) => [None, some(seconds, "second")],
        (0, _) => [some(minutes, "minute"), some(seconds % 60, "second")],
        _ => [some(hours, "hour"), some(minutes % 60, "minute")],
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What is to be done.
#[derive(Deserialize)]
struct Order {
    action: Option<Value>,
    priority: Option<Value>,
}

/// Starts, retries or cancels a conversion.
pub async fn order(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
    request: Request,
) -> Result<Response, Problem> {
    let row = find(&services, &caller, &id, Scope::Submit).await?;
    let body = extract::whole(request, MAX_ORDER).await?;
    let order: Option<Order> = serde_json::from_slice(&body).ok();
    let Some(Order { action, priority }) = order else {
        return Err(wrong("Invalid request body"));
    };
    let message = match action.as_ref().and_then(Value::as_str) {
        Some("start") => {
            start(&services, &row, priority.as_ref()).await?;
            "Conversion job created"
        }
        Some("retry") => {
            retry(&services, &caller, &row, priority.as_ref()).await?;
            "Conversion job retried"
        }
        Some("cancel") => {
            cancel(&services, &caller, &row).await?;
            "Conversion job cancelled"
        }
        _ => return Err(wrong("Invalid action. Use: start, retry, or cancel")),
    };
    let mut body = json!({"success": true, "message": message});
    let newest = newest(&services, &row).await?;
    if let Some((frame, _)) = &newest {
        body["job"] = json!(Progress::of(row.info.id, frame));
    }
    Ok(axum::Json(body).into_response())
}

/// Starts one, in a word: some clients have a route for it.
pub async fn convert(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<Response, Problem> {
    let row = find(&services, &caller, &id, Scope::Submit).await?;
    start(&services, &row, None).await?;
    Ok(axum::Json(json!({"success": true, "message": "Conversion job created"})).into_response())
}

/// A new job, unless one is under way. It is the document's owner's, whoever ordered it.
async fn start(
    services: &Services,
    row: &DocumentRow,
    priority: Option<&Value>,
) -> Result<(), Problem> {
    let request = submit::Request {
        owner: row.owner.clone(),
        pipeline: Pipeline::Convert,
        plan: None,
        source: Some(Source::Stored(row.info.clone(), row.content.sha256.clone())),
        options: Options::default(),
        metadata: None,
        hold: false,
        priority: match priority.and_then(Value::as_str) {
            Some("low") => -10,
            Some("high") => 10,
            Some("urgent") => 20,
            _ => 0,
        },
        force: false,
        alone: true,
        about: Default::default(),
        sources: Vec::new(),
        collection: None,
    };
    match services.submitter.submit(request, None).await {
        Ok(_) | Err(SubmitError::UnderWay(_)) => Ok(()),
        Err(SubmitError::DocumentGone) => Err(Problem::not_found("document")),
        Err(error) => Err(error.into()),
    }
}

/// What failed goes on; else as if it was started.
async fn retry(
    services: &Services,
    caller: &Caller,
    row: &DocumentRow,
    priority: Option<&Value>,
) -> Result<(), Problem> {
    if let Some((Frame { snapshot, .. }, job)) = newest(services, row).await?
        && snapshot.status == Status::Failed
    {
        return match services.commands.retry(caller, job).await {
            // Somebody else was a little faster.
            Ok(_) | Err(CommandError::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        };
    }
    start(services, row, priority).await
}

/// Whatever is under way.
async fn cancel(services: &Services, caller: &Caller, row: &DocumentRow) -> Result<(), Problem> {
    let jobs = JobFilter {
        document: Some(row.info.id),
        status: vec![Status::Awaiting, Status::Queued, Status::Running],
        ..JobFilter::of(row.owner.clone())
    };
    for (job, _) in services.query.jobs(jobs).await? {
        match services.commands.cancel(caller, job.id).await {
            Ok(_) | Err(CommandError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_words() {
        for (ms, words) in [
            (0, "Less than 1 second"),
            (999, "Less than 1 second"),
            (1000, "1 second"),
            (12_400, "12 seconds"),
            (65_000, "1 minute 5 seconds"),
            (120_000, "2 minutes"),
            (7_260_000, "2 hours 1 minute"),
            (3_600_000, "1 hour"),
        ] {
            assert_eq!(in_words(ms), words, "{ms}");
        }
    }

    #[test]
    fn success_is_a_percentage() {
        assert_eq!(success(0, 0), 100.0);
        assert_eq!(success(2, 1), 66.67);
        assert_eq!(success(0, 3), 0.0);
    }
}
