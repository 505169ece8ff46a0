//! `POST /v1/jobs` and `POST /v1/jobs/{id}/confirm`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{JobId, OwnerId, Pipeline, Seq, Snapshot};
use serde::Serialize;
use utoipa::ToSchema;

use super::external::StageFields;
use super::form::{self, JsonFields, OptionFields};
use super::jobs::answer;
use super::message::Job;
use crate::http::Services;
use crate::http::extract::{Caller, Id, media_type, prefer_wait};
use crate::http::problem::Problem;
use crate::hub::{Delivery, Frame, Mode};
use crate::submit::{self, MAX_KEY_BYTES, Source};

/// The answer to a submission.
#[derive(Serialize, ToSchema)]
pub struct Accepted<'a> {
    #[serde(flatten)]
    job: Job<'a>,
    /// A token that may read this job; there is none while the server has no
    /// authentication.
    #[schema(value_type = Option<Object>)]
    access: Option<()>,
}

/// A submission as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to readers of the API")]
pub struct FormFields {
    /// The document.
    #[schema(value_type = String, format = Binary)]
    file: Option<Vec<u8>>,
    /// `convert`, which is the default, or `external`.
    pipeline: Option<String>,
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

/// Submits a document. Answers as soon as the job is durable, before any work.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key means the same request, for 24 h"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the job has ended, or after N s (60 at most)"),
    ),
    request_body(content(
        (FormFields = "multipart/form-data"), (JsonFields = "application/json"),
    )),
    responses(
        (status = 202, description = "The job exists", body = Accepted<'_>, headers(("Location" = String))),
        (status = 200, description = "The job has ended within the time of `Prefer: wait`", body = Accepted<'_>),
        (status = 400, description = "The request is not well-formed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The server fetches no documents", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither a form nor JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The queue is full", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn submit(
    State(services): State<Services>,
    Caller(owner): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let wait = prefer_wait(request.headers());
    let idempotency_key = idempotency_key(request.headers())?;
    let fields = form::read(&services, &owner, request).await?;
    let request = submit::Request {
        owner: owner.clone(),
        pipeline: fields.pipeline.unwrap_or(Pipeline::Convert),
        plan: fields.plan,
        source: fields.source,
        options: fields.options,
        metadata: fields.metadata,
        hold: fields.hold,
        priority: fields.priority,
        idempotency_key,
    };
    let snapshot = services.submitter.submit(request).await?;
    let job = snapshot.id;
    let frame = match wait {
        None => Arc::new(services.hub.frame((*snapshot).clone(), 0).await?),
        Some(secs) => wait_for_end(&services, owner, snapshot, secs).await?,
    };
    let ended = wait.is_some() && frame.snapshot.status.is_terminal();
    let status = if ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    let body = Accepted { job: Job::new(&frame), access: None };
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, header_value(format!("/v1/jobs/{job}")));
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
    Caller(owner): Caller,
    Id(job): Id<JobId>,
    request: Request,
) -> Result<Response, Problem> {
    let found = services.query.job(&owner, job).await?;
    let (snapshot, _) = found.ok_or_else(|| Problem::not_found("job"))?;
    if snapshot.status != milepost_core::Status::Awaiting {
        return Err(Problem::conflict(&snapshot, "there is nothing to confirm"));
    }
    let fields = match media_type(request.headers()) {
        None => form::Fields::default(),
        Some(_) => form::read(&services, &owner, request).await?,
    };
    let fixed = fields.given.iter().find(|name| !["file", "options"].contains(*name));
    if let Some(name) = fixed {
        if let Some(Source::Uploaded(upload)) = &fields.source {
            services.submitter.discard(&upload.content).await;
        }
        let detail = "A confirmation takes a document and `options`; the rest was submitted.";
        return Err(Problem::field(*name, detail));
    }
    let options = fields.given.contains(&"options").then_some(fields.options);
    let snapshot = services.submitter.confirm(owner, job, fields.source, options).await?;
    answer(&services, StatusCode::ACCEPTED, &snapshot).await
}

/// The job's state once it has ended, or as it is when the time is up.
async fn wait_for_end(
    services: &Services,
    owner: OwnerId,
    snapshot: Arc<Snapshot>,
    secs: u64,
) -> Result<Arc<Frame>, Problem> {
    let deadline = tokio::time::sleep(Duration::from_secs(secs));
    tokio::pin!(deadline);
    let mut connection = services.hub.connect();
    let mode = Mode::Latest { interval: Duration::ZERO };
    connection.watch_job(snapshot.id, mode, Seq(0), |job| job.owner == owner).await?;
    let mut newest = Arc::new(services.hub.frame((*snapshot).clone(), 0).await?);
    loop {
        tokio::select! {
            delivery = connection.next() => match delivery {
                Ok(Delivery::Frame(frame)) => {
                    let ended = frame.snapshot.status.is_terminal();
                    newest = frame;
                    if ended {
                        return Ok(newest);
                    }
                }
                Ok(Delivery::Queue(..)) => {}
                Ok(Delivery::Removed(_)) | Err(_) => return Ok(newest),
            },
            () = &mut deadline => return Ok(newest),
            () = services.draining.cancelled() => return Ok(newest),
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
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
