//! The index that needs nothing but a folder: SQLite, with FTS5 for words and a scan of
//! its own for vectors. Enters: builds, queries. Leaves: collections, entries, hits. It
//! never blocks the runtime, and never shows a half of anything.
//!
//! A folder holds
//!
//! - `catalog.db`: which collections there are, which builds are under way;
//! - `collections/ID.db`: one generation of one collection, with all that is found in it.
//!   A collection that is made anew gets a second file, and the catalog names the one or
//!   the other;
//! - `builds/ID.db`: what one build has staged.
//!
//! **Owners are apart** since nothing is shared that they could see of each other: a
//! collection has files of its own, so there is no table, no index and no statistic of
//! words in which there are two owners' rows. The catalog is the only way to a file, and
//! is asked with the owner, in whose name alone it is looked up; and each file says whose
//! it is, which is compared whenever it is opened. An id of somebody else's entry is
//! looked for in one's own file, and is not there.
//!
//! The order in which locks are taken: a generation's writer, then the catalog.

mod attributes;
mod builder;
mod calls;
mod catalog;
mod entries;
mod filter;
mod highlight;
mod keyword;
mod publish;
mod schema;
mod search;
mod shelf;
mod vector;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use self::catalog::{Catalog, Listed};
use self::schema::unavailable;
use self::shelf::Shelf;
use crate::collection::Collection;
use crate::error::IndexError;

pub use self::builder::EmbeddedBuilder;

type Result<T> = std::result::Result<T, IndexError>;

/// Bounds of an [`Embedded`] index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Collections that one owner may have.
    pub max_collections: u64,
    /// Collections whose files stay open; each takes up to six file descriptors.
    pub open_collections: usize,
    /// Searches that run at the same time; others wait.
    pub searches: usize,
    /// How long a search may take, from when it runs.
    pub search_time: Duration,
    /// Whether all of it happens on the thread that asks, which then waits: for a
    /// simulation, in which nothing may happen beside.
    pub in_line: bool,
}

impl Default for Limits {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            max_collections: 1000,
            open_collections: 32,
            searches: (2 * processors).max(4),
            search_time: Duration::from_secs(10),
            in_line: false,
        }
    }
}

/// Collections in a folder; cheap to clone. The folder is free for another process when
/// the last clone, and the last builder, is gone.
#[derive(Clone)]
pub struct Embedded {
    inner: Arc<Inner>,
}

struct Inner {
    limits: Limits,
    catalog: Catalog,
    shelf: Shelf,
    builds: std::path::PathBuf,
    searches: Arc<Semaphore>,
    /// Held for as long as this is open: two processes would tidy up each other's files.
    /// Without it nothing is changed.
    lock: Option<std::fs::File>,
}

/// How long a folder is waited for that another index has still open.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

impl Embedded {
    /// Opens or makes an index in `folder`, and removes from it what an earlier process
    /// left half made. Blocks; for up to five seconds where another process is just
    /// closing it.
    ///
    /// # Errors
    /// Where the folder cannot be written, or another process has it open:
    /// [`IndexError::Unavailable`]. Where the catalog is not one:
    /// [`IndexError::Damaged`].
    pub fn open(folder: &Path, limits: Limits) -> Result<Self> {
        let (collections, builds) = (folder.join("collections"), folder.join("builds"));
        for folder in [folder, &collections, &builds] {
            make_folder(folder)?;
        }
        let lock = lock(folder)?;
        let catalog = Catalog::open(&folder.join("catalog.db"))?;
        let (generations, staged) = catalog.files()?;
        shelf::tidy(&collections, &generations)?;
        shelf::tidy(&builds, &staged)?;
        let inner = Inner {
            catalog,
            shelf: Shelf::open(collections, limits.open_collections),
            builds,
            searches: Arc::new(Semaphore::new(limits.searches.max(1))),
            limits,
            lock: Some(lock),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens an index for reading alone, which another process may have open, and may
    /// change meanwhile. It is for a question or two: how much is in a collection is
    /// remembered as it was when it was looked at first.
    ///
    /// # Errors
    /// As for [`Embedded::open`], but for the other process.
    pub fn open_beside(folder: &Path, limits: Limits) -> Result<Self> {
        let (collections, builds) = (folder.join("collections"), folder.join("builds"));
        for folder in [folder, &collections, &builds] {
            make_folder(folder)?;
        }
        let inner = Inner {
            catalog: Catalog::open(&folder.join("catalog.db"))?,
            shelf: Shelf::open(collections, limits.open_collections),
            builds,
            searches: Arc::new(Semaphore::new(limits.searches.max(1))),
            limits,
            lock: None,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `work` where blocking holds up nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.inner.limits.in_line {
            return work(&self.inner);
        }
        let inner = self.inner.clone();
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(IndexError::Unavailable(error.to_string())),
        }
    }
}

impl Inner {
    /// Whether anything may be changed: who changes a file without the lock would have
    /// it remembered wrongly by the process that holds that.
    fn may_change(&self) -> Result<()> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(IndexError::Unavailable("it is open for reading only".to_owned())),
        }
    }

    fn staging_path(&self, staging: uuid::Uuid) -> std::path::PathBuf {
        self.builds.join(format!("{staging}.db"))
    }

    /// A collection with what its generation knows.
    fn collection(&self, listed: &Listed) -> Result<Collection> {
        let counts = self.shelf.counts(listed)?;
        Ok(Collection {
            name: listed.name.clone(),
            settings: listed.settings.clone(),
            documents: counts.documents,
            chunks: counts.chunks,
            bytes: self.shelf.bytes(listed.generation),
            created_at: listed.created_at,
            updated_at: listed.updated_at.max(counts.updated_at),
        })
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).map_err(unavailable)
}

fn lock(folder: &Path) -> Result<std::fs::File> {
    let file = std::fs::File::create(folder.join("lock")).map_err(unavailable)?;
    let begin = std::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if begin.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                let what = format!("{} is open in another process", folder.display());
                return Err(IndexError::Unavailable(what));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(unavailable(error)),
        }
    }
}

/// What is behind the lock. A panic of another thread leaves nothing half changed there:
/// the database undoes what was not committed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
