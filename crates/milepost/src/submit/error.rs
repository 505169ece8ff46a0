//! Why nothing was submitted.

use milepost_core::JobId;

use crate::pipeline::Misplaced;
use crate::store::StoreError;

/// Why there is no job.
#[derive(Debug)]
pub enum SubmitError {
    /// A job that is not held needs a document.
    NoSource,
    /// The document was removed meanwhile.
    DocumentGone,
    /// One of several documents was removed meanwhile.
    SourceGone(usize),
    /// The operator wants no documents fetched.
    FetchingOff,
    /// The URL is none that can be fetched, for this reason.
    WrongUrl(&'static str),
    /// The pipeline does not take an option.
    WrongOption(Misplaced),
    /// The collection has another embedder, or none.
    OtherEmbedder {
        /// The collection.
        collection: String,
        /// Which one it has.
        wants: Option<String>,
    },
    /// The metadata is larger than [`super::MAX_METADATA_BYTES`].
    MetadataTooLarge,
    /// The idempotency key came before with another request.
    KeyReused,
    /// This unfinished job is over the same document.
    UnderWay(JobId),
    /// Too many jobs wait.
    QueueFull {
        /// Seconds after which it is worth another try.
        retry_after_secs: u64,
    },
    /// Too many jobs of the owner wait.
    OwnerQueueFull {
        /// How many may.
        most: u64,
        /// Seconds after which it is worth another try.
        retry_after_secs: u64,
    },
    /// The owner has no room for it.
    StorageFull {
        /// Bytes that the owner has stored.
        stored: u64,
        /// How many may be.
        most: u64,
    },
    /// More jobs in one batch than may ever wait.
    QueueTooSmall {
        /// How many may.
        most: u64,
    },
    /// The batch that the jobs were to join has none.
    NoBatch,
    /// The batch would have too many jobs.
    BatchFull {
        /// How many it may have.
        most: u64,
    },
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for SubmitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
