//! How much of long messages may be under way: the library keeps them until they are
//! taken, and does not say when that is. Enters: owners, lengths. Leaves: permits. Never:
//! lets one owner's clients take what all have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use milepost_core::OwnerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// To all clients together.
const ALL_BYTES: usize = 512 * 1024 * 1024;
/// To those of one owner, where there are several.
const OWNER_BYTES: usize = ALL_BYTES / 4;
/// Owners that are remembered before it is looked who is gone.
const OWNERS: usize = 1024;

/// Of a server; cheap to clone.
#[derive(Clone)]
pub struct Budget {
    all: Arc<Semaphore>,
    owners: Arc<Mutex<HashMap<OwnerId, Weak<Semaphore>>>>,
}

/// What one owner's clients share.
#[derive(Clone)]
pub struct Share {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// Room for one message, as long as it is held.
pub struct Permit {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Default for Budget {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL_BYTES)), owners: Arc::default() }
    }
}

impl Budget {
    /// The share of an owner.
    pub fn of(&self, owner: &OwnerId) -> Share {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let own = owners.get(owner).and_then(Weak::upgrade).unwrap_or_else(|| {
            if owners.len() >= OWNERS {
                owners.retain(|_, share| share.strong_count() > 0);
            }
            // Without authentication everybody is one.
            let bytes = if *owner == OwnerId::local() { ALL_BYTES } else { OWNER_BYTES };
            let own = Arc::new(Semaphore::new(bytes));
            owners.insert(owner.clone(), Arc::downgrade(&own));
            own
        });
        Share { all: self.all.clone(), own }
    }
}

impl Share {
    /// Room for so many bytes, where there is some.
    pub fn take(&self, bytes: usize) -> Option<Permit> {
        let bytes = u32::try_from(bytes).ok()?;
        let own = self.own.clone().try_acquire_many_owned(bytes).ok()?;
        let all = self.all.clone().try_acquire_many_owned(bytes).ok()?;
        Some(Permit { _all: all, _own: own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_much_under_way_takes_nothing_from_others() {
        let budget = Budget::default();
        let (ann, ben) = (OwnerId::new("ann"), OwnerId::new("ben"));
        let first = budget.of(&ann);
        let mut held = Vec::new();
        while let Some(permit) = first.take(OWNER_BYTES / 4) {
            held.push(permit);
        }
        assert_eq!(held.len(), 4);
        // Nor by another connection.
        assert!(budget.of(&ann).take(1).is_none());
        assert!(budget.of(&ben).take(OWNER_BYTES).is_some());
        held.pop();
        assert!(budget.of(&ann).take(1).is_some());
    }
}
