//! Documents: the stored files of owners.

use milepost_core::{DocumentFacts, DocumentId, DocumentInfo, JobId, OwnerId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::blobs::Content;
use super::sqlite::Store;
use super::{Allowance, StoreError, usage};
use crate::clock::Clock;

const MAX_FILENAME_BYTES: usize = 255;

/// A document that has no row yet; its content is durable already.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// What jobs will say of it.
    pub info: DocumentInfo,
    /// Whose it is.
    pub owner: OwnerId,
    /// When it came.
    pub created_at: Timestamp,
    /// Its bytes.
    pub content: Content,
    /// What its owner calls it, where that is not its file's name.
    pub title: Option<String>,
}

impl NewDocument {
    /// A document of `owner`, under the name that somebody gave it.
    pub fn new(
        clock: &Clock,
        owner: OwnerId,
        filename: &str,
        media_type: Option<String>,
        content: Content,
    ) -> Self {
        let info = DocumentInfo {
            id: DocumentId::new(clock.new_id()),
            filename: clean_filename(filename),
            media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            bytes: content.bytes,
            pages: None,
        };
        Self { info, owner, created_at: clock.now(), content, title: None }
    }
}

/// A stored document.
#[derive(Clone, Debug)]
pub struct DocumentRow {
    /// What jobs say of it.
    pub info: DocumentInfo,
    /// Whose it is.
    pub owner: OwnerId,
    /// When it came.
    pub created_at: Timestamp,
    /// Its bytes; of a list's rows only where they are, not they themselves.
    pub content: Content,
    /// The newest job over it.
    pub latest_job: Option<JobId>,
    /// What its owner calls it, where that is not its file's name.
    pub title: Option<String>,
}

/// Why a document is not removed.
#[derive(Debug, PartialEq, Eq)]
pub enum DocumentInUse {
    /// A job over it has not ended.
    ByJob(JobId),
}

/// The owner has no room for a document.
#[derive(Debug, PartialEq, Eq)]
pub struct StorageFull {
    /// Bytes that are stored for the owner.
    pub stored: u64,
}

pub(super) const COLUMNS: &str =
    "id, owner, filename, media_type, pages, created_at, bytes, sha256, object,
    (SELECT j.id FROM jobs j WHERE j.document = documents.id ORDER BY j.id DESC LIMIT 1), title";

/// Deletes old documents that no job names.
pub(super) const UNUSED: &str = "DELETE FROM documents WHERE created_at < ?
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.document = documents.id)
    AND NOT EXISTS (SELECT 1 FROM sources WHERE sources.document = documents.id)
    RETURNING object, owner, bytes";

impl Store {
    /// Stores a document without a job, where `allowance` has room for it. `Err` with
    /// what its owner has stored where it does not.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_document(
        &self,
        new: NewDocument,
        allowance: Allowance,
    ) -> Result<Result<(), StorageFull>, StoreError> {
        self.write(move |write| {
            let stored = usage::bytes(write.connection, &new.owner)?;
            if !allowance.takes(stored, new.content.bytes) {
                return Ok(Err(StorageFull { stored }));
            }
            insert(write.connection, &new).map(Ok)
        })
        .await
    }

    /// A document with its content.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn document(&self, id: DocumentId) -> Result<Option<DocumentRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS}, inline FROM documents WHERE id = ?");
            let mut statement = connection.prepare_cached(&sql)?;
            let row = statement.query_row([id.uuid()], |row| read_row(row, row.get(11)?));
            Ok(row.optional()?)
        })
        .await
    }

    /// An owner's documents, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn documents(
        &self,
        owner: OwnerId,
        text: Option<String>,
        before: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<DocumentRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM documents WHERE owner = ?1 AND (?2 IS NULL OR id < ?2)
                    AND (?4 IS NULL OR instr(lower(filename), lower(?4)) > 0)
                 ORDER BY id DESC LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let before = before.map(DocumentId::uuid);
            let rows = statement
                .query_map(params![owner.as_str(), before, limit, text], |row| {
                    read_row(row, None)
                })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Removes a document that no unfinished job needs. `Ok(None)` where there
    /// was none.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn delete_document(
        &self,
        id: DocumentId,
    ) -> Result<Option<Result<(), DocumentInUse>>, StoreError> {
        self.write(move |write| {
            if let Some(job) = unfinished_job(write.connection, id)? {
                return Ok(Some(Err(DocumentInUse::ByJob(job))));
            }
            let removed: Option<(String, i64)> = write
                .connection
                .prepare_cached("DELETE FROM documents WHERE id = ? RETURNING owner, bytes")?
                .query_row([id.uuid()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((owner, bytes)) = removed else { return Ok(None) };
            usage::change(write.connection, &OwnerId::new(owner), -bytes)?;
            Ok(Some(Ok(())))
        })
        .await
    }

    /// Removes documents from before `limit_at` that no job names. Returns the
    /// objects that nothing names any more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn delete_unused_documents(
        &self,
        limit_at: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.write(move |write| {
            let mut statement = write.connection.prepare_cached(UNUSED)?;
            let rows = statement.query_map([limit_at.as_micros()], |row| {
                Ok((row.get(0)?, OwnerId::new(row.get::<_, String>(1)?), row.get::<_, i64>(2)?))
            })?;
            let rows: Vec<(Option<String>, _, _)> = rows.collect::<Result<_, _>>()?;
            let mut objects = Vec::new();
            for (object, owner, bytes) in rows {
                usage::change(write.connection, &owner, -bytes)?;
                objects.extend(object);
            }
            Ok(objects)
        })
        .await
    }

    /// Whether any row names this object.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn names_object(&self, object: String) -> Result<bool, StoreError> {
        self.read(move |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM documents WHERE object = ?1)
                         OR EXISTS (SELECT 1 FROM texts WHERE object = ?1)",
                )?
                .query_row([object], |row| row.get(0))?;
            Ok(found)
        })
        .await
    }
}

pub(super) fn insert(connection: &Connection, new: &NewDocument) -> Result<(), StoreError> {
    let (inline, object) = new.content.columns();
    connection
        .prepare_cached(
            "INSERT INTO documents (id, owner, filename, media_type, pages, created_at, bytes,
                sha256, inline, object, title) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            new.info.id.uuid(),
            new.owner.as_str(),
            new.info.filename,
            new.info.media_type,
            new.info.pages,
            new.created_at.as_micros(),
            new.content.bytes as i64,
            new.content.sha256,
            inline,
            object,
            new.title,
        ])?;
    usage::change(connection, &new.owner, new.content.bytes as i64)
}

/// Keeps what a conversion found out.
pub(super) fn learn(
    connection: &Connection,
    id: DocumentId,
    facts: &DocumentFacts,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE documents SET media_type = ?, pages = ? WHERE id = ?")?
        .execute(params![facts.media_type, facts.pages, id.uuid()])?;
    Ok(())
}

pub(super) fn exists(connection: &Connection, id: DocumentId) -> Result<bool, StoreError> {
    let found = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM documents WHERE id = ?)")?
        .query_row([id.uuid()], |row| row.get(0))?;
    Ok(found)
}

/// The newest job over it that has not ended.
pub(super) fn unfinished_job(
    connection: &Connection,
    id: DocumentId,
) -> Result<Option<JobId>, StoreError> {
    let job = connection
        .prepare_cached(
            "SELECT id FROM jobs WHERE finished_at IS NULL AND (document = ?1
                 OR id IN (SELECT job FROM sources WHERE document = ?1))
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row([id.uuid()], |row| row.get(0).map(JobId::new))
        .optional()?;
    Ok(job)
}

pub(super) fn read_row(row: &Row<'_>, inline: Option<Vec<u8>>) -> rusqlite::Result<DocumentRow> {
    let bytes: i64 = row.get(6)?;
    let job: Option<uuid::Uuid> = row.get(9)?;
    Ok(DocumentRow {
        info: DocumentInfo {
            id: DocumentId::new(row.get(0)?),
            filename: row.get(2)?,
            media_type: row.get(3)?,
            bytes: bytes as u64,
            pages: row.get(4)?,
        },
        owner: OwnerId::new(row.get::<_, String>(1)?),
        created_at: Timestamp::from_micros(row.get(5)?),
        content: Content::from_columns(bytes, row.get(7)?, inline, row.get(8)?),
        latest_job: job.map(JobId::new),
        title: row.get(10)?,
    })
}

/// The last part of a path, without control characters, of bounded length.
fn clean_filename(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let mut clean = clean.trim().to_owned();
    while clean.len() > MAX_FILENAME_BYTES {
        clean.pop();
    }
    if clean.is_empty() || clean == "." || clean == ".." { "document".to_owned() } else { clean }
}

/// Marks that turn the reading direction round: with them `gpj.exe` reads as
/// `exe.jpg`.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::clean_filename;

    #[test]
    fn a_filename_is_a_name_and_no_path() {
        assert_eq!(clean_filename("../../etc/passwd"), "passwd");
        assert_eq!(clean_filename(r"C:\docs\paper.pdf"), "paper.pdf");
        assert_eq!(clean_filename("a\nb\u{0}.pdf"), "ab.pdf");
        assert_eq!(clean_filename(".."), "document");
        assert!(clean_filename(&"é".repeat(300)).len() <= 255);
    }
}
