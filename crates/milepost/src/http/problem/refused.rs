//! What the rooms below refuse, as problems. Enters: their errors. Leaves: what a client
//! is told. Never: a cause; that goes to the log.

use milepost_core::Denied;

use super::{Code, Problem, seconds};
use crate::command::CommandError;
use crate::http::bounds::Limit;
use crate::hub::WatchError;
use crate::push::PushError;
use crate::query::QueryError;
use crate::report::ReportError;
use crate::store::StoreError;
use crate::submit::{ConfirmError, MAX_METADATA_BYTES, Misplaced, SubmitError};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request met a fault of the store");
        Self {
            retry_after: Some(5),
            ..Self::new(
                Code::Unavailable,
                "The server could not read or write its store; try again in a moment.",
            )
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Denied(Denied::Hidden, what) => Self::not_found(what),
            QueryError::Denied(Denied::Forbidden, _) => Self::not_allowed(),
            QueryError::Store(error) => error.into(),
        }
    }
}

impl From<PushError> for Problem {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Off => Self::new(
                Code::NotFound,
                "This server sends no push notifications; the operator may set `push.enabled`.",
            ),
            PushError::Wrong { field, detail } => Self::field(field, detail),
            PushError::NotFound => Self::not_found("subscription"),
            PushError::Store(error) => error.into(),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::NoSource => Self::field(
                "source",
                "A job needs a document: send a `file`, or a `source`. Only a job with \
                 `hold: true` may get it later.",
            ),
            SubmitError::DocumentGone => {
                Self::field("source.document", "There is no such document.")
            }
            SubmitError::SourceGone(place) => {
                Self::field(format!("sources[{place}].document"), "There is no such document.")
            }
            SubmitError::FetchingOff => Self {
                field: Some("source.url".to_owned()),
                ..Self::new(
                    Code::Forbidden,
                    "This server fetches no documents; upload the document, or ask the operator \
                     to set `fetch.enabled`.",
                )
            },
            SubmitError::WrongUrl(why) => Self::field("source.url", why),
            SubmitError::WrongOption(Misplaced { field, detail }) => Self::field(field, detail),
            SubmitError::MetadataTooLarge => Self::field(
                "metadata",
                format!("The metadata may take {MAX_METADATA_BYTES} bytes at most, as JSON."),
            ),
            SubmitError::KeyReused => Self::field(
                "Idempotency-Key",
                "This key came before with another request; use a new key for a new request.",
            ),
            SubmitError::UnderWay(job) => Self::new(
                Code::Conflict,
                format!("The job {job} over the same document has not ended yet."),
            ),
            SubmitError::QueueFull { retry_after_secs } => Self {
                limit: Some(Limit::MaxWaiting),
                retry_after: Some(seconds(retry_after_secs)),
                ..Self::new(
                    Code::QueueFull,
                    format!(
                        "The queue is full and takes none of it; try again in {retry_after_secs} s."
                    ),
                )
            },
            SubmitError::OwnerQueueFull { most, retry_after_secs } => Self {
                limit: Some(Limit::OwnerWaiting),
                retry_after: Some(seconds(retry_after_secs)),
                ..Self::new(
                    Code::QueueFull,
                    format!(
                        "Of your jobs {most} may wait; try again in {retry_after_secs} s, when some have \
                         begun."
                    ),
                )
            },
            SubmitError::StorageFull { stored, most } => Self::storage_full(stored, most),
            SubmitError::QueueTooSmall { most } => Self::new(
                Code::BodyTooLarge,
                format!("The queue takes {most} jobs at most; send fewer with each request."),
            ),
            SubmitError::NoBatch => Self::not_found("batch"),
            SubmitError::BatchFull { most } => Self::field(
                "batch",
                format!("A batch has {most} jobs at most; send the others as another one."),
            ),
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound => Self::new(Code::NotFound, "There is no such thing."),
            CommandError::Forbidden => Self::not_allowed(),
            CommandError::Conflict(job) => Self::conflict(&job, "this cannot be done now"),
            CommandError::DocumentGone => Self::new(
                Code::Conflict,
                "The job's document was deleted, so there is nothing to go on with; submit it \
                 again.",
            ),
            CommandError::DocumentInUse(job) => Self::new(
                Code::Conflict,
                format!("The job {job} still needs the document; cancel it first."),
            ),
            CommandError::Store(error) => error.into(),
        }
    }
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::NotFound => Self::not_found("job"),
            ConfirmError::Forbidden => Self::not_allowed(),
            ConfirmError::NotAwaiting(job) => Self::conflict(&job, "there is nothing to confirm"),
            ConfirmError::NoSource => Self::field(
                "source",
                "The job has no document yet; send a `file` or a `source` with the confirmation.",
            ),
            ConfirmError::HasSources => Self::field(
                "source",
                "The job was submitted with its `sources`; confirm it without another document.",
            ),
            ConfirmError::WrongUrl(why) => Self::field("source.url", why),
            ConfirmError::WrongOption(Misplaced { field, detail }) => Self::field(field, detail),
            ConfirmError::Store(error) => error.into(),
        }
    }
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::NotFound => Self::not_found("job"),
            ReportError::Forbidden => Self::not_allowed(),
            ReportError::NotExternal => Self::new(
                Code::Conflict,
                "The server works on this job itself; only jobs of the pipeline `external` take \
                 reports.",
            ),
            ReportError::Conflict(job) => Self::conflict(&job, "nothing can be reported of it"),
            ReportError::UnknownStage => {
                Self::field("stage", "The job has no such stage; it was submitted with others.")
            }
            ReportError::StageOver => {
                Self::field("stage", "The job is in a later stage already; stages go in order.")
            }
            ReportError::Store(error) => error.into(),
        }
    }
}

impl From<WatchError> for Problem {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::NotFound => Self::not_found("job"),
            WatchError::Forbidden => Self::not_allowed(),
            WatchError::Ahead(seq) => Self::ahead(
                "after",
                format!("The job's log ends at seq {seq}; nothing comes after a later one."),
            ),
            WatchError::Store(error) => error.into(),
        }
    }
}
