//! What a page asks before it lets its user confirm: how much a PDF is, and whether there
//! are credits for it. Enters: a PDF. Leaves: its pages, as the converter counts them, and
//! a guess of its tokens. Never: keeps the PDF, or counts credits: there are none here.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use milepost_convert::Options;
use milepost_core::{Pipeline, Snapshot, Status};
use serde_json::{Value, json};

use super::rest::{checked, ended, only, refused};
use crate::dialect::form::Simple;
use crate::dialect::room;
use crate::http::Services;
use crate::http::client::Client;
use crate::http::extract::By;
use crate::http::problem::Problem;
use crate::submit::{self, Source};

/// What everybody has: more than a page ever asks for.
const BALANCE: u64 = 1_000_000;
/// Characters of a text that make a token, as a rule of thumb.
const TOKEN_CHARS: u64 = 4;
/// Tokens that a page calls a credit.
const CREDIT_TOKENS: u64 = 1000;

/// What credits somebody has.
pub async fn credits(State(services): State<Services>) -> axum::Json<Value> {
    let now = services.clock.now().to_string();
    let month = now.get(..7).unwrap_or_default().to_owned();
    axum::Json(json!({
        "month": month,
        "balance": BALANCE,
        "granted": BALANCE,
        "used": 0,
        "refunded": 0,
        "adjusted": 0,
        "next_reset": null,
    }))
}

/// How much a PDF is. Its first page is converted, which tells how many there are.
pub async fn estimate(
    State(services): State<Services>,
    By(caller): By,
    client: Client,
    request: Request,
) -> Result<Response, Problem> {
    let place = room::upload(&services, &caller.owner, request.headers()).await?;
    let mut form =
        Simple::read(&services, request, Some("pdf_file"), &["model_preference"]).await?;
    drop(place);
    let pdf = checked(&services, form.file.take()).await?;
    let size = pdf.content.bytes;
    let first = Options { pages: "1".parse().ok(), ..Options::default() };
    let wanted = submit::Request {
        owner: caller.owner.clone(),
        pipeline: Pipeline::Convert,
        plan: None,
        source: Some(Source::Uploaded(pdf)),
        options: first,
        metadata: None,
        hold: false,
        priority: 0,
        force: true,
        alone: false,
        about: Default::default(),
        sources: Vec::new(),
        collection: None,
    };
    let made = services.submitter.submit(wanted, None).await?;
    // In a task of its own: it is forgotten, too, where nobody waits for it any more.
    let counted = tokio::spawn(async move {
        let first = only(&made.jobs);
        let job = ended(&services, client, &caller, first).await;
        let pages = services.query.pages(first.id, 0, 1).await;
        forget(&services, first).await;
        Ok::<_, Problem>((job?, pages?))
    });
    let gone = |_| refused("The PDF was not read in time; try again");
    let (job, pages) = counted.await.map_err(gone)??;
    let count = match (job.status, &job.failure) {
        (Status::Completed, _) => {
            u64::from(job.document.as_ref().and_then(|document| document.pages).unwrap_or(1))
        }
        (_, Some(failure)) => return Err(refused(&*failure.message)),
        _ => return Err(refused("The PDF was not read in time; try again")),
    };
    let tokens = pages.first().map_or(0, |page| page.bytes / TOKEN_CHARS) * count;
    let model = form.texts.remove("model_preference").unwrap_or_else(|| "balanced".to_owned());
    Ok(axum::Json(json!({
        "page_count": count,
        "file_size": size,
        "image_count": 0,
        "estimated_tokens": tokens,
        "estimated_credits": tokens.div_ceil(CREDIT_TOKENS).max(1),
        "model": "built-in",
        "model_preference": model,
        "pricing_rate": 1.0,
        "capped": false,
    }))
    .into_response())
}

/// Removes a job and its document; what cannot be removed now goes when its time is over.
async fn forget(services: &Services, job: &Snapshot) {
    let owner = milepost_core::Caller::new(job.owner.clone(), milepost_core::Scopes::OWN);
    let _ = services.commands.cancel(&owner, job.id).await;
    let _ = services.commands.delete(&owner, job.id).await;
    if let Some(document) = &job.document {
        let _ = services.commands.delete_document(&owner, document.id).await;
    }
}
