//! The order in which jobs are leased, on a real database.

use std::time::Duration;

use milepost_core::{
    DocumentId, DocumentInfo, JobId, OwnerId, Pipeline, Plan, Submitted as Submission, Timestamp,
};
use uuid::Uuid;

use super::Allowance;
use super::blobs::Blobs;
use super::documents::NewDocument;
use super::leases::NodeId;
use super::sqlite::Store;
use super::submit::{NewJob, NewJobs, Submitted};

struct Fixture {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (announcements, _) = tokio::sync::mpsc::unbounded_channel();
        Self { store: Store::open(folder.path(), announcements).unwrap(), _folder: folder }
    }

    /// Ids rise in the order of submission.
    async fn submit(&self, owner: &str, id: u128, priority: i32) {
        let at = Timestamp::from_micros(id as i64);
        let content = Blobs::in_memory().store(Uuid::from_u128(id), "x".into()).await.unwrap();
        let info = DocumentInfo {
            id: DocumentId::new(Uuid::from_u128(id)),
            filename: "a.txt".into(),
            media_type: "text/plain".into(),
            bytes: 1,
            pages: None,
        };
        let owner = OwnerId::new(owner);
        let job = NewJob {
            id: JobId::new(Uuid::from_u128(id)),
            at,
            submission: Submission {
                owner: owner.clone(),
                pipeline: Pipeline::Convert,
                plan: Plan::new([("converting", 1)]),
                document: Some(info.clone()),
                options: serde_json::json!({}),
                metadata: None,
                batch: None,
                priority,
                max_attempts: 4,
                hold: false,
                force: false,
                collection: None,
                documents: None,
            },
            password: None,
            remote: None,
            reuse: None,
            sources: Vec::new(),
            alone: false,
            document: Some(NewDocument {
                info,
                owner: owner.clone(),
                created_at: at,
                content,
                title: None,
            }),
        };
        let submitted = self.store.submit(NewJobs {
            owner,
            jobs: vec![job],
            idempotency: None,
            joins: None,
            max_batch: 1,
            max_waiting: 100,
            allowance: Allowance::UNLIMITED,
        });
        assert!(matches!(submitted.await.unwrap(), Submitted::Created(_)));
    }

    /// Leases `count` jobs one after the other, at rising times.
    async fn claim(&self, count: i64) -> Vec<u128> {
        let mut claimed = Vec::new();
        for turn in 0..count {
            let now = Timestamp::from_micros(1_000_000 + turn);
            let until = now.plus(Duration::from_secs(30));
            let leases = self.store.claim(NodeId::new("node"), now, until, 1).await.unwrap();
            claimed.extend(leases.iter().map(|lease| lease.snapshot.id.uuid().as_u128()));
        }
        claimed
    }
}

#[tokio::test]
async fn an_owner_with_many_jobs_does_not_hold_up_the_others() {
    let fixture = Fixture::new();
    for id in 1..=4 {
        fixture.submit("many", id, 0).await;
    }
    fixture.submit("few", 5, 0).await;
    fixture.submit("late", 6, 0).await;
    assert_eq!(fixture.claim(6).await, [1, 5, 6, 2, 3, 4]);
}

#[tokio::test]
async fn a_priority_counts_among_ones_own_jobs_only() {
    let fixture = Fixture::new();
    fixture.submit("a", 1, 0).await;
    fixture.submit("a", 2, 100).await;
    fixture.submit("b", 3, -100).await;
    assert_eq!(fixture.claim(3).await, [2, 3, 1]);
}

#[tokio::test]
async fn a_place_in_the_queue_counts_the_turns_of_others() {
    let fixture = Fixture::new();
    for id in 1..=3 {
        fixture.submit("many", id, 0).await;
    }
    fixture.submit("few", 4, 0).await;
    let place =
        async |id: u128| fixture.store.queue_place(JobId::new(Uuid::from_u128(id))).await.unwrap();
    assert_eq!(place(1).await, Some((1, 4)));
    // One turn of the other owner comes before the second and the third.
    assert_eq!(place(2).await, Some((3, 4)));
    assert_eq!(place(3).await, Some((4, 4)));
    assert_eq!(place(4).await, Some((1, 4)));
    assert_eq!(place(9).await, None);
}

#[tokio::test]
async fn a_lease_that_nobody_extends_runs_out() {
    let fixture = Fixture::new();
    fixture.submit("a", 1, 0).await;
    fixture.submit("a", 2, 0).await;
    fixture.claim(2).await;
    let (kept, lost) = (JobId::new(Uuid::from_u128(1)), JobId::new(Uuid::from_u128(2)));
    let later = Timestamp::from_micros(60_000_000);
    let until = later.plus(Duration::from_secs(30));
    fixture.store.extend_leases(NodeId::new("node"), vec![kept], until).await.unwrap();
    fixture.store.extend_leases(NodeId::new("other"), vec![lost], until).await.unwrap();
    assert_eq!(fixture.store.expired(later).await.unwrap(), [lost]);
}
