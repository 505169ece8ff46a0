//! The documents of a job that has several, and what its owner says of each. Enters: the
//! sources of a new job. Leaves: rows, in the order of the request. Never: a row without
//! its job.

use milepost_core::{DocumentId, JobId};
use rusqlite::{Connection, params};
use serde_json::Value;

use super::StoreError;
use super::documents::NewDocument;
use super::sqlite::Store;

/// A source of a job that does not exist yet.
pub struct NewSource {
    /// The document; `None` for the job's only one, which the job itself names.
    pub document: Option<DocumentId>,
    /// It, where it is not stored yet.
    pub new: Option<NewDocument>,
    /// What makes it the same document in its collection.
    pub key: Option<String>,
    /// What its owner attached to it.
    pub metadata: Option<Value>,
}

/// A source of a job.
#[derive(Clone, Debug)]
pub struct SourceRow {
    /// Its place in the request, from 0.
    pub place: u32,
    /// The document; `None` for the job's only one.
    pub document: Option<DocumentId>,
    /// What makes it the same document in its collection.
    pub key: Option<String>,
    /// What its owner attached to it.
    pub metadata: Option<Value>,
}

impl Store {
    /// The sources of a job, in the order of the request; none of a job of which nothing
    /// is said but its one document.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sources(&self, job: JobId) -> Result<Vec<SourceRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT place, document, key, metadata FROM sources WHERE job = ? ORDER BY place",
            )?;
            let rows = statement.query_map([job.uuid()], |row| {
                let document: Option<uuid::Uuid> = row.get(1)?;
                let document = document.map(DocumentId::new);
                Ok((row.get(0)?, document, row.get(2)?, row.get::<_, Option<String>>(3)?))
            })?;
            rows.map(|row| {
                let (place, document, key, metadata) = row?;
                let metadata = metadata.map(|text| serde_json::from_str(&text)).transpose()?;
                Ok(SourceRow { place, document, key, metadata })
            })
            .collect()
        })
        .await
    }
}

/// Stores the sources of a new job; their documents are stored already.
pub(super) fn insert(
    connection: &Connection,
    job: JobId,
    sources: &[NewSource],
) -> Result<(), StoreError> {
    for (place, source) in sources.iter().enumerate() {
        connection.prepare_cached("INSERT INTO sources VALUES (?, ?, ?, ?, ?)")?.execute(
            params![
                job.uuid(),
                place as i64,
                source.document.map(DocumentId::uuid),
                source.key,
                source.metadata.as_ref().map(Value::to_string),
            ],
        )?;
    }
    Ok(())
}

pub(super) fn remove(connection: &Connection, job: JobId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM sources WHERE job = ?")?.execute([job.uuid()])?;
    Ok(())
}
