//! Runs pipelines in child processes and turns their progress into events.
//! Enters: leases. Leaves: reports under these leases. Never: parses a document
//! in the server's own process.

pub mod child;
mod converter;
mod fetch;
mod pool;
mod run;
mod wire;

pub use converter::{Converter, Gone, Report, SUBCOMMAND, Start};
pub use pool::Pool;
pub use run::Runner;
