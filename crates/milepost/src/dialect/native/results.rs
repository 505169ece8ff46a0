//! What was made of a document: the whole, and each page as soon as it is
//! there.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use milepost_convert::OutputFormat;
use milepost_core::{JobId, Snapshot, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::jobs::{Page, Paging};
use crate::http::Services;
use crate::http::content::{negotiate, respond};
use crate::http::extract::{By, Id, Params};
use crate::http::problem::{Code, Problem};
use crate::store::PageRow;
use crate::submit::CHUNKS;

/// In which format.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Format {
    /// `markdown`, `json`, `html`, `text`, or `chunks` of an `ingest` job; goes
    /// before `Accept`.
    format: Option<String>,
}

/// A converted page.
#[derive(Serialize, ToSchema)]
pub struct ConvertedPage {
    /// Its number in the document, from 1.
    page: u32,
    /// The length of its Markdown.
    bytes: u64,
    /// Why there is only a placeholder for it.
    #[schema(required)]
    error: Option<String>,
    /// Where it is.
    url: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: milepost_core::Timestamp,
}

/// The whole result, by `Accept` or `format`.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/result", tag = "results",
    params(("id" = String, Path, description = "The job"), Format),
    responses(
        (status = 200, description = "The result", content(
            (String = "text/markdown"), (Object = "application/json"), (String = "text/html"), (String = "text/plain"),
        )),
        (status = 206, description = "The part that `Range` asked for"),
        (status = 304, description = "What the client has is current"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "Not kept in that format", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result, or not yet", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range lies behind the end"),
        (status = 422, description = "There is no such format", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn result(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
    Params(wanted): Params<Format>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let snapshot = services.query.job(&caller, job).await?;
    let asked = wanted.parse()?;
    if snapshot.status != Status::Completed {
        return Err(Problem::not_finished(&snapshot));
    }
    text(&services, &headers, &snapshot, 0, asked).await
}

/// The pages that are converted already, in order; also while the others are
/// under way, and after a cancel or a failure.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/pages", tag = "results",
    params(("id" = String, Path, description = "The job"), Paging),
    responses(
        (status = 200, description = "The pages", body = Page<ConvertedPage>),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The limit or the cursor is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn pages(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
    Params(paging): Params<Paging>,
) -> Result<Response, Problem> {
    let limit = paging.limit()?;
    let after = paging.cursor()?.unwrap_or(0);
    services.query.job(&caller, job).await?;
    let rows = services.query.pages(job, after, limit).await?;
    let last = rows.last().map(|row| row.page.to_string());
    let item = |PageRow { page, bytes, error, created_at }| ConvertedPage {
        page,
        bytes,
        error,
        url: format!("/v1/jobs/{job}/pages/{page}"),
        created_at,
    };
    let items = rows.into_iter().map(item).collect();
    let mut response = axum::Json(Page::new(items, limit, last)).into_response();
    let no_store = header::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// One converted page, by `Accept` or `format`.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/pages/{page}", tag = "results",
    params(
        ("id" = String, Path, description = "The job"),
        ("page" = u32, Path, description = "Its number in the document, from 1"),
        Format,
    ),
    responses(
        (status = 200, description = "The page", content(
            (String = "text/markdown"), (Object = "application/json"), (String = "text/html"), (String = "text/plain"),
        )),
        (status = 206, description = "The part that `Range` asked for"),
        (status = 304, description = "What the client has is current"),
        (status = 404, description = "No such job, or the page is not converted", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "Not kept in that format", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range lies behind the end"),
        (status = 422, description = "There is no such format", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn page(
    State(services): State<Services>,
    By(caller): By,
    path: Result<Path<(JobId, u32)>, axum::extract::rejection::PathRejection>,
    Params(wanted): Params<Format>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Ok(Path((job, number))) = path else { return Err(Problem::not_found("page")) };
    let snapshot = services.query.job(&caller, job).await?;
    let asked = wanted.parse()?;
    let present = number > 0 && services.query.text(job, number, "markdown").await?.is_some();
    if !present {
        return Err(Problem::new(
            Code::NotFound,
            format!("Page {number} of this job is not converted, or not yet."),
        ));
    }
    text(&services, &headers, &snapshot, number, asked).await
}

/// A format in which a result may be kept: its name and its media type.
type Kept = (&'static str, &'static str);

/// Every one, in the order of preference.
fn kept_formats() -> impl Iterator<Item = Kept> {
    let chunks = (CHUNKS, OutputFormat::Json.media_type());
    OutputFormat::ALL.map(|format| (format.name(), format.media_type())).into_iter().chain([chunks])
}

impl Format {
    fn parse(&self) -> Result<Option<Kept>, Problem> {
        let Some(asked) = &self.format else { return Ok(None) };
        kept_formats().find(|(name, _)| name == asked).map(Some).ok_or_else(|| {
            let known: Vec<_> = kept_formats().map(|(name, _)| format!("`{name}`")).collect();
            let known = known.join(", ");
            Problem::field(
                "format",
                format!("There is no format `{asked}`; choose one of {known}."),
            )
        })
    }
}

/// The text of a page, or of the whole (page 0), in the asked or accepted
/// format.
async fn text(
    services: &Services,
    headers: &HeaderMap,
    job: &Snapshot,
    page: u32,
    asked: Option<Kept>,
) -> Result<Response, Problem> {
    let mut kept = Vec::new();
    for (name, media_type) in kept_formats() {
        if asked.is_none_or(|(asked, _)| asked == name)
            && let Some(row) = services.query.text(job.id, page, name).await?
        {
            kept.push((essence(media_type), media_type, row));
        }
    }
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let accept = if asked.is_some() { None } else { accept };
    let offered: Vec<&str> = kept.iter().map(|(essence, ..)| *essence).collect();
    let chosen = negotiate(accept, &offered)
        .and_then(|chosen| kept.iter().find(|(essence, ..)| *essence == chosen));
    let Some((_, media_type, row)) = chosen else {
        return Err(Problem::new(
            Code::NotAcceptable,
            format!("This job does not have it in that format. It keeps: {}.", kept_names(job)),
        ));
    };
    respond(&services.query, headers, &row.content, media_type).await
}

fn kept_names(job: &Snapshot) -> String {
    if !job.formats.is_empty() {
        return job.formats.join(", ");
    }
    let names = job.options.get("formats").and_then(|formats| formats.as_array());
    let names: Vec<_> = names.into_iter().flatten().filter_map(|name| name.as_str()).collect();
    names.join(", ")
}

fn essence(media_type: &'static str) -> &'static str {
    media_type.split(';').next().unwrap_or(media_type)
}
