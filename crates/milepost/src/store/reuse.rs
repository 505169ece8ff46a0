//! Results that several jobs have. Pages and texts are stored under the job that
//! made them; `jobs.result` names it where that is another one. So a reuse costs
//! the same whatever the size of the result, and the result stays until the last of
//! its jobs is gone. Never: two jobs that write to one result.

use std::sync::Arc;

use milepost_core::{
    DocumentFacts, EventKind, JobId, OwnerId, Reused, Snapshot, Status, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::sqlite::{Store, Write};
use super::{StoreError, jobs, pages};

/// Under which job the pages and texts of `job` are stored, in SQL.
pub(super) const RESULT: &str = "coalesce((SELECT result FROM jobs WHERE id = ?1), ?1)";

/// A finished result that another job may have, too.
pub(super) struct Found {
    /// Where its pages and texts are stored.
    result: Uuid,
    /// What is recorded of a job that has it.
    pub completed: EventKind,
}

impl Store {
    /// Completes a running job with the result that `key` names, if there is one
    /// and the job is still held under `fence`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reuse(
        &self,
        job: JobId,
        fence: u64,
        key: String,
        now: Timestamp,
    ) -> Result<Option<Arc<Snapshot>>, StoreError> {
        self.write(move |write| {
            let held = |job: &Arc<Snapshot>| job.status == Status::Running && job.fence == fence;
            let Some(snapshot) = jobs::current(write, job)?.filter(held) else {
                return Ok(None);
            };
            let Some(found) = find(write.connection, &snapshot.owner, &key)? else {
                return Ok(None);
            };
            complete(write, snapshot, found, &key, now).map(Some)
        })
        .await
    }
}

impl Store {
    /// The newest completed job of an owner that one of these keys names.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn lender(
        &self,
        owner: OwnerId,
        keys: Vec<String>,
    ) -> Result<Option<JobId>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id FROM jobs WHERE owner = ? AND reuse = ? AND status = 'completed'
                 ORDER BY id DESC LIMIT 1",
            )?;
            for key in keys {
                let found = statement.query_row(params![owner.as_str(), key], |row| row.get(0));
                if let Some(job) = found.optional()? {
                    return Ok(Some(JobId::new(job)));
                }
            }
            Ok(None)
        })
        .await
    }
}

/// The newest result of an owner that `key` names.
pub(super) fn find(
    connection: &Connection,
    owner: &OwnerId,
    key: &str,
) -> Result<Option<Found>, StoreError> {
    let row: Option<(Uuid, String)> = connection
        .prepare_cached(
            "SELECT coalesce(result, id), snapshot FROM jobs
             WHERE owner = ? AND reuse = ? AND status = 'completed' ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![owner.as_str(), key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((result, snapshot)) = row else { return Ok(None) };
    let earlier: Snapshot = serde_json::from_str(&snapshot)?;
    let Some(document) = earlier.document else { return Ok(None) };
    let reused = Reused {
        job: earlier.reused.unwrap_or(earlier.id),
        document: DocumentFacts { media_type: document.media_type, pages: document.pages },
    };
    let completed = EventKind::Completed { formats: earlier.formats, reused: Some(reused) };
    Ok(Some(Found { result, completed }))
}

/// Records that the job has what was found.
pub(super) fn complete(
    write: &mut Write<'_>,
    job: Arc<Snapshot>,
    found: Found,
    key: &str,
    now: Timestamp,
) -> Result<Arc<Snapshot>, StoreError> {
    let id = job.id;
    let completed = jobs::record(write, job, now, vec![found.completed], None)?;
    write
        .connection
        .prepare_cached("UPDATE jobs SET result = ?, reuse = ? WHERE id = ?")?
        .execute(params![found.result, key, id.uuid()])?;
    Ok(completed)
}

/// Lets later jobs have the result of this one.
pub(super) fn offer(connection: &Connection, job: JobId, key: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE jobs SET reuse = ? WHERE id = ?")?
        .execute(params![key, job.uuid()])?;
    Ok(())
}

/// Before a job goes on to write: from now on it has its pages and texts alone. One
/// that `reused` a result begins with none, wherever that is stored by now.
pub(super) fn unshare(
    connection: &Connection,
    owner: &OwnerId,
    job: JobId,
    reused: bool,
) -> Result<(), StoreError> {
    let (id, result) = (job.uuid(), result_of(connection, job)?);
    // What is no longer named as an object is left to the sweeper.
    if result != id {
        connection.prepare_cached("UPDATE jobs SET result = NULL WHERE id = ?")?.execute([id])?;
        remove_unless_used(connection, owner, result)?;
        return Ok(());
    }
    let heir: Option<Uuid> = connection
        .prepare_cached("SELECT id FROM jobs WHERE result = ? LIMIT 1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(heir) = heir {
        pages::copy(connection, owner, id, heir)?;
        connection
            .prepare_cached("UPDATE jobs SET result = nullif(?1, id) WHERE result = ?2")?
            .execute(params![heir, id])?;
    }
    if reused {
        pages::remove(connection, owner, id)?;
    }
    Ok(())
}

/// Under which job the pages and texts of `job` are stored.
pub(super) fn result_of(connection: &Connection, job: JobId) -> Result<Uuid, StoreError> {
    let sql = format!("SELECT {RESULT}");
    Ok(connection.prepare_cached(&sql)?.query_row([job.uuid()], |row| row.get(0))?)
}

/// Removes pages and texts of `owner` that no job has any more. Returns the objects that
/// nothing names then.
pub(super) fn remove_unless_used(
    connection: &Connection,
    owner: &OwnerId,
    result: Uuid,
) -> Result<Vec<String>, StoreError> {
    let used: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM jobs WHERE result = ?1)
                 OR EXISTS (SELECT 1 FROM jobs WHERE id = ?1 AND result IS NULL)",
        )?
        .query_row([result], |row| row.get(0))?;
    if used { Ok(Vec::new()) } else { pages::remove(connection, owner, result) }
}
