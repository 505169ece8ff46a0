//! Documents in a generation. Enters: facts with staged chunks; ids. Leaves: entries. A
//! document comes and goes as a whole, in the caller's transaction.

use std::collections::BTreeSet;

use milepost_core::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use uuid::Uuid;

use super::Result;
use super::attributes;
use super::catalog::wrong;
use super::vector::codes;
use crate::chunk::{Chunk, Entry, EntryId, Facts};
use crate::words;

/// How to read an [`Entry`], and behind it its number.
pub(super) const ENTRY: &str = "SELECT id, facts, chunks, bytes, indexed_at, number FROM entries";

/// A document with its number in the generation.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub number: i64,
    pub entry: Entry,
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Numbered> {
    let id: String = row.get(0)?;
    let facts: String = row.get(1)?;
    Ok(Numbered {
        number: row.get(5)?,
        entry: Entry {
            id: EntryId(Uuid::try_parse(&id).map_err(|error| wrong(0, error))?),
            facts: serde_json::from_str(&facts).map_err(|error| wrong(1, error))?,
            chunks: row.get::<_, i64>(2)? as u64,
            bytes: row.get::<_, i64>(3)? as u64,
            indexed_at: Timestamp::from_micros(row.get(4)?),
        },
    })
}

/// The document with this id.
pub(super) fn by_id(connection: &Connection, id: EntryId) -> Result<Option<Numbered>> {
    let mut statement = connection.prepare_cached(&format!("{ENTRY} WHERE id = ?"))?;
    Ok(statement.query_row([id.0.to_string()], read).optional()?)
}

/// The document with this number.
pub(super) fn by_number(connection: &Connection, number: i64) -> Result<Entry> {
    let mut statement = connection.prepare_cached(&format!("{ENTRY} WHERE number = ?"))?;
    Ok(statement.query_row([number], read)?.entry)
}

/// The document with this key, and the token of the build that it is of.
pub(super) fn by_key(connection: &Connection, key: &str) -> Result<Option<(Numbered, String)>> {
    let sql = "SELECT id, facts, chunks, bytes, indexed_at, number, token FROM entries \
               WHERE key = ?";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([key], |row| Ok((read(row)?, row.get(6)?))).optional()?)
}

/// Those behind `after`, the oldest first.
pub(super) fn list(
    connection: &Connection,
    after: Option<EntryId>,
    limit: usize,
) -> Result<Vec<Entry>> {
    // Ids are in the order of time; and one that is gone still has its place in it.
    let after = after.map_or_else(String::new, |after| after.0.to_string());
    let mut statement =
        connection.prepare_cached(&format!("{ENTRY} WHERE id > ? ORDER BY id LIMIT ?"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, limit], read)?;
    rows.map(|row| Ok(row?.entry)).collect()
}

/// Removes a document with all that belongs to it.
pub(super) fn remove(connection: &Connection, gone: &Numbered, at: Timestamp) -> Result<()> {
    let numbers: BTreeSet<i64> = {
        let mut statement =
            connection.prepare_cached("SELECT number FROM chunks WHERE entry = ?")?;
        let rows = statement.query_map([gone.number], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let mut vectors = 0;
    for number in &numbers {
        connection.prepare_cached("DELETE FROM words WHERE rowid = ?")?.execute([number])?;
        vectors +=
            connection.prepare_cached("DELETE FROM vectors WHERE chunk = ?")?.execute([number])?;
    }
    codes::remove(connection, &numbers)?;
    for sql in [
        "DELETE FROM chunks WHERE entry = ?",
        "DELETE FROM attributes WHERE entry = ?",
        "DELETE FROM entries WHERE number = ?",
    ] {
        connection.prepare_cached(sql)?.execute([gone.number])?;
    }
    count(connection, -1, -(numbers.len() as i64), -(vectors as i64), at)
}

/// Adds a document, whose chunks and their length the caller adds.
pub(super) fn add(
    connection: &Connection,
    facts: Facts,
    token: &str,
    chunks: u32,
    at: Timestamp,
) -> Result<Numbered> {
    let id = EntryId(Uuid::now_v7());
    let json = serde_json::to_string(&facts).expect("facts have text keys");
    connection
        .prepare_cached(
            "INSERT INTO entries (id, key, token, facts, language, chunks, bytes, indexed_at) \
             VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        )?
        .execute(params![
            id.0.to_string(),
            facts.key,
            token,
            json,
            facts.language,
            chunks,
            at.as_micros()
        ])?;
    let number = connection.last_insert_rowid();
    attributes::add(connection, number, &facts)?;
    let entry = Entry { id, facts, chunks: u64::from(chunks), bytes: 0, indexed_at: at };
    Ok(Numbered { number, entry })
}

/// Adds one chunk of a document, and returns its number.
pub(super) fn add_chunk(
    connection: &Connection,
    document: &Numbered,
    title: &str,
    chunk: &Chunk,
    vector: Option<&[u8]>,
) -> Result<i64> {
    let list = |texts: &[String]| Value::from(texts).to_string();
    connection
        .prepare_cached(
            "INSERT INTO chunks (entry, place, text, headings, first_page, last_page, language, \
             keywords, characters, tokens, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            document.number,
            chunk.index,
            chunk.text,
            list(&chunk.headings),
            chunk.pages.map(|pages| pages.0),
            chunk.pages.map(|pages| pages.1),
            chunk.language,
            list(&chunk.keywords),
            chunk.characters,
            chunk.tokens,
            chunk.hash
        ])?;
    let number = connection.last_insert_rowid();
    let (body, mut parts) = words::indexed(&chunk.text);
    let (headings, more) = words::indexed(&chunk.headings.join("\n"));
    parts.push_str(&more);
    connection
        .prepare_cached(
            "INSERT INTO words (rowid, body, headings, title, parts) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![number, body, headings, title, parts])?;
    if let Some(vector) = vector {
        connection
            .prepare_cached("INSERT INTO vectors (chunk, vector) VALUES (?, ?)")?
            .execute(params![number, vector])?;
    }
    Ok(number)
}

/// What a chunk is found by besides its text: title and name of its document.
pub(super) fn title_words(facts: &Facts) -> String {
    let mut all = facts.title.clone().unwrap_or_default();
    all.push('\n');
    all.push_str(&facts.filename);
    let (mut row, parts) = words::indexed(&all);
    row.push(' ');
    row.push_str(&parts);
    row
}

/// Keeps the counts, which nobody wants to wait for.
pub(super) fn count(
    connection: &Connection,
    documents: i64,
    chunks: i64,
    vectors: i64,
    at: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE counts SET documents = documents + ?, chunks = chunks + ?, \
             vectors = vectors + ?, updated_at = max(updated_at, ?)",
        )?
        .execute(params![documents, chunks, vectors, at.as_micros()])?;
    Ok(())
}

/// A chunk, and the number of its document.
pub(super) fn chunk(connection: &Connection, number: i64) -> Result<(i64, Chunk)> {
    let sql = "SELECT entry, place, text, headings, first_page, last_page, language, keywords, \
               characters, tokens, hash FROM chunks WHERE number = ?";
    Ok(connection.prepare_cached(sql)?.query_row([number], |row| {
        let first: Option<u32> = row.get(4)?;
        let last: Option<u32> = row.get(5)?;
        let chunk = Chunk {
            index: row.get(1)?,
            text: row.get(2)?,
            headings: texts(row, 3)?,
            pages: first.zip(last),
            language: row.get(6)?,
            keywords: texts(row, 7)?,
            characters: row.get(8)?,
            tokens: row.get(9)?,
            hash: row.get(10)?,
        };
        Ok((row.get(0)?, chunk))
    })?)
}

fn texts(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| wrong(column, error))
}
