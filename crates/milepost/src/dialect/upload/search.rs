//! What is in the collections of `upload`. Enters: questions, names. Leaves: documents as
//! its clients read them, counts. Never: another owner's.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use milepost_index::{Filter, Hit, Mode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::texts;
use crate::dialect::native::{counted, hits, query};
use crate::http::Services;
use crate::http::extract::{self, By, Id, parse_json, parse_object};
use crate::http::problem::{Code, Problem};
use crate::query::Wanted;

/// A question, as JSON.
const MAX_BODY: u64 = 64 * 1024;
/// Hits where the client does not say how many.
const DEFAULT_K: usize = 5;
/// Collections that are counted.
const MAX_COUNTED: u32 = 200;

#[derive(Deserialize)]
struct Question {
    query: String,
    #[serde(default)]
    query_type: Option<String>,
    #[serde(default)]
    k: Option<Value>,
    #[serde(default)]
    collection_name: Option<String>,
}

/// Searches one collection.
pub async fn search(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let body = extract::whole(request, MAX_BODY).await?;
    let whole: &RawValue = parse_json(&body, "").map_err(texts::unreadable)?;
    let asked: Question = parse_object(whole, "")?;
    let k = asked.k.filter(|k| !k.is_null());
    let name = texts::collection(asked.collection_name)?;
    let wanted = Wanted {
        text: query(&services, asked.query, "query")?,
        k: k.map_or(Ok(DEFAULT_K), |k| hits(&services, k.as_u64(), "k"))?,
        // Whatever else it is called means: by all that there is.
        mode: match asked.query_type.as_deref() {
            Some("keyword") => Some(Mode::Keyword),
            Some("vector" | "semantic") => Some(Mode::Vector),
            Some("hybrid") => Some(Mode::Hybrid),
            _ => None,
        },
        filter: Filter::default(),
        rerank: false,
    };
    let search_began = Instant::now();
    let answer = services.query.search(&caller, &name, &wanted).await;
    let answer = counted(&services, wanted.mode, search_began, answer).map_err(|problem| {
        if problem.code != Code::NotFound {
            return problem;
        }
        let detail = format!(
            "Collection '{name}' not found. Upload documents into it first, or name another one \
             as collection_name."
        );
        Problem::new(Code::NotFound, detail)
    })?;
    let took = millis(search_began);
    let documents: Vec<Value> = answer.hits.into_iter().map(document).collect();
    let body = json!({
        "count": documents.len(),
        "documents": documents,
        "collection_name": name,
        "search_time_ms": took,
        "total_time_ms": millis(began),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

/// Since `began`, in milliseconds.
pub fn millis(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

/// A hit with all that is known of it: what was sent with a text comes back as it was,
/// what was found out only where nothing of that name was sent.
fn document(hit: Hit) -> Value {
    let facts = hit.entry.facts;
    let chunk = hit.chunk;
    let mut metadata = facts.metadata;
    let found = [
        ("title", json!(facts.title)),
        ("headings", json!(chunk.headings)),
        ("pages", json!(chunk.pages)),
        ("language", json!(chunk.language)),
        ("keywords", json!(chunk.keywords)),
        ("chunk_index", json!(chunk.index)),
        ("document_id", json!(facts.document)),
    ];
    for (name, value) in found {
        metadata.entry(name).or_insert(value);
    }
    json!({
        "content": chunk.text,
        "source": facts.filename,
        "score": hit.score,
        "metadata": metadata,
    })
}

/// Deletes a collection.
pub async fn delete(
    State(services): State<Services>,
    By(caller): By,
    Id(name): Id<String>,
) -> Result<axum::Json<Value>, Problem> {
    let missing = || Problem::new(Code::NotFound, format!("Collection '{name}' not found"));
    let collection = name.parse().map_err(|_| missing())?;
    services.commands.delete_collection(&caller, &collection).await.map_err(|error| {
        let problem = Problem::from(error);
        if problem.code == Code::NotFound { missing() } else { problem }
    })?;
    let message = format!("Collection '{name}' deleted");
    Ok(axum::Json(json!({"status": "success", "message": message})))
}

/// What one's uploads have come to.
pub async fn stats(
    State(services): State<Services>,
    By(caller): By,
) -> Result<axum::Json<Value>, Problem> {
    let usage = services.query.usage(caller.owner.clone()).await?;
    let counts = services.query.count_by_status(caller.owner.clone()).await?;
    let by_status: Map<_, _> =
        counts.into_iter().map(|(status, jobs)| (status, json!(jobs))).collect();
    let collections = services.query.collections(&caller, None, MAX_COUNTED).await?;
    let (mut documents, mut chunks, mut vectors) = (0, 0, 0);
    let mut each = Vec::with_capacity(collections.len());
    for collection in collections {
        let made = if collection.settings.embedder.is_some() { collection.chunks } else { 0 };
        documents += collection.documents;
        chunks += collection.chunks;
        vectors += made;
        each.push(json!({
            "name": collection.name,
            "documents": collection.documents,
            "chunks": collection.chunks,
            "vectors": made,
            "bytes": collection.bytes,
        }));
    }
    Ok(axum::Json(json!({
        "status": "success",
        "collection_stats": {
            "jobs": by_status,
            "bytes": usage.bytes,
            "total_documents": documents,
            "total_chunks": chunks,
            "total_vectors": vectors,
            "collections": each,
        },
        "pipeline_health": "healthy",
        "timestamp": services.clock.now().as_micros() as f64 / 1e6,
    })))
}
