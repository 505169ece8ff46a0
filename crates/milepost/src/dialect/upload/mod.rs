//! `upload`: texts into a collection. Enters: JSON, the socket of an upload. Leaves: an id
//! at once, each state when its work happens. Never: answers an upload with its result.

mod message;

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use milepost_convert::{Options, TEXTS, text_fits};
use milepost_core::{Pipeline, Scope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::detail;
use super::flat::{self, Heard, Opener, Voice};
use super::room;
use crate::http::Services;
use crate::http::extract::{self, By, Id, parse_json, parse_object};
use crate::http::problem::{Code, Problem};
use crate::http::routes::{Routes, Rule};
use crate::submit::{Request as Submission, Source, Upload};

/// Texts in one upload.
const MAX_TEXTS: usize = 10_000;
/// A collection's name is no longer.
const MAX_NAME_CHARS: usize = 200;

/// The routes, but for those that `shared.rs` has.
pub fn routes() -> Routes {
    let form = detail::form;
    let (submit, read) = (Rule::Needs(Scope::Submit), Rule::Needs(Scope::Read));
    let cancel = Rule::Needs(Scope::Cancel);
    Routes::default()
        .on(form, Rule::Socket, Method::GET, "/ws/{upload}", get(socket))
        .on(form, read, Method::GET, "/stats", get(stats))
        .on(form, submit, Method::POST, "/initialize", post(not_yet))
        .on(form, read, Method::POST, "/search", post(not_yet))
        .on(form, cancel, Method::DELETE, "/collection/{name}", delete(not_yet))
}

const VOICE: Voice = Voice {
    begin: message::begin,
    say: message::say,
    hear: |_, text| if text == "close" { Heard::Close } else { Heard::Nothing },
    // The terminal message, then the end.
    stays: Duration::ZERO,
    silence: Duration::from_secs(300),
};

async fn socket(
    State(services): State<Services>,
    opener: Opener,
    Id(id): Id<String>,
    request: Request,
) -> Result<Response, Problem> {
    flat::open(services, opener, &id, request, VOICE)
}

#[derive(Deserialize)]
struct Wanted<'a> {
    collection_name: Option<String>,
    #[serde(borrow)]
    documents: Option<&'a RawValue>,
    #[serde(default)]
    force_recreate: Option<bool>,
}

/// A text as it is sent and, with all its fields, as it is stored.
#[derive(Deserialize, Serialize)]
struct Text<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(borrow, default = "unknown")]
    source: Cow<'a, str>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

const fn unknown() -> Cow<'static, str> {
    Cow::Borrowed("unknown")
}

/// Takes texts in, and answers before any work.
pub async fn upload(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let place = room::upload(&services, &caller.owner, request.headers()).await?;
    let body = extract::whole(request, services.config.limits.json_body.as_u64()).await?;
    // A large body takes a while, in which others are answered, too.
    let read = tokio::task::spawn_blocking(move || texts(&body)).await;
    let Texts { stored, count, collection, force_recreate } =
        read.map_err(|_| Problem::new(Code::InvalidRequest, "The body cannot be read."))??;
    let content = services.submitter.store_bytes(stored.into()).await?;
    drop(place);
    let upload = Upload {
        filename: format!("{collection}.texts.json"),
        media_type: Some(TEXTS.to_owned()),
        content,
    };
    let submission = Submission {
        owner: caller.owner,
        pipeline: Pipeline::Ingest,
        plan: None,
        source: Some(Source::Uploaded(upload)),
        options: Options::default(),
        metadata: Some(json!({
            "collection_name": collection, "force_recreate": force_recreate,
        })),
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
    Ok(axum::Json(json!({
        "upload_id": job.id,
        "status": "received",
        "message": format!("Upload received. Total documents: {count}"),
        "timestamp": job.created_at.as_micros() as f64 / 1e6,
    }))
    .into_response())
}

struct Texts {
    /// All of them, as one document.
    stored: String,
    count: usize,
    collection: String,
    force_recreate: bool,
}

fn texts(body: &[u8]) -> Result<Texts, Problem> {
    let whole: &RawValue = parse_json(body, "").map_err(unreadable)?;
    let wanted: Wanted<'_> = parse_object(whole, "")?;
    let documents = wanted.documents.ok_or_else(|| detail::missing("documents"))?;
    if !documents.get().starts_with('[') {
        return Err(Problem::field("documents", "Input should be a valid list"));
    }
    let elements = extract::elements(documents.get(), MAX_TEXTS)?;
    let elements = elements.ok_or_else(|| {
        Problem::field("documents", format!("One upload takes {MAX_TEXTS} documents at most"))
    })?;
    let mut texts = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let place = format!("documents[{index}]");
        let text = parse_object::<Text<'_>>(element, &place)?;
        if !text_fits(&text.source, text.metadata.map_or("", RawValue::get)) {
            let detail = "The source or the metadata is too large, or nested too deeply";
            return Err(Problem::field(place, detail));
        }
        texts.push(text);
    }
    let collection = wanted.collection_name.unwrap_or_else(|| "rag_documents".to_owned());
    let printable = !collection.is_empty() && !collection.chars().any(char::is_control);
    if !printable || collection.chars().count() > MAX_NAME_CHARS {
        let detail = format!("A name has 1 to {MAX_NAME_CHARS} characters, none of them control");
        return Err(Problem::field("collection_name", detail));
    }
    let stored = serde_json::to_string(&Stored { documents: &texts });
    let stored = stored.map_err(|_| Problem::field("documents", "These cannot be stored"))?;
    let force_recreate = wanted.force_recreate.unwrap_or(false);
    Ok(Texts { stored, count: texts.len(), collection, force_recreate })
}

#[derive(Serialize)]
struct Stored<'a> {
    documents: &'a [Text<'a>],
}

/// The original says of a body that is no JSON that a field is wrong.
fn unreadable(problem: Problem) -> Problem {
    match problem.code {
        Code::InvalidRequest => Problem::field("", "JSON decode error"),
        _ => problem,
    }
}

/// What one's uploads have come to.
async fn stats(
    State(services): State<Services>,
    By(caller): By,
) -> Result<axum::Json<serde_json::Value>, Problem> {
    let usage = services.query.usage(caller.owner.clone()).await?;
    let counts = services.query.count_by_status(caller.owner).await?;
    let by_status: serde_json::Map<_, _> =
        counts.into_iter().map(|(status, jobs)| (status, json!(jobs))).collect();
    Ok(axum::Json(json!({
        "status": "success",
        "collection_stats": {"jobs": by_status, "bytes": usage.bytes},
        "pipeline_health": "healthy",
        "timestamp": services.clock.now().as_micros() as f64 / 1e6,
    })))
}

/// What takes a searchable collection.
async fn not_yet() -> Response {
    let detail = "This server has no searchable collections; uploads are chunked and kept with \
                  their job.";
    (StatusCode::NOT_IMPLEMENTED, axum::Json(json!({"detail": detail}))).into_response()
}
