//! What is read of jobs: one, its log, lists of them, and counts.

use milepost_core::{
    BatchId, CollectionName, DocumentId, Event, JobId, OwnerId, Pipeline, Seq, Snapshot, Status,
    Timestamp,
};
use rusqlite::params;

use super::StoreError;
use super::jobs::{columns, load, parse};
use super::sqlite::Store;

pub(super) const FINISHED_BEFORE: &str =
    "SELECT id FROM jobs WHERE finished_at < ? ORDER BY finished_at LIMIT 500";
pub(super) const WAITING_SINCE: &str =
    "SELECT id FROM jobs WHERE status IN ('awaiting', 'queued') AND updated_at < ? LIMIT 500";

/// Which jobs a list holds.
#[derive(Clone, Debug)]
pub struct JobFilter {
    /// Whose; `None` for everybody's.
    pub owner: Option<OwnerId>,
    /// Any of these, or all.
    pub status: Vec<Status>,
    /// Of this pipeline.
    pub pipeline: Option<Pipeline>,
    /// Over this document.
    pub document: Option<DocumentId>,
    /// Of this batch.
    pub batch: Option<BatchId>,
    /// Filling this collection.
    pub collection: Option<CollectionName>,
    /// With this text in the file's name.
    pub text: Option<String>,
    /// Only jobs made before this one.
    pub before: Option<JobId>,
    /// Only jobs that changed after this position.
    pub since: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

impl JobFilter {
    /// All of an owner's jobs.
    pub fn of(owner: OwnerId) -> Self {
        Self { owner: Some(owner), ..Self::everybody() }
    }

    /// All jobs.
    pub fn everybody() -> Self {
        Self {
            owner: None,
            status: Vec::new(),
            pipeline: None,
            document: None,
            batch: None,
            collection: None,
            text: None,
            before: None,
            since: None,
            limit: 200,
        }
    }
}

impl Store {
    /// A job's state, and the position of its last change.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn snapshot(&self, job: JobId) -> Result<Option<(Snapshot, u64)>, StoreError> {
        self.read(move |connection| load(connection, job)).await
    }

    /// A job's log behind `after`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn events(
        &self,
        job: JobId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT body FROM events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?",
            )?;
            let rows = statement.query_map(params![job.uuid(), after.0 as i64, limit], |row| {
                row.get::<_, String>(0)
            })?;
            rows.map(|body| Ok(serde_json::from_str(&body?)?)).collect()
        })
        .await
    }

    /// How far a job was when `position` was the last change of all. Events from before
    /// positions were kept count as earlier.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn seq_at(&self, job: JobId, position: u64) -> Result<Seq, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT coalesce(max(seq), 0) FROM events
                       WHERE job = ? AND coalesce(position, 0) <= ?";
            let values = params![job.uuid(), position as i64];
            let seq: i64 = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
            Ok(Seq(seq as u64))
        })
        .await
    }

    /// The jobs that `filter` lets through, newest first, each with the
    /// position of its last change.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn list(&self, filter: JobFilter) -> Result<Vec<(Snapshot, u64)>, StoreError> {
        self.read(move |connection| {
            let mut sql = "SELECT snapshot, position FROM jobs WHERE true".to_owned();
            let mut values: Vec<rusqlite::types::Value> = Vec::new();
            let mut and = |clause: &str, value: rusqlite::types::Value| {
                sql.push_str(clause);
                values.push(value);
            };
            if let Some(owner) = &filter.owner {
                and(" AND owner = ?", owner.as_str().to_owned().into());
            }
            if let Some(pipeline) = filter.pipeline {
                and(" AND pipeline = ?", pipeline.as_str().to_owned().into());
            }
            if let Some(document) = filter.document {
                and(" AND document = ?", document.uuid().as_bytes().to_vec().into());
            }
            if let Some(batch) = filter.batch {
                and(" AND batch = ?", batch.uuid().as_bytes().to_vec().into());
            }
            if let Some(collection) = &filter.collection {
                and(" AND collection = ?", collection.as_str().to_owned().into());
            }
            if let Some(text) = &filter.text {
                and(" AND instr(lower(filename), lower(?)) > 0", text.clone().into());
            }
            if let Some(before) = filter.before {
                and(" AND id < ?", before.uuid().as_bytes().to_vec().into());
            }
            if let Some(since) = filter.since {
                and(" AND position > ?", (since as i64).into());
            }
            if !filter.status.is_empty() {
                // Only our own words go into the text.
                let words: Vec<_> =
                    filter.status.iter().map(|status| format!("'{}'", status.as_str())).collect();
                sql.push_str(&format!(" AND status IN ({})", words.join(",")));
            }
            sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", filter.limit));
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(rusqlite::params_from_iter(values), columns)?;
            rows.map(|row| parse(row?)).collect()
        })
        .await
    }

    /// How many of an owner's jobs have each status.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn count_by_status(&self, owner: OwnerId) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT status, count(*) FROM jobs WHERE owner = ? GROUP BY status",
            )?;
            let rows = statement.query_map([owner.as_str()], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Terminal jobs that ended before `limit_at`, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finished_before(&self, limit_at: Timestamp) -> Result<Vec<JobId>, StoreError> {
        self.ids(FINISHED_BEFORE, limit_at).await
    }

    /// Jobs that have waited, for a worker or a confirmation, since before `limit_at`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn waiting_since(&self, limit_at: Timestamp) -> Result<Vec<JobId>, StoreError> {
        self.ids(WAITING_SINCE, limit_at).await
    }

    pub(super) async fn ids(
        &self,
        sql: &'static str,
        at: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([at.as_micros()], |row| row.get(0).map(JobId::new))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
