//! Stored documents.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{Caller, DocumentId, JobId, Status, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::form;
use super::jobs::{Page, Paging};
use crate::dialect::room;
use crate::http::Services;
use crate::http::content::respond;
use crate::http::extract::{By, Id, Params};
use crate::http::problem::{Code, Problem};
use crate::query::QueryError;
use crate::store::DocumentRow;

/// A stored document.
#[derive(Serialize, ToSchema)]
pub struct Document {
    #[schema(value_type = String, format = Uuid)]
    id: DocumentId,
    filename: String,
    /// As declared; as found, once it was converted.
    media_type: String,
    bytes: u64,
    /// Of the content, in hex.
    sha256: String,
    /// Once it was converted, for kinds that have pages.
    #[schema(required)]
    pages: Option<u32>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The newest job over it.
    #[schema(required)]
    latest_job: Option<LatestJob>,
}

#[derive(Serialize, ToSchema)]
struct LatestJob {
    #[schema(value_type = String, format = Uuid)]
    id: JobId,
    #[schema(value_type = super::message::StatusWord)]
    status: Status,
    progress: f64,
}

/// A document as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to readers of the API")]
pub struct DocumentForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Stores a document without working on it.
#[utoipa::path(
    post, path = "/v1/documents", operation_id = "add_document", tag = "documents",
    request_body(content = DocumentForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "It is stored", body = Document, headers(("Location" = String))),
        (status = 400, description = "The form cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a form", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn add(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let place = room::upload(&services, &caller.owner, request.headers()).await?;
    let upload = form::read_file(&services, request).await?;
    drop(place);
    let content = upload.content.clone();
    let added = services.submitter.add_document(caller.owner.clone(), upload, None).await;
    if added.is_err() {
        services.submitter.discard(&content).await;
    }
    let id = added?;
    // Whoever has added it is told so, even where they may read nothing.
    let caller = caller.as_owner();
    let row = services.query.document(&caller, id).await?;
    let body = document(&services, &caller, row).await?;
    let location = HeaderValue::from_str(&format!("/v1/documents/{id}"));
    let location = location.expect("an id is printable");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(body)).into_response())
}

/// Which documents.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Named {
    /// With this text in the file's name.
    q: Option<String>,
    // Not flattened: a flattened query string loses its numbers.
    /// At most so many items, 200 at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the list before.
    cursor: Option<String>,
}

/// One's own documents, newest first.
#[utoipa::path(
    get, path = "/v1/documents", operation_id = "list_documents", tag = "documents", params(Named),
    responses(
        (status = 200, description = "The documents", body = Page<Document>),
        (status = 422, description = "The limit or the cursor is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(services): State<Services>,
    By(caller): By,
    Params(Named { q, limit, cursor }): Params<Named>,
) -> Result<axum::Json<Page<Document>>, Problem> {
    let paging = Paging { limit, cursor };
    let (limit, before) = (paging.limit()?, paging.cursor()?);
    let text = q.filter(|text| !text.is_empty());
    let rows = services.query.documents(caller.owner.clone(), text, before, limit).await?;
    let last = rows.last().map(|row| row.info.id.to_string());
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(document(&services, &caller, row).await?);
    }
    Ok(axum::Json(Page::new(items, limit, last)))
}

/// A document.
#[utoipa::path(
    get, path = "/v1/documents/{id}", operation_id = "get_document", tag = "documents",
    params(("id" = String, Path, description = "The document")),
    responses(
        (status = 200, description = "The document", body = Document),
        (status = 404, description = "No such document", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<DocumentId>,
) -> Result<axum::Json<Document>, Problem> {
    let row = services.query.document(&caller, id).await?;
    Ok(axum::Json(document(&services, &caller, row).await?))
}

/// Removes a document. Results of jobs over it stay.
#[utoipa::path(
    delete, path = "/v1/documents/{id}", operation_id = "delete_document", tag = "documents",
    params(("id" = String, Path, description = "The document")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such document", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A job still needs it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn delete(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<DocumentId>,
) -> Result<StatusCode, Problem> {
    services.commands.delete_document(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The document itself, as it was sent.
#[utoipa::path(
    get, path = "/v1/documents/{id}/content", operation_id = "get_document_content", tag = "documents",
    params(("id" = String, Path, description = "The document")),
    responses(
        (status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part that `Range` asked for"),
        (status = 304, description = "What the client has is current"),
        (status = 404, description = "No such document", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range lies behind the end"),
    )
)]
pub async fn content(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<DocumentId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = services.query.document(&caller, id).await?;
    let media_type = row.info.media_type.as_str();
    let known = HeaderValue::from_str(media_type).is_ok();
    let media_type = if known { media_type } else { "application/octet-stream" };
    let mut response = respond(&services.query, &headers, &row.content, media_type).await?;
    // Always a download: what somebody uploaded is not shown under our origin.
    let disposition =
        format!("attachment; filename*=UTF-8''{}", percent_encode(&row.info.filename));
    let disposition = HeaderValue::from_str(&disposition)
        .map_err(|_| Problem::new(Code::Unavailable, "The document's name cannot be sent."))?;
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

async fn document(
    services: &Services,
    caller: &Caller,
    row: DocumentRow,
) -> Result<Document, Problem> {
    let latest_job = match row.latest_job {
        None => None,
        Some(job) => match services.query.job(caller, job).await {
            Ok(snapshot) => Some(LatestJob {
                id: snapshot.id,
                status: snapshot.status,
                progress: snapshot.progress.percent(),
            }),
            // It was removed meanwhile.
            Err(QueryError::Denied(..)) => None,
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Document {
        id: row.info.id,
        filename: row.info.filename,
        media_type: row.info.media_type,
        bytes: row.info.bytes,
        sha256: row.content.sha256,
        pages: row.info.pages,
        created_at: row.created_at,
        latest_job,
    })
}

/// RFC 8187: all but unreserved characters as `%XX`.
fn percent_encode(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
