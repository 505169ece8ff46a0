//! Why a job failed. Enters: a code and two texts. Leaves: data that is stored
//! and shown. Never: carries a path, a stack or a secret in its message.

use serde::{Deserialize, Serialize};

/// The stable reason, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The document needs a password, or another one.
    DocumentEncrypted,
    /// There is nothing in the document.
    DocumentEmpty,
    /// The document claims a format and breaks its rules.
    DocumentDamaged,
    /// No engine reads this kind of document.
    DocumentUnsupported,
    /// A configured limit on pages or on output was met.
    DocumentTooLarge,
    /// The converter died while it worked on the document.
    ConversionCrashed,
    /// The converter was silent for too long.
    ConversionTimeout,
    /// The converter took more memory than is allowed.
    ConversionMemory,
    /// Not one page could be converted.
    PageFailed,
    /// The pages are scans, and no OCR engine is there to read them.
    OcrUnavailable,
    /// The document's URL leads where nothing may be fetched from.
    FetchRefused,
    /// The document could not be fetched from its URL.
    FetchFailed,
    /// The job waited in the queue for longer than is allowed.
    QueueTimeout,
    /// The attempts of this job were lost too often.
    LostTooOften,
    /// Nothing could be embedded: the embedder does not answer, or not as it should.
    EmbedderUnavailable,
    /// The collection does not take it: it was deleted meanwhile, wants another
    /// embedder, or is one too many.
    CollectionRefused,
    /// Whoever works on an external job gave it up, or was never heard of again.
    WorkerFailed,
    /// A fault of the server itself.
    Internal,
}

impl FailureCode {
    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DocumentEncrypted => "document_encrypted",
            Self::DocumentEmpty => "document_empty",
            Self::DocumentDamaged => "document_damaged",
            Self::DocumentUnsupported => "document_unsupported",
            Self::DocumentTooLarge => "document_too_large",
            Self::ConversionCrashed => "conversion_crashed",
            Self::ConversionTimeout => "conversion_timeout",
            Self::ConversionMemory => "conversion_memory",
            Self::PageFailed => "page_failed",
            Self::OcrUnavailable => "ocr_unavailable",
            Self::FetchRefused => "fetch_refused",
            Self::FetchFailed => "fetch_failed",
            Self::QueueTimeout => "queue_timeout",
            Self::LostTooOften => "lost_too_often",
            Self::EmbedderUnavailable => "embedder_unavailable",
            Self::CollectionRefused => "collection_refused",
            Self::WorkerFailed => "worker_failed",
            Self::Internal => "internal",
        }
    }
}

/// Why an attempt ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For a program.
    pub code: FailureCode,
    /// For the person who sent the document: what happened, what to do now.
    pub message: String,
    /// Whether the same attempt may go better later. Decides the automatic
    /// retry.
    pub retryable: bool,
}

impl Failure {
    /// A failure that another attempt would only repeat.
    pub fn permanent(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: false }
    }

    /// A failure that another attempt may not meet again.
    pub fn retryable(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: true }
    }
}
