//! Signing in on a page: a credential is exchanged for a cookie that no script can read.
//! Enters: an API key or a token, once. Leaves: a session, or its end. Never: shows what
//! is in the cookie.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, ORIGIN, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite, time};
use milepost_core::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

use crate::access::{Principal, Refused};
use crate::config::LOGIN_COOKIES;
use crate::http::client::Client;
use crate::http::extract::{self, Known};
use crate::http::problem::Problem;
use crate::http::{Services, own};

/// A token is 8 KiB at most.
const MAX_BODY_BYTES: u64 = 16 * 1024;

/// A credential to sign in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// An API key or a JSON Web Token.
    token: String,
}

/// Who somebody is here, and until when.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionState {
    /// Whose jobs they make and see.
    owner: String,
    /// What they may do.
    scopes: Vec<&'static str>,
    /// From when on they have to sign in again; `null` for never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl From<&Principal> for SessionState {
    fn from(principal: &Principal) -> Self {
        Self {
            owner: principal.caller.owner.as_str().to_owned(),
            scopes: principal.caller.scopes().iter().map(Scope::as_str).collect(),
            expires_at: principal.expires_at,
        }
    }
}

/// Signs in: from now on a cookie stands for the credential, on streams and sockets too,
/// until it ends, for 30 days at most.
#[utoipa::path(
    post, path = "/v1/session", operation_id = "log_in", tag = "session",
    request_body = Login,
    responses(
        (status = 200, description = "Who that is", body = SessionState, headers(("Set-Cookie" = String))),
        (status = 401, description = "The credential does not hold", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many that did not hold came from this address", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn log_in(
    State(services): State<Services>,
    client: Client,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let secure = is_secure(&services, &head);
    let headers = head.headers.clone();
    let request = Request::from_parts(head, body);
    let Login { token } = extract::json(request, MAX_BODY_BYTES).await?;
    let known = services.access.log_in(&token).await;
    if let Err(Refused::Unauthenticated(_)) = &known {
        services.bounds.login_failed(client, &token)?;
    }
    let signed_in = known?;
    // The one before is not left behind in the store.
    services.access.log_out(&headers).await?;
    let state = SessionState::from(&signed_in.principal);
    let lasts = state.expires_at.map_or(0, |end| {
        end.as_micros().saturating_sub(services.clock.now().as_micros()) / 1_000_000
    });
    let mut response = axum::Json(state).into_response();
    if let Some(secret) = signed_in.cookie {
        set(&mut response, secure, secret, lasts);
    }
    Ok(finish(response, Some(signed_in.principal)))
}

/// Who the caller is.
#[utoipa::path(
    get, path = "/v1/session", operation_id = "get_session", tag = "session",
    responses((status = 200, description = "Who that is", body = SessionState))
)]
pub async fn get(Known(principal): Known) -> Response {
    let state = SessionState::from(principal.as_ref());
    ([(CACHE_CONTROL, "no-store")], axum::Json(state)).into_response()
}

/// Signs out. Fine, too, where nobody is signed in.
#[utoipa::path(
    delete, path = "/v1/session", operation_id = "log_out", tag = "session",
    responses((status = 204, description = "The session is over, and the cookie is gone", headers(("Set-Cookie" = String))))
)]
pub async fn log_out(
    State(services): State<Services>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    let ended = services.access.log_out(&head.headers).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let secure = is_secure(&services, &head);
    set(&mut response, secure, String::new(), 0);
    if secure {
        // One from before there was TLS, or another host's.
        set(&mut response, false, String::new(), 0);
    }
    Ok(finish(response, ended))
}

/// Whether the page came over TLS, as the door, a proxy of ours, or the browser says.
fn is_secure(services: &Services, head: &Parts) -> bool {
    let page =
        head.headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    page || own::is_encrypted(head, &services.config.proxies)
}

/// Over TLS the cookie has a name that no other host of the domain can set.
fn set(response: &mut Response, secure: bool, secret: String, lasts_secs: i64) {
    let [encrypted, plain] = LOGIN_COOKIES;
    let cookie = Cookie::build((if secure { encrypted } else { plain }, secret))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(secure)
        .max_age(time::Duration::seconds(lasts_secs));
    let value = HeaderValue::from_str(&cookie.to_string()).expect("it is hex and names");
    response.headers_mut().append(SET_COOKIE, value);
}

/// Nobody keeps the answer; the audit log is told whose it is.
fn finish(mut response: Response, whose: Option<Principal>) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(principal) = whose {
        response.extensions_mut().insert(Arc::new(principal));
    }
    response
}
