//! What the rooms below refuse, as problems. Enters: their errors. Leaves: what a client
//! is told. Never: a cause; that goes to the log.

use milepost_core::Denied;
use milepost_index::{EmbedError, IndexError};

use super::{Code, Problem, seconds};
use crate::command::{CollectionError, CommandError};
use crate::http::bounds::Limit;
use crate::hub::WatchError;
use crate::push::PushError;
use crate::query::{QueryError, SearchError};
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
            QueryError::Index(error) => error.into(),
        }
    }
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Self {
        let said = error.to_string();
        match error {
            IndexError::NoCollection(_) => Self::not_found("collection"),
            IndexError::OtherEmbedder { .. }
            | IndexError::WrongDimensions { .. }
            | IndexError::BadVector { .. }
            | IndexError::Fixed(_)
            | IndexError::Replaced(_)
            | IndexError::TooMany { .. } => Self::new(Code::Conflict, said),
            IndexError::NoEmbedder(_) => Self::field("mode", said),
            IndexError::UnknownField { field, .. } => Self::field(format!("filter.{field}"), said),
            IndexError::Unavailable(cause) | IndexError::Damaged(cause) => {
                tracing::error!(%cause, "a request met a fault of the index");
                Self {
                    retry_after: Some(5),
                    ..Self::new(
                        Code::Unavailable,
                        "The server could not read or write its collections; try again in a \
                         moment.",
                    )
                }
            }
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        const BY_WORDS: &str = "A search by words works all the same: `mode` `keyword`.";
        match error {
            SearchError::Query(error) => error.into(),
            SearchError::NoReranker => Self::field(
                "rerank",
                "This server has no reranker; the operator may name one as `index.reranker`.",
            ),
            SearchError::NoSuchEmbedder(collection, name) => Self::new(
                Code::Unavailable,
                format!(
                    "The collection `{collection}` needs the embedder `{name}`, which this server \
                     does not have any more. {BY_WORDS}"
                ),
            ),
            SearchError::Embedder(error) => {
                let problem = Self::from(error);
                Self { detail: format!("{} {BY_WORDS}", problem.detail), ..problem }
            }
            SearchError::TimedOut(most) => Self {
                retry_after: Some(5),
                ..Self::new(
                    Code::Unavailable,
                    format!(
                        "The search took longer than {}; try again in a moment, or ask for less.",
                        humantime::format_duration(most)
                    ),
                )
            },
        }
    }
}

impl From<EmbedError> for Problem {
    fn from(error: EmbedError) -> Self {
        tracing::warn!(cause = %error.cause, kind = ?error.kind, "an embedder did not answer");
        let retry_after = match error.retry_after {
            Some(time) => Some(seconds(time.as_secs().max(1))),
            None => error.is_temporary().then_some(5),
        };
        Self { retry_after, ..Self::new(Code::Unavailable, error.message) }
    }
}

impl From<CollectionError> for Problem {
    fn from(error: CollectionError) -> Self {
        match error {
            CollectionError::Denied(Denied::Hidden, what) => Self::not_found(what),
            CollectionError::Denied(Denied::Forbidden, _) => Self::not_allowed(),
            CollectionError::NoEmbedder(name, known) => {
                let name: String = name.chars().take(64).collect();
                let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                let detail = match known.len() {
                    0 => "this server has none, so leave it out".to_owned(),
                    _ => format!("choose {}", known.join(", ")),
                };
                Self::field("embedder", format!("There is no embedder `{name}`; {detail}."))
            }
            CollectionError::Embedder(error) => error.into(),
            CollectionError::HasDocuments(present) => {
                let by = match &present.settings.embedder {
                    Some(id) => format!("vectors of the embedder `{}`", id.name),
                    None => "no vectors".to_owned(),
                };
                let distance = serde_json::to_value(present.settings.distance);
                let distance = distance.unwrap_or_default();
                Self::new(
                    Code::Conflict,
                    format!(
                        "The collection `{}` has documents, with {by}, compared by {}; that stays \
                         so. Delete it first, or ingest with `options.force_recreate`.",
                        present.name,
                        distance.as_str().unwrap_or_default()
                    ),
                )
            }
            CollectionError::Index(error) => error.into(),
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
            SubmitError::OtherEmbedder { collection, wants } => {
                let has = match wants {
                    Some(wants) => format!("wants the embedder `{wants}`"),
                    None => "has no embedder".to_owned(),
                };
                let mut problem = Self::new(
                    Code::Conflict,
                    format!(
                        "The collection `{collection}` {has}; leave `embedder` out, or make it \
                         anew with `force_recreate`."
                    ),
                );
                problem.field = Some("options.embedder".to_owned());
                problem
            }
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
