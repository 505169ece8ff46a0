//! What the journal tells the rest of the server after a commit. Enters: a
//! committed change. Leaves: a hint with which to look at the store. Never: the
//! truth; a lost announcement costs time, not data.

use std::sync::Arc;

use crate::id::{BatchId, DocumentId, JobId, OwnerId};
use crate::snapshot::Snapshot;

/// A committed change of one job.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// Where it stands in the order of all changes in the store.
    pub position: u64,
    /// What changed.
    pub change: Change,
}

/// What changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// The job has reached this snapshot.
    Reached(Arc<Snapshot>),
    /// The job is gone.
    Removed {
        /// Which job.
        job: JobId,
        /// Whose it was.
        owner: OwnerId,
        /// The document it worked on.
        document: Option<DocumentId>,
        /// The batch it belonged to.
        batch: Option<BatchId>,
    },
    /// Tokens of the job that were given out under an earlier epoch are void.
    Revoked {
        /// Which job.
        job: JobId,
        /// The epoch of those that are not.
        epoch: u64,
    },
}
