//! The suite of every index, on the embedded one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod suite;

use milepost_index::{Build, Builder as _, Embedded, Index as _, IndexError, Limits};
use suite::tools::{add, at, build, facts, filled, found, name, owner, plain, settings};

fn open() -> (Embedded, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { max_collections: 20, ..Limits::default() };
    (Embedded::open(folder.path(), limits).unwrap(), folder)
}

suite::for_every_index!(open());

#[tokio::test]
async fn what_is_open_elsewhere_can_be_read_and_not_changed() {
    let (index, folder) = open();
    filled(&index, &["the lamp is lit"]).await;
    let beside = Embedded::open_beside(folder.path(), Limits::default()).unwrap();
    assert_eq!(found(&beside, "lamp").await.len(), 1);
    // What is published meanwhile is found, in whatever file it is.
    let anew = Build { recreate: true, ..build(2, settings(0)) };
    let builder = index.build(anew, at(2)).await.unwrap();
    add(&builder, facts("b"), plain(&["the lamp is out", "a second lamp"])).await;
    assert_eq!(found(&beside, "lamp").await.len(), 1);
    builder.finish(at(3)).await.unwrap();
    assert_eq!(found(&beside, "lamp").await.len(), 2);
    let put = beside.put(&owner(), &name("new"), settings(0), at(4)).await;
    assert!(matches!(put, Err(IndexError::Unavailable(_))), "{put:?}");
    assert!(beside.delete(&owner(), &name("papers")).await.is_err());
    assert!(beside.abandon(uuid::Uuid::nil()).await.is_err());
    drop(beside);
    assert_eq!(found(&index, "lamp").await.len(), 2);
}
