//! Refused requests as RFC 9457 problem details. The only place that knows
//! status codes for errors. Enters: errors of the rooms below. Leaves: a code
//! for programs, a sentence for people. Never: a path, SQL or a cause; these go
//! to the log.

mod refused;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytesize::ByteSize;
use milepost_core::{Snapshot, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::bounds::Limit;

/// The stable reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is not well-formed.
    InvalidRequest,
    /// One field is wrong; it is named.
    InvalidField,
    /// The body is of a kind that is not taken here.
    UnsupportedMediaType,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body came too slowly, and the rest is not waited for.
    BodyTooSlow,
    /// The URL is longer than allowed.
    UrlTooLong,
    /// It does not exist, or not for this caller.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// It is not there in any of the accepted formats.
    NotAcceptable,
    /// The current state does not allow it.
    Conflict,
    /// The result is not there yet.
    NotFinished,
    /// The asked range lies behind the end.
    RangeNotSatisfiable,
    /// Too many jobs wait.
    QueueFull,
    /// More at a time than allowed.
    RateLimited,
    /// The caller is not known: nothing was presented, or what was does not hold.
    Unauthenticated,
    /// The caller may not do that.
    Forbidden,
    /// A credential came in the URL that does not belong there.
    CredentialInUrl,
    /// A part of the server is not available now.
    Unavailable,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::CredentialInUrl => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::InvalidField => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UrlTooLong => StatusCode::URI_TOO_LONG,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Conflict | Self::NotFinished => StatusCode::CONFLICT,
            Self::QueueFull | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Among a refusal's extensions: for the audit log, and for whoever says it in the form
/// of another protocol.
#[derive(Clone)]
pub struct Refusal(pub Arc<Problem>);

/// RFC 9457 problem details.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the code says more.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    /// The HTTP status in words.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable reason.
    pub code: Code,
    /// What happened and what to do, for a person.
    pub detail: String,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// The job's current status, where that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub job_status: Option<Status>,
    /// Finds what the server logged of this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub request_id: Option<String>,
    /// Seconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retry_after: Option<u32>,
    /// The limit that was met, by the name of its setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub limit: Option<Limit>,
}

impl Problem {
    /// A refusal.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let status = code.status();
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            job_status: None,
            request_id: super::request_id(),
            retry_after: None,
            limit: None,
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// A limit was met; it is worth another try after `retry_after_secs`, if that
    /// can be said.
    pub fn limited(limit: Limit, detail: impl Into<String>, retry_after_secs: Option<u64>) -> Self {
        let retry_after = retry_after_secs.map(seconds);
        Self { limit: Some(limit), retry_after, ..Self::new(Code::RateLimited, detail) }
    }

    /// A field is wrong.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(Code::InvalidField, detail) }
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}."))
    }

    /// The caller sees it, and may not do that.
    pub fn not_allowed() -> Self {
        Self::new(Code::Forbidden, "Your credential does not allow that.")
    }

    /// The client claims to have more than there is.
    pub fn ahead(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::Conflict, detail) }
    }

    /// A job's status is in the way.
    pub fn conflict(job: &Snapshot, wish: &str) -> Self {
        let status = job.status.as_str();
        Self {
            job_status: Some(job.status),
            ..Self::new(Code::Conflict, format!("The job is {status}, so {wish}."))
        }
    }

    /// An owner has no room for more.
    pub fn storage_full(stored: u64, most: u64) -> Self {
        let (stored, most) = (ByteSize::b(stored), ByteSize::b(most));
        Self {
            limit: Some(Limit::OwnerBytes),
            ..Self::new(
                Code::BodyTooLarge,
                format!(
                    "Your documents and results take {stored} of the {most} that they may, and \
                     there is no room for more; delete documents or jobs first."
                ),
            )
        }
    }

    /// The result is not there.
    pub fn not_finished(job: &Snapshot) -> Self {
        let detail = match &job.failure {
            Some(failure) => format!("The job failed and has no result: {}", failure.message),
            None => format!(
                "The job is {}; there is no whole result. Finished pages are under /pages.",
                job.status.as_str()
            ),
        };
        Self { job_status: Some(job.status), ..Self::new(Code::NotFinished, detail) }
    }
}

/// Nobody is told to wait for longer than a century.
fn seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let (code, retry_after, limit) = (self.code, self.retry_after, self.limit);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(Refusal(Arc::new(self)));
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // For whoever counts them.
        if let Some(limit) = limit {
            response.extensions_mut().insert(limit);
        }
        response
    }
}
