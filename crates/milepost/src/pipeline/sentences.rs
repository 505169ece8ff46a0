//! The pipeline `sentences`: one document's text, split into sentences. Enters: a
//! document in memory. Leaves: marks, then the sentences. It runs inside a
//! converter process.

use milepost_convert::{Document, Limits, Mark, Options, Phase, Sentences};
use milepost_core::{Failure, Pipeline, Plan};

use super::{convert, of_phases};

/// Handing the document to a converter.
const STARTING: &str = "starting";

/// Each phase with its weight: with `starting` they begin at 5, 10, 15 and 75
/// percent, which clients know.
pub const PHASES: [(Phase, u32); 4] =
    [(Phase::Analyzing, 5), (Phase::Splitting, 5), (Phase::Processing, 60), (Phase::Merging, 25)];

/// The stages; with `fetch` the document is brought first.
pub fn plan(fetch: bool) -> Plan {
    of_phases(fetch, Some((STARTING, 5)), &PHASES)
}

/// Works on this thread; a panic becomes a failure.
///
/// # Errors
/// What the job is told.
pub fn run(
    document: Document,
    options: &Options,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<Sentences, Failure> {
    convert::guarded(Pipeline::Sentences, || {
        milepost_convert::sentences(document, options, limits, on_mark)
    })
}
