//! API keys. Enters: the hash of a key. Leaves: whose it is and what it may. Never:
//! a key itself.

use milepost_core::{OwnerId, Scope, Scopes, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::StoreError;
use super::sqlite::Store;

/// An API key, as far as anybody is told of it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// By which it is revoked.
    pub id: Uuid,
    /// What it is for, in its maker's words.
    pub name: String,
    /// Its first letters, by which its holder knows it.
    pub start: String,
    /// Who its holder is.
    pub owner: OwnerId,
    /// What its holder may.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is void.
    pub expires_at: Option<Timestamp>,
    /// When it was last presented, to the minute or so.
    pub used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, name, start, owner, scopes, created_at, expires_at, used_at, revoked_at";

impl Store {
    /// Keeps a new key by its SHA-256.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_key(&self, key: KeyRow, sha256: [u8; 32]) -> Result<(), StoreError> {
        self.write(move |write| {
            write
                .connection
                .prepare_cached(
                    "INSERT INTO api_keys (id, sha256, name, start, owner, scopes, created_at,
                        expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    key.id,
                    sha256,
                    key.name,
                    key.start,
                    key.owner.as_str(),
                    words_of(key.scopes),
                    key.created_at.as_micros(),
                    key.expires_at.map(Timestamp::as_micros),
                ])?;
            Ok(())
        })
        .await
    }

    /// The key with this SHA-256.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn key(&self, sha256: [u8; 32]) -> Result<Option<KeyRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE sha256 = ?");
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row([sha256], read_row).optional()?)
        })
        .await
    }

    /// The key with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn key_by_id(&self, id: Uuid) -> Result<Option<KeyRow>, StoreError> {
        self.read(move |connection| by_id(connection, id)).await
    }

    /// All keys, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn keys(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<KeyRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM api_keys WHERE ?1 IS NULL OR id < ?1
                 ORDER BY id DESC LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![before, limit], read_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Makes a key void; one that is so already stays as it is. `None` where there
    /// is no such key.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_key(&self, id: Uuid, at: Timestamp) -> Result<Option<KeyRow>, StoreError> {
        self.write(move |write| {
            write
                .connection
                .prepare_cached(
                    "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                )?
                .execute(params![at.as_micros(), id])?;
            by_id(write.connection, id)
        })
        .await
    }

    /// Notes that a key was presented.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn key_used(&self, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |write| {
            write
                .connection
                .prepare_cached("UPDATE api_keys SET used_at = ? WHERE id = ?")?
                .execute(params![at.as_micros(), id])?;
            Ok(())
        })
        .await
    }
}

/// Scopes as they are stored.
pub(super) fn words_of(scopes: Scopes) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

/// Scopes as they were stored. A word of a later version is nothing that this one could
/// allow.
pub(super) fn scopes_of(words: &str) -> Scopes {
    words.split(' ').filter_map(Scope::named).collect()
}

fn by_id(connection: &Connection, id: Uuid) -> Result<Option<KeyRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?");
    Ok(connection.prepare_cached(&sql)?.query_row([id], read_row).optional()?)
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: row.get(0)?,
        name: row.get(1)?,
        start: row.get(2)?,
        owner: OwnerId::new(row.get::<_, String>(3)?),
        scopes: scopes_of(&row.get::<_, String>(4)?),
        created_at: Timestamp::from_micros(row.get(5)?),
        expires_at: time(row, 6)?,
        used_at: time(row, 7)?,
        revoked_at: time(row, 8)?,
    })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}
