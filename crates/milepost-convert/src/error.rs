//! Why a document could not be converted.
//!
//! Enters: what went wrong, once for the user and once for the log. Leaves: one
//! type that carries both apart. It never mixes them: `message` names no path,
//! no library and no internals.

use serde::{Deserialize, Serialize};

/// What kind of failure it was, for whoever decides what to do next.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A password is missing or wrong, or the encryption is of a kind that
    /// cannot be opened here.
    Encrypted,
    /// Nothing in it: no bytes, only white space, a PDF without pages.
    Empty,
    /// It claims to be a format and cannot be read as one.
    Damaged,
    /// A format that is not converted here.
    Unsupported,
    /// More pages, output or unpacked data than [`Limits`](crate::Limits) allow.
    TooLarge,
    /// Every selected page failed.
    PageFailed,
    /// Only images of text, and there is no engine to read them.
    OcrUnavailable,
    /// The page selection selects nothing in this document.
    InvalidPages,
}

/// A failed conversion.
#[derive(Serialize, Deserialize, thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// For the user: what happened to which thing, and what to do now.
    pub message: String,
    /// For the log: what the parser said. May be empty.
    pub cause: String,
}

impl Error {
    /// A failure whose cause the message tells in full.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: String::new() }
    }

    /// The same with what the parser said, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = cause.to_string();
        self
    }
}
