//! Collections: what is searched. Enters: their names and settings. Leaves: how they are,
//! with counts.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{CollectionName, Timestamp};
use milepost_index::{Collection, Distance};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::jobs::{Page, Paging};
use crate::command;
use crate::http::Services;
use crate::http::extract::{self, By, Params, parse_object};
use crate::http::problem::Problem;

/// The settings of a collection are no longer, as JSON.
const MAX_BODY: u64 = 16 * 1024;
/// What may stand in a URL as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A collection.
#[derive(Serialize, ToSchema)]
#[schema(as = Collection)]
pub struct CollectionState {
    /// Unique among one's own.
    #[schema(value_type = String)]
    name: CollectionName,
    /// How documents are cut where a job says nothing else.
    #[schema(value_type = ChunkerFields)]
    chunker: Value,
    /// What makes its vectors; `null`: it is searched by words alone.
    #[schema(required)]
    embedder: Option<String>,
    /// How many numbers a vector has.
    #[schema(required)]
    dimensions: Option<u32>,
    /// How vectors are compared.
    #[schema(value_type = DistanceWord)]
    distance: Distance,
    /// Documents in it that can be found.
    documents: u64,
    /// Their chunks.
    chunks: u64,
    /// What it takes on disk.
    bytes: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its settings, or what is in it, changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Collection> for CollectionState {
    fn from(collection: Collection) -> Self {
        let (embedder, dimensions) = match collection.settings.embedder {
            Some(id) => (Some(id.name), Some(id.dimensions)),
            None => (None, None),
        };
        Self {
            name: collection.name,
            chunker: collection.settings.chunker,
            embedder,
            dimensions,
            distance: collection.settings.distance,
            documents: collection.documents,
            chunks: collection.chunks,
            bytes: collection.bytes,
            created_at: collection.created_at,
            updated_at: collection.updated_at,
        }
    }
}

/// How far two vectors are from each other.
#[derive(ToSchema)]
#[schema(as = Distance, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words of `Distance` to readers of the API")]
enum DistanceWord {
    Cosine,
    Dot,
    L2,
}

/// How documents are cut into chunks.
#[derive(ToSchema)]
#[schema(as = Chunker)]
#[expect(dead_code, reason = "describes the chunker's options to readers of the API")]
pub struct ChunkerFields {
    /// `hybrid`, which is the default: by the document's structure, small parts joined
    /// and large ones cut; `hierarchical`: by its structure alone; `markdown`: by size,
    /// wherever the Markdown allows it.
    kind: Option<ChunkerWord>,
    /// The most of one chunk, its headings included: 100 to 20000 characters or 16 to
    /// 8192 tokens; 1000 or 256 where it is left out.
    max: Option<u32>,
    /// What is counted.
    unit: Option<SizeUnitWord>,
    /// What counts tokens; `embedder`: that of the collection's embedder.
    tokenizer: Option<TokenizerWord>,
    /// How much of a chunk may stand in the next one again, in the same unit; less than
    /// half of `max`, and a tenth of it where it is left out.
    overlap: Option<u32>,
}

/// What cuts.
#[derive(ToSchema)]
#[schema(as = ChunkerKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes words to readers of the API")]
enum ChunkerWord {
    Hybrid,
    Hierarchical,
    Markdown,
}

/// What the size of a chunk is counted in.
#[derive(ToSchema)]
#[schema(as = SizeUnit, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes words to readers of the API")]
enum SizeUnitWord {
    Characters,
    Tokens,
}

/// What counts tokens.
#[derive(ToSchema)]
#[schema(as = Tokenizer, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes words to readers of the API")]
enum TokenizerWord {
    #[schema(rename = "cl100k_base")]
    Cl100kBase,
    Embedder,
}

/// What a collection is to be. What is left out stays, or becomes what is usual.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectionFields {
    /// How documents are cut where a job says nothing else.
    #[schema(value_type = Option<ChunkerFields>)]
    chunker: Option<Box<RawValue>>,
    /// What makes its vectors, one of those that `/v1/info` names; `null`: nothing, and
    /// it is searched by words alone.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    embedder: Option<Option<String>>,
    /// How vectors are compared: `cosine`, which is the default, `dot` or `l2`.
    #[schema(value_type = Option<DistanceWord>)]
    distance: Option<Distance>,
}

/// `null` is something else than nothing.
fn present<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(reader).map(Some)
}

/// Makes a collection, or changes it. Of one with documents the chunker alone.
#[utoipa::path(
    put, path = "/v1/collections/{name}", operation_id = "put_collection", tag = "collections",
    params(("name" = String, Path, description = "Its name: 1 to 200 characters")),
    request_body(content = Option<CollectionFields>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is so now", body = CollectionState),
        (status = 201, description = "It is new", body = CollectionState, headers(("Location" = String))),
        (status = 409, description = "It has documents whose vectors are otherwise, or there are as many collections as one may have", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The name or a field is wrong, or there is no such embedder", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn put(
    State(services): State<Services>,
    By(caller): By,
    Name(name): Name,
    request: Request,
) -> Result<Response, Problem> {
    let name = name.ok_or_else(|| wrong_name("name"))?;
    let body = extract::whole(request, MAX_BODY).await?;
    let fields = match body.is_empty() {
        true => CollectionFields::default(),
        false => {
            let body: Box<RawValue> = extract::parse_json(&body, "")?;
            if body.get() == "null" {
                CollectionFields::default()
            } else {
                parse_object(&body, "")?
            }
        }
    };
    let wanted = command::Wanted {
        chunker: fields.chunker.as_deref().map(|text| chunker(text, "chunker")).transpose()?,
        embedder: fields.embedder,
        distance: fields.distance,
    };
    let (collection, new) = services.commands.put_collection(&caller, &name, wanted).await?;
    let body = axum::Json(CollectionState::from(collection));
    if !new {
        return Ok(body.into_response());
    }
    let place = format!("/v1/collections/{}", utf8_percent_encode(name.as_str(), PLAIN));
    let place = HeaderValue::from_str(&place).expect("it is encoded");
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], body).into_response())
}

/// One's own collections, by name.
#[utoipa::path(
    get, path = "/v1/collections", operation_id = "list_collections", tag = "collections",
    params(Paging),
    responses(
        (status = 200, description = "The collections", body = Page<CollectionState>),
        (status = 422, description = "The limit or the cursor is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(services): State<Services>,
    By(caller): By,
    Params(paging): Params<Paging>,
) -> Result<axum::Json<Page<CollectionState>>, Problem> {
    let (limit, after) = (paging.limit()?, paging.cursor::<CollectionName>()?);
    let found = services.query.collections(&caller, after.as_ref(), limit).await?;
    let last = found.last().map(|last| last.name.to_string());
    let items = found.into_iter().map(CollectionState::from).collect();
    Ok(axum::Json(Page::new(items, limit, last)))
}

/// A collection.
#[utoipa::path(
    get, path = "/v1/collections/{name}", operation_id = "get_collection", tag = "collections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The collection", body = CollectionState),
        (status = 404, description = "No such collection", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(services): State<Services>,
    By(caller): By,
    Name(name): Name,
) -> Result<axum::Json<CollectionState>, Problem> {
    let collection = services.query.collection(&caller, &there(name)?).await?;
    Ok(axum::Json(collection.into()))
}

/// Removes a collection with all that is in it. Stored documents and jobs stay; a job
/// that is filling it fails.
#[utoipa::path(
    delete, path = "/v1/collections/{name}", operation_id = "delete_collection", tag = "collections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such collection", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn delete(
    State(services): State<Services>,
    By(caller): By,
    Name(name): Name,
) -> Result<StatusCode, Problem> {
    services.commands.delete_collection(&caller, &there(name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A collection's name in the path; `None` where the text is no name.
pub struct Name(pub Option<CollectionName>);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.ok().and_then(|axum::extract::Path(text)| text.parse().ok())))
    }
}

/// What is no name cannot be found.
pub fn there(name: Option<CollectionName>) -> Result<CollectionName, Problem> {
    name.ok_or_else(|| Problem::not_found("collection"))
}

/// A collection's name that is none.
pub fn wrong_name(field: &str) -> Problem {
    let most = CollectionName::MAX_CHARS;
    let detail = format!(
        "A collection's name has 1 to {most} characters, none of them a control character, \
         and no space at its beginning or end."
    );
    Problem::field(field, detail)
}

/// How documents are to be cut, checked; `place` is the field in which it came.
///
/// # Errors
/// `invalid_field`.
pub fn chunker(text: &RawValue, place: &str) -> Result<Value, Problem> {
    let chunker: milepost_convert::Chunker = parse_object(text, place)?;
    chunker
        .check()
        .map_err(|(field, detail)| Problem::field(format!("{place}.{field}"), detail))?;
    Ok(serde_json::to_value(&chunker).expect("a chunker has only string keys"))
}
