//! Sessions of people who have signed in. Enters: the hash of what is in their cookie.
//! Leaves: whose it is and what it may. Never: what is in the cookie.

use milepost_core::{OwnerId, Scopes, Timestamp};
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::StoreError;
use super::keys::{scopes_of, words_of};
use super::sqlite::Store;

/// Holds for a session `s` at the time `?1` that has not ended, nor the API key that it
/// stands for.
const IN_FORCE: &str = "s.expires_at > ?1 AND (s.key IS NULL OR EXISTS (
    SELECT 1 FROM api_keys k WHERE k.id = s.key AND k.revoked_at IS NULL))";
const COLUMNS: &str = "s.id, s.owner, s.scopes, s.key, s.created_at, s.expires_at";

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its name, which is no secret.
    pub id: Uuid,
    /// Who has signed in.
    pub owner: OwnerId,
    /// What they may.
    pub scopes: Scopes,
    /// The API key that they signed in with, and with which it ends.
    pub key: Option<Uuid>,
    /// When that was.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a new session by the SHA-256 of its secret. Of one owner's the `most` newest
    /// stay.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_session(
        &self,
        session: SessionRow,
        sha256: [u8; 32],
        most: u32,
    ) -> Result<(), StoreError> {
        self.write(move |write| {
            let owner = session.owner.as_str();
            write
                .connection
                .prepare_cached(
                    "INSERT INTO sessions (sha256, id, owner, scopes, key, created_at, expires_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    sha256,
                    session.id,
                    owner,
                    words_of(session.scopes),
                    session.key,
                    session.created_at.as_micros(),
                    session.expires_at.as_micros(),
                ])?;
            write
                .connection
                .prepare_cached(
                    "DELETE FROM sessions WHERE owner = ?1 AND id NOT IN (SELECT id FROM sessions
                        WHERE owner = ?1 ORDER BY id DESC LIMIT ?2)",
                )?
                .execute(params![owner, most])?;
            Ok(())
        })
        .await
    }

    /// The session with this SHA-256, if it is in force.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn session(
        &self,
        sha256: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.read(move |connection| {
            let sql =
                format!("SELECT {COLUMNS} FROM sessions s WHERE s.sha256 = ?2 AND {IN_FORCE}");
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row(params![now.as_micros(), sha256], read_row).optional()?)
        })
        .await
    }

    /// Whether the session with this id is in force.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn session_holds(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT 1 FROM sessions s WHERE s.id = ?2 AND {IN_FORCE}");
            Ok(connection.prepare_cached(&sql)?.exists(params![now.as_micros(), id])?)
        })
        .await
    }

    /// Ends the session with this SHA-256, and says which it was.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_session(&self, sha256: [u8; 32]) -> Result<Option<SessionRow>, StoreError> {
        self.write(move |write| {
            let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE s.sha256 = ?");
            let mut find = write.connection.prepare_cached(&sql)?;
            let found = find.query_row([sha256], read_row).optional()?;
            let mut end =
                write.connection.prepare_cached("DELETE FROM sessions WHERE sha256 = ?")?;
            end.execute([sha256])?;
            Ok(found)
        })
        .await
    }

    /// Forgets the sessions that are over.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |write| {
            let sql = format!("DELETE FROM sessions AS s WHERE NOT ({IN_FORCE})");
            write.connection.prepare_cached(&sql)?.execute([now.as_micros()])?;
            Ok(())
        })
        .await
    }
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: row.get(0)?,
        owner: OwnerId::new(row.get::<_, String>(1)?),
        scopes: scopes_of(&row.get::<_, String>(2)?),
        key: row.get(3)?,
        created_at: Timestamp::from_micros(row.get(4)?),
        expires_at: Timestamp::from_micros(row.get(5)?),
    })
}
