//! What a monitoring system reads, as Prometheus text. Enters: finished
//! requests, announcements of jobs' ends. Leaves: counters, and gauges that are
//! read off the parts at each scrape. Never: a label that a client chooses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{Change, Status};
use milepost_index::Mode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Services;
use super::bounds::Limit;
use super::problem::Problem;
use crate::bus::Subscriber;
use crate::index::Calls;
use crate::push::Outcome;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    pipeline: &'static str,
    status: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SearchLabels {
    mode: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PushLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    reason: &'static str,
}

/// The stage that puts chunks into a collection.
const INDEXING: &str = "indexing";

/// All counters of this process; cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RequestLabels, Histogram>,
    refused: Family<RefusedLabels, Counter>,
    ended: Family<EndLabels, Counter>,
    limited: Family<LimitLabels, Counter>,
    pushed: Family<PushLabels, Counter>,
    searched: Family<SearchLabels, Counter>,
    search_seconds: Histogram,
    indexed: Counter,
    submitted: Counter,
    updates: Counter,
    work_seconds: Histogram,
    connections: Gauge,
    subscriptions: Gauge,
    waiting: Gauge,
    running: Gauge,
    slots: Gauge,
}

impl Metrics {
    /// Counters at zero, and those of calls to engines.
    pub fn new(calls: &Calls) -> Self {
        let mut registry = Registry::with_prefix("milepost");
        let buckets = || Histogram::new(exponential_buckets(0.001, 4.0, 9));
        let inner = Inner {
            requests: Family::default(),
            seconds: Family::new_with_constructor(buckets),
            refused: Family::default(),
            ended: Family::default(),
            limited: Family::default(),
            pushed: Family::default(),
            searched: Family::default(),
            search_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 9)),
            indexed: Counter::default(),
            submitted: Counter::default(),
            updates: Counter::default(),
            work_seconds: Histogram::new(exponential_buckets(0.01, 4.0, 10)),
            connections: Gauge::default(),
            subscriptions: Gauge::default(),
            waiting: Gauge::default(),
            running: Gauge::default(),
            slots: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Answered requests", inner.requests.clone());
        registry.register(
            "http_request_seconds",
            "Time to the head of the answer",
            inner.seconds.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections that were closed before their request was read",
            inner.refused.clone(),
        );
        registry.register("jobs_submitted", "New jobs", inner.submitted.clone());
        registry.register("jobs_ended", "Jobs that reached an end", inner.ended.clone());
        registry.register("job_updates", "Recorded changes of jobs", inner.updates.clone());
        registry.register(
            "job_work_seconds",
            "Time from the start of the work to its end",
            inner.work_seconds.clone(),
        );
        registry.register("limited", "Refusals by a limit", inner.limited.clone());
        for limit in Limit::ALL {
            // So that the first one is a rise.
            drop(inner.limited.get_or_create(&LimitLabels { limit: limit.as_str() }));
        }
        registry.register("push_messages", "Attempts to tell a browser", inner.pushed.clone());
        for outcome in Outcome::ALL {
            drop(inner.pushed.get_or_create(&PushLabels { outcome: outcome.as_str() }));
        }
        registry.register("searches", "Searches", inner.searched.clone());
        registry.register("search_seconds", "Time of a search", inner.search_seconds.clone());
        registry.register("chunks_indexed", "Chunks put into collections", inner.indexed.clone());
        registry.register("engine_calls", "Calls to embedders and rerankers", calls.counters());
        registry.register("connections", "Connections that watch", inner.connections.clone());
        registry.register("subscriptions", "What they watch", inner.subscriptions.clone());
        registry.register("queue_waiting", "Jobs that wait", inner.waiting.clone());
        registry.register("queue_running", "Jobs being worked on", inner.running.clone());
        registry.register("converter_slots", "Conversions at a time", inner.slots.clone());
        Self(Arc::new(Inner { registry, ..inner }))
    }

    /// Counts that a limit was met.
    pub fn limited(&self, limit: Limit) {
        self.0.limited.get_or_create(&LimitLabels { limit: limit.as_str() }).inc();
    }

    /// Counts an attempt to tell a browser.
    pub fn pushed(&self, outcome: Outcome) {
        self.0.pushed.get_or_create(&PushLabels { outcome: outcome.as_str() }).inc();
    }

    /// Counts a search.
    pub fn searched(&self, mode: Option<Mode>, outcome: &'static str, took: Duration) {
        let mode = match mode {
            Some(Mode::Keyword) => "keyword",
            Some(Mode::Vector) => "vector",
            Some(Mode::Hybrid) => "hybrid",
            None => "",
        };
        self.0.searched.get_or_create(&SearchLabels { mode, outcome }).inc();
        self.0.search_seconds.observe(took.as_secs_f64());
    }

    /// Counts a connection that was closed before its request was read.
    pub fn refused(&self, reason: &'static str) {
        self.0.refused.get_or_create(&RefusedLabels { reason }).inc();
    }

    /// Counts changes of jobs until the bus is gone.
    pub async fn count_jobs(self, mut bus: Subscriber) {
        while let Some(heard) = bus.next().await {
            // A lagging counter has missed some; it stays a lower bound.
            let Ok(announcement) = heard else { continue };
            let Change::Reached(job) = announcement.change else { continue };
            self.0.updates.inc();
            if job.seq.0 == 1 {
                self.0.submitted.inc();
            }
            if job.status.is_terminal() {
                self.0
                    .ended
                    .get_or_create(&EndLabels {
                        pipeline: job.pipeline.as_str(),
                        status: job.status.as_str(),
                        code: job.failure.as_ref().map_or("", |failure| failure.code.as_str()),
                    })
                    .inc();
                let indexed = job.stages.iter().find(|stage| stage.name == INDEXING);
                if let (Status::Completed, Some(chunks)) =
                    (job.status, indexed.and_then(|stage| stage.done))
                {
                    self.0.indexed.inc_by(chunks);
                }
                if let (Status::Completed, Some(from), Some(to)) =
                    (job.status, job.started_at, job.finished_at)
                {
                    self.0.work_seconds.observe(to.seconds_since(from));
                }
            }
        }
    }
}

/// A request that is under way.
pub struct Counted {
    metrics: Metrics,
    method: &'static str,
    route: Option<MatchedPath>,
    began: Instant,
}

impl Metrics {
    /// Begins to count a request by its route, not by its path.
    pub fn begin(&self, request: &Request) -> Counted {
        Counted {
            metrics: self.clone(),
            method: method_name(request.method()),
            route: request.extensions().get::<MatchedPath>().cloned(),
            began: Instant::now(),
        }
    }
}

impl Counted {
    /// Counts it with the head of its answer.
    pub fn end(self, response: &Response) {
        let labels = RequestLabels {
            method: self.method,
            route: self.route.as_ref().map_or("none", MatchedPath::as_str).to_owned(),
            status: response.status().as_u16(),
        };
        let metrics = &self.metrics.0;
        metrics.seconds.get_or_create(&labels).observe(self.began.elapsed().as_secs_f64());
        metrics.requests.get_or_create(&labels).inc();
    }
}

/// The text for a monitoring system.
///
/// # Errors
/// Where the store does not answer.
pub async fn scrape(services: &Services) -> Result<Response, Problem> {
    let metrics = &services.metrics.0;
    let (connections, subscriptions) = services.hub.load();
    let (waiting, running) = services.query.load().await?;
    metrics.connections.set(connections as i64);
    metrics.subscriptions.set(subscriptions as i64);
    metrics.waiting.set(waiting as i64);
    metrics.running.set(running as i64);
    metrics.slots.set(services.config.slots() as i64);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &metrics.registry)
        .expect("a string takes any text");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Only known methods, as clients can invent others.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
