//! What an operator's machines ask: is it alive, is it ready, how much does it
//! do.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use milepost_core::Scope;

use super::Services;
use super::problem::Problem;
use super::routes::{Routes, Rule};

/// The routes. Whoever balances load has no credential; what the server is used for is
/// told to those alone who may read everything.
pub fn routes() -> Routes {
    Routes::default()
        .add(Rule::Open, routes!(live))
        .add(Rule::Open, routes!(ready))
        .add(Rule::Needs(Scope::ReadAll), routes!(metrics))
}

#[derive(Serialize, ToSchema)]
struct Liveness {
    /// Always `ok`.
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `not ready`.
    status: &'static str,
    parts: Parts,
}

#[derive(Serialize, ToSchema)]
struct Parts {
    /// Whether the store answers.
    store: &'static str,
    /// Whether new work is taken; not while the server stops.
    accepting: &'static str,
}

/// The process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "It is alive", body = Liveness)),
)]
async fn live() -> Response {
    answer(StatusCode::OK, Liveness { status: "ok" })
}

/// Whether requests should be sent here, and if not, which part is not ready.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "It is ready", body = Readiness),
        (status = 503, description = "A part is not ready", body = Readiness),
    ),
)]
async fn ready(State(services): State<Services>) -> Response {
    let word = |ready: bool| if ready { "ready" } else { "not ready" };
    let store = services.query.load().await.is_ok();
    let accepting = !services.draining.is_cancelled();
    let all = store && accepting;
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let parts = Parts { store: word(store), accepting: word(accepting) };
    answer(status, Readiness { status: word(all), parts })
}

/// Counters and gauges as OpenMetrics text, which Prometheus reads.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "application/openmetrics-text"),
        (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn metrics(State(services): State<Services>) -> Result<Response, Problem> {
    super::metrics::scrape(&services).await
}

fn answer(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}
