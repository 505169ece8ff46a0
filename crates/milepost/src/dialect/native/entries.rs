//! Documents in a collection. Enters: a collection and perhaps an id. Leaves: what the
//! collection knows of them.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use milepost_core::{CollectionName, DocumentId, Pipeline, Timestamp};
use milepost_index::{Entry, EntryId};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{self, Body, Fields, JsonFields};
use super::collections::{Name, there};
use super::jobs::{Page, Paging};
use super::submit::{self, FormFields, SubmissionAnswer, idempotency_key};
use crate::dialect::room;
use crate::http::Services;
use crate::http::client::Client;
use crate::http::extract::{By, Params, prefer_wait};
use crate::http::problem::Problem;

/// A document in a collection.
#[derive(Serialize, ToSchema)]
#[schema(as = CollectionDocument)]
pub struct EntryState {
    /// Of this version of it in this collection.
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    /// Whatever is put into the collection with the same key takes its place.
    key: String,
    /// The stored document, where it is one.
    #[schema(value_type = Option<String>, format = Uuid, required)]
    document: Option<DocumentId>,
    filename: String,
    #[schema(required)]
    title: Option<String>,
    authors: Vec<String>,
    /// When it was written, as far as it is known.
    #[schema(required)]
    date: Option<String>,
    /// ISO 639-1, of most of it.
    #[schema(required)]
    language: Option<String>,
    #[schema(required)]
    media_type: Option<String>,
    #[schema(required)]
    pages: Option<u32>,
    chunks: u64,
    /// The length of their texts.
    bytes: u64,
    /// What its owner attached.
    metadata: Map<String, Value>,
    /// When it could first be found.
    #[schema(value_type = String, format = DateTime)]
    indexed_at: Timestamp,
}

impl From<Entry> for EntryState {
    fn from(entry: Entry) -> Self {
        let facts = entry.facts;
        Self {
            id: entry.id.0,
            key: facts.key,
            document: facts.document,
            filename: facts.filename,
            title: facts.title,
            authors: facts.authors,
            date: facts.date,
            language: facts.language,
            media_type: facts.media_type,
            pages: facts.pages,
            chunks: entry.chunks,
            bytes: entry.bytes,
            metadata: facts.metadata,
            indexed_at: entry.indexed_at,
        }
    }
}

/// The documents in a collection, oldest first.
#[utoipa::path(
    get, path = "/v1/collections/{name}/documents", operation_id = "list_collection_documents",
    tag = "collections",
    params(("name" = String, Path, description = "The collection"), Paging),
    responses(
        (status = 200, description = "The documents", body = Page<EntryState>),
        (status = 404, description = "No such collection", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The limit or the cursor is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(services): State<Services>,
    By(caller): By,
    Name(name): Name,
    Params(paging): Params<Paging>,
) -> Result<axum::Json<Page<EntryState>>, Problem> {
    let (limit, after) = (paging.limit()?, paging.cursor::<Uuid>()?);
    let name = there(name)?;
    let found = services.query.entries(&caller, &name, after.map(EntryId), limit).await?;
    let last = found.last().map(|last| last.id.0.to_string());
    let items = found.into_iter().map(EntryState::from).collect();
    Ok(axum::Json(Page::new(items, limit, last)))
}

/// A document in a collection.
#[utoipa::path(
    get, path = "/v1/collections/{name}/documents/{id}", operation_id = "get_collection_document",
    tag = "collections",
    params(
        ("name" = String, Path, description = "The collection"),
        ("id" = String, Path, description = "The document's id in it"),
    ),
    responses(
        (status = 200, description = "The document", body = EntryState),
        (status = 404, description = "No such collection, or no such document in it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(services): State<Services>,
    By(caller): By,
    Place(name, id): Place,
) -> Result<axum::Json<EntryState>, Problem> {
    Ok(axum::Json(services.query.entry(&caller, &name, id).await?.into()))
}

/// Removes a document from a collection. Where it is stored it stays.
#[utoipa::path(
    delete, path = "/v1/collections/{name}/documents/{id}",
    operation_id = "delete_collection_document", tag = "collections",
    params(
        ("name" = String, Path, description = "The collection"),
        ("id" = String, Path, description = "The document's id in it"),
    ),
    responses(
        (status = 204, description = "It cannot be found any more"),
        (status = 404, description = "No such collection, or no such document in it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn delete(
    State(services): State<Services>,
    By(caller): By,
    Place(name, id): Place,
) -> Result<StatusCode, Problem> {
    services.commands.remove_entry(&caller, &name, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts another version in the place of a document: a job of the pipeline `ingest` over
/// what is sent, as with `POST /v1/jobs`. Until it is indexed, the present one is found.
#[utoipa::path(
    put, path = "/v1/collections/{name}/documents/{id}",
    operation_id = "replace_collection_document", tag = "collections",
    params(
        ("name" = String, Path, description = "The collection"),
        ("id" = String, Path, description = "The document's id in it"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key means the same request, for 24 h"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the job has ended, or after N s (60 at most)"),
    ),
    request_body(content((FormFields = "multipart/form-data"), (JsonFields = "application/json"))),
    responses(
        (status = 202, description = "The job exists", body = SubmissionAnswer<'_>, headers(("Location" = String))),
        (status = 200, description = "It has ended within the time of `Prefer: wait`", body = SubmissionAnswer<'_>),
        (status = 404, description = "No such collection, or no such document in it", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large, or the owner has no room for it", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither a form nor JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The queue is full, or something was more often or more at a time than allowed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn replace(
    State(services): State<Services>,
    By(caller): By,
    client: Client,
    Place(name, id): Place,
    request: Request,
) -> Result<Response, Problem> {
    let (wait, key) = (prefer_wait(request.headers()), idempotency_key(request.headers())?);
    let owner = &caller.owner;
    // Whoever may submit may replace what is theirs, even where they may read nothing.
    let present = services.query.entry(&caller.as_owner(), &name, id).await?;
    let upload = room::upload(&services, owner, request.headers()).await?;
    let body = body::read(&services, &caller, owner, Some(Pipeline::Ingest), request).await?;
    drop(upload);
    let mut fields = match body {
        Body::One(fields) => fields,
        Body::Many(all) => {
            for fields in &all {
                fields.discard(&services).await;
            }
            let detail = "One document takes the place of another; send that alone.";
            return Err(Problem::field("body", detail));
        }
    };
    if let Err(problem) = fits(&fields, &name, &present) {
        fields.discard(&services).await;
        return Err(problem);
    }
    fields.collection = Some(name);
    fields.about.key = Some(present.facts.key);
    let place = submit::Place::default();
    submit::accept(&services, client, &caller, Body::One(fields), place, key, wait).await
}

/// Whether a submission can take the place of `present`.
fn fits(fields: &Fields, name: &CollectionName, present: &Entry) -> Result<(), Problem> {
    let fixed = |field: &str, detail: &str| Err(Problem::field(field, detail));
    if fields.pipeline != Some(Pipeline::Ingest) {
        return fixed("pipeline", "Only the pipeline `ingest` puts a document into a collection.");
    }
    if !fields.sources.is_empty() {
        return fixed("sources", "One document takes the place of another; send one `source`.");
    }
    if fields.collection.as_ref().is_some_and(|other| other != name) {
        return fixed("collection", "It is the one in the path; leave it out.");
    }
    if fields.about.key.as_ref().is_some_and(|other| *other != present.facts.key) {
        return fixed("source.key", "It is that of the document in the path; leave it out.");
    }
    if fields.options.force_recreate {
        return fixed("options.force_recreate", "That would remove the other documents.");
    }
    Ok(())
}

/// A collection and a document in it, in the path.
pub struct Place(pub CollectionName, pub EntryId);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Ok(Path((name, id))) = path else { return Err(Problem::not_found("collection")) };
        let name = there(name.parse().ok())?;
        // One spelling only.
        let id = Uuid::try_parse(&id).ok().filter(|uuid| uuid.hyphenated().to_string() == id);
        let id = id.ok_or_else(|| Problem::not_found("document"))?;
        Ok(Self(name, EntryId(id)))
    }
}
