//! Bytes of any size. Enters: streams. Leaves: [`Content`], which is kept inline
//! in a row where it is small (one transaction, one sync) and as an object
//! beside the database where it is not. An object is synced to disk before
//! anything names it. Never: holds a large document in memory.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::StoreError;

/// Up to this size content lives in its row.
const INLINE_BYTES: usize = 64 * 1024;

/// Where some bytes are, and what they are.
#[derive(Clone, Debug)]
pub struct Content {
    /// How many.
    pub bytes: u64,
    /// Their SHA-256, in hex.
    pub sha256: String,
    /// The bytes themselves, or the name of their object.
    pub place: Place,
}

/// Inline or an object's name.
#[derive(Clone, Debug)]
pub enum Place {
    /// In the row.
    Inline(Bytes),
    /// In the object store.
    Object(String),
}

impl Content {
    /// Content that is small enough for its row, or that must be (the caller
    /// has it in memory anyway and bounds it).
    fn inline(bytes: Bytes) -> Self {
        let sha256 = hex(&Sha256::digest(&bytes));
        Self { bytes: bytes.len() as u64, sha256, place: Place::Inline(bytes) }
    }

    /// The two columns of a row.
    pub(super) fn columns(&self) -> (Option<&[u8]>, Option<&str>) {
        match &self.place {
            Place::Inline(bytes) => (Some(bytes), None),
            Place::Object(name) => (None, Some(name)),
        }
    }

    /// Back from a row's columns.
    pub(super) fn from_columns(
        bytes: i64,
        sha256: String,
        inline: Option<Vec<u8>>,
        object: Option<String>,
    ) -> Self {
        let place = match object {
            Some(name) => Place::Object(name),
            None => Place::Inline(inline.unwrap_or_default().into()),
        };
        Self { bytes: bytes as u64, sha256, place }
    }
}

/// The folder, later a bucket, that holds the objects.
#[derive(Clone)]
pub struct Blobs(Arc<dyn ObjectStore>);

impl Blobs {
    /// Objects as files under `folder`, which must exist.
    ///
    /// # Errors
    /// Where the folder cannot be used.
    pub fn local(folder: &Path) -> Result<Self, StoreError> {
        let files = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self(Arc::new(files)))
    }

    /// Objects in memory, for a run that keeps nothing.
    pub fn in_memory() -> Self {
        Self(Arc::new(object_store::memory::InMemory::new()))
    }

    /// Begins to take in content of unknown size.
    pub fn incoming(&self, id: Uuid) -> Incoming {
        Incoming {
            store: self.0.clone(),
            name: object_name(id),
            head: BytesMut::new(),
            writer: None,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Takes in what is in memory already.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn store(&self, id: Uuid, bytes: Bytes) -> Result<Content, StoreError> {
        if bytes.len() <= INLINE_BYTES {
            return Ok(Content::inline(bytes));
        }
        let mut incoming = self.incoming(id);
        incoming.push(&bytes).await?;
        incoming.finish().await
    }

    /// The bytes of `content` within `range`, as they come.
    ///
    /// # Errors
    /// Where the object is gone; later chunks may fail as well.
    pub async fn open(
        &self,
        content: &Content,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        match &content.place {
            Place::Inline(bytes) => {
                let part = bytes.slice(range.start as usize..range.end as usize);
                Ok(stream::once(async { Ok(part) }).boxed())
            }
            Place::Object(_) if range.is_empty() => Ok(stream::empty().boxed()),
            Place::Object(name) => {
                let options = object_store::GetOptions {
                    range: Some(range.into()),
                    ..object_store::GetOptions::default()
                };
                let found = self.0.get_opts(&name.as_str().into(), options).await?;
                Ok(found.into_stream().map_err(StoreError::from).boxed())
            }
        }
    }

    /// Removes an object; one that is gone already is no error.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub async fn remove(&self, name: &str) -> Result<(), StoreError> {
        match self.0.delete(&name.into()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes objects that nothing names; what cannot be removed now is left to
    /// the sweeper.
    pub async fn remove_all(&self, names: &[String]) {
        for name in names {
            if let Err(error) = self.remove(name).await {
                tracing::warn!(%error, "an object is left to the sweeper");
            }
        }
    }

    /// The names of all objects last written before `age` ago.
    pub fn older_than(
        &self,
        age: std::time::Duration,
    ) -> BoxStream<'static, Result<String, StoreError>> {
        let limit = std::time::SystemTime::now() - age;
        self.0
            .list(None)
            .map_err(StoreError::from)
            .try_filter_map(move |meta| async move {
                let written: std::time::SystemTime = meta.last_modified.into();
                Ok((written < limit).then(|| meta.location.to_string()))
            })
            .boxed()
    }
}

/// Content on its way in. Dropping it before [`Incoming::finish`] leaves nothing
/// behind that a row names; the sweeper removes what a crash left.
pub struct Incoming {
    store: Arc<dyn ObjectStore>,
    name: String,
    head: BytesMut,
    writer: Option<BufWriter>,
    hash: Sha256,
    bytes: u64,
}

impl Incoming {
    /// How many bytes came so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn push(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        self.hash.update(chunk);
        self.bytes += chunk.len() as u64;
        if let Some(writer) = &mut self.writer {
            writer.write_all(chunk).await?;
        } else if self.head.len() + chunk.len() <= INLINE_BYTES {
            self.head.extend_from_slice(chunk);
        } else {
            let mut writer = BufWriter::with_capacity(
                self.store.clone(),
                self.name.as_str().into(),
                1024 * 1024,
            );
            writer.write_all(&self.head).await?;
            writer.write_all(chunk).await?;
            self.head = BytesMut::new();
            self.writer = Some(writer);
        }
        Ok(())
    }

    /// Ends it: what is returned is durable as soon as its row is.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn finish(self) -> Result<Content, StoreError> {
        let place = match self.writer {
            None => Place::Inline(self.head.freeze()),
            Some(mut writer) => {
                writer.shutdown().await?;
                Place::Object(self.name)
            }
        };
        Ok(Content { bytes: self.bytes, sha256: hex(&self.hash.finalize()), place })
    }

    /// Ends it without keeping anything.
    pub async fn discard(self) {
        if let Some(mut writer) = self.writer {
            // What cannot be removed now is removed by the sweeper.
            let _ = writer.abort().await;
        }
    }
}

/// Two characters of the id's random tail as a folder keep folders small.
fn object_name(id: Uuid) -> String {
    let text = id.simple().to_string();
    format!("{}/{text}", &text[30..])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
