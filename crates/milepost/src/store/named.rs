//! Documents by their names, for clients that know no ids. Enters: an owner, names.
//! Leaves: of each name the newest document, with what was made of it.

use milepost_core::{JobId, OwnerId};
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::documents::{COLUMNS, DocumentInUse, DocumentRow, read_row};
use super::sqlite::Store;
use super::{StoreError, usage};

/// Which names.
#[derive(Clone, Debug)]
pub enum Names {
    /// All.
    All,
    /// This one.
    Exactly(String),
    /// Those that begin so.
    Beginning(String),
}

/// The newest document of a name.
#[derive(Clone, Debug)]
pub struct NamedDocument {
    /// It.
    pub row: DocumentRow,
    /// The newest conversion of a document of that name that has its whole result.
    pub converted: Option<JobId>,
    /// One that has not ended.
    pub under_way: Option<JobId>,
}

impl Store {
    /// An owner's documents by name, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn named_documents(
        &self,
        owner: OwnerId,
        names: Names,
        limit: u32,
    ) -> Result<Vec<NamedDocument>, StoreError> {
        let mut values = vec![owner.as_str().to_owned()];
        let clause = match names {
            Names::All => "",
            Names::Exactly(name) => {
                values.push(name);
                "AND filename = ?2"
            }
            Names::Beginning(name) => {
                values.extend([name.clone(), format!("{name}{}", char::MAX)]);
                "AND filename >= ?2 AND filename < ?3"
            }
        };
        let conversion = |which: &str| {
            format!(
                "(SELECT max(j.id) FROM documents d JOIN jobs j ON j.document = d.id
                  WHERE d.owner = documents.owner AND d.filename = documents.filename
                    AND j.pipeline = 'convert' AND {which})"
            )
        };
        let sql = format!(
            "SELECT {COLUMNS}, {}, {} FROM documents WHERE owner = ?1 {clause}
             AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.owner = documents.owner
                AND d.filename = documents.filename AND d.id > documents.id)
             ORDER BY id DESC LIMIT {limit}",
            conversion("j.status = 'completed'"),
            conversion("j.finished_at IS NULL"),
        );
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(rusqlite::params_from_iter(values), named)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

impl Store {
    /// Removes all documents of that name, if no unfinished job needs one of them. Returns
    /// the objects that may be named by nothing any more; `Ok(None)` where there was none.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn delete_named_documents(
        &self,
        owner: OwnerId,
        filename: String,
    ) -> Result<Option<Result<Vec<String>, DocumentInUse>>, StoreError> {
        self.write(move |write| {
            let connection = write.connection;
            let named = params![owner.as_str(), filename];
            let busy: Option<Uuid> = connection
                .prepare_cached(
                    "SELECT j.id FROM documents d JOIN jobs j ON j.document = d.id
                         OR j.id IN (SELECT job FROM sources WHERE document = d.id)
                     WHERE d.owner = ? AND d.filename = ? AND j.finished_at IS NULL LIMIT 1",
                )?
                .query_row(named, |row| row.get(0))
                .optional()?;
            if let Some(job) = busy {
                return Ok(Some(Err(DocumentInUse::ByJob(JobId::new(job)))));
            }
            let mut statement = connection.prepare_cached(
                "DELETE FROM documents WHERE owner = ? AND filename = ? RETURNING object, bytes",
            )?;
            let rows =
                statement.query_map(named, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
            let removed: Vec<(Option<String>, i64)> = rows.collect::<Result<_, _>>()?;
            if removed.is_empty() {
                return Ok(None);
            }
            let bytes: i64 = removed.iter().map(|(_, bytes)| bytes).sum();
            usage::change(connection, &owner, -bytes)?;
            Ok(Some(Ok(removed.into_iter().filter_map(|(object, _)| object).collect())))
        })
        .await
    }
}

fn named(row: &Row<'_>) -> rusqlite::Result<NamedDocument> {
    let (converted, under_way): (Option<Uuid>, Option<Uuid>) = (row.get(11)?, row.get(12)?);
    Ok(NamedDocument {
        row: read_row(row, None)?,
        converted: converted.map(JobId::new),
        under_way: under_way.map(JobId::new),
    })
}
