//! Files of `conversion`: stored, listed, removed, and what was made of them. Enters: forms,
//! names. Leaves: lists, Markdown. Never: knows an id where a client has only a name.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use milepost_convert::OutputFormat;
use milepost_core::{Caller, JobId};
use serde_json::{Value, json};

use super::{is_path, no_file};
use crate::command::CommandError;
use crate::dialect::detail::missing;
use crate::dialect::form::Simple;
use crate::dialect::room;
use crate::http::Services;
use crate::http::extract::{By, Id};
use crate::http::problem::{Code, Problem};
use crate::store::{NamedDocument, Names};

/// Files in a list.
const LISTED: u32 = 1000;

/// Stores a file.
pub async fn upload(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let _place = room::upload(&services, &caller.owner, request.headers()).await?;
    let form = Simple::read(&services, request, Some("file"), &[]).await?;
    let Some(upload) = form.file else { return Err(missing("file")) };
    let content = upload.content.clone();
    let added = match upload.filename.as_str() {
        "" => Err(missing("file")),
        name if is_path(name) => Err(Problem::new(Code::InvalidRequest, "Invalid file path")),
        _ => services
            .submitter
            .add_document(caller.owner.clone(), upload, None)
            .await
            .map_err(Problem::from),
    };
    if added.is_err() {
        services.submitter.discard(&content).await;
    }
    // Whoever has added it is told so, even where they may read nothing.
    let row = services.query.document(&caller.as_owner(), added?).await?;
    Ok(axum::Json(json!({
        "status": "success",
        "filename": row.info.filename,
        "file_path": path_of(&row.info.id.to_string()),
        "file_size": row.info.bytes,
        "upload_time": row.created_at,
    }))
    .into_response())
}

/// The newest file of each name.
pub async fn list(
    State(services): State<Services>,
    By(caller): By,
) -> Result<axum::Json<Value>, Problem> {
    let found = services.query.named_documents(caller.owner, Names::All, LISTED).await?;
    let documents: Vec<_> = found
        .iter()
        .map(|NamedDocument { row, converted, .. }| {
            json!({
                "filename": row.info.filename,
                "file_path": path_of(&row.info.id.to_string()),
                "file_size": row.info.bytes,
                "upload_time": row.created_at,
                "markdown_exists": converted.is_some(),
                "markdown_path": converted.map(markdown_of),
            })
        })
        .collect();
    let total = documents.len();
    Ok(axum::Json(json!({"status": "success", "documents": documents, "total": total})))
}

/// The Markdown as a JSON string, which is written as it is read: it may be large.
pub async fn markdown(
    State(services): State<Services>,
    By(caller): By,
    Id(name): Id<String>,
) -> Result<Response, Problem> {
    let (document, job) = converted(&services, &caller, &name).await?;
    let markdown = OutputFormat::Markdown.name();
    let row = services.query.text(job, 0, markdown).await?;
    let row = row.ok_or_else(|| no_markdown(&name))?;
    let text = services.query.open(&row.content, 0..row.content.bytes).await?;
    let head = json!({"status": "success", "filename": document.row.info.filename}).to_string();
    let head = format!("{},\"content\":\"", head.trim_end_matches('}'));
    let part = |text: &str| stream::iter([Ok(Bytes::from(text.to_owned()))]);
    let text = text.map(|chunk| chunk.map(|chunk| escaped(&chunk)));
    let body = part(&head).chain(text).chain(part("\"}"));
    let mut response = Body::from_stream(body).into_response();
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Later clients ask which files there are before they ask for one.
pub async fn markdown_files(
    State(services): State<Services>,
    By(caller): By,
    Id(name): Id<String>,
) -> Result<axum::Json<Value>, Problem> {
    let (document, job) = converted(&services, &caller, &name).await?;
    let filename = &document.row.info.filename;
    let file = format!("{}.md", stem(filename));
    Ok(axum::Json(json!({
        "status": "success",
        "filename": filename,
        "markdown_files": [{
            "filename": file, "path": markdown_of(job), "page_no": null, "is_multipage": false,
        }],
        "total": 1,
    })))
}

/// Removes a file.
pub async fn remove(
    State(services): State<Services>,
    By(caller): By,
    Id(name): Id<String>,
) -> Result<axum::Json<Value>, Problem> {
    if is_path(&name) {
        return Err(Problem::new(Code::InvalidRequest, "Invalid filename"));
    }
    // All that were uploaded under the name: to this client they are one.
    services.commands.delete_named_documents(&caller, &name).await.map_err(
        |error| match error {
            CommandError::NotFound => no_file(&name),
            CommandError::DocumentInUse(_) => {
                Problem::new(Code::Conflict, format!("Conversion in progress for: {name}"))
            }
            error => error.into(),
        },
    )?;
    let message = format!("Deleted {name}");
    Ok(axum::Json(json!({"status": "success", "filename": name, "message": message})))
}

/// A file by its whole name, or without its extension: what that is, clients disagree on.
async fn converted(
    services: &Services,
    caller: &Caller,
    name: &str,
) -> Result<(NamedDocument, JobId), Problem> {
    if is_path(name) {
        return Err(Problem::new(Code::InvalidRequest, "Invalid filename"));
    }
    let names = Names::Beginning(name.to_owned());
    let found = services.query.named_documents(caller.owner.clone(), names, LISTED).await?;
    let spellings: [fn(&str) -> &str; 3] =
        [|whole| whole, stem, |whole| whole.split('.').next().unwrap_or(whole)];
    let done = |found: &NamedDocument| found.converted;
    spellings
        .iter()
        .find_map(|spelling| {
            let named = |found: &&NamedDocument| spelling(&found.row.info.filename) == name;
            found.iter().filter(named).find_map(|found| Some((found.clone(), done(found)?)))
        })
        .ok_or_else(|| no_markdown(name))
}

fn no_markdown(name: &str) -> Problem {
    Problem::new(Code::NotFound, format!("Markdown file not found for: {name}"))
}

fn stem(filename: &str) -> &str {
    filename.rsplit_once('.').map_or(filename, |(stem, _)| stem)
}

fn path_of(document: &str) -> String {
    format!("/v1/documents/{document}/content")
}

fn markdown_of(job: JobId) -> String {
    format!("/v1/jobs/{job}/result?format=markdown")
}

/// Text as it stands in a JSON string. What has to be escaped is one byte each, so that a
/// piece may end anywhere.
fn escaped(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len() + text.len() / 16);
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.into()
}
