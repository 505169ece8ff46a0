//! Which request made which job. Enters: a client's key with a fingerprint of its
//! request. Leaves: the job of the same request. Never: the request itself.

use milepost_core::{JobId, OwnerId, Snapshot, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::StoreError;
use super::sqlite::{Store, Write};

impl Store {
    /// Forgets idempotency keys from before `limit_at`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_keys(&self, limit_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |write| {
            write
                .connection
                .prepare_cached("DELETE FROM idempotency WHERE created_at < ?")?
                .execute([limit_at.as_micros()])?;
            Ok(())
        })
        .await
    }
}

/// The fingerprint and the job that `key` came with before.
pub(super) fn earlier(
    write: &Write<'_>,
    owner: &OwnerId,
    key: &str,
) -> Result<Option<(String, JobId)>, StoreError> {
    let mut statement = write
        .connection
        .prepare_cached("SELECT fingerprint, job FROM idempotency WHERE owner = ? AND key = ?")?;
    let found = statement
        .query_row(params![owner.as_str(), key], |row| Ok((row.get(0)?, JobId::new(row.get(1)?))))
        .optional()?;
    Ok(found)
}

pub(super) fn remember(
    write: &Write<'_>,
    job: &Snapshot,
    key: &str,
    fingerprint: &str,
) -> Result<(), StoreError> {
    write
        .connection
        .prepare_cached("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)")?
        .execute(params![
        job.owner.as_str(),
        key,
        fingerprint,
        job.id.uuid(),
        job.created_at.as_micros(),
    ])?;
    Ok(())
}
