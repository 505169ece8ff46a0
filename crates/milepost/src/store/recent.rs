//! The states that the writer wrote last, so that a job that changes often is not
//! read back and parsed for each of its changes. The writer is the only one who
//! changes jobs. Never: keeps a state of a transaction that failed.

use std::collections::HashMap;
use std::sync::Arc;

use milepost_core::{JobId, Snapshot};

/// States that are kept; when there are more, all are forgotten and those that
/// still change come back.
const MAX: usize = 2048;

#[derive(Default)]
pub(super) struct Recent(HashMap<JobId, Arc<Snapshot>>);

impl Recent {
    pub(super) fn get(&self, job: JobId) -> Option<Arc<Snapshot>> {
        self.0.get(&job).cloned()
    }

    /// Only what runs will change again soon.
    pub(super) fn put(&mut self, snapshot: &Arc<Snapshot>) {
        if snapshot.status.is_terminal() {
            self.0.remove(&snapshot.id);
            return;
        }
        if self.0.len() >= MAX {
            self.0.clear();
        }
        self.0.insert(snapshot.id, snapshot.clone());
    }

    pub(super) fn remove(&mut self, job: JobId) {
        self.0.remove(&job);
    }

    /// Something was undone.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
