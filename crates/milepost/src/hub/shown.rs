//! The present states that new watchers were shown last, so that a thousand who
//! come for one job share one state and its encodings. Never: keeps one that
//! nobody else holds.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use milepost_core::{JobId, Snapshot, Status, Timestamp};

use super::frame::Frame;

/// The remaining time of a running job counts from when its frame was made.
const FRESH: Duration = Duration::from_secs(1);
/// Entries before the dead ones among them are looked for.
const FIRST_LOOK: usize = 64;

pub(super) struct Shown {
    frames: HashMap<JobId, Weak<Frame>>,
    look_at: usize,
}

impl Default for Shown {
    fn default() -> Self {
        Self { frames: HashMap::new(), look_at: FIRST_LOOK }
    }
}

impl Shown {
    /// A frame of this state that says what a new one would.
    pub(super) fn get(&self, snapshot: &Snapshot, now: Timestamp) -> Option<Arc<Frame>> {
        let frame = self.frames.get(&snapshot.id)?.upgrade()?;
        let same = frame.seq() == snapshot.seq;
        let fresh = match snapshot.status {
            // Its place in the queue changes without a change of the job.
            Status::Queued => false,
            Status::Running => now < frame.at.plus(FRESH),
            Status::Awaiting | Status::Completed | Status::Failed | Status::Cancelled => true,
        };
        (same && fresh).then_some(frame)
    }

    pub(super) fn put(&mut self, frame: &Arc<Frame>) {
        if self.frames.len() >= self.look_at {
            self.frames.retain(|_, frame| frame.strong_count() > 0);
            self.look_at = FIRST_LOOK.max(self.frames.len() * 2);
        }
        self.frames.insert(frame.snapshot.id, Arc::downgrade(frame));
    }
}
