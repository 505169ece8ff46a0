//! Documents with their titles, as lists and one by one.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use milepost_core::{DocumentId, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{find, wrong};
use crate::dialect::form::Simple;
use crate::dialect::room;
use crate::http::Services;
use crate::http::extract::{By, Id};
use crate::http::problem::Problem;
use crate::store::DocumentRow;

/// A title in characters.
const MAX_TITLE: usize = 255;
/// Documents that are looked at for a list, newest first: its clients know no pages.
const MAX_LISTED: u32 = 1000;

/// A document, as clients read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    id: DocumentId,
    title: String,
    filename: String,
    /// In bytes, as text.
    file_size: String,
    content_type: &'static str,
    created_at: Timestamp,
}

impl Document {
    fn of(row: DocumentRow) -> Self {
        Self {
            id: row.info.id,
            title: row.title.unwrap_or_else(|| row.info.filename.clone()),
            filename: row.info.filename,
            file_size: row.info.bytes.to_string(),
            content_type: kind(&row.info.media_type),
            created_at: row.created_at,
        }
    }
}

/// The original's kinds; whatever is neither a picture nor a film is read page by page.
fn kind(media_type: &str) -> &'static str {
    match media_type.split('/').next() {
        Some("image") => "IMAGE",
        Some("video") => "VIDEO",
        _ => "PDF",
    }
}

/// Which documents.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    content_type: Option<String>,
    search: Option<String>,
}

/// One's own documents, newest first.
pub async fn list(
    State(services): State<Services>,
    By(caller): By,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    let search = wanted.search.unwrap_or_default().to_lowercase();
    let kind = wanted.content_type.filter(|kind| !kind.is_empty());
    let rows = services.query.documents(caller.owner.clone(), None, None, MAX_LISTED).await?;
    let found = rows.into_iter().map(Document::of).filter(|document| {
        let named = [&document.title, &document.filename];
        kind.as_ref().is_none_or(|kind| kind == document.content_type)
            && named.iter().any(|name| name.to_lowercase().contains(&search))
    });
    let documents: Vec<_> = found.collect();
    let count = documents.len();
    Ok(axum::Json(json!({"documents": documents, "totalCount": count})).into_response())
}

/// Stores a document with its title.
pub async fn add(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let place = room::upload(&services, &caller.owner, request.headers()).await?;
    let mut form = Simple::read(&services, request, Some("file"), &["title"]).await?;
    drop(place);
    let Some(title) = form.texts.remove("title").and_then(|title| clean(&title)) else {
        form.discard(&services).await;
        return Err(wrong("Title is required"));
    };
    // A page sends a file without a name where none was chosen.
    if form.file.as_ref().is_none_or(|file| file.filename.is_empty()) {
        form.discard(&services).await;
        return Err(wrong("No file provided"));
    }
    let upload = form.file.ok_or_else(|| wrong("No file provided"))?;
    let content = upload.content.clone();
    let added = services.submitter.add_document(caller.owner.clone(), upload, Some(title)).await;
    if added.is_err() {
        services.submitter.discard(&content).await;
    }
    // Whoever has added it is told so, even where they may read nothing.
    let row = services.query.document(&caller.as_owner(), added?).await?;
    let body = json!({
        "success": true,
        "message": "Document uploaded successfully",
        "document": Document::of(row),
    });
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// A document. Nothing is shared by links here, and nobody is counted.
pub async fn get(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<Response, Problem> {
    let row = find(&services, &caller, &id, Scope::Read).await?;
    let mut body = json!(Document::of(row));
    body["shareLinks"] = Value::Array(Vec::new());
    Ok(axum::Json(body).into_response())
}

/// Removes a document.
pub async fn remove(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<String>,
) -> Result<Response, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found("document"))?;
    services.commands.delete_document(&caller, id).await?;
    Ok(axum::Json(json!({"success": true, "message": "Document deleted successfully"}))
        .into_response())
}

/// On one line, of bounded length; `None` where nothing is left.
fn clean(title: &str) -> Option<String> {
    let title: String = title.trim().chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line() {
        assert_eq!(clean(" Annual\nreport "), Some("Annualreport".to_owned()));
        assert_eq!(clean("\u{7}\n"), None);
        assert_eq!(clean(&"é".repeat(300)).unwrap().chars().count(), 255);
    }

    #[test]
    fn every_media_type_is_of_a_kind() {
        assert_eq!(kind("image/png"), "IMAGE");
        assert_eq!(kind("video/mp4"), "VIDEO");
        assert_eq!(kind("application/pdf"), "PDF");
        assert_eq!(kind(""), "PDF");
    }
}
