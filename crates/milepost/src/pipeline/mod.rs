//! What each pipeline does: a plan of stages, and the code of its stages.
//! Never: knows a queue, a store or a connection.

pub mod convert;
pub mod ingest;
mod options;
pub mod reuse;
pub mod sentences;

use milepost_convert::Phase;
use milepost_core::{FETCHING, Pipeline, Plan};

pub use ingest::usual_chunker;
pub use options::{Misplaced, check_options};

/// The format of what `ingest` makes.
pub const CHUNKS: &str = "chunks";

/// The weighted stages of a pipeline. Weights are from measured cost: a page
/// costs far more than finding out what the document is or joining the pages. An
/// external job may bring stages of its own instead. With `fetch` the document is
/// brought first, with `embeds` what it fills has vectors.
pub fn plan(pipeline: Pipeline, fetch: bool, embeds: bool) -> Plan {
    match pipeline {
        Pipeline::Convert => convert::plan(fetch),
        Pipeline::Sentences => sentences::plan(fetch),
        Pipeline::Ingest => ingest::plan(fetch, embeds),
        Pipeline::External => Plan::new([("working", 1)]),
    }
}

/// The phases of a pipeline's work, in order, each with its weight. One that has
/// pages instead has none.
pub const fn phases(pipeline: Pipeline) -> &'static [(Phase, u32)] {
    match pipeline {
        Pipeline::Sentences => &sentences::PHASES,
        Pipeline::Convert | Pipeline::Ingest | Pipeline::External => &[],
    }
}

fn of_phases(fetch: bool, first: Option<(&str, u32)>, phases: &[(Phase, u32)]) -> Plan {
    let fetching = fetch.then_some((FETCHING, 10));
    let work = phases.iter().map(|(phase, weight)| (phase.name(), *weight));
    Plan::new(fetching.into_iter().chain(first).chain(work))
}
