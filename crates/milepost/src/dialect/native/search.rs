//! Search: in one collection, or in all of one's own. Enters: a question. Leaves: hits,
//! the best first.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use milepost_core::{CollectionName, DocumentId};
use milepost_index::{Filter, Hit, Mode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::collections::{Name, there, wrong_name};
use super::filter;
use crate::http::Services;
use crate::http::extract::{self, By, parse_object};
use crate::http::problem::Problem;
use crate::query::{Answer, SearchError, Wanted};

/// The hits where the client does not say how many.
const DEFAULT_K: usize = 10;
/// A question with its filter, as JSON.
const MAX_BODY: u64 = 1024 * 1024;

/// A question to a collection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchFields {
    /// What is looked for, in words: 1 character to 8 KiB.
    query: String,
    /// How many hits at most.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100, default = 10)]
    k: Option<Value>,
    /// By what: `keyword`, `vector` or `hybrid`, which is the default where the
    /// collection has an embedder; else `keyword` is.
    #[schema(value_type = Option<ModeWord>)]
    mode: Option<String>,
    /// What every hit must be: fields, each with a value or a test.
    #[schema(value_type = Option<Object>, example = json!({"language": "en", "metadata.year": {"gte": 2020}}))]
    filter: Option<Map<String, Value>>,
    /// Whether the server's reranker has the last word.
    rerank: Option<bool>,
}

/// By what is searched.
#[derive(ToSchema)]
#[schema(as = SearchMode, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words of `Mode` to readers of the API")]
enum ModeWord {
    Keyword,
    Vector,
    Hybrid,
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub struct SearchAnswer {
    /// The best first.
    hits: Vec<HitState>,
    /// By what was searched; of several collections by the most of it.
    #[schema(value_type = ModeWord)]
    mode: Mode,
    /// Whether a reranker had the last word; not where it did not answer.
    reranked: bool,
    /// How long it took, in milliseconds.
    took_ms: f64,
    /// Of a search in all collections: those that one search does not reach any more.
    /// Name them with `collection`.
    left_out: u64,
}

/// A chunk that was found.
#[derive(Serialize, ToSchema)]
#[schema(as = Hit)]
struct HitState {
    /// The chunk's, in this version of its document.
    id: String,
    #[schema(value_type = String)]
    collection: CollectionName,
    /// The better the greater. Scores of different answers cannot be compared.
    score: f64,
    text: String,
    /// The best part of the text as HTML: escaped, but for `<mark>` around the words that
    /// were looked for.
    highlight: String,
    document: HitDocument,
    /// On which pages of the document it stands.
    #[schema(required)]
    pages: Option<PageSpan>,
    /// The headings that it stands under, the outermost first.
    headings: Vec<String>,
    /// ISO 639-1.
    #[schema(required)]
    language: Option<String>,
    keywords: Vec<String>,
    /// Its place in its document, from 0.
    index: u32,
    /// What the document's owner attached to it.
    metadata: Map<String, Value>,
    ranks: Ranks,
}

/// Where a hit comes from.
#[derive(Serialize, ToSchema)]
struct HitDocument {
    /// The stored document, where it is one.
    #[schema(value_type = Option<String>, format = Uuid, required)]
    id: Option<DocumentId>,
    /// Its id in the collection.
    #[schema(value_type = String, format = Uuid)]
    entry: Uuid,
    filename: String,
    #[schema(required)]
    title: Option<String>,
}

/// The first and the last page, from 1.
#[derive(Serialize, ToSchema)]
struct PageSpan {
    first: u32,
    last: u32,
}

/// A hit's place among those of its collection that were found by words, and by meaning,
/// from 1.
#[derive(Serialize, ToSchema)]
struct Ranks {
    #[schema(required)]
    keyword: Option<u64>,
    #[schema(required)]
    vector: Option<u64>,
}

impl From<Hit> for HitState {
    fn from(hit: Hit) -> Self {
        let Hit { entry, chunk, .. } = hit;
        Self {
            id: format!("{}-{}", entry.id.0, chunk.index),
            collection: hit.collection,
            score: hit.score,
            text: chunk.text,
            highlight: hit.highlight,
            document: HitDocument {
                id: entry.facts.document,
                entry: entry.id.0,
                filename: entry.facts.filename,
                title: entry.facts.title,
            },
            pages: chunk.pages.map(|(first, last)| PageSpan { first, last }),
            headings: chunk.headings,
            language: chunk.language,
            keywords: chunk.keywords,
            index: chunk.index,
            metadata: entry.facts.metadata,
            ranks: Ranks {
                keyword: hit.keyword_rank.map(|rank| rank as u64),
                vector: hit.vector_rank.map(|rank| rank as u64),
            },
        }
    }
}

/// Searches a collection.
#[utoipa::path(
    post, path = "/v1/collections/{name}/search", operation_id = "search_collection",
    tag = "collections",
    params(("name" = String, Path, description = "The collection")),
    request_body(content = SearchFields, content_type = "application/json"),
    responses(
        (status = 200, description = "What was found", body = SearchAnswer),
        (status = 404, description = "No such collection", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The embedder is not the one any more that made the vectors", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The embedder does not answer, or the search took too long", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(
    State(services): State<Services>,
    By(caller): By,
    Name(name): Name,
    request: Request,
) -> Result<Response, Problem> {
    let name = there(name)?;
    let limit = services.config.limits.json_body.as_u64().min(MAX_BODY);
    let body: Box<RawValue> = extract::json(request, limit).await?;
    let fields: SearchFields = parse_object(&body, "")?;
    let k = fields.k.filter(|k| !k.is_null());
    let wanted = Wanted {
        text: query(&services, fields.query, "query")?,
        k: k.map_or(Ok(DEFAULT_K), |k| hits(&services, k.as_u64(), "k"))?,
        mode: fields.mode.as_deref().map(mode).transpose()?,
        filter: filter::read(fields.filter.unwrap_or_default())?,
        rerank: fields.rerank.unwrap_or(false),
    };
    let began = Instant::now();
    let answer = services.query.search(&caller, &name, &wanted).await;
    respond(&services, wanted.mode, began, answer)
}

/// A question to all of one's own collections.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters to readers of the API")]
pub struct SearchParams {
    /// What is looked for, in words: 1 character to 8 KiB.
    q: String,
    /// How many hits at most.
    #[param(minimum = 1, maximum = 100)]
    k: Option<u32>,
    /// By what: `keyword`, `vector` or `hybrid`; where it is left out, in each collection
    /// by all that it has.
    #[param(inline)]
    mode: Option<ModeWord>,
    /// In this collection; may be repeated. All of one's own where it is left out.
    collection: Option<Vec<String>>,
    /// Whether the server's reranker has the last word.
    rerank: Option<bool>,
}

/// Searches all of one's own collections, or those that are named. Their hits are joined
/// by their ranks.
#[utoipa::path(
    get, path = "/v1/search", operation_id = "search", tag = "collections",
    params(SearchParams),
    responses(
        (status = 200, description = "What was found", body = SearchAnswer),
        (status = 404, description = "One of the named collections is not there", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The embedder is not the one any more that made the vectors", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "An embedder does not answer, or the search took too long", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn all(
    State(services): State<Services>,
    By(caller): By,
    request: Request,
) -> Result<Response, Problem> {
    let (mut text, mut names) = (None, Vec::new());
    let mut wanted = Wanted {
        text: String::new(),
        k: DEFAULT_K,
        mode: None,
        filter: Filter::default(),
        rerank: false,
    };
    let parameters = request.uri().query().unwrap_or_default();
    for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
        match &*name {
            "q" => text = Some(value.into_owned()),
            "k" => wanted.k = hits(&services, value.parse().ok(), "k")?,
            "mode" => wanted.mode = Some(mode(&value)?),
            "collection" => {
                let named = value.parse::<CollectionName>();
                let named = named.map_err(|_| wrong_name("collection"))?;
                if !names.contains(&named) {
                    names.push(named);
                }
            }
            "rerank" => {
                let wrong = |_| Problem::field("rerank", "It is `true` or `false`.");
                wanted.rerank = value.parse().map_err(wrong)?;
            }
            // As everywhere in query strings.
            _ => {}
        }
    }
    let most = services.config.index.max_searched;
    if names.len() > most {
        let detail = format!("One search covers {most} collections at most.");
        return Err(Problem::field("collection", detail));
    }
    let text = text.ok_or_else(|| Problem::field("q", "Say what is looked for: `?q=…`."))?;
    wanted.text = query(&services, text, "q")?;
    let began = Instant::now();
    let answer = services.query.search_all(&caller, names, &wanted).await;
    respond(&services, wanted.mode, began, answer)
}

/// A query within its bounds.
///
/// # Errors
/// `invalid_field`.
pub fn query(services: &Services, text: String, field: &str) -> Result<String, Problem> {
    let most = services.config.index.max_query;
    if !text.trim().is_empty() && text.len() as u64 <= most.as_u64() {
        return Ok(text);
    }
    let is = if text.trim().is_empty() { "is empty".to_owned() } else { size(text.len()) };
    let detail = format!("A query has 1 character to {most}; this one {is}.");
    Err(Problem::field(field, detail))
}

fn size(bytes: usize) -> String {
    format!("has {}", bytesize::ByteSize::b(bytes as u64))
}

/// How many hits, within bounds.
///
/// # Errors
/// `invalid_field`.
pub fn hits(services: &Services, k: Option<u64>, field: &str) -> Result<usize, Problem> {
    let most = services.config.index.max_k;
    let fits = k.and_then(|k| usize::try_from(k).ok()).filter(|k| (1..=most).contains(k));
    fits.ok_or_else(|| {
        Problem::field(field, format!("`{field}` is a whole number from 1 to {most}."))
    })
}

fn mode(word: &str) -> Result<Mode, Problem> {
    match word {
        "keyword" => Ok(Mode::Keyword),
        "vector" => Ok(Mode::Vector),
        "hybrid" => Ok(Mode::Hybrid),
        _ => Err(Problem::field("mode", "A mode is `keyword`, `vector` or `hybrid`.")),
    }
}

fn respond(
    services: &Services,
    mode: Option<Mode>,
    began: Instant,
    answer: Result<Answer, SearchError>,
) -> Result<Response, Problem> {
    let answer = counted(services, mode, began, answer)?;
    let body = SearchAnswer {
        hits: answer.hits.into_iter().map(HitState::from).collect(),
        mode: answer.mode,
        reranked: answer.reranked,
        took_ms: (began.elapsed().as_secs_f64() * 1e5).round() / 100.0,
        left_out: answer.left_out,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

/// Counts how a search ended.
///
/// # Errors
/// The search's own.
pub fn counted(
    services: &Services,
    mode: Option<Mode>,
    began: Instant,
    answer: Result<Answer, SearchError>,
) -> Result<Answer, Problem> {
    let mode = answer.as_ref().map_or(mode, |answer| Some(answer.mode));
    let answer = answer.map_err(Problem::from);
    let outcome = match &answer {
        Ok(answer) if answer.hits.is_empty() => "nothing",
        Ok(_) => "found",
        Err(problem) if problem.status().is_server_error() => "unavailable",
        Err(_) => "refused",
    };
    services.metrics.searched(mode, outcome, began.elapsed());
    answer
}
