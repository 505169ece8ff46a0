//! The store without threads of its own, for a simulation: whoever holds the
//! [`Driver`] decides which changes share a commit and when it happens, and a
//! gate decides when a question is asked. Never: another transaction than the
//! real one.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use milepost_core::Announcement;
use tokio::sync::mpsc;

use super::StoreError;
use super::sqlite::{Asked, Group, Pending, Store, Writer};

/// Awaited before each question; its error is the answer.
pub type Gate = Arc<dyn Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

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
    pub fn commit(&mut self) -> Group {
        self.writer.commit(&mut self.taken)
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
    use crate::store::{Blobs, NewDocument};

    async fn document(id: u128) -> NewDocument {
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
            content: Blobs::in_memory().store(id, "x".into()).await.unwrap(),
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
        let add = async |id| store.add_document(document(id).await).await;
        let both = async { tokio::join!(add(1), add(2)) };
        // A crash between commit and answer: the callers hear nothing good.
        let crash = async {
            assert!(driver.take(2).await);
            assert!(driver.commit().committed().is_some());
            drop(driver);
        };
        let (answers, ()) = tokio::join!(both, crash);
        assert!(matches!(answers, (Err(StoreError::Closed), Err(StoreError::Closed))));
        let (store, mut driver) = open();
        let told = async {
            assert!(driver.take(1).await);
            let group = driver.commit();
            driver.tell(group);
        };
        let (answer, ()) = tokio::join!(store.add_document(document(3).await), told);
        answer.unwrap();
        for id in [1, 2, 3] {
            let found = store.document(DocumentId::new(Uuid::from_u128(id))).await.unwrap();
            assert!(found.is_some(), "{id}");
        }
    }
}
