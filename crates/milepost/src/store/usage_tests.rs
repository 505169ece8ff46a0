//! What owners use, on a real database: whatever happens to their documents and
//! results, the sum that is kept is the sum of what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use milepost_core::{
    DocumentId, DocumentInfo, EventKind, JobId, OwnerId, Pipeline, Plan, Status,
    Submitted as Submission, Timestamp,
};
use rusqlite::Connection;
use uuid::Uuid;

use super::jobs::{Appended, Decision, Deleted};
use super::leases::NodeId;
use super::pages::TextRow;
use super::sqlite::Store;
use super::submit::{NewJob, NewJobs, Submitted};
use super::{Allowance, Blobs, NewDocument, StorageFull};

struct Fixture {
    store: Store,
    folder: tempfile::TempDir,
}

const EVERY_OWNER: &str = "SELECT owner, sum(bytes) FROM (
    SELECT owner, bytes FROM documents UNION ALL
    SELECT (SELECT owner FROM jobs WHERE coalesce(result, id) = texts.job LIMIT 1), bytes
    FROM texts) GROUP BY owner";

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (announcements, _) = tokio::sync::mpsc::unbounded_channel();
        Self { store: Store::open(folder.path(), announcements).unwrap(), folder }
    }

    async fn document(&self, owner: &str, id: u128, bytes: usize) -> NewDocument {
        let id = Uuid::from_u128(id);
        let content = Blobs::in_memory().store(id, vec![b'x'; bytes].into()).await.unwrap();
        let info = DocumentInfo {
            id: DocumentId::new(id),
            filename: "a.txt".into(),
            media_type: "text/plain".into(),
            bytes: bytes as u64,
            pages: None,
        };
        NewDocument {
            info,
            owner: OwnerId::new(owner),
            created_at: at(id.as_u128()),
            content,
            title: None,
        }
    }

    async fn submit_within(
        &self,
        allowance: Allowance,
        owner: &str,
        id: u128,
        bytes: usize,
    ) -> Submitted {
        let document = self.document(owner, id, bytes).await;
        let owner = OwnerId::new(owner);
        let job = NewJob {
            id: JobId::new(Uuid::from_u128(id)),
            at: at(id),
            submission: Submission {
                owner: owner.clone(),
                pipeline: Pipeline::Convert,
                plan: Plan::new([("converting", 1)]),
                document: Some(document.info.clone()),
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
            document: Some(document),
            reuse: Some("key".into()),
            sources: Vec::new(),
            alone: false,
        };
        let new = NewJobs {
            owner,
            jobs: vec![job],
            idempotency: None,
            joins: None,
            max_batch: 1,
            max_waiting: 100,
            allowance,
        };
        self.store.submit(new).await.unwrap()
    }

    async fn submit(&self, owner: &str, id: u128, bytes: usize) -> Status {
        match self.submit_within(Allowance::UNLIMITED, owner, id, bytes).await {
            Submitted::Created(jobs) => jobs[0].status,
            other => panic!("{other:?}"),
        }
    }

    async fn claim(&self) {
        let until = at(3000).plus(Duration::from_secs(30));
        self.store.claim(NodeId::new("node"), at(3000), until, 9).await.unwrap();
    }

    async fn append(&self, id: u128, decision: Decision) {
        let job = JobId::new(Uuid::from_u128(id));
        let done = self.store.append(job, at(2000), move |_| Ok::<_, ()>(decision)).await;
        assert!(matches!(done.unwrap(), Appended::Done(_)));
    }

    /// Both pages and the whole, each text as long as `bytes`, and the end.
    async fn complete(&self, id: u128, pages: &[u32], bytes: usize) {
        for page in pages {
            let event = EventKind::Page { page: *page, bytes: bytes as u64, error: None };
            let texts = vec![text(*page, bytes).await];
            self.append(id, Decision { texts, ..Decision::event(event) }).await;
        }
        let completed = EventKind::Completed { formats: vec!["text".into()], reused: None };
        let (texts, reuse) = (vec![text(0, bytes).await], Some("key".into()));
        self.append(id, Decision { texts, reuse, ..Decision::event(completed) }).await;
    }

    async fn retry(&self, id: u128, again: Vec<u32>) {
        let retried = EventKind::Retried { max_attempts: 8, again };
        self.append(id, Decision::event(retried)).await;
        self.claim().await;
    }

    async fn delete(&self, id: u128) {
        let job = JobId::new(Uuid::from_u128(id));
        let done = self.store.delete_job(job, |_| Ok::<_, ()>(())).await.unwrap();
        assert!(matches!(done, Deleted::Done(_)));
    }

    /// What is kept of each owner, which is also what is there.
    fn stored(&self) -> BTreeMap<String, i64> {
        let database = Connection::open(self.folder.path().join("milepost.db")).unwrap();
        let read = |sql: &str| -> BTreeMap<String, i64> {
            let mut statement = database.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        let mut kept = read("SELECT owner, bytes FROM usage");
        kept.retain(|_, bytes| *bytes != 0);
        assert_eq!(kept, read(EVERY_OWNER));
        kept
    }

    async fn bytes(&self, owner: &str) -> u64 {
        self.stored();
        self.store.usage(OwnerId::new(owner)).await.unwrap().bytes
    }
}

fn at(micros: u128) -> Timestamp {
    Timestamp::from_micros(micros as i64)
}

async fn text(page: u32, bytes: usize) -> TextRow {
    let content = Blobs::in_memory().store(Uuid::nil(), vec![b'y'; bytes].into()).await.unwrap();
    TextRow { page, format: "text".into(), content }
}

#[tokio::test]
async fn the_sum_that_is_kept_is_what_is_there() {
    let it = Fixture::new();
    it.submit("anna", 1, 1000).await;
    it.submit("bert", 2, 70_000).await;
    assert_eq!((it.bytes("anna").await, it.bytes("bert").await), (1000, 70_000));
    it.claim().await;
    it.complete(1, &[1, 2], 10).await;
    assert_eq!(it.bytes("anna").await, 1030);
    // One result, two jobs.
    assert_eq!(it.submit("anna", 3, 1000).await, Status::Completed);
    assert_eq!(it.bytes("anna").await, 2030);
    // The job that made it goes on to write: each has its own now.
    it.retry(1, vec![2]).await;
    assert_eq!(it.bytes("anna").await, 2050);
    // What is written again takes the place of what was there.
    it.complete(1, &[2], 100).await;
    assert_eq!(it.bytes("anna").await, 2000 + 30 + 10 + 100 + 100);
    // One that reused a result begins without any.
    it.retry(3, vec![]).await;
    assert_eq!(it.bytes("anna").await, 2000 + 10 + 100 + 100);
    it.complete(3, &[1], 5).await;
    assert_eq!(it.bytes("anna").await, 2000 + 10 + 100 + 100 + 10);
    // A result goes with the last of its jobs.
    assert_eq!(it.submit("anna", 4, 1000).await, Status::Completed);
    it.delete(3).await;
    assert_eq!(it.bytes("anna").await, 3220);
    it.delete(4).await;
    it.delete(1).await;
    assert_eq!(it.bytes("anna").await, 3000);
    let document = DocumentId::new(Uuid::from_u128(1));
    assert_eq!(it.store.delete_document(document).await.unwrap(), Some(Ok(())));
    assert_eq!(it.bytes("anna").await, 2000);
    // The sweeper takes those that no job names, of whatever owner.
    let found = it.store.delete_unused_documents(at(100)).await.unwrap();
    assert_eq!((found.len(), it.bytes("anna").await, it.bytes("bert").await), (0, 0, 70_000));
    it.append(2, Decision::event(EventKind::Cancelled)).await;
    it.delete(2).await;
    let found = it.store.delete_unused_documents(at(100)).await.unwrap();
    assert_eq!((found.len(), it.stored().len()), (1, 0));
}

#[tokio::test]
async fn an_owner_without_room_is_refused_and_no_other() {
    let it = Fixture::new();
    let allowance = Allowance { bytes: 1000, ..Allowance::UNLIMITED };
    assert!(matches!(it.submit_within(allowance, "anna", 1, 600).await, Submitted::Created(_)));
    let full = it.submit_within(allowance, "anna", 2, 401).await;
    assert!(matches!(full, Submitted::StorageFull(StorageFull { stored: 600 })), "{full:?}");
    let document = it.document("anna", 3, 401).await;
    let added = it.store.add_document(document, allowance).await.unwrap();
    assert_eq!(added, Err(StorageFull { stored: 600 }));
    assert!(matches!(it.submit_within(allowance, "bert", 4, 600).await, Submitted::Created(_)));
    let document = it.document("anna", 5, 400).await;
    assert_eq!(it.store.add_document(document, allowance).await.unwrap(), Ok(()));
    assert_eq!((it.bytes("anna").await, it.bytes("bert").await), (1000, 600));
}

#[tokio::test]
async fn jobs_of_an_owner_that_wait_are_bounded_and_no_others() {
    let it = Fixture::new();
    let allowance = Allowance { waiting: 2, ..Allowance::UNLIMITED };
    for (id, owner, taken) in
        [(1, "anna", true), (2, "anna", true), (3, "anna", false), (4, "bert", true)]
    {
        let submitted = it.submit_within(allowance, owner, id, 1).await;
        assert_eq!(matches!(submitted, Submitted::Created(_)), taken, "{id}: {submitted:?}");
        assert_eq!(matches!(submitted, Submitted::OwnerQueueFull), !taken, "{id}");
    }
    assert_eq!(it.store.usage(OwnerId::new("anna")).await.unwrap().waiting, 2);
    // Those that have begun wait no more, and one whose result is there never does.
    it.claim().await;
    it.complete(1, &[1], 1).await;
    for id in 5..8 {
        let submitted = it.submit_within(allowance, "anna", id, 1).await;
        assert!(matches!(submitted, Submitted::Created(_)), "{id}: {submitted:?}");
    }
    assert_eq!(it.store.usage(OwnerId::new("anna")).await.unwrap().waiting, 0);
}
