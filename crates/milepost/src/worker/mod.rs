//! Runs pipelines in child processes and turns their progress into events.
//! Enters: leases. Leaves: reports under these leases. Never: parses a document
//! in the server's own process.

pub mod child;
mod conduct;
mod converter;
mod crew;
mod fetch;
mod ingest;
mod places;
mod pool;
mod probe;
mod process;
mod promise;
mod reuse;
mod run;
pub mod verdict;
mod watch;
pub mod wire;

#[cfg(test)]
pub use converter::Body;
pub use converter::{Converter, Gone, Report, Start, Task};
pub use pool::Pool;
pub use process::{SUBCOMMAND, Walls, spawn};
pub use promise::{Kept, Promise, keeps, missing as missing_walls};
pub use run::{Runner, limits};
pub use watch::Allowance;
