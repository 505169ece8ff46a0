//! A snapshot as a client reads it. Enters: JSON. Leaves: whether that is a state
//! which the job has had.

use milepost_core::{JobId, Status, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::ledger::Record;
use super::world::World;

/// What is compared.
#[derive(Debug, Deserialize)]
pub struct Shown {
    /// Which job.
    pub id: JobId,
    /// Which state of it.
    pub seq: u64,
    /// Its status.
    pub status: Status,
    attempt: u32,
    max_attempts: u32,
    progress: f64,
    stage: Option<String>,
    message: String,
    queue: Option<Place>,
    error: Option<Value>,
    updated_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Place {
    position: u64,
    length: u64,
}

impl Shown {
    /// Reads and checks it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(world: &World, json: Value) -> Result<Self, String> {
        let shown: Self = serde_json::from_value(json.clone())
            .map_err(|error| format!("no snapshot: {error}: {json}"))?;
        let ledger = world.ledger();
        let record = ledger.jobs.get(&shown.id);
        let record = record.ok_or_else(|| format!("{} was shown and never stored", shown.id))?;
        shown.is_true(world, record).map_err(|what| {
            format!("{} was shown at seq {} with {what}: {json}", shown.id, shown.seq)
        })?;
        Ok(shown)
    }

    fn is_true(&self, world: &World, record: &Record) -> Result<(), String> {
        let state = record.state(self.seq).ok_or("a state that was never stored")?;
        let job = &state.snapshot;
        let same = job.status == self.status
            && job.attempt == self.attempt
            && job.max_attempts == self.max_attempts
            && job.progress.percent() == self.progress
            && job.stage().map(|stage| &stage.name) == self.stage.as_ref()
            && job.message == self.message
            && job.failure.is_some() == self.error.is_some()
            && job.updated_at == self.updated_at;
        if !same {
            return Err(format!("another state than {job:?}"));
        }
        let present = record.last().snapshot.seq.0 == self.seq;
        let waits = job.status == Status::Queued && job.needs_worker();
        match &self.queue {
            Some(place) if !waits || !(1..=place.length).contains(&place.position) => {
                Err(format!("a wrong place {place:?}"))
            }
            // Where the store does not say it, the state goes before the place.
            None if waits && present && world.weather.read_fails == 0 => {
                Err("no place in the queue".to_owned())
            }
            _ => Ok(()),
        }
    }
}
