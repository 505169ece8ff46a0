//! Jobs and their events. Every change of a job goes through [`Store::append`],
//! which reads the snapshot, lets the caller decide, and stores events, snapshot
//! and what belongs to them in one transaction.

use std::sync::Arc;

use milepost_core::{
    BatchId, Change, CollectionName, DocumentNews, Event, EventKind, JobId, Pipeline, Snapshot,
    Status, Timestamp,
};
use rusqlite::{OptionalExtension, Row, params};

use super::documents::{self, NewDocument};
use super::pages::{self, TextRow};
use super::push;
use super::reuse;
use super::sqlite::{Store, Write};
use super::{NodeId, StoreError, sources};

/// What a decision changes.
#[derive(Default)]
pub struct Decision {
    /// The events, in order; none changes nothing.
    pub events: Vec<EventKind>,
    /// What was made of one page, or (page 0) of the whole.
    pub texts: Vec<TextRow>,
    /// A document to store with it.
    pub document: Option<NewDocument>,
    /// The document's password, where it becomes known now.
    pub password: Option<String>,
    /// Where the document is to be fetched from, where that becomes known now.
    pub remote: Option<String>,
    /// By what the result is known again, where later jobs may have it.
    pub reuse: Option<String>,
}

impl Decision {
    /// Just one event.
    pub fn event(kind: EventKind) -> Self {
        Self { events: vec![kind], ..Self::default() }
    }
}

/// What came of a deletion.
#[derive(Debug)]
pub enum Deleted<R> {
    /// Gone; nothing names these objects any more.
    Done(Vec<String>),
    /// The caller, having seen the state, decided against it.
    Refused(R),
    /// There is no such job.
    NotFound,
}

/// What came of an append.
#[derive(Debug)]
pub enum Appended<R> {
    /// Stored; the state is now this.
    Done(Arc<Snapshot>),
    /// The caller, having seen the state, decided against it.
    Refused(R),
    /// There is no such job.
    NotFound,
}

impl Store {
    /// Shows the job's state to `decide` and stores what it decides, as one.
    ///
    /// # Errors
    /// Where the database fails; then nothing is stored.
    pub async fn append<R: Send + 'static>(
        &self,
        job: JobId,
        now: Timestamp,
        decide: impl FnOnce(&Snapshot) -> Result<Decision, R> + Send + 'static,
    ) -> Result<Appended<R>, StoreError> {
        self.write(move |write| {
            let Some(snapshot) = current(write, job)? else {
                return Ok(Appended::NotFound);
            };
            let decision = match decide(&snapshot) {
                Ok(decision) => decision,
                Err(refusal) => return Ok(Appended::Refused(refusal)),
            };
            if let Some(document) = &decision.document {
                documents::insert(write.connection, document)?;
            }
            pages::insert_texts(write.connection, &snapshot.owner, job, &decision.texts)?;
            keep_secrets(write, job, decision.password, decision.remote)?;
            let snapshot = record(write, snapshot, now, decision.events, None)?;
            if let Some(key) = &decision.reuse {
                reuse::offer(write.connection, job, key)?;
            }
            Ok(Appended::Done(snapshot))
        })
        .await
    }

    /// Removes a job that has ended, and all that is only its own.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn delete_job<R: Send + 'static>(
        &self,
        job: JobId,
        allow: impl FnOnce(&Snapshot) -> Result<(), R> + Send + 'static,
    ) -> Result<Deleted<R>, StoreError> {
        self.write(move |write| {
            let Some((snapshot, _)) = load(write.connection, job)? else {
                return Ok(Deleted::NotFound);
            };
            if let Err(refusal) = allow(&snapshot) {
                return Ok(Deleted::Refused(refusal));
            }
            let result = reuse::result_of(write.connection, job)?;
            sources::remove(write.connection, job)?;
            for table in ["events", "idempotency"] {
                let sql = format!("DELETE FROM {table} WHERE job = ?");
                write.connection.prepare_cached(&sql)?.execute([job.uuid()])?;
            }
            write
                .connection
                .prepare_cached("DELETE FROM jobs WHERE id = ?")?
                .execute([job.uuid()])?;
            write.recent.remove(job);
            let objects = reuse::remove_unless_used(write.connection, &snapshot.owner, result)?;
            let (owner, batch) = (snapshot.owner.clone(), snapshot.batch);
            let document = snapshot.document.as_ref().map(|document| document.id);
            write.announce(|_| Change::Removed { job, owner, document, batch });
            Ok(Deleted::Done(objects))
        })
        .await
    }
}

/// Applies `events` to `before`, stores all, announces each, and returns the
/// last state, the only one that is kept as a whole. `lease` is who holds the job from now on, for a `started`.
pub(super) fn record(
    write: &mut Write<'_>,
    before: Arc<Snapshot>,
    now: Timestamp,
    events: Vec<EventKind>,
    lease: Option<(&NodeId, Timestamp)>,
) -> Result<Arc<Snapshot>, StoreError> {
    let mut current = before.clone();
    let mut position = None;
    // A clock that was set back must not make a log that runs backwards.
    let at = now.max(current.updated_at);
    for kind in events {
        let mut next = (*current).clone();
        let event = Event { seq: next.seq.next(), at, kind };
        next.apply(&event).map_err(|refused| StoreError::Damaged(refused.to_string()))?;
        insert_event(write, next.id, &event)?;
        if let EventKind::Page { page, bytes, error } = &event.kind {
            pages::insert(write.connection, next.id, *page, *bytes, error.as_deref(), at)?;
        }
        if let EventKind::Retried { again, .. } = &event.kind {
            reuse::unshare(write.connection, &next.owner, next.id, current.reused.is_some())?;
            pages::forget(write.connection, &next.owner, next.id, again)?;
            if next.pipeline == Pipeline::Ingest {
                let anew = current.status == Status::Completed;
                pages::forget_ingested(write.connection, &next, anew, !again.is_empty())?;
            }
        }
        let facts = match &event.kind {
            EventKind::Stage { document: Some(DocumentNews::Found(facts)), .. } => Some(facts),
            EventKind::Completed { reused: Some(reused), .. } => Some(&reused.document),
            _ => None,
        };
        if let (Some(facts), Some(info)) = (facts, &next.document) {
            documents::learn(write.connection, info.id, facts)?;
        }
        current = Arc::new(next);
        let reached = current.clone();
        position = Some(write.announce(|_| Change::Reached(reached)));
    }
    if let Some(position) = position {
        put(write, Some(&before), &current, position, lease)?;
    }
    Ok(current)
}

/// The job's row as `columns` of a query that selects `snapshot, position`.
pub(super) fn columns(row: &Row<'_>) -> rusqlite::Result<(String, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

pub(super) fn parse((snapshot, position): (String, i64)) -> Result<(Snapshot, u64), StoreError> {
    Ok((serde_json::from_str(&snapshot)?, position as u64))
}

pub(super) fn load(
    connection: &rusqlite::Connection,
    job: JobId,
) -> Result<Option<(Snapshot, u64)>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT snapshot, position FROM jobs WHERE id = ?")?;
    statement.query_row([job.uuid()], columns).optional()?.map(parse).transpose()
}

/// The job's state for a change of it: what was written last is still at hand for
/// jobs that change often.
pub(super) fn current(
    write: &mut Write<'_>,
    job: JobId,
) -> Result<Option<Arc<Snapshot>>, StoreError> {
    if let Some(snapshot) = write.recent.get(job) {
        return Ok(Some(snapshot));
    }
    Ok(load(write.connection, job)?.map(|(snapshot, _)| Arc::new(snapshot)))
}

pub(super) fn put(
    write: &mut Write<'_>,
    before: Option<&Snapshot>,
    snapshot: &Arc<Snapshot>,
    position: u64,
    lease: Option<(&NodeId, Timestamp)>,
) -> Result<(), StoreError> {
    let waits =
        |status| snapshot.needs_worker() && matches!(status, Status::Awaiting | Status::Queued);
    match (before.is_some_and(|before| waits(before.status)), waits(snapshot.status)) {
        (false, true) => write.waiting += 1,
        (true, false) => write.waiting = write.waiting.saturating_sub(1),
        _ => {}
    }
    write.recent.put(snapshot);
    if lease.is_none() && before.is_some_and(|before| same_columns(before, snapshot)) {
        // Most changes are progress. The statement below would write every index
        // of the table anew.
        write
            .connection
            .prepare_cached(
                "UPDATE jobs SET position = ?, updated_at = ?, snapshot = ? WHERE id = ?",
            )?
            .execute(params![
                position as i64,
                snapshot.updated_at.as_micros(),
                serde_json::to_string(&**snapshot)?,
                snapshot.id.uuid(),
            ])?;
        return Ok(());
    }
    // A lease that goes on is left as it is; one that ended is forgotten.
    let running = snapshot.status == Status::Running;
    write
        .connection
        .prepare_cached(
            "INSERT INTO jobs (id, owner, position, status, pipeline, document, batch, filename,
                priority, not_before, created_at, updated_at, started_at, finished_at, worker,
                lease_until, snapshot, queue, collection)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?19, ?21)
             ON CONFLICT (id) DO UPDATE SET
                position = ?3, status = ?4, document = ?6, filename = ?8, not_before = ?10,
                updated_at = ?12, started_at = ?13, finished_at = ?14,
                worker = CASE WHEN ?18 THEN coalesce(?15, worker) END,
                lease_until = CASE WHEN ?18 THEN coalesce(?16, lease_until) END,
                remote = CASE WHEN ?20 THEN remote END, snapshot = ?17,
                reuse = CASE WHEN ?4 = 'completed' THEN reuse END",
        )?
        .execute(params![
            snapshot.id.uuid(),
            snapshot.owner.as_str(),
            position as i64,
            snapshot.status.as_str(),
            snapshot.pipeline.as_str(),
            snapshot.document.as_ref().map(|document| document.id.uuid()),
            snapshot.batch.map(BatchId::uuid),
            snapshot.document.as_ref().map(|document| document.filename.as_str()),
            snapshot.priority,
            snapshot.not_before.as_micros(),
            snapshot.created_at.as_micros(),
            snapshot.updated_at.as_micros(),
            snapshot.started_at.map(Timestamp::as_micros),
            snapshot.finished_at.map(Timestamp::as_micros),
            lease.map(|(node, _)| node.as_str()),
            lease.map(|(_, until)| until.as_micros()),
            serde_json::to_string(&**snapshot)?,
            running,
            snapshot.needs_worker().then_some(""),
            snapshot.fetches(),
            snapshot.collection.as_ref().map(CollectionName::as_str),
        ])?;
    if snapshot.status.is_terminal() {
        push::note_end(write.connection, snapshot, position)?;
    }
    Ok(())
}

/// Whether the row differs only in its position, time and snapshot.
fn same_columns(before: &Snapshot, after: &Snapshot) -> bool {
    before.status == after.status
        && before.not_before == after.not_before
        && before.started_at == after.started_at
        && before.finished_at == after.finished_at
        && before.document.as_ref().map(|d| (d.id, &d.filename))
            == after.document.as_ref().map(|d| (d.id, &d.filename))
}

/// Writes down an event that is announced next.
pub(super) fn insert_event(write: &Write<'_>, job: JobId, event: &Event) -> Result<(), StoreError> {
    let sql = "INSERT INTO events (job, seq, body, position) VALUES (?, ?, ?, ?)";
    write.connection.prepare_cached(sql)?.execute(params![
        job.uuid(),
        event.seq.0 as i64,
        serde_json::to_string(event)?,
        write.next_position() as i64,
    ])?;
    Ok(())
}

/// What the log, which its owner may read and pass on, must not show.
pub(super) fn keep_secrets(
    write: &Write<'_>,
    job: JobId,
    password: Option<String>,
    remote: Option<String>,
) -> Result<(), StoreError> {
    if password.is_some() || remote.is_some() {
        write
            .connection
            .prepare_cached(
                "UPDATE jobs SET password = coalesce(?, password), remote = coalesce(?, remote)
                 WHERE id = ?",
            )?
            .execute(params![password, remote, job.uuid()])?;
    }
    Ok(())
}
