//! Counts over connections of one kind. Enters: connections that were enrolled. Leaves:
//! how many there are, and which documents they watch.

use std::collections::{BTreeMap, BTreeSet};

use milepost_core::{DocumentId, OwnerId};

use super::{Hub, Topic};

impl Hub {
    /// How many connections of `owner`, or of all, are enrolled, and how many of these
    /// kind watch each document that they do.
    pub fn enrolled(&self, owner: Option<&OwnerId>) -> (usize, BTreeMap<DocumentId, usize>) {
        let topics = self.0.topics();
        let (mut all, mut counted) = (BTreeSet::<u64>::new(), BTreeSet::<u64>::new());
        for (topic, members) in topics.iter() {
            let Topic::Roll(whose) = topic else { continue };
            all.extend(members.keys());
            if owner.is_none_or(|owner| owner == whose) {
                counted.extend(members.keys());
            }
        }
        let mut documents = BTreeMap::new();
        for (topic, members) in topics.iter() {
            let Topic::Document(document) = topic else { continue };
            if members.keys().any(|id| counted.contains(id)) {
                documents.insert(*document, members.keys().filter(|id| all.contains(id)).count());
            }
        }
        (counted.len(), documents)
    }
}
