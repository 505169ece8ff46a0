//! Who works on what: claims in turn between owners, leases, and the place of
//! a job in the queue. All of them read the same order.

use milepost_core::{EventKind, JobId, Snapshot, Timestamp};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::sqlite::{Store, Write};
use super::{StoreError, jobs};

/// One run of one process; a restarted server is another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeId(String);

impl NodeId {
    /// A node by its unique name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The right to work on a job, until it is revoked or runs out.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The job as it was when the lease was taken. Its `fence` is the lease's
    /// number: reports under an older one are refused.
    pub snapshot: std::sync::Arc<Snapshot>,
    /// The document's password.
    pub password: Option<String>,
    /// Where the document is yet to be fetched from.
    pub remote: Option<String>,
}

/// Owners are served in turn: first who has the fewest running jobs, then who
/// was served longest ago. Among an owner's own jobs the higher priority goes
/// first, then the older job. The recursion visits each waiting owner once,
/// however many jobs wait.
const NEXT: &str = "
    WITH RECURSIVE owners(owner) AS (
        SELECT min(owner) FROM jobs WHERE status = 'queued' AND queue = ''
        UNION ALL
        SELECT (SELECT min(owner) FROM jobs
            WHERE status = 'queued' AND queue = '' AND owner > owners.owner)
        FROM owners WHERE owner IS NOT NULL
    ), heads AS (
        SELECT owner,
            (SELECT count(*) FROM jobs WHERE status = 'running' AND owner = owners.owner) AS running,
            (SELECT id FROM jobs WHERE status = 'queued' AND queue = '' AND owner = owners.owner
                AND not_before <= ?1 ORDER BY priority DESC, id LIMIT 1) AS head
        FROM owners WHERE owner IS NOT NULL
    )
    SELECT head FROM heads LEFT JOIN turns USING (owner) WHERE head IS NOT NULL
    ORDER BY running, coalesce(served_at, 0), head LIMIT 1";

const UNHEARD: &str = "SELECT id FROM jobs WHERE status = 'running' AND lease_until IS NULL
    AND updated_at < ? AND NOT json_extract(snapshot, '$.stalled') LIMIT 200";
const UNHEARD_STALLED: &str = "SELECT id FROM jobs WHERE status = 'running'
    AND lease_until IS NULL AND updated_at < ? AND json_extract(snapshot, '$.stalled') LIMIT 200";

impl Store {
    /// Leases up to `limit` jobs to `node`, the queue's next ones, and records
    /// that they started.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim(
        &self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        self.write(move |write| {
            let mut leases = Vec::new();
            while leases.len() < limit {
                let Some(job) = next(write, now)? else { break };
                let Some(snapshot) = jobs::current(write, job)? else { break };
                write
                    .connection
                    .prepare_cached("INSERT OR REPLACE INTO turns VALUES (?, ?)")?
                    .execute(params![snapshot.owner.as_str(), now.as_micros()])?;
                let started = EventKind::Started { worker: node.as_str().to_owned() };
                let held = Some((&node, until));
                let snapshot = jobs::record(write, snapshot, now, vec![started], held)?;
                let (password, remote) = write
                    .connection
                    .prepare_cached("SELECT password, remote FROM jobs WHERE id = ?")?
                    .query_row([job.uuid()], |row| Ok((row.get(0)?, row.get(1)?)))?;
                leases.push(Lease { snapshot, password, remote });
            }
            Ok(leases)
        })
        .await
    }

    /// Moves the end of `node`'s leases on these jobs to `until`. A lease on a job
    /// that nobody works on any more is left to run out.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn extend_leases(
        &self,
        node: NodeId,
        jobs: Vec<JobId>,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |write| {
            let mut statement = write.connection.prepare_cached(
                "UPDATE jobs SET lease_until = ?
                 WHERE id = ? AND status = 'running' AND worker = ?",
            )?;
            for job in jobs {
                statement.execute(params![until.as_micros(), job.uuid(), node.as_str()])?;
            }
            Ok(())
        })
        .await
    }

    /// Running jobs whose lease ran out before `now`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn expired(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        self.ids("SELECT id FROM jobs WHERE status = 'running' AND lease_until < ?", now).await
    }

    /// Running jobs that nobody leases, last heard of before `before`; those that
    /// are marked as `stalled`, or those that are not yet.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unheard(
        &self,
        before: Timestamp,
        stalled: bool,
    ) -> Result<Vec<JobId>, StoreError> {
        let sql = if stalled { UNHEARD_STALLED } else { UNHEARD };
        self.ids(sql, before).await
    }

    /// When the next job that waits for its time is due.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |connection| {
            let due: Option<i64> = connection
                .prepare_cached(
                    "SELECT min(not_before) FROM jobs
                     WHERE status = 'queued' AND queue = '' AND not_before > ?",
                )?
                .query_row([now.as_micros()], |row| row.get(0))?;
            Ok(due.map(Timestamp::from_micros))
        })
        .await
    }

    /// A waiting job's place in the queue, from 1, and how many wait in all.
    /// `None` where it does not wait.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn queue_place(&self, job: JobId) -> Result<Option<(u64, u64)>, StoreError> {
        self.read(move |connection| {
            let own: Option<(String, i64, Uuid)> = connection
                .prepare_cached(
                    "SELECT owner, priority, id FROM jobs
                     WHERE id = ? AND status = 'queued' AND queue = ''",
                )?
                .query_row([job.uuid()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((owner, priority, id)) = own else { return Ok(None) };
            let ahead: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM jobs WHERE status = 'queued' AND queue = '' AND owner = ?1
                     AND (priority > ?2 OR (priority = ?2 AND id < ?3))",
                )?
                .query_row(params![owner, priority, id], |row| row.get(0))?;
            // Every other owner gets one turn for each of ours.
            let mut others = connection.prepare_cached(
                "SELECT owner, count(*) FROM jobs WHERE status = 'queued' AND queue = ''
                 GROUP BY owner",
            )?;
            let counts = others
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            let (mut position, mut length) = (ahead + 1, 0);
            for count in counts {
                let (other, waiting) = count?;
                length += waiting;
                if other != owner {
                    position += waiting.min(ahead);
                }
            }
            Ok(Some((position as u64, length as u64)))
        })
        .await
    }

    /// The position of the last change in the store.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn position(&self) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let position: i64 = connection
                .prepare_cached("SELECT value FROM counters WHERE name = 'position'")?
                .query_row([], |row| row.get(0))?;
            Ok(position as u64)
        })
        .await
    }

    /// How many jobs wait and how many run, of all owners.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn load(&self) -> Result<(u64, u64), StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT count(*) FROM jobs WHERE status = 'queued' AND queue = ''),
                        (SELECT count(*) FROM jobs WHERE status = 'running')",
            )?;
            Ok(statement.query_row([], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
            })?)
        })
        .await
    }
}

fn next(write: &Write<'_>, now: Timestamp) -> Result<Option<JobId>, StoreError> {
    let head: Option<Uuid> = write
        .connection
        .prepare_cached(NEXT)?
        .query_row([now.as_micros()], |row| row.get(0))
        .optional()?;
    Ok(head.map(JobId::new))
}
