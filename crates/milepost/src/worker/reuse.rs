//! A job whose result is there already when its turn comes: an equal one was
//! converted meanwhile, or its document had to be fetched first. Enters: a lease.
//! Leaves: the job, completed, or the word that it is to be converted. Never: a
//! result that a retry asked to be made again.

use milepost_convert::Options;

use super::run::{Runner, Stop};
use crate::pipeline::reuse;
use crate::store::Lease;

/// By what the result of this job is known again.
pub(super) fn reuse_key(lease: &Lease, sha256: &str, options: &Options) -> Option<String> {
    let job = &lease.snapshot;
    let document = job.document.as_ref()?;
    reuse::key(job.pipeline, sha256, &document.filename, options)
}

impl Runner {
    /// Whether an earlier result was found, and the job completed with it.
    pub(super) async fn has_been_made(
        &self,
        lease: &Lease,
        key: Option<&str>,
    ) -> Result<bool, Stop> {
        let job = &lease.snapshot;
        match key {
            Some(key) if job.attempt == 1 && !job.force => {
                Ok(self.journal.reuse(lease, key.to_owned()).await?.is_some())
            }
            _ => Ok(false),
        }
    }
}
