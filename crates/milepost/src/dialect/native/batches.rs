//! Batches: jobs that were submitted together, as one. Enters: a batch's id.
//! Leaves: its state, orders to all of its jobs. Never: the jobs themselves, of
//! which there may be thousands; they are listed with `GET /v1/jobs?batch=`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{Batch, BatchId, Caller, Scope, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::jobs::{Page, Paging, statuses};
use crate::http::Services;
use crate::http::extract::{By, Id, Params};
use crate::http::problem::{Code, Problem};

/// Several jobs as one.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
pub struct BatchState {
    #[schema(value_type = String, format = Uuid)]
    id: BatchId,
    /// How many jobs it has.
    total: u64,
    /// How many of them have each status, every status named.
    by_status: BTreeMap<&'static str, u64>,
    /// Percent: the mean of its jobs, of which one that has ended counts as 100,
    /// however it ended. 100 only when all have.
    #[schema(minimum = 0, maximum = 100)]
    progress: f64,
}

impl From<Batch> for BatchState {
    fn from(batch: Batch) -> Self {
        Self {
            id: batch.id,
            total: batch.total,
            by_status: batch.by_status.map(|(status, jobs)| (status.as_str(), jobs)).into(),
            progress: batch.progress.percent(),
        }
    }
}

/// Which jobs of a batch.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Again {
    /// Jobs that ended so, separated by commas; `failed,cancelled` by default.
    #[param(example = "failed")]
    status: Option<String>,
}

/// One's own batches, newest first.
#[utoipa::path(
    get, path = "/v1/batches", operation_id = "list_batches", tag = "batches", params(Paging),
    responses(
        (status = 200, description = "The batches", body = Page<BatchState>),
        (status = 422, description = "The limit or the cursor is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(services): State<Services>,
    By(caller): By,
    Params(paging): Params<Paging>,
) -> Result<Response, Problem> {
    let limit = paging.limit()?;
    let found = services.query.batches(caller.owner, paging.cursor()?, limit).await?;
    let last = found.last().map(|batch| batch.id.to_string());
    let items: Vec<_> = found.into_iter().map(BatchState::from).collect();
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((headers, axum::Json(Page::new(items, limit, last))).into_response())
}

/// A batch's state.
#[utoipa::path(
    get, path = "/v1/batches/{id}", operation_id = "get_batch", tag = "batches",
    params(("id" = String, Path, description = "The batch")),
    responses(
        (status = 200, description = "The state", body = BatchState),
        (status = 404, description = "No such batch", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(services): State<Services>,
    By(caller): By,
    Id(batch): Id<BatchId>,
) -> Result<Response, Problem> {
    services.query.batch_owner(&caller, batch).await?;
    answer(&services, &caller, batch, StatusCode::OK).await
}

/// Stops every job of a batch that has not ended. Those that have stay as they
/// are.
#[utoipa::path(
    post, path = "/v1/batches/{id}/cancel", operation_id = "cancel_batch", tag = "batches",
    params(("id" = String, Path, description = "The batch")),
    responses(
        (status = 200, description = "None of its jobs is under way", body = BatchState),
        (status = 404, description = "No such batch", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(
    State(services): State<Services>,
    By(caller): By,
    Id(batch): Id<BatchId>,
) -> Result<Response, Problem> {
    services.commands.cancel_batch(&caller, batch).await?;
    answer(&services, &caller, batch, StatusCode::OK).await
}

/// Queues the next attempt of those jobs of a batch that failed or were cancelled,
/// or that ended as `status` says. Each goes on behind its finished pages.
#[utoipa::path(
    post, path = "/v1/batches/{id}/retry", operation_id = "retry_batch", tag = "batches",
    params(("id" = String, Path, description = "The batch"), Again),
    responses(
        (status = 202, description = "The next attempts are queued", body = BatchState),
        (status = 404, description = "No such batch", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is nothing to retry", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`status` is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn retry(
    State(services): State<Services>,
    By(caller): By,
    Id(batch): Id<BatchId>,
    Params(again): Params<Again>,
) -> Result<Response, Problem> {
    let mut ends = statuses(again.status.as_deref())?;
    if ends.iter().any(|status| !status.is_terminal()) {
        let detail =
            "Only jobs that have ended can be retried: `failed`, `cancelled`, `completed`.";
        return Err(Problem::field("status", detail));
    }
    if ends.is_empty() {
        ends = vec![Status::Failed, Status::Cancelled];
    }
    let words: Vec<_> = ends.iter().map(|status| status.as_str()).collect();
    let words = words.join(" or ");
    let retried = services.commands.retry_batch(&caller, batch, ends).await?;
    let answer = answer(&services, &caller, batch, StatusCode::ACCEPTED).await?;
    if retried == 0 {
        let detail =
            format!("No job of the batch is {words} and has its document, so none is retried.");
        return Err(Problem::new(Code::Conflict, detail));
    }
    Ok(answer)
}

async fn answer(
    services: &Services,
    caller: &Caller,
    batch: BatchId,
    status: StatusCode,
) -> Result<Response, Problem> {
    // An order was carried out, whether or not its giver may read anything else.
    let reader = if caller.may(Scope::Read) { caller.clone() } else { caller.as_owner() };
    let state = BatchState::from(services.query.batch(&reader, batch).await?);
    Ok((status, [(header::CACHE_CONTROL, "no-store")], axum::Json(state)).into_response())
}
