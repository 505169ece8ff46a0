//! `upload`: texts into a collection. Enters: JSON, the socket of an upload. Leaves: an id
//! at once, each state when its work happens. Never: answers an upload with its result.

mod initialize;
mod message;
mod search;
mod texts;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use milepost_convert::{Options, TEXTS};
use milepost_core::{Caller, CollectionName, Pipeline, Scope, Snapshot};
use serde_json::json;

use super::detail;
use super::flat::{self, Heard, Opener, Voice};
use super::room;
use crate::http::Services;
use crate::http::extract::{self, By, Id};
use crate::http::problem::{Code, Problem};
use crate::http::routes::{Routes, Rule};
use crate::submit::{About, Request as Submission, Source, Upload};
use texts::Texts;

/// The routes, but for those that `shared.rs` has.
pub fn routes() -> Routes {
    let form = detail::form;
    let (submit, read) = (Rule::Needs(Scope::Submit), Rule::Needs(Scope::Read));
    let cancel = Rule::Needs(Scope::Cancel);
    Routes::default()
        .on(form, Rule::Socket, Method::GET, "/ws/{upload}", get(socket))
        .on(form, read, Method::GET, "/stats", get(search::stats))
        .on(form, submit, Method::POST, "/initialize", post(initialize::initialize))
        .on(form, read, Method::POST, "/search", post(search::search))
        .on(form, cancel, Method::DELETE, "/collection/{name}", delete(search::delete))
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

/// An upload that is taken in.
struct Taken {
    job: Arc<Snapshot>,
    collection: CollectionName,
    /// How many texts.
    count: usize,
    /// Their length.
    characters: u64,
}

/// Takes texts in, and answers before any work.
pub async fn upload(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let Taken { job, count, .. } = take(&services, &caller, request).await?;
    Ok(axum::Json(json!({
        "upload_id": job.id,
        "status": "received",
        "message": format!("Upload received. Total documents: {count}"),
        "timestamp": job.created_at.as_micros() as f64 / 1e6,
    }))
    .into_response())
}

async fn take(services: &Services, caller: &Caller, request: Request) -> Result<Taken, Problem> {
    let place = room::upload(services, &caller.owner, request.headers()).await?;
    let body = extract::whole(request, services.config.limits.json_body.as_u64()).await?;
    // A large body takes a while, in which others are answered, too.
    let read = tokio::task::spawn_blocking(move || texts::read(&body)).await;
    let Texts { stored, count, characters, collection, force_recreate } =
        read.map_err(|_| Problem::new(Code::InvalidRequest, "The body cannot be read."))??;
    let content = services.submitter.store_bytes(stored.into()).await?;
    drop(place);
    let upload = Upload {
        filename: format!("{collection}.texts.json"),
        media_type: Some(TEXTS.to_owned()),
        content,
    };
    let submission = Submission {
        owner: caller.owner.clone(),
        pipeline: Pipeline::Ingest,
        plan: None,
        source: Some(Source::Uploaded(upload)),
        about: About::default(),
        sources: Vec::new(),
        collection: Some(collection.clone()),
        options: Options { force_recreate, ..Options::default() },
        metadata: Some(json!({
            "collection_name": collection, "force_recreate": force_recreate,
        })),
        hold: false,
        priority: 0,
        force: false,
        alone: false,
    };
    let accepted = services.submitter.submit(submission, None).await?;
    let job = accepted.jobs.first().expect("a submission makes a job").clone();
    Ok(Taken { job, collection, count, characters })
}
