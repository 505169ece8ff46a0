//! Which collections there are and which builds are under way. Enters: owners, names,
//! builds. Leaves: rows. It never touches the file of a generation.

use std::path::Path;
use std::sync::Mutex;

use milepost_core::{CollectionName, OwnerId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::schema::{self, About};
use super::{Result, locked};
use crate::collection::Settings;
use crate::error::IndexError;

/// The catalog. What it writes is on disk when the call returns.
pub(super) struct Catalog {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

/// A collection, without what its generation knows.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub id: i64,
    pub owner: OwnerId,
    pub name: CollectionName,
    pub generation: Uuid,
    pub settings: Settings,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The build that made it anew last; 0 where none did.
    pub made: i64,
    pub made_by: Option<Uuid>,
}

impl Listed {
    /// What the file of one of its generations has to say of itself.
    pub(super) fn about(&self, generation: Uuid) -> About {
        About {
            owner: self.owner.as_str().to_owned(),
            collection: self.name.as_str().to_owned(),
            generation: generation.to_string(),
        }
    }
}

/// A build that is under way.
#[derive(Clone, Debug)]
pub(super) struct Underway {
    /// The later the greater.
    pub id: i64,
    pub collection: i64,
    pub generation: Uuid,
    pub anew: bool,
    pub settings: Settings,
    pub staging: Uuid,
}

const LISTED: &str = "SELECT id, owner, name, generation, settings, created_at, updated_at, made, \
                      made_by FROM collections";
const UNDERWAY: &str = "SELECT id, collection, generation, anew, settings, staging FROM builds";

impl Catalog {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let writer = Mutex::new(schema::catalog(path)?);
        Ok(Self { writer, reader: Mutex::new(schema::catalog(path)?) })
    }

    /// Asks without waiting for whoever writes.
    pub(super) fn read<T>(&self, question: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        question(&locked(&self.reader))
    }

    /// Changes something, all or nothing.
    pub(super) fn write<T>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = locked(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = change(&transaction)?;
        transaction.commit()?;
        Ok(outcome)
    }

    /// The owner's collection of this name.
    pub(super) fn find(&self, owner: &OwnerId, name: &CollectionName) -> Result<Option<Listed>> {
        self.read(|connection| find(connection, owner, name))
    }

    /// As [`Catalog::find`], where there has to be one.
    pub(super) fn require(&self, owner: &OwnerId, name: &CollectionName) -> Result<Listed> {
        self.find(owner, name)?.ok_or_else(|| IndexError::NoCollection(name.clone()))
    }

    pub(super) fn list(
        &self,
        owner: &OwnerId,
        after: Option<&CollectionName>,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        self.read(|connection| {
            let after = after.map_or("", CollectionName::as_str);
            let sql = format!("{LISTED} WHERE owner = ? AND name > ? ORDER BY name LIMIT ?");
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![owner.as_str(), after, limit], listed)?;
            rows.map(|row| Ok(row?)).collect()
        })
    }

    /// The tokens of all builds.
    pub(super) fn tokens(&self) -> Result<Vec<Uuid>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT DISTINCT token FROM builds ORDER BY token")?;
            let rows = statement.query_map([], |row| uuid(row, 0))?;
            rows.map(|row| Ok(row?)).collect()
        })
    }

    /// The build of this number, where it is still under way.
    pub(super) fn underway(&self, build: i64) -> Result<Option<Underway>> {
        self.read(|connection| {
            let sql = format!("{UNDERWAY} WHERE id = ?");
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row([build], underway).optional()?)
        })
    }

    /// Every file that is named: generations, and what is staged.
    pub(super) fn files(&self) -> Result<(Vec<Uuid>, Vec<Uuid>)> {
        self.read(|connection| {
            let all = |sql: &str| -> Result<Vec<Uuid>> {
                let mut statement = connection.prepare(sql)?;
                let rows = statement.query_map([], |row| uuid(row, 0))?;
                rows.map(|row| Ok(row?)).collect()
            };
            let generations =
                all("SELECT generation FROM collections UNION SELECT generation FROM builds")?;
            Ok((generations, all("SELECT staging FROM builds")?))
        })
    }
}

pub(super) fn find(
    connection: &Connection,
    owner: &OwnerId,
    name: &CollectionName,
) -> Result<Option<Listed>> {
    let sql = format!("{LISTED} WHERE owner = ? AND name = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([owner.as_str(), name.as_str()], listed).optional()?)
}

pub(super) fn find_by_id(connection: &Connection, id: i64) -> Result<Option<Listed>> {
    let mut statement = connection.prepare_cached(&format!("{LISTED} WHERE id = ?"))?;
    Ok(statement.query_row([id], listed).optional()?)
}

/// The build of this token in this collection.
pub(super) fn find_build(
    connection: &Connection,
    token: Uuid,
    collection: i64,
) -> Result<Option<Underway>> {
    let sql = format!("{UNDERWAY} WHERE token = ? AND collection = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let row = statement.query_row(params![token.to_string(), collection], underway);
    Ok(row.optional()?)
}

/// The builds for which `condition`, with one parameter, holds.
pub(super) fn builds_where(
    connection: &Connection,
    condition: &str,
    parameter: &dyn rusqlite::ToSql,
) -> Result<Vec<Underway>> {
    let mut statement = connection.prepare(&format!("{UNDERWAY} WHERE {condition} ORDER BY id"))?;
    let rows = statement.query_map([parameter], underway)?;
    rows.map(|row| Ok(row?)).collect()
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        id: row.get(0)?,
        owner: OwnerId::new(row.get::<_, String>(1)?),
        name: row.get::<_, String>(2)?.parse().map_err(|error| wrong(2, error))?,
        generation: uuid(row, 3)?,
        settings: settings(row, 4)?,
        created_at: Timestamp::from_micros(row.get(5)?),
        updated_at: Timestamp::from_micros(row.get(6)?),
        made: row.get(7)?,
        made_by: match row.get::<_, Option<String>>(8)? {
            Some(_) => Some(uuid(row, 8)?),
            None => None,
        },
    })
}

fn underway(row: &Row<'_>) -> rusqlite::Result<Underway> {
    Ok(Underway {
        id: row.get(0)?,
        collection: row.get(1)?,
        generation: uuid(row, 2)?,
        anew: row.get(3)?,
        settings: settings(row, 4)?,
        staging: uuid(row, 5)?,
    })
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    Uuid::try_parse(&text).map_err(|error| wrong(column, error))
}

fn settings(row: &Row<'_>, column: usize) -> rusqlite::Result<Settings> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| wrong(column, error))
}

/// A value that makes no sense, as the database would say it.
pub(super) fn wrong(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let kind = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
}
