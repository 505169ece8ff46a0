//! The vocabulary of Milepost: what a job is, what can happen to it, and how
//! its snapshot follows from its events.
//!
//! Enters: events. Leaves: snapshots, progress, estimates. Never here: I/O,
//! async code, a clock, randomness, HTTP. Ids and times are passed in, so every
//! function is a plain function of its arguments.

mod access;
mod announcement;
mod batch;
mod event;
mod failure;
mod id;
mod plan;
mod progress;
mod snapshot;
mod status;
mod time;

pub use access::{Caller, Denied, Scope, Scopes};
pub use announcement::{Announcement, Change};
pub use batch::{Batch, Share};
pub use event::{
    Agent, DocumentFacts, DocumentInfo, DocumentNews, Event, EventKind, Reused, Submitted,
};
pub use failure::{Failure, FailureCode};
pub use id::{BatchId, CollectionName, DocumentId, IdError, JobId, OwnerId, Seq};
pub use plan::{FETCHING, Pipeline, Plan, Stage, Unit};
pub use progress::Progress;
pub use snapshot::{Documents, Refused, Snapshot};
pub use status::{StageState, StageStatus, Status};
pub use time::Timestamp;
