//! The pipeline `ingest`: documents in chunks, into a collection. Enters: a document in
//! memory, or what was extracted of several. Leaves: steps or marks, then the document's
//! texts, or the chunks. It runs inside a converter process; what goes into the collection
//! is none of its business.

use milepost_convert::{Chunker, Document, Limits, Mark, Options, Page, Phase, Step};
use milepost_core::{FETCHING, Failure, Pipeline, Plan};

use super::convert;

/// Reading documents.
pub const EXTRACTING: &str = Phase::Extracting.name();
/// Writing to the collection.
pub const INDEXING: &str = Phase::Indexing.name();

/// What is done with the texts of all documents at once, each with its weight: telling
/// the language of each chunk costs more than cutting it.
pub const CHUNKING: [(Phase, u32); 2] = [(Phase::Chunking, 10), (Phase::Enriching, 20)];

/// What it weighs to read documents, and to write to the collection: without vectors,
/// and with those that an embedder makes, which costs most of all.
const WORDS: (u32, u32) = (60, 10);
const VECTORS: (u32, u32) = (40, 130);

/// The stages; with `fetch` the document is brought first, with `embeds` the collection has
/// vectors.
pub fn plan(fetch: bool, embeds: bool) -> Plan {
    let (extracting, indexing) = if embeds { VECTORS } else { WORDS };
    let fetching = fetch.then_some((FETCHING, 10));
    let cutting = CHUNKING.iter().map(|(phase, weight)| (phase.name(), *weight));
    let work = [(EXTRACTING, extracting)].into_iter().chain(cutting).chain([(INDEXING, indexing)]);
    Plan::new(fetching.into_iter().chain(work))
}

/// How documents are cut where nobody says it.
pub fn usual_chunker() -> serde_json::Value {
    serde_json::to_value(Chunker::default()).expect("a chunker has only string keys")
}

/// Reads a document on this thread; a panic becomes a failure.
///
/// # Errors
/// What the job is told.
pub fn extract(
    document: Document,
    media_type: &str,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    on_step: &mut dyn FnMut(Step),
) -> Result<String, Failure> {
    convert::guarded(Pipeline::Ingest, || {
        milepost_convert::extract(document, media_type, options, limits, finished, on_step)
    })
}

/// Cuts what was extracted on this thread; a panic becomes a failure.
///
/// # Errors
/// What the job is told.
pub fn chunk(
    extracts: &[u8],
    chunker: &Chunker,
    tokenizer: Option<&[u8]>,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<String, Failure> {
    convert::guarded(Pipeline::Ingest, || {
        milepost_convert::chunk(extracts, chunker, tokenizer, limits, on_mark)
    })
}
