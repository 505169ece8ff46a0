//! What tokens that read one job rest on: the keys that sign them (and whatever else is
//! signed), and the epoch of each job, which rises when all its tokens are revoked.

use milepost_core::{Change, JobId, OwnerId, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::StoreError;
use super::jobs::load;
use super::sqlite::Store;

/// What a token is measured by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenGround {
    /// Whose the job is.
    pub owner: OwnerId,
    /// Tokens of an earlier epoch are void.
    pub epoch: u64,
    /// When the job ended, if it has.
    pub finished_at: Option<Timestamp>,
}

impl Store {
    /// What the tokens of a job are measured by; `None` where it is not there.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn token_ground(&self, job: JobId) -> Result<Option<TokenGround>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT owner, token_epoch, finished_at FROM jobs WHERE id = ?")?;
            let found = statement.query_row([job.uuid()], |row| {
                let finished: Option<i64> = row.get(2)?;
                Ok(TokenGround {
                    owner: OwnerId::new(row.get::<_, String>(0)?),
                    epoch: row.get::<_, i64>(1)? as u64,
                    finished_at: finished.map(Timestamp::from_micros),
                })
            });
            Ok(found.optional()?)
        })
        .await
    }

    /// Makes every token of a job void where `allow` lets it. Returns the epoch of
    /// those that are made from now on; `None` where there is no such job.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_tokens<R: Send + 'static>(
        &self,
        job: JobId,
        allow: impl FnOnce(&OwnerId) -> Result<(), R> + Send + 'static,
    ) -> Result<Option<Result<u64, R>>, StoreError> {
        self.write(move |write| {
            let Some((snapshot, _)) = load(write.connection, job)? else { return Ok(None) };
            if let Err(refusal) = allow(&snapshot.owner) {
                return Ok(Some(Err(refusal)));
            }
            let epoch: i64 = write
                .connection
                .prepare_cached(
                    "UPDATE jobs SET token_epoch = token_epoch + 1 WHERE id = ?
                     RETURNING token_epoch",
                )?
                .query_row([job.uuid()], |row| row.get(0))?;
            let epoch = epoch as u64;
            write.announce(|_| Change::Revoked { job, epoch });
            Ok(Some(Ok(epoch)))
        })
        .await
    }

    /// The key that signs for `purpose`, by its name; `new` where there is none yet.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn signing_key(
        &self,
        purpose: &'static str,
        new: (String, Vec<u8>),
        at: Timestamp,
    ) -> Result<(String, Vec<u8>), StoreError> {
        self.write(move |write| {
            let found = write
                .connection
                .prepare_cached(
                    "SELECT id, key FROM signing_keys WHERE purpose = ?
                     ORDER BY created_at LIMIT 1",
                )?
                .query_row([purpose], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            if let Some(found) = found {
                return Ok(found);
            }
            write
                .connection
                .prepare_cached(
                    "INSERT INTO signing_keys (id, key, created_at, purpose) VALUES (?, ?, ?, ?)",
                )?
                .execute(params![new.0, new.1, at.as_micros(), purpose])?;
            Ok(new)
        })
        .await
    }
}
