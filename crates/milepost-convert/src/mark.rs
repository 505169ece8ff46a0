//! What a watcher may want to know of work in several phases.
//!
//! Enters: nothing. Leaves: phases by name, and marks on the way through them.
//! It never weighs a phase: what it costs is not known here.

use serde::{Deserialize, Serialize};

use crate::format::Format;

/// A phase of the work on a document.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Finding out what the document is and how long.
    Analyzing,
    /// Making chunks of it, of which each is worked on by itself.
    Splitting,
    /// Work on each chunk.
    Processing,
    /// Putting the chunks together.
    Merging,
    /// Reading documents as text.
    Extracting,
    /// Cutting texts into chunks.
    Chunking,
    /// Finding out about each chunk.
    Enriching,
    /// Making each chunk ready to be found.
    Indexing,
}

impl Phase {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analyzing => "analyzing",
            Self::Splitting => "splitting",
            Self::Processing => "processing",
            Self::Merging => "merging",
            Self::Extracting => "extracting",
            Self::Chunking => "chunking",
            Self::Enriching => "enriching",
            Self::Indexing => "indexing",
        }
    }
}

/// What a phase counts.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Pages of the document.
    Page,
    /// Documents, where several come as one.
    Document,
    /// Chunks.
    Chunk,
}

/// What the document is.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its format.
    pub format: Format,
    /// How many pages it has.
    pub pages: u32,
}

/// What happened.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A phase begins, and the one before it is over.
    Begins {
        /// Which.
        phase: Phase,
        /// What it counts.
        counted: Counted,
        /// How many of these there are, where that is known.
        total: Option<u64>,
        /// What the document is, where that became known.
        found: Option<Found>,
    },
    /// So many of what the phase counts are done.
    Done {
        /// How many.
        done: u64,
        /// Of how many, where that became known.
        total: Option<u64>,
    },
    /// A page was read: a sign of life where a chunk has several.
    Read {
        /// Its number.
        page: u32,
    },
}

/// Marks many small steps now and then: each where there are few, and about so
/// many in all where there are more.
pub(crate) struct Pace {
    marks: u64,
    total: Option<u64>,
    next: u64,
}

impl Pace {
    pub(crate) fn new(marks: u64, total: Option<u64>) -> Self {
        Self { marks, total, next: 1 }
    }

    /// The mark that `done` steps deserve.
    pub(crate) fn mark(&mut self, done: u64) -> Option<Mark> {
        if done < self.next && Some(done) != self.total {
            return None;
        }
        self.next = done + (self.total.unwrap_or(done) / self.marks).max(1);
        Some(Mark::Done { done, total: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_steps_are_all_marked_and_of_many_some() {
        let marks = |count: u64, total| {
            let mut pace = Pace::new(100, total);
            (1..=count).filter_map(move |done| pace.mark(done)).collect::<Vec<_>>()
        };
        assert_eq!(marks(20, Some(20)).len(), 20);
        assert_eq!(marks(20, None).len(), 20);
        assert_eq!(marks(100_000, Some(100_000)).len(), 101);
        assert!(marks(100_000, None).len() < 1_000);
        let last = Mark::Done { done: 12_345, total: None };
        assert_eq!(marks(12_345, Some(12_345)).pop(), Some(last));
    }

    #[test]
    fn names_are_what_serde_writes() {
        for phase in [Phase::Analyzing, Phase::Processing, Phase::Indexing] {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
        }
    }
}
