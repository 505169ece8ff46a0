//! Why there are no vectors. Enters: what went wrong. Leaves: a message for people, who
//! may be strangers to the operator, and a cause for the log. Never: a key, a URL or a
//! path in the message; a key anywhere.

use std::time::Duration;

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedErrorKind {
    /// It is down, slow or out of reach: later it may work.
    Unavailable,
    /// It has had enough for now.
    Limited,
    /// It does not do what is asked of it, now or later.
    Refused,
    /// Its vectors have another length than they should.
    WrongDimensions,
    /// What it is, or what it answers, makes no sense.
    Unusable,
}

/// Why an embedder or a reranker gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct EmbedError {
    /// What can be done about it.
    pub kind: EmbedErrorKind,
    /// For people: what happened, and what to do.
    pub message: String,
    /// For the log.
    pub cause: String,
    /// How long the endpoint wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl EmbedError {
    pub(super) fn new(
        kind: EmbedErrorKind,
        message: impl Into<String>,
        cause: impl Into<String>,
    ) -> Self {
        Self { kind, message: message.into(), cause: cause.into(), retry_after: None }
    }

    /// Something about how it is set up; seen by the operator alone.
    pub(super) fn setting(name: &str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::new(EmbedErrorKind::Unusable, format!("`{name}` cannot be used: {why}."), why)
    }

    /// Whether the same may work later.
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, EmbedErrorKind::Unavailable | EmbedErrorKind::Limited)
    }
}
