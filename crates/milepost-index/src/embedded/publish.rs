//! Making a document visible. Enters: a document whose chunks are staged. Leaves: the
//! same in the generation, in the place of the one with its key. It never commits a part.

use std::collections::HashMap;

use milepost_core::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::builder::Shared;
use super::entries::{self, Numbered};
use super::vector::codes;
use super::{Inner, Result, catalog, locked, shelf};
use crate::chunk::{Chunk, Entry, Facts};
use crate::error::IndexError;

/// Vectors of a document that are held in memory at a time.
const GROUP: usize = 1000;

/// A chunk as it is staged.
struct Held {
    chunk: Chunk,
    vector: Option<Vec<u8>>,
}

impl Shared {
    pub(super) fn publish(
        &self,
        inner: &Inner,
        facts: Facts,
        chunks: u32,
        at: Timestamp,
    ) -> Result<Entry> {
        let generation = inner.shelf.get(&self.required(inner)?, self.build.generation);
        let mut writer = generation.writer()?;
        // Again, now that nobody can change what the collection is: see `Inner::put`.
        self.required(inner)?;
        let connection = writer.connection();
        let key = facts.key.clone();
        let staged = self.staged(&key)?.range(..chunks).count();
        let transaction = connection.transaction()?;
        let former = entries::by_key(&transaction, &key)?;
        let own = former.as_ref().filter(|(_, token)| *token == self.token);
        if let Some((own, _)) = own
            && staged == 0
            && own.entry.chunks == u64::from(chunks)
        {
            self.forget(&key)?;
            return Ok(own.entry.clone());
        }
        let kept = match own {
            Some((own, _)) if staged < chunks as usize => held_by(&transaction, own)?,
            _ => HashMap::new(),
        };
        if let Some((former, _)) = &former {
            entries::remove(&transaction, former, at)?;
        }
        let entry = self.move_in(&transaction, facts, chunks, kept, at)?;
        let counts = shelf::counts(&transaction)?;
        transaction.commit()?;
        inner.shelf.note(generation.id, counts);
        self.forget(&key)?;
        Ok(entry)
    }

    /// Adds a document with its staged chunks; those that are not staged are in `kept`.
    fn move_in(
        &self,
        connection: &Connection,
        facts: Facts,
        chunks: u32,
        mut kept: HashMap<u32, Held>,
        at: Timestamp,
    ) -> Result<Entry> {
        let title = entries::title_words(&facts);
        let key = facts.key.clone();
        let mut document = entries::add(connection, facts, &self.token, chunks, at)?;
        let staging = locked(&self.staging);
        let mut statement = staging
            .prepare_cached("SELECT chunk, vector FROM chunks WHERE key = ? AND place = ?")?;
        let (mut bytes, mut added) = (0, Vec::new());
        for place in 0..chunks {
            let row = statement.query_row(params![key, place], |row| {
                let json: String = row.get(0)?;
                let chunk =
                    serde_json::from_str(&json).map_err(|error| catalog::wrong(0, error))?;
                Ok(Held { chunk, vector: row.get(1)? })
            });
            let held = row.optional()?.or_else(|| kept.remove(&place)).ok_or_else(|| {
                IndexError::Unavailable(format!("chunk {place} of {chunks} is not staged"))
            })?;
            let vector = held.vector.as_deref();
            let number = entries::add_chunk(connection, &document, &title, &held.chunk, vector)?;
            bytes += held.chunk.text.len() as u64;
            added.extend(held.vector.map(|vector| (number, vector)));
            if added.len() >= GROUP {
                note_vectors(connection, &mut added, at)?;
            }
        }
        note_vectors(connection, &mut added, at)?;
        entries::count(connection, 1, i64::from(chunks), 0, at)?;
        connection
            .prepare_cached("UPDATE entries SET bytes = ? WHERE number = ?")?
            .execute(params![bytes as i64, document.number])?;
        document.entry.bytes = bytes;
        Ok(document.entry)
    }

    fn forget(&self, key: &str) -> Result<()> {
        let staging = locked(&self.staging);
        staging.prepare_cached("DELETE FROM chunks WHERE key = ?")?.execute([key])?;
        Ok(())
    }
}

/// Counts vectors that were added, and notes their codes.
fn note_vectors(
    connection: &Connection,
    added: &mut Vec<(i64, Vec<u8>)>,
    at: Timestamp,
) -> Result<()> {
    entries::count(connection, 0, 0, added.len() as i64, at)?;
    codes::add(connection, added)?;
    added.clear();
    Ok(())
}

/// The chunks of a document that is visible, to be used again.
fn held_by(connection: &Connection, document: &Numbered) -> Result<HashMap<u32, Held>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, vector FROM chunks LEFT JOIN vectors ON chunk = number WHERE entry = ?",
    )?;
    let rows = statement.query_map([document.number], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
    })?;
    let mut held = HashMap::new();
    for row in rows {
        let (number, vector) = row?;
        let (_, chunk) = entries::chunk(connection, number)?;
        held.insert(chunk.index, Held { chunk, vector });
    }
    Ok(held)
}
