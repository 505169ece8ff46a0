//! Who is still to be told what, as time goes on and credentials end.

use milepost_core::{
    Event, EventKind, JobId, OwnerId, Pipeline, Plan, Scopes, Seq, Snapshot, Status, Submitted,
    Timestamp,
};
use uuid::Uuid;

use super::push::{PushTarget, SubscriptionRow, note_end};
use super::{KeyRow, Store};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn ended() -> Snapshot {
    let submission = Submitted {
        owner: OwnerId::local(),
        pipeline: Pipeline::External,
        plan: Plan::new([("working", 1)]),
        document: None,
        options: serde_json::json!({}),
        metadata: None,
        batch: None,
        priority: 0,
        max_attempts: 1,
        hold: false,
        force: false,
        collection: None,
        documents: None,
    };
    let kind = EventKind::Submitted(Box::new(submission));
    let event = Event { seq: Seq(1), at: at(1), kind };
    let job = Snapshot::begin(JobId::new(Uuid::from_u128(1)), &event).unwrap();
    Snapshot { status: Status::Failed, ..job }
}

async fn with_subscription(
    key: Option<Uuid>,
    expires_at: Option<Timestamp>,
) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let (announcements, _bus) = tokio::sync::mpsc::unbounded_channel();
    let store = Store::open(folder.path(), announcements).unwrap();
    let endpoint = "https://push.example/1".to_owned();
    let row = SubscriptionRow {
        id: Uuid::from_u128(2),
        owner: OwnerId::local(),
        target: PushTarget { endpoint, p256dh: vec![4], auth: vec![0] },
        key,
        session: None,
        created_at: at(1),
        expires_at,
    };
    store.subscribe_push(row, at(1), 1).await.unwrap();
    (folder, store)
}

async fn note(store: &Store, position: u64) {
    let noted = store.write(move |write| note_end(write.connection, &ended(), position));
    noted.await.unwrap();
}

#[tokio::test]
async fn an_end_is_not_settled_with_the_one_before() {
    let (_folder, store) = with_subscription(None, None).await;
    let waiting = async || store.push_messages(at(5), 10).await.unwrap();
    note(&store, 7).await;
    let first = waiting().await;
    store.push_later(&first[0], at(9)).await.unwrap();
    assert_eq!((waiting().await[0].attempts, waiting().await[0].due_at), (1, at(9)));
    note(&store, 8).await;
    store.push_later(&first[0], at(99)).await.unwrap();
    store.push_done(&first[0]).await.unwrap();
    let second = waiting().await;
    assert_eq!((second.len(), second[0].position, second[0].attempts), (1, 8, 0));
    store.push_done(&second[0]).await.unwrap();
    assert!(waiting().await.is_empty());
}

#[tokio::test]
async fn a_subscription_ends_with_its_time_or_its_key() {
    let id = Uuid::from_u128(3);
    let key = KeyRow {
        id,
        name: "script".to_owned(),
        start: "mp_0".to_owned(),
        owner: OwnerId::local(),
        scopes: Scopes::OWN,
        created_at: at(1),
        expires_at: Some(at(20)),
        used_at: None,
        revoked_at: None,
    };
    for (of, expires_at, revoke, last) in [
        (None, None, false, 100),
        (None, Some(at(10)), false, 9),
        (Some(id), None, false, 19),
        (Some(id), Some(at(10)), false, 9),
        (Some(id), None, true, 0),
        (Some(Uuid::from_u128(4)), None, false, 0),
    ] {
        let (_folder, store) = with_subscription(of, expires_at).await;
        store.add_key(key.clone(), [0; 32]).await.unwrap();
        if revoke {
            store.revoke_key(id, at(1)).await.unwrap();
        }
        note(&store, 7).await;
        let count = async |now| {
            let listed = store.push_subscriptions(OwnerId::local(), now).await.unwrap().len();
            let told = store.push_messages(now, 10).await.unwrap().len();
            assert_eq!(listed, told);
            listed
        };
        if last > 0 {
            store.forget_subscriptions(at(last), false).await.unwrap();
            assert_eq!(count(at(last)).await, 1, "{of:?} {expires_at:?}");
        }
        assert_eq!(count(at(last + 1)).await, usize::from(last == 100));
        store.forget_subscriptions(at(last + 1), last == 100).await.unwrap();
        assert_eq!(count(at(0)).await, 0, "{of:?} {expires_at:?}");
    }
}
