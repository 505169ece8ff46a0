//! Who did what to what, from where, and how it ended: a log of its own, one JSON
//! object on each line, only ever appended to. Enters: entries. Leaves: a file.
//! Never: holds a credential, or what a document says; makes a request wait for the
//! disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use milepost_core::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::access::Principal;
use crate::clock::Clock;

/// Things that one entry names.
const MAX_TARGETS: usize = 50;
/// In the place of an id.
pub const ALL_OF_ONES_OWN: &str = "mine";
/// Entries that may wait for the disk. More are counted, and the count is written.
const BACKLOG: usize = 16_384;
/// Entries that are written together.
const STEP: usize = 1000;

/// What somebody did, or was refused.
#[derive(Debug, Default, Serialize)]
pub struct Entry {
    /// When it ended.
    pub at: Timestamp,
    /// By which the other log knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// From where, behind the proxies that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// Who; absent where that is not known.
    #[serde(flatten)]
    pub who: Option<Who>,
    /// What: a route, or what was said on a socket.
    pub action: String,
    /// To what: the ids of jobs, documents, batches or keys, the names of collections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Value>,
    /// Why somebody was not known, or was not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long a connection lasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// Of what somebody names, what an entry keeps: ids, so that it is nothing secret and
/// nothing long, and not too many.
pub fn ids(named: impl IntoIterator<Item = String>) -> Vec<String> {
    let is_id = |text: &String| text == ALL_OF_ONES_OWN || uuid::Uuid::try_parse(text).is_ok();
    let mut ids: Vec<_> = named.into_iter().filter(is_id).collect();
    let more = ids.len().saturating_sub(MAX_TARGETS);
    if more > 0 {
        ids.truncate(MAX_TARGETS);
        ids.push(format!("and {more} more"));
    }
    ids
}

/// Somebody, as an entry names them.
#[derive(Clone, Debug, Serialize)]
pub struct Who {
    owner: String,
    credential: &'static str,
    /// Which API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<&Principal> for Who {
    fn from(principal: &Principal) -> Self {
        let key = principal.credential.key().map(|id| id.to_string());
        let owner = principal.caller.owner.as_str().to_owned();
        Self { owner, credential: principal.credential.kind(), key }
    }
}

/// A connection that watches, as long as it lasts. Its end is kept when it is dropped.
/// It costs a pointer where nothing is kept.
pub struct Attendance(Option<Box<Attended>>);

struct Attended {
    audit: Audit,
    clock: Clock,
    began: Timestamp,
    entry: Entry,
}

impl Attendance {
    /// The request with which it began.
    pub fn began_with(&mut self, request: Option<&str>) {
        if let Some(attended) = &mut self.0 {
            attended.entry.request = request.map(str::to_owned);
        }
    }

    /// It is known who it is.
    pub fn is_of(&mut self, principal: &Principal) {
        if let Some(attended) = &mut self.0 {
            attended.entry.who = Some(principal.into());
        }
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let at = self.clock.now();
        let seconds = Some(at.seconds_since(self.began).max(0.0));
        self.audit.note(Entry { at, seconds, ..std::mem::take(&mut self.entry) });
    }
}

/// The log; cheap to clone. It may be off.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<Inner>>);

struct Inner {
    entries: Mutex<Option<SyncSender<Entry>>>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// A log in this file, which is made where it is missing.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = append_to(&path)?;
        let (entries, waiting) = sync_channel(BACKLOG);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { path, file, lost: lost.clone(), torn: false };
        let thread = std::thread::Builder::new().name("audit".into());
        let thread = thread.spawn(move || writer.run(&waiting))?;
        let (entries, writer) = (Mutex::new(Some(entries)), Mutex::new(Some(thread)));
        Ok(Self(Some(Arc::new(Inner { entries, lost, writer }))))
    }

    /// Whether anything is kept.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Keeps an entry. Does not wait.
    pub fn note(&self, entry: Entry) {
        let Some(inner) = &self.0 else { return };
        let entries = inner.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = &*entries
            && let Err(TrySendError::Full(_)) = entries.try_send(entry)
        {
            inner.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps the end of a connection as `entry`.
    pub fn attend(&self, clock: &Clock, entry: impl FnOnce() -> Entry) -> Attendance {
        Attendance(self.is_on().then(|| {
            let (audit, clock) = (self.clone(), clock.clone());
            Box::new(Attended { audit, began: clock.now(), clock, entry: entry() })
        }))
    }

    /// Writes what is still there. Blocks.
    pub fn close(&self) {
        let Some(inner) = &self.0 else { return };
        drop(inner.entries.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(writer) = inner.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}

struct Writer {
    path: PathBuf,
    file: File,
    lost: Arc<AtomicU64>,
    /// The last line may be half written.
    torn: bool,
}

impl Writer {
    fn run(mut self, entries: &Receiver<Entry>) {
        while let Ok(entry) = entries.recv() {
            let all: Vec<_> = std::iter::once(entry).chain(entries.try_iter().take(STEP)).collect();
            if let Err(error) = self.write(&all) {
                tracing::error!(%error, "the audit log cannot be written");
                self.lost.fetch_add(all.len() as u64, Ordering::Relaxed);
            }
        }
    }

    fn write(&mut self, entries: &[Entry]) -> io::Result<()> {
        self.reopen()?;
        let mut lines = Vec::new();
        if self.torn {
            lines.push(b'\n');
        }
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            let at = entries.first().map(|entry| entry.at).unwrap_or_default();
            let action = format!("{lost} entries were lost: the disk was full or too slow");
            line(&mut lines, &Entry { at, action, ..Entry::default() })?;
        }
        for entry in entries {
            line(&mut lines, entry)?;
        }
        self.torn = true;
        self.file.write_all(&lines)?;
        self.torn = false;
        self.lost.fetch_sub(lost, Ordering::Relaxed);
        Ok(())
    }

    /// Whoever rotates logs moves the file away.
    fn reopen(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        let there = std::fs::metadata(&self.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(());
        }
        self.file = append_to(&self.path)?;
        Ok(())
    }
}

fn line(lines: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, entry)?;
    lines.push(b'\n');
    Ok(())
}

fn append_to(path: &Path) -> io::Result<File> {
    // Who used what is nobody else's affair.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_lines_and_a_moved_file_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let entry = |action: &str| Entry { action: action.to_owned(), ..Entry::default() };
        let audit = Audit::open(path.clone()).unwrap();
        audit.note(entry("one"));
        audit.close();
        audit.note(entry("after the end"));
        let audit = Audit::open(path.clone()).unwrap();
        std::fs::rename(&path, folder.path().join("old")).unwrap();
        audit.note(entry("two"));
        audit.close();
        let old = std::fs::read_to_string(folder.path().join("old")).unwrap();
        let new = std::fs::read_to_string(&path).unwrap();
        assert_eq!(old, "{\"at\":\"1970-01-01T00:00:00.000000Z\",\"action\":\"one\"}\n");
        assert_eq!(new, old.replace("one", "two"));
    }
}
