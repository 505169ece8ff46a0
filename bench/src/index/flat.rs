//! sqlite-vec alone, which compares a question with every vector. Enters: chunks.
//! Leaves: the exact nearest. Its table is as its documentation has it, and each
//! searching thread has a connection of its own.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};

use rusqlite::{Connection, ffi};

use super::data::Bank;
use super::engine::{By, Engine};

/// Rows in a transaction.
const BATCH: u64 = 1000;

pub struct Flat {
    file: PathBuf,
    dimensions: usize,
    /// Those that no thread uses now.
    idle: Mutex<Vec<Connection>>,
}

impl Flat {
    pub fn open(folder: &Path, dimensions: usize) -> anyhow::Result<Self> {
        let flat = Self { file: folder.join("flat.db"), dimensions, idle: Mutex::default() };
        let connection = flat.connect()?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
             CREATE VIRTUAL TABLE IF NOT EXISTS vectors USING vec0(
                 id INTEGER PRIMARY KEY, vector FLOAT[{dimensions}] distance_metric=cosine)"
        ))?;
        Ok(flat)
    }

    fn connect(&self) -> anyhow::Result<Connection> {
        register();
        Ok(Connection::open(&self.file)?)
    }
}

/// Makes `vec0` known to connections that this process opens from now on.
#[allow(unsafe_code)]
fn register() {
    type Entry = unsafe extern "C" fn(
        *mut ffi::sqlite3,
        *mut *mut std::ffi::c_char,
        *const ffi::sqlite3_api_routines,
    ) -> std::ffi::c_int;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: sqlite-vec declares its entry point without parameters; it is compiled
        // as an extension's entry point, which has those of `Entry`.
        let entry = unsafe {
            std::mem::transmute::<unsafe extern "C" fn(), Entry>(sqlite_vec::sqlite3_vec_init)
        };
        // SAFETY: the entry point is linked in, so it stays for as long as the process.
        let code = unsafe { ffi::sqlite3_auto_extension(Some(entry)) };
        assert_eq!(code, ffi::SQLITE_OK, "sqlite-vec was not registered");
    });
}

/// As sqlite-vec takes it.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

impl Engine for Flat {
    fn modes(&self) -> &'static [By] {
        &[By::Vector]
    }

    fn fill(&self, bank: &Bank, chunks: u64) -> anyhow::Result<()> {
        debug_assert_eq!(bank.dimensions, self.dimensions);
        let mut connection = self.connect()?;
        for from in (0..chunks).step_by(BATCH as usize) {
            let transaction = connection.transaction()?;
            for number in from..chunks.min(from + BATCH) {
                let (text, vector) = bank.chunk(number);
                transaction
                    .prepare_cached("INSERT INTO texts VALUES (?1, ?2)")?
                    .execute((number as i64, text))?;
                transaction
                    .prepare_cached("INSERT INTO vectors (id, vector) VALUES (?1, ?2)")?
                    .execute((number as i64, bytes(&vector)))?;
            }
            transaction.commit()?;
        }
        Ok(())
    }

    fn search(&self, _: By, _: &str, vector: &[f32], k: usize) -> anyhow::Result<Vec<u64>> {
        let idle = self.idle.lock().expect("nobody panics with it").pop();
        let connection = idle.map_or_else(|| self.connect(), Ok)?;
        let found = {
            let mut statement = connection.prepare_cached(
                "WITH near AS (SELECT id, distance FROM vectors WHERE vector MATCH ?1 AND k = ?2)
                 SELECT id, text FROM near JOIN texts USING (id) ORDER BY distance",
            )?;
            let rows = statement.query_map((bytes(vector), k as i64), |row| {
                std::hint::black_box(row.get::<_, String>(1)?);
                Ok(row.get::<_, i64>(0)? as u64)
            })?;
            rows.collect::<Result<Vec<u64>, _>>()?
        };
        self.idle.lock().expect("nobody panics with it").push(connection);
        Ok(found)
    }
}
