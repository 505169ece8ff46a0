//! The promises of the server, kept by the real binary over real documents and
//! connections. Each module is a part of the contract, each test one promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod access_live;
mod access_matrix;
mod access_messages;
mod bad_bodies;
mod bad_fields;
mod bad_paths;
mod batches;
mod batches_orders;
mod batches_refused;
mod batches_watch;
mod cancel;
mod cli;
mod crash;
mod doctor;
mod documents;
mod door;
mod external;
mod fetch;
mod fetch_failures;
mod fetch_names;
mod fetch_refusals;
mod formats;
mod guard;
mod harness;
mod hold;
mod hostile;
mod http2;
mod idempotency;
mod keys;
mod lifecycle;
mod limits;
mod manual;
mod operation;
mod orders;
mod queue;
mod results;
mod resume;
mod retention;
mod reuse;
mod reuse_shared;
mod sandbox;
mod shutdown;
mod slow;
mod socket;
mod socket_rules;
mod stream;
mod submit_folder;
mod tls;
mod tls_files;
mod waiting;
mod watchers;
