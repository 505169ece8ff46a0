//! What an owner uses: bytes that are stored, jobs that wait. The sum of the bytes
//! is kept with every change of documents and texts, in its transaction, since
//! adding them up would read all rows. Never: says what an owner may use.

use milepost_core::OwnerId;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::sqlite::Store;

/// What one owner uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of documents and results. A result that several jobs have counts once.
    pub bytes: u64,
    /// Jobs that wait, held ones included.
    pub waiting: u64,
}

/// What one owner may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of documents and results.
    pub bytes: u64,
    /// Jobs that wait, held ones included.
    pub waiting: u64,
}

impl Allowance {
    /// As much as there is room for.
    pub const UNLIMITED: Self = Self { bytes: u64::MAX, waiting: u64::MAX };

    /// Whether `more` bytes may be stored for whoever has `stored`.
    pub const fn takes(self, stored: u64, more: u64) -> bool {
        self.bytes == u64::MAX || stored.saturating_add(more) <= self.bytes
    }
}

impl Store {
    /// What `owner` uses.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn usage(&self, owner: OwnerId) -> Result<Usage, StoreError> {
        self.read(move |connection| {
            Ok(Usage {
                bytes: bytes(connection, &owner)?,
                waiting: waiting(connection, &owner, u64::MAX)?,
            })
        })
        .await
    }
}

/// Notes that so many bytes more, or fewer, are stored for `owner`.
pub(super) fn change(
    connection: &Connection,
    owner: &OwnerId,
    bytes: i64,
) -> Result<(), StoreError> {
    if bytes != 0 {
        connection
            .prepare_cached(
                "INSERT INTO usage VALUES (?1, ?2)
                 ON CONFLICT (owner) DO UPDATE SET bytes = bytes + ?2",
            )?
            .execute(params![owner.as_str(), bytes])?;
    }
    Ok(())
}

/// What is stored for `owner`.
pub(super) fn bytes(connection: &Connection, owner: &OwnerId) -> Result<u64, StoreError> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT bytes FROM usage WHERE owner = ?")?
        .query_row([owner.as_str()], |row| row.get(0))
        .optional()?;
    Ok(u64::try_from(found.unwrap_or(0)).unwrap_or(0))
}

/// How many jobs of `owner` wait; no more than `most` are counted.
pub(super) fn waiting(
    connection: &Connection,
    owner: &OwnerId,
    most: u64,
) -> Result<u64, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM jobs
                 WHERE owner = ? AND status IN ('awaiting', 'queued') LIMIT ?)",
        )?
        .query_row(params![owner.as_str(), most], |row| row.get(0))?;
    Ok(count as u64)
}
