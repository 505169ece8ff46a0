//! What is in the collections of a server that has stopped. Leaves: documents, and the chunks
//! in which a word stands. Never: asks the server, which may be wrong about it.

use milepost_core::{CollectionName, OwnerId};
use milepost_index::{Embedded, Entry, Filter, Index as _, Limits, Mode, Query};

use super::Server;

/// The collections of the local owner.
pub struct Shelf(Embedded);

impl Shelf {
    /// Those of a server, which is asked to stop.
    pub fn of(server: &mut Server) -> Self {
        server.terminate();
        server.exit_status();
        let folder = server.data().join("index");
        Self(Embedded::open(&folder, Limits::default()).expect("the collections open"))
    }

    /// The documents in a collection, oldest first.
    pub async fn entries(&self, name: &str) -> Vec<Entry> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let after = all.last().map(|entry| entry.id);
            let more = self.0.entries(&OwnerId::local(), &collection(name), after, 100).await;
            let more = more.expect("the collection is there");
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    /// The key and the place of each chunk in which `word` stands.
    pub async fn found(&self, name: &str, word: &str) -> Vec<(String, u32)> {
        let query = Query {
            text: word.to_owned(),
            k: 100,
            mode: Mode::Keyword,
            vector: None,
            filter: Filter::default(),
        };
        let found = self.0.search(&OwnerId::local(), &collection(name), &query).await;
        let hits = found.expect("the collection can be searched").hits;
        hits.into_iter().map(|hit| (hit.entry.facts.key, hit.chunk.index)).collect()
    }

    /// Whether something is staged for a job.
    pub async fn is_building(&self, job: &str) -> bool {
        let tokens = self.0.tokens().await.expect("there is a list");
        tokens.iter().any(|token| token.to_string() == job)
    }
}

fn collection(name: &str) -> CollectionName {
    name.parse().expect("a name")
}
