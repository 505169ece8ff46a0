//! Whose results are found again, on a real database.

use std::time::Duration;

use milepost_core::{
    DocumentId, DocumentInfo, EventKind, JobId, OwnerId, Pipeline, Plan, Snapshot, Status,
    Submitted as Submission, Timestamp,
};
use uuid::Uuid;

use super::jobs::{Appended, Decision};
use super::leases::NodeId;
use super::sqlite::Store;
use super::submit::{NewJob, NewJobs, Submitted};
use super::{Allowance, Blobs, NewDocument};

async fn submit(store: &Store, owner: &str, id: u128, key: &str) -> Snapshot {
    let (owner, id) = (OwnerId::new(owner), Uuid::from_u128(id));
    let at = Timestamp::from_micros(1);
    let info = DocumentInfo {
        id: DocumentId::new(id),
        filename: "a.txt".into(),
        media_type: "text/plain".into(),
        bytes: 1,
        pages: None,
    };
    let content = Blobs::in_memory().store(id, "x".into()).await.unwrap();
    let job = NewJob {
        id: JobId::new(id),
        at,
        submission: Submission {
            owner: owner.clone(),
            pipeline: Pipeline::Convert,
            plan: Plan::new([("converting", 1)]),
            document: Some(info.clone()),
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
        document: Some(NewDocument {
            info,
            owner: owner.clone(),
            created_at: at,
            content,
            title: None,
        }),
        reuse: Some(key.to_owned()),
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
        allowance: Allowance::UNLIMITED,
    };
    match store.submit(new).await.unwrap() {
        Submitted::Created(jobs) => (*jobs[0]).clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_result_is_found_by_its_owner_under_its_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (announcements, _) = tokio::sync::mpsc::unbounded_channel();
    let store = Store::open(folder.path(), announcements).unwrap();
    let first = submit(&store, "anna", 1, "key").await;
    let now = Timestamp::from_micros(2);
    let until = now.plus(Duration::from_secs(30));
    store.claim(NodeId::new("node"), now, until, 1).await.unwrap();
    let completed = EventKind::Completed { formats: vec!["text".into()], reused: None };
    let decision = Decision { reuse: Some("key".into()), ..Decision::event(completed) };
    let done = store.append(first.id, now, move |_| Ok::<_, ()>(decision)).await.unwrap();
    assert!(matches!(done, Appended::Done(_)));

    let same = submit(&store, "anna", 2, "key").await;
    assert_eq!((same.status, same.reused), (Status::Completed, Some(first.id)));
    // Of another converter, or of other options.
    assert_eq!(submit(&store, "anna", 3, "other key").await.status, Status::Queued);
    let stranger = submit(&store, "bert", 4, "key").await;
    assert_eq!((stranger.status, stranger.reused), (Status::Queued, None));
    // Nor by a stranger's worker, nor under a lease that is lost.
    let leases = store.claim(NodeId::new("node"), now, until, 2).await.unwrap();
    for lease in leases {
        let (id, fence) = (lease.snapshot.id, lease.snapshot.fence);
        let key = || "key".to_owned();
        assert!(store.reuse(id, fence + 1, key(), now).await.unwrap().is_none());
        let found = store.reuse(id, fence, key(), now).await.unwrap();
        assert_eq!(found.is_some(), lease.snapshot.owner.as_str() == "anna");
    }
}
