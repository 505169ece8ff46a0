//! The store without threads of its own, for a simulation: whoever holds the
//! [`Driver`] decides which changes share a commit and when it happens, and a
//! gate decides when a question is asked. Never: another transaction than the
//! real one.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use milepost_core::Announcement;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::StoreError;
use super::sqlite::{Asked, Group, Pending, Store, Writer};

/// Awaited before each question; its error is the answer.
pub type Gate = Arc<dyn Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

/// What is wrong during a commit.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The database cannot grow.
    DiskFull,
    /// The transaction does not reach the disk.
    Refused,
}

/// The writing half, step by step.
pub struct Driver {
    writer: Writer,
    taken: Vec<Pending>,
}

impl Driver {
    /// Waits for changes and takes up to `most` of them for the next commit.
    /// `false` once the store is gone.
    pub async fn take(&mut self, most: usize) -> bool {
        self.writer.pending.recv_many(&mut self.taken, most).await > 0
    }

    /// Commits what was taken. Nobody hears of it before [`Driver::tell`].
    pub fn commit(&mut self) -> Vec<Group> {
        self.writer.commit(&mut self.taken)
    }

    /// As [`Driver::commit`], while something is wrong below.
    pub fn commit_under(&mut self, fault: Option<Fault>) -> Vec<Group> {
        let Some(fault) = fault else { return self.commit() };
        let set = |connection: &mut Connection, fault: Option<Fault>| match fault {
            Some(Fault::DiskFull) => {
                let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
                connection.pragma_update(None, "max_page_count", pages)
            }
            Some(Fault::Refused) => connection.commit_hook(Some(|| true)),
            None => {
                connection.commit_hook(None::<fn() -> bool>)?;
                connection.pragma_update(None, "max_page_count", i64::from(u32::MAX - 1))
            }
        };
        set(&mut self.writer.connection, Some(fault)).expect("a fault can be had");
        let groups = self.commit();
        set(&mut self.writer.connection, None).expect("a fault can be mended");
        groups
    }

    /// Announces the group and answers its callers.
    pub fn tell(&self, group: Group) {
        self.writer.tell(group);
    }
}

impl Group {
    /// What was committed; `None` where nothing was.
    pub fn committed(&self) -> Option<&[Announcement]> {
        self.outcome.as_deref().ok()
    }
}

impl Store {
    /// As [`Store::open`], but nothing happens in it by itself.
    ///
    /// # Errors
    /// Where the database cannot be opened.
    pub fn open_in_line(
        folder: &Path,
        announcements: mpsc::UnboundedSender<Announcement>,
        gate: Gate,
    ) -> Result<(Self, Driver), StoreError> {
        let (store, writer) = Self::halves(folder, announcements, Asked::InLine(gate))?;
        Ok((store, Driver { writer, taken: Vec::new() }))
    }
}

#[cfg(test)]
mod tests {
    use milepost_core::{DocumentId, DocumentInfo, OwnerId, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::store::{Allowance, Blobs, NewDocument};

    const ALL: Allowance = Allowance::UNLIMITED;

    async fn document(id: u128, content: &str) -> NewDocument {
        let id = Uuid::from_u128(id);
        NewDocument {
            info: DocumentInfo {
                id: DocumentId::new(id),
                filename: "a.txt".to_owned(),
                media_type: "text/plain".to_owned(),
                bytes: 1,
                pages: None,
            },
            owner: OwnerId::local(),
            created_at: Timestamp::from_micros(0),
            content: Blobs::in_memory().store(id, content.to_owned().into()).await.unwrap(),
            title: None,
        }
    }

    #[tokio::test]
    async fn a_group_is_stored_before_anybody_hears_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let gate: Gate = Arc::new(|| Box::pin(async { Ok(()) }));
            Store::open_in_line(folder.path(), mpsc::unbounded_channel().0, gate).unwrap()
        };
        let (store, mut driver) = open();
        let add = async |id| store.add_document(document(id, "x").await, ALL).await;
        let both = async { tokio::join!(add(1), add(2)) };
        // A crash between commit and answer: the callers hear nothing good.
        let crash = async {
            assert!(driver.take(2).await);
            assert!(driver.commit()[0].committed().is_some());
            drop(driver);
        };
        let (answers, ()) = tokio::join!(both, crash);
        assert!(matches!(answers, (Err(StoreError::Closed), Err(StoreError::Closed))));
        let (store, mut driver) = open();
        let told = async {
            assert!(driver.take(1).await);
            driver.commit().into_iter().for_each(|group| driver.tell(group));
        };
        let (answer, ()) = tokio::join!(store.add_document(document(3, "x").await, ALL), told);
        answer.unwrap().unwrap();
        for id in [1, 2, 3] {
            let found = store.document(DocumentId::new(Uuid::from_u128(id))).await.unwrap();
            assert!(found.is_some(), "{id}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_takes_no_change_back_that_was_answered() {
        let folder = tempfile::tempdir().unwrap();
        let gate: Gate = Arc::new(|| Box::pin(async { Ok(()) }));
        let (announcements, _) = mpsc::unbounded_channel();
        let (store, mut driver) = Store::open_in_line(folder.path(), announcements, gate).unwrap();
        // The second finds no room, which costs SQLite the whole transaction.
        let large = "x".repeat(60_000);
        let contents = ["x", &large, "x"];
        let adds = contents.iter().zip(1..).map(async |(content, id)| {
            let added = store.add_document(document(id, content).await, ALL).await;
            let found = store.document(DocumentId::new(Uuid::from_u128(id))).await.unwrap();
            (added.is_ok(), found.is_some())
        });
        let told = async {
            assert!(driver.take(3).await);
            let groups = driver.commit_under(Some(Fault::DiskFull));
            groups.into_iter().for_each(|group| driver.tell(group));
        };
        let (answers, ()) = tokio::join!(futures_util::future::join_all(adds), told);
        assert_eq!(answers, [(false, false), (false, false), (true, true)]);
    }
}
