//! Several jobs in one request. Enters: what each of them is to be. Leaves: all of
//! them, in one batch, or none. Never: a batch without a job.

use milepost_core::BatchId;

use super::{Accepted, Request, SubmitError, Submitter, fingerprint};

/// Why there are no jobs, and which one is at fault.
#[derive(Debug)]
pub struct Refused {
    /// The place in the request of the one at fault, from 0; `None` where it is
    /// the request as a whole.
    pub place: Option<usize>,
    /// What is wrong.
    pub error: SubmitError,
}

impl From<SubmitError> for Refused {
    fn from(error: SubmitError) -> Self {
        Self { place: None, error }
    }
}

impl Submitter {
    /// Makes a job of each request, all or none, in the batch `joins` or in a new
    /// one; or finds the jobs that the same requests made before under `key`.
    ///
    /// # Errors
    /// See [`SubmitError`]; then nothing is stored.
    pub async fn submit_batch(
        &self,
        requests: Vec<Request>,
        joins: Option<BatchId>,
        key: Option<String>,
    ) -> Result<Accepted, Refused> {
        let idempotency = key.map(|key| (key, fingerprint::of_batch(&requests, joins)));
        let batch = joins.unwrap_or_else(|| BatchId::new(self.journal.clock().new_id()));
        self.accept(requests, Some(batch), joins, idempotency).await
    }
}
