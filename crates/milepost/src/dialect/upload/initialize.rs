//! `POST /initialize`: an upload that is answered when it is done. Enters: texts. Leaves:
//! what became of them, in real counts. Never: stops the work where the client goes away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use milepost_core::{Caller, Seq, Snapshot, Status};
use serde_json::{Value, json};

use super::search::millis;
use super::{Taken, take};
use crate::config::EmbedderConfig;
use crate::dialect::watch::connect_as;
use crate::http::Services;
use crate::http::client::Client;
use crate::http::extract::By;
use crate::http::problem::{Code, Problem};
use crate::hub::{Delivery, Mode};

/// Characters of one token, roughly, for an estimate of what an endpoint will charge.
const TOKEN: f64 = 4.0;

/// Takes texts in, and answers when they can be searched.
pub async fn initialize(
    State(services): State<Services>,
    By(caller): By,
    client: Client,
    request: Request,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let taken = take(&services, &caller, request).await?;
    let job = end_of(&services, client, &caller.as_owner(), &taken.job).await?;
    match job.status {
        Status::Completed => {}
        Status::Failed => {
            let why = job.failure.as_ref().map_or("", |failure| &failure.message);
            let detail = format!("Processing failed: {why}");
            let body = axum::Json(json!({"detail": detail, "upload_id": job.id}));
            return Ok((StatusCode::INTERNAL_SERVER_ERROR, body).into_response());
        }
        _ => return Err(Problem::new(Code::Conflict, "The upload was cancelled")),
    }
    let embedder = services.query.collection(&caller.as_owner(), &taken.collection).await;
    let embedder = embedder.ok().and_then(|collection| collection.settings.embedder);
    let indexed = job.stages.iter().find(|stage| stage.name == "indexing");
    let chunks = indexed.and_then(|stage| stage.done).unwrap_or(0);
    let price = embedder.as_ref().map_or(0.0, |id| price(&services, &id.name));
    let cost = price * taken.characters as f64 / TOKEN / 1e6;
    Ok(axum::Json(answer(&job, &taken, chunks, embedder.is_some(), millis(began), cost))
        .into_response())
}

fn answer(
    job: &Snapshot,
    taken: &Taken,
    chunks: u64,
    vectors: bool,
    took: f64,
    cost: f64,
) -> Value {
    json!({
        "status": "success",
        "upload_id": job.id,
        "collection_name": taken.collection,
        "total_documents": taken.count,
        "total_chunks": chunks,
        "total_vectors": if vectors { chunks } else { 0 },
        "processing_time_ms": took,
        "estimated_cost_usd": (cost * 1e6).round() / 1e6,
    })
}

/// Of a million tokens. What runs here costs nothing.
fn price(services: &Services, name: &str) -> f64 {
    match services.config.embedders.get(name) {
        Some(EmbedderConfig::OpenAi(far)) => far.price,
        _ => 0.0,
    }
}

/// The job once it has ended. Whoever no longer waits leaves it as it is.
async fn end_of(
    services: &Services,
    client: Client,
    caller: &Caller,
    job: &Arc<Snapshot>,
) -> Result<Arc<Snapshot>, Problem> {
    let (mut connection, mut seat) = connect_as(services, client, caller)?;
    seat.subscriptions(1)?;
    let mode = Mode::Latest { interval: Duration::ZERO };
    connection.watch_job(job.id, mode, Seq(0), caller).await?;
    loop {
        tokio::select! {
            delivery = connection.next() => match delivery {
                Ok(Delivery::Frame(frame)) if frame.snapshot.status.is_terminal() => {
                    return Ok(frame.snapshot.clone());
                }
                Ok(Delivery::Removed(_)) => return Err(Problem::not_found("upload")),
                Ok(_) => {}
                Err(_) => break,
            },
            () = services.draining.cancelled() => break,
        }
    }
    let detail = format!("The upload {} goes on; watch it at /ws/{}", job.id, job.id);
    Err(Problem::new(Code::Unavailable, detail))
}
