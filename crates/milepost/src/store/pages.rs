//! What was made of a job's pages, and of the whole (page 0).

use milepost_core::{JobId, OwnerId, Snapshot, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::blobs::Content;
use super::reuse::RESULT;
use super::sqlite::Store;
use super::{StoreError, usage};

/// The format of a document's text as it was extracted, by the place of the document.
pub const EXTRACT: &str = "extract";
/// The format of what an ingestion makes.
pub const CHUNKS: &str = "chunks";
/// Stands where the chunks were made again: those of the same places may be others.
pub const AGAIN: &str = "again";
/// The format of why a document of several could not be read, by its place.
pub const UNREAD: &str = "unread";

/// One text: a page, or the whole document where `page` is 0, in one format.
#[derive(Clone, Debug)]
pub struct TextRow {
    /// The page's number, or 0.
    pub page: u32,
    /// The format's name.
    pub format: String,
    /// The text; durable already where it is an object.
    pub content: Content,
}

/// A finished page.
#[derive(Clone, Debug)]
pub struct PageRow {
    /// Its number in the document, from 1.
    pub page: u32,
    /// The length of its Markdown.
    pub bytes: u64,
    /// Why there is only a placeholder for it.
    pub error: Option<String>,
    /// When it was finished.
    pub created_at: Timestamp,
}

impl Store {
    /// The finished pages behind `after`, in order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn pages(
        &self,
        job: JobId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<PageRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT page, bytes, error, created_at FROM pages
                     WHERE job = {RESULT} AND page > ?2 ORDER BY page LIMIT ?3"
            ))?;
            let rows = statement.query_map(params![job.uuid(), after, limit], |row| {
                Ok(PageRow {
                    page: row.get(0)?,
                    bytes: row.get::<_, i64>(1)? as u64,
                    error: row.get(2)?,
                    created_at: Timestamp::from_micros(row.get(3)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The pages of which there is only a placeholder.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn placeholder_pages(&self, job: JobId) -> Result<Vec<u32>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT page FROM pages WHERE job = {RESULT} AND error IS NOT NULL
                     ORDER BY page"
            ))?;
            let rows = statement.query_map([job.uuid()], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One text of a page, or of the whole (page 0).
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn text(
        &self,
        job: JobId,
        page: u32,
        format: String,
    ) -> Result<Option<TextRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT page, format, bytes, sha256, inline, object FROM texts
                     WHERE job = {RESULT} AND page = ?2 AND format = ?3"
            ))?;
            Ok(statement.query_row(params![job.uuid(), page, format], text_row).optional()?)
        })
        .await
    }
}

pub(super) fn insert(
    connection: &Connection,
    job: JobId,
    page: u32,
    bytes: u64,
    error: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT INTO pages VALUES (?, ?, ?, ?, ?)")?.execute(params![
        job.uuid(),
        page,
        bytes as i64,
        error,
        at.as_micros()
    ])?;
    Ok(())
}

/// Stores texts of a job of `owner`, in the place of what is there of the same page
/// in the same format.
pub(super) fn insert_texts(
    connection: &Connection,
    owner: &OwnerId,
    job: JobId,
    texts: &[TextRow],
) -> Result<(), StoreError> {
    let mut bytes = 0;
    for text in texts {
        bytes -= remove_text(connection, job, text)?;
        bytes += text.content.bytes as i64;
        insert_text(connection, job, text)?;
    }
    usage::change(connection, owner, bytes)
}

/// Returns how many bytes it had.
fn remove_text(connection: &Connection, job: JobId, text: &TextRow) -> Result<i64, StoreError> {
    let bytes: Option<i64> = connection
        .prepare_cached(
            "DELETE FROM texts WHERE job = ? AND page = ? AND format = ? RETURNING bytes",
        )?
        .query_row(params![job.uuid(), text.page, text.format], |row| row.get(0))
        .optional()?;
    Ok(bytes.unwrap_or(0))
}

fn insert_text(connection: &Connection, job: JobId, text: &TextRow) -> Result<(), StoreError> {
    let (inline, object) = text.content.columns();
    connection.prepare_cached("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(
        params![
            job.uuid(),
            text.page,
            text.format,
            text.content.bytes as i64,
            text.content.sha256,
            inline,
            object,
        ],
    )?;
    Ok(())
}

/// Removes pages of a job of `owner` that are to be converted again. What they named
/// as objects is left to the sweeper.
pub(super) fn forget(
    connection: &Connection,
    owner: &OwnerId,
    job: JobId,
    pages: &[u32],
) -> Result<(), StoreError> {
    let mut bytes = 0;
    for page in pages {
        connection
            .prepare_cached("DELETE FROM pages WHERE job = ? AND page = ?")?
            .execute(params![job.uuid(), page])?;
        let mut texts = connection
            .prepare_cached("DELETE FROM texts WHERE job = ? AND page = ? RETURNING bytes")?;
        let removed = texts.query_map(params![job.uuid(), page], |row| row.get::<_, i64>(0))?;
        for removed in removed {
            bytes -= removed?;
        }
    }
    usage::change(connection, owner, bytes)
}

/// Removes what stands in the way of another attempt of an ingestion: what could not be
/// read is tried again, and after a whole end (`anew`) or with other pages (`reread`) the
/// chunks are made again.
pub(super) fn forget_ingested(
    connection: &Connection,
    job: &Snapshot,
    anew: bool,
    reread: bool,
) -> Result<(), StoreError> {
    let remove = |format: &str| {
        let mut texts = connection
            .prepare_cached("DELETE FROM texts WHERE job = ? AND format = ? RETURNING bytes")?;
        let removed =
            texts.query_map(params![job.id.uuid(), format], |row| row.get::<_, i64>(0))?;
        removed.collect::<Result<Vec<_>, _>>()
    };
    let mut removed = remove(UNREAD)?;
    if anew || reread || !removed.is_empty() {
        removed.extend(remove(CHUNKS)?);
    }
    if reread {
        removed.extend(remove(EXTRACT)?);
    }
    if anew || reread || !removed.is_empty() {
        connection
            .prepare_cached("INSERT OR IGNORE INTO texts VALUES (?, 0, ?, 0, '', NULL, NULL)")?
            .execute(params![job.id.uuid(), AGAIN])?;
    }
    usage::change(connection, &job.owner, -removed.iter().sum::<i64>())
}

/// Removes all that is stored under `result`, for `owner`. Returns the objects that
/// nothing else names.
pub(super) fn remove(
    connection: &Connection,
    owner: &OwnerId,
    result: Uuid,
) -> Result<Vec<String>, StoreError> {
    let objects = {
        let mut statement = connection.prepare_cached(
            "SELECT object FROM texts WHERE job = ?1 AND object IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM texts other WHERE other.object = texts.object AND other.job <> ?1)",
        )?;
        let rows = statement.query_map([result], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    usage::change(connection, owner, -stored(connection, result)?)?;
    for table in ["pages", "texts"] {
        let sql = format!("DELETE FROM {table} WHERE job = ?");
        connection.prepare_cached(&sql)?.execute([result])?;
    }
    Ok(objects)
}

/// How many bytes the texts under `result` have.
fn stored(connection: &Connection, result: Uuid) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(sum(bytes), 0) FROM texts WHERE job = ?";
    Ok(connection.prepare_cached(sql)?.query_row([result], |row| row.get(0))?)
}

/// Stores the same under another job of `owner`; objects are named twice then, and
/// count twice.
pub(super) fn copy(
    connection: &Connection,
    owner: &OwnerId,
    from: Uuid,
    to: Uuid,
) -> Result<(), StoreError> {
    usage::change(connection, owner, stored(connection, from)?)?;
    for (table, columns) in [
        ("pages", "page, bytes, error, created_at"),
        ("texts", "page, format, bytes, sha256, inline, object"),
    ] {
        let sql = format!("INSERT INTO {table} SELECT ?, {columns} FROM {table} WHERE job = ?");
        connection.prepare_cached(&sql)?.execute([to, from])?;
    }
    Ok(())
}

fn text_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<TextRow> {
    Ok(TextRow {
        page: row.get(0)?,
        format: row.get(1)?,
        content: Content::from_columns(row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?),
    })
}
