//! New jobs. Enters: the jobs of one request. Leaves: all of them, durable, or
//! none; completed already, where their result is there. Never: writes anything before it is clear that nothing is in the way.

use std::sync::Arc;

use milepost_core::{
    BatchId, Change, Event, EventKind, JobId, OwnerId, Pipeline, Seq, Snapshot,
    Submitted as Submission, Timestamp,
};

use super::documents::{self, NewDocument};
use super::jobs::{insert_event, keep_secrets, load, put};
use super::reuse::{self, Found};
use super::sources::{self, NewSource};
use super::sqlite::{Store, Write};
use super::{Allowance, StorageFull, StoreError, batches, idempotency, usage};

/// A job that does not exist yet.
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// When it was submitted.
    pub at: Timestamp,
    /// Its first event.
    pub submission: Submission,
    /// The document's password.
    pub password: Option<String>,
    /// Where the document is yet to be fetched from; may be as secret.
    pub remote: Option<String>,
    /// The document, where it is not stored yet.
    pub document: Option<NewDocument>,
    /// What is said of its documents, where it has several or something is said of one.
    pub sources: Vec<NewSource>,
    /// By what an earlier result is known that will do.
    pub reuse: Option<String>,
    /// Not beside an unfinished job over the same document.
    pub alone: bool,
}

impl NewJob {
    /// The documents that are stored with it.
    fn brings(&self) -> impl Iterator<Item = &NewDocument> {
        self.document.iter().chain(self.sources.iter().filter_map(|source| source.new.as_ref()))
    }
}

/// The jobs of one request.
pub struct NewJobs {
    /// Whose they all are.
    pub owner: OwnerId,
    /// At least one.
    pub jobs: Vec<NewJob>,
    /// The submitter's key and a fingerprint of the request.
    pub idempotency: Option<(String, String)>,
    /// A batch that must be there for them to join.
    pub joins: Option<BatchId>,
    /// No batch has more jobs.
    pub max_batch: u64,
    /// No more jobs wait.
    pub max_waiting: u64,
    /// What the owner may use.
    pub allowance: Allowance,
}

/// What became of a request.
#[derive(Debug)]
pub enum Submitted {
    /// New jobs, in the order of the request.
    Created(Vec<Arc<Snapshot>>),
    /// The same request came before; these are its jobs.
    Existing(Vec<Arc<Snapshot>>),
    /// The key came before with another request.
    KeyReused,
    /// This unfinished job is over the same document.
    UnderWay(JobId),
    /// Too many jobs wait.
    QueueFull,
    /// Too many jobs of the owner wait.
    OwnerQueueFull,
    /// More jobs than may ever wait.
    QueueTooSmall,
    /// The owner has no room for it.
    StorageFull(StorageFull),
    /// The job at this place has no document; of several, the one at that place.
    NoDocument(usize, Option<usize>),
    /// The batch to join is not there.
    NoBatch,
    /// The batch would have too many jobs.
    BatchFull,
}

impl Store {
    /// Makes the jobs of a request, with their documents and its idempotency key.
    ///
    /// # Errors
    /// Where the database fails; then nothing is stored.
    pub async fn submit(&self, new: NewJobs) -> Result<Submitted, StoreError> {
        self.write(move |write| {
            if let Some((key, fingerprint)) = &new.idempotency
                && let Some((found, jobs)) = idempotency::earlier(write, &new.owner, key)?
            {
                if found != *fingerprint {
                    return Ok(Submitted::KeyReused);
                }
                let jobs = jobs.into_iter().map(|job| load(write.connection, job));
                let jobs = jobs.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
                let jobs: Vec<_> = jobs.map(|(snapshot, _)| Arc::new(snapshot)).collect();
                if !jobs.is_empty() {
                    return Ok(Submitted::Existing(jobs));
                }
            }
            let found = new.jobs.iter().map(|job| match &job.reuse {
                Some(key) => reuse::find(write.connection, &new.owner, key),
                None => Ok(None),
            });
            let found = found.collect::<Result<Vec<_>, _>>()?;
            if let Some(refusal) = refusal(write, &new, &found)? {
                return Ok(refusal);
            }
            let jobs = new.jobs.into_iter().zip(found);
            let snapshots = jobs.map(|(job, found)| insert(write, job, found));
            let snapshots = snapshots.collect::<Result<Vec<_>, _>>()?;
            if let Some((key, fingerprint)) = &new.idempotency {
                idempotency::remember(write, &snapshots, key, fingerprint)?;
            }
            Ok(Submitted::Created(snapshots))
        })
        .await
    }
}

/// What is in the way of the request as a whole.
fn refusal(
    write: &Write<'_>,
    new: &NewJobs,
    found: &[Option<Found>],
) -> Result<Option<Submitted>, StoreError> {
    for job in new.jobs.iter().filter(|job| job.alone) {
        if let Some(info) = &job.submission.document
            && let Some(other) = documents::unfinished_job(write.connection, info.id)?
        {
            return Ok(Some(Submitted::UnderWay(other)));
        }
    }
    if new.jobs.len() as u64 > new.max_batch {
        return Ok(Some(Submitted::BatchFull));
    }
    if let Some(batch) = new.joins {
        match batches::size(write.connection, &new.owner, batch)? {
            0 => return Ok(Some(Submitted::NoBatch)),
            jobs if jobs + new.jobs.len() as u64 > new.max_batch => {
                return Ok(Some(Submitted::BatchFull));
            }
            _ => {}
        }
    }
    let waits = |(job, found): &(&NewJob, &Option<Found>)| {
        job.submission.pipeline != Pipeline::External && found.is_none()
    };
    let waiting = new.jobs.iter().zip(found).filter(waits).count() as u64;
    // Those that are worked on elsewhere are in no queue of ours, and still wait.
    let owners = found.iter().filter(|found| found.is_none()).count() as u64;
    let Allowance { waiting: most, .. } = new.allowance;
    if new.jobs.len() > 1 && (waiting > new.max_waiting || owners > most) {
        return Ok(Some(Submitted::QueueTooSmall));
    }
    if waiting > 0 && write.waiting + waiting > new.max_waiting {
        return Ok(Some(Submitted::QueueFull));
    }
    let crowded = || usage::waiting(write.connection, &new.owner, most);
    if most < u64::MAX && owners > 0 && crowded()? + owners > most {
        return Ok(Some(Submitted::OwnerQueueFull));
    }
    // What the jobs will make is not known yet; who has too much already makes none.
    let more: u64 = new.jobs.iter().flat_map(NewJob::brings).map(|new| new.content.bytes).sum();
    let stored = usage::bytes(write.connection, &new.owner)?;
    if !new.allowance.takes(stored, more) {
        return Ok(Some(Submitted::StorageFull(StorageFull { stored })));
    }
    for (place, job) in new.jobs.iter().enumerate() {
        if let (None, Some(info)) = (&job.document, &job.submission.document)
            && !documents::exists(write.connection, info.id)?
        {
            return Ok(Some(Submitted::NoDocument(place, None)));
        }
        for (of, source) in job.sources.iter().enumerate() {
            if let (None, Some(document)) = (&source.new, source.document)
                && !documents::exists(write.connection, document)?
            {
                return Ok(Some(Submitted::NoDocument(place, Some(of))));
            }
        }
    }
    Ok(None)
}

fn insert(
    write: &mut Write<'_>,
    new: NewJob,
    found: Option<Found>,
) -> Result<Arc<Snapshot>, StoreError> {
    for document in new.brings() {
        documents::insert(write.connection, document)?;
    }
    sources::insert(write.connection, new.id, &new.sources)?;
    let kind = EventKind::Submitted(Box::new(new.submission));
    let event = Event { seq: Seq(1), at: new.at, kind };
    let snapshot = Snapshot::begin(new.id, &event)
        .map_err(|refused| StoreError::Damaged(refused.to_string()))?;
    insert_event(write, new.id, &event)?;
    let snapshot = Arc::new(snapshot);
    let reached = snapshot.clone();
    let position = write.announce(|_| Change::Reached(reached));
    put(write, None, &snapshot, position, None)?;
    keep_secrets(write, new.id, new.password, new.remote)?;
    match (found, new.reuse) {
        (Some(found), Some(key)) => reuse::complete(write, snapshot, found, &key, new.at),
        _ => Ok(snapshot),
    }
}

#[cfg(test)]
mod tests {
    use milepost_core::{DocumentId, DocumentInfo, Plan};
    use uuid::Uuid;

    use super::*;
    use crate::store::{Appended, Blobs, Decision};

    fn at() -> Timestamp {
        Timestamp::from_micros(1)
    }

    async fn submit(store: &Store, id: u128, stored: bool, alone: bool) -> Submitted {
        let owner = OwnerId::local();
        let info = DocumentInfo {
            id: DocumentId::new(Uuid::from_u128(1)),
            filename: "a.txt".into(),
            media_type: "text/plain".into(),
            bytes: 1,
            pages: None,
        };
        let content = Blobs::in_memory().store(Uuid::from_u128(1), "x".into()).await.unwrap();
        let document = NewDocument {
            info: info.clone(),
            owner: owner.clone(),
            created_at: at(),
            content,
            title: None,
        };
        let job = NewJob {
            id: JobId::new(Uuid::from_u128(id)),
            at: at(),
            submission: Submission {
                owner: owner.clone(),
                pipeline: Pipeline::Convert,
                plan: Plan::new([("converting", 1)]),
                document: Some(info),
                options: serde_json::json!({}),
                metadata: None,
                batch: None,
                priority: 0,
                max_attempts: 4,
                hold: false,
                force: false,
                collection: None,
                documents: None,
            },
            password: None,
            remote: None,
            document: (!stored).then_some(document),
            reuse: None,
            sources: Vec::new(),
            alone,
        };
        let new = NewJobs {
            owner,
            jobs: vec![job],
            idempotency: None,
            joins: None,
            max_batch: 1,
            max_waiting: 100,
            allowance: Allowance::UNLIMITED,
        };
        store.submit(new).await.unwrap()
    }

    #[tokio::test]
    async fn a_job_that_is_alone_waits_for_no_other_over_its_document() {
        let folder = tempfile::tempdir().unwrap();
        let (announcements, _bus) = tokio::sync::mpsc::unbounded_channel();
        let store = Store::open(folder.path(), announcements).unwrap();
        let first = JobId::new(Uuid::from_u128(2));
        assert!(matches!(submit(&store, 2, false, true).await, Submitted::Created(_)));
        let second = submit(&store, 3, true, true).await;
        assert!(matches!(second, Submitted::UnderWay(job) if job == first), "{second:?}");
        // Whoever does not mind is beside it.
        assert!(matches!(submit(&store, 4, true, false).await, Submitted::Created(_)));
        for job in [first, JobId::new(Uuid::from_u128(4))] {
            let cancel = |_: &Snapshot| Ok::<_, ()>(Decision::event(EventKind::Cancelled));
            let appended = store.append(job, at(), cancel).await.unwrap();
            assert!(matches!(appended, Appended::Done(_)));
        }
        assert!(matches!(submit(&store, 5, true, true).await, Submitted::Created(_)));
    }
}
