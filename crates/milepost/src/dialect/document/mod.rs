//! `document`: documents, and how their conversion goes on, as an event stream, a socket
//! and a route to poll. Enters: requests of its clients. Leaves: messages that name the
//! document, never the job. Never: starts a job because a document was uploaded.

mod documents;
mod follow;
mod message;
mod socket;
mod sse;
mod stats;
mod status;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{Method, StatusCode};
use axum::routing::{delete, get, post};
use milepost_core::{Caller, Scope};
use serde::Deserialize;
use serde_json::json;

use crate::http::Services;
use crate::http::form::{Asked, Body};
use crate::http::problem::{Code, Problem};
use crate::http::routes::{Routes, Rule};
use crate::store::DocumentRow;

/// What is said of a document that is not there, or not for this caller.
const HIDDEN: &str = "Document not found or access denied";

/// The routes.
pub fn routes() -> Routes {
    let (read, submit) = (Rule::Needs(Scope::Read), Rule::Needs(Scope::Submit));
    let of = |scope| Rule::Of(scope);
    let one = "/api/documents/{document}";
    let status = "/api/documents/{document}/conversion-status";
    let convert = "/api/documents/{document}/convert";
    let progress = "/api/websocket/conversion-progress";
    Routes::default()
        .on(text, of(Scope::Read), Method::GET, "/api/sse/conversion-progress", get(sse::stream))
        .on(text, Rule::Socket, Method::GET, progress, get(socket::open))
        .on(error, read, Method::GET, "/api/websocket/stats", get(stats::stats))
        .on(error, of(Scope::Read), Method::GET, status, get(status::get))
        .on(error, of(Scope::Submit), Method::POST, status, post(status::order))
        .on(error, of(Scope::Submit), Method::POST, convert, post(status::convert))
        .on(error, read, Method::GET, "/api/documents", get(documents::list))
        .on(error, submit, Method::POST, "/api/documents", post(documents::add))
        .on(error, submit, Method::POST, "/api/documents/upload", post(documents::add))
        .on(error, of(Scope::Read), Method::GET, one, get(documents::get))
        .on(error, of(Scope::Cancel), Method::DELETE, one, delete(documents::remove))
}

/// A refusal as text.
fn text(problem: &Problem, asked: &Asked) -> Body {
    let text = said(problem, asked).to_owned();
    Body { kind: "text/plain;charset=UTF-8", text, status: None }
}

/// A refusal as JSON.
fn error(problem: &Problem, asked: &Asked) -> Body {
    let body = Body::json(&json!({"error": said(problem, asked)}));
    match problem.code {
        Code::InvalidField => body.status(StatusCode::BAD_REQUEST),
        _ => body,
    }
}

fn said<'a>(problem: &'a Problem, asked: &Asked) -> &'a str {
    match problem.code {
        Code::Unauthenticated => "Unauthorized",
        Code::NotFound if asked.method == Method::DELETE => "Document not found",
        Code::NotFound => HIDDEN,
        _ => &problem.detail,
    }
}

/// Which document a connection is about.
#[derive(Deserialize)]
struct About {
    #[serde(rename = "documentId")]
    document: Option<String>,
}

/// The id that a connection came with.
fn about(query: Result<Query<About>, QueryRejection>) -> Result<String, Problem> {
    let id = query.ok().and_then(|Query(about)| about.document).filter(|id| !id.is_empty());
    id.ok_or_else(|| wrong("Document ID required"))
}

/// A request that is not well-formed.
fn wrong(detail: &str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

/// The document of that id, if the caller may do `scope` with it.
async fn find(
    services: &Services,
    caller: &Caller,
    id: &str,
    scope: Scope,
) -> Result<DocumentRow, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found("document"))?;
    let row = services.query.document(caller, id).await?;
    let denied = |denied| crate::query::QueryError::Denied(denied, "document");
    caller.check(scope, &row.owner, None).map_err(denied)?;
    Ok(row)
}
