//! The one source of time and of new ids. Leaves: timestamps, version 7 UUIDs.
//! Passed to whoever needs it, so that a test or a simulation can run its own.

use std::sync::Arc;

use milepost_core::Timestamp;
use uuid::Uuid;

/// A source of time and ids; cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(|| {
            let since = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
        }))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// A new id; later ones sort behind earlier ones.
    pub fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
