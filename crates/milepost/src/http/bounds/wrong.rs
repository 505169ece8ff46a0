//! Credentials that were none. Enters: one, and from where. Leaves: whether it is
//! tried from there for the first time. Never: the credential itself, only a hash
//! under a key that this process does not tell.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

/// Those that are remembered; when there are more, all are forgotten.
const MAX: usize = 10_000;

/// What was tried. A page that is left open with a session that has ended sends the
/// same again and again: that is no guess, and must not shut out its neighbours.
#[derive(Default)]
pub struct Wrong {
    hashes: Mutex<HashSet<u64>>,
    key: RandomState,
}

impl Wrong {
    /// Whether it was not tried before; it was from now on.
    pub fn is_new(&self, attempt: impl Hash) -> bool {
        let hash = self.key.hash_one(attempt);
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() >= MAX {
            hashes.clear();
        }
        hashes.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_is_no_new_guess_and_is_forgotten_in_time() {
        let wrong = Wrong::default();
        assert!(wrong.is_new("a") && !wrong.is_new("a") && wrong.is_new("b"));
        for attempt in 0..MAX {
            wrong.is_new(attempt);
        }
        assert!(wrong.hashes.lock().unwrap().len() <= MAX);
    }
}
