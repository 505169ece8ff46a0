//! `agents`: conversions, and the agents that work on them. Enters: forms, ids, the socket
//! of a conversion. Leaves: flat states, results, errors that a page can show. Never:
//! revives what was cancelled.

mod message;

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use milepost_convert::{Options, OutputFormat};
use milepost_core::{Caller, Denied, JobId, Pipeline, Scope, Snapshot, Status};
use serde::Deserialize;
use serde_json::{Value, json};

use super::detail::missing;
use super::flat::{self, Heard, Opener, Voice};
use super::form::Simple;
use super::room;
use crate::command::CommandError;
use crate::http::Services;
use crate::http::content::respond;
use crate::http::extract::{By, Id, Params, parse_json};
use crate::http::form::{Asked, Body};
use crate::http::problem::{Code, Problem};
use crate::http::routes::{Routes, Rule};
use crate::query::QueryError;
use crate::store::JobFilter;
use crate::submit::{MAX_METADATA_BYTES, Request as Submission, Source};
use crate::transport::ws;
use message::Message;

/// Conversions in a page of a list, unless asked otherwise, and at most.
const PAGE: u32 = 20;
const MAX_PAGE: u32 = 100;
/// How far back pages of a list go.
const MAX_LISTED: u32 = 10_000;
/// What a conversion takes as long as none has shown it.
const GUESS_SECS: f64 = 10.0;
/// How far back conversions tell how long one takes.
const RECENT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The routes.
pub fn routes() -> Routes {
    let (of, cancel) = (Rule::Of(Scope::Read), Rule::Of(Scope::Cancel));
    let get_ = || Method::GET;
    let mut routes = Routes::default()
        .on(form, Rule::Needs(Scope::Submit), Method::POST, CONVERSIONS, post(submit))
        .on(form, Rule::Needs(Scope::Read), get_(), CONVERSIONS, get(list))
        .on(form, of, get_(), "/api/v1/conversions/{conversion}", get(state))
        .on(form, cancel, Method::DELETE, "/api/v1/conversions/{conversion}", delete(remove))
        .on(form, of, get_(), "/api/v1/conversions/{conversion}/download", get(download))
        .on(form, Rule::Socket, get_(), "/api/v1/conversions/{conversion}/ws", get(socket))
        // Where clients before that one looked for it.
        .on(form, Rule::Socket, get_(), "/ws/v1/convert/{conversion}/progress", get(socket));
    // The older spelling, with and without a prefix: both are in the field.
    for base in ["/convert/{conversion}", "/api/v1/convert/{conversion}"] {
        routes = routes
            .on(form, of, get_(), &format!("{base}/status"), get(state))
            .on(form, of, get_(), &format!("{base}/download"), get(download))
            .on(form, cancel, Method::DELETE, base, delete(remove_older));
    }
    routes
}

const CONVERSIONS: &str = "/api/v1/conversions";

/// How a refusal is said.
fn form(problem: &Problem, asked: &Asked) -> Body {
    let code = serde_json::to_value(problem.code).unwrap_or_default();
    if problem.status() == StatusCode::TOO_MANY_REQUESTS {
        return Body::json(&json!({
            "error": "rate_limit_exceeded",
            "message": problem.detail,
            "retry_after": problem.retry_after,
        }));
    }
    Body::json(&json!({
        "error_id": problem.request_id,
        "error_type": code,
        "message": problem.detail,
        "user_message": problem.detail,
        "timestamp": asked.at,
        "path": asked.path,
        "method": asked.method.as_str(),
        "correlation_id": problem.request_id,
        "detail": problem.detail,
    }))
}

const VOICE: Voice = Voice {
    begin: message::say,
    say: message::say,
    hear,
    stays: Duration::from_secs(60),
    silence: ws::SILENCE,
};

/// A ping has an answer; nothing else was ever listened to.
fn hear(services: &Services, text: &str) -> Heard {
    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    match serde_json::from_str::<Said<'_>>(text) {
        Ok(said) if said.kind == "ping" => {
            let pong = json!({"type": "pong", "data": {"timestamp": services.clock.now()}});
            Heard::Answer(ws::text(&pong.to_string()))
        }
        _ => Heard::Nothing,
    }
}

async fn socket(
    State(services): State<Services>,
    opener: Opener,
    Id(id): Id<String>,
    request: Request,
) -> Result<Response, Problem> {
    flat::open(services, opener, &id, request, VOICE)
}

async fn submit(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let place = room::upload(&services, &caller.owner, request.headers()).await?;
    let form = Simple::read(&services, request, Some("file"), &["options"]).await?;
    drop(place);
    let options = form.texts.get("options").map(|text| options(text)).transpose();
    let (options, upload) = match (options, form.file) {
        (Ok(options), Some(upload)) if !upload.filename.is_empty() => (options, upload),
        (options, upload) => {
            Simple { file: upload, ..Simple::default() }.discard(&services).await;
            return Err(options.err().unwrap_or_else(|| missing("file")));
        }
    };
    let submission = Submission {
        owner: caller.owner.clone(),
        pipeline: Pipeline::Convert,
        plan: None,
        source: Some(Source::Uploaded(upload)),
        options: Options::default(),
        metadata: options.map(|options| json!({"options": options})),
        hold: false,
        priority: 0,
        force: false,
        alone: false,
        about: Default::default(),
        sources: Vec::new(),
        collection: None,
    };
    let accepted = services.submitter.submit(submission, None).await?;
    let job = accepted.jobs.first().expect("a submission makes a job");
    let body = json!({
        "conversion_id": job.id,
        "job_id": job.id,
        "status": message::status(job.status),
        "estimated_time_seconds": estimate(&services, &caller).await,
        "created_at": job.created_at,
    });
    Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response())
}

/// What the options of that system say is kept with the job; none of them means anything
/// to this one.
fn options(text: &str) -> Result<Value, Problem> {
    if text.len() > MAX_METADATA_BYTES / 2 {
        let most = MAX_METADATA_BYTES / 2;
        return Err(Problem::field("options", format!("The options take {most} bytes at most.")));
    }
    let value: Value = parse_json(text.as_bytes(), "options")?;
    let object = value.is_object() || value.is_null();
    let wrong = || Problem::field("options", "The options are a JSON object.");
    object.then_some(value).ok_or_else(wrong)
}

/// Seconds until a new conversion will have ended, as earlier ones tell.
async fn estimate(services: &Services, caller: &Caller) -> u64 {
    let since = services.clock.now().as_micros() - RECENT.as_micros() as i64;
    let since = milepost_core::Timestamp::from_micros(since);
    // It is a guess; nothing is refused because it cannot be made.
    let finished = services.query.finished_since(caller.owner.clone(), since).await;
    let finished = finished.unwrap_or_default();
    let (mut jobs, mut secs) = (0.0, 0.0);
    for row in finished.iter().filter(|row| row.status == Status::Completed.as_str()) {
        if let Some(mean) = row.mean_secs {
            jobs += row.jobs as f64;
            secs += mean * row.jobs as f64;
        }
    }
    let each = if jobs > 0.0 { secs / jobs } else { GUESS_SECS };
    let (waiting, _) = services.query.load().await.unwrap_or_default();
    let rounds = waiting as f64 / services.config.slots().max(1) as f64 + 1.0;
    (each * rounds).ceil().max(1.0) as u64
}

/// A conversion that the caller may read.
async fn find(services: &Services, caller: &Caller, id: &str) -> Result<Snapshot, Problem> {
    let job = id.parse::<JobId>().map_err(|_| gone())?;
    services.query.job(caller, job).await.map_err(|error| match error {
        QueryError::Denied(Denied::Hidden, _) => gone(),
        error => error.into(),
    })
}

fn gone() -> Problem {
    Problem::new(Code::NotFound, "Conversion ID not found")
}

async fn state(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<axum::Json<Value>, Problem> {
    let job = find(&services, &caller, &id).await?;
    Ok(axum::Json(described(&services, job).await))
}

/// The flat state, and what the REST side adds to it.
async fn described(services: &Services, job: Snapshot) -> Value {
    let frame = services.hub.frame(job, 0).await;
    let job = &frame.snapshot;
    let more = json!({
        "conversion_id": job.id,
        "updated_at": job.updated_at,
        "original_filename": job.document.as_ref().map(|document| &document.filename),
    });
    let mut body = serde_json::to_value(Message::new(&frame)).unwrap_or_default();
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

#[derive(Deserialize)]
struct Paging {
    page: Option<u32>,
    page_size: Option<u32>,
    status: Option<String>,
}

async fn list(
    State(services): State<Services>,
    By(caller): By,
    Params(paging): Params<Paging>,
) -> Result<axum::Json<Value>, Problem> {
    let page = paging.page.unwrap_or(1);
    let size = paging.page_size.unwrap_or(PAGE);
    if page == 0 || page > MAX_LISTED {
        return Err(Problem::field("page", "Pages are counted from 1."));
    }
    if !(1..=MAX_PAGE).contains(&size) {
        return Err(Problem::field("page_size", format!("A page has 1 to {MAX_PAGE}.")));
    }
    let status = match paging.status.as_deref().filter(|word| !word.is_empty()) {
        None => Vec::new(),
        Some(word) => message::statuses(word)
            .ok_or_else(|| Problem::field("status", "There is no such status."))?,
    };
    let counts = services.query.count_by_status(caller.owner.clone()).await?;
    let counted =
        |name: &str| status.is_empty() || status.iter().any(|status| status.as_str() == name);
    let total: u64 = counts.iter().filter(|(name, _)| counted(name)).map(|(_, jobs)| jobs).sum();
    let skip = (page - 1).saturating_mul(size);
    let mut conversions = Vec::new();
    if skip < MAX_LISTED {
        let limit = skip + size;
        let jobs = JobFilter { status, limit, ..JobFilter::of(caller.owner.clone()) };
        for (job, _) in services.query.jobs(jobs).await?.into_iter().skip(skip as usize) {
            conversions.push(described(&services, job).await);
        }
    }
    Ok(axum::Json(json!({
        "conversions": conversions, "total": total, "page": page, "page_size": size,
    })))
}

async fn remove(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<StatusCode, Problem> {
    cancel(&services, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_older(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<axum::Json<Value>, Problem> {
    let now = message::status(cancel(&services, &caller, &id).await?);
    Ok(axum::Json(json!({"message": format!("Job {id} is {now}")})))
}

/// Stops it, if it has not ended. Returns how it has.
async fn cancel(services: &Services, caller: &Caller, id: &str) -> Result<Status, Problem> {
    let job = id.parse::<JobId>().map_err(|_| gone())?;
    match services.commands.cancel(caller, job).await {
        Ok(job) => Ok(job.status),
        Err(CommandError::Conflict(job)) => Ok(job.status),
        Err(CommandError::NotFound) => Err(gone()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Wanted {
    format: Option<String>,
}

async fn download(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = find(&services, &caller, &id).await?;
    if job.status != Status::Completed {
        let word = message::status(job.status);
        let detail = format!("Conversion is not completed. Current status: {word}");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    for name in &job.formats {
        if wanted.format.as_ref().is_none_or(|wanted| wanted == name)
            && let Some(row) = services.query.text(job.id, 0, name).await?
        {
            // What is no document's format is JSON.
            let format = name.parse().unwrap_or(OutputFormat::Json);
            let kind = format.media_type();
            let mut response = respond(&services.query, &headers, &row.content, kind).await?;
            let name = job.document.as_ref().map_or("result", |document| &document.filename);
            let disposition = attachment(name, format);
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
            return Ok(response);
        }
    }
    Err(Problem::new(Code::NotFound, "The conversion has no result in that format."))
}

/// The name in quotes, as clients look for it there; what is not plain in the other
/// spelling (RFC 6266).
fn attachment(filename: &str, format: OutputFormat) -> HeaderValue {
    let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
    let name = format!("{stem}.{}", format.extension());
    let plain =
        |c: char| if c.is_ascii_graphic() && !"\"\\".contains(c) || c == ' ' { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    let text = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&text).expect("it is printable")
}
