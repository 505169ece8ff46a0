//! The store at rest, read past the server. Enters: the database after a life.
//! Leaves: whether it holds what was committed, no less and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use milepost_core::{Event, EventKind, JobId, Pipeline, Snapshot, Status};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::ledger::{Ledger, Record};

/// Whether the database is as the ledger says.
///
/// # Errors
/// What differs.
pub fn check(folder: &Path, ledger: &Ledger) -> Result<(), String> {
    let database = Connection::open(folder.join("milepost.db")).map_err(broken)?;
    let position: i64 = one(&database, "SELECT value FROM counters WHERE name = 'position'")?;
    if position as u64 != ledger.position {
        return Err(format!("the store is at {position}, and {} were told", ledger.position));
    }
    let mut rows = BTreeSet::new();
    let mut statement = database
        .prepare(
            "SELECT id, position, status, snapshot, worker IS NOT NULL AND lease_until IS NOT NULL
             FROM jobs",
        )
        .map_err(broken)?;
    let mut found = statement.query([]).map_err(broken)?;
    while let Some(row) = found.next().map_err(broken)? {
        let id = JobId::new(row.get(0).map_err(broken)?);
        rows.insert(id);
        let record = ledger.jobs.get(&id).filter(|record| !record.removed);
        let record = record.ok_or_else(|| format!("{id} is stored and should not be"))?;
        let last = record.last();
        let snapshot: String = row.get(3).map_err(broken)?;
        let snapshot: Snapshot = serde_json::from_str(&snapshot).map_err(|e| e.to_string())?;
        let (position, status): (i64, String) =
            (row.get(1).map_err(broken)?, row.get(2).map_err(broken)?);
        let leased: bool = row.get(4).map_err(broken)?;
        let runs = snapshot.status == Status::Running && snapshot.needs_worker();
        let same = snapshot == *last.snapshot
            && position as u64 == last.position
            && status == snapshot.status.as_str()
            && leased == runs;
        if !same {
            return Err(format!("{id} is stored as {snapshot:?} and not as {:?}", last.snapshot));
        }
        one_job(&database, id, record).map_err(|what| format!("{id}: {what}"))?;
    }
    let lost = ledger.jobs.iter().find(|(id, record)| !record.removed && !rows.contains(id));
    if let Some((id, _)) = lost {
        return Err(format!("{id} was accepted and is lost"));
    }
    for table in ["events", "pages", "texts", "idempotency", "sources"] {
        // A result stays as long as a job has it.
        let mut sql =
            format!("SELECT count(*) FROM {table} WHERE job NOT IN (SELECT id FROM jobs)");
        if ["pages", "texts"].contains(&table) {
            sql += " AND job NOT IN (SELECT result FROM jobs WHERE result IS NOT NULL)";
        }
        if one(&database, &sql)? > 0 {
            return Err(format!("{table} of a job that is gone are left"));
        }
    }
    usage(&database)
}

/// What is kept of each owner's usage is what is stored for that owner.
fn usage(database: &Connection) -> Result<(), String> {
    let sql = "SELECT owner, (SELECT coalesce(sum(bytes), 0) FROM documents
                WHERE owner = usage.owner) + (SELECT coalesce(sum(bytes), 0) FROM texts
                WHERE job IN (SELECT coalesce(result, id) FROM jobs WHERE owner = usage.owner)),
            bytes FROM usage UNION ALL
        SELECT DISTINCT owner, 1, 0 FROM documents WHERE owner NOT IN (SELECT owner FROM usage)";
    let mut statement = database.prepare(sql).map_err(broken)?;
    let mut rows = statement.query([]).map_err(broken)?;
    while let Some(row) = rows.next().map_err(broken)? {
        let (owner, stored): (String, i64) =
            (row.get(0).map_err(broken)?, row.get(1).map_err(broken)?);
        let kept: i64 = row.get(2).map_err(broken)?;
        if kept != stored {
            return Err(format!("{owner} has {stored} bytes, and {kept} are counted"));
        }
    }
    Ok(())
}

/// The log folds to the state, and what it speaks of is there.
fn one_job(database: &Connection, id: JobId, record: &Record) -> Result<(), String> {
    let mut statement = database
        .prepare_cached("SELECT body FROM events WHERE job = ? ORDER BY seq")
        .map_err(broken)?;
    let bodies = statement.query_map([id.uuid()], |row| row.get::<_, String>(0)).map_err(broken)?;
    let mut events = Vec::new();
    for body in bodies {
        let event: Event =
            serde_json::from_str(&body.map_err(broken)?).map_err(|error| error.to_string())?;
        events.push(event);
    }
    let folded = Snapshot::fold(id, &events).map_err(|refused| refused.to_string())?;
    if folded.as_ref() != Some(&*record.last().snapshot) {
        return Err("its log does not fold to its state".to_owned());
    }
    let job = &record.last().snapshot;
    if !matches!(job.pipeline, Pipeline::Convert | Pipeline::Ingest) {
        return Ok(());
    }
    let Some(document) = &job.document else { return Ok(()) };
    let result: Uuid = database
        .query_row("SELECT coalesce(result, id) FROM jobs WHERE id = ?", [id.uuid()], |row| {
            row.get(0)
        })
        .map_err(broken)?;
    let stored = texts(database, result, "markdown", &document.filename)?;
    let pages = pages(&events);
    if job.reused.is_none() {
        if !stored.keys().eq(pages.keys()) {
            return Err(format!("it has the pages {stored:?}, and its log {pages:?}"));
        }
        one_run_for_each_lease(&stored, &pages)?;
    }
    if job.pipeline == Pipeline::Ingest {
        return match job.status {
            Status::Completed => chunks(database, result, &stored),
            _ => Ok(()),
        };
    }
    let whole: String = stored.into_values().collect();
    let formats = if job.status == Status::Completed { &job.formats[..] } else { &[] };
    for format in formats {
        let made = text(database, result, 0, format)?;
        if made != whole {
            return Err(format!("its result is {made:?}, and its pages are {whole:?}"));
        }
    }
    if job.status == Status::Completed && formats.is_empty() {
        return Err("it is completed without a result".to_owned());
    }
    Ok(())
}

/// Whether the chunks are those of the pages, one of each.
fn chunks(
    database: &Connection,
    result: Uuid,
    pages: &BTreeMap<u32, String>,
) -> Result<(), String> {
    let made = text(database, result, 0, "chunks")?;
    let made: serde_json::Value = serde_json::from_str(&made).map_err(|e| e.to_string())?;
    let chunks = made["chunks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !chunks
        .iter()
        .map(|chunk| chunk["text"].as_str())
        .eq(pages.values().map(|page| Some(page.as_str())))
    {
        return Err(format!("its chunks are {chunks:?}, and its pages are {pages:?}"));
    }
    Ok(())
}

/// The pages that are stored, each of them about the right document.
fn texts(
    database: &Connection,
    result: Uuid,
    format: &str,
    filename: &str,
) -> Result<BTreeMap<u32, String>, String> {
    let mut statement = database
        .prepare_cached("SELECT page FROM pages WHERE job = ? ORDER BY page")
        .map_err(broken)?;
    let pages = statement.query_map([result], |row| row.get(0)).map_err(broken)?;
    let pages: Vec<u32> = pages.collect::<Result<_, _>>().map_err(broken)?;
    let mut texts = BTreeMap::new();
    for page in pages {
        let text = text(database, result, page, format)?;
        let name = filename.trim_end_matches(".txt");
        if !text.starts_with(&format!("document {name} page {page} run ")) {
            return Err(format!("page {page} of {filename} is {text:?}"));
        }
        texts.insert(page, text);
    }
    Ok(texts)
}

fn one_run_for_each_lease(
    texts: &BTreeMap<u32, String>,
    fences: &BTreeMap<u32, u64>,
) -> Result<(), String> {
    let (mut runs, mut leases) = (BTreeMap::new(), BTreeMap::new());
    for (page, fence) in fences {
        let run = texts[page].split_whitespace().last().unwrap_or_default();
        if runs.entry(fence).or_insert(run) != &run || leases.entry(run).or_insert(fence) != &fence
        {
            return Err(format!("two converters reported under lease {fence}, one was run {run}"));
        }
    }
    Ok(())
}

/// The pages that a log leaves, each with the lease under which it was reported.
fn pages(events: &[Event]) -> BTreeMap<u32, u64> {
    let (mut pages, mut fence) = (BTreeMap::new(), 0);
    for event in events {
        match &event.kind {
            EventKind::Started { .. } => fence += 1,
            EventKind::Page { page, .. } => drop(pages.insert(*page, fence)),
            EventKind::Completed { reused: Some(_), .. } => pages.clear(),
            EventKind::Retried { again, .. } => pages.retain(|page, _| !again.contains(page)),
            _ => {}
        }
    }
    pages
}

fn text(database: &Connection, result: Uuid, page: u32, format: &str) -> Result<String, String> {
    let sql = "SELECT inline FROM texts WHERE job = ? AND page = ? AND format = ?";
    let found =
        database.query_row(sql, params![result, page, format], |row| row.get::<_, Vec<u8>>(0));
    let bytes = found.map_err(|error| format!("page {page} as {format}: {error}"))?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn one(database: &Connection, sql: &str) -> Result<i64, String> {
    database.query_row(sql, [], |row| row.get(0)).map_err(broken)
}

fn broken(error: rusqlite::Error) -> String {
    format!("the database: {error}")
}
