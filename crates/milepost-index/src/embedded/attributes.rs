//! What documents can be filtered by. Enters: facts. Leaves: rows of fields and values. It
//! never stores more of what an owner attached than it has room for.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::Result;
use crate::chunk::Facts;

/// Values of one document that can be filtered by, and how deep they may stand.
const MOST: usize = 1000;
const DEEPEST: usize = 16;

/// A value as the database compares it: its kind, and what it is.
pub(super) fn value(value: &Value) -> Option<(&'static str, Sql)> {
    Some(match value {
        Value::Null => ("null", Sql::Integer(0)),
        Value::Bool(truth) => ("truth", Sql::Integer(i64::from(*truth))),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => ("number", Sql::Integer(integer)),
            None => ("number", Sql::Real(number.as_f64()?)),
        },
        Value::String(text) => ("text", Sql::Text(text.clone())),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Notes by what a document can be found.
pub(super) fn add(connection: &Connection, entry: i64, facts: &Facts) -> Result<()> {
    let mut all: Vec<(String, Value)> = Vec::new();
    let mut one = |field: &str, value: Option<String>| {
        all.extend(value.map(|value| (field.to_owned(), Value::String(value))));
    };
    one("document", facts.document.map(|document| document.to_string()));
    one("filename", Some(facts.filename.clone()));
    one("title", facts.title.clone());
    one("date", facts.date.clone());
    one("media_type", facts.media_type.clone());
    facts.authors.iter().for_each(|author| one("author", Some(author.clone())));
    for (key, value) in &facts.metadata {
        flatten(format!("metadata.{key}"), value, 1, &mut all);
    }
    let mut statement = connection.prepare_cached(
        "INSERT OR IGNORE INTO attributes (field, kind, value, entry) VALUES (?, ?, ?, ?)",
    )?;
    for (field, json) in all {
        if let Some((kind, value)) = value(&json) {
            statement.execute(params![field, kind, value, entry])?;
        }
    }
    Ok(())
}

/// The values below a field: those of a list one by one, those of an object by their path.
fn flatten(field: String, value: &Value, depth: usize, all: &mut Vec<(String, Value)>) {
    if all.len() >= MOST || depth > DEEPEST {
        return;
    }
    match value {
        Value::Array(values) => {
            values.iter().for_each(|value| flatten(field.clone(), value, depth + 1, all));
        }
        Value::Object(values) => {
            for (key, value) in values {
                flatten(format!("{field}.{key}"), value, depth + 1, all);
            }
        }
        plain => all.push((field, plain.clone())),
    }
}

/// The fields of `metadata` that documents have, by name.
pub(super) fn metadata_fields(connection: &Connection) -> Result<Vec<String>> {
    // From one field to the next, however many documents have each.
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE known (field) AS (
            SELECT min(field) FROM attributes WHERE field >= 'metadata.'
            UNION ALL
            SELECT (SELECT min(field) FROM attributes WHERE field > known.field) FROM known
            WHERE known.field IS NOT NULL
        )
        SELECT field FROM known WHERE field GLOB 'metadata.*' LIMIT 100",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.map(|row| Ok(row?)).collect()
}

/// Whether any document has this field.
pub(super) fn is_known(connection: &Connection, field: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM attributes WHERE field = ?)";
    Ok(connection.prepare_cached(sql)?.query_row([field], |row| row.get(0))?)
}
