//! The routes around the rooms. Enters: confirmations, PDFs, questions, cancels. Leaves:
//! jobs in that protocol's form. Never: starts a job by a confirmation alone, which only
//! says that the PDF will come.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_convert::Options;
use milepost_core::{Caller, JobId, Scope, Seq, Snapshot, Status};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::message::{Made, PIPELINE, status};
use super::room::cannot_cancel;
use super::show::{made, outline, whole};
use crate::command::CommandError;
use crate::dialect::form::Simple;
use crate::dialect::room;
use crate::dialect::watch::connect_as;
use crate::http::Services;
use crate::http::client::Client;
use crate::http::extract::{By, Id, Params, json as read_json};
use crate::http::problem::{Code, Problem};
use crate::hub::{Delivery, Mode};
use crate::store::JobFilter;
use crate::submit::{self, ConfirmError, Source, Upload};

/// Which models a client may prefer.
const PREFERENCES: [&str; 3] = ["balanced", "quality", "speed"];
/// Jobs of one list.
const MAX_JOBS: u32 = 200;
/// Whoever waits for a whole result waits no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A job that awaits its PDF.
pub async fn confirm(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let most = services.config.limits.json_body.as_u64();
    let Value::Object(wish) = read_json(request, most).await? else {
        return Err(Problem::field("_schema", "Invalid input type."));
    };
    let credits = wish.get("estimated_credits").and_then(Value::as_u64).filter(|n| *n > 0);
    let wrong = || Problem::field("estimated_credits", "Must be greater than or equal to 1.");
    let credits = credits.ok_or_else(wrong)?;
    let model = wish.get("model_preference").and_then(Value::as_str);
    let wrong = || Problem::field("model_preference", "Must be one of: balanced, quality, speed.");
    let model = model.filter(|model| PREFERENCES.contains(model)).ok_or_else(wrong)?;
    let mut metadata = json!({"estimated_credits": credits, "model_preference": model});
    match wish.get("processing_settings") {
        None | Some(Value::Null) => {}
        Some(settings @ Value::Object(_)) => metadata["processing_settings"] = settings.clone(),
        Some(_) => return Err(Problem::field("processing_settings", "Not a valid mapping type.")),
    }
    let wanted = wanted(&caller, None, Some(metadata));
    let made = services.submitter.submit(wanted, None).await?;
    let job = only(&made.jobs);
    let answer = json!({
        "job_id": job.id,
        "status": status(job.status),
        "estimated_credits": credits,
        "reserved": true,
        "message": "Credits reserved successfully",
    });
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// The PDF of a job that was confirmed.
pub async fn process_later(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let (job, pdf) = received(&services, &caller, request).await?;
    let Some(name) = job else {
        discard(&services, pdf).await;
        return Err(refused("job_id is required for async processing"));
    };
    begin(&services, &caller, &name, pdf).await
}

/// The same; without a job it is made, and its result is waited for.
pub async fn process(
    State(services): State<Services>,
    By(caller): By,
    client: Client,
    request: Request,
) -> Result<Response, Problem> {
    let (job, pdf) = received(&services, &caller, request).await?;
    if let Some(name) = job {
        return begin(&services, &caller, &name, pdf).await;
    }
    let pdf = checked(&services, pdf).await?;
    let wanted = wanted(&caller, Some(Source::Uploaded(pdf)), None);
    let made_jobs = services.submitter.submit(wanted, None).await?;
    let job = ended(&services, client, &caller, only(&made_jobs.jobs)).await?;
    let failed = |why: &str, code: &str| {
        let body = json!({"error": why, "error_code": code, "job_id": job.id});
        (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(body)).into_response()
    };
    match (job.status, &job.failure) {
        (Status::Completed, _) => {}
        (Status::Failed, Some(failure)) => {
            return Ok(failed(&failure.message, failure.code.as_str()));
        }
        (Status::Failed | Status::Cancelled, _) => return Ok(failed("cancelled", "cancelled")),
        (Status::Awaiting | Status::Queued | Status::Running, _) => return Ok(begun(job.id)),
    }
    match made(&services, &job).await? {
        Made::Chunks(chunks, _) => {
            let sentences = sentences(&chunks);
            Ok(axum::Json(json!({"sentences": sentences, "job_id": job.id})).into_response())
        }
        Made::Nothing => Ok(axum::Json(json!({"sentences": [], "job_id": job.id})).into_response()),
        Made::TooMuch(bytes) => {
            let why = format!(
                "The result has {bytes} bytes, too many for this answer; get it from \
                 /v1/jobs/{}/result",
                job.id
            );
            Ok(failed(&why, "result_too_large"))
        }
    }
}

/// A job.
pub async fn job(
    State(services): State<Services>,
    By(caller): By,
    Id(name): Id<String>,
) -> Result<Response, Problem> {
    let job = found(&services, &caller, Scope::Read, &name, "Job not found").await?;
    let frame = services.hub.frame(job, 0).await;
    let body = whole(&services, &frame).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What a list is to hold.
#[derive(Deserialize)]
pub struct Wanted {
    limit: Option<String>,
    status: Option<String>,
}

/// One's jobs, newest first, without what they have made.
pub async fn jobs(
    State(services): State<Services>,
    By(caller): By,
    Params(wanted): Params<Wanted>,
) -> Result<Response, Problem> {
    let limit = wanted.limit.and_then(|limit| limit.parse().ok()).unwrap_or(MAX_JOBS);
    let mut jobs = JobFilter { limit: limit.min(MAX_JOBS), ..JobFilter::of(caller.owner) };
    if let Some(word) = wanted.status.filter(|word| !word.is_empty()) {
        jobs.status = Status::ALL.into_iter().filter(|one| status(*one) == word).collect();
        if jobs.status.is_empty() {
            return Ok(axum::Json(json!([])).into_response());
        }
    }
    let mut shown: Vec<Box<RawValue>> = Vec::new();
    for (job, position) in services.query.jobs(jobs).await? {
        let body = outline(&services.hub.frame(job, position).await);
        shown.extend(serde_json::from_slice(&body));
    }
    Ok(axum::Json(shown).into_response())
}

/// Stops a job.
pub async fn cancel(
    State(services): State<Services>,
    By(caller): By,
    Id(name): Id<String>,
) -> Result<Response, Problem> {
    let job = found(&services, &caller, Scope::Cancel, &name, "Job not found").await?;
    if job.status.is_terminal() {
        return Err(refused(cannot_cancel(status(job.status))));
    }
    match services.commands.cancel(&caller, job.id).await {
        Ok(job) => Ok(axum::Json(json!({
            "message": "Job cancelled successfully",
            "job_id": job.id,
            "status": status(job.status),
        }))
        .into_response()),
        Err(CommandError::Conflict(job)) => Err(refused(cannot_cancel(status(job.status)))),
        Err(error) => Err(error.into()),
    }
}

/// What came as a form: a job's id, and a PDF.
async fn received(
    services: &Services,
    caller: &Caller,
    request: Request,
) -> Result<(Option<String>, Option<Upload>), Problem> {
    let _upload = room::upload(services, &caller.owner, request.headers()).await?;
    let mut form = Simple::read(services, request, Some("pdf_file"), &["job_id"]).await?;
    let job = form.texts.remove("job_id").filter(|name| !name.is_empty());
    Ok((job, form.file))
}

/// A PDF, as far as its name says.
pub async fn checked(services: &Services, pdf: Option<Upload>) -> Result<Upload, Problem> {
    let Some(pdf) = pdf else { return Err(refused("No PDF file provided")) };
    let why = match pdf.filename.rsplit_once('.') {
        _ if pdf.filename.is_empty() => "No filename provided",
        None => "File must have an extension",
        Some((_, ending)) if !ending.eq_ignore_ascii_case("pdf") => {
            "File extension must be one of: pdf"
        }
        Some(_) => return Ok(pdf),
    };
    discard(services, Some(pdf)).await;
    Err(refused(why))
}

async fn discard(services: &Services, pdf: Option<Upload>) {
    if let Some(pdf) = pdf {
        services.submitter.discard(&pdf.content).await;
    }
}

/// Gives a job that was confirmed its PDF.
async fn begin(
    services: &Services,
    caller: &Caller,
    name: &str,
    pdf: Option<Upload>,
) -> Result<Response, Problem> {
    let pdf = checked(services, pdf).await?;
    let job = found(services, caller, Scope::Submit, name, "Job not found or unauthorized").await;
    let not_now = |job: &Snapshot| {
        refused(format!("Job is in {} status, cannot process", status(job.status)))
    };
    let job = job.and_then(|job| match job.status {
        Status::Awaiting => Ok(job),
        _ => Err(not_now(&job)),
    });
    let job = match job {
        Ok(job) => job,
        Err(problem) => {
            discard(services, Some(pdf)).await;
            return Err(problem);
        }
    };
    let source = Some(Source::Uploaded(pdf));
    match services.submitter.confirm(caller, &job, source, None).await {
        Ok(job) => Ok(begun(job.id)),
        Err(ConfirmError::NotAwaiting(job)) => Err(not_now(&job)),
        Err(error) => Err(error.into()),
    }
}

fn begun(job: JobId) -> Response {
    let answer = json!({
        "job_id": job,
        "task_id": job,
        "status": "pending",
        "message": "PDF processing started",
    });
    (StatusCode::ACCEPTED, axum::Json(answer)).into_response()
}

/// The job as it has ended, or as it is when it was waited for long enough.
pub async fn ended(
    services: &Services,
    client: Client,
    caller: &Caller,
    job: &Snapshot,
) -> Result<Snapshot, Problem> {
    let (mut connection, mut seat) = connect_as(services, client, caller)?;
    seat.subscriptions(1)?;
    let mode = Mode::Latest { interval: Duration::ZERO };
    connection.watch_job(job.id, mode, Seq(0), &caller.as_owner()).await?;
    let end = async {
        loop {
            match connection.next().await {
                Ok(Delivery::Frame(frame)) if frame.snapshot.status.is_terminal() => break,
                Ok(Delivery::Removed(_)) | Err(_) => break,
                Ok(_) => {}
            }
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(LONGEST_WAIT, end) => {}
        () = services.draining.cancelled() => {}
    }
    Ok(services.query.job(&caller.as_owner(), job.id).await?)
}

/// A document's sentences in order, as the protocol's own client takes them from chunks.
fn sentences(chunks: &RawValue) -> Vec<String> {
    #[derive(Deserialize)]
    struct Chunk {
        #[serde(default)]
        sentences: Vec<Map<String, Value>>,
    }
    let chunks: Vec<Chunk> = serde_json::from_str(chunks.get()).unwrap_or_default();
    let all = chunks.into_iter().flat_map(|chunk| chunk.sentences);
    let texts = all.filter_map(|mut sentence| match sentence.remove("normalized") {
        Some(Value::String(text)) => Some(text),
        _ => None,
    });
    texts.collect()
}

async fn found(
    services: &Services,
    caller: &Caller,
    scope: Scope,
    name: &str,
    missing: &str,
) -> Result<Snapshot, Problem> {
    let missing = || Problem::new(Code::NotFound, missing);
    let job: JobId = name.trim().parse().map_err(|_| missing())?;
    services.query.job_for(caller, scope, job).await.map_err(|error| match Problem::from(error) {
        problem if problem.code == Code::NotFound => missing(),
        problem => problem,
    })
}

fn wanted(caller: &Caller, source: Option<Source>, metadata: Option<Value>) -> submit::Request {
    let hold = source.is_none();
    submit::Request {
        owner: caller.owner.clone(),
        pipeline: PIPELINE,
        plan: None,
        source,
        options: Options::default(),
        metadata,
        hold,
        priority: 0,
        force: false,
        alone: false,
        about: Default::default(),
        sources: Vec::new(),
        collection: None,
    }
}

/// The one job of a request.
pub fn only(jobs: &[Arc<Snapshot>]) -> &Snapshot {
    jobs.first().expect("a request makes a job")
}

/// A request that cannot be carried out.
pub fn refused(why: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidRequest, why)
}
