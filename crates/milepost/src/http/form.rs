//! Refusals in the form of the protocol whose route was called. Enters: an answer that
//! carries a problem. Leaves: the same answer with the body that clients of that
//! protocol read, and with their status where they know another one. Never: another
//! reason.

use axum::body::Bytes;
use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use milepost_core::Timestamp;

use super::problem::{Problem, Refusal};
use super::routes::Rules;
use crate::clock::Clock;

/// How a protocol says a refusal.
pub type Form = fn(&Problem, &Asked) -> Body;

/// What was asked for, for forms that repeat it.
pub struct Asked {
    /// How.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// When.
    pub at: Timestamp,
    form: Form,
}

/// The body of a refusal.
pub struct Body {
    /// Its media type.
    pub kind: &'static str,
    /// It.
    pub text: String,
    /// The status, where that is not the problem's own.
    pub status: Option<StatusCode>,
}

impl Body {
    /// A JSON body.
    pub fn json(value: &serde_json::Value) -> Self {
        Self { kind: "application/json", text: value.to_string(), status: None }
    }

    /// With this status.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }
}

impl Asked {
    /// Remembers a request whose route has a form of its own.
    pub fn of(request: &Parts, rules: &Rules, clock: &Clock) -> Option<Self> {
        let form = rules.form(request.extensions.get::<MatchedPath>()?.as_str())?;
        let path = request.uri.path().to_owned();
        Some(Self { method: request.method.clone(), path, at: clock.now(), form })
    }

    /// Says it in the form.
    pub fn reshape(&self, response: Response) -> Response {
        let Some(Refusal(problem)) = response.extensions().get::<Refusal>() else {
            return response;
        };
        let Body { kind, text, status } = (self.form)(problem, self);
        let (mut head, _) = response.into_parts();
        head.status = status.unwrap_or(head.status);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        head.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(head, axum::body::Body::from(Bytes::from(text)))
    }
}
