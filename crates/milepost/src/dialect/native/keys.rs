//! API keys, for administrators. Enters: who is to have one, and for what. Leaves: the
//! key, once. Never: shows a key again.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::{OwnerId, Scope, Scopes, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::jobs::{Page, Paging};
use crate::access::{MAX_NAME_BYTES, MAX_OWNER_BYTES, NewKey};
use crate::http::Services;
use crate::http::extract::{self, Id, Params};
use crate::http::problem::{Code, Problem};
use crate::store::KeyRow;

const MAX_BODY_BYTES: u64 = 16 * 1024;
/// No key lasts longer that ends at all: a hundred years.
const MAX_SECS: u64 = 100 * 365 * 24 * 3600;

/// The wish for a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// What it is for, 100 bytes at most.
    #[schema(example = "nightly-import")]
    name: String,
    /// Who its holder is: whose jobs they make and see. The name by default.
    owner: Option<String>,
    /// What its holder may do: `submit`, `read`, `cancel`, `work`, `read_all`,
    /// `admin`. The first four by default.
    scopes: Option<Vec<String>>,
    /// Seconds after which it is void; never by default.
    #[schema(minimum = 1)]
    expires_in: Option<u64>,
}

/// A key, as it is listed.
#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    name: String,
    /// Its first letters.
    start: String,
    owner: String,
    scopes: Vec<&'static str>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// To the minute or so.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    used_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

/// A new key.
#[derive(Serialize, ToSchema)]
pub struct NewApiKey {
    /// The key itself. It is shown this once, and kept nowhere.
    key: String,
    #[serde(flatten)]
    state: ApiKey,
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            start: row.start,
            owner: row.owner.as_str().to_owned(),
            scopes: row.scopes.iter().map(Scope::as_str).collect(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// Makes an API key.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "add_key", tag = "keys",
    request_body = Wish,
    responses(
        (status = 201, description = "The key, for the only time", body = NewApiKey),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn add(State(services): State<Services>, request: Request) -> Result<Response, Problem> {
    if services.access.is_off() {
        // Whoever is on this machine would have a key for the day on which that ends.
        let detail = "Without authentication there are no keys; make the first one with \
                      `milepost keys create` on the server's machine, and set `auth`.";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    let wish: Wish = extract::json(request, MAX_BODY_BYTES).await?;
    let new = wish.check(services.clock.now())?;
    let made = services.access.make_key(new).await?;
    let headers = [
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::LOCATION, format!("/v1/keys/{}", made.row.id)),
    ];
    let body = NewApiKey { key: made.key, state: made.row.into() };
    Ok((StatusCode::CREATED, headers, axum::Json(body)).into_response())
}

/// All API keys, newest first, revoked ones too.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "list_keys", tag = "keys", params(Paging),
    responses(
        (status = 200, description = "The keys", body = Page<ApiKey>),
        (status = 422, description = "The limit or the cursor is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(services): State<Services>,
    Params(paging): Params<Paging>,
) -> Result<Response, Problem> {
    let limit = paging.limit()?;
    let rows = services.query.keys(paging.cursor()?, limit).await?;
    let last = rows.last().map(|row| row.id.to_string());
    let items: Vec<_> = rows.into_iter().map(ApiKey::from).collect();
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((headers, axum::Json(Page::new(items, limit, last))).into_response())
}

/// Revokes an API key, for good.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", operation_id = "revoke_key", tag = "keys",
    params(("id" = String, Path, description = "The key's id")),
    responses(
        (status = 204, description = "It is void"),
        (status = 404, description = "No such key", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn revoke(
    State(services): State<Services>,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    let revoked = services.access.revoke_key(id).await?;
    revoked.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Problem::not_found("API key"))
}

impl Wish {
    fn check(self, now: Timestamp) -> Result<NewKey, Problem> {
        let name = named("name", self.name, MAX_NAME_BYTES)?;
        let owner = self.owner.map(|owner| named("owner", owner, MAX_OWNER_BYTES));
        let owner = owner.transpose()?.unwrap_or_else(|| name.clone());
        let scopes = match self.scopes {
            None => Scopes::OWN,
            Some(words) if words.is_empty() => {
                return Err(Problem::field("scopes", "A key without a scope is of no use."));
            }
            Some(words) => words.iter().map(|word| scope(word)).collect::<Result<_, _>>()?,
        };
        let expires_at = match self.expires_in {
            None => None,
            Some(secs @ 1..=MAX_SECS) => Some(now.plus(Duration::from_secs(secs))),
            Some(_) => return Err(Problem::field("expires_in", "A key lasts one second or more.")),
        };
        Ok(NewKey { name, owner: OwnerId::new(owner), scopes, expires_at })
    }
}

fn named(field: &str, text: String, most: usize) -> Result<String, Problem> {
    let text = text.trim().to_owned();
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        let detail = format!("Give 1 to {most} bytes of text, without control characters.");
        return Err(Problem::field(field, detail));
    }
    Ok(text)
}

fn scope(word: &str) -> Result<Scope, Problem> {
    Scope::named(word).ok_or_else(|| {
        let known = Scope::ALL.map(|scope| format!("`{}`", scope.as_str())).join(", ");
        Problem::field("scopes", format!("A scope is one of {known}."))
    })
}
