//! What requests carry, checked. Enters: headers, query strings, bodies. Leaves:
//! typed values, or a problem that names the field at fault.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use milepost_core::Caller;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::problem::{Code, Problem};
use crate::access::Principal;

/// Who asks.
#[derive(Clone, Debug)]
pub struct By(pub Caller);

impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        principal(&parts.extensions).map(|principal| Self(principal.caller.clone()))
    }
}

/// Who asks, and by what they are known.
pub struct Known(pub Arc<Principal>);

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        principal(&parts.extensions).map(|principal| Self(principal.clone()))
    }
}

/// The gate has put it there; what came past the gate is nobody's.
fn principal(extensions: &Extensions) -> Result<&Arc<Principal>, Problem> {
    let nobody = || Problem::new(Code::Unauthenticated, "Nobody is known to have sent this.");
    extensions.get::<Arc<Principal>>().ok_or_else(nobody)
}

/// An id in the path; one that is none cannot be found.
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr + Send> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let gone = || Problem::new(Code::NotFound, "There is nothing under this id.");
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| gone())?;
        text.parse().map(Self).map_err(|_| gone())
    }
}

/// A checked query string.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                // `Failed to deserialize query string: limit: invalid digit …`
                let detail = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
                let field = detail.split_once(": ").map(|(field, _)| field.to_owned());
                let field = field.unwrap_or_else(|| "query".to_owned());
                Err(Problem::field(field, format!("{detail}.")))
            }
        }
    }
}

/// Refuses a body that says that it is too long before any of it is read.
///
/// # Errors
/// `body_too_large`.
pub fn check_length(headers: &HeaderMap, limit: u64) -> Result<(), Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(()) }
}

/// The body is longer than `limit` bytes.
pub fn too_large(limit: u64) -> Problem {
    let size = bytesize::ByteSize::b(limit);
    Problem::new(Code::BodyTooLarge, format!("The request is larger than the limit of {size}."))
}

/// The media type of a body, in lower case, without parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// A whole JSON body of at most `limit` bytes.
///
/// # Errors
/// `body_too_large`, `invalid_request`, `invalid_field`.
pub async fn json<T: DeserializeOwned>(request: Request, limit: u64) -> Result<T, Problem> {
    parse_json(&whole(request, limit).await?, "")
}

/// A whole body of at most `limit` bytes.
///
/// # Errors
/// `body_too_large`, `invalid_request`.
pub async fn whole(request: Request, limit: u64) -> Result<Bytes, Problem> {
    check_length(request.headers(), limit)?;
    let body = Limited::new(request.into_body(), usize::try_from(limit).unwrap_or(usize::MAX));
    let bytes = body.collect().await.map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            too_large(limit)
        } else {
            Problem::new(Code::InvalidRequest, "The body ended early.")
        }
    })?;
    Ok(bytes.to_bytes())
}

/// As [`parse_json`], for an object that was found in other JSON. serde would take an
/// array of the fields' values in order as well.
///
/// # Errors
/// `invalid_field`.
pub fn parse_object<'de, T: Deserialize<'de>>(
    value: &'de RawValue,
    place: &str,
) -> Result<T, Problem> {
    if value.get().starts_with('{') {
        return parse_json(value.get().as_bytes(), place);
    }
    let field = if place.is_empty() { "body" } else { place };
    Err(Problem::field(field, "This is a JSON object."))
}

/// The texts of a JSON array's elements; `None` where there are more than `most`, however
/// many that are.
///
/// # Errors
/// `invalid_request`.
pub fn elements(array: &str, most: usize) -> Result<Option<Vec<&RawValue>>, Problem> {
    struct AtMost(usize);

    impl<'de> Visitor<'de> for AtMost {
        type Value = Option<Vec<&'de RawValue>>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(element) = seq.next_element()? {
                all.push(element);
                if all.len() > self.0 {
                    while seq.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(None);
                }
            }
            Ok(Some(all))
        }
    }

    let mut reader = serde_json::Deserializer::from_str(array);
    let read = reader.deserialize_seq(AtMost(most));
    read.map_err(|_| Problem::new(Code::InvalidRequest, "The body is not valid JSON."))
}

/// JSON text as a checked value; `place` is the field in which the text came.
///
/// # Errors
/// `invalid_request` where it is not JSON, else `invalid_field`.
pub fn parse_json<'de, T: Deserialize<'de>>(text: &'de [u8], place: &str) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| wrong_field(place, &error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| wrong_field(place, ".", &error))?;
    Ok(value)
}

fn wrong_field(place: &str, path: &str, error: &serde_json::Error) -> Problem {
    if error.is_syntax() || error.is_eof() {
        let what = if place.is_empty() { "The body" } else { "The field" };
        let detail = format!("{what} is not valid JSON: {error}.");
        return if place.is_empty() {
            Problem::new(Code::InvalidRequest, detail)
        } else {
            Problem::field(place, detail)
        };
    }
    let message = error.to_string();
    let unknown = message
        .strip_prefix("unknown field `")
        .or_else(|| message.strip_prefix("missing field `"))
        .and_then(|rest| rest.split('`').next());
    let mut parts: Vec<&str> =
        [place, path].into_iter().filter(|part| !part.is_empty() && *part != ".").collect();
    if let Some(name) = unknown
        && parts.last().is_none_or(|last| *last != name && !last.ends_with(&format!(".{name}")))
    {
        parts.push(name);
    }
    // serde's position in the text helps nobody who sent a form field.
    let message = message.split(" at line ").next().unwrap_or_default();
    let field = if parts.is_empty() { "body".to_owned() } else { parts.join(".") };
    Problem::field(field, format!("{}.", in_plain_words(message)))
}

/// serde speaks of Rust's types, which no client has heard of.
fn in_plain_words(message: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let plain = match expected.split_whitespace().next().unwrap_or_default() {
        "struct" | "map" | "internally" => "an object",
        "i32" | "i64" => "a whole number",
        "u32" | "u64" | "usize" => "a whole number from 0",
        "f64" => "a number",
        _ => return message.to_owned(),
    };
    format!("{found}, expected {plain}")
}

/// `Prefer: wait=N` in seconds, 60 at most (RFC 7240).
pub fn prefer_wait(headers: &HeaderMap) -> Option<u64> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|part| {
            let (name, seconds) = part.split_once('=')?;
            let wait = name.trim().eq_ignore_ascii_case("wait");
            wait.then(|| seconds.trim().trim_matches('"').parse().ok())?
        })
        .map(|seconds: u64| seconds.min(MAX_WAIT_SECS))
}

/// The longest time that a request waits for news.
pub const MAX_WAIT_SECS: u64 = 60;

/// `304 Not Modified` with the validator that the client holds.
pub fn not_modified(etag: &str) -> Response {
    let headers = [("etag", etag), ("cache-control", "no-cache"), ("vary", "accept")];
    (StatusCode::NOT_MODIFIED, headers).into_response()
}
