//! Browsers that are told of jobs' ends, and what each is still to be told. Enters:
//! subscriptions; the ends of jobs, in the transactions that store them. Leaves:
//! messages that are due. Never: shows an endpoint or its keys to anybody but the sender.

use milepost_core::{BatchId, JobId, OwnerId, Snapshot, Status, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::StoreError;
use super::sqlite::Store;

/// Holds for a subscription `s` at the time `?1` that has not ended, and with it the
/// credential that made it.
const IN_FORCE: &str = "(s.expires_at IS NULL OR s.expires_at > ?1) AND (s.key IS NULL
    OR EXISTS (SELECT 1 FROM api_keys k WHERE k.id = s.key AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > ?1)))
    AND (s.session IS NULL OR EXISTS (SELECT 1 FROM sessions e WHERE e.id = s.session))";

/// Where messages for one browser go. All of it is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PushTarget {
    /// The URL at which the browser's push service takes them.
    pub endpoint: String,
    /// The browser's public key: a point of P-256, uncompressed.
    pub p256dh: Vec<u8>,
    /// What authenticates messages to the browser.
    pub auth: Vec<u8>,
}

/// A subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// By which it is deleted.
    pub id: Uuid,
    /// Who is told.
    pub owner: OwnerId,
    /// Where.
    pub target: PushTarget,
    /// The API key with which it ends.
    pub key: Option<Uuid>,
    /// The session with which it ends.
    pub session: Option<Uuid>,
    /// When it was first made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// What came of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Under which it is there.
    pub id: Uuid,
    /// When it was first made.
    pub created_at: Timestamp,
    /// Whether the owner did not have it before.
    pub new: bool,
}

/// What one browser is to be told: that a job, or a batch with its last job, has ended.
#[derive(Clone, PartialEq, Eq)]
pub struct PushMessage {
    /// Who is told.
    pub subscription: Uuid,
    /// Where.
    pub target: PushTarget,
    /// The job that ended.
    pub job: JobId,
    /// Its batch, where the message is about that.
    pub batch: Option<BatchId>,
    /// Where the end stands in the order of all changes; a later end is another one.
    pub position: u64,
    /// When the job ended.
    pub ended_at: Timestamp,
    /// Not before then.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

impl PushMessage {
    /// What a later end takes the place of.
    pub fn subject(&self) -> Uuid {
        self.batch.map_or(self.job.uuid(), BatchId::uuid)
    }
}

impl Store {
    /// Keeps a subscription, or renews the one with its endpoint: a browser has one, for
    /// whoever uses it now. Of an owner's, the `most` that were renewed last stay.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn subscribe_push(
        &self,
        row: SubscriptionRow,
        now: Timestamp,
        most: u32,
    ) -> Result<Subscribed, StoreError> {
        self.write(move |write| {
            let connection = write.connection;
            let earlier = connection
                .prepare_cached(
                    "SELECT id, owner, created_at FROM push_subscriptions WHERE endpoint = ?",
                )?
                .query_row([&row.target.endpoint], |found| {
                    let created = Timestamp::from_micros(found.get(2)?);
                    Ok((found.get::<_, Uuid>(0)?, found.get::<_, String>(1)?, created))
                })
                .optional()?;
            let (id, created_at, new) = match earlier {
                Some((id, owner, at)) if owner == row.owner.as_str() => (id, at, false),
                Some((id, ..)) => {
                    forget(connection, id)?;
                    (row.id, row.created_at, true)
                }
                None => (row.id, row.created_at, true),
            };
            connection
                .prepare_cached(
                    "INSERT INTO push_subscriptions (id, owner, endpoint, p256dh, auth, key,
                        session, created_at, renewed_at, expires_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT (id) DO UPDATE SET p256dh = excluded.p256dh,
                        auth = excluded.auth, key = excluded.key, session = excluded.session,
                        renewed_at = excluded.renewed_at, expires_at = excluded.expires_at",
                )?
                .execute(params![
                    id,
                    row.owner.as_str(),
                    row.target.endpoint,
                    row.target.p256dh,
                    row.target.auth,
                    row.key,
                    row.session,
                    created_at.as_micros(),
                    now.as_micros(),
                    row.expires_at.map(Timestamp::as_micros),
                ])?;
            let mut statement = connection.prepare_cached(
                "SELECT id FROM push_subscriptions WHERE owner = ?
                 ORDER BY renewed_at DESC, id DESC LIMIT -1 OFFSET ?",
            )?;
            let old = statement.query_map(params![row.owner.as_str(), most], |row| row.get(0))?;
            for id in old.collect::<Result<Vec<Uuid>, _>>()? {
                forget(connection, id)?;
            }
            Ok(Subscribed { id, created_at, new })
        })
        .await
    }

    /// An owner's subscriptions that are in force, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn push_subscriptions(
        &self,
        owner: OwnerId,
        now: Timestamp,
    ) -> Result<Vec<SubscriptionRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT id, endpoint, p256dh, auth, key, session, created_at, expires_at
                 FROM push_subscriptions s WHERE owner = ?2 AND {IN_FORCE} ORDER BY id DESC"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![now.as_micros(), owner.as_str()], |row| {
                Ok(SubscriptionRow {
                    id: row.get(0)?,
                    owner: owner.clone(),
                    target: target(row, 1)?,
                    key: row.get(4)?,
                    session: row.get(5)?,
                    created_at: Timestamp::from_micros(row.get(6)?),
                    expires_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_micros),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Ends a subscription, of this owner where one is named, with all that it was to be
    /// told. False where there is none.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unsubscribe_push(
        &self,
        id: Uuid,
        owner: Option<OwnerId>,
    ) -> Result<bool, StoreError> {
        self.write(move |write| {
            let found: Option<String> = write
                .connection
                .prepare_cached("SELECT owner FROM push_subscriptions WHERE id = ?")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            let theirs = found
                .is_some_and(|found| owner.as_ref().is_none_or(|owner| owner.as_str() == found));
            if theirs {
                forget(write.connection, id)?;
            }
            Ok(theirs)
        })
        .await
    }

    /// Ends the subscriptions that are not in force any more; or `all`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_subscriptions(&self, now: Timestamp, all: bool) -> Result<(), StoreError> {
        self.write(move |write| {
            let sql = format!("SELECT id FROM push_subscriptions s WHERE ?2 OR NOT ({IN_FORCE})");
            let mut statement = write.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![now.as_micros(), all], |row| row.get(0))?;
            for id in rows.collect::<Result<Vec<Uuid>, _>>()? {
                forget(write.connection, id)?;
            }
            Ok(())
        })
        .await
    }

    /// The messages that are due next, in that order, those of subscriptions in force.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn push_messages(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<PushMessage>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT subscription, endpoint, p256dh, auth, job, batch, position, ended_at,
                    due_at, attempts
                 FROM push_messages m JOIN push_subscriptions s ON s.id = m.subscription
                 WHERE {IN_FORCE} ORDER BY due_at LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![now.as_micros(), limit], |row| {
                Ok(PushMessage {
                    subscription: row.get(0)?,
                    target: target(row, 1)?,
                    job: JobId::new(row.get(4)?),
                    batch: row.get::<_, Option<Uuid>>(5)?.map(BatchId::new),
                    position: row.get::<_, i64>(6)? as u64,
                    ended_at: Timestamp::from_micros(row.get(7)?),
                    due_at: Timestamp::from_micros(row.get(8)?),
                    attempts: row.get(9)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Nobody needs to be told this any more. What has ended anew since stays.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn push_done(&self, message: &PushMessage) -> Result<(), StoreError> {
        let (subject, message) = (message.subject(), message.clone());
        self.write(move |write| {
            write
                .connection
                .prepare_cached(
                    "DELETE FROM push_messages
                     WHERE subscription = ? AND subject = ? AND position = ?",
                )?
                .execute(params![message.subscription, subject, message.position as i64])?;
            Ok(())
        })
        .await
    }

    /// It is to be tried once more, at `due_at`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn push_later(
        &self,
        message: &PushMessage,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (subject, message) = (message.subject(), message.clone());
        self.write(move |write| {
            write
                .connection
                .prepare_cached(
                    "UPDATE push_messages SET due_at = ?, attempts = attempts + 1
                     WHERE subscription = ? AND subject = ? AND position = ?",
                )?
                .execute(params![
                    due_at.as_micros(),
                    message.subscription,
                    subject,
                    message.position as i64
                ])?;
            Ok(())
        })
        .await
    }
}

/// Keeps for each of the owner's browsers that the job has ended; for a job in a batch,
/// that the batch has, once all its jobs have. Who cancels a job knows of its end.
pub(super) fn note_end(
    connection: &Connection,
    job: &Snapshot,
    position: u64,
) -> Result<(), StoreError> {
    if job.status == Status::Cancelled {
        return Ok(());
    }
    let batch = job.batch.map(BatchId::uuid);
    connection
        .prepare_cached(
            "INSERT INTO push_messages (subscription, subject, job, batch, position, ended_at,
                due_at, attempts)
             SELECT id, ?1, ?2, ?3, ?4, ?5, ?5, 0 FROM push_subscriptions
             WHERE owner = ?6 AND (?3 IS NULL OR NOT EXISTS
                (SELECT 1 FROM jobs WHERE batch = ?3 AND finished_at IS NULL))
             ON CONFLICT (subscription, subject) DO UPDATE SET job = excluded.job,
                position = excluded.position, ended_at = excluded.ended_at,
                due_at = excluded.due_at, attempts = 0",
        )?
        .execute(params![
            batch.unwrap_or(job.id.uuid()),
            job.id.uuid(),
            batch,
            position as i64,
            job.updated_at.as_micros(),
            job.owner.as_str(),
        ])?;
    Ok(())
}

fn forget(connection: &Connection, id: Uuid) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM push_messages WHERE subscription = ?",
        "DELETE FROM push_subscriptions WHERE id = ?",
    ] {
        connection.prepare_cached(sql)?.execute([id])?;
    }
    Ok(())
}

fn target(row: &Row<'_>, first: usize) -> rusqlite::Result<PushTarget> {
    Ok(PushTarget {
        endpoint: row.get(first)?,
        p256dh: row.get(first + 1)?,
        auth: row.get(first + 2)?,
    })
}
