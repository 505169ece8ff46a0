//! The pipeline `ingest`: one document, or several texts in one, in chunks that
//! can be searched. Enters: a document in memory. Leaves: marks, then the chunks.
//! It runs inside a converter process.

use milepost_convert::{Document, Limits, Mark, Options, Phase};
use milepost_core::{Failure, Pipeline, Plan};

use super::{convert, of_phases};

/// Each phase with its weight. Reading a document costs most, and telling the
/// language of each chunk more than cutting it.
pub const PHASES: [(Phase, u32); 4] =
    [(Phase::Extracting, 60), (Phase::Chunking, 10), (Phase::Enriching, 25), (Phase::Indexing, 5)];

/// The stages; with `fetch` the document is brought first.
pub fn plan(fetch: bool) -> Plan {
    of_phases(fetch, None, &PHASES)
}

/// Works on this thread; a panic becomes a failure.
///
/// # Errors
/// What the job is told.
pub fn run(
    document: Document,
    media_type: &str,
    options: &Options,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<String, Failure> {
    convert::guarded(Pipeline::Ingest, || {
        milepost_convert::chunks(document, media_type, options, limits, on_mark)
    })
}

/// How documents are cut where nobody says it.
pub fn usual_chunker() -> serde_json::Value {
    serde_json::to_value(milepost_convert::Chunker::default())
        .expect("a chunker has only string keys")
}
