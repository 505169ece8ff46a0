//! A job's log as a list, and live streams of one or of many jobs.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{BatchId, Caller, DocumentId, JobId, Scope, Seq, Status};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::jobs::{Page, Paging};
use super::logged::Logged;
use super::message;
use crate::dialect::noted;
use crate::dialect::watch::{INTERVAL, connect_as, validity};
use crate::http::Services;
use crate::http::client::Client;
use crate::http::content::negotiate;
use crate::http::extract::{Id, Known, Params};
use crate::http::gate::forbidden;
use crate::http::problem::{Code, Problem};
use crate::hub::{Delivery, Mode, Topic};
use crate::store::JobFilter;
use crate::transport::sse::{self, BEAT, Chunk, Cue};

/// How a stream begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Begin {
    /// `latest` (default) or `all`.
    mode: Option<String>,
    /// Only what comes behind this seq; `Last-Event-ID` goes before it.
    after: Option<u64>,
    /// Of the list: at most so many items, 200 at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Of the list: the `next` of the one before.
    cursor: Option<String>,
}

/// A job's log; with `Accept: text/event-stream` its live stream of snapshots,
/// which ends behind the terminal one.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "events",
    params(
        ("id" = String, Path, description = "The job"),
        Begin,
        ("Last-Event-ID" = Option<String>, Header, description = "The seq that the client has"),
    ),
    responses(
        (status = 200, description = "The log, or the stream", content(
            (Page<Logged> = "application/json"), (String = "text/event-stream"),
        )),
        (status = 406, description = "Neither is accepted", body = Problem, content_type = "application/problem+json"),
        (status = 204, description = "The stream has ended and the client has its end"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`after` is beyond the log", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn events(
    State(services): State<Services>,
    Known(principal): Known,
    client: Client,
    Id(job): Id<JobId>,
    Params(begin): Params<Begin>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let mode = match begin.mode.as_deref() {
        None | Some("latest") => Mode::Latest { interval: INTERVAL },
        Some("all") => Mode::All,
        Some(_) => return Err(Problem::field("mode", "A mode is `latest` or `all`.")),
    };
    match negotiate(accept, &["application/json", "text/event-stream"]) {
        Some("text/event-stream") => {}
        Some(_) => return log(&services, &principal.caller, job, &begin).await,
        None => {
            return Err(Problem::new(
                Code::NotAcceptable,
                "A log comes as application/json or as text/event-stream.",
            ));
        }
    }
    let after = Seq(last_event_id(&headers)?.or(begin.after).unwrap_or(0));
    let (mut connection, mut seat) = connect_as(&services, client, &principal.caller)?;
    seat.subscriptions(1)?;
    let now = connection.watch_job(job, mode, after, &principal.caller).await?;
    if now.status.is_terminal() && now.seq == after {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let attendance = noted::attend(&services, client, Some(&*principal), "stream closed");
    let (draining, validity) = (services.draining.clone(), validity(&services, &principal));
    Ok(sse::respond(connection, draining, validity, None, BEAT, move |connection, cue| {
        let _held = (&seat, &attendance);
        let delivery = match cue {
            Cue::Delivery(delivery) => delivery,
            Cue::Beat => return Chunk::comment(),
        };
        match delivery {
            Delivery::Revoked(job, epoch) => Chunk::nothing(principal.revoked_by(job, epoch)),
            Delivery::Frame(frame) => Chunk {
                parts: vec![message::sse_of_job(&frame)],
                // In a replayed log the end of an earlier attempt is not the end.
                last: frame.snapshot.status.is_terminal() && connection.is_idle(),
            },
            other => notice(&other),
        }
    }))
}

/// A live stream of snapshots of many jobs: of each named `job`, of all one's
/// own (`mine=true`), over a `document` or of a `batch`. Ids are positions in
/// the store; after a reconnect each watched job that changed since is sent.
#[utoipa::path(
    get, path = "/v1/stream", tag = "events",
    params(
        ("job" = Option<Vec<String>>, Query, description = "A job, several times for several"),
        ("mine" = Option<bool>, Query, description = "All one's own jobs"),
        ("document" = Option<String>, Query, description = "Jobs over this document"),
        ("batch" = Option<String>, Query, description = "Jobs of this batch"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last id that the client has"),
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 409, description = "The id is beyond what the server has", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job, document or batch", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn stream(
    State(services): State<Services>,
    Known(principal): Known,
    client: Client,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted =
        Wanted::parse(query.as_deref().unwrap_or_default(), services.config.limits.subscriptions)?;
    let since = last_event_id(&headers)?;
    if since.is_some_and(|since| since > 0) && since > Some(services.query.position().await?) {
        return Err(Problem::ahead(
            "Last-Event-ID",
            "This id is beyond what the server has recorded; start anew.",
        ));
    }
    let caller = &principal.caller;
    if wanted.mine && !caller.may(Scope::Read) {
        return Err(forbidden(&principal));
    }
    let mode = Mode::Latest { interval: INTERVAL };
    let (mut connection, mut seat) = connect_as(&services, client, caller)?;
    seat.subscriptions(wanted.count())?;
    let nothing = HashMap::new();
    connection.resume_from(since.unwrap_or(0));
    for job in wanted.jobs {
        connection.watch_job_since(job, mode, since, caller).await?;
    }
    if wanted.mine {
        let owner = caller.owner.clone();
        let mut jobs = JobFilter::of(owner.clone());
        if since.is_none() {
            jobs.status = vec![Status::Awaiting, Status::Queued, Status::Running];
        }
        connection.watch_group(Topic::Owner(owner), jobs, mode, since, &nothing).await?;
    }
    if let Some(document) = wanted.document {
        let owner = services.query.document(caller, document).await?.owner;
        let jobs = JobFilter { document: Some(document), ..JobFilter::of(owner) };
        connection.watch_group(Topic::Document(document), jobs, mode, since, &nothing).await?;
    }
    if let Some(batch) = wanted.batch {
        let owner = services.query.batch_owner(caller, batch).await?;
        let jobs = JobFilter { batch: Some(batch), ..JobFilter::of(owner) };
        connection.watch_group(Topic::Batch(batch), jobs, mode, since, &nothing).await?;
    }
    connection.resumed();
    // Whoever is cut off before the first event comes back to where it began.
    let begins = Bytes::from(format!("id: {}\n\n", connection.position()));
    let attendance = noted::attend(&services, client, Some(&*principal), "stream closed");
    let (draining, validity) = (services.draining.clone(), validity(&services, &principal));
    let begins = Some(begins);
    Ok(sse::respond(connection, draining, validity, begins, BEAT, move |connection, cue| {
        let _held = (&seat, &attendance);
        let delivery = match cue {
            Cue::Delivery(delivery) => delivery,
            Cue::Beat => return Chunk::comment(),
        };
        match delivery {
            Delivery::Frame(frame) => {
                let position = connection.position();
                let id = Bytes::from(format!("id: {position}\n"));
                Chunk::of(vec![id, message::sse(&frame)])
            }
            Delivery::Revoked(job, epoch) => Chunk::nothing(principal.revoked_by(job, epoch)),
            other => notice(&other),
        }
    }))
}

/// What a stream is about.
#[derive(Default)]
struct Wanted {
    jobs: Vec<JobId>,
    mine: bool,
    document: Option<DocumentId>,
    batch: Option<BatchId>,
}

impl Wanted {
    /// How many subscriptions it takes.
    fn count(&self) -> usize {
        let groups = [self.mine, self.document.is_some(), self.batch.is_some()];
        self.jobs.len() + groups.into_iter().filter(|wanted| *wanted).count()
    }

    /// By hand, since `job` may come several times.
    fn parse(query: &str, max_jobs: usize) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "job" => {
                    wanted.jobs.push(value.parse().map_err(|_| Problem::not_found("job"))?);
                }
                "mine" => wanted.mine = value == "true",
                "document" => {
                    let id = value.parse().map_err(|_| Problem::not_found("document"))?;
                    wanted.document = Some(id);
                }
                "batch" => {
                    let id = value.parse().map_err(|_| Problem::not_found("batch"))?;
                    wanted.batch = Some(id);
                }
                _ => {}
            }
        }
        if wanted.jobs.len() > max_jobs {
            let detail = format!("One stream takes {max_jobs} jobs at most; use `mine=true`.");
            return Err(Problem::field("job", detail));
        }
        let nothing = wanted.jobs.is_empty()
            && !wanted.mine
            && wanted.document.is_none()
            && wanted.batch.is_none();
        if nothing {
            let detail = "Name what to watch: `job`, `mine=true`, `document` or `batch`.";
            return Err(Problem::field("job", detail));
        }
        Ok(wanted)
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let parsed = id.to_str().ok().and_then(|id| id.parse().ok());
    let wrong = || Problem::field("Last-Event-ID", "This is no id of such a stream.");
    parsed.map(Some).ok_or_else(wrong)
}

async fn log(
    services: &Services,
    caller: &Caller,
    job: JobId,
    begin: &Begin,
) -> Result<Response, Problem> {
    let paging = Paging { limit: begin.limit, cursor: begin.cursor.clone() };
    let limit = paging.limit()?;
    let snapshot = services.query.job(caller, job).await?;
    let after = Seq(paging.cursor()?.or(begin.after).unwrap_or(0));
    if after > snapshot.seq {
        return Err(crate::hub::WatchError::Ahead(snapshot.seq).into());
    }
    let items = services.query.events(job, after, limit).await?;
    let last = items.last().map(|event| event.seq.to_string());
    let mut response = axum::Json(Page::new(items, limit, last)).into_response();
    let no_store = header::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// A notice has no id: it is not part of what can be resumed.
fn notice(delivery: &Delivery) -> Chunk {
    let event = match delivery {
        Delivery::Queue(job, place) => {
            let data = json!({"job": job, "position": place.position, "length": place.length});
            format!("event: queue\ndata: {data}\n\n")
        }
        Delivery::Removed(job) => format!("event: removed\ndata: {}\n\n", json!({"job": job})),
        Delivery::Frame(_) | Delivery::Revoked(..) => String::new(),
    };
    let last = false;
    Chunk { parts: vec![event.into()], last }
}
