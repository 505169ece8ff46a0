//! The promises of the server, kept by the real binary over real documents and
//! connections. Each module is a part of the contract, each test one promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod cancel;
mod cli;
mod crash;
mod documents;
mod formats;
mod guard;
mod harness;
mod hostile;
mod idempotency;
mod lifecycle;
mod operation;
mod orders;
mod queue;
mod resume;
mod retention;
mod shutdown;
mod socket;
mod stream;
mod watchers;
