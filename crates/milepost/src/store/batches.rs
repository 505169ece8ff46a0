//! Batches: what is read of jobs that were submitted together. A batch has no row
//! of its own, so it is gone with its last job.

use milepost_core::{Batch, BatchId, OwnerId, Share, Status};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::StoreError;
use super::sqlite::Store;

/// An owner's batches, the newest first.
pub(super) const NEWEST: &str =
    "SELECT DISTINCT batch FROM jobs WHERE owner = ?1 AND batch IS NOT NULL AND batch < ?2
     ORDER BY batch DESC LIMIT ?3";

impl Store {
    /// An owner's batches, newest first, those before `before`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn batches(
        &self,
        owner: OwnerId,
        before: Option<BatchId>,
        limit: u32,
    ) -> Result<Vec<Batch>, StoreError> {
        self.read(move |connection| {
            let before = before.map_or(Uuid::max(), BatchId::uuid);
            let mut newest = connection.prepare_cached(NEWEST)?;
            let ids = newest.query_map(params![owner.as_str(), before, limit], |row| row.get(0))?;
            let ids = ids.map(|id| Ok(BatchId::new(id?)));
            let batches = ids.map(|id: Result<_, StoreError>| state(connection, &owner, id?));
            // It may be gone since it was found.
            batches.filter_map(Result::transpose).collect()
        })
        .await
    }

    /// Whose a batch is; `None` where it has no job.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn batch_owner(&self, id: BatchId) -> Result<Option<OwnerId>, StoreError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT owner FROM jobs WHERE batch = ? LIMIT 1")?;
            let found = statement.query_row([id.uuid()], |row| row.get::<_, String>(0));
            Ok(found.optional()?.map(OwnerId::new))
        })
        .await
    }

    /// An owner's batch as a whole; `None` where it has no job.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn batch(&self, owner: OwnerId, id: BatchId) -> Result<Option<Batch>, StoreError> {
        self.read(move |connection| state(connection, &owner, id)).await
    }
}

fn state(
    connection: &Connection,
    owner: &OwnerId,
    id: BatchId,
) -> Result<Option<Batch>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT status, count(*), sum(json_extract(snapshot, '$.progress')) FROM jobs
         WHERE batch = ? AND owner = ? GROUP BY status",
    )?;
    let rows = statement.query_map(params![id.uuid(), owner.as_str()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let mut shares = Vec::new();
    for row in rows {
        let (word, jobs, tenths) = row?;
        let status = Status::ALL.into_iter().find(|status| status.as_str() == word);
        let status = status.ok_or_else(|| StoreError::Damaged(format!("status {word}")))?;
        shares.push(Share { status, jobs: jobs as u64, tenths: tenths as u64 });
    }
    Ok(Batch::of(id, &shares))
}

/// How many jobs an owner's batch has.
pub(super) fn size(
    connection: &Connection,
    owner: &OwnerId,
    id: BatchId,
) -> Result<u64, StoreError> {
    let jobs: i64 = connection
        .prepare_cached("SELECT count(*) FROM jobs WHERE batch = ? AND owner = ?")?
        .query_row(params![id.uuid(), owner.as_str()], |row| row.get(0))?;
    Ok(jobs as u64)
}
