//! The tables of the SQLite store and their migrations. Enters: a connection to
//! a database of any earlier version. Leaves: one of this version. Never:
//! opens a database that a later version wrote.

use rusqlite::Connection;

use super::StoreError;

/// Each step leads from the version that is its index to the next one. A step
/// that was released is never edited.
const MIGRATIONS: &[&str] = &[
    "
    -- `snapshot` is the fold of the job's events; the columns before it repeat
    -- what lists, the queue and the sweeper look for.
    CREATE TABLE jobs (
        id          BLOB PRIMARY KEY,
        owner       TEXT NOT NULL,
        position    INTEGER NOT NULL,
        status      TEXT NOT NULL,
        pipeline    TEXT NOT NULL,
        document    BLOB,
        batch       BLOB,
        filename    TEXT,
        priority    INTEGER NOT NULL,
        not_before  INTEGER NOT NULL,
        created_at  INTEGER NOT NULL,
        updated_at  INTEGER NOT NULL,
        started_at  INTEGER,
        finished_at INTEGER,
        worker      TEXT,
        lease_until INTEGER,
        -- Kept beside the log, since the log is shown to its owner.
        password    TEXT,
        snapshot    TEXT NOT NULL
    );
    CREATE INDEX jobs_by_owner ON jobs(owner, id);
    CREATE INDEX jobs_by_status ON jobs(owner, status, id);
    CREATE INDEX jobs_by_document ON jobs(document, id) WHERE document IS NOT NULL;
    CREATE INDEX jobs_by_batch ON jobs(batch, id) WHERE batch IS NOT NULL;
    CREATE INDEX jobs_by_position ON jobs(owner, position);
    CREATE INDEX jobs_queued ON jobs(owner, priority DESC, id, not_before)
        WHERE status = 'queued';
    CREATE INDEX jobs_due ON jobs(not_before) WHERE status = 'queued';
    CREATE INDEX jobs_running ON jobs(owner, lease_until) WHERE status = 'running';
    CREATE INDEX jobs_finished ON jobs(finished_at) WHERE finished_at IS NOT NULL;

    CREATE TABLE events (
        job  BLOB NOT NULL,
        seq  INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (job, seq)
    ) WITHOUT ROWID;

    -- Content is inline where it is small, else an object of that name.
    CREATE TABLE documents (
        id         BLOB PRIMARY KEY,
        owner      TEXT NOT NULL,
        filename   TEXT NOT NULL,
        media_type TEXT NOT NULL,
        pages      INTEGER,
        created_at INTEGER NOT NULL,
        bytes      INTEGER NOT NULL,
        sha256     TEXT NOT NULL,
        inline     BLOB,
        object     TEXT
    );
    CREATE INDEX documents_by_owner ON documents(owner, id);
    CREATE INDEX documents_by_object ON documents(object) WHERE object IS NOT NULL;

    CREATE TABLE pages (
        job        BLOB NOT NULL,
        page       INTEGER NOT NULL,
        bytes      INTEGER NOT NULL,
        error      TEXT,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (job, page)
    ) WITHOUT ROWID;

    -- What was made of a page, or of the whole document where page is 0.
    CREATE TABLE texts (
        job    BLOB NOT NULL,
        page   INTEGER NOT NULL,
        format TEXT NOT NULL,
        bytes  INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        inline BLOB,
        object TEXT,
        PRIMARY KEY (job, page, format)
    );
    CREATE INDEX texts_by_object ON texts(object) WHERE object IS NOT NULL;

    CREATE TABLE idempotency (
        owner       TEXT NOT NULL,
        key         TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        job         BLOB NOT NULL,
        created_at  INTEGER NOT NULL,
        PRIMARY KEY (owner, key)
    ) WITHOUT ROWID;
    CREATE INDEX idempotency_by_age ON idempotency(created_at);

    -- When each owner last got a worker: the queue serves them in turn.
    CREATE TABLE turns (owner TEXT PRIMARY KEY, served_at INTEGER NOT NULL) WITHOUT ROWID;

    -- Survives the deletion of the jobs that it counted.
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO counters VALUES ('position', 0);
",
    "
    -- Whose workers take the job: '' are the server's own; nobody takes an
    -- external job from a queue.
    ALTER TABLE jobs ADD COLUMN queue TEXT;
    UPDATE jobs SET queue = '';
    DROP INDEX jobs_queued;
    DROP INDEX jobs_due;
    CREATE INDEX jobs_queued ON jobs(queue, owner, priority DESC, id, not_before)
        WHERE status = 'queued';
    CREATE INDEX jobs_due ON jobs(queue, not_before) WHERE status = 'queued';
    CREATE INDEX jobs_unled ON jobs(updated_at) WHERE status = 'running' AND lease_until IS NULL;
",
    "
    -- Where the document is yet to be fetched from. Kept beside the log like the
    -- password, and only until the document is there.
    ALTER TABLE jobs ADD COLUMN remote TEXT;
",
    "
    -- One request can make several jobs: a row for each, in order.
    CREATE TABLE requests (
        owner       TEXT NOT NULL,
        key         TEXT NOT NULL,
        place       INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        job         BLOB NOT NULL,
        created_at  INTEGER NOT NULL,
        PRIMARY KEY (owner, key, place)
    ) WITHOUT ROWID;
    INSERT INTO requests SELECT owner, key, 0, fingerprint, job, created_at FROM idempotency;
    DROP TABLE idempotency;
    ALTER TABLE requests RENAME TO idempotency;
    CREATE INDEX idempotency_by_age ON idempotency(created_at);
    CREATE INDEX idempotency_by_job ON idempotency(job);
",
    "
    -- The job under which pages and texts are stored, where it is another one, and
    -- by what a finished result is known again.
    ALTER TABLE jobs ADD COLUMN result BLOB;
    ALTER TABLE jobs ADD COLUMN reuse TEXT;
    CREATE INDEX jobs_by_result ON jobs(result) WHERE result IS NOT NULL;
    CREATE INDEX jobs_by_reuse ON jobs(owner, reuse, id) WHERE reuse IS NOT NULL;
",
    "
    -- For the start and the sweeper, which must not read all that has ended to find
    -- what has not, nor all documents to find the old ones.
    CREATE INDEX jobs_waiting ON jobs(updated_at) WHERE status IN ('awaiting', 'queued');
    CREATE INDEX documents_by_age ON documents(created_at);
",
    "
    -- A key is known by its hash alone. A revoked one stays, so that who had it can
    -- be said later.
    CREATE TABLE api_keys (
        id         BLOB PRIMARY KEY,
        sha256     BLOB NOT NULL UNIQUE,
        name       TEXT NOT NULL,
        start      TEXT NOT NULL,
        owner      TEXT NOT NULL,
        scopes     TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        used_at    INTEGER,
        revoked_at INTEGER
    ) WITHOUT ROWID;

    -- What signs the tokens that read one job.
    CREATE TABLE signing_keys (
        id         TEXT PRIMARY KEY,
        key        BLOB NOT NULL,
        created_at INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- Tokens that were made under an earlier epoch are void.
    ALTER TABLE jobs ADD COLUMN token_epoch INTEGER NOT NULL DEFAULT 0;
",
    "
    -- What is stored for each owner, documents and results. A result belongs to the
    -- owner of the job that made it or, where that is gone, of those that have it.
    CREATE TABLE usage (owner TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO usage SELECT owner, sum(bytes) FROM (
        SELECT owner, bytes FROM documents
        UNION ALL
        SELECT coalesce((SELECT owner FROM jobs WHERE id = texts.job),
            (SELECT owner FROM jobs WHERE result = texts.job LIMIT 1)), bytes FROM texts
    ) WHERE owner IS NOT NULL GROUP BY owner;
",
    "
    -- For clients that know documents by their names.
    CREATE INDEX documents_by_name ON documents(owner, filename, id);
",
    "
    -- What an owner calls a document, where that is not its file's name.
    ALTER TABLE documents ADD COLUMN title TEXT;
",
    "
    -- What a key signs: tokens that read one job, or requests to push services.
    ALTER TABLE signing_keys ADD COLUMN purpose TEXT NOT NULL DEFAULT 'job_token';

    -- Browsers that are told of a job's end, each by the URL at which its push
    -- service takes messages for it. Whoever has that URL and these keys can send some.
    CREATE TABLE push_subscriptions (
        id         BLOB PRIMARY KEY,
        owner      TEXT NOT NULL,
        endpoint   TEXT NOT NULL UNIQUE,
        p256dh     BLOB NOT NULL,
        auth       BLOB NOT NULL,
        -- The API key with which it was made, and with which it ends.
        key        BLOB,
        created_at INTEGER NOT NULL,
        renewed_at INTEGER NOT NULL,
        expires_at INTEGER
    );
    CREATE INDEX push_subscriptions_by_owner ON push_subscriptions(owner, renewed_at);

    -- What they are still to be told: of each batch, or job without one, its last end.
    CREATE TABLE push_messages (
        subscription BLOB NOT NULL,
        subject      BLOB NOT NULL,
        job          BLOB NOT NULL,
        batch        BLOB,
        position     INTEGER NOT NULL,
        ended_at     INTEGER NOT NULL,
        due_at       INTEGER NOT NULL,
        attempts     INTEGER NOT NULL,
        PRIMARY KEY (subscription, subject)
    ) WITHOUT ROWID;
    CREATE INDEX push_messages_by_due ON push_messages(due_at);
    CREATE INDEX jobs_unfinished_by_batch ON jobs(batch)
        WHERE batch IS NOT NULL AND finished_at IS NULL;
",
    "
    -- Who has signed in on a page. A session is known by the hash of what is in its
    -- cookie, and ends with the credential that it stands for.
    CREATE TABLE sessions (
        sha256     BLOB PRIMARY KEY,
        id         BLOB NOT NULL UNIQUE,
        owner      TEXT NOT NULL,
        scopes     TEXT NOT NULL,
        -- The API key, where it was one.
        key        BLOB,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sessions_by_owner ON sessions(owner, id);

    -- The session in which it was made, and with which it ends.
    ALTER TABLE push_subscriptions ADD COLUMN session BLOB;
",
    "
    -- For monitors, which ask often: batches, and counts of what has ended, which must
    -- not read each job's snapshot.
    CREATE INDEX jobs_by_owner_and_batch ON jobs(owner, batch) WHERE batch IS NOT NULL;
    CREATE INDEX jobs_ended ON jobs(owner, finished_at, started_at, pipeline, status,
        json_extract(snapshot, '$.document.media_type'),
        json_extract(snapshot, '$.document.bytes'),
        json_extract(snapshot, '$.document.pages')) WHERE finished_at IS NOT NULL;
",
    "
    -- Where an event stands in the order of all changes; unknown of older ones.
    ALTER TABLE events ADD COLUMN position INTEGER;
",
    "
    -- The documents of a job that has several, and what its owner says of each. Where
    -- it is the job's only one, the job names it.
    CREATE TABLE sources (
        job      BLOB NOT NULL,
        place    INTEGER NOT NULL,
        document BLOB,
        key      TEXT,
        metadata TEXT,
        PRIMARY KEY (job, place)
    ) WITHOUT ROWID;
    CREATE INDEX sources_by_document ON sources(document) WHERE document IS NOT NULL;

    -- The collection that a job fills.
    ALTER TABLE jobs ADD COLUMN collection TEXT;
    CREATE INDEX jobs_by_collection ON jobs(owner, collection, id) WHERE collection IS NOT NULL;
",
];

/// Whether the database is of this version.
pub(super) fn is_current(connection: &Connection) -> Result<bool, StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(version as usize == MIGRATIONS.len())
}

/// Brings the database to this version, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version: usize =
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))? as usize;
    if version > MIGRATIONS.len() {
        return Err(StoreError::TooNew { found: version, known: MIGRATIONS.len() });
    }
    for (index, step) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (index + 1) as i64)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{MIGRATIONS, migrate};
    use crate::store::{batches, documents, lists, sqlite, stats};

    #[test]
    fn what_was_stored_before_is_counted_for_its_owner() {
        let mut connection = Connection::open_in_memory().unwrap();
        let step = MIGRATIONS.iter().position(|step| step.contains("CREATE TABLE usage"));
        let step = step.unwrap();
        MIGRATIONS[..step].iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection.pragma_update(None, "user_version", step as i64).unwrap();
        let job = "INSERT INTO jobs (id, owner, position, status, pipeline, priority, not_before,
            created_at, updated_at, snapshot, result)
            SELECT ?, ?, 0, 'completed', 'convert', 0, 0, 0, 0, '', ?";
        // The third has the result of one that is gone.
        for (id, owner, result) in [(1, "anna", None), (2, "bert", None), (3, "bert", Some(9))] {
            connection.execute(job, (id, owner, result)).unwrap();
        }
        let document = "INSERT INTO documents (id, owner, filename, media_type, created_at, bytes,
            sha256) VALUES (?, ?, '', '', 0, ?, '')";
        for (id, owner, bytes) in [(1, "anna", 100), (2, "anna", 200), (3, "carl", 300)] {
            connection.execute(document, (id, owner, bytes)).unwrap();
        }
        let text = "INSERT INTO texts (job, page, format, bytes, sha256) VALUES (?, ?, '', ?, '')";
        for (job, page, bytes) in [(1, 0, 10), (1, 1, 20), (2, 0, 30), (9, 0, 40)] {
            connection.execute(text, (job, page, bytes)).unwrap();
        }
        migrate(&mut connection).unwrap();
        let mut rows = connection.prepare("SELECT owner, bytes FROM usage ORDER BY owner").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let rows: Vec<(String, i64)> = rows.collect::<Result<_, _>>().unwrap();
        let expected = [("anna", 330), ("bert", 70), ("carl", 300)];
        assert_eq!(rows, expected.map(|(owner, bytes)| (owner.to_owned(), bytes)));
    }

    #[test]
    fn what_runs_at_each_start_and_sweep_reads_by_an_index() {
        let often =
            [sqlite::WAITING, lists::WAITING_SINCE, lists::FINISHED_BEFORE, documents::UNUSED];
        read_by(" INDEX ", &often);
    }

    #[test]
    fn what_monitors_ask_reads_nothing_but_an_index() {
        read_by(" COVERING INDEX ", &[batches::NEWEST, stats::FINISHED, stats::ENDS]);
    }

    /// Holds that every look into a table is one of this kind.
    fn read_by(kind: &str, queries: &[&str]) {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        for sql in queries {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let parameters = vec![0; plan.parameter_count()];
            let mut steps = plan.query(rusqlite::params_from_iter(parameters)).unwrap();
            while let Some(step) = steps.next().unwrap() {
                let step: String = step.get("detail").unwrap();
                let reads = step.starts_with("SCAN") || step.starts_with("SEARCH");
                // What a part of the query made is no table.
                let made = step.starts_with("SCAN (");
                assert!(!reads || made || step.contains(kind), "{step} in {sql}");
            }
        }
    }
}
