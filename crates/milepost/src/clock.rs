//! The one source of time and of new ids. Leaves: timestamps, version 7 UUIDs.
//! Passed to whoever needs it, so that a test or a simulation can run its own.

use std::sync::Arc;

use milepost_core::Timestamp;
use uuid::Uuid;

/// A source of time and ids; cheap to clone.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    new_id: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        let now = || {
            let since = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
        };
        Self::new(now, Uuid::now_v7)
    }

    /// A clock of one's own. Ids from `new_id` sort by the time of their making.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        new_id: impl Fn() -> Uuid + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), new_id: Arc::new(new_id) }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// A new id; later ones sort behind earlier ones.
    pub fn new_id(&self) -> Uuid {
        (self.new_id)()
    }
}
