//! One job and lists of jobs.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{Caller, JobId, OwnerId, Pipeline, Seq, Snapshot, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::message::{self, Job};
use crate::access::Refused;
use crate::dialect::watch::connect_as;
use crate::http::Services;
use crate::http::client::Client;
use crate::http::extract::{By, Id, Known, MAX_WAIT_SECS, Params, not_modified};
use crate::http::problem::Problem;
use crate::hub::{Delivery, Mode};
use crate::store::JobFilter;

/// The most items of a list.
pub const MAX_LIMIT: u32 = 200;
/// In the place of an owner.
const EVERYBODY: &str = "*";
/// The items of a list where the client does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Where and how to go on in a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// At most so many items, 200 at most.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the list before.
    pub cursor: Option<String>,
}

impl Paging {
    /// The checked limit.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            _ => Err(Problem::field("limit", format!("A limit is from 1 to {MAX_LIMIT}."))),
        }
    }

    /// The cursor as what a list goes on behind.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn cursor<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        let wrong = |_| Problem::field("cursor", "This is no `next` of such a list.");
        self.cursor.as_deref().map(|text| text.parse().map_err(wrong)).transpose()
    }
}

/// A list and how to go on.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The `cursor` of the next page; `null` at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A full page may have a next one, which begins behind `last`.
    pub fn new(items: Vec<T>, limit: u32, last: Option<String>) -> Self {
        let next = last.filter(|_| items.len() >= limit as usize);
        Self { items, next }
    }
}

/// How to wait for news.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Poll {
    /// Answer only with a later state than this seq.
    after: Option<u64>,
    /// Seconds to wait for one, 60 at most.
    wait: Option<u64>,
}

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filters {
    /// Any of these, separated by commas.
    #[param(example = "queued,running")]
    status: Option<String>,
    /// Of this pipeline.
    pipeline: Option<String>,
    /// Over this document.
    document: Option<String>,
    /// Of this batch.
    batch: Option<String>,
    /// Filling this collection.
    collection: Option<String>,
    /// With this text in the file's name.
    q: Option<String>,
    /// Of another owner, or `*` for all; for those who may read everything.
    owner: Option<String>,
    // Not flattened: a flattened query string loses its numbers.
    /// At most so many items, 200 at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the list before.
    cursor: Option<String>,
}

/// A job's state; waits for news with `after` and `wait`.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", operation_id = "get_job", tag = "jobs",
    params(("id" = String, Path, description = "The job"), Poll),
    responses(
        (status = 200, description = "The state", body = Job<'_>, headers(("ETag" = String))),
        (status = 304, description = "Nothing newer than `after`"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`after` is beyond the log", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(services): State<Services>,
    Known(principal): Known,
    client: Client,
    Id(job): Id<JobId>,
    Params(poll): Params<Poll>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = &principal.caller;
    let Some(after) = poll.after else {
        let snapshot = services.query.job(caller, job).await?;
        let etag = etag(snapshot.seq);
        // A weak comparison: `W/"7"` and `"7"` name the same state.
        let same = |held: &str| {
            held.split(',').map(str::trim).any(|one| one == "*" || etag.ends_with(one))
        };
        let held = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        if held.is_some_and(|held| !held.is_empty() && same(held)) {
            return Ok(not_modified(&etag));
        }
        return Ok(answer(&services, caller, StatusCode::OK, &snapshot).await);
    };
    let wait = Duration::from_secs(poll.wait.unwrap_or(0).min(MAX_WAIT_SECS));
    // Whoever does not wait takes no place.
    let (mut connection, _seat) = if wait.is_zero() {
        (services.hub.connect(), None)
    } else {
        let (connection, mut seat) = connect_as(&services, client, caller)?;
        seat.subscriptions(1)?;
        (connection, Some(seat))
    };
    let mode = Mode::Latest { interval: Duration::ZERO };
    let now = connection.watch_job(job, mode, Seq(after), caller).await?;
    let nothing_newer = now.status.is_terminal() && now.seq == Seq(after);
    let deadline = tokio::time::sleep(if nothing_newer { Duration::ZERO } else { wait });
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            // What is there goes before the end of the time.
            biased;
            delivery = connection.next() => match delivery {
                Ok(Delivery::Frame(frame)) => {
                    if !services.access.still(&principal).await {
                        let why = "The credential has ended meanwhile.".to_owned();
                        return Err(Refused::Unauthenticated(why).into());
                    }
                    return Ok(with_etag(StatusCode::OK, frame.seq(), message::json(&frame)));
                }
                Ok(Delivery::Queue(..)) => {}
                Ok(Delivery::Removed(_)) => return Err(Problem::not_found("job")),
                Ok(Delivery::Revoked(_, epoch)) => {
                    if principal.revoked_by(job, epoch) {
                        let why = "The token was revoked.".to_owned();
                        return Err(Refused::Unauthenticated(why).into());
                    }
                }
                Err(_) => return Ok(not_modified(&etag(Seq(after)))),
            },
            () = &mut deadline => return Ok(not_modified(&etag(Seq(after)))),
            () = services.draining.cancelled() => return Ok(not_modified(&etag(Seq(after)))),
        }
    }
}

/// One's own jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", operation_id = "list_jobs", tag = "jobs",
    params(Filters),
    responses(
        (status = 200, description = "The jobs", body = Page<Job<'_>>),
        (status = 422, description = "A filter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(services): State<Services>,
    By(caller): By,
    Params(filters): Params<Filters>,
) -> Result<Response, Problem> {
    let paging = Paging { limit: filters.limit, cursor: filters.cursor.clone() };
    let limit = paging.limit()?;
    let found = services.query.jobs(filter(&caller, &filters, &paging, limit)?).await?;
    let last = found.last().map(|(snapshot, _)| snapshot.id.to_string());
    let mut frames = Vec::with_capacity(found.len());
    for (snapshot, position) in found {
        frames.push(services.hub.frame(snapshot, position).await);
    }
    let page = Page::new(frames.iter().map(Job::new).collect(), limit, last);
    let mut response = axum::Json(page).into_response();
    no_store(&mut response);
    Ok(response)
}

/// Stops a job, even in the middle of a page. Finished pages are kept.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", operation_id = "cancel_job", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "It is cancelled", body = Job<'_>),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has ended already", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
) -> Result<Response, Problem> {
    let snapshot = services.commands.cancel(&caller, job).await?;
    Ok(answer(&services, &caller, StatusCode::OK, &snapshot).await)
}

/// Queues the next attempt of a job that has ended. It goes on behind the
/// finished pages.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", operation_id = "retry_job", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 202, description = "The next attempt is queued", body = Job<'_>),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has not ended", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn retry(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
) -> Result<Response, Problem> {
    let snapshot = services.commands.retry(&caller, job).await?;
    Ok(answer(&services, &caller, StatusCode::ACCEPTED, &snapshot).await)
}

/// Removes a job that has ended, with its log, its pages and its result.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", operation_id = "delete_job", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has not ended", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn delete(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
) -> Result<StatusCode, Problem> {
    services.commands.delete(&caller, job).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A snapshot as an answer to whoever gave an order. Never fails: what it tells of has
/// happened. Who may not read the job is told no more than that.
pub async fn answer(
    services: &Services,
    caller: &Caller,
    status: StatusCode,
    snapshot: &Snapshot,
) -> Response {
    if !caller.reads(&snapshot.owner, Some(snapshot.id)) {
        let word = snapshot.status.as_str();
        let told = json!({"id": snapshot.id, "seq": snapshot.seq, "status": word});
        return with_etag(status, snapshot.seq, told.to_string());
    }
    let frame = services.hub.frame(snapshot.clone(), 0).await;
    with_etag(status, frame.seq(), message::json(&frame))
}

fn with_etag(status: StatusCode, seq: Seq, json: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (status, kind, json).into_response();
    no_store(&mut response);
    let etag = HeaderValue::from_str(&etag(seq)).expect("a number is printable");
    response.headers_mut().insert(header::ETAG, etag);
    response
}

fn no_store(response: &mut Response) {
    let value = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, value);
}

fn etag(seq: Seq) -> String {
    format!("W/\"{seq}\"")
}

fn filter(
    caller: &Caller,
    filters: &Filters,
    paging: &Paging,
    limit: u32,
) -> Result<JobFilter, Problem> {
    // An id that is none matches nothing, like one that nobody has.
    let nothing = |field: &str| Problem::field(field, "This is not an id.");
    Ok(JobFilter {
        status: statuses(filters.status.as_deref())?,
        pipeline: filters.pipeline.as_deref().map(pipeline).transpose()?,
        document: parse(filters.document.as_deref()).map_err(|()| nothing("document"))?,
        batch: parse(filters.batch.as_deref()).map_err(|()| nothing("batch"))?,
        collection: parse(filters.collection.as_deref())
            .map_err(|()| Problem::field("collection", "This is not a collection's name."))?,
        text: filters.q.clone().filter(|text| !text.is_empty()),
        before: paging.cursor()?,
        limit,
        ..whose(caller, filters.owner.as_deref())?
    })
}

/// Jobs of the caller, or of whom it asks for, where it may read theirs.
fn whose(caller: &Caller, owner: Option<&str>) -> Result<JobFilter, Problem> {
    match owner {
        None => Ok(JobFilter::of(caller.owner.clone())),
        Some(name) if name == caller.owner.as_str() => Ok(JobFilter::of(caller.owner.clone())),
        Some(_) if !caller.reads_all() => Err(Problem::not_allowed()),
        Some(EVERYBODY) => Ok(JobFilter::everybody()),
        Some(name) => Ok(JobFilter::of(OwnerId::new(name))),
    }
}

fn parse<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, ()> {
    text.map(|text| text.parse().map_err(|_| ())).transpose()
}

fn pipeline(name: &str) -> Result<Pipeline, Problem> {
    let known = || Pipeline::ALL.map(|p| format!("`{p}`")).join(", ");
    name.parse()
        .map_err(|()| Problem::field("pipeline", format!("A pipeline is one of {}.", known())))
}

/// Statuses by their words, separated by commas.
///
/// # Errors
/// `invalid_field`.
pub fn statuses(text: Option<&str>) -> Result<Vec<Status>, Problem> {
    let known = || Status::ALL.map(|s| format!("`{}`", s.as_str())).join(", ");
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| {
            Status::ALL
                .into_iter()
                .find(|status| status.as_str() == word)
                .ok_or_else(|| Problem::field("status", format!("A status is one of {}.", known())))
        })
        .collect()
}
