//! SQLite behind two doors: one writer thread that commits whatever has queued
//! up as one transaction (group commit: one sync to disk serves many changes),
//! and a few reading connections that never wait for it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use milepost_core::{Announcement, Change};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::recent::Recent;
use super::{StoreError, schema};

/// The most changes that share one transaction. Bounds how long the first of
/// them waits for the last.
const MAX_GROUP: usize = 256;
/// Changes that may wait for the writer before their senders are held back.
const WRITE_BACKLOG: usize = 4096;
const READERS: usize = 4;
/// How many jobs have not begun.
pub(super) const WAITING: &str =
    "SELECT count(*) FROM jobs WHERE status IN ('awaiting', 'queued') AND queue = ''";

/// A change that waits for the writer: it does its work inside the
/// transaction, then tells its caller how the commit went.
pub(super) type Pending = Box<dyn FnOnce(&mut Write<'_>) -> Reply + Send>;
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The database; cheap to clone. The file is closed when the last clone goes.
#[derive(Clone)]
pub struct Store {
    writer: mpsc::Sender<Pending>,
    readers: Arc<Readers>,
}

pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    asked: Asked,
}

/// Where a question is asked.
pub(super) enum Asked {
    /// On a thread for what blocks.
    Beside,
    /// Where its asker is, once the gate lets it: in a simulation no other thread
    /// may decide what comes first.
    #[cfg(test)]
    InLine(super::in_line::Gate),
}

/// The writing half: commits what waits, in groups.
pub struct Writer {
    pub(super) connection: Connection,
    /// How many jobs have not begun, as of the last commit.
    waiting: u64,
    recent: Recent,
    pub(super) pending: mpsc::Receiver<Pending>,
    announce: mpsc::UnboundedSender<Announcement>,
}

/// A group of which nobody has heard yet how its commit went.
pub struct Group {
    pub(super) outcome: Result<Vec<Announcement>, StoreError>,
    replies: Vec<Reply>,
}

/// One change inside the writer's transaction.
pub struct Write<'a> {
    pub(super) connection: &'a Connection,
    /// How many jobs have not begun, this transaction's changes included.
    pub(super) waiting: u64,
    pub(super) recent: &'a mut Recent,
    position: u64,
    announcements: Vec<Announcement>,
    /// What cost us the whole transaction. A full disk, for one, is an error of a
    /// single statement for which SQLite may undo everything.
    lost: Option<String>,
}

impl Write<'_> {
    /// The place that is taken next.
    pub(super) fn next_position(&self) -> u64 {
        self.position + 1
    }

    /// Takes the next place in the order of all changes and announces `change`
    /// there once the transaction is committed. Returns the place.
    pub(super) fn announce(&mut self, change: impl FnOnce(u64) -> Change) -> u64 {
        self.position += 1;
        let change = change(self.position);
        self.announcements.push(Announcement { position: self.position, change });
        self.position
    }
}

impl Store {
    /// Opens or makes the database in `folder`. Every committed change goes to
    /// `announcements`, in the order of commits.
    ///
    /// # Errors
    /// Where the file cannot be opened, is damaged, or is of a later version.
    pub fn open(
        folder: &Path,
        announcements: mpsc::UnboundedSender<Announcement>,
    ) -> Result<Self, StoreError> {
        let (store, writer) = Self::halves(folder, announcements, Asked::Beside)?;
        std::thread::Builder::new().name("store-writer".into()).spawn(move || writer.run())?;
        Ok(store)
    }

    /// As [`Store::open`], where a server may be running on it.
    ///
    /// # Errors
    /// As [`Store::open`]; and [`StoreError::OtherVersion`] where it is another
    /// version's, under which a running server would go on.
    pub fn open_beside(
        folder: &Path,
        announcements: mpsc::UnboundedSender<Announcement>,
    ) -> Result<Self, StoreError> {
        let path = folder.join("milepost.db");
        if path.exists() && !schema::is_current(&Connection::open(&path)?)? && is_served(folder)? {
            return Err(StoreError::OtherVersion);
        }
        Self::open(folder, announcements)
    }

    /// The database, and its writing half for whoever is to drive that.
    pub(super) fn halves(
        folder: &Path,
        announce: mpsc::UnboundedSender<Announcement>,
        asked: Asked,
    ) -> Result<(Self, Writer), StoreError> {
        let path = folder.join("milepost.db");
        let mut connection = Connection::open(&path)?;
        for_us_alone(&path, 0o600)?;
        tune(&connection)?;
        // FULL makes a commit wait for the disk: without it a power loss undoes
        // jobs that were answered with 202.
        connection.pragma_update(None, "synchronous", "FULL")?;
        // The same hot pages change in every transaction; the longer the log, the
        // more of their versions are never copied into the database.
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        // In KiB. Pages of the jobs under way, which would else be read back for
        // each of their changes; the memory is only taken where there are so many.
        connection.pragma_update(None, "cache_size", -16_384)?;
        schema::migrate(&mut connection)?;
        let waiting: i64 = connection.query_row(WAITING, [], |row| row.get(0))?;

        let mut idle = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(&path, flags)?;
            tune(&reader)?;
            idle.push(reader);
        }
        let (sender, pending) = mpsc::channel(WRITE_BACKLOG);
        let writer = Writer {
            connection,
            waiting: waiting as u64,
            recent: Recent::default(),
            pending,
            announce,
        };
        let permits = Arc::new(Semaphore::new(READERS));
        let readers = Arc::new(Readers { idle: Mutex::new(idle), permits, asked });
        Ok((Self { writer: sender, readers }, writer))
    }

    /// Runs `change` inside the writer's next transaction and returns once that
    /// is on disk. An error from `change` undoes what it did, and only that.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Write<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let pending: Pending = Box::new(move |write| {
            let outcome = in_savepoint(write, change);
            Box::new(move |committed| {
                // Nobody waits any more where the request was dropped.
                let _ = answer.send(committed.and(outcome));
            })
        });
        self.writer.send(pending).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Asks `question` on a reading connection, off the async threads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = self.readers.clone();
        let permits = readers.permits.clone();
        let permit = permits.acquire_owned().await.map_err(|_| StoreError::Closed)?;
        #[cfg(test)]
        if let Asked::InLine(gate) = &self.readers.asked {
            gate().await?;
        }
        let ask = move || {
            // Held here and not by the caller, who may be dropped (a client that
            // went away) while the connection is still out.
            let _permit = permit;
            let lock = || readers.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let connection = lock().pop().ok_or(StoreError::Closed)?;
            let outcome = question(&connection);
            lock().push(connection);
            outcome
        };
        match self.readers.asked {
            Asked::Beside => {
                tokio::task::spawn_blocking(ask).await.map_err(|_| StoreError::Closed)?
            }
            #[cfg(test)]
            Asked::InLine(_) => ask(),
        }
    }
}

/// Documents and their passwords are in there.
pub(super) fn for_us_alone(path: &Path, mode: u32) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}

/// Whether a server holds the folder.
fn is_served(folder: &Path) -> Result<bool, StoreError> {
    let lock = std::fs::File::create(folder.join("lock"))?;
    Ok(matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}

fn tune(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

impl Writer {
    /// Ends when the last [`Store`] is gone; what was sent before is still
    /// written.
    fn run(mut self) {
        let mut changes = Vec::with_capacity(MAX_GROUP);
        while self.pending.blocking_recv_many(&mut changes, MAX_GROUP) > 0 {
            for group in self.commit(&mut changes) {
                self.tell(group);
            }
        }
    }

    /// Makes `changes` as one transaction; as several where one of them loses it.
    pub(super) fn commit(&mut self, changes: &mut Vec<Pending>) -> Vec<Group> {
        let (mut groups, mut changes) = (Vec::new(), changes.drain(..));
        while changes.len() > 0 {
            let mut replies = Vec::with_capacity(changes.len());
            let outcome = commit_group(
                &mut self.connection,
                &mut self.waiting,
                &mut self.recent,
                &mut changes,
                &mut replies,
            );
            if outcome.is_err() {
                self.recent.clear();
            }
            // Not even begun: the others would fare no better.
            let hopeless = outcome.is_err() && replies.is_empty();
            groups.push(Group { outcome, replies });
            if hopeless {
                break;
            }
        }
        groups
    }

    /// Says how the commit went.
    pub(super) fn tell(&self, group: Group) {
        match group.outcome {
            Ok(announcements) => {
                // Announced before the callers hear of it and in commit order,
                // so that a position that was seen means all before it were.
                for announcement in announcements {
                    let _ = self.announce.send(announcement);
                }
                group.replies.into_iter().for_each(|reply| reply(Ok(())));
            }
            Err(error) => {
                tracing::error!(%error, "a transaction failed; nothing of it is stored");
                for reply in group.replies {
                    reply(Err(StoreError::NotCommitted(error.to_string())));
                }
            }
        }
    }
}

fn commit_group(
    connection: &mut Connection,
    waiting: &mut u64,
    recent: &mut Recent,
    group: &mut impl Iterator<Item = Pending>,
    replies: &mut Vec<Reply>,
) -> Result<Vec<Announcement>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let position: i64 = transaction
        .prepare_cached("SELECT value FROM counters WHERE name = 'position'")?
        .query_row([], |row| row.get(0))?;
    let mut write = Write {
        connection: &transaction,
        waiting: *waiting,
        recent,
        position: position as u64,
        announcements: Vec::new(),
        lost: None,
    };
    for change in group {
        replies.push(change(&mut write));
        // Those before it are undone as well, and those behind it would be made
        // in no transaction.
        if let Some(lost) = write.lost {
            return Err(StoreError::NotCommitted(lost));
        }
    }
    let Write { position, announcements, waiting: now_waiting, .. } = write;
    if !announcements.is_empty() {
        transaction
            .prepare_cached("UPDATE counters SET value = ? WHERE name = 'position'")?
            .execute([position as i64])?;
    }
    transaction.commit()?;
    *waiting = now_waiting;
    Ok(announcements)
}

fn in_savepoint<T>(
    write: &mut Write<'_>,
    change: impl FnOnce(&mut Write<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let (announced, waiting) = (write.announcements.len(), write.waiting);
    write.connection.prepare_cached("SAVEPOINT one")?.execute([])?;
    let released = change(write).and_then(|value| {
        write.connection.prepare_cached("RELEASE one")?.execute([])?;
        Ok(value)
    });
    released.inspect_err(|error| {
        write.announcements.truncate(announced);
        write.waiting = waiting;
        write.recent.clear();
        let undone = write.connection.execute_batch("ROLLBACK TO one; RELEASE one");
        if undone.is_err() || write.connection.is_autocommit() {
            write.lost = Some(error.to_string());
        }
    })
}
