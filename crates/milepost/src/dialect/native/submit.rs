//! `POST /v1/jobs` and `POST /v1/jobs/{id}/confirm`. Enters: submissions of one job
//! or of several. Leaves: the jobs as they are then.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{BatchId, Caller, JobId, OwnerId, Pipeline, Scope, Seq, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::batches::BatchState;
use super::body::{self, Body, Fields, JsonFields, OptionFields, of_part};
use super::external::StageFields;
use super::jobs::answer;
use super::message::Job;
use super::share::TokenState;
use crate::access::Purpose;
use crate::dialect::room;
use crate::dialect::watch::connect_as;
use crate::http::Services;
use crate::http::client::Client;
use crate::http::extract::{By, Id, Params, media_type, prefer_wait};
use crate::http::problem::Problem;
use crate::hub::{Delivery, Frame, Mode};
use crate::submit::{self, Accepted as Accept, MAX_KEY_BYTES};

/// The token of a submission lasts no longer.
const TOKEN_SECS: u64 = 24 * 3600;

/// The answer to a submission.
#[derive(Serialize, ToSchema)]
pub struct Accepted<'a> {
    #[serde(flatten)]
    job: Job<'a>,
    /// A token that reads this job until 15 minutes after its end, 24 hours at most.
    access: TokenState,
}

/// The answer to a submission of several jobs.
#[derive(Serialize, ToSchema)]
pub struct AcceptedBatch<'a> {
    /// The whole batch.
    batch: BatchState,
    /// The jobs of this request, in its order.
    jobs: Vec<Accepted<'a>>,
}

/// A submission as JSON.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the body to readers of the API")]
enum SubmissionBody {
    One(Box<JsonFields>),
    Many(Vec<JsonFields>),
}

/// The answer: to several files or to a JSON array that of a batch.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SubmissionAnswer<'a> {
    One(Box<Accepted<'a>>),
    Many(AcceptedBatch<'a>),
}

/// Where new jobs go.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Joins {
    /// A batch that the new jobs join; `new` makes one even of a single file.
    batch: Option<String>,
}

/// A submission as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to readers of the API")]
pub struct FormFields {
    /// The document; several make a batch of a job each, which share the other
    /// fields.
    #[schema(value_type = String, format = Binary)]
    file: Option<Vec<u8>>,
    /// `convert`, which is the default, `sentences`, `ingest` or `external`.
    pipeline: Option<String>,
    /// The collection that is filled; `default` where it is left out. Only of `ingest`.
    collection: Option<String>,
    /// The steps of an `external` job, as JSON.
    stages: Option<Vec<StageFields>>,
    /// How to convert, as JSON.
    options: Option<OptionFields>,
    /// Anything that is to come back with every snapshot, as JSON.
    metadata: Option<serde_json::Value>,
    /// Wait for a confirmation.
    hold: Option<bool>,
    /// Higher goes first among one's own jobs.
    priority: Option<i32>,
    /// Convert even if the same was converted before.
    force: Option<bool>,
}

/// Submits a document, or several as a batch: a form with several files, or a JSON
/// array. Answers as soon as the jobs are durable, before any work.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs",
    params(
        Joins,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key means the same request, for 24 h"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the jobs have ended, or after N s (60 at most)"),
    ),
    request_body(content(
        (FormFields = "multipart/form-data"), (SubmissionBody = "application/json"),
    )),
    responses(
        (status = 202, description = "The jobs exist, all of them", body = SubmissionAnswer<'_>, headers(("Location" = String))),
        (status = 200, description = "They have ended within the time of `Prefer: wait`", body = SubmissionAnswer<'_>),
        (status = 400, description = "The request is not well-formed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The server fetches no documents", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such batch", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large, there are too many files, or the owner has no room for them", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither a form nor JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong, or the batch is full", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The queue is full, or something was more often or more at a time than allowed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn submit(
    State(services): State<Services>,
    By(caller): By,
    client: Client,
    Params(joins): Params<Joins>,
    request: Request,
) -> Result<Response, Problem> {
    let wait = prefer_wait(request.headers());
    let key = idempotency_key(request.headers())?;
    let no_batch = || Problem::from(submit::SubmitError::NoBatch);
    let in_batch = joins.batch.is_some();
    let joins: Option<BatchId> = match joins.batch.filter(|text| text != "new") {
        Some(text) => Some(text.parse().map_err(|_| no_batch())?),
        None => None,
    };
    let owner = &caller.owner;
    let upload = room::upload(&services, owner, request.headers()).await?;
    let body = body::read(&services, &caller, owner, None, request).await?;
    drop(upload);
    let place = Place { joins, in_batch };
    accept(&services, client, &caller, body, place, key, wait).await
}

/// Where the jobs of a request go.
#[derive(Default)]
pub struct Place {
    joins: Option<BatchId>,
    in_batch: bool,
}

/// Makes the jobs, and answers as every submission is answered.
///
/// # Errors
/// Why there are none.
pub async fn accept(
    services: &Services,
    client: Client,
    caller: &Caller,
    body: Body,
    Place { joins, in_batch }: Place,
    key: Option<String>,
    wait: Option<u64>,
) -> Result<Response, Problem> {
    let owner = &caller.owner;
    let (made, many) = match (body, joins) {
        (Body::One(fields), None) if !in_batch => {
            (services.submitter.submit(wanted(owner, *fields), key).await?, false)
        }
        (Body::One(fields), joins) => {
            let requests = vec![wanted(owner, *fields)];
            let made = services.submitter.submit_batch(requests, joins, key).await;
            (made.map_err(|refused| refused.error)?, false)
        }
        (Body::Many(all), joins) => {
            let labels: Vec<_> = all.iter().map(|fields| fields.label.clone()).collect();
            let requests = all.into_iter().map(|fields| wanted(owner, fields)).collect();
            let made = services.submitter.submit_batch(requests, joins, key).await;
            let named = |refused: submit::Refused| match refused.place {
                Some(place) => {
                    let label = labels.get(place).and_then(Option::as_deref);
                    of_part(refused.error.into(), place, labels.len(), label)
                }
                None => refused.error.into(),
            };
            (made.map_err(named)?, true)
        }
    };
    let jobs = &made.jobs;
    let tokens = tokens(services, &made).await?;
    let frames = match wait {
        None => frames(services, jobs).await,
        Some(secs) => wait_for_ends(services, client, &caller.as_owner(), jobs, secs).await,
    };
    let ended = wait.is_some() && frames.iter().all(|f| f.snapshot.status.is_terminal());
    let status = if ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    let accepted = |(frame, access)| Accepted { job: Job::new(frame), access };
    let mut accepted = frames.iter().map(AsRef::as_ref).zip(tokens).map(accepted);
    let batch = jobs.first().and_then(|job| job.batch);
    let (answer, location) = match batch {
        Some(id) if many => {
            // Its jobs can only have been deleted since.
            let batch = services.query.batch(&caller.as_owner(), id).await?.into();
            let jobs = accepted.collect();
            let answer = SubmissionAnswer::Many(AcceptedBatch { batch, jobs });
            (answer, format!("/v1/batches/{id}"))
        }
        _ => {
            let job = accepted.next().expect("a request makes a job");
            (SubmissionAnswer::One(Box::new(job)), format!("/v1/jobs/{}", jobs[0].id))
        }
    };
    let mut response = (status, axum::Json(answer)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, header_value(location));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(secs) = wait {
        headers.insert("preference-applied", header_value(format!("wait={secs}")));
    }
    Ok(response)
}

/// Lets a held job run; may bring the document that it waited for.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/confirm", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    request_body(content(
        (FormFields = "multipart/form-data"), (JsonFields = "application/json"),
    )),
    responses(
        (status = 202, description = "The job is queued", body = Job<'_>),
        (status = 403, description = "The server fetches no documents", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It does not wait for a confirmation", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither a form nor JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong, or there is no document", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn confirm(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
    request: Request,
) -> Result<Response, Problem> {
    let held = services.query.job_for(&caller, Scope::Submit, job).await?;
    if held.status != milepost_core::Status::Awaiting {
        return Err(Problem::conflict(&held, "there is nothing to confirm"));
    }
    let fields = match media_type(request.headers()) {
        None => Fields::default(),
        Some(_) => match read_more(&services, &caller, &held.owner, request).await? {
            Body::One(fields) => *fields,
            Body::Many(all) => {
                for fields in &all {
                    fields.discard(&services).await;
                }
                return Err(Problem::field("file", "A job has one document; send that alone."));
            }
        },
    };
    let fixed = fields.given.iter().find(|name| !["file", "options"].contains(*name));
    if let Some(name) = fixed {
        fields.discard(&services).await;
        let detail = "A confirmation takes a document and `options`; the rest was submitted.";
        return Err(Problem::field(*name, detail));
    }
    let options = fields.given.contains(&"options").then_some(fields.options);
    let snapshot = services.submitter.confirm(&caller, &held, fields.source, options).await?;
    Ok(answer(&services, &caller, StatusCode::ACCEPTED, &snapshot).await)
}

/// What a confirmation brings for `owner`.
async fn read_more(
    services: &Services,
    caller: &Caller,
    owner: &OwnerId,
    request: Request,
) -> Result<Body, Problem> {
    let _upload = room::upload(services, owner, request.headers()).await?;
    body::read(services, caller, owner, None, request).await
}

fn wanted(owner: &OwnerId, fields: Fields) -> submit::Request {
    submit::Request {
        owner: owner.clone(),
        pipeline: fields.pipeline.unwrap_or(Pipeline::Convert),
        plan: fields.plan,
        source: fields.source,
        about: fields.about,
        sources: fields.sources,
        collection: fields.collection,
        options: fields.options,
        metadata: fields.metadata,
        hold: fields.hold,
        priority: fields.priority,
        force: fields.force,
        alone: false,
    }
}

/// A token for each job of a submission.
async fn tokens(services: &Services, made: &Accept) -> Result<Vec<TokenState>, Problem> {
    let mut tokens = Vec::with_capacity(made.jobs.len());
    for job in &made.jobs {
        // Nobody can have revoked a token of a job that has just been made.
        let epoch = if made.repeated { services.query.token_epoch(job.id).await? } else { 0 };
        let granted = services.access.grant(job.id, epoch, Purpose::Submit, TOKEN_SECS);
        tokens.push(granted.into());
    }
    Ok(tokens)
}

async fn frames(services: &Services, jobs: &[Arc<Snapshot>]) -> Vec<Arc<Frame>> {
    let mut frames = Vec::with_capacity(jobs.len());
    for job in jobs {
        frames.push(Arc::new(services.hub.frame((**job).clone(), 0).await));
    }
    frames
}

/// The jobs' states once all have ended, or as they are when the time is up.
async fn wait_for_ends(
    services: &Services,
    client: Client,
    caller: &Caller,
    jobs: &[Arc<Snapshot>],
    secs: u64,
) -> Vec<Arc<Frame>> {
    // The jobs are there: whoever may not wait for their ends is told so much.
    let place = connect_as(services, client, caller)
        .and_then(|(connection, mut seat)| Ok((connection, seat.subscriptions(jobs.len())?, seat)));
    let Ok((mut connection, (), _seat)) = place else { return frames(services, jobs).await };
    let deadline = tokio::time::sleep(Duration::from_secs(secs));
    tokio::pin!(deadline);
    let mode = Mode::Latest { interval: Duration::ZERO };
    let mut newest = frames(services, jobs).await;
    let places: HashMap<_, _> = jobs.iter().enumerate().map(|(i, job)| (job.id, i)).collect();
    let mut open: HashSet<_> = places.keys().copied().collect();
    for job in jobs {
        // The jobs are there, whatever becomes of the waiting: one that cannot be
        // watched is answered as it is.
        let watched = connection.watch_job(job.id, mode, Seq(0), caller);
        if watched.await.is_err() {
            open.remove(&job.id);
        }
    }
    while !open.is_empty() {
        tokio::select! {
            // An end that is there goes before the end of the time.
            biased;
            delivery = connection.next() => match delivery {
                Ok(Delivery::Frame(frame)) => {
                    let id = frame.snapshot.id;
                    if frame.snapshot.status.is_terminal() {
                        open.remove(&id);
                    }
                    if let Some(place) = places.get(&id) {
                        newest[*place] = frame;
                    }
                }
                Ok(Delivery::Queue(..) | Delivery::Revoked(..)) => {}
                Ok(Delivery::Removed(job)) => drop(open.remove(&job)),
                Err(_) => break,
            },
            () = &mut deadline => break,
            () = services.draining.cancelled() => break,
        }
    }
    newest
}

/// The key of a request.
///
/// # Errors
/// `invalid_field`.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(Problem::field(
            "Idempotency-Key",
            format!("A key is 1 to {MAX_KEY_BYTES} printable ASCII characters."),
        ));
    }
    Ok(Some(key.to_owned()))
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::from_str(&text).expect("ids and numbers are printable")
}
