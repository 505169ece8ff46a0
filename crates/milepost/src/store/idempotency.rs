//! Which request made which jobs. Enters: a client's key with a fingerprint of its
//! request. Leaves: the jobs of the same request. Never: the request itself.

use std::sync::Arc;

use milepost_core::{JobId, OwnerId, Snapshot, Timestamp};
use rusqlite::params;

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

/// What `key` came with before: the fingerprint of that request, and its jobs that
/// are still there, in order.
pub(super) fn earlier(
    write: &Write<'_>,
    owner: &OwnerId,
    key: &str,
) -> Result<Option<(String, Vec<JobId>)>, StoreError> {
    let mut statement = write.connection.prepare_cached(
        "SELECT fingerprint, job FROM idempotency WHERE owner = ? AND key = ? ORDER BY place",
    )?;
    let rows = statement.query_map(params![owner.as_str(), key], |row| {
        Ok((row.get::<_, String>(0)?, JobId::new(row.get(1)?)))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let Some((fingerprint, _)) = rows.first().cloned() else { return Ok(None) };
    Ok(Some((fingerprint, rows.into_iter().map(|(_, job)| job).collect())))
}

/// Keeps the jobs of one request, each at its place.
pub(super) fn remember(
    write: &Write<'_>,
    jobs: &[Arc<Snapshot>],
    key: &str,
    fingerprint: &str,
) -> Result<(), StoreError> {
    let mut statement = write
        .connection
        .prepare_cached("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)")?;
    for (place, job) in jobs.iter().enumerate() {
        statement.execute(params![
            job.owner.as_str(),
            key,
            place as i64,
            fingerprint,
            job.id.uuid(),
            job.created_at.as_micros(),
        ])?;
    }
    Ok(())
}
