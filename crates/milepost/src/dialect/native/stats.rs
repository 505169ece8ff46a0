//! `GET /v1/stats`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use milepost_core::{Status, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::message::{PipelineName, StatusWord};
use crate::http::Services;
use crate::http::extract::{By, Params};
use crate::http::problem::Problem;

/// How far `finished` goes back where the client does not say.
const DEFAULT_DAYS: i64 = 30;

/// From when on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// Count jobs that ended since then (RFC 3339); the last 30 days by default.
    since: Option<String>,
}

/// What the server is doing, and what one's jobs came to.
#[derive(Serialize, ToSchema)]
pub struct Stats {
    /// One's own connections that watch now; everybody's, for those who may read
    /// everything.
    connections: u64,
    /// What they watch.
    subscriptions: u64,
    /// One's own jobs by status.
    jobs: BTreeMap<&'static str, u64>,
    queue: QueueStats,
    usage: OwnUsage,
    capacity: Capacity,
    ended: EndedLately,
    /// From when on `finished` counts.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// One's own finished jobs by day, pipeline, kind of document and end.
    finished: Vec<Finished>,
    /// The share of the finished jobs that completed, cancelled ones left out.
    #[schema(required)]
    success_rate: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct QueueStats {
    /// Jobs that wait, of all owners.
    depth: u64,
    /// Jobs that may wait.
    limit: u64,
}

/// What one uses, and how much that may be; `null` for no limit.
#[derive(Serialize, ToSchema)]
struct OwnUsage {
    /// Bytes of one's documents and results.
    bytes: u64,
    #[schema(required)]
    bytes_limit: Option<u64>,
    /// One's jobs that wait, held ones included.
    waiting: u64,
    #[schema(required)]
    waiting_limit: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct Capacity {
    /// Conversions at a time.
    slots: u64,
    /// Conversions under way.
    running: u64,
}

/// How many of one's own jobs ended, however they did.
#[derive(Serialize, ToSchema)]
struct EndedLately {
    last_minute: u64,
    last_hour: u64,
}

#[derive(Serialize, ToSchema)]
struct Finished {
    day: String,
    #[schema(value_type = PipelineName)]
    pipeline: String,
    #[schema(required)]
    media_type: Option<String>,
    /// How they ended.
    #[schema(value_type = StatusWord)]
    status: String,
    jobs: u64,
    bytes: u64,
    pages: u64,
    /// The mean time of the work.
    #[schema(required)]
    mean_seconds: Option<f64>,
}

/// Connections, jobs by status, the queue, and counts of finished jobs.
#[utoipa::path(
    get, path = "/v1/stats", tag = "operation", params(Since),
    responses(
        (status = 200, description = "The counts", body = Stats),
        (status = 422, description = "`since` is no time", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn stats(
    State(services): State<Services>,
    By(caller): By,
    Params(wanted): Params<Since>,
) -> Result<Response, Problem> {
    let now = services.clock.now();
    let since = match wanted.since {
        None => {
            let days = Duration::from_secs(DEFAULT_DAYS as u64 * 24 * 3600);
            Timestamp::from_micros(now.as_micros() - days.as_micros() as i64)
        }
        Some(text) => text.parse().map_err(|_| {
            Problem::field("since", "A time is RFC 3339, for example 2026-01-31T00:00:00Z.")
        })?,
    };
    let mut jobs: BTreeMap<_, _> = Status::ALL.map(|status| (status.as_str(), 0)).into();
    for (word, count) in services.query.count_by_status(caller.owner.clone()).await? {
        if let Some(status) = Status::ALL.into_iter().find(|status| status.as_str() == word) {
            jobs.insert(status.as_str(), count);
        }
    }
    let used = services.query.usage(caller.owner.clone()).await?;
    let allowance = services.submitter.allowance();
    let limit = |most: u64| (most < u64::MAX).then_some(most);
    let usage = OwnUsage {
        bytes: used.bytes,
        bytes_limit: limit(allowance.bytes),
        waiting: used.waiting,
        waiting_limit: limit(allowance.waiting),
    };
    let (depth, running) = services.query.load().await?;
    let own = services.bounds.watched_by(&caller.owner).filter(|_| !caller.reads_all());
    let (connections, subscriptions) = own.unwrap_or_else(|| services.hub.load());
    let lately = services.query.ended(caller.owner.clone(), now).await?;
    let finished: Vec<Finished> = services
        .query
        .finished_since(caller.owner, since)
        .await?
        .into_iter()
        .map(|row| Finished {
            day: row.day,
            pipeline: row.pipeline,
            media_type: row.media_type,
            status: row.status,
            jobs: row.jobs,
            bytes: row.bytes,
            pages: row.pages,
            mean_seconds: row.mean_secs,
        })
        .collect();
    let ended = |status: Status| -> u64 {
        finished.iter().filter(|f| f.status == status.as_str()).map(|f| f.jobs).sum()
    };
    let (completed, failed) = (ended(Status::Completed), ended(Status::Failed));
    let success_rate =
        (completed + failed > 0).then(|| completed as f64 / (completed + failed) as f64);
    let body = Stats {
        connections,
        subscriptions,
        jobs,
        queue: QueueStats { depth, limit: services.config.queue.max_waiting },
        usage,
        capacity: Capacity { slots: services.config.slots() as u64, running },
        ended: EndedLately { last_minute: lately.minute, last_hour: lately.hour },
        since,
        finished,
        success_rate,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}
