//! The nearest vectors. Enters: a vector. Leaves: numbers of chunks with how near they
//! are. It never compares vectors of two embedders: a generation has those of one.

pub(super) mod codes;
mod distance;
#[cfg(test)]
mod tests;

use milepost_core::CollectionName;
use rusqlite::{Connection, params_from_iter};

use self::distance::Nearest;
use super::Result;
use super::filter::Chosen;
use super::search::Stop;
use crate::collection::Distance;
use crate::error::IndexError;

/// Refuses what cannot be compared.
pub(super) fn check(collection: &CollectionName, dimensions: u32, vector: &[f32]) -> Result<()> {
    if vector.len() != dimensions as usize {
        return Err(IndexError::WrongDimensions {
            collection: collection.clone(),
            wants: dimensions,
            got: vector.len(),
        });
    }
    let bad = |why| Err(IndexError::BadVector { collection: collection.clone(), why });
    if !vector.iter().all(|number| number.is_finite()) {
        return bad("holds something that is no finite number");
    }
    if vector.iter().all(|&number| number == 0.0) {
        return bad("is zero, so it points nowhere");
    }
    Ok(())
}

/// As it is stored: little-endian 32-bit floats.
pub(super) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What [`to_bytes`] made.
pub(super) fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The `most` chunks among the chosen whose vectors are nearest to `query`, the nearest
/// first, each with how near it is: the greater the nearer.
pub(super) fn nearest(
    connection: &Connection,
    query: &[f32],
    distance: Distance,
    chosen: Option<&Chosen>,
    most: usize,
    stop: &Stop,
) -> Result<Vec<(i64, f64)>> {
    if let Some(candidates) = codes::candidates(connection, query, distance, chosen, most, stop)? {
        return scan(
            connection,
            "SELECT chunk, vector FROM json_each(?) JOIN vectors ON chunk = value",
            &[rusqlite::types::Value::Text(serde_json::Value::from(candidates).to_string())],
            Nearest::new(query, distance, most),
            stop,
        );
    }
    let nearest = Nearest::new(query, distance, most);
    match chosen {
        None => scan(connection, "SELECT chunk, vector FROM vectors", &[], nearest, stop),
        Some(chosen) => {
            let sql = format!("SELECT chunk, vector FROM vectors WHERE chunk IN ({})", chosen.sql);
            scan(connection, &sql, &chosen.parameters, nearest, stop)
        }
    }
}

fn scan(
    connection: &Connection,
    sql: &str,
    parameters: &[rusqlite::types::Value],
    mut nearest: Nearest,
    stop: &Stop,
) -> Result<Vec<(i64, f64)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().map_err(|error| super::catalog::wrong(1, error))?;
        nearest.offer(row.get(0)?, bytes);
    }
    stop.check()?;
    Ok(nearest.into_sorted())
}
