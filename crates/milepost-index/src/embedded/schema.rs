//! What the files hold. Enters: paths. Leaves: connections to files whose tables are
//! there and whose owner is the right one. It never makes a file where one should be.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::Result;
use crate::error::IndexError;

/// Which collections there are, and which builds are under way.
const CATALOG: &str = "
CREATE TABLE collections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    generation TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- The build that made it anew last, and its token.
    made INTEGER NOT NULL DEFAULT 0,
    made_by TEXT,
    UNIQUE (owner, name)
) STRICT;
CREATE TABLE builds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL,
    collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    -- What it writes into.
    generation TEXT NOT NULL,
    anew INTEGER NOT NULL,
    settings TEXT NOT NULL,
    -- The file of what it has staged.
    staging TEXT NOT NULL,
    UNIQUE (token, collection)
) STRICT;
CREATE INDEX builds_by_collection ON builds (collection);
";

/// One generation of one collection.
const GENERATION: &str = "
CREATE TABLE about (
    owner TEXT NOT NULL,
    collection TEXT NOT NULL,
    generation TEXT NOT NULL
) STRICT;
CREATE TABLE counts (
    documents INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    vectors INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO counts VALUES (0, 0, 0, 0);
CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL,
    facts TEXT NOT NULL,
    language TEXT,
    chunks INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    indexed_at INTEGER NOT NULL
) STRICT;
-- What documents can be filtered by. The kind keeps `1`, `\"1\"` and `true` apart.
CREATE TABLE attributes (
    field TEXT NOT NULL,
    kind TEXT NOT NULL,
    value ANY NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (field, kind, value, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX attributes_by_entry ON attributes (entry);
CREATE TABLE chunks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry INTEGER NOT NULL,
    place INTEGER NOT NULL,
    text TEXT NOT NULL,
    headings TEXT NOT NULL,
    first_page INTEGER,
    last_page INTEGER,
    language TEXT,
    keywords TEXT NOT NULL,
    characters INTEGER NOT NULL,
    tokens INTEGER,
    hash TEXT NOT NULL,
    UNIQUE (entry, place)
) STRICT;
CREATE INDEX chunks_by_hash ON chunks (hash);
CREATE TABLE vectors (
    chunk INTEGER PRIMARY KEY,
    -- Little-endian 32-bit floats.
    vector BLOB NOT NULL
) STRICT;
-- Bits of vectors, for a first look: see `vector/codes.rs`.
CREATE TABLE code_base (
    mean BLOB NOT NULL,
    shortest REAL NOT NULL,
    longest REAL NOT NULL
) STRICT;
CREATE TABLE codes (
    block INTEGER PRIMARY KEY,
    present BLOB NOT NULL,
    codes BLOB NOT NULL
) STRICT;
-- Words in their compared form; texts are in `chunks` and nowhere else.
CREATE VIRTUAL TABLE words USING fts5 (
    body, headings, title, parts,
    content = '', contentless_delete = 1, tokenize = 'ascii'
);
";

/// What one build has staged.
const STAGING: &str = "
CREATE TABLE chunks (
    key TEXT NOT NULL,
    place INTEGER NOT NULL,
    chunk TEXT NOT NULL,
    hash TEXT NOT NULL,
    vector BLOB,
    UNIQUE (key, place)
) STRICT;
CREATE INDEX chunks_by_hash ON chunks (hash);
";

/// Of each kind of file: what `PRAGMA user_version` says.
const VERSION: i64 = 1;

/// Which collection a generation belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub owner: String,
    pub collection: String,
    pub generation: String,
}

/// Opens or makes the catalog.
pub(super) fn catalog(path: &Path) -> Result<Connection> {
    let connection = make(path, CATALOG)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Makes the file of a generation, on disk when this returns.
pub(super) fn new_generation(path: &Path, about: &About) -> Result<()> {
    let connection = Connection::open(path)?;
    for_us_alone(path)?;
    // A row of vectors of common lengths wastes less of a larger page.
    connection.pragma_update(None, "page_size", 8192)?;
    tune(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(GENERATION)?;
    transaction.execute(
        "INSERT INTO about VALUES (?, ?, ?)",
        [&about.owner, &about.collection, &about.generation],
    )?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    drop(connection);
    // A file is only there for good when its folder says so.
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unavailable)?;
    }
    Ok(())
}

/// Opens a generation; to write where `write` says so.
pub(super) fn generation(path: &Path, about: &About, write: bool) -> Result<Connection> {
    let connection = present(path, write)?;
    tune(&connection)?;
    if write {
        // What was published is promised.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 2000)?;
    }
    check_version(&connection, path)?;
    let found = connection
        .query_row("SELECT owner, collection, generation FROM about", [], |row| {
            Ok(About { owner: row.get(0)?, collection: row.get(1)?, generation: row.get(2)? })
        })
        .optional()?;
    if found.as_ref() != Some(about) {
        return Err(IndexError::Damaged(format!("{} is of another collection", path.display())));
    }
    Ok(connection)
}

/// Opens or makes the file of what a build has staged.
///
/// A commit there survives the end of the process, and need not survive a power loss
/// (`synchronous=NORMAL` waits for the disk only where the log is copied): whoever builds
/// asks what is staged before they go on, and makes again what is not.
pub(super) fn staging(path: &Path) -> Result<Connection> {
    let connection = make(path, STAGING)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

fn make(path: &Path, tables: &str) -> Result<Connection> {
    let connection = Connection::open(path)?;
    for_us_alone(path)?;
    tune(&connection)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(tables)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    check_version(&connection, path)?;
    Ok(connection)
}

fn present(path: &Path, write: bool) -> Result<Connection> {
    let access =
        if write { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    Ok(Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

fn check_version(connection: &Connection, path: &Path) -> Result<()> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == VERSION {
        return Ok(());
    }
    Err(IndexError::Damaged(format!("{} has the version {version}", path.display())))
}

fn tune(connection: &Connection) -> Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In KiB.
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn for_us_alone(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, mode).map_err(unavailable)
}

pub(super) fn unavailable(error: std::io::Error) -> IndexError {
    IndexError::Unavailable(error.to_string())
}
