//! Short codes of vectors, of one bit for each number: so little that all of them can be
//! looked through for each search, where the vectors themselves would be too much.
//! Enters: vectors with their numbers. Leaves: the numbers of those that are worth
//! comparing exactly. It never decides what is nearest.
//!
//! A bit says whether a number is above the mean of its dimension. The mean is taken when
//! a generation first has [`FROM`] vectors; below that all of them are compared. A query
//! is not shortened: each of its numbers counts for or against a vector by that vector's
//! bit, which tells more than to count the bits that differ.
//!
//! Codes are kept in blocks by the numbers of their chunks, so that a search reads a few
//! long rows, and a document that comes or goes writes as few.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::{from_bytes, to_bytes};
use crate::collection::Distance;
use crate::embedded::Result;
use crate::embedded::filter::Chosen;
use crate::embedded::search::Stop;

/// From how many vectors on there are codes. Fewer are compared one by one in a few
/// milliseconds; see docs/decisions/0025-the-embedded-index.md.
const FROM: u64 = 20_000;
/// Chunks in a block.
const BLOCK: i64 = 256;
const BLOCK_LENGTH: usize = BLOCK as usize;
/// How many candidates are compared exactly for each that is wanted, and at least.
const CANDIDATES: usize = 20;
const LEAST: usize = 1000;
/// Vectors whose lengths differ by no more than this are ordered by their angles, whatever
/// the distance.
const SAME_LENGTH: f64 = 1.01;

/// By what vectors are shortened.
struct Base {
    mean: Vec<f32>,
    shortest: f64,
    longest: f64,
}

/// The codes of some chunks whose numbers follow each other.
struct Block {
    /// One bit for each chunk that is there.
    present: Vec<u8>,
    codes: Vec<u8>,
}

/// Notes the codes of vectors that were added; of all, as soon as there are enough.
pub(in crate::embedded) fn add(connection: &Connection, added: &[(i64, Vec<u8>)]) -> Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    match base(connection)? {
        Some(base) => insert(connection, base, added.iter().map(|(it, bytes)| (*it, &bytes[..]))),
        None if count(connection)? >= FROM => make(connection),
        None => Ok(()),
    }
}

/// Drops the codes of chunks that are gone.
pub(in crate::embedded) fn remove(connection: &Connection, gone: &BTreeSet<i64>) -> Result<()> {
    let blocks: BTreeSet<i64> = gone.iter().map(|number| number / BLOCK).collect();
    for block in blocks {
        let Some(mut found) = Block::read(connection, block)? else { continue };
        for number in gone.range(block * BLOCK..(block + 1) * BLOCK) {
            let at = (number % BLOCK) as usize;
            found.present[at / 8] &= !(1 << (at % 8));
        }
        found.write(connection, block)?;
    }
    Ok(())
}

/// The numbers of the chunks that should be compared exactly to find the `most` nearest;
/// nothing, where that is all of them.
pub(super) fn candidates(
    connection: &Connection,
    query: &[f32],
    distance: Distance,
    chosen: Option<&Chosen>,
    most: usize,
    stop: &Stop,
) -> Result<Option<Vec<i64>>> {
    let Some(base) = base(connection)? else { return Ok(None) };
    let by_angle = distance == Distance::Cosine || base.longest <= SAME_LENGTH * base.shortest;
    let wanted = (CANDIDATES * most).max(LEAST);
    if !by_angle || count(connection)? <= wanted as u64 {
        return Ok(None);
    }
    let passing = match chosen {
        Some(chosen) => {
            let passing = numbers(connection, chosen)?;
            if (passing.len() as u64) < FROM {
                return Ok(None);
            }
            Some(passing)
        }
        None => None,
    };
    let table = table(query);
    let mut best: BinaryHeap<Reverse<(i32, Reverse<i64>)>> = BinaryHeap::with_capacity(wanted + 1);
    let mut statement =
        connection.prepare_cached("SELECT block, present, codes FROM codes ORDER BY block")?;
    let mut rows = statement.query([])?;
    let mut passing = passing.as_ref().map(|numbers| numbers.iter().copied().peekable());
    let width = width(query.len());
    while let Some(row) = rows.next()? {
        stop.check()?;
        let block: i64 = row.get(0)?;
        let wrong = |error| super::super::catalog::wrong(1, error);
        let present = row.get_ref(1)?.as_blob().map_err(wrong)?;
        let codes = row.get_ref(2)?.as_blob().map_err(wrong)?;
        for (at, code) in codes.chunks_exact(width).enumerate() {
            if present.get(at / 8).is_none_or(|bits| bits & (1 << (at % 8)) == 0) {
                continue;
            }
            let number = block * BLOCK + at as i64;
            if let Some(passing) = &mut passing {
                while passing.next_if(|next| *next < number).is_some() {}
                if passing.next_if_eq(&number).is_none() {
                    continue;
                }
            }
            let candidate = Reverse((agreement(&table, code), Reverse(number)));
            if best.len() < wanted {
                best.push(candidate);
            } else if let Some(mut worst) = best.peek_mut()
                && candidate < *worst
            {
                *worst = candidate;
            }
        }
    }
    let mut found: Vec<i64> = best.into_iter().map(|Reverse((_, Reverse(it)))| it).collect();
    // In the order in which they lie on the disk.
    found.sort_unstable();
    Ok(Some(found))
}

/// How much each byte of a code speaks for a vector.
fn table(query: &[f32]) -> Vec<[i16; 256]> {
    let largest = query.iter().fold(f32::MIN_POSITIVE, |most, number| most.max(number.abs()));
    // Eight of them are just within the type.
    let whole = |number: &f32| (number / largest * 4000.0) as i16;
    let mut table = vec![[0; 256]; width(query.len())];
    for (numbers, row) in query.chunks(8).zip(&mut table) {
        for (byte, sum) in row.iter_mut().enumerate() {
            for (bit, number) in numbers.iter().enumerate() {
                let sign = if byte & (1 << bit) == 0 { -1 } else { 1 };
                *sum += sign * whole(number);
            }
        }
    }
    table
}

fn agreement(table: &[[i16; 256]], code: &[u8]) -> i32 {
    table.iter().zip(code).map(|(row, byte)| i32::from(row[usize::from(*byte)])).sum()
}

fn width(dimensions: usize) -> usize {
    dimensions.div_ceil(8)
}

fn count(connection: &Connection) -> Result<u64> {
    Ok(crate::embedded::shelf::counts(connection)?.vectors)
}

fn numbers(connection: &Connection, chosen: &Chosen) -> Result<Vec<i64>> {
    let sql = format!("SELECT number FROM ({}) ORDER BY number", chosen.sql);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(&chosen.parameters), |row| row.get(0))?;
    rows.map(|row| Ok(row?)).collect()
}

fn base(connection: &Connection) -> Result<Option<Base>> {
    let sql = "SELECT mean, shortest, longest FROM code_base";
    let row = connection.prepare_cached(sql)?.query_row([], |row| {
        let mean: Vec<u8> = row.get(0)?;
        Ok(Base { mean: from_bytes(&mean), shortest: row.get(1)?, longest: row.get(2)? })
    });
    Ok(row.optional()?)
}

/// Makes the codes of all vectors.
fn make(connection: &Connection) -> Result<()> {
    let mut mean: Vec<f64> = Vec::new();
    let mut vectors = 0_u32;
    each(connection, |_, bytes| {
        let vector = from_bytes(bytes);
        let length = length(&vector);
        mean.resize(vector.len(), 0.0);
        for (sum, number) in mean.iter_mut().zip(&vector) {
            *sum += f64::from(*number) / length;
        }
        vectors += 1;
        Ok(())
    })?;
    let mean = mean.iter().map(|sum| (sum / f64::from(vectors)) as f32).collect();
    let base = Base { mean, shortest: f64::MAX, longest: 0.0 };
    connection.execute(
        "INSERT INTO code_base (mean, shortest, longest) VALUES (?, ?, ?)",
        params![to_bytes(&base.mean), base.shortest, base.longest],
    )?;
    let mut all = Vec::new();
    each(connection, |number, bytes| {
        all.push((number, bytes.to_vec()));
        if all.len() < 8 * BLOCK_LENGTH {
            return Ok(());
        }
        flush(connection, &mut all)
    })?;
    flush(connection, &mut all)
}

fn flush(connection: &Connection, all: &mut Vec<(i64, Vec<u8>)>) -> Result<()> {
    if let Some(base) = base(connection)? {
        insert(connection, base, all.iter().map(|(it, bytes)| (*it, &bytes[..])))?;
    }
    all.clear();
    Ok(())
}

fn each(connection: &Connection, mut act: impl FnMut(i64, &[u8]) -> Result<()>) -> Result<()> {
    let mut statement = connection.prepare("SELECT chunk, vector FROM vectors ORDER BY chunk")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob();
        act(row.get(0)?, bytes.map_err(|error| super::super::catalog::wrong(1, error))?)?;
    }
    Ok(())
}

fn insert<'a>(
    connection: &Connection,
    mut base: Base,
    added: impl Iterator<Item = (i64, &'a [u8])>,
) -> Result<()> {
    let width = width(base.mean.len());
    let mut blocks: BTreeMap<i64, Block> = BTreeMap::new();
    for (number, bytes) in added {
        let (block, at) = (number / BLOCK, (number % BLOCK) as usize);
        let found = match blocks.entry(block) {
            std::collections::btree_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Block::read(connection, block)?.unwrap_or_else(|| Block::new(width)))
            }
        };
        let vector = from_bytes(bytes);
        let length = length(&vector);
        base.shortest = base.shortest.min(length);
        base.longest = base.longest.max(length);
        found.present[at / 8] |= 1 << (at % 8);
        let code = &mut found.codes[at * width..(at + 1) * width];
        code.fill(0);
        for (place, (number, mean)) in vector.iter().zip(&base.mean).enumerate() {
            if f64::from(*number) / length > f64::from(*mean) {
                code[place / 8] |= 1 << (place % 8);
            }
        }
    }
    for (block, found) in blocks {
        found.write(connection, block)?;
    }
    connection
        .prepare_cached("UPDATE code_base SET shortest = ?, longest = ?")?
        .execute(params![base.shortest, base.longest])?;
    Ok(())
}

fn length(vector: &[f32]) -> f64 {
    vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt()
}

impl Block {
    fn new(width: usize) -> Self {
        Self { present: vec![0; BLOCK_LENGTH / 8], codes: vec![0; BLOCK_LENGTH * width] }
    }

    fn read(connection: &Connection, block: i64) -> Result<Option<Self>> {
        let row = connection
            .prepare_cached("SELECT present, codes FROM codes WHERE block = ?")?
            .query_row([block], |row| Ok(Self { present: row.get(0)?, codes: row.get(1)? }));
        Ok(row.optional()?)
    }

    fn write(&self, connection: &Connection, block: i64) -> Result<()> {
        if self.present.iter().all(|bits| *bits == 0) {
            connection.prepare_cached("DELETE FROM codes WHERE block = ?")?.execute([block])?;
            return Ok(());
        }
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO codes (block, present, codes) VALUES (?, ?, ?)",
            )?
            .execute(params![block, self.present, self.codes])?;
        Ok(())
    }
}
