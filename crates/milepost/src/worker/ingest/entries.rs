//! What the collection is told of each text. Enters: what the converter found out, what the
//! job's owner says. Leaves: the facts of each, under a key that is its own. Never: two
//! documents of one job under the same key.

use std::collections::{BTreeMap, HashSet};

use milepost_core::{Snapshot, Timestamp};
use milepost_index::Facts;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Part;
use super::elements::Elements;
use crate::pipeline::CHUNKS;
use crate::store::{Lease, StoreError};
use crate::worker::run::{Runner, Stop};

/// What follows the chunks of one job, in bytes.
const MAX_SOURCES: usize = 64 * 1024 * 1024;

/// A text that goes into the collection.
pub(super) struct Entry {
    /// What is known of it.
    pub facts: Facts,
    /// How many chunks it has.
    pub chunks: u32,
    /// How many of the job's documents are done once this one is.
    pub documents: u64,
}

/// What the converter says of a text.
#[derive(Deserialize)]
struct Found {
    /// Its document, by the place among those that were cut.
    line: usize,
    source: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    pages: Option<u32>,
    chunks: u32,
    #[serde(default)]
    metadata: Option<Value>,
}

#[derive(Deserialize)]
struct Rest {
    sources: Vec<Found>,
}

impl Runner {
    /// All texts of the job that were cut, in order.
    pub(super) async fn entries(&self, lease: &Lease, parts: &[Part]) -> Result<Vec<Entry>, Stop> {
        let chunks = self.made(lease, 0, CHUNKS).await?;
        let chunks = chunks.ok_or_else(|| StoreError::Damaged("there are no chunks".into()))?;
        let stream = self.blobs.open(&chunks.content, 0..chunks.content.bytes).await?;
        let (_, rest) = Elements::new(stream, CHUNKS, MAX_SOURCES, false).rest().await?;
        let Rest { sources } = serde_json::from_slice(&rest).map_err(StoreError::from)?;
        let mut texts = BTreeMap::new();
        for found in &sources {
            *texts.entry(found.line).or_insert(0_u32) += 1;
        }
        let wrong = || StoreError::Damaged("a text is of no document".into());
        let (mut keys, mut entries): (_, Vec<Entry>) = (HashSet::new(), Vec::new());
        let lines: Vec<_> = sources.iter().map(|found| found.line).collect();
        let (mut documents, mut next) = (0, lines.into_iter().skip(1));
        for found in sources {
            let part = parts.get(found.line).ok_or_else(wrong)?;
            let (alone, chunks) = (texts[&found.line] == 1, found.chunks);
            let last = next.next() != Some(found.line);
            documents += u64::from(last);
            let row = self.store.document(part.document).await?;
            let mut facts = facts(&lease.snapshot, part, found, alone);
            if let Some(row) = row {
                facts.document = Some(part.document);
                facts.sha256 = Some(row.content.sha256);
            }
            facts.key = unique(&mut keys, facts.key);
            entries.push(Entry { facts, chunks, documents });
        }
        Ok(entries)
    }
}

/// What is known of a text; `alone`: it is the only one of its document.
fn facts(job: &Snapshot, part: &Part, found: Found, alone: bool) -> Facts {
    let about = part.about.as_ref();
    let own = about.and_then(|about| about.key.clone()).filter(|_| alone);
    let key = own.or(found.key.clone()).unwrap_or_else(|| found.source.clone());
    // What a text has been sent with says more of it than what came with all of them, and
    // the metadata of a job more than nothing.
    let of_texts = found.key.is_some();
    let of_job = job.metadata.as_ref().filter(|_| !of_texts && job.documents.is_none());
    let of_source = about.and_then(|about| about.metadata.as_ref());
    let mut metadata = Map::new();
    for more in [of_job, of_source, found.metadata.as_ref()] {
        if let Some(Value::Object(more)) = more {
            metadata.extend(more.clone());
        }
    }
    Facts {
        key,
        document: None,
        filename: found.source,
        title: found.title,
        authors: found.authors,
        date: found.date,
        language: found.language,
        media_type: found.media_type,
        pages: found.pages,
        sha256: None,
        metadata,
    }
}

/// The key, or the first one like it that nothing before has.
fn unique(keys: &mut HashSet<String>, key: String) -> String {
    if keys.insert(key.clone()) {
        return key;
    }
    let more = (2..).map(|number: u64| format!("{key}#{number}"));
    let free = more.into_iter().find(|key| !keys.contains(key));
    let free = free.expect("there are more numbers than keys");
    keys.insert(free.clone());
    free
}

/// The present, for what is written now.
pub(super) fn now(runner: &Runner) -> Timestamp {
    runner.journal.clock().now()
}
