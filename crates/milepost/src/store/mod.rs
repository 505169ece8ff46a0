//! Where jobs, events, pages and documents are kept. Enters: changes that the
//! journal decided on, questions that the readers ask. Leaves: rows, and the
//! announcement of each committed change, in the order of commits. Never:
//! decides what may happen to a job, or says that something is stored before it
//! would survive a power loss.

mod batches;
mod blobs;
mod documents;
mod idempotency;
#[cfg(test)]
mod in_line;
mod jobs;
mod keys;
mod leases;
#[cfg(test)]
mod leases_tests;
mod lists;
mod named;
mod pages;
mod push;
#[cfg(test)]
mod push_tests;
mod recent;
mod reuse;
#[cfg(test)]
mod reuse_tests;
mod schema;
mod sessions;
mod sources;
mod sqlite;
mod stats;
mod submit;
mod tokens;
mod usage;
#[cfg(test)]
mod usage_tests;

pub use blobs::{Blobs, Content, Incoming, Place};
pub use documents::{DocumentInUse, DocumentRow, NewDocument, StorageFull};
#[cfg(test)]
pub use in_line::{Driver, Fault, Gate};
pub use jobs::{Appended, Decision, Deleted};
pub use keys::KeyRow;
pub use leases::{Lease, NodeId};
pub use lists::JobFilter;
pub use named::{NamedDocument, Names};
pub use pages::{AGAIN, EXTRACT, PageRow, TextRow, UNREAD};
pub use push::{PushMessage, PushTarget, SubscriptionRow};
pub use sessions::SessionRow;
pub use sources::{NewSource, SourceRow};
pub use sqlite::Store;
pub use stats::{Ended, FinishedRow, RecentEnds};
pub use submit::{NewJob, NewJobs, Submitted};
pub use tokens::TokenGround;
pub use usage::{Allowance, Usage};

/// Makes a folder that only this user can read.
///
/// # Errors
/// Where it cannot be made, or belongs to somebody else.
pub fn private_folder(path: &std::path::Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(path)?;
    sqlite::for_us_alone(path, 0o700)
}

/// What went wrong below.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not do it.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The folder or object store could not do it.
    #[error("object store: {0}")]
    Object(#[from] object_store::Error),
    /// A transaction failed as a whole, and nothing of it is stored.
    #[error("not stored: {0}")]
    NotCommitted(String),
    /// What is stored does not read back.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The database belongs to a later version of this program.
    #[error(
        "the database has version {found} and this program knows {known}; start the newer program"
    )]
    TooNew {
        /// The version in the database.
        found: usize,
        /// The latest that this program knows.
        known: usize,
    },
    /// A running server of another version has the database.
    #[error(
        "the running server is of another version; use the milepost that it was started with, or \
         stop it first"
    )]
    OtherVersion,
    /// Another process has the data directory.
    #[error("the data directory is in use by another running server")]
    InUse,
    /// A file could not be opened or written.
    #[error("file: {0}")]
    File(#[from] std::io::Error),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}
