//! Open generations. Enters: which one is needed. Leaves: connections to it, lent out one
//! at a time. It never holds more of them open than it may, but for those in use.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use milepost_core::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::catalog::Listed;
use super::schema::{self, About, unavailable};
use super::{Result, locked};
use crate::error::IndexError;

/// Reading connections that a generation keeps while nobody uses them.
const IDLE_READERS: usize = 2;

/// The folder of generations, and those of them that are open.
pub(super) struct Shelf {
    folder: PathBuf,
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// Everything that anybody holds, so that a generation is open once.
    live: HashMap<Uuid, Weak<Generation>>,
    /// What is kept for the next who asks, the latest last.
    recent: VecDeque<Arc<Generation>>,
    counts: HashMap<Uuid, Counts>,
}

/// How much is in a generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub documents: u64,
    pub chunks: u64,
    pub vectors: u64,
    pub updated_at: Timestamp,
}

/// One generation of a collection, open.
pub(super) struct Generation {
    pub id: Uuid,
    path: PathBuf,
    about: About,
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
}

impl Shelf {
    /// Generations in `folder`, of which `most` stay open.
    pub(super) fn open(folder: PathBuf, most: usize) -> Self {
        Self { folder, most: most.max(1), open: Mutex::default() }
    }

    pub(super) fn path(&self, generation: Uuid) -> PathBuf {
        self.folder.join(format!("{generation}.db"))
    }

    /// Makes a file for a new generation.
    pub(super) fn make(&self, about: &About, generation: Uuid) -> Result<()> {
        schema::new_generation(&self.path(generation), about)
    }

    /// A generation of a collection. That the file is there, and is that collection's,
    /// shows when a connection is asked for.
    pub(super) fn get(&self, listed: &Listed, generation: Uuid) -> Arc<Generation> {
        let mut open = locked(&self.open);
        let live = open.live.get(&generation).and_then(Weak::upgrade);
        let found = live.unwrap_or_else(|| {
            Arc::new(Generation {
                id: generation,
                path: self.path(generation),
                about: listed.about(generation),
                writer: Mutex::new(None),
                readers: Mutex::default(),
            })
        });
        open.live.insert(generation, Arc::downgrade(&found));
        open.recent.retain(|other| other.id != generation);
        open.recent.push_back(found.clone());
        let mut leaving = Vec::new();
        while open.recent.len() > self.most {
            leaving.extend(open.recent.pop_front());
        }
        if open.live.len() > 4 * self.most {
            open.live.retain(|_, weak| weak.strong_count() > 0);
        }
        drop(open);
        // Files are closed without holding anybody up.
        drop(leaving);
        found
    }

    /// What is in a generation, from memory where it was asked before.
    pub(super) fn counts(&self, listed: &Listed) -> Result<Counts> {
        if let Some(counts) = locked(&self.open).counts.get(&listed.generation) {
            return Ok(*counts);
        }
        let generation = self.get(listed, listed.generation);
        let counts = generation.read(counts)?;
        // Whoever has written meanwhile knows better.
        Ok(*locked(&self.open).counts.entry(generation.id).or_insert(counts))
    }

    /// Remembers what is in a generation, as of a commit.
    pub(super) fn note(&self, generation: Uuid, counts: Counts) {
        locked(&self.open).counts.insert(generation, counts);
    }

    /// What a generation takes on disk, in bytes.
    pub(super) fn bytes(&self, generation: Uuid) -> u64 {
        let path = self.path(generation);
        [path.clone(), beside(&path, "-wal")]
            .iter()
            .filter_map(|path| path.metadata().ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// Removes a generation. Who has it open still reads it to the end.
    pub(super) fn remove(&self, generation: Uuid) {
        let mut open = locked(&self.open);
        open.live.remove(&generation);
        open.counts.remove(&generation);
        let at = open.recent.iter().position(|other| other.id == generation);
        let leaving = at.and_then(|at| open.recent.remove(at));
        drop(open);
        // The name goes first: what closes last would else still copy its log into it.
        remove_file(&self.path(generation));
        drop(leaving);
    }
}

impl Generation {
    /// Asks on a connection of one's own; what is asked sees one state of the file.
    pub(super) fn read<T>(&self, question: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = locked(&self.readers).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => schema::generation(&self.path, &self.about, false)?,
        };
        let outcome = {
            let snapshot = reader.unchecked_transaction()?;
            question(&snapshot)
        };
        let mut readers = locked(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(reader);
        }
        outcome
    }

    /// The one connection that writes, for as long as the guard is held.
    pub(super) fn writer(&self) -> Result<Writer<'_>> {
        let mut guard = locked(&self.writer);
        if guard.is_none() {
            *guard = Some(schema::generation(&self.path, &self.about, true)?);
        }
        Ok(Writer(guard))
    }
}

/// Holds a generation's one writing connection.
pub(super) struct Writer<'a>(MutexGuard<'a, Option<Connection>>);

impl Writer<'_> {
    /// The connection.
    pub(super) fn connection(&mut self) -> &mut Connection {
        self.0.as_mut().expect("a writer is made with an open connection")
    }
}

pub(super) fn counts(connection: &Connection) -> Result<Counts> {
    let sql = "SELECT documents, chunks, vectors, updated_at FROM counts";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| {
        Ok(Counts {
            documents: row.get::<_, i64>(0)? as u64,
            chunks: row.get::<_, i64>(1)? as u64,
            vectors: row.get::<_, i64>(2)? as u64,
            updated_at: Timestamp::from_micros(row.get(3)?),
        })
    })?)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Removes a database with what belongs to it.
pub(super) fn remove_file(path: &Path) {
    for path in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "a file of the index stays behind");
            }
            _ => {}
        }
    }
}

/// Removes every database in `folder` but `named`: what a process left behind that ended
/// between making or giving up a file and saying so in the catalog.
pub(super) fn tidy(folder: &Path, named: &[Uuid]) -> Result<()> {
    for file in std::fs::read_dir(folder).map_err(unavailable)? {
        let path = file.map_err(unavailable)?.path();
        let stem = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((id, kind)) = stem.split_once('.') else { continue };
        let Ok(id) = Uuid::try_parse(id) else { continue };
        if kind == "db" && !named.contains(&id) {
            remove_file(&path);
        }
    }
    Ok(())
}

impl From<rusqlite::Error> for IndexError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::TypeMismatch,
            ) => Self::Damaged(error.to_string()),
            None if matches!(error, rusqlite::Error::FromSqlConversionFailure(..)) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
