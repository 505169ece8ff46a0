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
            let mut statement = connection.prepare_cached(
                "SELECT date(finished_at / 1000000, 'unixepoch'), pipeline,
                    json_extract(snapshot, '$.document.media_type'), status, count(*),
                    coalesce(sum(json_extract(snapshot, '$.document.bytes')), 0),
                    coalesce(sum(json_extract(snapshot, '$.document.pages')), 0),
                    avg((finished_at - started_at) / 1e6)
                 FROM jobs WHERE owner = ? AND finished_at >= ?
                 GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4",
            )?;
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
