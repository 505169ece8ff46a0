//! Sharing a job: tokens that read it, for those who have no credential of their own.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{JobId, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{Granted, Purpose};
use crate::http::Services;
use crate::http::extract::{self, By, Id, media_type};
use crate::http::problem::Problem;

/// How long a token lasts where its maker does not say.
const DEFAULT_SECS: u64 = 24 * 3600;
/// No token lasts longer.
const MAX_SECS: u64 = 90 * 24 * 3600;
const MAX_BODY_BYTES: u64 = 1024;

/// A token that reads one job.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessToken)]
pub struct TokenState {
    /// For `Authorization: Bearer`, or `?token=`.
    token: String,
    /// From when on it is void.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<Granted> for TokenState {
    fn from(granted: Granted) -> Self {
        Self { token: granted.token, expires_at: granted.expires_at }
    }
}

/// How to share.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Seconds that the token lasts: a day by default, 90 days at most.
    #[schema(minimum = 1, maximum = 7_776_000)]
    expires_in: Option<u64>,
}

/// Makes a token that reads this job and can do nothing else.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/share", operation_id = "share_job", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    request_body(content = Option<Share>, content_type = "application/json"),
    responses(
        (status = 201, description = "The token", body = TokenState),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn share(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
    request: Request,
) -> Result<Response, Problem> {
    services.query.job_for(&caller, Scope::Submit, job).await?;
    // Whoever may not read it gives nobody leave to.
    services.query.job(&caller, job).await?;
    let wanted: Share = match media_type(request.headers()) {
        None => Share::default(),
        Some(_) => extract::json(request, MAX_BODY_BYTES).await?,
    };
    let secs = wanted.expires_in.unwrap_or(DEFAULT_SECS);
    if !(1..=MAX_SECS).contains(&secs) {
        let detail = format!("A token lasts 1 to {MAX_SECS} seconds.");
        return Err(Problem::field("expires_in", detail));
    }
    let epoch = services.query.token_epoch(job).await?;
    let token = TokenState::from(services.access.grant(job, epoch, Purpose::Share, secs));
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, axum::Json(token)).into_response())
}

/// Makes every token of this job void, those of its submission too, and cuts off who
/// watches by one.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}/share", operation_id = "unshare_job", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 204, description = "All tokens are void"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn unshare(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
) -> Result<StatusCode, Problem> {
    services.commands.revoke_tokens(&caller, job).await?;
    Ok(StatusCode::NO_CONTENT)
}
