//! `GET /v1/info`: what a client has to know before it knows who asks. Never: anything
//! that is not everybody's to know.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use milepost_convert::OutputFormat;
use milepost_core::Pipeline;
use serde::Serialize;
use utoipa::ToSchema;

use super::message::PipelineName;
use crate::http::Services;

/// What this server is, and what it takes.
#[derive(Serialize, ToSchema)]
pub struct Info {
    /// Always `milepost`.
    #[schema(value_type = String)]
    name: &'static str,
    #[schema(value_type = String, example = "0.1.0")]
    version: &'static str,
    /// In which ways people are known; none: everybody is one local user.
    #[schema(value_type = Vec<AuthenticationName>)]
    authentication: Vec<&'static str>,
    /// Whether documents may be submitted by their URL.
    fetch_by_url: bool,
    /// What a browser needs to be told of jobs' ends; `null`: the server tells none.
    #[schema(required)]
    push: Option<PushInfo>,
    #[schema(value_type = Vec<PipelineName>)]
    pipelines: Vec<&'static str>,
    /// Of `convert`.
    #[schema(value_type = Vec<String>, example = json!(["markdown"]))]
    formats: Vec<&'static str>,
    /// What makes vectors of a collection's chunks, by name; none: search is by words.
    embedders: Vec<String>,
    /// The one of collections that name none.
    #[schema(required)]
    embedder: Option<String>,
    /// What orders hits anew, by name.
    rerankers: Vec<String>,
    /// The one that does where a search asks for it; `null`: none can.
    #[schema(required)]
    reranker: Option<String>,
    limits: InfoLimits,
}

/// A way of knowing people.
#[derive(ToSchema)]
#[schema(as = Authentication, rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes the words of `Mode` to readers of the API")]
enum AuthenticationName {
    ApiKeys,
    Jwt,
    Cookie,
}

#[derive(Serialize, ToSchema)]
struct PushInfo {
    /// The server's key for `PushManager.subscribe`: a point of P-256, in base64url.
    public_key: String,
}

#[derive(Serialize, ToSchema)]
struct InfoLimits {
    /// A request's body, in bytes.
    body: u64,
    /// Jobs of one request.
    request_jobs: u64,
    /// A query of a search, in bytes.
    query: u64,
    /// Hits of one search.
    hits: u64,
    /// Collections that one may have.
    collections: u64,
}

/// What this server is, and what it takes.
#[utoipa::path(
    get, path = "/v1/info", operation_id = "get_info", tag = "operation",
    responses((status = 200, description = "It", body = Info))
)]
pub async fn info(State(services): State<Services>) -> Response {
    let config = &services.config;
    let engines = services.query.engines();
    let public_key = services.push.public_key().map(str::to_owned);
    axum::Json(Info {
        name: "milepost",
        version: env!("CARGO_PKG_VERSION"),
        authentication: config.auth.modes().iter().map(|mode| mode.as_str()).collect(),
        fetch_by_url: config.fetch.enabled,
        push: public_key.map(|public_key| PushInfo { public_key }),
        pipelines: Pipeline::ALL.map(Pipeline::as_str).to_vec(),
        formats: OutputFormat::ALL.iter().map(|format| format.name()).collect(),
        embedders: engines.embedders,
        embedder: engines.embedder,
        rerankers: engines.rerankers,
        reranker: engines.reranker,
        limits: InfoLimits {
            body: config.limits.body.as_u64(),
            request_jobs: config.limits.request_jobs as u64,
            query: config.index.max_query.as_u64(),
            hits: config.index.max_k as u64,
            collections: config.index.max_collections,
        },
    })
    .into_response()
}
