//! Counts over an owner's finished jobs.

use milepost_core::{OwnerId, Timestamp};
use rusqlite::params;

use super::StoreError;
use super::sqlite::Store;

/// Finished jobs of one day, pipeline and kind of document.
#[derive(Clone, Debug)]
pub struct FinishedRow {
    /// The day of the end, UTC, `YYYY-MM-DD`.
    pub day: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The document's media type.
    pub media_type: Option<String>,
    /// How they ended.
    pub status: String,
    /// How many.
    pub jobs: u64,
    /// The sum of their documents' sizes.
    pub bytes: u64,
    /// The sum of their pages, where these are known.
    pub pages: u64,
    /// The mean time from the start of the work to the end.
    pub mean_secs: Option<f64>,
}

/// Counts over an owner's jobs that ended since a time. The inner query is answered from
/// the index `jobs_ended` alone, whose expressions it repeats to the letter; `LIMIT` keeps
/// it apart from the outer one.
pub(super) const FINISHED: &str = "SELECT date(day * 86400, 'unixepoch'), pipeline, media_type,
        status, count(*), coalesce(sum(bytes), 0), coalesce(sum(pages), 0), avg(took / 1e6)
     FROM (
        SELECT finished_at / 86400000000 AS day, pipeline, status,
            finished_at - started_at AS took,
            json_extract(snapshot, '$.document.media_type') AS media_type,
            json_extract(snapshot, '$.document.bytes') AS bytes,
            json_extract(snapshot, '$.document.pages') AS pages
        FROM jobs WHERE owner = ? AND finished_at >= ? LIMIT -1)
     GROUP BY day, pipeline, media_type, status ORDER BY 1 DESC, 2, 3, 4";
/// How many of an owner's jobs ended since a time, and since a later one.
pub(super) const ENDS: &str = "SELECT count(*), count(*) FILTER (WHERE finished_at >= ?3)
     FROM jobs WHERE owner = ?1 AND finished_at >= ?2";

/// How many of an owner's jobs ended lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    /// In the last hour.
    pub hour: u64,
    /// In the last minute.
    pub minute: u64,
}

/// How an owner's last jobs ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecentEnds {
    /// With a result.
    pub completed: u64,
    /// Without one.
    pub failed: u64,
    /// The mean time from the start of the work to the end, where there is a result.
    pub mean_secs: Option<f64>,
}

impl Store {
    /// How the last of an owner's jobs ended, `most` at most.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn recent_ends(&self, owner: OwnerId, most: u32) -> Result<RecentEnds, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT count(*) FILTER (WHERE status = 'completed'),
                    count(*) FILTER (WHERE status = 'failed'),
                    avg((finished_at - started_at) / 1e6) FILTER (WHERE status = 'completed')
                 FROM (SELECT status, started_at, finished_at FROM jobs
                    WHERE owner = ? AND finished_at IS NOT NULL ORDER BY id DESC LIMIT ?)",
            )?;
            let ends = statement.query_row(params![owner.as_str(), most], |row| {
                Ok(RecentEnds {
                    completed: row.get::<_, i64>(0)? as u64,
                    failed: row.get::<_, i64>(1)? as u64,
                    mean_secs: row.get(2)?,
                })
            })?;
            Ok(ends)
        })
        .await
    }

    /// How many of an owner's jobs ended in the time before `now`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn ended(&self, owner: OwnerId, now: Timestamp) -> Result<Ended, StoreError> {
        self.read(move |connection| {
            let ago = |secs: i64| now.as_micros() - secs * 1_000_000;
            let mut statement = connection.prepare_cached(ENDS)?;
            let ended =
                statement.query_row(params![owner.as_str(), ago(3600), ago(60)], |row| {
                    let (hour, minute): (i64, i64) = (row.get(0)?, row.get(1)?);
                    Ok(Ended { hour: hour as u64, minute: minute as u64 })
                })?;
            Ok(ended)
        })
        .await
    }

    /// Finished jobs since `since`, newest day first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finished_since(
        &self,
        owner: OwnerId,
        since: Timestamp,
    ) -> Result<Vec<FinishedRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(FINISHED)?;
            let rows = statement.query_map(params![owner.as_str(), since.as_micros()], |row| {
                Ok(FinishedRow {
                    day: row.get(0)?,
                    pipeline: row.get(1)?,
                    media_type: row.get(2)?,
                    status: row.get(3)?,
                    jobs: row.get::<_, i64>(4)? as u64,
                    bytes: row.get::<_, i64>(5)? as u64,
                    pages: row.get::<_, i64>(6)? as u64,
                    mean_secs: row.get(7)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
