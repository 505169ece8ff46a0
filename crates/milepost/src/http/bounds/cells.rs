//! What is remembered of each key that is limited. Enters: a key. Leaves: when its
//! quota will be whole again. Never: more keys than a bound, whoever comes: those
//! beyond it share one quota.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

/// Keys that are told apart. At about 100 bytes each it is some megabytes.
const MAX_KEYS: usize = 100_000;

/// The state of a keyed limiter; clones are the same one.
#[derive(Debug)]
pub struct Cells<K>(Arc<Mutex<State<K>>>);

#[derive(Debug)]
struct State<K> {
    known: HashMap<K, Nanos>,
    /// Of all for whom there was no room.
    others: Option<Nanos>,
    most: usize,
}

impl<K> Cells<K> {
    /// Nobody is known yet.
    pub fn new() -> Self {
        Self::with_room_for(MAX_KEYS)
    }

    fn with_room_for(most: usize) -> Self {
        Self(Arc::new(Mutex::new(State { known: HashMap::new(), others: None, most })))
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Clone for Cells<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Hash + Eq> Cells<K> {
    /// When the key's quota is whole again; changes nothing.
    pub fn get(&self, key: &K) -> Option<Nanos> {
        let state = self.lock();
        let known = state.known.get(key).copied();
        if state.known.len() < state.most { known } else { known.or(state.others) }
    }
}

impl<K: Hash + Eq + Clone> StateStore for Cells<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let state = &mut *self.lock();
        if let Some(whole_at) = state.known.get_mut(key) {
            let (outcome, next) = decide(Some(*whole_at))?;
            *whole_at = next;
            return Ok(outcome);
        }
        if state.known.len() >= state.most {
            let (outcome, next) = decide(state.others)?;
            state.others = Some(next);
            return Ok(outcome);
        }
        let (outcome, next) = decide(None)?;
        state.known.insert(key.clone(), next);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Cells<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().known.retain(|_, whole_at| *whole_at > drop_below);
    }

    fn len(&self) -> usize {
        self.lock().known.len()
    }

    fn is_empty(&self) -> bool {
        self.lock().known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use governor::middleware::NoOpMiddleware;
    use governor::{Quota, RateLimiter};

    use super::*;

    #[test]
    fn those_for_whom_there_is_no_room_share_a_quota() {
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_second(NonZeroU32::new(2).unwrap());
        let limiter = RateLimiter::<u32, _, _, NoOpMiddleware<Nanos>>::new(
            quota,
            Cells::with_room_for(3),
            clock.clone(),
        );
        let passes = |key: u32| limiter.check_key(&key).is_ok();
        // What a hundred strangers send takes nothing from those who are known.
        assert!((0..3).all(passes));
        assert_eq!((3..100).filter(|key| passes(*key)).count(), 2);
        assert_eq!(limiter.len(), 3);
        assert!((0..3).all(passes));
        assert!(!(0..4).any(passes));
        // Who has recovered is forgotten, and there is room again.
        clock.advance(Duration::from_secs(5));
        limiter.retain_recent();
        assert!(limiter.is_empty());
        assert!((50..53).all(passes));
    }
}
