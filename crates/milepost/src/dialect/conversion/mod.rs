//! `conversion`: files by their names, and conversions of them. Enters: forms, the socket
//! of a conversion. Leaves: whole states, `{"detail"}` for what is refused. Never: starts
//! a job because a file was uploaded.

mod files;

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use milepost_convert::Options;
use milepost_core::{Caller, JobId, Pipeline, Scope, Snapshot, Status, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::detail::{self, missing};
use super::flat::{self, Heard, Opener, Voice};
use super::form::Simple;
use crate::http::Services;
use crate::http::extract::{self, By, Id};
use crate::http::own;
use crate::http::problem::{Code, Problem};
use crate::http::routes::{Routes, Rule};
use crate::hub::{Encoding, Frame};
use crate::query::QueryError;
use crate::store::{NamedDocument, Names};
use crate::submit::{Request as Submission, Source, SubmitError};
use crate::transport::ws;

pub use files::upload;

/// What the original's prompts are called. They are those of a vision model; the built-in
/// converter has one way for all of them.
const PROMPTS: [&str; 4] =
    ["prompt_layout_all_en", "prompt_layout_only_en", "prompt_ocr", "prompt_grounding_ocr"];
/// Where a conversion says which it was started with.
const PROMPT: &str = "prompt_mode";
/// What a form's text fields may take together, where it has no parts.
const FORM_BYTES: u64 = 64 * 1024;
/// Progress of a conversion that a worker has.
const BEGUN: f64 = 10.0;

/// The routes, but for those that `shared.rs` has.
pub fn routes() -> Routes {
    let (read, submit) = (Rule::Needs(Scope::Read), Rule::Needs(Scope::Submit));
    let (get_, of) = (Method::GET, Rule::Of(Scope::Read));
    let form = detail::form;
    Routes::default()
        .on(form, Rule::Open, get_.clone(), "/config", get(config))
        .on(form, read, get_.clone(), "/documents", get(files::list))
        .on(
            form,
            Rule::Needs(Scope::Cancel),
            Method::DELETE,
            "/documents/{name}",
            delete(files::remove),
        )
        .on(form, submit, Method::POST, "/convert", post(convert))
        .on(form, submit, Method::POST, "/convert-doc", post(convert))
        .on(form, of, get_.clone(), "/conversion-status/{conversion}", get(status))
        .on(form, read, get_.clone(), "/markdown/{name}", get(files::markdown))
        .on(form, read, get_.clone(), "/markdown-files/{name}", get(files::markdown_files))
        .on(form, Rule::Socket, get_, "/ws/conversion/{conversion}", get(socket))
}

/// The state of a conversion, always whole.
#[derive(Serialize)]
struct Message<'a> {
    id: JobId,
    filename: &'a str,
    status: &'static str,
    progress: f64,
    message: String,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    error: Option<&'a str>,
}

/// The state of any job, as clients of this protocol read it.
fn message(job: &Snapshot) -> Message<'_> {
    let failure = job.failure.as_ref().map(|failure| failure.message.as_str());
    let by = if job.metadata.as_ref().is_some_and(|metadata| metadata.get(PROMPT).is_some()) {
        " (built-in engine)"
    } else {
        ""
    };
    let (status, progress, message, error) = match job.status {
        Status::Awaiting | Status::Queued => {
            ("pending", job.progress.percent(), "Conversion queued".to_owned(), None)
        }
        Status::Running => {
            let progress = job.progress.percent().max(BEGUN);
            ("processing", progress, format!("{}{by}", job.message), None)
        }
        Status::Completed => {
            ("completed", 100.0, format!("Conversion completed successfully{by}"), None)
        }
        Status::Failed => {
            let why = failure.unwrap_or_default();
            ("error", 0.0, format!("Conversion failed: {why}"), failure)
        }
        Status::Cancelled => ("error", 0.0, "cancelled".to_owned(), Some("cancelled")),
    };
    Message {
        id: job.id,
        filename: job.document.as_ref().map_or("", |document| &document.filename),
        status,
        progress,
        message,
        created_at: job.created_at,
        started_at: job.started_at,
        completed_at: job.finished_at,
        error,
    }
}

fn say(frame: &Frame) -> Bytes {
    frame.encoded(Encoding::CONVERSION, |frame| {
        let message = message(&frame.snapshot);
        ws::text(&serde_json::to_string(&message).expect("a message has only string keys"))
    })
}

const VOICE: Voice = Voice {
    begin: say,
    say,
    hear: |_, _| Heard::Nothing,
    stays: Duration::from_secs(60),
    silence: ws::SILENCE,
};

/// What a client needs to know before anything else: where this server is.
async fn config(State(services): State<Services>, request: Request) -> Response {
    let origin = own::origin(&request.into_parts().0, &services.config.proxies);
    let origin = origin.unwrap_or_default();
    axum::Json(json!({
        "basePath": "",
        "apiDomain": origin,
        "appDomain": origin,
        "iamDomain": origin,
        "clientId": "milepost",
        "iamScope": "openid profile email",
    }))
    .into_response()
}

async fn convert(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let mut fields = fields(&services, request).await?;
    let filename = fields.remove("filename").filter(|name| !name.is_empty());
    let filename = filename.ok_or_else(|| missing("filename"))?;
    let prompt = fields.remove(PROMPT).filter(|prompt| !prompt.is_empty());
    let prompt = prompt.unwrap_or_else(|| PROMPTS[0].to_owned());
    if !PROMPTS.contains(&prompt.as_str()) {
        let known = PROMPTS.join(", ");
        return Err(Problem::field(PROMPT, format!("Value error, choose one of {known}")));
    }
    if is_path(&filename) {
        return Err(Problem::new(Code::InvalidRequest, "Invalid filename"));
    }
    let document = find(&services, &caller, &filename).await?;
    let busy = || {
        let detail = format!("Conversion already in progress for: {filename}");
        Problem::new(Code::Conflict, detail)
    };
    if document.under_way.is_some() {
        return Err(busy());
    }
    let submission = Submission {
        owner: caller.owner.clone(),
        pipeline: Pipeline::Convert,
        plan: None,
        source: Some(Source::Stored(document.row.info, document.row.content.sha256)),
        options: Options::default(),
        metadata: Some(json!({PROMPT: prompt})),
        hold: false,
        priority: 0,
        force: false,
        alone: true,
        about: Default::default(),
        sources: Vec::new(),
        collection: None,
    };
    let accepted =
        services.submitter.submit(submission, None).await.map_err(|error| match error {
            // Somebody else was a little faster.
            SubmitError::UnderWay(_) => busy(),
            SubmitError::DocumentGone => no_file(&filename),
            error => error.into(),
        })?;
    let id = accepted.jobs.first().map(|job| job.id);
    Ok(axum::Json(json!({
        "status": "accepted",
        "conversion_id": id,
        "filename": filename,
        "message": "Conversion task started. Use WebSocket to track progress.",
    }))
    .into_response())
}

async fn status(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<Response, Problem> {
    let gone = || Problem::new(Code::NotFound, format!("Conversion not found: {id}"));
    let job = id.parse().map_err(|_| gone())?;
    let job = services.query.job(&caller, job).await.map_err(|error| match error {
        QueryError::Denied(milepost_core::Denied::Hidden, _) => gone(),
        error => error.into(),
    })?;
    Ok(axum::Json(message(&job)).into_response())
}

async fn socket(
    State(services): State<Services>,
    opener: Opener,
    Id(id): Id<String>,
    request: Request,
) -> Result<Response, Problem> {
    flat::open(services, opener, &id, request, VOICE)
}

/// The fields of a form with or without parts.
async fn fields(
    services: &Services,
    request: Request,
) -> Result<HashMap<&'static str, String>, Problem> {
    const NAMES: [&str; 2] = ["filename", PROMPT];
    if extract::media_type(request.headers()).as_deref() == Some("multipart/form-data") {
        return Ok(Simple::read(services, request, None, &NAMES).await?.texts);
    }
    let body = extract::whole(request, FORM_BYTES).await?;
    let pairs = url::form_urlencoded::parse(&body);
    let known = pairs.filter_map(|(name, value)| {
        let known = NAMES.into_iter().find(|known| *known == name)?;
        Some((known, value.into_owned()))
    });
    Ok(known.collect())
}

/// The newest file of that name.
async fn find(
    services: &Services,
    caller: &Caller,
    filename: &str,
) -> Result<NamedDocument, Problem> {
    let names = Names::Exactly(filename.to_owned());
    let found = services.query.named_documents(caller.owner.clone(), names, 1).await?;
    found.into_iter().next().ok_or_else(|| no_file(filename))
}

/// There is no file of that name.
pub fn no_file(name: &str) -> Problem {
    Problem::new(Code::NotFound, format!("File not found: {name}"))
}

/// Whether it leads elsewhere.
pub fn is_path(name: &str) -> bool {
    name.contains("..") || name.contains(['/', '\\'])
}
