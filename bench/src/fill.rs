//! Fills a database quickly. Enters: a server's binary, a number. Leaves: a
//! folder with so many jobs. A few real jobs of each kind live their lives in a
//! real server; then their rows are copied, each with ids of its own, whatever
//! columns the tables have. Never: a row that the server did not shape.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde_json::json;

use crate::server::Launch;

/// What a job's rows are found by, in each table that has some.
const TABLES: [(&str, &str); 5] = [
    ("jobs", "id = ?1"),
    ("events", "job = ?1"),
    ("pages", "job = ?1"),
    ("texts", "job = ?1"),
    ("documents", "id = (SELECT document FROM jobs WHERE id = ?1)"),
];

/// One row of a table.
struct Row {
    insert: String,
    /// Where the order of all changes stands in it.
    position: Option<usize>,
    values: Vec<Value>,
}

/// All rows of one job, and the ids in them that are its own.
struct Pattern {
    rows: Vec<Row>,
    ids: Vec<[u8; 16]>,
}

/// Fills `folder` with `count` jobs: of 100, 64 are external and completed, 30
/// are converted texts, two each have failed, were cancelled, or, where `live`,
/// run and wait.
pub async fn fill(binary: &Path, folder: &Path, count: u64, live: bool) -> anyhow::Result<()> {
    let jobs = patterns(binary, folder).await?;
    let mut connection = Connection::open(folder.join("milepost.db"))?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -200_000)?;
    let patterns = jobs.iter().map(|job| pattern(&connection, job));
    let [external, text, failed, cancelled, running, waiting] =
        patterns.collect::<anyhow::Result<Vec<_>>>()?.try_into().ok().context("six kinds")?;
    let began = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let transaction = connection.transaction()?;
    let mut position: i64 =
        transaction.query_row("SELECT value FROM counters WHERE name = 'position'", [], |row| {
            row.get(0)
        })?;
    for number in 0..count {
        let pattern = match number % 100 {
            0 | 50 => &failed,
            1 | 51 => &cancelled,
            2 | 52 if live => &running,
            3 | 53 if live => &waiting,
            other if other % 10 < 7 => &external,
            _ => &text,
        };
        position += 1;
        // In the past, so that new jobs are the newest.
        let millis = began - (count - number);
        pattern.insert(&transaction, millis, number, position)?;
    }
    transaction.execute("UPDATE counters SET value = ?1 WHERE name = 'position'", [position])?;
    transaction.commit()?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(())
}

impl Pattern {
    fn insert(
        &self,
        connection: &Connection,
        millis: u64,
        number: u64,
        position: i64,
    ) -> anyhow::Result<()> {
        let new: Vec<[u8; 16]> =
            (0..self.ids.len()).map(|index| id(millis, number, index as u8)).collect();
        for row in &self.rows {
            let mut values = row.values.clone();
            for (column, value) in values.iter_mut().enumerate() {
                for (old, new) in self.ids.iter().zip(&new) {
                    match value {
                        Value::Blob(bytes) if bytes == old => *bytes = new.to_vec(),
                        Value::Text(text) => {
                            let (old, new) = (hyphened(old), hyphened(new));
                            if text.contains(&old) {
                                *text = text.replace(&old, &new);
                            }
                        }
                        _ => {}
                    }
                }
                if row.position == Some(column) {
                    *value = Value::Integer(position);
                }
            }
            connection.prepare_cached(&row.insert)?.execute(params_from_iter(values))?;
        }
        Ok(())
    }
}

/// A version 7 UUID of that time.
fn id(millis: u64, number: u64, index: u8) -> [u8; 16] {
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id[6..8].copy_from_slice(&[0x70, index]);
    id[8..].copy_from_slice(&(number | 1 << 63).to_be_bytes());
    id
}

fn hyphened(id: &[u8; 16]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn bytes(id: &str) -> anyhow::Result<[u8; 16]> {
    let number = u128::from_str_radix(&id.replace('-', ""), 16)?;
    Ok(number.to_be_bytes())
}

fn pattern(connection: &Connection, job: &str) -> anyhow::Result<Pattern> {
    let id = bytes(job)?;
    let mut rows = Vec::new();
    let mut ids = vec![id];
    for (table, of) in TABLES {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} WHERE {of}"))?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let places = vec!["?"; names.len()].join(",");
        let insert = format!("INSERT INTO {table} VALUES ({places})");
        let position = names.iter().position(|name| name == "position");
        let mut found = statement.query([id])?;
        while let Some(row) = found.next()? {
            let values: Vec<Value> =
                (0..names.len()).map(|column| row.get(column)).collect::<Result<_, _>>()?;
            if let ("documents", Value::Blob(id)) = (table, &values[0]) {
                ids.push(id.as_slice().try_into().context("no id")?);
            }
            rows.push(Row { insert: insert.clone(), position, values });
        }
    }
    ensure!(!rows.is_empty(), "{job} is not in the database");
    Ok(Pattern { rows, ids })
}

/// Real jobs: completed, converted, failed, cancelled, running, waiting.
async fn patterns(binary: &Path, folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut server = Launch::over(binary, 1, folder).start().await?;
    let client = reqwest::Client::new();
    let jobs = format!("{}/v1/jobs", server.url.trim_end_matches('/'));
    let post = async |path: &str, body: serde_json::Value| -> anyhow::Result<serde_json::Value> {
        let request = client.post(format!("{jobs}{path}")).header("prefer", "wait=20");
        Ok(request.json(&body).send().await?.error_for_status()?.json().await?)
    };
    let external = json!({"pipeline": "external", "metadata": {"ticket": 4711}});
    let text = "# Invoice\n\nA line of it, and another.\n\n- one\n- two\n";
    let source = json!({"source": {"text": text, "filename": "invoice.md"}});
    let mut ids = Vec::new();
    for kind in 0..6 {
        let body = if kind == 1 { source.clone() } else { external.clone() };
        // Nobody waits for what nobody works on.
        let request = client.post(&jobs).header("prefer", if kind == 1 { "wait=20" } else { "" });
        let job: serde_json::Value = request.json(&body).send().await?.json().await?;
        let id = job["id"].as_str().context("no id")?.to_owned();
        if !matches!(kind, 1 | 5) {
            for done in 1..=3 {
                post(&format!("/{id}/progress"), json!({"done": done, "total": 3})).await?;
            }
        }
        match kind {
            0 => post(&format!("/{id}/complete"), json!({"result": {"sum": 12}})).await?,
            2 => {
                let error = json!({"error": {"code": "worker_failed", "message": "No."}});
                post(&format!("/{id}/fail"), error).await?
            }
            3 => post(&format!("/{id}/cancel"), json!({})).await?,
            _ => job,
        };
        ids.push(id);
    }
    ensure!(server.stop().await?.success(), "the server did not stop in order");
    Ok(ids)
}
