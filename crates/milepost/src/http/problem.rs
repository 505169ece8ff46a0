//! Refused requests as RFC 9457 problem details. The only place that knows
//! status codes for errors. Enters: errors of the rooms below. Leaves: a code
//! for programs, a sentence for people. Never: a path, SQL or a cause; these go
//! to the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytesize::ByteSize;
use milepost_core::{Denied, Snapshot, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::bounds::Limit;
use crate::command::CommandError;
use crate::hub::WatchError;
use crate::query::QueryError;
use crate::report::ReportError;
use crate::store::StoreError;
use crate::submit::{ConfirmError, MAX_METADATA_BYTES, SubmitError};

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

/// Among a refusal's extensions: for the audit log.
#[derive(Clone)]
pub struct Refusal {
    /// The stable reason.
    pub code: Code,
    /// As the client was told.
    pub why: String,
}

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
    pub field: Option<String>,
    /// The job's current status, where that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    job_status: Option<Status>,
    /// Finds what the server logged of this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Seconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// The limit that was met, by the name of its setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
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
        let (retry_after, limit) = (self.retry_after, self.limit);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(Refusal { code: self.code, why: self.detail });
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == Code::Unauthenticated {
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

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request met a fault of the store");
        Self {
            retry_after: Some(5),
            ..Self::new(
                Code::Unavailable,
                "The server could not read or write its store; try again in a moment.",
            )
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Denied(Denied::Hidden, what) => Self::not_found(what),
            QueryError::Denied(Denied::Forbidden, _) => Self::not_allowed(),
            QueryError::Store(error) => error.into(),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::NoSource => Self::field(
                "source",
                "A job needs a document: send a `file`, or a `source`. Only a job with \
                 `hold: true` may get it later.",
            ),
            SubmitError::DocumentGone => {
                Self::field("source.document", "There is no such document.")
            }
            SubmitError::FetchingOff => Self {
                field: Some("source.url".to_owned()),
                ..Self::new(
                    Code::Forbidden,
                    "This server fetches no documents; upload the document, or ask the operator \
                     to set `fetch.enabled`.",
                )
            },
            SubmitError::WrongUrl(why) => Self::field("source.url", why),
            SubmitError::MetadataTooLarge => Self::field(
                "metadata",
                format!("The metadata may take {MAX_METADATA_BYTES} bytes at most, as JSON."),
            ),
            SubmitError::KeyReused => Self::field(
                "Idempotency-Key",
                "This key came before with another request; use a new key for a new request.",
            ),
            SubmitError::QueueFull { retry_after_secs } => Self {
                limit: Some(Limit::MaxWaiting),
                retry_after: Some(seconds(retry_after_secs)),
                ..Self::new(
                    Code::QueueFull,
                    format!(
                        "The queue is full and takes none of it; try again in {retry_after_secs} s."
                    ),
                )
            },
            SubmitError::OwnerQueueFull { most, retry_after_secs } => Self {
                limit: Some(Limit::OwnerWaiting),
                retry_after: Some(seconds(retry_after_secs)),
                ..Self::new(
                    Code::QueueFull,
                    format!(
                        "Of your jobs {most} may wait; try again in {retry_after_secs} s, when some                          have begun."
                    ),
                )
            },
            SubmitError::StorageFull { stored, most } => Self::storage_full(stored, most),
            SubmitError::QueueTooSmall { most } => Self::new(
                Code::BodyTooLarge,
                format!("The queue takes {most} jobs at most; send fewer with each request."),
            ),
            SubmitError::NoBatch => Self::not_found("batch"),
            SubmitError::BatchFull { most } => Self::field(
                "batch",
                format!("A batch has {most} jobs at most; send the others as another one."),
            ),
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound => Self::new(Code::NotFound, "There is no such thing."),
            CommandError::Forbidden => Self::not_allowed(),
            CommandError::Conflict(job) => Self::conflict(&job, "this cannot be done now"),
            CommandError::DocumentGone => Self::new(
                Code::Conflict,
                "The job's document was deleted, so there is nothing to go on with; submit it \
                 again.",
            ),
            CommandError::DocumentInUse(job) => Self::new(
                Code::Conflict,
                format!("The job {job} still needs the document; cancel it first."),
            ),
            CommandError::Store(error) => error.into(),
        }
    }
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::NotFound => Self::not_found("job"),
            ConfirmError::Forbidden => Self::not_allowed(),
            ConfirmError::NotAwaiting(job) => Self::conflict(&job, "there is nothing to confirm"),
            ConfirmError::NoSource => Self::field(
                "source",
                "The job has no document yet; send a `file` or a `source` with the confirmation.",
            ),
            ConfirmError::WrongUrl(why) => Self::field("source.url", why),
            ConfirmError::Store(error) => error.into(),
        }
    }
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::NotFound => Self::not_found("job"),
            ReportError::Forbidden => Self::not_allowed(),
            ReportError::NotExternal => Self::new(
                Code::Conflict,
                "The server works on this job itself; only jobs of the pipeline `external` take \
                 reports.",
            ),
            ReportError::Conflict(job) => Self::conflict(&job, "nothing can be reported of it"),
            ReportError::UnknownStage => {
                Self::field("stage", "The job has no such stage; it was submitted with others.")
            }
            ReportError::StageOver => {
                Self::field("stage", "The job is in a later stage already; stages go in order.")
            }
            ReportError::Store(error) => error.into(),
        }
    }
}

impl From<WatchError> for Problem {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::NotFound => Self::not_found("job"),
            WatchError::Forbidden => Self::not_allowed(),
            WatchError::Ahead(seq) => Self::ahead(
                "after",
                format!("The job's log ends at seq {seq}; nothing comes after a later one."),
            ),
            WatchError::Store(error) => error.into(),
        }
    }
}
