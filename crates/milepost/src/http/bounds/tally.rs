//! How many at a time. Enters: a key and what it takes. Leaves: a hold on it, which
//! ends when it is dropped. Never: an entry for a key that holds nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts for each key; clones are the same one.
#[derive(Debug)]
pub struct Tally<K>(Arc<Mutex<HashMap<K, usize>>>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> Clone for Tally<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What one holder has of a key's count.
#[derive(Debug)]
pub struct Held<K: Hash + Eq> {
    tally: Tally<K>,
    key: K,
    count: usize,
}

impl<K: Hash + Eq + Clone> Tally<K> {
    /// A hold on nothing yet.
    pub fn hold(&self, key: K) -> Held<K> {
        Held { tally: self.clone(), key, count: 0 }
    }
}

impl<K: Hash + Eq> Tally<K> {
    /// What a key has in all.
    pub fn count(&self, key: &K) -> usize {
        self.lock().get(key).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> Held<K> {
    /// Holds `count` from now on, unless that is more than before and the key would
    /// have more than `most` in all (0: no limit). Returns whether it does.
    #[must_use]
    pub fn set(&mut self, count: usize, most: usize) -> bool {
        let mut counts = self.tally.lock();
        let others = counts.get(&self.key).copied().unwrap_or(0).saturating_sub(self.count);
        if count > self.count && most > 0 && others + count > most {
            return false;
        }
        self.count = count;
        match others + count {
            0 => drop(counts.remove(&self.key)),
            all => drop(counts.insert(self.key.clone(), all)),
        }
        true
    }
}

impl<K: Hash + Eq> Drop for Held<K> {
    fn drop(&mut self) {
        if self.count == 0 {
            return;
        }
        let mut counts = self.tally.lock();
        if let Some(all) = counts.get_mut(&self.key) {
            *all = all.saturating_sub(self.count);
            if *all == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_until_it_is_let_go() {
        let tally = Tally::default();
        let (mut first, mut second) = (tally.hold("anna"), tally.hold("anna"));
        assert!(first.set(2, 3));
        assert!(second.set(1, 3));
        assert!(!second.set(2, 3));
        // What is held already is no reason to refuse less of it.
        assert!(first.set(1, 1));
        assert!(second.set(2, 3));
        assert!(tally.hold("bert").set(3, 3));
        drop(first);
        assert!(second.set(3, 3));
        drop(second);
        assert!(tally.lock().is_empty());
        let mut unlimited = tally.hold("anna");
        assert!(unlimited.set(1_000_000, 0));
    }
}
