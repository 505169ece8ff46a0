//! What each pipeline does: a plan of stages, and the code of its stages.
//! Never: knows a queue, a store or a connection.

pub mod convert;
pub mod reuse;

use milepost_core::{Pipeline, Plan};

/// The weighted stages of a pipeline. Weights are from measured cost: a page
/// costs far more than finding out what the document is or joining the pages. An
/// external job may bring stages of its own instead. With `fetch` the document is
/// brought first.
pub fn plan(pipeline: Pipeline, fetch: bool) -> Plan {
    match pipeline {
        Pipeline::Convert => convert::plan(fetch),
        Pipeline::External => Plan::new([("working", 1)]),
    }
}
