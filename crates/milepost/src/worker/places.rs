//! Places for jobs that are past their converter. Enters: whose job it is, and which
//! embedder it needs. Leaves: a place, as soon as there is one. Never: lets those that wait
//! for one embedder stand before others, or one owner have all places.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use milepost_core::OwnerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Jobs that write to collections at a time, each with a group of chunks in memory: so many
/// for each embedder, and for all that need none.
const MOST: usize = 16;
/// How many of these one owner may have.
const MOST_OF_ONE: usize = MOST / 2;

/// The embedder that a job needs, by its name.
type Need = Option<String>;

/// All places of this node.
#[derive(Default)]
pub(super) struct Places {
    all: Mutex<HashMap<Need, Arc<Semaphore>>>,
    own: Mutex<HashMap<(Need, OwnerId), Arc<Semaphore>>>,
}

/// A place, until it is dropped.
pub(super) struct Place {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Places {
    /// A place for a job of `owner`, first come, first served. May be dropped at any moment.
    pub async fn take(&self, need: Need, owner: &OwnerId) -> Place {
        let closed = "nobody closes the semaphore";
        let own = of(&self.own, (need.clone(), owner.clone()), MOST_OF_ONE);
        // First among one's own: only who may have a place stands in line with others.
        let own = own.acquire_owned().await.expect(closed);
        let all = of(&self.all, need, MOST).acquire_owned().await.expect(closed);
        Place { _all: all, _own: own }
    }
}

/// The line for `key`; those where nobody stands are forgotten.
fn of<K: Eq + Hash>(
    lines: &Mutex<HashMap<K, Arc<Semaphore>>>,
    key: K,
    most: usize,
) -> Arc<Semaphore> {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.retain(|_, line| Arc::strong_count(line) > 1);
    lines.entry(key).or_insert_with(|| Arc::new(Semaphore::new(most))).clone()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_embedder_or_owner_that_hangs_keeps_no_other_from_going_on() {
        let places = Places::default();
        let [one, two, three] = ["one", "two", "three"].map(OwnerId::new);
        let slow = || Some("slow".to_owned());
        let held: Vec<_> =
            std::iter::from_fn(|| places.take(slow(), &one).now_or_never()).collect();
        assert_eq!(held.len(), MOST_OF_ONE);
        // Those that wait on take no place from others.
        let mut waits = Box::pin(places.take(slow(), &one));
        assert!(waits.as_mut().now_or_never().is_none());
        let others: Vec<_> =
            std::iter::from_fn(|| places.take(slow(), &two).now_or_never()).collect();
        assert_eq!(others.len(), MOST - MOST_OF_ONE);
        assert!(places.take(slow(), &three).now_or_never().is_none());
        for need in [None, Some("other".to_owned())] {
            assert!(places.take(need, &one).now_or_never().is_some());
        }
        drop(held);
        assert!(waits.now_or_never().is_some());
        assert!(places.take(slow(), &three).now_or_never().is_some());
        drop(others);
        // Nothing is kept of those that have gone.
        drop(places.take(None, &one).now_or_never());
        assert_eq!(places.own.lock().unwrap().len(), 1);
    }
}
